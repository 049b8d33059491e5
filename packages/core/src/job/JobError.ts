/**
 * The errors of submitting a workflow and waiting for its outputs.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Schema from "effect/Schema"
import { TaggedError, TaggedErrorWithReason } from "../internal/TaggedError.ts"
import type { InvokeAiError } from "../InvokeAiError.ts"
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
const declareUnchecked = <A>() => Schema.declare((_value): _value is A => true)

const items = (ids: ReadonlyArray<number>): string => ids.length === 1 ? `item ${ids[0]}` : `${ids.length} items`

const nodeName = (error: { readonly nodeId: string; readonly nodeLabel: string; readonly nodeType: string }): string =>
  error.nodeId === ""
    ? "An unknown node"
    : error.nodeLabel === ""
    ? `Node ${error.nodeId}${error.nodeType === "" ? "" : ` (${error.nodeType})`}`
    : `Node ${JSON.stringify(error.nodeLabel)} (${error.nodeId})`

/**
 * One problem for which the server rejected a batch.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rejection {
  /** The id of the node in the workflow; `""` if the server does not name it. */
  readonly nodeId: string
  /** The author's label of the node, or else the title of its type; `""` if unknown. */
  readonly nodeLabel: string
  /** The type of the node; `""` if unknown. */
  readonly nodeType: string
  /** The name of the field; `""` if the server does not name it. */
  readonly fieldName: string
  /** The system name of the form input, `nodeId.fieldName`, or `""`. */
  readonly input: string
  /** What is wrong, in the server's words. */
  readonly message: string
}

/**
 * The server rejected the batch as invalid. Nothing was enqueued.
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
  /** The id of the batch that was rejected. */
  batchId: Schema.String,
  /** What the server rejected, each a `Rejection`. */
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
    return `The server rejected the batch: ${lines.join("; ")}`
  }
}

/**
 * The server accepted fewer items than requested, because its queue is full or because the batch makes none.
 *
 * @category errors
 * @since 0.1.0
 */
export class SubmissionIncomplete extends TaggedError<SubmissionIncomplete>()("SubmissionIncomplete", {
  /** The id of the batch. */
  batchId: Schema.String,
  /** How many items the server accepted. */
  enqueued: Schema.Number,
  /** How many items the batch asked for. */
  requested: Schema.Number,
  /** The ids of the items that the server accepted. */
  itemIds: Schema.Array(Schema.Number),
  /** Whether the accepted items are kept. By default they are canceled. */
  kept: Schema.Boolean
}) {
  override get message(): string {
    return this.requested === 0
      ? "Nothing to run: one of the batch's value lists is empty"
      : `The server accepted ${this.enqueued} of ${this.requested} items; its queue may be full${
        this.enqueued > 0 && !this.kept ? ". The accepted items were canceled" : ""
      }`
  }
}

/**
 * It is unknown whether the server accepted the job.
 *
 * **Details**
 *
 * The request was sent, but no response arrived, and the server could not be reached afterwards. Call
 * `Job.attach(batchId)` later to find out. Submitting again without checking could run the job twice.
 *
 * @category errors
 * @since 0.1.0
 */
export class SubmissionUnknown extends TaggedError<SubmissionUnknown>()("SubmissionUnknown", {
  /** The id of the batch, for `Job.attach`. */
  batchId: Schema.String,
  /** Why the outcome is unknown. */
  detail: Schema.String,
  /** The last error of the client. */
  cause: Schema.Defect()
}) {
  override get message(): string {
    return `Could not find out whether the server accepted batch ${this.batchId}: ${this.detail}. The job may be running: call Job.attach("${this.batchId}") before you submit it again`
  }

  /** Always false: submitting again could run the job twice. */
  override get isRetryable(): boolean {
    return false
  }
}

/**
 * The server cannot read an item of its queue, so nothing runs, including the jobs of other users. A value of a batch
 * that does not fit its field causes this.
 *
 * @category errors
 * @since 0.1.0
 */
export class QueueBlocked extends TaggedError<QueueBlocked>()("QueueBlocked", {
  /** The id of the batch that blocks the queue. */
  batchId: Schema.String,
  /** The ids of the items that the server cannot read; empty if unknown. */
  itemIds: Schema.Array(Schema.Number),
  /** Whether the batch belongs to this job. */
  own: Schema.Boolean,
  /** What the server or the client reported about the items. */
  detail: Schema.String,
  /**
   * Whether the batch was removed from the queue. Otherwise closing the job's scope removes it, and so does
   * `Job.unblockQueue`.
   */
  removed: Schema.optionalKey(Schema.Boolean)
}) {
  override get message(): string {
    const what = this.itemIds.length === 0 ? "items" : items(this.itemIds)
    const remedy = this.removed === true
      ? "The batch was removed from the queue. Correct the invalid values and submit it again"
      : `Close the job's scope or call Job.unblockQueue("${this.batchId}") to remove the batch from the queue`
    return `The server cannot read ${what} of batch ${this.batchId}, which blocks the queue: ${this.detail}. ${remedy}`
  }
}

/**
 * A node of the job failed.
 *
 * @category errors
 * @since 0.1.0
 */
export class JobFailed extends TaggedError<JobFailed>()("JobFailed", {
  /** The id of the batch on the server. */
  batchId: Schema.String,
  /** The ids of all items that failed, each with the error of its node. */
  failures: Schema.Array(Schema.Struct({ itemId: Schema.Number, error: ItemErrorSchema })),
  /** The outputs that exist, including those of the items that failed. */
  outputs: declareUnchecked<WorkflowOutput>()
}) {
  private get first(): ItemError {
    return this.failures[0]?.error ??
      { nodeId: "", nodeLabel: "", nodeType: "", errorType: "", message: "", traceback: null }
  }
  /** The id of the node that failed in the first failed item; `""` if unknown. */
  get nodeId(): string {
    return this.first.nodeId
  }
  /** The author's label of this node, or else the title of its type; `""` if unknown. */
  get nodeLabel(): string {
    return this.first.nodeLabel
  }
  /** The type of this node; `""` if unknown. */
  get nodeType(): string {
    return this.first.nodeType
  }
  /** The name of the server's exception in the first failed item; `""` if unknown. */
  get errorType(): string {
    return this.first.errorType
  }
  /** The message of the server's exception in the first failed item. */
  get detail(): string {
    return this.first.message
  }
  override get message(): string {
    const type = this.errorType === "" ? "" : `${this.errorType}: `
    const more = this.failures.length > 1
      ? ` (${this.failures.length - 1} more item${this.failures.length === 2 ? "" : "s"} failed)`
      : ""
    return `${nodeName(this.first)} failed: ${type}${this.detail}${more}`
  }
}

/**
 * The job was canceled: by this program, by another user, or by a restart of the server.
 *
 * @category errors
 * @since 0.1.0
 */
export class JobCanceled extends TaggedError<JobCanceled>()("JobCanceled", {
  /** The id of the batch on the server. */
  batchId: Schema.String,
  /** The ids of the items that were canceled. */
  itemIds: Schema.Array(Schema.Number),
  /** Whether this program requested the cancellation. */
  requested: Schema.Boolean,
  /** The outputs that exist. */
  outputs: declareUnchecked<WorkflowOutput>()
}) {
  override get message(): string {
    return this.requested
      ? `The job was canceled (${items(this.itemIds)} of batch ${this.batchId})`
      : `The job was canceled on the server by another client or by a restart (${
        items(this.itemIds)
      } of batch ${this.batchId})`
  }
}

/**
 * The server does not have the job's items any more, so their outcome is not known: the queue was cleared or pruned, or
 * the server was restarted without a database file.
 *
 * @category errors
 * @since 0.1.0
 */
export class JobLost extends TaggedError<JobLost>()("JobLost", {
  /** The id of the batch on the server. */
  batchId: Schema.String,
  /** The ids of the items that the server does not have any more. */
  itemIds: Schema.Array(Schema.Number),
  /** The names of the images that the lost items left on the server. */
  imageNames: Schema.Array(Schema.String),
  /** The outputs that were announced before the items were lost. */
  outputs: declareUnchecked<WorkflowOutput>()
}) {
  override get message(): string {
    return `The server no longer has ${
      items(this.itemIds)
    } of batch ${this.batchId}: its queue was cleared, or it restarted without a database${
      this.imageNames.length === 0 ? "" : `. ${this.imageNames.length} of their images still exist`
    }`
  }
}

/**
 * The job did not end within its timeout.
 *
 * @category errors
 * @since 0.1.0
 */
export class JobTimeout extends TaggedError<JobTimeout>()("JobTimeout", {
  /** The id of the batch. */
  batchId: Schema.String,
  /** Milliseconds. */
  timeout: Schema.Number,
  /** The status of the job; `unsent` if it was not submitted, `sending` if it is unknown whether the server has it. */
  status: Schema.String,
  /** What the caller asked for: `cancel` or `detach`. */
  onTimeout: Schema.String,
  /**
   * Whether the server has confirmed that nothing of the job runs any more. If it is false with `cancel`, the
   * cancellation continues in the background and when the job's scope closes.
   */
  canceled: Schema.Boolean,
  /**
   * The ids of the known items that had not ended: with `detach` those that continue, with `cancel` those whose
   * cancellation is not confirmed.
   */
  remaining: Schema.Array(Schema.Number)
}) {
  override get message(): string {
    const outcome = this.status === "unsent"
      ? "It was not submitted"
      : this.onTimeout !== "cancel"
      ? "It is still running"
      : this.canceled
      ? "It was canceled"
      : "The server has not confirmed the cancellation, so the job may still be running"
    return `The job did not end within ${Duration.format(Duration.millis(this.timeout))} (${
      this.batchId === "" ? "" : `batch ${this.batchId}, `
    }status: ${this.status}). ${outcome}`
  }
}

/**
 * The outputs were asked for before the job ended.
 *
 * @category errors
 * @since 0.1.0
 */
export class JobNotEnded extends TaggedError<JobNotEnded>()("JobNotEnded", {
  /** The id of the batch on the server. */
  batchId: Schema.String,
  /** The status of the job. */
  status: Schema.String,
  /** What was announced so far. */
  outputs: declareUnchecked<ReadonlyArray<InkOutput>>()
}) {
  override get message(): string {
    return `The job has not ended yet (status: ${this.status}). Wait for it (job.await) before you read its outputs`
  }
}

/**
 * A workflow that was submitted did not complete, or has not completed yet. `reason` says why: it failed, was canceled or
 * lost, took longer than its timeout, blocks the queue, or has not ended.
 *
 * **Example** (Keeping the outputs of a job that failed)
 *
 * ```ts
 * import * as Job from "@effect-invokeai/core/job/Job"
 * import * as Effect from "effect/Effect"
 *
 * const outputs = (job: Job.Job) =>
 *   job.await.pipe(
 *     Effect.map((result) => result.outputs),
 *     Effect.catchReason("WorkflowNotCompleted", "JobFailed", (failed) => Effect.succeed(failed.outputs))
 *   )
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class WorkflowNotCompleted extends TaggedErrorWithReason<WorkflowNotCompleted>()("WorkflowNotCompleted", {
  /** Why the workflow did not complete, by `_tag`; most reasons have the outputs that exist. */
  reason: Schema.Union([JobFailed, JobCanceled, JobLost, JobTimeout, JobNotEnded, QueueBlocked])
}) {}

/**
 * The errors of waiting for the end of a job.
 *
 * @category errors
 * @since 0.1.0
 */
export type AwaitError = WorkflowNotCompleted | InvokeAiError

/**
 * There is no batch with this id on the server.
 *
 * @category errors
 * @since 0.1.0
 */
export class JobNotFound extends TaggedError<JobNotFound>()("JobNotFound", {
  /** The id that the server does not have. */
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
  /** The id or name that was requested. */
  board: Schema.String,
  /** The ids of the boards with this name, if there are several; otherwise empty. */
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
    const boards = names === "" ? "The server has no boards" : `The boards are ${names}${more}`
    return `No board has the id or name ${name}. ${boards}. Create it with Boards.findOrCreate(${name})`
  }
}

/**
 * A workflow could not be submitted, or it is unknown whether it was. `reason` says why; see each for what the server has of
 * the job.
 *
 * **Example** (Submitting to no board if the board is missing)
 *
 * ```ts
 * import * as Job from "@effect-invokeai/core/job/Job"
 * import type { Workflow } from "@effect-invokeai/core/workflow/Workflow"
 * import * as Effect from "effect/Effect"
 *
 * const submit = (workflow: Workflow) =>
 *   Job.submit(workflow, { board: "Results" }).pipe(
 *     Effect.catchReason("SubmissionError", "BoardNotFound", () => Job.submit(workflow))
 *   )
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class SubmissionError extends TaggedErrorWithReason<SubmissionError>()("SubmissionError", {
  /** Why the workflow could not be submitted, by `_tag`. */
  reason: Schema.Union([SubmissionRejected, SubmissionIncomplete, SubmissionUnknown, BoardNotFound, QueueBlocked])
}) {}
