/**
 * Cancels a batch and makes sure of it.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { elapsedMillis } from "../../internal/elapsed.ts"
import type { InvokeAiError } from "../../server/InvokeAiError.ts"
import { Queue } from "../../server/Queue.ts"

/** How long canceling waits for the server. @internal */
export const cancelWithin = Duration.seconds(15)

/**
 * What is left of a batch that was canceled: how many of its items have not ended.
 *
 * @category models
 * @since 0.1.0
 */
export interface Cancellation {
  readonly batchId: string
  readonly active: number
  readonly total: number
}

/**
 * Cancels all items of a batch, and asks until all of them have ended.
 *
 * **Details**
 *
 * Mirrors `PUT cancel_by_batch_ids`, the one way to cancel that also works for items that the server cannot read. The
 * server's count of canceled items differs by version, so the batch itself is asked. `active` is above 0 where the time
 * ran out. With `appear`, a batch that is not there yet is waited for that long: its request may be on its way.
 *
 * @category operations
 * @since 0.1.0
 */
export const cancelBatch = Effect.fn("Cancellation.cancelBatch")(function*(
  batchId: string,
  within: Duration.Duration,
  appear: Duration.Duration = Duration.zero
): Effect.fn.Return<Cancellation, InvokeAiError, Queue> {
  yield* Effect.annotateCurrentSpan({ batchId })
  const queue = yield* Queue
  const began = yield* elapsedMillis
  let wait = 50
  while (true) {
    const result = yield* Effect.result(Effect.andThen(queue.cancelByBatchIds([batchId]), queue.batchStatus(batchId)))
    const now = yield* elapsedMillis
    const late = now - began >= Duration.toMillis(within)
    if (result._tag === "Success") {
      const status = result.success
      // What is no known end is none: newer servers may have more statuses.
      const active = status.total - status.completed - status.failed - status.canceled
      const awaited = status.total === 0 && now - began < Duration.toMillis(appear)
      if ((active === 0 && !awaited) || late) return { batchId, active, total: status.total }
    } else if (late || !(result.failure.isRetryable || result.failure.isAmbiguous)) {
      return yield* result.failure
    }
    yield* Effect.sleep(Duration.millis(wait))
    wait = Math.min(wait * 2, 1000)
  }
})
