/**
 * Files that appear whole or not at all.
 *
 * **Details**
 *
 * The content goes to a temporary file in the directory of the target (`.invokeai-<process>-<random>.part`), is flushed to
 * the disk, and only then gets its name. Other processes see the complete file or none, even after a crash or on a full
 * disk. The temporary file is deleted on success, failure and interruption, and after a crash by the next download into the
 * directory.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as PlatformError from "effect/PlatformError"
import * as Schedule from "effect/Schedule"
import { systemCode } from "../../internal/fileProblem.ts"
import * as FileName from "./FileName.ts"

/**
 * What to do where a file of that name exists: fail, leave it and do nothing, take the next free name (`photo-2.png`),
 * or replace it.
 *
 * @category models
 * @since 0.1.0
 */
export type Existing = "error" | "skip" | "rename" | "overwrite"

/**
 * A temporary file and what its name will be: the target's name followed by the suffix (empty for the target itself).
 *
 * @category models
 * @since 0.1.0
 */
export interface Part {
  readonly temporary: string
  readonly suffix: string
}

/**
 * Where the parts went. `written` is false when the target existed and was to be kept.
 *
 * @category models
 * @since 0.1.0
 */
export interface CommitResult {
  readonly path: string
  readonly written: boolean
}

// File systems without hard links (FAT, some network drives) fail in different ways; a plain rename still is atomic there.
const link = (fs: FileSystem.FileSystem, from: string, to: string): Effect.Effect<void, PlatformError.PlatformError> =>
  Effect.catch(fs.link(from, to), (error) => {
    const code = systemCode(error)
    if (!["EPERM", "ENOTSUP", "EOPNOTSUPP", "ENOSYS", "EINVAL", "EMLINK", "UNKNOWN"].includes(code)) {
      return Effect.fail(error)
    }
    return Effect.flatMap(fs.exists(to), (exists) =>
      exists
        ? Effect.fail(PlatformError.systemError({
          _tag: "AlreadyExists",
          module: "FileSystem",
          method: "link",
          pathOrDescriptor: to
        }))
        : fs.rename(from, to))
  })

const refuseDirectory = (fs: FileSystem.FileSystem, file: string): Effect.Effect<void, PlatformError.PlatformError> =>
  Effect.flatMap(Effect.option(fs.lstat(file)), (info) =>
    Option.isSome(info) && info.value.type === "Directory"
      ? Effect.fail(PlatformError.systemError({
        _tag: "BadResource",
        module: "FileSystem",
        method: "rename",
        pathOrDescriptor: file,
        description: "a directory has this name"
      }))
      : Effect.void)

const maxNumber = 10_000

const isTaken = (error: PlatformError.PlatformError) => error.reason._tag === "AlreadyExists"

/**
 * Gives temporary files their names, each in one step that cannot be seen half done.
 *
 * **Details**
 *
 * The parts are named in the given order, all or none of them, so put the file that others look for last. `error`,
 * `skip` and `rename` never touch what exists, not even a file that another process created a moment ago; only with
 * `skip` a part with a suffix replaces its predecessor. With `rename` the first number is taken for which every part is
 * free: `photo.png`, `photo-2.png`, `photo-3.png`, …
 *
 * @category combinators
 * @since 0.1.0
 */
export const commit = Effect.fnUntraced(
  function*(parts: ReadonlyArray<Part>, target: string, existing: Existing): Effect.fn.Return<
    CommitResult,
    PlatformError.PlatformError,
    FileSystem.FileSystem | Path.Path
  > {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path

    const linkAll = (to: string) =>
      Effect.suspend(() => {
        const done: Array<string> = []
        return Effect.forEach(parts, (part) =>
          link(fs, part.temporary, to + part.suffix).pipe(
            Effect.tap(() => Effect.sync(() => done.push(to + part.suffix)))
          ), { discard: true }).pipe(
            Effect.tapError(() => Effect.forEach(done, (file) => Effect.ignore(fs.remove(file)), { discard: true }))
          )
      })
    const renameAll = Effect.forEach(parts, (part) => fs.rename(part.temporary, target + part.suffix), {
      discard: true
    })

    if (existing === "overwrite") {
      // no file can replace a directory: better known before the first part is named
      for (const { suffix } of parts) yield* refuseDirectory(fs, target + suffix)
      yield* renameAll
    } else if (existing === "error") {
      yield* linkAll(target)
    } else if (existing === "skip") {
      const own = parts.filter((part) => part.suffix === "")
      const written = yield* Effect.forEach(own, (part) => link(fs, part.temporary, target), { discard: true }).pipe(
        Effect.as(true),
        Effect.catchIf(isTaken, () => Effect.succeed(false))
      )
      if (!written) return { path: target, written }
      yield* Effect.forEach(
        parts.filter((part) => part.suffix !== ""),
        (part) => fs.rename(part.temporary, target + part.suffix),
        { discard: true }
      ).pipe(Effect.tapError(() => own.length === 0 ? Effect.void : Effect.ignore(fs.remove(target))))
    } else {
      let number = 1
      const candidate = () =>
        number === 1 ? target : path.join(path.dirname(target), FileName.numbered(path.basename(target), number))
      yield* Effect.suspend(() => linkAll(candidate())).pipe(
        Effect.tapError(() => Effect.sync(() => number++)),
        Effect.retry({ schedule: Schedule.recurs(maxNumber), while: isTaken })
      )
      return { path: candidate(), written: true }
    }
    return { path: target, written: true }
  },
  Effect.uninterruptible
)

/**
 * Flushes a file to the disk.
 *
 * @category combinators
 * @since 0.1.0
 */
export const sync = Effect.fnUntraced(
  function*(file: string): Effect.fn.Return<void, PlatformError.PlatformError, FileSystem.FileSystem> {
    const fs = yield* FileSystem.FileSystem
    yield* Effect.scoped(
      Effect.flatMap(fs.open(file, { flag: "r+" }), (handle) => Effect.uninterruptible(handle.sync))
    )
  }
)
