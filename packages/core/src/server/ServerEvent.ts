/**
 * The events that the server sends over its socket.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { ModelConfig } from "./api/ModelsApi.ts"
import { BatchStatus, QueueItemStatus, SessionQueueStatus } from "./api/QueueSchemas.ts"
import { detail, JsonObject, ServerTimestamp } from "./api/Wire.ts"

const base = { timestamp: Schema.optionalKey(Schema.Finite) } as const

const queue = { ...base, queue_id: Schema.String } as const

const queueItem = {
  ...queue,
  item_id: Schema.Int,
  batch_id: Schema.String,
  origin: detail(Schema.String),
  destination: detail(Schema.String),
  user_id: detail(Schema.String)
} as const

/**
 * A node of a graph as an event shows it: its prepared id, its type, and its inputs.
 *
 * @since 0.1.0
 * @category models
 */
export interface EventInvocation extends JsonObject {
  /** The id of the prepared node. */
  readonly id: string
  /** The type of the node. */
  readonly type: string
}

const isInvocation = Schema.is(Schema.Struct({ id: Schema.String, type: Schema.String }))

/**
 * A node of a graph as an event shows it. Its inputs are not looked into.
 *
 * @since 0.1.0
 * @category schemas
 */
export const EventInvocation = JsonObject.pipe(
  Schema.refine((node): node is EventInvocation => isInvocation(node), { identifier: "EventInvocation" })
)

const invocation = {
  ...queueItem,
  session_id: Schema.String,
  invocation: EventInvocation,
  invocation_source_id: Schema.String
} as const

/**
 * A preview image. `dataURL` holds a JPEG, smaller than the `width` and `height` (in pixels) it stands for.
 *
 * @since 0.1.0
 * @category schemas
 */
export class ProgressImage extends Schema.Opaque<ProgressImage>()(
  Schema.Struct({
    width: Schema.Int,
    height: Schema.Int,
    dataURL: Schema.String
  }).annotate({ identifier: "ProgressImage" })
) {}

const bulkDownload = {
  ...base,
  bulk_download_id: Schema.String,
  bulk_download_item_id: Schema.String,
  bulk_download_item_name: Schema.String,
  user_id: detail(Schema.String)
} as const

const download = { ...base, source: Schema.String } as const

const install = { ...base, id: Schema.Int, source: Schema.optionalKey(JsonObject) } as const

const installBytes = {
  ...install,
  local_path: Schema.optionalKey(Schema.String),
  bytes: Schema.Finite,
  total_bytes: Schema.Finite
} as const

const modelLoad = {
  ...base,
  config: ModelConfig,
  submodel_type: detail(Schema.String),
  user_id: detail(Schema.String)
} as const

const workflow = { ...base, workflow_id: Schema.String, user_id: detail(Schema.String) } as const

const llmTask = { ...base, task_id: Schema.String, user_id: detail(Schema.String) } as const

/**
 * The payload of every event by the name it has on the wire.
 *
 * `timestamp` is in whole seconds since 1970. `percentage` goes from 0 to 1; null means that the progress is unknown.
 * Items of other users are redacted: `batch_id`, `session_id` and `user_id` are `"redacted"`.
 *
 * @since 0.1.0
 * @category schemas
 */
export const eventSchemas = {
  batch_enqueued: Schema.Struct({
    ...queue,
    batch_id: Schema.String,
    enqueued: Schema.Int,
    requested: Schema.Int,
    priority: Schema.Int,
    origin: detail(Schema.String),
    user_id: detail(Schema.String)
  }),
  queue_item_status_changed: Schema.Struct({
    ...queueItem,
    status: QueueItemStatus,
    status_sequence: detail(Schema.Int),
    error_type: detail(Schema.String),
    error_message: detail(Schema.String),
    error_traceback: detail(Schema.String),
    created_at: detail(ServerTimestamp),
    updated_at: detail(ServerTimestamp),
    started_at: detail(ServerTimestamp),
    completed_at: detail(ServerTimestamp),
    batch_status: detail(BatchStatus),
    queue_status: detail(SessionQueueStatus),
    session_id: detail(Schema.String)
  }),
  invocation_started: Schema.Struct(invocation),
  invocation_progress: Schema.Struct({
    ...invocation,
    message: detail(Schema.String),
    percentage: detail(Schema.Finite),
    image: detail(ProgressImage),
    device: detail(Schema.String)
  }),
  invocation_complete: Schema.Struct({ ...invocation, result: JsonObject }),
  invocation_error: Schema.Struct({
    ...invocation,
    error_type: detail(Schema.String),
    error_message: detail(Schema.String),
    error_traceback: detail(Schema.String)
  }),
  queue_cleared: Schema.Struct({ ...queue, user_id: detail(Schema.String) }),
  queue_items_retried: Schema.Struct({ ...queue, retried_item_ids: Schema.Array(Schema.Int) }),
  queue_items_canceled: Schema.Struct({ ...queue, canceled_item_ids: Schema.Array(Schema.Int) }),
  model_load_started: Schema.Struct(modelLoad),
  model_load_complete: Schema.Struct(modelLoad),
  model_install_download_started: Schema.Struct(installBytes),
  model_install_download_progress: Schema.Struct(installBytes),
  model_install_downloads_complete: Schema.Struct(install),
  model_install_started: Schema.Struct(install),
  model_install_complete: Schema.Struct({
    ...install,
    key: Schema.String,
    total_bytes: detail(Schema.Finite),
    config: detail(ModelConfig)
  }),
  model_install_cancelled: Schema.Struct(install),
  model_install_error: Schema.Struct({ ...install, error_type: Schema.String, error: Schema.String }),
  download_started: Schema.Struct({ ...download, download_path: Schema.String }),
  download_progress: Schema.Struct({
    ...download,
    download_path: Schema.String,
    current_bytes: Schema.Finite,
    total_bytes: Schema.Finite
  }),
  download_complete: Schema.Struct({ ...download, download_path: Schema.String, total_bytes: Schema.Finite }),
  download_paused: Schema.Struct(download),
  download_cancelled: Schema.Struct(download),
  download_error: Schema.Struct({ ...download, error_type: Schema.String, error: Schema.String }),
  bulk_download_started: Schema.Struct(bulkDownload),
  bulk_download_complete: Schema.Struct(bulkDownload),
  bulk_download_error: Schema.Struct({ ...bulkDownload, error: Schema.String }),
  recall_parameters_updated: Schema.Struct({ ...queue, user_id: detail(Schema.String), parameters: JsonObject }),
  workflow_created: Schema.Struct({ ...workflow, is_public: Schema.optionalKey(Schema.Boolean) }),
  workflow_updated: Schema.Struct({
    ...workflow,
    old_is_public: Schema.optionalKey(Schema.Boolean),
    new_is_public: Schema.optionalKey(Schema.Boolean)
  }),
  workflow_deleted: Schema.Struct({ ...workflow, is_public: Schema.optionalKey(Schema.Boolean) }),
  workflow_access_revoked: Schema.Struct(workflow),
  llm_task_progress: Schema.Struct({
    ...llmTask,
    phase: Schema.String,
    message: Schema.String,
    percentage: detail(Schema.Finite),
    current_tokens: detail(Schema.Int),
    total_tokens: detail(Schema.Int)
  }),
  llm_task_complete: Schema.Struct(llmTask),
  llm_task_error: Schema.Struct({ ...llmTask, error: Schema.String })
} as const

/**
 * The name of an event that this version knows.
 *
 * @since 0.1.0
 * @category models
 */
export type EventName = keyof typeof eventSchemas

/**
 * The decoded payload of the event of a name.
 *
 * @since 0.1.0
 * @category models
 */
export type EventPayload<Name extends EventName> = typeof eventSchemas[Name]["Type"]

/**
 * A known event, with its payload decoded.
 *
 * @since 0.1.0
 * @category models
 */
export type KnownEvent = {
  readonly [Name in EventName]: { readonly name: Name; readonly payload: EventPayload<Name> }
}[
  EventName
]

/**
 * An event that this version does not know, or whose payload does not have the expected shape.
 *
 * @since 0.1.0
 * @category models
 */
export interface UnknownEvent {
  /** Always `"unknown"`. */
  readonly name: "unknown"
  /** Name of the event as the server sent it. */
  readonly wireName: string
  /** Payload of the event, as the server sent it. */
  readonly payload: unknown
}

/**
 * An event of the server. `name` tells which one; switch on it.
 *
 * @since 0.1.0
 * @category models
 */
export type ServerEvent = KnownEvent | UnknownEvent

type Decoder = (payload: unknown) => Option.Option<unknown>

/** Made when an event of the name is first decoded. */
const decoders = new Map<string, Decoder>()

const decoderOf = (name: string): Decoder => {
  const known = decoders.get(name)
  if (known !== undefined) return known
  if (!isEventName(name)) return Option.none
  // all event schemas decode without services; the union of their types is too wide for TypeScript to see it
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const schema = eventSchemas[name] as unknown as Schema.Codec<unknown, unknown>
  const decoder = Schema.decodeUnknownOption(Schema.toCodecJson(schema))
  decoders.set(name, decoder)
  return decoder
}

const isEventName = (name: string): name is EventName => Object.hasOwn(eventSchemas, name)

/**
 * Decodes an event. Never fails: unknown and invalid events are kept as an `UnknownEvent`.
 *
 * @since 0.1.0
 * @category decoding
 */
export const decode = (name: string, payload: unknown): ServerEvent => {
  const decoded = decoderOf(name)(payload)
  return Option.isSome(decoded)
    // the decoder of this name produced the payload
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    ? { name, payload: decoded.value } as ServerEvent
    : { name: "unknown", wireName: name, payload }
}
