/**
 * What can go wrong between handing in a workflow and having its outputs.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { TaggedError } from "../internal/TaggedError.ts"
import type { ItemError } from "./internal/ItemState.ts"
import type { InkOutput, WorkflowOutput } from "./Outputs.ts"

const ItemErrorSchema = Schema.Struct({
  nodeId: Schema.String,
  nodeLabel: Schema.String,
  nodeType: Schema.String,
  errorType: Schema.String,
  message: Schema.String,
  traceback: Schema.NullOr(Schema.String)
})

/** A value of this library, carried along unchecked. */
const carried = <A>() => Schema.declare((_value): _value is A => true)

const items = (ids: ReadonlyArray<number>): string => ids.length === 1 ? `item ${ids[0]}` : `${ids.length} items`

const nodeName = (error: { readonly nodeId: string; readonly nodeLabel: string; readonly nodeType: string }): string =>
  error.nodeId === ""
    ? "An unknown node"
    : error.nodeLabel === ""
    ? `Node ${error.nodeId}${error.nodeType === "" ? "" : ` (${error.nodeType})`}`
    : `Node '${error.nodeLabel}' (${error.nodeId})`

/**
 * One thing the server did not accept. `nodeId` and `fieldName` are "" where the server names none; `input` is the
 * system name of the form input, `nodeId.fieldName`, or "".
 *
 * @category models
 * @since 0.1.0
 */
export interface Rejection {
  readonly nodeId: string
  readonly nodeLabel: string
  readonly nodeType: string
  readonly fieldName: string
  readonly input: string
  readonly message: string
}

/**
 * The server refused the job as wrong. Nothing was enqueued.
 *
 * **Details**
 *
 * Mirrors the 422 of `POST /api/v1/queue/{queue_id}/enqueue_batch`; each problem is mapped back to the node and field
 * of the workflow.
 *
 * @category errors
 * @since 0.1.0
 */
export class SubmissionRejected extends TaggedError<SubmissionRejected>()("SubmissionRejected", {
  batchId: Schema.String,
  problems: Schema.Array(Schema.Struct({
    nodeId: Schema.String,
    nodeLabel: Schema.String,
    nodeType: Schema.String,
    fieldName: Schema.String,
    input: Schema.String,
    message: Schema.String
  }))
}) {
  override get message(): string {
    const lines = this.problems.map((problem) =>
      problem.nodeId === ""
        ? problem.message
        : `${nodeName(problem)}${problem.fieldName === "" ? "" : `, field ${problem.fieldName}`}: ${problem.message}`
    )
    return `The server rejected the job: ${lines.join("; ")}`
  }
}

/**
 * The server took fewer items than were asked for, because its queue is full or because the batch has none.
 *
 * **Details**
 *
 * `enqueued` of `requested` items were accepted. By default these have been canceled again (`kept` is false).
 *
 * @category errors
 * @since 0.1.0
 */
export class SubmissionIncomplete extends TaggedError<SubmissionIncomplete>()("SubmissionIncomplete", {
  batchId: Schema.String,
  enqueued: Schema.Number,
  requested: Schema.Number,
  itemIds: Schema.Array(Schema.Number),
  kept: Schema.Boolean
}) {
  override get message(): string {
    return this.requested === 0
      ? "The batch is empty: it has a list of values without values, so there is nothing to run"
      : `The server accepted ${this.enqueued} of ${this.requested} items (is its queue full?)${
        this.enqueued > 0 && !this.kept ? "; these were canceled" : ""
      }`
  }
}

/**
 * Whether the server accepted the job cannot be told now.
 *
 * **Details**
 *
 * The request was sent and its answer did not arrive, and the server cannot be asked. `Job.attach(batchId)` finds out
 * later. Submitting again without asking could run the job twice.
 *
 * @category errors
 * @since 0.1.0
 */
export class SubmissionUnknown extends TaggedError<SubmissionUnknown>()("SubmissionUnknown", {
  batchId: Schema.String,
  detail: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `It is not known whether the server accepted batch ${this.batchId}: ${this.detail}. Ask again with Job.attach`
  }

  /** Always false: submitting again could run the job twice. */
  override get isRetryable(): boolean {
    return false
  }
}

/**
 * The server cannot read an item of its queue, so nothing runs, including the jobs of other users.
 *
 * **Details**
 *
 * A value of a batch that does not fit its field does this. `own` is true if the item belongs to this job. `itemIds` are the
 * ids of the items, empty if unknown. `removed` is true if the batch is off the queue again; otherwise closing the job's scope
 * removes it, and so does `Job.heal`.
 *
 * @category errors
 * @since 0.1.0
 */
export class QueueBlocked extends TaggedError<QueueBlocked>()("QueueBlocked", {
  batchId: Schema.String,
  itemIds: Schema.Array(Schema.Number),
  own: Schema.Boolean,
  detail: Schema.String,
  removed: Schema.optionalKey(Schema.Boolean)
}) {
  override get message(): string {
    const what = this.itemIds.length === 0 ? "items" : items(this.itemIds)
    const remedy = this.removed === true
      ? "The batch was removed from the queue; correct the values that do not fit their fields, and submit it again"
      : `Close the job's scope or run Job.heal("${this.batchId}") to remove the batch from the queue`
    return `The server cannot read ${what} of batch ${this.batchId}, which blocks its queue: ${this.detail}. ${remedy}`
  }
}

/**
 * A node of the job failed.
 *
 * **Details**
 *
 * `nodeId`, `nodeLabel`, `nodeType`, `errorType` and `detail` are those of the first item that failed; `failures` has
 * all. `outputs` has what exists, also of the items that failed.
 *
 * @category errors
 * @since 0.1.0
 */
export class JobFailed extends TaggedError<JobFailed>()("JobFailed", {
  batchId: Schema.String,
  failures: Schema.Array(Schema.Struct({ itemId: Schema.Number, error: ItemErrorSchema })),
  outputs: carried<WorkflowOutput>()
}) {
  private get first(): ItemError {
    return this.failures[0]?.error ??
      { nodeId: "", nodeLabel: "", nodeType: "", errorType: "", message: "", traceback: null }
  }
  get nodeId(): string {
    return this.first.nodeId
  }
  get nodeLabel(): string {
    return this.first.nodeLabel
  }
  get nodeType(): string {
    return this.first.nodeType
  }
  get errorType(): string {
    return this.first.errorType
  }
  get detail(): string {
    return this.first.message
  }
  override get message(): string {
    const type = this.errorType === "" ? "" : `${this.errorType}: `
    const more = this.failures.length > 1 ? ` (and ${this.failures.length - 1} more items failed)` : ""
    return `${nodeName(this.first)} failed: ${type}${this.detail}${more}`
  }
}

/**
 * The job was canceled: by this program, by somebody else, or by a restart of the server.
 *
 * **Details**
 *
 * `requested` tells whether this program asked for it. `outputs` has what exists.
 *
 * @category errors
 * @since 0.1.0
 */
export class JobCanceled extends TaggedError<JobCanceled>()("JobCanceled", {
  batchId: Schema.String,
  itemIds: Schema.Array(Schema.Number),
  requested: Schema.Boolean,
  outputs: carried<WorkflowOutput>()
}) {
  override get message(): string {
    return this.requested
      ? `The job was canceled (${items(this.itemIds)} of batch ${this.batchId})`
      : `The job was canceled on the server, by somebody else or by a restart (${
        items(this.itemIds)
      } of batch ${this.batchId})`
  }
}

/**
 * The server does not have the job's items any more, so their outcome is not known: the queue was cleared or pruned, or
 * the server was restarted without a database file.
 *
 * **Details**
 *
 * `outputs` has what was announced before; `imageNames` are the images that the lost items left on the server.
 *
 * @category errors
 * @since 0.1.0
 */
export class JobLost extends TaggedError<JobLost>()("JobLost", {
  batchId: Schema.String,
  itemIds: Schema.Array(Schema.Number),
  imageNames: Schema.Array(Schema.String),
  outputs: carried<WorkflowOutput>()
}) {
  override get message(): string {
    return `The server has lost ${items(this.itemIds)} of batch ${this.batchId}${
      this.imageNames.length === 0 ? "" : `; ${this.imageNames.length} images of them are still there`
    }`
  }
}

/**
 * The job did not end in the given time.
 *
 * **Details**
 *
 * - `status`: the job's status; `unsent` if it was not submitted, `sending` if the server has not said whether it has it.
 * - `onTimeout`: what the caller asked for, `cancel` or `detach`.
 * - `canceled`: whether the server has confirmed that nothing of the job runs any more. False with `cancel` if it did not
 *   respond in time: the cancellation continues in the background and when the job's scope closes.
 * - `remaining`: the ids of the known items that had not ended: with `detach` those that continue, with `cancel` those
 *   whose cancellation is not confirmed.
 *
 * @category errors
 * @since 0.1.0
 */
export class JobTimeout extends TaggedError<JobTimeout>()("JobTimeout", {
  batchId: Schema.String,
  /** Milliseconds. */
  timeout: Schema.Number,
  status: Schema.String,
  onTimeout: Schema.String,
  canceled: Schema.Boolean,
  remaining: Schema.Array(Schema.Number)
}) {
  override get message(): string {
    const outcome = this.status === "unsent"
      ? "It was not submitted."
      : this.onTimeout !== "cancel"
      ? "It is still running."
      : this.canceled
      ? "It was canceled."
      : "The server has not confirmed its cancellation yet, so it may still be running."
    return `The job did not end within ${
      Duration.format(Duration.millis(this.timeout))
    } (status: ${this.status}). ${outcome}`
  }
}

/**
 * The outputs were asked for before the job ended.
 *
 * @category errors
 * @since 0.1.0
 */
export class WorkflowNotCompleted extends TaggedError<WorkflowNotCompleted>()("WorkflowNotCompleted", {
  batchId: Schema.String,
  status: Schema.String,
  /** What was announced so far. */
  outputs: carried<ReadonlyArray<InkOutput>>()
}) {
  override get message(): string {
    return `The job has not ended yet (status: ${this.status}). Wait for it with job.await before you read job.outputs`
  }
}

/**
 * There is no batch with this id on the server.
 *
 * @category errors
 * @since 0.1.0
 */
export class JobNotFound extends TaggedError<JobNotFound>()("JobNotFound", {
  batchId: Schema.String
}) {
  override get message(): string {
    return `The server has no batch ${
      JSON.stringify(this.batchId)
    }: it was never accepted, or it was deleted. Check the id, or submit the workflow again`
  }
}

/**
 * The board that was named to submit a job does not exist, or several have the name.
 *
 * @category errors
 * @since 0.1.0
 */
export class BoardNotFound extends TaggedError<BoardNotFound>()("BoardNotFound", {
  board: Schema.String,
  matches: Schema.Array(Schema.String),
  /** The names of the boards that exist, if none matches. */
  available: Schema.Array(Schema.String)
}) {
  override get message(): string {
    const name = JSON.stringify(this.board)
    if (this.matches.length > 0) {
      return `${this.matches.length} boards are named ${name}: ${this.matches.join(", ")}. Use an id`
    }
    const names = this.available.slice(0, 20).map((board) => JSON.stringify(board)).join(", ")
    const more = this.available.length > 20 ? ` and ${this.available.length - 20} more` : ""
    const boards = names === "" ? "There are no boards yet" : `The boards are ${names}${more}`
    return `No board has the id or name ${name}. ${boards}. Boards.findOrCreate(${name}) creates it`
  }
}
