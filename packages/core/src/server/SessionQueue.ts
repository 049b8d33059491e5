/**
 * The session queue: pending, running and ended items.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { InvokeAiError } from "../InvokeAiError.ts"
import type {
  Batch,
  BatchStatus,
  EnqueueBatchReceipt,
  EnqueueBatchResult,
  ItemIdsResult,
  RetryItemsResult,
  SessionProcessorStatus,
  SessionQueueAndProcessorStatus,
  SessionQueueCountsByDestination,
  SessionQueueItem,
  SessionQueueItemSummary
} from "./api/QueueSchemas.ts"
import type { SQLiteDirection } from "./api/Wire.ts"
import { deletion, optional } from "./internal/notFound.ts"
import { inChunks, maxChunk } from "./internal/paging.ts"
import { InvokeAiClient } from "./InvokeAiClient.ts"

/**
 * The queue that the client is configured for (`queueId`).
 *
 * **Details**
 *
 * All routes are below `/api/v1/queue/{queue_id}/`. Ids of items are numbers, ids of batches strings.
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
 * **Example** (Look at a batch, and retry its failed items)
 *
 * ```ts
 * import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
 * import * as Effect from "effect/Effect"
 *
 * export const retryFailed = (batchId: string) =>
 *   Effect.gen(function*() {
 *     const queue = yield* SessionQueue
 *     const { failed } = yield* queue.batchStatus(batchId)
 *     if (failed === 0) return []
 *     const items = yield* queue.listAll({ destination: batchId })
 *     const ids = items.filter((item) => item.status === "failed").map((item) => item.item_id)
 *     yield* queue.retryItems(ids)
 *     return yield* queue.itemSummariesByIds(ids)
 *   })
 *
 * export const cancel = (batchId: string) => SessionQueue.use((queue) => queue.cancelByBatchIds([batchId]))
 * ```
 *
 * **Example** (Enqueue drafts under a destination, then remove them)
 *
 * ```ts
 * import * as WorkflowBatch from "@effect-invokeai/core/batch/WorkflowBatch"
 * import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
 * import type { Workflow } from "@effect-invokeai/core/workflow/Workflow"
 * import * as Effect from "effect/Effect"
 *
 * // `Job.submit` also tracks the items and returns their outputs.
 * export const enqueueDrafts = (workflow: Workflow) =>
 *   Effect.gen(function*() {
 *     const queue = yield* SessionQueue
 *     const { data, graph, runs, workflow: embedded } = yield* WorkflowBatch.make(workflow, { runs: 3 })
 *     return yield* queue.enqueueBatch({ data, graph, runs, workflow: embedded, destination: "drafts" })
 *   })
 *
 * export const keepOneDraft = Effect.gen(function*() {
 *   const queue = yield* SessionQueue
 *   const [, ...others] = yield* queue.listAll({ destination: "drafts" })
 *   for (const { item_id } of others) {
 *     const { status } = yield* queue.item(item_id)
 *     if (status === "pending") yield* queue.cancelItem(item_id)
 *     yield* queue.deleteItem(item_id)
 *   }
 * })
 *
 * export const removeDrafts = Effect.gen(function*() {
 *   const queue = yield* SessionQueue
 *   const { in_progress, pending } = yield* queue.countsByDestination("drafts")
 *   if (in_progress + pending > 0) yield* queue.cancelByDestination("drafts")
 *   return yield* queue.deleteByDestination("drafts")
 * })
 * ```
 *
 * **Example** (Read items)
 *
 * ```ts
 * import { isRedacted, SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 *
 * export const newest = Effect.gen(function*() {
 *   const queue = yield* SessionQueue
 *   const { item_ids } = yield* queue.itemIds({ order: "DESC" })
 *   const items = yield* queue.itemsByIds(item_ids.slice(0, 10))
 *   return items.filter((item) => !isRedacted(item))
 * })
 *
 * export const failedIds = Effect.gen(function*() {
 *   const queue = yield* SessionQueue
 *   return yield* queue.summaries({ order: "ASC" }).pipe(
 *     Stream.filter((item) => item.status === "failed"),
 *     Stream.map((item) => item.item_id),
 *     Stream.runCollect
 *   )
 * })
 *
 * export const firstSession = Effect.gen(function*() {
 *   const queue = yield* SessionQueue
 *   return yield* queue.items({ order: "ASC", chunkSize: 1 }).pipe(
 *     Stream.map((item) => item.session_id),
 *     Stream.runHead
 *   )
 * })
 * ```
 *
 * **Example** (Look up a batch whose response was lost)
 *
 * ```ts
 * import type { Services } from "@effect-invokeai/core/InvokeAi"
 * import * as WorkflowBatch from "@effect-invokeai/core/batch/WorkflowBatch"
 * import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
 * import type { Workflow } from "@effect-invokeai/core/workflow/Workflow"
 * import * as Effect from "effect/Effect"
 * import type * as Layer from "effect/Layer"
 *
 * // Servers without receipts fail with the reason `Unsupported`, and nothing is enqueued.
 * export const enqueue = (server: Layer.Layer<Services>, workflow: Workflow, key: string) =>
 *   Effect.gen(function*() {
 *     const queue = yield* SessionQueue
 *     const { graph } = yield* WorkflowBatch.make(workflow)
 *     yield* queue.enqueueBatch({ graph, idempotency_key: key }).pipe(
 *       Effect.catchIf((error) => error.isAmbiguous, () => Effect.void)
 *     )
 *     const receipt = yield* queue.enqueueReceipt(key)
 *     yield* queue.acknowledgeEnqueue(key)
 *     return receipt
 *   }).pipe(Effect.provide(server))
 * ```
 *
 * @since 0.1.0
 * @category services
 */
export class SessionQueue extends Context.Service<SessionQueue, {
  /** The id of the queue that this service works on, `"default"` unless configured otherwise. */
  readonly queueId: string
  /**
   * Enqueues a batch and returns its id and the ids of its items.
   *
   * **Details** Route: `POST enqueue_batch`. Sent once, never repeated. With `prepend` (default false) the items go
   * to the front of the queue. See `Batch` for checks that the server omits.
   *
   * **Errors** `InvokeAiError`: if `isAmbiguous` is true, the batch may have been enqueued; otherwise nothing was.
   */
  readonly enqueueBatch: (
    batch: Batch,
    options?: { readonly prepend?: boolean | undefined }
  ) => Effect.Effect<EnqueueBatchResult, InvokeAiError>
  /**
   * Reads the result of an earlier `enqueueBatch` by its idempotency key; `None` if the server has not seen the key.
   *
   * **Details** Route: `GET enqueue_batch/receipt` (no release of InvokeAI has it yet), see `EnqueueBatchReceipt`.
   */
  readonly enqueueReceipt: (idempotencyKey: string) => Effect.Effect<Option.Option<EnqueueBatchReceipt>, InvokeAiError>
  /**
   * Confirms that a receipt has been read, so that the server need not keep it.
   *
   * **Details** Route: `POST enqueue_batch/acknowledge` (no release of InvokeAI has it yet).
   * Servers keep only a few receipts that are not confirmed.
   */
  readonly acknowledgeEnqueue: (idempotencyKey: string) => Effect.Effect<void, InvokeAiError>
  /**
   * Counts the items of a batch by status.
   *
   * **Details** Route: `GET b/{batch_id}/status`. An unknown batch has zero items; it is not an error.
   */
  readonly batchStatus: (batchId: string) => Effect.Effect<BatchStatus, InvokeAiError>
  /**
   * Reads one item with its session, graph and workflow, which can be megabytes.
   *
   * **Details** Route: `GET i/{item_id}`.
   *
   * **Errors** `InvokeAiError` with the reason
   * - `NotFound`: the item was deleted or never existed.
   * - `Decode`: the response is not a queue item.
   * - `Server` (500): the server cannot read the item because of a bad batch value.
   */
  readonly item: (itemId: number) => Effect.Effect<SessionQueueItem, InvokeAiError>
  /**
   * Reads the ids of all items of the queue.
   *
   * **Details** Route: `GET item_ids` (InvokeAI 6.7 or later). `order` sorts by creation time; the default is the
   * server's, newest first. On multi-user servers the ids of other users are included.
   */
  readonly itemIds: (
    options?: { readonly order?: SQLiteDirection | undefined }
  ) => Effect.Effect<ItemIdsResult, InvokeAiError>
  /**
   * Reads items with their sessions. Missing items, and items that the server cannot read, are left out.
   *
   * **Details** Route: `POST items_by_ids` (InvokeAI 6.7 or later), in requests of at most 1,000 ids.
   */
  readonly itemsByIds: (
    itemIds: ReadonlyArray<number>
  ) => Effect.Effect<ReadonlyArray<SessionQueueItem>, InvokeAiError>
  /**
   * Reads items without their sessions. Missing items are left out; items with unreadable sessions are included.
   *
   * **Details** Route: `POST item_summaries_by_ids` (InvokeAI 6.14 or later), in requests of at most 1,000 ids.
   */
  readonly itemSummariesByIds: (
    itemIds: ReadonlyArray<number>
  ) => Effect.Effect<ReadonlyArray<SessionQueueItemSummary>, InvokeAiError>
  /**
   * Reads all items with their sessions in one response; with `destination`, only the items of that destination.
   *
   * **When to use** For small queues. `items` reads the same in chunks.
   *
   * **Details** Route: `GET list_all`.
   */
  readonly listAll: (
    options?: { readonly destination?: string | undefined }
  ) => Effect.Effect<ReadonlyArray<SessionQueueItem>, InvokeAiError>
  /**
   * Streams all items with their sessions, newest first unless `order` is `"ASC"`.
   *
   * **Details** Reads all ids first, then the items in chunks of `chunkSize` (default 100, 1 to 1,000), as the stream
   * is consumed. Routes: `GET item_ids` (InvokeAI 6.7 or later) and `POST items_by_ids` (InvokeAI 6.7 or later).
   */
  readonly items: (
    options?: { readonly order?: SQLiteDirection | undefined; readonly chunkSize?: number | undefined }
  ) => Stream.Stream<SessionQueueItem, InvokeAiError>
  /**
   * Streams all items without their sessions, newest first unless `order` is `"ASC"`.
   *
   * **Details** Reads all ids first, then the items in chunks of `chunkSize` (default 1,000, 1 to 1,000), as the
   * stream is consumed. Routes: `GET item_ids` (InvokeAI 6.7 or later) and `POST item_summaries_by_ids` (InvokeAI 6.14
   * or later).
   */
  readonly summaries: (
    options?: { readonly order?: SQLiteDirection | undefined; readonly chunkSize?: number | undefined }
  ) => Stream.Stream<SessionQueueItemSummary, InvokeAiError>
  /** Reads the item that runs now; `None` if no item runs. Route: `GET current`. */
  readonly current: Effect.Effect<Option.Option<SessionQueueItem>, InvokeAiError>
  /** Reads the item that runs next; `None` if no item waits. Route: `GET next`. */
  readonly next: Effect.Effect<Option.Option<SessionQueueItem>, InvokeAiError>
  /** Counts the items of the queue by status, and reads whether the processor is paused. Route: `GET status`. */
  readonly status: Effect.Effect<SessionQueueAndProcessorStatus, InvokeAiError>
  /** Counts the items of a destination by status. Route: `GET counts_by_destination`. */
  readonly countsByDestination: (
    destination: string
  ) => Effect.Effect<SessionQueueCountsByDestination, InvokeAiError>
  /**
   * Cancels one item and returns it. Has no effect on an item that has ended.
   *
   * **Details** Route: `PUT i/{item_id}/cancel`. Repeated after transient failures.
   */
  readonly cancelItem: (itemId: number) => Effect.Effect<SessionQueueItem, InvokeAiError>
  /**
   * Cancels all unfinished items of the batches and returns how many.
   *
   * **Details** Route: `PUT cancel_by_batch_ids`.
   *
   * **Gotchas** Servers up to 6.13 leave the running item out of the count.
   */
  readonly cancelByBatchIds: (batchIds: ReadonlyArray<string>) => Effect.Effect<number, InvokeAiError>
  /** Cancels all unfinished items of a destination and returns how many. Route: `PUT cancel_by_destination`. */
  readonly cancelByDestination: (destination: string) => Effect.Effect<number, InvokeAiError>
  /**
   * Cancels all items that wait and returns how many. The running item continues. Route:
   * `PUT cancel_all_except_current`.
   */
  readonly cancelAllExceptCurrent: Effect.Effect<number, InvokeAiError>
  /**
   * Deletes one item, and cancels it first if it runs. Its images are kept.
   *
   * **Details** Route: `DELETE i/{item_id}`. Repeated after transient failures.
   */
  readonly deleteItem: (itemId: number) => Effect.Effect<void, InvokeAiError>
  /** Deletes all items of a destination and returns how many. Their images are kept. Route: `DELETE d/{destination}`. */
  readonly deleteByDestination: (destination: string) => Effect.Effect<number, InvokeAiError>
  /**
   * Deletes all items that wait and returns how many. The running item continues. Route:
   * `PUT delete_all_except_current`.
   */
  readonly deleteAllExceptCurrent: Effect.Effect<number, InvokeAiError>
  /**
   * Enqueues copies of items that failed or were canceled.
   *
   * **Details** Route: `PUT retry_items_by_id`. The result names the original items; each new item has the id of its
   * original in `retried_from_item_id`.
   */
  readonly retryItems: (itemIds: ReadonlyArray<number>) => Effect.Effect<RetryItemsResult, InvokeAiError>
  /** Deletes all items that have ended and returns how many. Their images are kept. Route: `PUT prune`. */
  readonly prune: Effect.Effect<number, InvokeAiError>
  /** Cancels and deletes all items, running ones included, and returns how many. Route: `PUT clear`. */
  readonly clear: Effect.Effect<number, InvokeAiError>
  /**
   * Pauses the processor, which works on all queues of the server. Needs an admin on multi-user servers. Route:
   * `PUT processor/pause`.
   */
  readonly pause: Effect.Effect<SessionProcessorStatus, InvokeAiError>
  /**
   * Resumes the processor, which works on all queues of the server. Needs an admin on multi-user servers. Route:
   * `PUT processor/resume`.
   */
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
   * One processor runs the items of all queues of a server; the name only groups items.
   */
  static readonly layerWith = (queueId: string): Layer.Layer<SessionQueue, never, InvokeAiClient> =>
    Layer.effect(SessionQueue, Effect.map(InvokeAiClient, (client) => make(client, queueId)))
}

/**
 * Whether an item belongs to another user of a multi-user server, who keeps its batch and session secret.
 *
 * **Example** (Count the items of other users)
 *
 * ```ts
 * import { isRedacted, SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
 * import * as Effect from "effect/Effect"
 *
 * export const countOfOthers = Effect.gen(function*() {
 *   const queue = yield* SessionQueue
 *   const items = yield* queue.listAll()
 *   return items.filter(isRedacted).length
 * })
 * ```
 *
 * @since 0.1.0
 * @category predicates
 */
export const isRedacted = (item: { readonly batch_id: string }): boolean => item.batch_id === "redacted"

/** Puts ids into the span of an operation. */
const withIds = <A, E>(
  ids: Readonly<Record<string, string | number>>,
  effect: Effect.Effect<A, E>
): Effect.Effect<A, E> => Effect.andThen(Effect.annotateCurrentSpan(ids), effect)

const make = (client: InvokeAiClient["Service"], queueId: string): SessionQueue["Service"] => {
  const { call } = client
  const params = { queue_id: queueId }

  const itemIds: SessionQueue["Service"]["itemIds"] = Effect.fn("SessionQueue.itemIds")((options) =>
    call((api) =>
      api.queue.itemIds({ params, query: options?.order === undefined ? {} : { order_dir: options.order } })
    )
  )
  const itemsByIds = Effect.fn("SessionQueue.itemsByIds")((ids: ReadonlyArray<number>) =>
    withIds(
      { items: ids.length },
      inChunks(ids, (item_ids) => call((api) => api.queue.itemsByIds({ params, payload: { item_ids } })))
    )
  )
  const itemSummariesByIds = Effect.fn("SessionQueue.itemSummariesByIds")((ids: ReadonlyArray<number>) =>
    withIds(
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
      withIds({ batchId: batch_id }, call((api) => api.queue.batchStatus({ params: { ...params, batch_id } })))
    ),
    item: Effect.fn("SessionQueue.item")((item_id) =>
      withIds({ itemId: item_id }, call((api) => api.queue.item({ params: { ...params, item_id } })))
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
      withIds({ itemId: item_id }, call((api) => api.queue.cancelItem({ params: { ...params, item_id } })))
    ),
    cancelByBatchIds: Effect.fn("SessionQueue.cancelByBatchIds")((batch_ids) =>
      withIds(
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
      withIds(
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
      withIds(
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
