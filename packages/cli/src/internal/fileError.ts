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

/** Why a file or directory cannot be used. */
export const describe = ({ cause, message, reason }: PlatformError): string => {
  const code = hasProperty(cause, "code") ? String(cause.code) : ""
  return byCode[code] ?? byTag[reason._tag] ?? message
}

/** The same with the path. */
export const describeWithPath = (error: PlatformError): string => {
  const path = "pathOrDescriptor" in error.reason ? error.reason.pathOrDescriptor : undefined
  return path === undefined ? error.message : `Cannot use ${JSON.stringify(String(path))}: ${describe(error)}`
}
