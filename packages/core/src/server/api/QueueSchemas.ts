/**
 * Batches, queue items and queue states as they travel over the wire.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { detail, JsonObject, JsonValue, nullish, openLiterals, ServerTimestamp } from "./Wire.ts"

/**
 * One side of an edge in a graph.
 *
 * @since 0.1.0
 * @category schemas
 */
export class EdgeConnection extends Schema.Opaque<EdgeConnection>()(
  Schema.Struct({
    node_id: Schema.String,
    field: Schema.String
  }).annotate({ identifier: "EdgeConnection" })
) {}

/**
 * A connection of an output field with an input field.
 *
 * @since 0.1.0
 * @category schemas
 */
export class Edge extends Schema.Opaque<Edge>()(
  Schema.Struct({
    source: EdgeConnection,
    destination: EdgeConnection
  }).annotate({ identifier: "Edge" })
) {}

/**
 * What the server executes: nodes by id, and the edges between them.
 *
 * @since 0.1.0
 * @category schemas
 */
export class Graph extends Schema.Opaque<Graph>()(
  Schema.Struct({
    id: Schema.optionalKey(Schema.String),
    nodes: Schema.optionalKey(Schema.Record(Schema.String, JsonObject)),
    edges: Schema.optionalKey(Schema.Array(Edge))
  }).annotate({ identifier: "Graph" })
) {}

/**
 * Values for one input of one node, used one after the other.
 *
 * **Gotchas**
 *
 * The server does not check `items` against the input when the batch is enqueued. A value that does not fit blocks the
 * whole queue.
 *
 * @since 0.1.0
 * @category schemas
 */
export class BatchDatum extends Schema.Opaque<BatchDatum>()(
  Schema.Struct({
    node_path: Schema.String,
    field_name: Schema.String,
    items: Schema.Array(JsonValue)
  }).annotate({ identifier: "BatchDatum" })
) {}

/**
 * What is enqueued: a graph, how often it runs and with which values.
 *
 * **Details**
 *
 * `data` is a list of groups. The groups are combined with each other, the values within a group go in step; the last
 * group varies fastest. The number of items is `runs` times the product of the lengths of the groups. `batch_id` may be
 * chosen by the client. `workflow` is embedded in the images. `idempotency_key` (1 to 255 characters) needs a server
 * whose document has it, and no release has it yet; see `EnqueueBatchReceipt`.
 *
 * @since 0.1.0
 * @category schemas
 */
export class Batch extends Schema.Opaque<Batch>()(
  Schema.Struct({
    batch_id: Schema.optionalKey(Schema.String),
    idempotency_key: Schema.optionalKey(Schema.String),
    origin: nullish(Schema.String),
    destination: nullish(Schema.String),
    data: nullish(Schema.Array(Schema.Array(BatchDatum))),
    graph: Graph,
    workflow: nullish(JsonObject),
    runs: Schema.optionalKey(Schema.Int)
  }).annotate({ identifier: "Batch" })
) {}

/**
 * The server's response to an enqueued batch.
 *
 * **Gotchas**
 *
 * `item_ids` come newest first and hold every item that was ever enqueued under this batch id. `enqueued` is less than
 * `requested` when the queue is full. The response also echoes the whole batch, which is not decoded here.
 *
 * @since 0.1.0
 * @category schemas
 */
export class EnqueueBatchResult extends Schema.Opaque<EnqueueBatchResult>()(
  Schema.Struct({
    queue_id: detail(Schema.String),
    enqueued: Schema.Int,
    requested: Schema.Int,
    batch: Schema.optionalKey(Schema.Struct({ batch_id: Schema.optionalKey(Schema.String) })),
    priority: detail(Schema.Int),
    item_ids: Schema.Array(Schema.Int)
  }).annotate({ identifier: "EnqueueBatchResult" })
) {}

/**
 * What the server noted about a batch that came with an `idempotency_key` (after 6.14): a second request with the same key
 * enqueues nothing and gets the same response as the first.
 *
 * @since 0.1.0
 * @category schemas
 */
export class EnqueueBatchReceipt extends Schema.Opaque<EnqueueBatchReceipt>()(
  Schema.Struct({
    batch_id: Schema.String,
    enqueued: Schema.Int,
    requested: Schema.Int,
    item_ids: Schema.Array(Schema.Int)
  }).annotate({ identifier: "EnqueueBatchReceipt" })
) {}

/**
 * Status of a queue item.
 *
 * `completed`, `failed` and `canceled` are final. `waiting` (6.14) is a workflow that waits for one that it called.
 *
 * @since 0.1.0
 * @category schemas
 */
export const QueueItemStatus = openLiterals([
  "pending",
  "in_progress",
  "waiting",
  "completed",
  "failed",
  "canceled"
])

/**
 * Status of a queue item.
 *
 * @since 0.1.0
 * @category models
 */
export type QueueItemStatus = typeof QueueItemStatus.Type

/**
 * The value that a batch gave to one input of one item.
 *
 * @since 0.1.0
 * @category schemas
 */
export class NodeFieldValue extends Schema.Opaque<NodeFieldValue>()(
  Schema.Struct({
    node_path: Schema.String,
    field_name: Schema.String,
    value: Schema.optionalKey(JsonValue)
  }).annotate({ identifier: "NodeFieldValue" })
) {}

const summaryFields = {
  item_id: Schema.Int,
  status: QueueItemStatus,
  batch_id: Schema.String,
  origin: detail(Schema.String),
  destination: detail(Schema.String),
  created_at: detail(ServerTimestamp),
  started_at: detail(ServerTimestamp),
  completed_at: detail(ServerTimestamp),
  user_id: detail(Schema.String),
  user_display_name: detail(Schema.String),
  user_email: detail(Schema.String),
  field_values: detail(Schema.Array(NodeFieldValue)),
  device: detail(Schema.String),
  parent_item_id: detail(Schema.Int)
} as const

/**
 * One item of the queue.
 *
 * **Details**
 *
 * Everything but the ids of item and batch, the status and the session may be missing, because versions differ and nulls
 * are left out, and is `null` if the server writes it in an unexpected way. `session` is the execution state of the item as the server writes
 * it: `results` and `errors` are keyed by the id of the prepared node, and `prepared_source_mapping` leads from there to
 * the node of the submitted graph. It is not decoded, because that of a large workflow has megabytes.
 * `status_sequence` (6.13) grows with every status of the item. `parent_item_id` (6.14) marks the item of a workflow
 * that was called by another one.
 *
 * **Gotchas**
 *
 * While the item runs, its session has no `results`: the server writes the session when the item ends. An item of another
 * user is redacted: its `batch_id`, `session_id` and `user_id` are `"redacted"`, and its session is empty.
 *
 * @since 0.1.0
 * @category schemas
 */
export class SessionQueueItem extends Schema.Opaque<SessionQueueItem>()(
  Schema.Struct({
    ...summaryFields,
    status_sequence: detail(Schema.Int),
    priority: detail(Schema.Int),
    session_id: detail(Schema.String),
    error_type: detail(Schema.String),
    error_message: detail(Schema.String),
    error_traceback: detail(Schema.String),
    updated_at: detail(ServerTimestamp),
    queue_id: detail(Schema.String),
    retried_from_item_id: detail(Schema.Int),
    workflow_call_id: detail(Schema.String),
    parent_session_id: detail(Schema.String),
    root_item_id: detail(Schema.Int),
    workflow_call_depth: detail(Schema.Int),
    session: JsonObject,
    workflow: detail(JsonObject)
  }).annotate({ identifier: "SessionQueueItem" })
) {}

/**
 * One item of the queue without its session, graph, results and errors (6.14).
 *
 * @since 0.1.0
 * @category schemas
 */
export class SessionQueueItemSummary extends Schema.Opaque<SessionQueueItemSummary>()(
  Schema.Struct(summaryFields).annotate({
    identifier: "SessionQueueItemSummary"
  })
) {}

const counts = {
  pending: Schema.Int,
  in_progress: Schema.Int,
  waiting: Schema.optionalKey(Schema.Int),
  completed: Schema.Int,
  failed: Schema.Int,
  canceled: Schema.Int,
  total: Schema.Int
} as const

/**
 * How many items of a batch are in which status.
 *
 * **Gotchas**
 *
 * An unknown batch has zeros everywhere, and so has one whose items were deleted. `total` grows while workflows call
 * other workflows.
 *
 * @since 0.1.0
 * @category schemas
 */
export class BatchStatus extends Schema.Opaque<BatchStatus>()(
  Schema.Struct({
    queue_id: detail(Schema.String),
    batch_id: Schema.String,
    origin: detail(Schema.String),
    destination: detail(Schema.String),
    ...counts
  }).annotate({ identifier: "BatchStatus" })
) {}

/**
 * How many items of a queue are in which status, and which one runs.
 *
 * @since 0.1.0
 * @category schemas
 */
export class SessionQueueStatus extends Schema.Opaque<SessionQueueStatus>()(
  Schema.Struct({
    queue_id: Schema.String,
    item_id: nullish(Schema.Int),
    batch_id: nullish(Schema.String),
    session_id: nullish(Schema.String),
    ...counts,
    user_pending: nullish(Schema.Int),
    user_in_progress: nullish(Schema.Int)
  }).annotate({ identifier: "SessionQueueStatus" })
) {}

/**
 * Whether the server starts pending items, and whether it runs one.
 *
 * @since 0.1.0
 * @category schemas
 */
export class SessionProcessorStatus extends Schema.Opaque<SessionProcessorStatus>()(
  Schema.Struct({
    is_started: Schema.Boolean,
    is_processing: Schema.Boolean
  }).annotate({ identifier: "SessionProcessorStatus" })
) {}

/**
 * State of a queue and of the processor.
 *
 * @since 0.1.0
 * @category schemas
 */
export class SessionQueueAndProcessorStatus extends Schema.Opaque<SessionQueueAndProcessorStatus>()(
  Schema.Struct({
    queue: SessionQueueStatus,
    processor: SessionProcessorStatus
  }).annotate({ identifier: "SessionQueueAndProcessorStatus" })
) {}

/**
 * The ids of all items of a queue (6.8); on a multi-user server those of other users too.
 *
 * @since 0.1.0
 * @category schemas
 */
export class ItemIdsResult extends Schema.Opaque<ItemIdsResult>()(
  Schema.Struct({
    item_ids: Schema.Array(Schema.Int),
    total_count: Schema.Int
  }).annotate({ identifier: "ItemIdsResult" })
) {}

/**
 * Which items are tried again; `retried_item_ids` are the ids of the original items, not of the new ones.
 *
 * @since 0.1.0
 * @category schemas
 */
export class RetryItemsResult extends Schema.Opaque<RetryItemsResult>()(
  Schema.Struct({
    queue_id: Schema.String,
    retried_item_ids: Schema.Array(Schema.Int)
  }).annotate({ identifier: "RetryItemsResult" })
) {}

/**
 * How many items with one destination are in which status.
 *
 * @since 0.1.0
 * @category schemas
 */
export class SessionQueueCountsByDestination extends Schema.Opaque<SessionQueueCountsByDestination>()(
  Schema.Struct({
    queue_id: Schema.String,
    destination: Schema.String,
    ...counts
  }).annotate({ identifier: "SessionQueueCountsByDestination" })
) {}
