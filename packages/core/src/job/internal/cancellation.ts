/**
 * Cancels a batch and makes sure of it.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { isTransient } from "../../internal/Closing.ts"
import { elapsedMillis } from "../../internal/elapsed.ts"
import { whileProgressing } from "../../internal/progress.ts"
import { InvokeAiError } from "../../InvokeAiError.ts"
import { SessionQueue } from "../../server/SessionQueue.ts"
import type { Cancellation } from "../JobOptions.ts"

/** How long canceling waits for the server. @internal */
export const cancelTimeout = Duration.seconds(15)

/**
 * Cancels all items of a batch, and asks until all of them have ended.
 *
 * **Details**
 *
 * Mirrors `PUT cancel_by_batch_ids`, the one way to cancel that also works for items that the server cannot read. The
 * server's count of canceled items differs by version, so the batch itself is read. Waits at most `within` for a
 * server that fails or does not respond; `active` is above 0 if the time ran out. With `appear`, it waits that long for a batch that does not exist
 * yet: its request may be in flight.
 *
 * @category operations
 * @since 0.1.0
 */
export const cancelBatch = Effect.fn("Cancellation.cancelBatch")(function*(
  batchId: string,
  within: Duration.Duration,
  appear: Duration.Duration = Duration.zero
): Effect.fn.Return<Cancellation, InvokeAiError, SessionQueue> {
  yield* Effect.annotateCurrentSpan({ batchId })
  const queue = yield* SessionQueue
  const began = yield* elapsedMillis
  const limit = Duration.toMillis(within)
  let last: Cancellation | undefined
  let failure = new InvokeAiError({
    reason: { _tag: "Transport" },
    method: "PUT",
    path: `/api/v1/queue/${queue.queueId}/cancel_by_batch_ids`,
    detail: `no response within ${limit} ms`,
    code: "ETIMEDOUT",
    sent: true
  })
  let wait = 50
  while (true) {
    const left = began + limit - (yield* elapsedMillis)
    const result = yield* whileProgressing(
      Effect.andThen(queue.cancelByBatchIds([batchId]), queue.batchStatus(batchId)),
      Math.max(0, left)
    ).pipe(
      Effect.flatMap(Option.match({ onNone: () => Effect.fail(failure), onSome: Effect.succeed })),
      Effect.result
    )
    const elapsed = (yield* elapsedMillis) - began
    if (result._tag === "Success") {
      const { canceled, completed, failed, total } = result.success
      // An unknown status is not an end: newer servers may have more statuses.
      last = { batchId, active: total - completed - failed - canceled, total }
      if (last.active === 0 && (total > 0 || elapsed >= Duration.toMillis(appear))) return last
    } else {
      failure = result.failure
      if (!isTransient(failure)) return yield* failure
    }
    if (elapsed + wait >= limit) return last ?? (yield* failure)
    yield* Effect.sleep(Duration.millis(wait))
    wait = Math.min(wait * 2, 1000)
  }
})
