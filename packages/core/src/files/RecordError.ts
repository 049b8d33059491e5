/**
 * The error of a job journal or an asset ledger.
 *
 * @since 0.1.0
 */
import * as PlatformError from "effect/PlatformError"
import * as Schema from "effect/Schema"
import { classifyFileError } from "../internal/fileProblem.ts"
import { TaggedError } from "../internal/TaggedError.ts"

/**
 * The error of a job journal or an asset ledger.
 *
 * **Details**
 *
 * `Locked`: another process uses it. `NotARecord`: the file has other content. `Permission` includes read-only disks.
 * `NotADirectory`: a part of the path is a file. `File`: any other error of the file system or the store, see `cause`.
 *
 * @category models
 * @since 0.1.0
 */
export const RecordErrorReason = Schema.Literals([
  "Locked",
  "NotARecord",
  "Permission",
  "DiskFull",
  "NotADirectory",
  "File"
])

/**
 * The error of a job journal or an asset ledger.
 *
 * @category models
 * @since 0.1.0
 */
export type RecordErrorReason = typeof RecordErrorReason.Type

const explanations: Record<RecordErrorReason, string> = {
  Locked: "another process is using it",
  NotARecord: "the existing file has other content; choose another path",
  Permission: "access is not permitted, or the disk is read-only; check the permissions or choose another path",
  DiskFull: "the disk is full; free some space",
  NotADirectory: "a part of the path is not a directory; choose another path",
  File: "the file system or the store reported an error"
}

/**
 * A job journal or an asset ledger could not be opened, read or written.
 *
 * @category errors
 * @since 0.1.0
 */
export class RecordError extends TaggedError<RecordError>()("RecordError", {
  /** Why it failed, see `RecordErrorReason`. */
  reason: RecordErrorReason,
  /** Whether it is the job journal or the asset ledger. */
  record: Schema.Literals(["journal", "ledger"]),
  /** What failed. If a write failed, nothing was sent to the server. */
  operation: Schema.Literals(["open", "read", "write"]),
  /** Where the record is, or its key in a `KeyValueStore`. */
  path: Schema.String,
  /**
   * For `Locked`, the process that uses it, if known. For a process in a container, `pid` and `host` are those inside
   * the container.
   */
  holder: Schema.optionalKey(Schema.Struct({ pid: Schema.Int, host: Schema.String })),
  /** The error of the file system or of the store, if there is one. */
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    const name = this.record === "journal" ? "job journal" : "asset ledger"
    const what = `Could not ${this.operation} the ${name} ${JSON.stringify(this.path)}`
    if (this.reason === "Locked") {
      const holder = this.holder === undefined
        ? "another process"
        : `process ${this.holder.pid} on host ${JSON.stringify(this.holder.host)}`
      return `${what}: ${holder} is using it. Use a different one for each process, or stop that process first`
    }
    const detail = this.reason === "File" && this.cause instanceof Error ? `: ${this.cause.message}` : ""
    return `${what}: ${explanations[this.reason]}${detail}`
  }

  /** Whether opening it again can succeed: another process is using it now. */
  override get isRetryable(): boolean {
    return this.reason === "Locked"
  }
}

/** @internal */
export type RecordName = Pick<RecordError, "record" | "path">

/** @internal */
export const fromPlatform =
  (name: RecordName, operation: RecordError["operation"]) => (error: PlatformError.PlatformError): RecordError => {
    const problem = classifyFileError(error)
    // a directory cannot be created where a file is
    const reason = problem === "NotFound" ? "File" : problem === "FileExists" ? "NotADirectory" : problem
    return new RecordError({ record: name.record, path: name.path, reason, operation, cause: error })
  }

/** The error of a key-value store. If the file system caused it, that determines the reason. @internal */
export const fromStore =
  (name: RecordName, operation: RecordError["operation"]) => (error: { readonly cause?: unknown }): RecordError =>
    error.cause instanceof PlatformError.PlatformError
      ? fromPlatform(name, operation)(error.cause)
      : new RecordError({ record: name.record, path: name.path, reason: "File", operation, cause: error })
