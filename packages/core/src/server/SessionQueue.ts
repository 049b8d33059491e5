/**
 * The session queue: what runs, what waits, what has ended.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { isRecord } from "../internal/json.ts"
import type {
  Batch,
  BatchStatus,
  EnqueueBatchReceipt,
  EnqueueBatchResult,
  ItemIdsResult,
  RawQueueItem,
  RetryItemsResult,
  SessionProcessorStatus,
  SessionQueueAndProcessorStatus,
  SessionQueueCountsByDestination,
  SessionQueueItem,
  SessionQueueItemSummary
} from "./api/QueueSchemas.ts"
import type { SQLiteDirection } from "./api/Wire.ts"
import { deletion, optional } from "./internal/missing.ts"
import { inChunks, maxChunk } from "./internal/paging.ts"
import { InvokeAiClient } from "./InvokeAiClient.ts"
import { InvokeAiError } from "./InvokeAiError.ts"

/**
 * The queue that the client is configured for (`queueId`).
 *
 * **Details**
 *
 * All routes are below `/api/v1/queue/{queue_id}/`. Ids of items are numbers, ids of batches strings.
 *
 * - `enqueueBatch`: `POST enqueue_batch`. Sent once. See `Batch` for what the server does not check.
 * - `enqueueReceipt`: `GET enqueue_batch/receipt` (after 6.14, see `EnqueueBatchReceipt`). None for a key that the server
 *   never saw. `acknowledgeEnqueue`: `POST enqueue_batch/acknowledge`, tells that the receipt has been read; servers keep
 *   few receipts that have not.
 * - `batchStatus`: `GET b/{batch_id}/status`. An unknown batch has zeros.
 * - `item`: `GET i/{item_id}`. With session, graph and workflow: up to megabytes. `NotFound` for a deleted item, `Server`
 *   (500) for one that cannot be read because of a bad batch value. `rawItem`: the same as the server
 *   writes it, which takes less time for sessions of hundreds of nodes, and any item of a newer server.
 * - `itemIds`: `GET item_ids` (6.8). All ids of the queue; on multi-user servers those of other users too.
 * - `itemsByIds`: `POST items_by_ids` (6.8), in chunks of 1,000. Missing and unreadable items are left out.
 * - `itemSummariesByIds`: `POST item_summaries_by_ids` (6.14), in chunks of 1,000. Without sessions; missing items are left
 *   out, unreadable ones are there.
 * - `listAll`: `GET list_all`. All items with their sessions; heavy. With a destination, only the items of that one.
 * - `items`: all items, newest first, read in chunks through `item_ids` and `items_by_ids` (6.8).
 * - `summaries`: the same through `item_summaries_by_ids` (6.14).
 * - `current`, `next`: `GET current`, `GET next`.
 * - `status`: `GET status`.
 * - `countsByDestination`: `GET counts_by_destination`.
 * - `cancelItem`: `PUT i/{item_id}/cancel`. Harmless for items that have ended.
 * - `cancelByBatchIds`: `PUT cancel_by_batch_ids`. The count leaves out the running item up to 6.13.
 * - `cancelByDestination`, `cancelAllExceptCurrent`: `PUT` routes of these names.
 * - `deleteItem`: `DELETE i/{item_id}`; cancels it if it runs. Images stay.
 * - `deleteByDestination`: `DELETE d/{destination}`. `deleteAllExceptCurrent`: `PUT delete_all_except_current`.
 * - `retryItems`: `PUT retry_items_by_id`. Names the original items; the new ones have `retried_from_item_id`.
 * - `prune`: `PUT prune`, deletes what has ended. `clear`: `PUT clear`, cancels and deletes everything.
 * - `pause`, `resume`: `PUT processor/pause`, `PUT processor/resume` (admin); they concern all queues of the server.
 *
 * @example
 * ```ts
 * import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
 * import * as Effect from "effect/Effect"
 *
 * const waiting = Effect.gen(function*() {
 *   const queue = yield* SessionQueue
 *   const status = yield* queue.status
 *   return status.queue.pending
 * })
 * ```
 *
 * @since 0.1.0
 * @category services
 */
export class SessionQueue extends Context.Service<SessionQueue, {
  readonly queueId: string
  readonly enqueueBatch: (
    batch: Batch,
    options?: { readonly prepend?: boolean | undefined }
  ) => Effect.Effect<EnqueueBatchResult, InvokeAiError>
  readonly enqueueReceipt: (idempotencyKey: string) => Effect.Effect<Option.Option<EnqueueBatchReceipt>, InvokeAiError>
  readonly acknowledgeEnqueue: (idempotencyKey: string) => Effect.Effect<void, InvokeAiError>
  readonly batchStatus: (batchId: string) => Effect.Effect<BatchStatus, InvokeAiError>
  readonly item: (itemId: number) => Effect.Effect<SessionQueueItem, InvokeAiError>
  readonly rawItem: (itemId: number) => Effect.Effect<RawQueueItem, InvokeAiError>
  readonly itemIds: (
    options?: { readonly order?: SQLiteDirection | undefined }
  ) => Effect.Effect<ItemIdsResult, InvokeAiError>
  readonly itemsByIds: (
    itemIds: ReadonlyArray<number>
  ) => Effect.Effect<ReadonlyArray<SessionQueueItem>, InvokeAiError>
  readonly itemSummariesByIds: (
    itemIds: ReadonlyArray<number>
  ) => Effect.Effect<ReadonlyArray<SessionQueueItemSummary>, InvokeAiError>
  readonly listAll: (
    options?: { readonly destination?: string | undefined }
  ) => Effect.Effect<ReadonlyArray<SessionQueueItem>, InvokeAiError>
  readonly items: (
    options?: { readonly order?: SQLiteDirection | undefined; readonly chunkSize?: number | undefined }
  ) => Stream.Stream<SessionQueueItem, InvokeAiError>
  readonly summaries: (
    options?: { readonly order?: SQLiteDirection | undefined; readonly chunkSize?: number | undefined }
  ) => Stream.Stream<SessionQueueItemSummary, InvokeAiError>
  readonly current: Effect.Effect<Option.Option<SessionQueueItem>, InvokeAiError>
  readonly next: Effect.Effect<Option.Option<SessionQueueItem>, InvokeAiError>
  readonly status: Effect.Effect<SessionQueueAndProcessorStatus, InvokeAiError>
  readonly countsByDestination: (
    destination: string
  ) => Effect.Effect<SessionQueueCountsByDestination, InvokeAiError>
  readonly cancelItem: (itemId: number) => Effect.Effect<SessionQueueItem, InvokeAiError>
  readonly cancelByBatchIds: (batchIds: ReadonlyArray<string>) => Effect.Effect<number, InvokeAiError>
  readonly cancelByDestination: (destination: string) => Effect.Effect<number, InvokeAiError>
  readonly cancelAllExceptCurrent: Effect.Effect<number, InvokeAiError>
  readonly deleteItem: (itemId: number) => Effect.Effect<void, InvokeAiError>
  readonly deleteByDestination: (destination: string) => Effect.Effect<number, InvokeAiError>
  readonly deleteAllExceptCurrent: Effect.Effect<number, InvokeAiError>
  readonly retryItems: (itemIds: ReadonlyArray<number>) => Effect.Effect<RetryItemsResult, InvokeAiError>
  readonly prune: Effect.Effect<number, InvokeAiError>
  readonly clear: Effect.Effect<number, InvokeAiError>
  readonly pause: Effect.Effect<SessionProcessorStatus, InvokeAiError>
  readonly resume: Effect.Effect<SessionProcessorStatus, InvokeAiError>
}>()("@effect-invokeai/core/server/SessionQueue") {
  /** The queue of the client. */
  static readonly layer: Layer.Layer<SessionQueue, never, InvokeAiClient> = Layer.effect(
    SessionQueue,
    Effect.suspend(() => Effect.map(InvokeAiClient, (client) => make(client, client.queueId)))
  )

  /**
   * Another queue of the same server.
   *
   * One processor works on all queues of a server; the name only tells items apart.
   */
  static readonly layerWith = (queueId: string): Layer.Layer<SessionQueue, never, InvokeAiClient> =>
    Layer.effect(SessionQueue, Effect.map(InvokeAiClient, (client) => make(client, queueId)))
}

/**
 * Whether an item belongs to another user of a multi-user server, who keeps its batch and session secret.
 *
 * @since 0.1.0
 * @category predicates
 */
export const isRedacted = (item: { readonly batch_id: string }): boolean => item.batch_id === "redacted"

/** Puts ids into the span of an operation. */
const about = <A, E>(
  ids: Readonly<Record<string, string | number>>,
  effect: Effect.Effect<A, E>
): Effect.Effect<A, E> => Effect.andThen(Effect.annotateCurrentSpan(ids), effect)

const isRawQueueItem = (value: unknown): value is RawQueueItem =>
  isRecord(value) && typeof value["item_id"] === "number" && typeof value["status"] === "string" &&
  typeof value["batch_id"] === "string" && isRecord(value["session"])

const make = (client: InvokeAiClient["Service"], queueId: string): SessionQueue["Service"] => {
  const { call, json } = client
  const params = { queue_id: queueId }

  const itemIds: SessionQueue["Service"]["itemIds"] = Effect.fn("SessionQueue.itemIds")((options) =>
    call((api) =>
      api.queue.itemIds({ params, query: options?.order === undefined ? {} : { order_dir: options.order } })
    )
  )
  const itemsByIds = Effect.fn("SessionQueue.itemsByIds")((ids: ReadonlyArray<number>) =>
    about(
      { items: ids.length },
      inChunks(ids, (item_ids) => call((api) => api.queue.itemsByIds({ params, payload: { item_ids } })))
    )
  )
  const itemSummariesByIds = Effect.fn("SessionQueue.itemSummariesByIds")((ids: ReadonlyArray<number>) =>
    about(
      { items: ids.length },
      inChunks(ids, (item_ids) => call((api) => api.queue.itemSummariesByIds({ params, payload: { item_ids } })))
    )
  )
  const walk = <A>(
    options: { readonly order?: SQLiteDirection | undefined; readonly chunkSize?: number | undefined } | undefined,
    defaultSize: number,
    read: (ids: ReadonlyArray<number>) => Effect.Effect<ReadonlyArray<A>, InvokeAiError>
  ): Stream.Stream<A, InvokeAiError> =>
    Stream.unwrap(Effect.map(itemIds({ order: options?.order }), (result) => {
      // the server sorts by the time of creation, which is the same for all items of a batch
      const item_ids = result.item_ids.toSorted((a, b) => options?.order === "ASC" ? a - b : b - a)
      const size = Math.max(1, Math.min(maxChunk, options?.chunkSize ?? defaultSize))
      return Stream.paginate(0, (start) =>
        Effect.map(read(item_ids.slice(start, start + size)), (items) =>
          [items, start + size < item_ids.length ? Option.some(start + size) : Option.none<number>()] as const))
    }))
  const canceled = Effect.map((result: { readonly canceled: number }) => result.canceled)
  const deleted = Effect.map((result: { readonly deleted: number }) => result.deleted)

  return SessionQueue.of({
    queueId,
    enqueueBatch: (batch, options) =>
      call((api) => api.queue.enqueueBatch({ params, payload: { batch, prepend: options?.prepend ?? false } })).pipe(
        Effect.withSpan("SessionQueue.enqueueBatch", { attributes: { batchId: batch.batch_id ?? "" } })
      ),
    enqueueReceipt: Effect.fn("SessionQueue.enqueueReceipt")((idempotency_key) =>
      call((api) => api.queue.enqueueReceipt({ params, query: { idempotency_key } })).pipe(
        optional
      )
    ),
    acknowledgeEnqueue: Effect.fn("SessionQueue.acknowledgeEnqueue")((idempotency_key) =>
      Effect.asVoid(call((api) => api.queue.acknowledgeEnqueue({ params, payload: { idempotency_key } })))
    ),
    batchStatus: Effect.fn("SessionQueue.batchStatus")((batch_id) =>
      about({ batchId: batch_id }, call((api) => api.queue.batchStatus({ params: { ...params, batch_id } })))
    ),
    item: Effect.fn("SessionQueue.item")((item_id) =>
      about({ itemId: item_id }, call((api) => api.queue.item({ params: { ...params, item_id } })))
    ),
    rawItem: (item_id) =>
      json((api) => api.queue.item({ params: { ...params, item_id } })).pipe(
        Effect.withSpan("SessionQueue.rawItem", { attributes: { itemId: item_id } }),
        Effect.filterOrFail(isRawQueueItem, () =>
          new InvokeAiError({
            reason: { _tag: "Decode" },
            method: "GET",
            path: `/api/v1/queue/${queueId}/i/${item_id}`,
            server: client.url.href,
            status: 200,
            detail: "the answer is no queue item",
            sent: true
          }))
      ),
    itemIds,
    itemsByIds,
    itemSummariesByIds,
    listAll: Effect.fn("SessionQueue.listAll")((options) =>
      call((api) =>
        api.queue.listAll({
          params,
          query: options?.destination === undefined ? {} : { destination: options.destination }
        })
      )
    ),
    items: (options) => walk(options, 100, itemsByIds).pipe(Stream.withSpan("SessionQueue.items")),
    summaries: (options) => walk(options, maxChunk, itemSummariesByIds).pipe(Stream.withSpan("SessionQueue.summaries")),
    current: call((api) => api.queue.current({ params })).pipe(
      Effect.map(Option.fromNullishOr),
      Effect.withSpan("SessionQueue.current")
    ),
    next: call((api) => api.queue.next({ params })).pipe(
      Effect.map(Option.fromNullishOr),
      Effect.withSpan("SessionQueue.next")
    ),
    status: call((api) => api.queue.status({ params })).pipe(Effect.withSpan("SessionQueue.status")),
    countsByDestination: Effect.fn("SessionQueue.countsByDestination")((destination) =>
      call((api) => api.queue.countsByDestination({ params, query: { destination } }))
    ),
    cancelItem: Effect.fn("SessionQueue.cancelItem")((item_id) =>
      about({ itemId: item_id }, call((api) => api.queue.cancelItem({ params: { ...params, item_id } })))
    ),
    cancelByBatchIds: Effect.fn("SessionQueue.cancelByBatchIds")((batch_ids) =>
      about(
        { batchId: batch_ids.join(",") },
        canceled(call((api) => api.queue.cancelByBatchIds({ params, payload: { batch_ids } })))
      )
    ),
    cancelByDestination: Effect.fn("SessionQueue.cancelByDestination")((destination) =>
      canceled(call((api) => api.queue.cancelByDestination({ params, query: { destination } })))
    ),
    cancelAllExceptCurrent: canceled(call((api) => api.queue.cancelAllExceptCurrent({ params }))).pipe(
      Effect.withSpan("SessionQueue.cancelAllExceptCurrent")
    ),
    deleteItem: Effect.fn("SessionQueue.deleteItem")((item_id) =>
      about(
        { itemId: item_id },
        deletion(client, Effect.asVoid(call((api) => api.queue.deleteItem({ params: { ...params, item_id } }))))
      )
    ),
    deleteByDestination: Effect.fn("SessionQueue.deleteByDestination")((destination) =>
      deleted(call((api) => api.queue.deleteByDestination({ params: { ...params, destination } })))
    ),
    deleteAllExceptCurrent: deleted(call((api) => api.queue.deleteAllExceptCurrent({ params }))).pipe(
      Effect.withSpan("SessionQueue.deleteAllExceptCurrent")
    ),
    retryItems: Effect.fn("SessionQueue.retryItems")((itemIds) =>
      about(
        { itemId: itemIds.join(",") },
        call((api) => api.queue.retryItemsById({ params, payload: itemIds }))
      )
    ),
    prune: deleted(call((api) => api.queue.prune({ params }))).pipe(Effect.withSpan("SessionQueue.prune")),
    clear: deleted(call((api) => api.queue.clear({ params }))).pipe(Effect.withSpan("SessionQueue.clear")),
    pause: call((api) => api.queue.pause({ params })).pipe(Effect.withSpan("SessionQueue.pause")),
    resume: call((api) => api.queue.resume({ params })).pipe(Effect.withSpan("SessionQueue.resume"))
  })
}
