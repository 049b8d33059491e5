/**
 * Why an upload failed.
 *
 * @since 0.1.0
 */
import type * as PlatformError from "effect/PlatformError"
import * as Schema from "effect/Schema"
import type { RecordError } from "../files/RecordError.ts"
import { classifyFileError } from "../internal/fileProblem.ts"
import { isRetryableCause, TaggedError } from "../internal/TaggedError.ts"
import type { InvokeAiError } from "../InvokeAiError.ts"

/**
 * What kind of failure it was.
 *
 * **Details**
 *
 * Found before anything is sent: `Download` (of a URL that `run` was given), `FileMissing`, `NotAFile`, `Permission`, `OutsideRoot` (the file is not below the
 * folder that uploads are confined to), `File` (anything else the file system refuses), `NotAnImage`, `TooLarge`,
 * `NotRecorded` (the asset ledger could not be written; `cause` is the `RecordError`).
 *
 * Reported by the server: `Damaged` (it failed to store the image, whose bytes are cut off or changed), `Rejected` (it
 * cannot read the image, or refuses the request), `BoardMissing`, `ImageMissing`
 * (the image to adopt is not there), `Forbidden` (no or no sufficient login), `Server`.
 *
 * On the way: `Connection`, `Timeout`. After these the image is not on the server, or it is deleted as soon as the
 * ledger's `recover` finds it.
 *
 * @category models
 * @since 0.1.0
 */
export const UploadErrorReason = Schema.Literals([
  "FileMissing",
  "Download",
  "NotAFile",
  "Permission",
  "OutsideRoot",
  "File",
  "NotAnImage",
  "TooLarge",
  "NotRecorded",
  "Damaged",
  "Rejected",
  "BoardMissing",
  "ImageMissing",
  "Forbidden",
  "Server",
  "Connection",
  "Timeout"
])

/**
 * What kind of failure it was.
 *
 * @category models
 * @since 0.1.0
 */
export type UploadErrorReason = typeof UploadErrorReason.Type

const explanations: Record<UploadErrorReason, string> = {
  FileMissing: "the file does not exist",
  Download: "its URL could not be read",
  NotAFile: "it is not a regular file",
  Permission: "no permission to read the file",
  OutsideRoot: "it is outside the directory that uploads are restricted to",
  File: "it could not be read",
  NotAnImage: "it is not a PNG, JPEG, WebP, GIF, BMP or TIFF image",
  TooLarge: "it is too large",
  NotRecorded: "the asset ledger could not be written",
  Damaged: "the file is damaged, so the server cannot read the image",
  Rejected: "the server rejected it",
  BoardMissing: "the board does not exist",
  ImageMissing: "it does not exist on the server",
  Forbidden: "the server denied access",
  Server: "the server failed",
  Connection: "the connection failed",
  Timeout: "the upload timed out"
}

/**
 * An image could not be uploaded or adopted.
 *
 * @category errors
 * @since 0.1.0
 */
export class UploadError extends TaggedError<UploadError>()("UploadError", {
  /** Why the upload failed, see `UploadErrorReason`. */
  reason: UploadErrorReason,
  /** The path of the file, the name given to the bytes, or the name of the image to adopt. */
  source: Schema.String,
  /** More about the reason, if known. */
  detail: Schema.optionalKey(Schema.String),
  /** The `InvokeAiError` or `PlatformError` behind the failure, if there is one. */
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    const detail = this.detail === undefined ? "" : ` (${this.detail})`
    return `Could not upload ${JSON.stringify(this.source)}: ${explanations[this.reason]}${detail}`
  }

  /** Whether uploading again may succeed: the time was over, or the cause is transient. */
  override get isRetryable(): boolean {
    if (this.reason === "Damaged") return false
    return this.reason === "Timeout" || isRetryableCause(this.cause)
  }
}

/** @internal */
export const fromApi = (
  source: string,
  error: InvokeAiError,
  notFound: "BoardMissing" | "ImageMissing",
  board?: string
): UploadError => {
  const reason = ((): UploadErrorReason => {
    switch (error.reason._tag) {
      case "NotFound":
        return notFound
      case "Unauthorized":
      case "Forbidden":
        return "Forbidden"
      case "Transport":
        return "Connection"
      case "Validation":
        return "Rejected"
      default:
        return "Server"
    }
  })()
  const detail = reason === "BoardMissing" && board !== undefined
    ? `${JSON.stringify(board)}; pass the id of a board, see Boards.list: ${error.message}`
    : error.message
  return new UploadError({ reason, source, detail, cause: error })
}

/** @internal */
export const notRecorded = (source: string) => (error: RecordError): UploadError =>
  new UploadError({ reason: "NotRecorded", source, detail: error.message, cause: error })

/** @internal */
export const fromPlatform = (source: string) => (error: PlatformError.PlatformError): UploadError => {
  const problem = classifyFileError(error)
  const missing = problem === "NotFound" || problem === "NotADirectory"
  const reason = missing ? "FileMissing" : problem === "Permission" ? "Permission" : "File"
  return new UploadError({ reason, source, cause: error })
}
