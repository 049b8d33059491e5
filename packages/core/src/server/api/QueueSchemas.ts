/**
 * Batches, queue items and queue states as they travel over the wire.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { JsonObject, JsonValue, nullish, openLiterals, OtherFields, ServerTimestamp } from "./Wire.ts"

/**
 * One side of an edge in a graph.
 *
 * @since 0.1.0
 * @category schemas
 */
export const EdgeConnection = Schema.Struct({
  node_id: Schema.String,
  field: Schema.String
}).annotate({ identifier: "EdgeConnection" })

/**
 * One side of an edge in a graph.
 *
 * @since 0.1.0
 * @category models
 */
export interface EdgeConnection extends Schema.Schema.Type<typeof EdgeConnection> {}

/**
 * A connection of an output field with an input field.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Edge = Schema.Struct({
  source: EdgeConnection,
  destination: EdgeConnection
}).annotate({ identifier: "Edge" })

/**
 * A connection of an output field with an input field.
 *
 * @since 0.1.0
 * @category models
 */
export interface Edge extends Schema.Schema.Type<typeof Edge> {}

/**
 * What the server executes: nodes by id, and the edges between them.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Graph = Schema.Struct({
  id: Schema.optionalKey(Schema.String),
  nodes: Schema.optionalKey(Schema.Record(Schema.String, JsonObject)),
  edges: Schema.optionalKey(Schema.Array(Edge))
}).annotate({ identifier: "Graph" })

/**
 * What the server executes: nodes by id, and the edges between them.
 *
 * @since 0.1.0
 * @category models
 */
export interface Graph extends Schema.Schema.Type<typeof Graph> {}

/**
 * Values that one input of one node takes, one after the other.
 *
 * **Gotchas**
 *
 * The server does not check `items` against the input when the batch is enqueued. A value that does not fit blocks the
 * whole queue (reference §0, fact 1).
 *
 * @since 0.1.0
 * @category schemas
 */
export const BatchDatum = Schema.Struct({
  node_path: Schema.String,
  field_name: Schema.String,
  items: Schema.Array(JsonValue)
}).annotate({ identifier: "BatchDatum" })

/**
 * Values that one input of one node takes, one after the other.
 *
 * @since 0.1.0
 * @category models
 */
export interface BatchDatum extends Schema.Schema.Type<typeof BatchDatum> {}

/**
 * What is enqueued: a graph, how often it runs and with which values.
 *
 * **Details**
 *
 * `data` is a list of groups. The groups are combined with each other, the values within a group go in step; the last
 * group varies fastest. The number of items is `runs` times the product of the lengths of the groups. `batch_id` may be
 * chosen by the client. `workflow` is embedded in the images. `idempotency_key` (1 to 255 characters) is for servers whose
 * document has it, see `EnqueueBatchReceipt`.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Batch = Schema.Struct({
  batch_id: Schema.optionalKey(Schema.String),
  idempotency_key: Schema.optionalKey(Schema.String),
  origin: nullish(Schema.String),
  destination: nullish(Schema.String),
  data: nullish(Schema.Array(Schema.Array(BatchDatum))),
  graph: Graph,
  workflow: nullish(JsonObject),
  runs: Schema.optionalKey(Schema.Int)
}).annotate({ identifier: "Batch" })

/**
 * What is enqueued: a graph, how often it runs and with which values.
 *
 * @since 0.1.0
 * @category models
 */
export interface Batch extends Schema.Schema.Type<typeof Batch> {}

/**
 * The server's answer to an enqueued batch.
 *
 * **Gotchas**
 *
 * `item_ids` come newest first and hold every item that was ever enqueued under this batch id. `enqueued` is less than
 * `requested` when the queue is full. The answer also echoes the whole batch, which is not decoded here.
 *
 * @since 0.1.0
 * @category schemas
 */
export const EnqueueBatchResult = Schema.Struct({
  queue_id: Schema.String,
  enqueued: Schema.Int,
  requested: Schema.Int,
  batch: Schema.optionalKey(Schema.Struct({ batch_id: Schema.optionalKey(Schema.String) })),
  priority: Schema.Int,
  item_ids: Schema.Array(Schema.Int)
}).annotate({ identifier: "EnqueueBatchResult" })

/**
 * The server's answer to an enqueued batch.
 *
 * @since 0.1.0
 * @category models
 */
export interface EnqueueBatchResult extends Schema.Schema.Type<typeof EnqueueBatchResult> {}

/**
 * What the server noted about a batch that came with an `idempotency_key` (after 6.14): a second request with the same key
 * enqueues nothing and is answered like the first.
 *
 * @since 0.1.0
 * @category schemas
 */
export const EnqueueBatchReceipt = Schema.Struct({
  batch_id: Schema.String,
  enqueued: Schema.Int,
  requested: Schema.Int,
  item_ids: Schema.Array(Schema.Int)
}).annotate({ identifier: "EnqueueBatchReceipt" })

/**
 * What the server noted about a batch that came with an `idempotency_key`.
 *
 * @since 0.1.0
 * @category models
 */
export interface EnqueueBatchReceipt extends Schema.Schema.Type<typeof EnqueueBatchReceipt> {}

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
export const NodeFieldValue = Schema.Struct({
  node_path: Schema.String,
  field_name: Schema.String,
  value: Schema.optionalKey(JsonValue)
}).annotate({ identifier: "NodeFieldValue" })

/**
 * The value that a batch gave to one input of one item.
 *
 * @since 0.1.0
 * @category models
 */
export interface NodeFieldValue extends Schema.Schema.Type<typeof NodeFieldValue> {}

/**
 * The execution state of one item: what was asked, what was run and what came out.
 *
 * **Details**
 *
 * `results` and `errors` are keyed by the id of the prepared node; `prepared_source_mapping` leads from there to the
 * node of the submitted graph. Fields that are not named here are kept.
 *
 * **Gotchas**
 *
 * While the item runs, `results` is empty: the server writes the session when the item ends. Foreign items on a
 * multi-user server come with an empty session.
 *
 * @since 0.1.0
 * @category schemas
 */
export const GraphExecutionState = Schema.StructWithRest(
  Schema.Struct({
    id: Schema.optionalKey(Schema.String),
    graph: Schema.optionalKey(Graph),
    execution_graph: Schema.optionalKey(Graph),
    executed: Schema.optionalKey(Schema.Array(Schema.String)),
    executed_history: Schema.optionalKey(Schema.Array(Schema.String)),
    results: Schema.optionalKey(Schema.Record(Schema.String, JsonObject)),
    errors: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
    prepared_source_mapping: Schema.optionalKey(Schema.Record(Schema.String, Schema.String)),
    source_prepared_mapping: Schema.optionalKey(Schema.Record(Schema.String, Schema.Array(Schema.String))),
    prepared_iteration_paths: nullish(Schema.Record(Schema.String, Schema.Array(Schema.Int)))
  }),
  [OtherFields]
).annotate({ identifier: "GraphExecutionState" })

/**
 * The execution state of one item: what was asked, what was run and what came out.
 *
 * @since 0.1.0
 * @category models
 */
export type GraphExecutionState = typeof GraphExecutionState.Type

const summaryFields = {
  item_id: Schema.Int,
  status: QueueItemStatus,
  batch_id: Schema.String,
  origin: nullish(Schema.String),
  destination: nullish(Schema.String),
  created_at: ServerTimestamp,
  started_at: nullish(ServerTimestamp),
  completed_at: nullish(ServerTimestamp),
  user_id: nullish(Schema.String),
  user_display_name: nullish(Schema.String),
  user_email: nullish(Schema.String),
  field_values: nullish(Schema.Array(NodeFieldValue)),
  device: nullish(Schema.String),
  parent_item_id: nullish(Schema.Int)
} as const

/**
 * One item of the queue.
 *
 * **Details**
 *
 * Everything but the identity, status and times may be missing, because versions differ and nulls are left out.
 * `status_sequence` (6.13) grows with every status of the item. `parent_item_id` (6.14) marks the item of a workflow
 * that was called by another one.
 *
 * **Gotchas**
 *
 * An item of another user is redacted: its `batch_id`, `session_id` and `user_id` are `"redacted"`.
 *
 * @since 0.1.0
 * @category schemas
 */
export const SessionQueueItem = Schema.Struct({
  ...summaryFields,
  status_sequence: nullish(Schema.Int),
  priority: Schema.Int,
  session_id: Schema.String,
  error_type: nullish(Schema.String),
  error_message: nullish(Schema.String),
  error_traceback: nullish(Schema.String),
  updated_at: ServerTimestamp,
  queue_id: Schema.String,
  retried_from_item_id: nullish(Schema.Int),
  workflow_call_id: nullish(Schema.String),
  parent_session_id: nullish(Schema.String),
  root_item_id: nullish(Schema.Int),
  workflow_call_depth: nullish(Schema.Int),
  session: GraphExecutionState,
  workflow: nullish(JsonObject)
}).annotate({ identifier: "SessionQueueItem" })

/**
 * One item of the queue.
 *
 * @since 0.1.0
 * @category models
 */
export interface SessionQueueItem extends Schema.Schema.Type<typeof SessionQueueItem> {}

/**
 * One item of the queue as the server writes it. It has more fields than these, and of these nothing else is certain.
 *
 * @since 0.1.0
 * @category models
 */
export interface RawQueueItem extends JsonObject {
  readonly item_id: number
  readonly status: string
  readonly batch_id: string
  readonly session: JsonObject
}

/**
 * One item of the queue without its session, graph, results and errors (6.14).
 *
 * @since 0.1.0
 * @category schemas
 */
export const SessionQueueItemSummary = Schema.Struct(summaryFields).annotate({
  identifier: "SessionQueueItemSummary"
})

/**
 * One item of the queue without its session, graph, results and errors (6.14).
 *
 * @since 0.1.0
 * @category models
 */
export interface SessionQueueItemSummary extends Schema.Schema.Type<typeof SessionQueueItemSummary> {}

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
export const BatchStatus = Schema.Struct({
  queue_id: Schema.String,
  batch_id: Schema.String,
  origin: nullish(Schema.String),
  destination: nullish(Schema.String),
  ...counts
}).annotate({ identifier: "BatchStatus" })

/**
 * How many items of a batch are in which status.
 *
 * @since 0.1.0
 * @category models
 */
export interface BatchStatus extends Schema.Schema.Type<typeof BatchStatus> {}

/**
 * How many items of a queue are in which status, and which one runs.
 *
 * @since 0.1.0
 * @category schemas
 */
export const SessionQueueStatus = Schema.Struct({
  queue_id: Schema.String,
  item_id: nullish(Schema.Int),
  batch_id: nullish(Schema.String),
  session_id: nullish(Schema.String),
  ...counts,
  user_pending: nullish(Schema.Int),
  user_in_progress: nullish(Schema.Int)
}).annotate({ identifier: "SessionQueueStatus" })

/**
 * How many items of a queue are in which status, and which one runs.
 *
 * @since 0.1.0
 * @category models
 */
export interface SessionQueueStatus extends Schema.Schema.Type<typeof SessionQueueStatus> {}

/**
 * Whether the server takes items from the queue, and whether it works on one.
 *
 * @since 0.1.0
 * @category schemas
 */
export const SessionProcessorStatus = Schema.Struct({
  is_started: Schema.Boolean,
  is_processing: Schema.Boolean
}).annotate({ identifier: "SessionProcessorStatus" })

/**
 * Whether the server takes items from the queue, and whether it works on one.
 *
 * @since 0.1.0
 * @category models
 */
export interface SessionProcessorStatus extends Schema.Schema.Type<typeof SessionProcessorStatus> {}

/**
 * State of a queue and of the processor.
 *
 * @since 0.1.0
 * @category schemas
 */
export const SessionQueueAndProcessorStatus = Schema.Struct({
  queue: SessionQueueStatus,
  processor: SessionProcessorStatus
}).annotate({ identifier: "SessionQueueAndProcessorStatus" })

/**
 * State of a queue and of the processor.
 *
 * @since 0.1.0
 * @category models
 */
export interface SessionQueueAndProcessorStatus extends Schema.Schema.Type<typeof SessionQueueAndProcessorStatus> {}

/**
 * The ids of all items of a queue (6.8); on a multi-user server those of other users too.
 *
 * @since 0.1.0
 * @category schemas
 */
export const ItemIdsResult = Schema.Struct({
  item_ids: Schema.Array(Schema.Int),
  total_count: Schema.Int
}).annotate({ identifier: "ItemIdsResult" })

/**
 * The ids of all items of a queue.
 *
 * @since 0.1.0
 * @category models
 */
export interface ItemIdsResult extends Schema.Schema.Type<typeof ItemIdsResult> {}

/**
 * Which items are tried again; `retried_item_ids` are the ids of the original items, not of the new ones.
 *
 * @since 0.1.0
 * @category schemas
 */
export const RetryItemsResult = Schema.Struct({
  queue_id: Schema.String,
  retried_item_ids: Schema.Array(Schema.Int)
}).annotate({ identifier: "RetryItemsResult" })

/**
 * Which items are tried again.
 *
 * @since 0.1.0
 * @category models
 */
export interface RetryItemsResult extends Schema.Schema.Type<typeof RetryItemsResult> {}

/**
 * How many items with one destination are in which status.
 *
 * @since 0.1.0
 * @category schemas
 */
export const SessionQueueCountsByDestination = Schema.Struct({
  queue_id: Schema.String,
  destination: Schema.String,
  ...counts
}).annotate({ identifier: "SessionQueueCountsByDestination" })

/**
 * How many items with one destination are in which status.
 *
 * @since 0.1.0
 * @category models
 */
export interface SessionQueueCountsByDestination extends Schema.Schema.Type<typeof SessionQueueCountsByDestination> {}
