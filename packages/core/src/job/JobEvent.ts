/**
 * The events of a running job.
 *
 * @since 0.1.0
 */
import type { InkOutput } from "./Outputs.ts"

/**
 * Statuses of a queue item. Servers may add more; others are passed on and never count as terminal.
 *
 * @category models
 * @since 0.1.0
 */
export type JobStatus = "pending" | "in_progress" | "waiting" | "completed" | "failed" | "canceled" | "lost"

/**
 * The node and the queue item that an event is about.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeReference {
  /** The id of the queue item. */
  readonly itemId: number
  /**
   * The position of the queue item in its batch, from 0. Before the server has responded to the submission, it is the
   * order in which the items appear.
   */
  readonly itemIndex: number
  /** The id of the session in which the server runs the item. */
  readonly sessionId: string
  /** The id of the node in the workflow file. */
  readonly nodeId: string
  /** The author's label of the node, or else the title of its type; `""` if both are unknown. */
  readonly nodeLabel: string
  /** The type of the node, for example `"denoise_latents"`. */
  readonly nodeType: string
  /** The server's id of this execution of the node. Inside iterations a node has several. */
  readonly preparedId: string
}

/**
 * The server accepted the job.
 *
 * @category events
 * @since 0.1.0
 */
export interface JobEnqueued {
  readonly _tag: "JobEnqueued"
  /** The id of the batch on the server. */
  readonly batchId: string
  /** The ids of the queue items, in the order of the batch. */
  readonly itemIds: ReadonlyArray<number>
}

/**
 * A queue item changed its status.
 *
 * **Details**
 *
 * `in_progress` comes before all other events of the item. Its end (`completed`, `failed`, `canceled` or `lost`) comes
 * after all of them, when all its results are known.
 *
 * @category events
 * @since 0.1.0
 */
export interface ItemStatusChanged {
  readonly _tag: "ItemStatusChanged"
  /** The id of the queue item. */
  readonly itemId: number
  /** The position of the queue item in its batch, from 0. */
  readonly itemIndex: number
  /** The status before; null if none was known. */
  readonly previous: string | null
  /** One of `JobStatus`, or a status that a newer server added. */
  readonly status: string
}

/**
 * A node started. If the client only received the node's result, this event comes right before it.
 *
 * @category events
 * @since 0.1.0
 */
export interface InvocationStarted extends NodeReference {
  readonly _tag: "InvocationStarted"
}

/**
 * A small preview of an image that is being generated.
 *
 * @category events
 * @since 0.1.0
 */
export interface ProgressPreview {
  /** The width of the image that is being generated, in pixels; the preview is smaller. */
  readonly width: number
  /** The height of the image that is being generated, in pixels; the preview is smaller. */
  readonly height: number
  /** The preview as a `data:` URL. */
  readonly dataUrl: string
}

/**
 * A node reported its progress.
 *
 * @category events
 * @since 0.1.0
 */
export interface InvocationProgress extends NodeReference {
  readonly _tag: "InvocationProgress"
  /** What the node is doing, in the server's words. */
  readonly message: string
  /** The progress of the node from 0 to 1; null if the node does not report it. */
  readonly fraction: number | null
  /** The progress of the node from 0 to 100; null if the node does not report it. */
  readonly percentage: number | null
  /** A small image of the current state; null if the node has none. */
  readonly preview: ProgressPreview | null
}

/**
 * A node finished.
 *
 * @category events
 * @since 0.1.0
 */
export interface InvocationComplete extends NodeReference {
  readonly _tag: "InvocationComplete"
  /** The output of the node. */
  readonly output: InkOutput
}

/**
 * A node failed.
 *
 * @category events
 * @since 0.1.0
 */
export interface InvocationError extends NodeReference {
  readonly _tag: "InvocationError"
  /** The name of the server's exception, for example `"OutOfMemoryError"`. */
  readonly errorType: string
  /** The message of the server's exception. */
  readonly message: string
  /** The server's Python traceback; null if the server does not send it. */
  readonly traceback: string | null
}

/**
 * A warning that does not end the job.
 *
 * @category events
 * @since 0.1.0
 */
export interface JobWarning {
  readonly _tag: "JobWarning"
  /**
   * What happened.
   *
   * - `ExtraItems`: the server has more items under this batch id than were requested.
   * - `ItemRetried`: an item of this job was retried on the server.
   * - `QueueBlocked`: the server cannot read the item in front of its queue, so nothing runs.
   * - `WorkerBusy`: no item is in progress, but the server still processes something.
   * - `EventsUnavailable`: the event connection cannot be opened; the job is tracked by polling. Emitted with the first
   *   failed attempt, and again 1, 2, 4, 8 and then every 10 minutes later.
   */
  readonly reason: "ExtraItems" | "ItemRetried" | "QueueBlocked" | "WorkerBusy" | "EventsUnavailable"
  /** The warning as a sentence. */
  readonly message: string
  /** The ids of the queue items that the warning is about; empty if unknown. */
  readonly itemIds: ReadonlyArray<number>
}

/**
 * Events were dropped, because this subscriber was too slow or subscribed too late. They only reported the start of
 * nodes or items: results and terminal events are never dropped.
 *
 * @category events
 * @since 0.1.0
 */
export interface EventsDropped {
  readonly _tag: "EventsDropped"
  /** The number of dropped events. */
  readonly count: number
}

/**
 * Any event of a job.
 *
 * @category events
 * @since 0.1.0
 */
export type JobEvent =
  | JobEnqueued
  | ItemStatusChanged
  | InvocationStarted
  | InvocationProgress
  | InvocationComplete
  | InvocationError
  | JobWarning
  | EventsDropped
