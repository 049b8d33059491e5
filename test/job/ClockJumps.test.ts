import * as Job from "@effect-invokeai/core/job/Job"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { withJumps } from "./jumpingClock.ts"
import { batchOf, withServer } from "./server.ts"

const hour = 3_600_000

const jump = (at: number, by: number) => (elapsed: number) => elapsed > at ? by : 0
const forward = jump(1000, hour)
const backward = jump(1000, -hour)
/** Corrected by an hour every half second, in turns. */
const restless = (elapsed: number) => Math.floor(elapsed / 500) % 2 === 0 ? hour : -hour

describe("When the wall clock jumps", () => {
  it.effect("a lookup waits as long as without the jump, and nothing is sent twice", () =>
    Effect.gen(function*() {
      // A request ends after 10 seconds without a response, and this one arrives a second later.
      for (const offset of [jump(10_300, hour), jump(10_300, -hour), restless]) {
        const { server, result } = yield* withServer(
          { faults: [{ on: "enqueueBatch", call: 1, fault: "delayed" }] },
          () => withJumps(offset, Effect.flatMap(Job.submitBatch(batchOf()), (job) => job.await))
        )
        assert.strictEqual(result.status, "completed")
        assert.strictEqual(server.enqueues.length, 1)
      }
    }))

  it.effect("the client gives up on an unreachable server after the documented time", () =>
    Effect.gen(function*() {
      const gone = [
        { on: "itemSummariesByIds", call: 1, fault: "requestLost", always: true },
        { on: "item", call: 1, fault: "requestLost", always: true }
      ] as const
      for (const offset of [forward, backward, restless]) {
        const { elapsed, result } = yield* withServer(
          { faults: gone, tracking: { giveUpAfter: "2 minutes" } },
          () =>
            withJumps(
              offset,
              Effect.flatMap(Job.submitBatch(batchOf(), { onScopeClose: "detach" }), (job) => Effect.flip(job.await))
            )
        )
        assert.strictEqual(result._tag, "InvokeAiError")
        assert.isAbove(elapsed, 120_000)
        assert.isBelow(elapsed, 200_000)
      }
    }))

  it.effect("a cancellation waits for the server no longer than without the jump", () =>
    Effect.gen(function*() {
      const broken = [{ on: "cancelByBatchIds", call: 1, fault: "error502", always: true }] as const
      for (const offset of [forward, backward, restless]) {
        const { elapsed } = yield* withServer(
          { faults: broken, duration: 10 * 60_000 },
          () => withJumps(offset, Effect.scoped(Job.submitBatch(batchOf())))
        )
        assert.isAbove(elapsed, 10_000)
        assert.isBelow(elapsed, 20_000)
      }
    }))
})
