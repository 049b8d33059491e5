/** Errors of the file system in plain words. */
import type { PlatformError } from "effect/PlatformError"
import { hasProperty } from "effect/Predicate"

const byCode: Readonly<Record<string, string>> = {
  EISDIR: "it is a directory, not a file",
  ENOTDIR: "a part of the path is a file, not a directory",
  ENOSPC: "the disk is full",
  EROFS: "the file system is read-only",
  ENAMETOOLONG: "the name is too long"
}

const byTag: Readonly<Record<string, string>> = {
  NotFound: "it does not exist",
  PermissionDenied: "no permission to use it",
  AlreadyExists: "it exists already"
}

/** The code of the operating system, such as `ENOENT`; `""` if it is unknown. */
export const codeOf = ({ cause }: PlatformError): string => hasProperty(cause, "code") ? String(cause.code) : ""

/** Why a file or directory cannot be used. */
export const describe = (error: PlatformError): string =>
  byCode[codeOf(error)] ?? byTag[error.reason._tag] ?? error.message

/** The same with the path. */
export const describeWithPath = (error: PlatformError): string => {
  const path = "pathOrDescriptor" in error.reason ? error.reason.pathOrDescriptor : undefined
  return path === undefined ? error.message : `Cannot use ${JSON.stringify(String(path))}: ${describe(error)}`
}
