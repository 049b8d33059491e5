/**
 * Routes of the session queue.
 *
 * @since 0.1.0
 */
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as Schema from "effect/Schema"
import { Echoes, echoes, Idempotent, Transfer } from "../internal/policy.ts"
import {
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
} from "./QueueSchemas.ts"
import { oldestRelease, Since, since } from "./Since.ts"
import { JsonValue, PathSegment, SQLiteDirection } from "./Wire.ts"

export * from "./QueueSchemas.ts"

const queue = { queue_id: PathSegment }
const item = { queue_id: PathSegment, item_id: Schema.Int }
const Canceled = Schema.Struct({ canceled: Schema.Int })
const Deleted = Schema.Struct({ deleted: Schema.Int })
const ItemIds = Schema.Struct({ item_ids: Schema.Array(Schema.Int) })

/**
 * `queue/{queue_id}/*`.
 *
 * @since 0.1.0
 * @category groups
 */
export class QueueApi extends HttpApiGroup.make("queue").add(
  HttpApiEndpoint.post("enqueueBatch", "/api/v1/queue/:queue_id/enqueue_batch", {
    params: queue,
    payload: Schema.Struct({ batch: Batch, prepend: Schema.optionalKey(Schema.Boolean) }),
    success: EnqueueBatchResult
  }).annotate(Transfer, true).annotate(Echoes, echoes("payload.batch.batch_id", "batch.batch_id"))
    .annotate(Since, since(oldestRelease, { "payload.batch.idempotency_key": undefined })),
  HttpApiEndpoint.get("enqueueReceipt", "/api/v1/queue/:queue_id/enqueue_batch/receipt", {
    params: queue,
    query: { idempotency_key: Schema.String },
    success: EnqueueBatchReceipt
  }).annotate(Since, since(undefined)),
  HttpApiEndpoint.post("acknowledgeEnqueue", "/api/v1/queue/:queue_id/enqueue_batch/acknowledge", {
    params: queue,
    payload: Schema.Struct({ idempotency_key: Schema.String }),
    success: JsonValue
  }).annotate(Since, since(undefined)).annotate(Idempotent, true),
  HttpApiEndpoint.get("batchStatus", "/api/v1/queue/:queue_id/b/:batch_id/status", {
    params: { queue_id: PathSegment, batch_id: PathSegment },
    success: BatchStatus
  }),
  HttpApiEndpoint.get("item", "/api/v1/queue/:queue_id/i/:item_id", { params: item, success: SessionQueueItem }),
  HttpApiEndpoint.delete("deleteItem", "/api/v1/queue/:queue_id/i/:item_id", {
    params: item,
    success: JsonValue
  }),
  HttpApiEndpoint.put("cancelItem", "/api/v1/queue/:queue_id/i/:item_id/cancel", {
    params: item,
    success: SessionQueueItem
  }).annotate(Idempotent, true),
  HttpApiEndpoint.get("itemIds", "/api/v1/queue/:queue_id/item_ids", {
    params: queue,
    query: { order_dir: Schema.optionalKey(SQLiteDirection) },
    success: ItemIdsResult
  }).annotate(Since, since("6.7")),
  HttpApiEndpoint.post("itemsByIds", "/api/v1/queue/:queue_id/items_by_ids", {
    params: queue,
    payload: ItemIds,
    success: Schema.Array(SessionQueueItem)
  }).annotate(Since, since("6.7")).annotate(Idempotent, true).annotate(Echoes, echoes("payload.item_ids", "item_id")),
  HttpApiEndpoint.post("itemSummariesByIds", "/api/v1/queue/:queue_id/item_summaries_by_ids", {
    params: queue,
    payload: ItemIds,
    success: Schema.Array(SessionQueueItemSummary)
  }).annotate(Since, since("6.14")).annotate(Idempotent, true).annotate(Echoes, echoes("payload.item_ids", "item_id")),
  HttpApiEndpoint.get("listAll", "/api/v1/queue/:queue_id/list_all", {
    params: queue,
    query: { destination: Schema.optionalKey(Schema.String) },
    success: Schema.Array(SessionQueueItem)
  }),
  HttpApiEndpoint.get("current", "/api/v1/queue/:queue_id/current", {
    params: queue,
    success: Schema.NullOr(SessionQueueItem)
  }),
  HttpApiEndpoint.get("next", "/api/v1/queue/:queue_id/next", {
    params: queue,
    success: Schema.NullOr(SessionQueueItem)
  }),
  HttpApiEndpoint.get("status", "/api/v1/queue/:queue_id/status", {
    params: queue,
    success: SessionQueueAndProcessorStatus
  }),
  HttpApiEndpoint.get("countsByDestination", "/api/v1/queue/:queue_id/counts_by_destination", {
    params: queue,
    query: { destination: Schema.String },
    success: SessionQueueCountsByDestination
  }).annotate(Echoes, echoes("query.destination", "destination")),
  HttpApiEndpoint.put("cancelByBatchIds", "/api/v1/queue/:queue_id/cancel_by_batch_ids", {
    params: queue,
    payload: Schema.Struct({ batch_ids: Schema.Array(Schema.String) }),
    success: Canceled
  }).annotate(Idempotent, true),
  HttpApiEndpoint.put("cancelByDestination", "/api/v1/queue/:queue_id/cancel_by_destination", {
    params: queue,
    query: { destination: Schema.String },
    success: Canceled
  }),
  HttpApiEndpoint.put("cancelAllExceptCurrent", "/api/v1/queue/:queue_id/cancel_all_except_current", {
    params: queue,
    success: Canceled
  }),
  HttpApiEndpoint.put("deleteAllExceptCurrent", "/api/v1/queue/:queue_id/delete_all_except_current", {
    params: queue,
    success: Deleted
  }),
  HttpApiEndpoint.delete("deleteByDestination", "/api/v1/queue/:queue_id/d/:destination", {
    params: { queue_id: PathSegment, destination: PathSegment },
    success: Deleted
  }),
  HttpApiEndpoint.put("retryItemsById", "/api/v1/queue/:queue_id/retry_items_by_id", {
    params: queue,
    payload: Schema.Array(Schema.Int),
    success: RetryItemsResult
  }).annotate(Echoes, echoes("payload", "retried_item_ids")),
  HttpApiEndpoint.put("prune", "/api/v1/queue/:queue_id/prune", { params: queue, success: Deleted }),
  HttpApiEndpoint.put("clear", "/api/v1/queue/:queue_id/clear", { params: queue, success: Deleted }),
  HttpApiEndpoint.put("pause", "/api/v1/queue/:queue_id/processor/pause", {
    params: queue,
    success: SessionProcessorStatus
  }).annotate(Idempotent, true),
  HttpApiEndpoint.put("resume", "/api/v1/queue/:queue_id/processor/resume", {
    params: queue,
    success: SessionProcessorStatus
  }).annotate(Idempotent, true)
) {}
