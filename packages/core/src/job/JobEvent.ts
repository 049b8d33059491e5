/**
 * What a job tells about itself while it runs.
 *
 * @since 0.1.0
 */
import type { InkOutput } from "./Outputs.ts"

/**
 * Statuses of a queue item. Servers may add more; what is not in this list is kept as it is and never taken for an end.
 *
 * @category models
 * @since 0.1.0
 */
export type JobStatus = "pending" | "in_progress" | "waiting" | "completed" | "failed" | "canceled" | "lost"

/**
 * Which node of which queue item an event is about.
 *
 * **Details**
 *
 * `nodeId`, `nodeLabel` and `nodeType` are those of the workflow file; `preparedId` is the server's id of this one
 * execution, of which there are several inside iterations. `run` is the position of the item in its batch, from 0; before the server
 * has answered the submission it is taken from the order in which the items appear.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeReference {
  readonly itemId: number
  readonly run: number
  readonly sessionId: string
  readonly nodeId: string
  readonly nodeLabel: string
  readonly nodeType: string
  readonly preparedId: string
}

/**
 * The server accepted the job. `itemIds` are its queue items in the order of the batch.
 *
 * @category events
 * @since 0.1.0
 */
export interface JobEnqueued {
  readonly _tag: "JobEnqueued"
  readonly batchId: string
  readonly itemIds: ReadonlyArray<number>
}

/**
 * A queue item changed its status. `status` is one of `JobStatus` or whatever a newer server says.
 *
 * **Details**
 *
 * `in_progress` comes before all other events of the item. Its end (`completed`, `failed`, `canceled` or `lost`) comes
 * after all of them, when the item has been read over HTTP and all its results are known.
 *
 * @category events
 * @since 0.1.0
 */
export interface ItemStatusChanged {
  readonly _tag: "ItemStatusChanged"
  readonly itemId: number
  readonly run: number
  readonly previous: string | null
  readonly status: string
}

/**
 * A node began to run. If the client learned of the node only by its result, this comes right before the result.
 *
 * @category events
 * @since 0.1.0
 */
export interface InvocationStarted extends NodeReference {
  readonly _tag: "InvocationStarted"
}

/**
 * A small picture of an image in the making. `width` and `height` are the pixels of the image to come; the picture in
 * `dataUrl` is smaller.
 *
 * @category events
 * @since 0.1.0
 */
export interface ProgressPreview {
  readonly width: number
  readonly height: number
  readonly dataUrl: string
}

/**
 * A node tells how far it is: `fraction` from 0 to 1 and `percentage` from 0 to 100, both null where it cannot tell.
 *
 * @category events
 * @since 0.1.0
 */
export interface InvocationProgress extends NodeReference {
  readonly _tag: "InvocationProgress"
  readonly message: string
  readonly fraction: number | null
  readonly percentage: number | null
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
  readonly errorType: string
  readonly message: string
  readonly traceback: string | null
}

/**
 * Something the reader should know that does not end the job.
 *
 * **Details**
 *
 * `SurplusItems`: the server has more items under this batch id than were asked for. `ItemRetried`: somebody retried an
 * item of this job. `QueueBlocked`: the item in front of the queue cannot be read by the server, so nothing runs.
 * `WorkerBusy`: nothing is in progress and the server still processes something. `EventsUnavailable`: the server
 * refuses the event connection; the job is followed by polling.
 *
 * @category events
 * @since 0.1.0
 */
export interface JobWarning {
  readonly _tag: "JobWarning"
  readonly reason: "SurplusItems" | "ItemRetried" | "QueueBlocked" | "WorkerBusy" | "EventsUnavailable"
  readonly message: string
  readonly itemIds: ReadonlyArray<number>
}

/**
 * This reader was too slow, or came too late, and `count` events are not told to it: that nodes or items began. Their
 * results and ends are never among them.
 *
 * @category events
 * @since 0.1.0
 */
export interface EventsDropped {
  readonly _tag: "EventsDropped"
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
