/** What happens to an item whose job failed. */
import type { DownloadErrorReason } from "@effect-invokeai/core/assets/Downloads"
import * as RetryAdvice from "@effect-invokeai/core/run/RetryAdvice"
import type * as Run from "@effect-invokeai/core/run/Run"
import * as Predicate from "effect/Predicate"

/**
 * `fail`: the item has failed. `again`: its job has ended without a result, so the item needs another one. `resume`: its job
 * may still exist or has completed, so it is tracked again.
 */
export interface Decision {
  readonly next: "fail" | "again" | "resume"
  /** Whether the cause is the server or this machine, and not the item: it should be left alone for a while. */
  readonly isFault: boolean
}

/** Downloads that can succeed when the connection is all right again. The job has completed. */
const recoverable = new Set<DownloadErrorReason>(["Connection", "Server", "Truncated", "Forbidden"])

/** Reasons for which a file cannot be written on this machine. */
const local = new Set<string>(
  [
    "DirectoryMissing",
    "NotADirectory",
    "Permission",
    "DiskFull",
    "File"
  ] satisfies ReadonlyArray<DownloadErrorReason>
)

/** Decides by the error. */
export const decide = (error: Run.RunError): Decision => {
  const advice = RetryAdvice.fromError(error)
  if (error._tag === "DownloadError" && recoverable.has(error.reason)) return { next: "resume", isFault: true }
  if (error._tag === "InvokeAiError" && advice !== "never") return { next: "resume", isFault: true }
  if (error._tag === "SubmissionError" && error.reason._tag === "SubmissionUnknown") {
    return { next: "resume", isFault: true }
  }
  if (advice === "never") return { next: "fail", isFault: false }
  const isBlocked = "reason" in error && typeof error.reason === "object" && error.reason._tag === "QueueBlocked"
  // an image whose URL cannot be read is a fault of neither server nor machine
  const isUpload = error._tag === "UploadError" && error.reason !== "Download"
  return { next: "again", isFault: isBlocked || isUpload || error._tag === "RecordError" }
}

/** The tag that says most about an error: that of its reason, if the reason is an error. */
export const tagOf = (error: Run.RunError): string =>
  "reason" in error && typeof error.reason === "object" ? error.reason._tag : error._tag

const tags = new Set<string>(
  [
    "InvalidOption",
    "InputError",
    "WorkflowNotFound",
    "WorkflowParseError",
    "WorkflowNotReady",
    "SubmissionError",
    "WorkflowNotCompleted",
    "InvokeAiError",
    "RecordError",
    "UploadError",
    "DownloadError"
  ] satisfies ReadonlyArray<Run.RunError["_tag"]>
)

/** Whether the job has completed, and its files could not be written on this machine. */
export const isStoringError = (error: unknown): error is Extract<Run.RunError, { readonly _tag: "DownloadError" }> =>
  isRunError(error) && error._tag === "DownloadError" && local.has(error.reason)

/** Whether an error is one of running an item. */
export const isRunError = (error: unknown): error is Run.RunError =>
  Predicate.hasProperty(error, "_tag") && typeof error._tag === "string" && tags.has(error._tag)
