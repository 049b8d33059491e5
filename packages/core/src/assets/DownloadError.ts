/**
 * Why a download failed.
 *
 * @since 0.1.0
 */
import type * as PlatformError from "effect/PlatformError"
import * as Schema from "effect/Schema"
import { classifyFileError } from "../internal/fileProblem.ts"
import { TaggedError } from "../internal/TaggedError.ts"
import { InvokeAiError } from "../InvokeAiError.ts"

/**
 * What kind of failure it was.
 *
 * **Details**
 *
 * About the image on the server: `NotFound` (deleted, or never there), `Forbidden` (no or no sufficient login),
 * `Connection` (no response, or the connection was cut), `Server` (it responded with an error),
 * `Unsupported` (its version has no such files), `Truncated` (the content
 * ends too early, or a part of it is missing or damaged), `InvalidImage` (no PNG, or one of another size than the server says).
 *
 * About the file: `DirectoryMissing`, `NotADirectory` (a file stands where a folder is needed), `FileExists`, `Permission`
 * (also a read-only disk), `DiskFull`, `File` (anything else the file system refuses), `InvalidTemplate`.
 *
 * About the format: `CodecMissing` (jpeg or webp were asked for but no `ImageCodec` is provided), `Encoding`.
 *
 * @category models
 * @since 0.1.0
 */
export const DownloadErrorReason = Schema.Literals([
  "NotFound",
  "Forbidden",
  "Connection",
  "Server",
  "Unsupported",
  "Truncated",
  "InvalidImage",
  "DirectoryMissing",
  "NotADirectory",
  "FileExists",
  "Permission",
  "DiskFull",
  "File",
  "InvalidTemplate",
  "CodecMissing",
  "Encoding"
])

/**
 * What kind of failure it was.
 *
 * @category models
 * @since 0.1.0
 */
export type DownloadErrorReason = typeof DownloadErrorReason.Type

const explanations: Record<DownloadErrorReason, string> = {
  NotFound: "it does not exist on the server",
  Forbidden: "the server denied access",
  Connection: "the connection failed",
  Server: "the server failed",
  Unsupported: "the version of the server does not support it",
  Truncated: "the response is incomplete",
  InvalidImage: "the response is not the expected image",
  DirectoryMissing: "the directory does not exist, or cannot be created there",
  NotADirectory: "a part of the path is a file, not a directory",
  FileExists: "the file already exists; pass ifExists: \"skip\", \"rename\" or \"overwrite\"",
  Permission: "no permission to write the file",
  DiskFull: "the disk is full",
  File: "the file system reported an error",
  InvalidTemplate: "the file name template is invalid",
  CodecMissing:
    "no ImageCodec is provided for this format; provide ImageCodec.layer of @effect-invokeai/node, or use format \"png\"",
  Encoding: "it could not be encoded"
}

/**
 * An image could not be downloaded. Nothing of it was left in the folder; it is still on the server unless the reason
 * is `NotFound`.
 *
 * @category errors
 * @since 0.1.0
 */
export class DownloadError extends TaggedError<DownloadError>()("DownloadError", {
  /** Why the download failed, see `DownloadErrorReason`. */
  reason: DownloadErrorReason,
  /** The name of the image on the server; `""` if the failure concerns all images. */
  imageName: Schema.String,
  /** The local file or folder, if the failure concerns one. */
  path: Schema.optionalKey(Schema.String),
  /** More about the reason, if known. */
  detail: Schema.optionalKey(Schema.String),
  /** The `InvokeAiError`, `PlatformError` or `ImageCodecError` behind the failure, if there is one. */
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    const what = this.imageName === "" ? "images" : `image ${JSON.stringify(this.imageName)}`
    const where = this.path === undefined ? "" : ` to ${JSON.stringify(this.path)}`
    const detail = this.detail === undefined ? "" : ` (${this.detail})`
    return `Could not download ${what}${where}: ${explanations[this.reason]}${detail}`
  }

  /**
   * Whether trying again may help.
   */
  override get isRetryable(): boolean {
    if (this.cause instanceof InvokeAiError && this.reason === "Server") return this.cause.isRetryable
    return this.reason === "Connection" || this.reason === "Truncated"
  }
}

/** @internal */
export const fromApi = (imageName: string, error: InvokeAiError): DownloadError => {
  const reason = ((): DownloadErrorReason => {
    switch (error.reason._tag) {
      case "NotFound":
        return "NotFound"
      case "Unauthorized":
      case "Forbidden":
        return "Forbidden"
      case "Transport":
        return "Connection"
      case "Unsupported":
        return "Unsupported"
      default:
        return error.isRetryable && error.status === undefined ? "Connection" : "Server"
    }
  })()
  return new DownloadError({ reason, imageName, detail: error.message, cause: error })
}

/** @internal */
export const fromPlatform =
  (imageName: string, path: string) => (error: PlatformError.PlatformError): DownloadError => {
    const problem = classifyFileError(error)
    return new DownloadError({
      reason: problem === "NotFound" ? "DirectoryMissing" : problem,
      imageName,
      path,
      cause: error
    })
  }
