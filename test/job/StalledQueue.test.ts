import { Queue } from "@effect-invokeai/core/server/Queue"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { diagnose } from "../../packages/core/src/job/internal/poison.ts"
import { TrackedJob } from "../../packages/core/src/job/internal/trackedJob.ts"
import type { SessionQueueAndProcessorStatus } from "../../packages/core/src/server/api/QueueSchemas.ts"

/** A job that waits; `warnings` are those that its readers got. */
const waitingJob = () => {
  const warnings: Array<string> = []
  const job = new TrackedJob({
    batchId: "batch",
    expected: 1,
    destination: undefined,
    nodes: new Map(),
    observer: {
      span: undefined,
      told: (event) => {
        if (event._tag === "JobWarning") warnings.push(event.reason)
      },
      ended: () => {}
    },
    onChange: () => {}
  })
  job.observe({ _tag: "Enqueued", itemIds: [9], enqueued: 1 })
  return { job, warnings }
}

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

/** Looks once for each number of completed items. */
const look = (counts: ReadonlyArray<number>) =>
  Effect.gen(function*() {
    const { job, warnings } = waitingJob()
    let before: string | undefined = undefined
    for (const completed of counts) {
      const server = Layer.mock(Queue, {
        queueId: "default",
        status: Effect.succeed(between(completed)),
        next: Effect.succeed(Option.none())
      })
      before = yield* Queue.use((queue) => diagnose(queue, [job], before)).pipe(Effect.provide(server))
    }
    return warnings
  })

describe("a job that waits on a busy server", () => {
  it.effect("gets no warning when the server happens to be between two items", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* look([1, 2, 3, 7, 8, 20]), [])
    }))

  it.effect("gets one when the server is busy and nothing changes from one look to the next", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* look([1, 2, 2, 2]), ["WorkerBusy"])
    }))
})
