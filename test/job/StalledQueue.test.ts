import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { reduce } from "../../packages/core/src/job/internal/reduceJob.ts"
import { diagnoseStall, type Diagnosis } from "../../packages/core/src/job/internal/stalledQueue.ts"
import * as JobState from "../../packages/core/src/job/JobState.ts"
import type { SessionQueueAndProcessorStatus } from "../../packages/core/src/server/api/QueueSchemas.ts"

const nodes = new Map<string, never>()

/** A job that waits. */
const waiting = reduce(JobState.make("batch", 1), { _tag: "Enqueued", itemIds: [9], enqueued: 1 }, nodes).state

/** What a server says between two items, when so many have completed. */
const between = (completed: number): SessionQueueAndProcessorStatus => ({
  queue: {
    queue_id: "default",
    pending: 3,
    in_progress: 0,
    waiting: 0,
    completed,
    failed: 0,
    canceled: 0,
    total: completed + 3
  },
  processor: { is_started: true, is_processing: true }
})

/** Looks once for each number of completed items, and returns the warnings that the readers of the job get. */
const look = (counts: ReadonlyArray<number>) =>
  Effect.gen(function*() {
    let state = waiting
    const warnings: Array<string> = []
    let before: string | undefined = undefined
    for (const completed of counts) {
      const server = Layer.mock(SessionQueue, {
        queueId: "default",
        status: Effect.succeed(between(completed)),
        next: Effect.succeed(Option.none())
      })
      const diagnosis: Diagnosis<{ readonly batchId: string }> = yield* SessionQueue.use((queue) =>
        diagnoseStall(queue, [{ batchId: "batch", state }], before)
      ).pipe(Effect.provide(server))
      before = diagnosis.signature
      for (const { finding } of diagnosis.findings) {
        const next = reduce(state, Result.getOrThrow(finding), nodes)
        state = next.state
        warnings.push(...next.events.flatMap((event) => event._tag === "JobWarning" ? [event.reason] : []))
      }
    }
    return warnings
  })

describe("a job that waits on a busy server", () => {
  it.effect("gets no warning if the server happens to be between two items", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* look([1, 2, 3, 7, 8, 20]), [])
    }))

  it.effect("gets a warning if the server is busy and nothing changes between two polls", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* look([1, 2, 2, 2]), ["WorkerBusy"])
    }))
})
