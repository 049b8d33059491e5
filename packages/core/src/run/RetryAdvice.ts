/**
 * Where a job that failed can run again: nowhere, on another server, or on the same one later.
 *
 * **When to use**
 *
 * `isRetryable` of an error says whether the same request may succeed in a moment. A program that has several servers, or
 * runs a list of jobs through the night, also has to know whether another server can do what this one could not, and
 * when to stop.
 *
 * **Example** (Run a workflow on the next server if this one cannot)
 *
 * ```ts
 * import * as RetryAdvice from "@effect-invokeai/core/run/RetryAdvice"
 * import * as Run from "@effect-invokeai/core/run/Run"
 * import * as Effect from "effect/Effect"
 *
 * export const runOnOneOf = <A, R>(
 *   first: Effect.Effect<A, Run.RunError, R>,
 *   second: Effect.Effect<A, Run.RunError, R>
 * ) => Effect.catchIf(first, (error) => RetryAdvice.fromError(error) !== "never", () => second)
 * ```
 *
 * @since 0.1.0
 */
import type { DownloadError, DownloadErrorReason } from "../assets/DownloadError.ts"
import type { UploadError, UploadErrorReason } from "../assets/UploadError.ts"
import type { Problem } from "../field/Problem.ts"
import { RecordError, type RecordErrorReason } from "../files/RecordError.ts"
import { InvokeAiError } from "../InvokeAiError.ts"
import type { JobFailed, JobNotFound, SubmissionError, WorkflowNotCompleted } from "../job/JobError.ts"
import type { RunError } from "./Run.ts"
import type { WorkflowChanged } from "./TypedWorkflow.ts"

/**
 * Where a job that failed can run again.
 *
 * **Details**
 *
 * - `never`: it fails in the same way everywhere until the program, the workflow or its values change.
 * - `elsewhere`: this server cannot run it now, and another one may: it is out of memory, cannot be reached, denies access,
 *   or lacks a model, a board, an image, a node type, or a route that its version does not have.
 * - `later`: the same server can run it in a moment: it is busy or was restarted, its queue is full, or a response is
 *   missing. Another server can do so too, except after `SubmissionUnknown`.
 *
 * @category models
 * @since 0.1.0
 */
export type RetryAdvice = "never" | "elsewhere" | "later"

type Advice<Tag extends string, E> = { readonly [Each in Tag]: RetryAdvice | ((error: E) => RetryAdvice) }

const adviceOf = <Tag extends string, E>(advice: Advice<Tag, E>, tag: Tag, error: E): RetryAdvice => {
  const own: RetryAdvice | ((error: E) => RetryAdvice) = advice[tag]
  return typeof own === "function" ? own(error) : own
}

const requestAdvice: Advice<InvokeAiError["reason"]["_tag"], InvokeAiError> = {
  Transport: ({ isRetryable }) => isRetryable ? "elsewhere" : "never",
  Unauthorized: "elsewhere",
  Forbidden: "elsewhere",
  NotFound: "elsewhere",
  Conflict: "later",
  Validation: "never",
  Server: ({ isRetryable }) => isRetryable ? "later" : "elsewhere",
  Decode: ({ isRetryable }) => isRetryable ? "later" : "elsewhere",
  Unsupported: "elsewhere"
}

const fromRequest = (error: InvokeAiError): RetryAdvice => adviceOf(requestAdvice, error.reason._tag, error)

const recordAdvice: Advice<RecordErrorReason, RecordError> = {
  Locked: "later",
  NotARecord: "never",
  Permission: "never",
  DiskFull: "later",
  NotADirectory: "never",
  // a store that did not respond
  File: "later"
}

const fromRecord = (error: RecordError): RetryAdvice => adviceOf(recordAdvice, error.reason, error)

const fromCause = ({ cause }: { readonly cause?: unknown }): RetryAdvice =>
  cause instanceof InvokeAiError ? fromRequest(cause) : cause instanceof RecordError ? fromRecord(cause) : "later"

const uploadAdvice: Advice<UploadErrorReason, UploadError> = {
  FileMissing: "never",
  Download: "later",
  NotAFile: "never",
  Permission: "never",
  OutsideRoot: "never",
  File: "never",
  NotAnImage: "never",
  Damaged: "never",
  TooLarge: "never",
  NotRecorded: fromCause,
  Rejected: "never",
  BoardMissing: "elsewhere",
  ImageMissing: "elsewhere",
  Forbidden: "elsewhere",
  Server: fromCause,
  Connection: "elsewhere",
  Timeout: "later"
}

// the job has completed on this server, which still has its images: only what deletes or damages them leads elsewhere
const downloadAdvice: Advice<DownloadErrorReason, DownloadError> = {
  NotFound: "elsewhere",
  Forbidden: "elsewhere",
  Connection: "later",
  Server: fromCause,
  Unsupported: "elsewhere",
  Truncated: "later",
  InvalidImage: "elsewhere",
  DirectoryMissing: "never",
  NotADirectory: "never",
  FileExists: "never",
  Permission: "never",
  DiskFull: "later",
  File: "later",
  InvalidTemplate: "never",
  CodecMissing: "never",
  Encoding: "never"
}

/** Codes of problems that another server may not have, because it has other nodes. */
const nodeCodes = new Set(["missingNodeTemplate", "missingFieldTemplate"])

const isElsewhere = ({ code, source }: Problem): boolean => source === "resource" || nodeCodes.has(code)

/**
 * Whether a node failed because memory was not sufficient.
 *
 * `torch.OutOfMemoryError` comes from the allocator for CUDA; libraries for convolutions and other devices report the same
 * with other types and only in words, and memory of the CPU has types and words of its own.
 */
const isOutOfMemory = ({ errorType, message }: JobFailed["failures"][number]["error"]): boolean =>
  errorType === "OutOfMemoryError" || errorType === "MemoryError" ||
  /out[ _]of[ _](?:device[ _]|host[ _])?memory|(?:can't|cannot) allocate memory|not enough memory|status_alloc_failed/i
    .test(
      message
    )

/** Whether a node failed because this server lacks something: a model, an image, a file, space on its disk. */
const isMissing = ({ errorType, message }: JobFailed["failures"][number]["error"]): boolean =>
  /NotFound|^UnknownModel/.test(errorType) || /^Unknown model\b|No space left on device/.test(message)

const fromFailures = ({ failures }: JobFailed): RetryAdvice =>
  failures.length > 0 && failures.every(({ error }) => isOutOfMemory(error) || isMissing(error))
    ? "elsewhere"
    : "never"

/** The server names the node types that it knows when it rejects another one. */
const isUnknownNode = ({ message }: { readonly message: string }): boolean =>
  message.includes("does not match any of the expected tags")

type JobReason = WorkflowNotCompleted["reason"] | SubmissionError["reason"]

type ReasonAdvice<Reason extends { readonly _tag: string }> = {
  readonly [Each in Reason as Each["_tag"]]: RetryAdvice | ((reason: Each) => RetryAdvice)
}

const jobAdvice: ReasonAdvice<JobReason> = {
  SubmissionRejected: ({ problems }) => problems.length > 0 && problems.every(isUnknownNode) ? "elsewhere" : "never",
  SubmissionIncomplete: ({ requested }) => requested === 0 ? "never" : "later",
  SubmissionUnknown: "later",
  BoardNotFound: "elsewhere",
  QueueBlocked: ({ own }) => own ? "never" : "elsewhere",
  JobFailed: fromFailures,
  JobCanceled: ({ requested }) => requested ? "never" : "later",
  JobLost: "later",
  JobTimeout: ({ canceled, status }) => canceled || status === "unsent" ? "elsewhere" : "later",
  JobNotEnded: "later"
}

const fromReason = (reason: JobReason): RetryAdvice => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- each tag leads to the entry for its own reason
  const own = jobAdvice[reason._tag] as RetryAdvice | ((reason: JobReason) => RetryAdvice)
  return typeof own === "function" ? own(reason) : own
}

/**
 * Says where a job that failed can run again.
 *
 * **Details**
 *
 * | advice | errors |
 * | --- | --- |
 * | `never` | `InvalidOption`, `InputError`, an unreadable workflow file, `WorkflowChanged`; a rejected graph or request; a node that failed; a batch that the server cannot read; a job that this program canceled; local files that cannot be read or written |
 * | `elsewhere` | a node that was out of memory; models, boards, images and node types that are missing on this server; no connection; denied access; a queue that another batch blocks; a job that was canceled because of its timeout |
 * | `later` | a busy server or proxy; a full queue; `SubmissionUnknown`; a job that the server lost, or canceled when it was restarted; a response that was cut off; a full disk; a journal that another process uses |
 *
 * If a workflow has several problems, or several items failed, the advice is `elsewhere` only if another server may solve
 * all of them.
 *
 * **Gotchas**
 *
 * After `SubmissionUnknown`, the job may be running: submit it again only under the same batch id
 * (`JobRecovery.attachOrSubmit`), on the same server. A job with a batch id of your own that failed or was canceled needs
 * another id to run again.
 *
 * @category operations
 * @since 0.1.0
 */
export const fromError = (error: RunError | JobNotFound | WorkflowChanged): RetryAdvice => {
  switch (error._tag) {
    case "InvalidOption":
    case "InputError":
    case "WorkflowNotFound":
    case "WorkflowParseError":
    case "WorkflowChanged":
      return "never"
    case "WorkflowNotReady":
      return error.problems.every(isElsewhere) ? "elsewhere" : "never"
    case "JobNotFound":
      return "later"
    case "SubmissionError":
    case "WorkflowNotCompleted":
      return fromReason(error.reason)
    case "InvokeAiError":
      return fromRequest(error)
    case "RecordError":
      return fromRecord(error)
    case "UploadError":
      return adviceOf(uploadAdvice, error.reason, error)
    case "DownloadError":
      return adviceOf(downloadAdvice, error.reason, error)
  }
}
