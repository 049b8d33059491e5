/**
 * What can be seen of a job from outside: socket events, answers to HTTP requests, and what the client itself did.
 *
 * **Details**
 *
 * Observations are plain values. `JobState.reduce` takes them in any order, any number of times.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Predicate from "effect/Predicate"
import type { JobWarning, ProgressPreview } from "../JobEvent.ts"
import type { FieldValue } from "../Outputs.ts"
import type { FieldData } from "../outputs/OutputOrigin.ts"

/**
 * What a queue item says about itself wherever it is mentioned. Times are ISO 8601 in UTC.
 *
 * @category models
 * @since 0.1.0
 */
export interface ItemFacts {
  readonly itemId: number
  readonly status: string
  readonly sequence: number | null
  readonly sessionId: string | null
  readonly createdAt: string | null
  readonly updatedAt: string | null
  readonly startedAt: string | null
  readonly completedAt: string | null
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
 * - `ItemsCanceled`: items that were canceled in bulk.
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
  | { readonly _tag: "ItemsCanceled"; readonly itemIds: ReadonlyArray<number> }
  | { readonly _tag: "CancelRequested" }
  | { readonly _tag: "EventConnection"; readonly isUp: boolean }
  | { readonly _tag: "Recounted" }
  | { readonly _tag: "Warned"; readonly reason: JobWarning["reason"]; readonly message: string }

const text = (value: unknown): string | null => typeof value === "string" ? value : null

const number = (value: unknown): number | null => typeof value === "number" ? value : null

/** How all servers write times: `2026-11-22 12:34:56.789`. Every job has dozens of them. */
const usual = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])[ T](?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}$/

/**
 * A time of the server as ISO 8601. Its texts have no zone and mean UTC, with a blank or a T in the middle; decoded times
 * are taken as well.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toIso = (value: unknown): string | null => {
  if (typeof value !== "string") return DateTime.isDateTime(value) ? DateTime.formatIso(value) : null
  if (usual.test(value)) return `${value.slice(0, 10)}T${value.slice(11)}Z`
  if (value === "") return null
  const iso = value.includes("T") ? value : value.replace(" ", "T")
  const zoned = /(?:[zZ]|[+-]\d\d:?\d\d)$/.test(iso) ? iso : `${iso}Z`
  const time = Date.parse(zoned)
  return Number.isNaN(time) ? null : DateTime.formatIso(DateTime.makeUnsafe(time))
}

/** What an item or an event about it says, whatever else it says. @internal */
export const factsOf = (item: object): ItemFacts | undefined => {
  if (!Predicate.isObject(item)) return undefined
  const itemId = item["item_id"]
  const status = item["status"]
  if (typeof itemId !== "number" || typeof status !== "string") return undefined
  return {
    itemId,
    status,
    sequence: number(item["status_sequence"]),
    sessionId: text(item["session_id"]),
    createdAt: toIso(item["created_at"]),
    updatedAt: toIso(item["updated_at"]),
    startedAt: toIso(item["started_at"]),
    completedAt: toIso(item["completed_at"]),
    errorType: text(item["error_type"]),
    errorMessage: text(item["error_message"]),
    errorTraceback: text(item["error_traceback"])
  }
}

/** The values that a batch gave an item. @internal */
export const fieldValuesOf = (values: unknown): ReadonlyArray<FieldValue> =>
  !Array.isArray(values) ?
    [] :
    values.flatMap((value: unknown) =>
      Predicate.isObject(value) && typeof value["node_path"] === "string" && typeof value["field_name"] === "string"
        ? [{ nodeId: value["node_path"], fieldName: value["field_name"], value: value["value"] }]
        : []
    )

/**
 * A queue item as the server gives it.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromItem = (item: object): ItemSnapshot | undefined => {
  if (!Predicate.isObject(item)) return undefined
  const facts = factsOf(item)
  const batchId = text(item["batch_id"])
  if (facts === undefined || batchId === null) return undefined
  return {
    ...facts,
    batchId,
    parentItemId: number(item["parent_item_id"]),
    retriedFromItemId: number(item["retried_from_item_id"]),
    fieldValues: fieldValuesOf(item["field_values"]),
    session: item["session"] ?? null,
    workflow: item["workflow"]
  }
}

const previewOf = (image: unknown): ProgressPreview | null =>
  Predicate.isObject(image) && typeof image["dataURL"] === "string"
    ? { width: number(image["width"]) ?? 0, height: number(image["height"]) ?? 0, dataUrl: image["dataURL"] }
    : null

const changeOf = (name: string, payload: FieldData): NodeObservation["change"] | undefined => {
  switch (name) {
    case "invocation_started":
      return { _tag: "Started" }
    case "invocation_progress": {
      const fraction = number(payload["percentage"])
      return {
        _tag: "Progress",
        message: text(payload["message"]) ?? "",
        fraction: fraction === null ? null : Math.min(1, Math.max(0, fraction)),
        preview: previewOf(payload["image"])
      }
    }
    case "invocation_complete":
      return Predicate.isObject(payload["result"]) ? { _tag: "Complete", result: payload["result"] } : undefined
    case "invocation_error":
      return {
        _tag: "Error",
        errorType: text(payload["error_type"]) ?? "",
        message: text(payload["error_message"]) ?? "",
        traceback: text(payload["error_traceback"])
      }
    default:
      return undefined
  }
}

/**
 * The observation that a socket event is, together with the batch it belongs to; undefined for events that say nothing
 * about a queue item. `queue_items_canceled` names no batch.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromEvent = (
  name: string,
  payload: unknown
): { readonly batchId: string | null; readonly observation: Observation } | undefined => {
  if (!Predicate.isObject(payload)) return undefined
  if (name === "queue_items_canceled") {
    const ids = payload["canceled_item_ids"]
    return Array.isArray(ids)
      ? { batchId: null, observation: { _tag: "ItemsCanceled", itemIds: ids.filter(Predicate.isNumber) } }
      : undefined
  }
  const batchId = text(payload["batch_id"])
  if (batchId === null) return undefined
  if (name === "queue_item_status_changed") {
    const facts = factsOf(payload)
    if (facts === undefined) return undefined
    const status = payload["batch_status"]
    const batchTotal = Predicate.isObject(status) ? number(status["total"]) : null
    return { batchId, observation: { _tag: "Status", facts, batchTotal } }
  }
  const change = changeOf(name, payload)
  const itemId = payload["item_id"]
  const invocation = payload["invocation"]
  if (change === undefined || typeof itemId !== "number" || !Predicate.isObject(invocation)) return undefined
  const preparedId = text(invocation["id"])
  if (preparedId === null) return undefined
  return {
    batchId,
    observation: {
      _tag: "Node",
      itemId,
      sessionId: text(payload["session_id"]) ?? "",
      nodeId: text(payload["invocation_source_id"]) ?? preparedId,
      preparedId,
      invocation,
      change
    }
  }
}
