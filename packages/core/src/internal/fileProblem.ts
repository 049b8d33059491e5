/**
 * Classifies errors of the file system by what the user can do about them.
 *
 * @since 0.1.0
 */
import type * as PlatformError from "effect/PlatformError"
import * as Predicate from "effect/Predicate"

/**
 * Why a file could not be written or read. `Permission` includes read-only disks; `File` is any other reason.
 *
 * @category models
 * @since 0.1.0
 */
export type FileProblem = "NotFound" | "NotADirectory" | "FileExists" | "Permission" | "DiskFull" | "File"

/** The code of the operating system, as in `ENOSPC`; empty if there is none. @internal */
export const systemCode = (error: PlatformError.PlatformError): string => {
  const cause = error.reason.cause
  return Predicate.hasProperty(cause, "code") && Predicate.isString(cause.code) ? cause.code : ""
}

/**
 * Classifies an error of the file system.
 *
 * @category errors
 * @since 0.1.0
 */
export const classifyFileError = (error: PlatformError.PlatformError): FileProblem => {
  const code = systemCode(error)
  if (code === "ENOSPC" || code === "EDQUOT") return "DiskFull"
  if (code === "EROFS") return "Permission"
  if (code === "ENOTDIR") return "NotADirectory"
  switch (error.reason._tag) {
    case "NotFound":
      return "NotFound"
    case "AlreadyExists":
      return "FileExists"
    case "PermissionDenied":
      return "Permission"
    default:
      return "File"
  }
}
