/**
 * What can be seen of a job from outside: socket events, responses to HTTP requests, and what the client itself did.
 *
 * **Details**
 *
 * Observations are plain values. `reduce` takes them in any order, any number of times.
 *
 * @since 0.1.0
 */
import type * as DateTime from "effect/DateTime"
import * as Predicate from "effect/Predicate"
import type { SessionQueueItem } from "../../server/api/QueueSchemas.ts"
import type { EventName, EventPayload, ServerEvent } from "../../server/ServerEvent.ts"
import type { JobWarning, ProgressPreview } from "../JobEvent.ts"
import type { FieldValue } from "../Outputs.ts"
import type { FieldData } from "../outputs/OutputOrigin.ts"

/**
 * What a queue item says about itself wherever it is mentioned.
 *
 * @category models
 * @since 0.1.0
 */
export interface ItemFacts {
  readonly itemId: number
  readonly status: string
  readonly sequence: number | null
  readonly sessionId: string | null
  readonly createdAt: DateTime.Utc | null
  readonly updatedAt: DateTime.Utc | null
  readonly startedAt: DateTime.Utc | null
  readonly completedAt: DateTime.Utc | null
  readonly errorType: string | null
  readonly errorMessage: string | null
  readonly errorTraceback: string | null
}

/**
 * A whole queue item, read over HTTP.
 *
 * @category models
 * @since 0.1.0
 */
export interface ItemSnapshot extends ItemFacts {
  readonly batchId: string
  readonly parentItemId: number | null
  readonly retriedFromItemId: number | null
  readonly fieldValues: ReadonlyArray<FieldValue>
  readonly session: unknown
  /** The workflow that the item embeds. */
  readonly workflow?: unknown
}

/**
 * An event about a node.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeObservation {
  readonly _tag: "Node"
  readonly itemId: number
  readonly sessionId: string
  readonly nodeId: string
  readonly preparedId: string
  readonly invocation: FieldData
  readonly change:
    | { readonly _tag: "Started" }
    | {
      readonly _tag: "Progress"
      readonly message: string
      readonly fraction: number | null
      readonly preview: ProgressPreview | null
    }
    | { readonly _tag: "Complete"; readonly result: FieldData }
    | {
      readonly _tag: "Error"
      readonly errorType: string
      readonly message: string
      readonly traceback: string | null
    }
}

/**
 * An item as a listing of its batch shows it.
 *
 * @category models
 * @since 0.1.0
 */
export interface ListedItem {
  readonly itemId: number
  readonly parentItemId: number | null
  /** Undefined if the listing does not say. */
  readonly retriedFromItemId: number | null | undefined
}

/**
 * Anything that can be seen of a job.
 *
 * **Details**
 *
 * - `Enqueued`: the server's response to the submission. `enqueued` is how many items it made; `mayHaveDuplicates` whether
 *   the request may have arrived twice.
 * - `Listed`: a listing of all items of the batch, and the `destination` by which the server can list them again.
 * - `Status`: an item's status, from an event or a summary.
 * - `Node`: an event about a node.
 * - `ItemRead`: the whole item over HTTP.
 * - `ItemNotFound`: the server has no such item, and `batchTotal` items of the batch. `isOtherItem` if an item of another
 *   batch has the id now: the server lost its database.
 * - `ItemUnreadable`: the item ended with `status`, and the server cannot return its session.
 * - `ReadFailed`: the item could not be read, at `at` milliseconds of the monotonic clock.
 * - `CancelRequested`: this client asked to cancel the job.
 * - `EventConnection`: whether events about the batch arrive from now on.
 * - `Recounted`: all items that the server has are known; the response to a `Recount`.
 * - `Warned`: something that readers should know and that does not end the job.
 *
 * @category models
 * @since 0.1.0
 */
export type Observation =
  | {
    readonly _tag: "Enqueued"
    readonly itemIds: ReadonlyArray<number>
    readonly enqueued: number
    readonly mayHaveDuplicates?: boolean
  }
  | {
    readonly _tag: "Listed"
    readonly items: ReadonlyArray<ListedItem>
    readonly destination?: string | null
  }
  | {
    readonly _tag: "Status"
    readonly facts: ItemFacts
    readonly parentItemId?: number | null
    readonly fieldValues?: ReadonlyArray<FieldValue>
    /** Whether this is all there is, and nothing to read: an item that was canceled before it began. */
    readonly settled?: boolean
    /** How many items the batch had then, null or missing if the message does not say. */
    readonly batchTotal?: number | null
  }
  | NodeObservation
  | { readonly _tag: "ItemRead"; readonly item: ItemSnapshot }
  | {
    readonly _tag: "ItemNotFound"
    readonly itemId: number
    readonly batchTotal: number
    readonly isOtherItem: boolean
  }
  | { readonly _tag: "ItemUnreadable"; readonly itemId: number; readonly status: string }
  | { readonly _tag: "ReadFailed"; readonly itemId: number; readonly at: number }
  | { readonly _tag: "CancelRequested" }
  | { readonly _tag: "EventConnection"; readonly isUp: boolean }
  | { readonly _tag: "Recounted" }
  | { readonly _tag: "Warned"; readonly reason: JobWarning["reason"]; readonly message: string }

/** What every description of an item has: the item itself, its summary, and events about it. */
interface ItemDescription {
  readonly item_id: number
  readonly status: string
  readonly status_sequence?: number | null
  readonly session_id?: string | null
  readonly created_at?: DateTime.Utc | null
  readonly updated_at?: DateTime.Utc | null
  readonly started_at?: DateTime.Utc | null
  readonly completed_at?: DateTime.Utc | null
  readonly error_type?: string | null
  readonly error_message?: string | null
  readonly error_traceback?: string | null
}

/** What an item or an event about it says, whatever else it says. @internal */
export const factsOf = (item: ItemDescription): ItemFacts => ({
  itemId: item.item_id,
  status: item.status,
  sequence: item.status_sequence ?? null,
  sessionId: item.session_id ?? null,
  createdAt: item.created_at ?? null,
  updatedAt: item.updated_at ?? null,
  startedAt: item.started_at ?? null,
  completedAt: item.completed_at ?? null,
  errorType: item.error_type ?? null,
  errorMessage: item.error_message ?? null,
  errorTraceback: item.error_traceback ?? null
})

/** The values that a batch gave an item. @internal */
export const fieldValuesOf = (values: SessionQueueItem["field_values"]): ReadonlyArray<FieldValue> =>
  (values ?? []).map(({ field_name, node_path, value }) => ({ nodeId: node_path, fieldName: field_name, value }))

/**
 * A queue item as the server gives it.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromItem = (item: SessionQueueItem): ItemSnapshot => ({
  ...factsOf(item),
  batchId: item.batch_id,
  parentItemId: item.parent_item_id ?? null,
  retriedFromItemId: item.retried_from_item_id ?? null,
  fieldValues: fieldValuesOf(item.field_values),
  session: item.session,
  workflow: item.workflow
})

const itemEvents: ReadonlySet<string> = new Set(
  [
    "queue_item_status_changed",
    "invocation_started",
    "invocation_progress",
    "invocation_complete",
    "invocation_error"
  ] satisfies ReadonlyArray<EventName>
)

/** The batch that an event about one queue item names, before it is decoded; undefined for other events. @internal */
export const batchIdOf = (
  { name, payload }: { readonly name: string; readonly payload: unknown }
): string | undefined =>
  itemEvents.has(name) && Predicate.hasProperty(payload, "batch_id") && typeof payload.batch_id === "string"
    ? payload.batch_id
    : undefined

const nodeObservation = (
  payload: EventPayload<"invocation_started">,
  change: NodeObservation["change"]
): NodeObservation => ({
  _tag: "Node",
  itemId: payload.item_id,
  sessionId: payload.session_id,
  nodeId: payload.invocation_source_id,
  preparedId: payload.invocation.id,
  invocation: payload.invocation,
  change
})

/**
 * The observation that an event of the server is; undefined for events that say nothing about one queue item.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromEvent = (event: ServerEvent): Observation | undefined => {
  switch (event.name) {
    case "queue_item_status_changed": {
      const { payload } = event
      const batchTotal = payload.batch_status?.total ?? null
      return { _tag: "Status", facts: factsOf(payload), batchTotal }
    }
    case "invocation_started":
      return nodeObservation(event.payload, { _tag: "Started" })
    case "invocation_progress": {
      const { image, message, percentage } = event.payload
      return nodeObservation(event.payload, {
        _tag: "Progress",
        message: message ?? "",
        fraction: Predicate.isNotNullish(percentage) ? Math.min(1, Math.max(0, percentage)) : null,
        preview: Predicate.isNotNullish(image)
          ? { width: image.width, height: image.height, dataUrl: image.dataURL }
          : null
      })
    }
    case "invocation_complete":
      return nodeObservation(event.payload, { _tag: "Complete", result: event.payload.result })
    case "invocation_error": {
      const { error_message, error_traceback, error_type } = event.payload
      return nodeObservation(event.payload, {
        _tag: "Error",
        errorType: error_type ?? "",
        message: error_message ?? "",
        traceback: error_traceback ?? null
      })
    }
    default:
      return undefined
  }
}
