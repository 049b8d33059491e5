import * as Job from "@effect-invokeai/core/job/Job"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { batchOf, withFake } from "./fake.ts"
import { withJumps } from "./jumpingClock.ts"

const hour = 3_600_000

const jump = (at: number, by: number) => (elapsed: number) => elapsed > at ? by : 0
const forward = jump(1000, hour)
const backward = jump(1000, -hour)
/** Corrected by an hour every half second, in turns. */
const restless = (elapsed: number) => Math.floor(elapsed / 500) % 2 === 0 ? hour : -hour

describe("When the wall clock jumps", () => {
  it.effect("a lookup waits for as long as before, and nothing is sent twice", () =>
    Effect.gen(function*() {
      // A request ends after 10 seconds without a response, and this one arrives a second later.
      for (const offset of [jump(10_300, hour), jump(10_300, -hour), restless]) {
        const { fake, result } = yield* withFake(
          { faults: [{ on: "enqueueBatch", call: 1, fault: "delayed" }] },
          () => withJumps(offset, Effect.flatMap(Job.submitBatch(batchOf()), (job) => job.await))
        )
        assert.strictEqual(result.status, "completed")
        assert.strictEqual(fake.enqueues.length, 1)
      }
    }))

  it.effect("a server that stays away is given up after the documented time", () =>
    Effect.gen(function*() {
      const gone = Array.from({ length: 5000 }, (_, index) => index + 1).flatMap((call) => [
        { on: "itemSummariesByIds" as const, call, fault: "requestLost" as const },
        { on: "item" as const, call, fault: "requestLost" as const }
      ])
      for (const offset of [forward, backward, restless]) {
        const { elapsed, result } = yield* withFake(
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

  it.effect("a cancellation waits for the server no longer than before", () =>
    Effect.gen(function*() {
      const broken = Array.from({ length: 500 }, (_, index) => ({
        on: "cancelByBatchIds" as const,
        call: index + 1,
        fault: "error502" as const
      }))
      for (const offset of [forward, backward, restless]) {
        const { elapsed } = yield* withFake(
          { faults: broken, duration: 10 * 60_000 },
          () => withJumps(offset, Effect.scoped(Job.submitBatch(batchOf())))
        )
        assert.isAbove(elapsed, 10_000)
        assert.isBelow(elapsed, 20_000)
      }
    }))
})
