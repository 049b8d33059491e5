/**
 * Submits a batch exactly once.
 *
 * **Details**
 *
 * The client chooses the batch id. The request is sent once. If its outcome is not certain (no response, a cut
 * connection, a response that is not certainly the server's own refusal), the server is asked for the batch until it
 * has it, or until it has said for a while that it does not, and only then the batch is sent again. Servers do not
 * refuse a batch id that they have already, so should a delayed request arrive after all, its items carry the same id:
 * `JobTracker` sees them as surplus and cancels them.
 *
 * While a response is missing, short reads tell whether the server has the batch.
 *
 * A batch that the server took and cannot read would block its queue for every user: it is removed.
 *
 * Servers whose document has `Batch.idempotency_key` (after 6.14) refuse to do the same twice: they get a key made of
 * the batch id, are asked for the receipt of the request, and may be sent the batch again immediately.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type { RecordError } from "../files/RecordError.ts"
import { elapsedMillis } from "../internal/elapsed.ts"
import * as Options from "../internal/options.ts"
import type { InvokeAiError } from "../InvokeAiError.ts"
import type { Batch } from "../server/api/QueueSchemas.ts"
import { ServerInfo } from "../server/ServerInfo.ts"
import { SessionQueue } from "../server/SessionQueue.ts"
import { findBatchItems } from "./internal/batchItems.ts"
import * as EnqueueErrors from "./internal/enqueueErrors.ts"
import { isUnreadableItemError, tryRemoveUnreadable } from "./internal/stalledQueue.ts"
import { QueueBlocked, SubmissionError, SubmissionIncomplete, SubmissionUnknown } from "./JobError.ts"
import type { SubmissionPolicy } from "./JobOptions.ts"
import type { OutputNode } from "./Outputs.ts"

/**
 * A batch to submit, and what is known of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Submission {
  /** The id of the batch, which the client chooses. */
  readonly batchId: string
  /** The batch as it is sent. */
  readonly batch: Batch
  /** How many queue items the batch makes. */
  readonly size: number
  /** Whether the batch is put in front of the queue. */
  readonly prepend: boolean
  /** Nodes of the workflow by id, to name them in errors. */
  readonly nodes: ReadonlyMap<string, OutputNode>
}

/**
 * What the server accepted.
 *
 * @category models
 * @since 0.1.0
 */
export interface SubmissionResult {
  /** The id of the batch. */
  readonly batchId: string
  /** How many items the server accepted. */
  readonly enqueued: number
  /** How many items the batch asked for. */
  readonly requested: number
  /** The ids of the accepted items, in the order of the batch. */
  readonly itemIds: ReadonlyArray<number>
  /** Whether the batch was found by its id: the server had it already, or its response was lost. */
  readonly recovered: boolean
  /**
   * Whether `itemIds` are certainly all items of the batch. False if the batch was sent more than once, if the caller
   * chose its id (another program may send it too), or if the response does not name as many items as it counts.
   */
  readonly itemsConfirmed: boolean
}

/**
 * What is known of a batch before it is sent.
 *
 * @category models
 * @since 0.1.0
 */
export interface SubmissionContext {
  /**
   * Whether a program that was killed may have sent the batch, so that the server is asked first.
   *
   * @default false
   */
  readonly maybeSent?: boolean | undefined
  /** Runs before the batch is sent again. If it fails, the batch is not sent again. Default: nothing. */
  readonly beforeResending?: Effect.Effect<void, RecordError> | undefined
  /**
   * Whether the caller chose the batch id, so that the server may have the batch already, or another program may be
   * sending it. The server is asked once before the batch is sent, and the items are counted again afterwards.
   *
   * @default false
   */
  readonly mayExist?: boolean | undefined
  /** Ends when events report an item of the batch. */
  readonly seen?: Effect.Effect<unknown> | undefined
}

/**
 * The key under which the server notes the request, where it does: what its document says is known from reading the
 * node types; it is not read for this.
 */
const idempotencyKey = (batchId: string): Effect.Effect<string | undefined, never, ServerInfo> =>
  Effect.flatMap(ServerInfo, ({ knownCapabilities }) =>
    Effect.map(knownCapabilities, (known) => {
      const offered = Option.exists(
        known,
        (server) =>
          server.hasField("Batch", "idempotency_key") &&
          server.hasRoute("GET", "/api/v1/queue/{queue_id}/enqueue_batch/receipt")
      )
      return offered ? `effect-invokeai:${batchId}` : undefined
    }))

/**
 * Tells the server that its receipt of a batch is not needed any more, without waiting for that. Nothing where it gives
 * none.
 *
 * @internal
 */
export const acknowledge = Effect.fnUntraced(function*(
  batchId: string
): Effect.fn.Return<void, never, SessionQueue | ServerInfo> {
  const key = yield* idempotencyKey(batchId)
  if (key === undefined) return
  const queue = yield* SessionQueue
  yield* Effect.forkDetach(
    Effect.ignore(queue.acknowledgeEnqueue(key)).pipe(
      Effect.withSpan("Submission.acknowledge", { attributes: { batchId } })
    )
  )
})

/** What asking for a batch has shown: the server has it, or has not, or cannot be asked. */
type BatchLookup =
  | { readonly _tag: "Accepted"; readonly total: number }
  | { readonly _tag: "Absent" }
  | { readonly _tag: "Unknown"; readonly detail: string; readonly cause: InvokeAiError | undefined }

/** How long a lookup may take at least, in milliseconds, however little of `lookupTimeout` is left. */
const shortestRead = 500

/** How long a response may come after the batch was seen. */
const responseGrace = Duration.seconds(1)

/**
 * When the server is asked for the first time for a batch whose request has no response, and how long one look takes.
 */
const firstLook = Duration.seconds(2)
const longestLook = Duration.seconds(5)

/** Statuses below 500 after which the same request may still be accepted, no matter who responded. */
const passing: ReadonlySet<number> = new Set([401, 408, 425, 429])

/** Whether a batch that did not arrive is worth a second request. */
const isPassing = ({ status }: InvokeAiError): boolean =>
  status === undefined || status < 300 || status >= 500 || passing.has(status)

/**
 * Asks the server for a batch until it has it, or has said for a while (`resendAfter`) that it does not, or has not
 * responded for
 * `lookupTimeout`.
 */
const lookUpBatch = Effect.fnUntraced(function*(
  batchId: string,
  resendAfter: Duration.Duration,
  lookupTimeout: Duration.Duration
): Effect.fn.Return<BatchLookup, never, SessionQueue> {
  const queue = yield* SessionQueue
  let responded = yield* elapsedMillis
  let absentSince: number | undefined
  let lastError: InvokeAiError | undefined
  let wait = 100
  while (true) {
    const left = responded + Duration.toMillis(lookupTimeout) - (yield* elapsedMillis)
    const read = yield* Effect.timeoutOption(
      Effect.result(queue.batchStatus(batchId)),
      Duration.millis(Math.max(left, shortestRead))
    )
    const now = yield* elapsedMillis
    if (Option.isSome(read) && read.value._tag === "Success") {
      const { total } = read.value.success
      if (total > 0) return { _tag: "Accepted", total }
      responded = now
      absentSince ??= now
      if (now - absentSince >= Duration.toMillis(resendAfter)) return { _tag: "Absent" }
    } else {
      absentSince = undefined
      const error = Option.isSome(read) && read.value._tag === "Failure" ? read.value.failure : lastError
      if (error?.reason._tag === "Unauthorized" || error?.reason._tag === "Forbidden") {
        return { _tag: "Unknown", detail: error.message, cause: error }
      }
      lastError = error
      if (now - responded >= Duration.toMillis(lookupTimeout)) {
        const detail = `the server did not confirm the batch within ${Duration.format(lookupTimeout)}`
        return error === undefined
          ? { _tag: "Unknown", detail, cause: undefined }
          : { _tag: "Unknown", detail: `${detail} (${error.message})`, cause: error }
      }
    }
    yield* Effect.sleep(Duration.millis(wait))
    wait = Math.min(wait * 2, 2000)
  }
})

/**
 * Ends with the number of items when the server has a batch whose request has no response. Never ends where it does not
 * have it.
 */
const appears = Effect.fnUntraced(function*(
  batchId: string
): Effect.fn.Return<number, never, SessionQueue> {
  const queue = yield* SessionQueue
  yield* Effect.sleep(firstLook)
  for (let wait = Duration.toMillis(firstLook);; wait = Math.min(wait * 2, 10_000)) {
    const read = yield* Effect.timeoutOption(Effect.result(queue.batchStatus(batchId)), longestLook)
    if (Option.isSome(read) && read.value._tag === "Success" && read.value.success.total > 0) {
      yield* Effect.sleep(responseGrace)
      return read.value.success.total
    }
    yield* Effect.sleep(Duration.millis(wait))
  }
})

/** Whether a batch has more items than could be listed; items that were deleted in the meantime are not missing. */
const hasMore = Effect.fnUntraced(
  function*(batchId: string, listed: number): Effect.fn.Return<boolean, never, SessionQueue> {
    const queue = yield* SessionQueue
    const status = yield* Effect.option(queue.batchStatus(batchId))
    return Option.isNone(status) || status.value.total > listed
  }
)

const isIncomplete = (result: { readonly enqueued: number; readonly requested: number }) =>
  result.enqueued < result.requested || result.enqueued === 0

/**
 * Submits a batch.
 *
 * **Details**
 *
 * `before` is what is known of the batch, see `SubmissionContext`.
 *
 * **Errors**
 *
 * - `SubmissionError`, with the reasons
 *   - `SubmissionRejected`: the server rejected it; nothing was enqueued.
 *   - `SubmissionIncomplete`: it accepted fewer items than requested, or the batch makes none.
 *   - `SubmissionUnknown`: whether it was accepted is unknown.
 *   - `QueueBlocked`: it accepted the batch and cannot read it. `removed` says whether the batch was removed again.
 * - `InvokeAiError`: it was not accepted for another reason.
 *
 * @category operations
 * @since 0.1.0
 */
export const submit = Effect.fn("Submission.submit")(function*(
  submission: Submission,
  policy: SubmissionPolicy = {},
  before: SubmissionContext = {}
): Effect.fn.Return<SubmissionResult, SubmissionError | InvokeAiError, SessionQueue | ServerInfo> {
  const { batchId, size } = submission
  const { beforeResending = Effect.void } = before
  yield* Effect.annotateCurrentSpan({ batchId, size })
  const queue = yield* SessionQueue
  const sentKey = yield* idempotencyKey(batchId)
  if (size < 1) {
    return yield* new SubmissionError({
      reason: new SubmissionIncomplete({ batchId, enqueued: 0, requested: 0, itemIds: [], kept: false })
    })
  }
  const resendAfter = Options.durationOption("resendAfter", policy.resendAfter ?? "15 seconds")
  const lookupTimeout = Options.durationOption("lookupTimeout", policy.lookupTimeout ?? "30 seconds")
  const maxAttempts = Math.max(1, policy.maxAttempts ?? 3)

  const recover = Effect.fnUntraced(function*(total: number, sent: number) {
    const listed = yield* Effect.result(findBatchItems(batchId, total, submission.batch.destination ?? undefined))
    if (listed._tag === "Failure" && !isUnreadableItemError(listed.failure)) {
      return yield* new SubmissionError({
        reason: new SubmissionUnknown({
          batchId,
          detail: `the server has the batch, but its items could not be listed (${listed.failure.message})`,
          cause: listed.failure
        })
      })
    }
    const members = listed._tag === "Success" ? listed.success : []
    if (members.length < total && (yield* hasMore(batchId, members.length))) {
      const removed = yield* tryRemoveUnreadable(batchId)
      return yield* new SubmissionError({
        reason: new QueueBlocked({
          batchId,
          itemIds: [],
          own: true,
          detail: listed._tag === "Failure"
            ? listed.failure.detail
            : `${members.length} of its ${total} items could be read`,
          removed
        })
      })
    }
    const own = members.filter((member) =>
      member.parentItemId === null && Predicate.isNullish(member.retriedFromItemId)
    )
    const result: SubmissionResult = {
      batchId,
      enqueued: Math.min(own.length, size),
      requested: size,
      itemIds: own.map((member) => member.itemId),
      recovered: true,
      itemsConfirmed: sent === 1 && before.mayExist !== true && own.length <= size
    }
    return result
  })

  const fromReceipt = Effect.fnUntraced(function*(key: string) {
    const receipt = yield* Effect.orElseSucceed(queue.enqueueReceipt(key), () => Option.none())
    return Option.map(receipt, ({ enqueued, item_ids: ids, requested }): SubmissionResult => ({
      batchId,
      enqueued,
      requested,
      itemIds: ids.toSorted((a, b) => a - b),
      recovered: true,
      itemsConfirmed: true
    }))
  })

  const accepted = Effect.gen(function*() {
    if (before.mayExist === true) {
      const { total } = yield* queue.batchStatus(batchId)
      if (total > 0) return yield* recover(total, 1)
    }
    let asking = before.maybeSent === true
    let key = sentKey
    for (let sent = 1;; sent++) {
      let absentFor = resendAfter
      let error: InvokeAiError | undefined
      if (!asking) {
        if (sent > 1) {
          yield* Effect.mapError(
            beforeResending,
            (cause) => new SubmissionError({ reason: new SubmissionUnknown({ batchId, detail: cause.message, cause }) })
          )
        }
        const batch = key === undefined ? submission.batch : Object.assign({ idempotency_key: key }, submission.batch)
        const answer = yield* Effect.raceFirst(
          Effect.result(queue.enqueueBatch(batch, { prepend: submission.prepend })),
          appears(batchId)
        )
        if (typeof answer === "number") {
          yield* Effect.logInfo("The server has the batch; its response was lost")
          return yield* recover(answer, sent)
        }
        if (answer._tag === "Success") {
          const { enqueued, item_ids: ids, requested } = answer.success
          return {
            batchId,
            enqueued,
            requested,
            itemIds: ids.toSorted((a, b) => a - b),
            recovered: false,
            itemsConfirmed: ((sent === 1 && before.mayExist !== true) || key !== undefined) && ids.length === enqueued
          } satisfies SubmissionResult
        }
        error = answer.failure
        if (key !== undefined && error.status === 429 && !error.isAmbiguous) {
          // The server keeps no more receipts for this user; it takes the batch without.
          key = undefined
          continue
        }
        if (!error.isAmbiguous) {
          return yield* error.reason._tag === "Validation"
            ? new SubmissionError({ reason: EnqueueErrors.fromError(batchId, error, submission.nodes) })
            : error
        }
        // The server tells a repetition by its key, so there is no need to wait for a late arrival.
        if (key !== undefined) absentFor = Duration.zero
      }
      if (error !== undefined) {
        yield* Effect.logInfo(`Could not confirm whether the server received the batch: ${error.message}`)
      }
      asking = false
      if (key !== undefined) {
        const receipt = yield* fromReceipt(key)
        if (Option.isSome(receipt)) return receipt.value
      }
      const seen = yield* lookUpBatch(batchId, absentFor, lookupTimeout)
      if (seen._tag === "Accepted") return yield* recover(seen.total, sent)
      if (seen._tag === "Unknown") {
        return yield* new SubmissionError({
          reason: new SubmissionUnknown({ batchId, detail: seen.detail, cause: error ?? seen.cause })
        })
      }
      if (error !== undefined && (sent >= maxAttempts || !isPassing(error))) return yield* error
      if (error !== undefined) yield* Effect.logInfo("The server did not receive the batch; sending it again")
      yield* Effect.sleep(Duration.millis(500))
    }
  })

  const result = yield* Effect.annotateLogs(accepted, { batchId })
  yield* Effect.annotateLogs(Effect.logDebug(`The server has ${result.enqueued} items of the batch`), { batchId })
  if (!isIncomplete(result)) return result
  const keep = policy.onIncomplete === "keep" && result.enqueued > 0
  if (keep) return result
  if (result.enqueued > 0) {
    yield* queue.cancelByBatchIds([batchId]).pipe(
      Effect.retry({ times: 3, while: (error: InvokeAiError) => error.isRetryable }),
      Effect.ignore
    )
  }
  return yield* new SubmissionError({
    reason: new SubmissionIncomplete({
      batchId,
      enqueued: result.enqueued,
      requested: result.requested,
      itemIds: result.itemIds,
      kept: false
    })
  })
})
