/**
 * Temporary files next to their targets, and the deletion of those that killed processes left behind.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import type * as Scope from "effect/Scope"
import { ProcessIdentity } from "../files/ProcessIdentity.ts"
import * as OwnedFile from "./OwnedFile.ts"

const prefix = ".invokeai-"
const suffix = ".part"

/** A file without writes for this long does not belong to a running download. */
const maxIdle = Duration.days(1)

/**
 * The path of a temporary file in a directory: a new name. The file is deleted when the scope closes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = Effect.fnUntraced(
  function*(directory: string): Effect.fn.Return<string, never, FileSystem.FileSystem | Path.Path | Scope.Scope> {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    return yield* Effect.acquireRelease(
      Effect.map(OwnedFile.makeName(prefix, suffix), (name) => path.join(directory, name)),
      (file) => fs.remove(file, { force: true }).pipe(Effect.ignore({ log: "Warn" }))
    )
  }
)

/**
 * A temporary file with some text, flushed to the disk if `sync` is true. The file is deleted when the scope closes.
 *
 * @category constructors
 * @since 0.1.0
 */
export const makeText = Effect.fnUntraced(
  function*(directory: string, text: string, options: { readonly sync: boolean }): Effect.fn.Return<
    string,
    PlatformError.PlatformError,
    FileSystem.FileSystem | Path.Path | Scope.Scope
  > {
    const fs = yield* FileSystem.FileSystem
    const file = yield* make(directory)
    yield* Effect.scoped(Effect.gen(function*() {
      const handle = yield* fs.open(file, { flag: "wx" })
      yield* Effect.uninterruptible(handle.writeAll(new TextEncoder().encode(text)))
      if (options.sync) yield* Effect.uninterruptible(handle.sync)
    }))
    return file
  }
)

/**
 * Deletes the temporary files of processes that no longer run.
 *
 * **Details**
 *
 * If a process cannot be checked, because it ran in another container or on another machine, its files are deleted one
 * day after the last write. Returns how many temporary files remain. Never fails: the files of a directory that cannot
 * be read remain.
 *
 * @category operations
 * @since 0.1.0
 */
export const deleteAbandoned = Effect.fnUntraced(
  function*(directory: string): Effect.fn.Return<number, never, FileSystem.FileSystem | Path.Path> {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const { liveness } = yield* ProcessIdentity
    const now = yield* Clock.currentTimeMillis
    const isAbandoned = Effect.fnUntraced(function*(file: string, owner: ReturnType<typeof OwnedFile.ownerOf>) {
      const state = owner === null || owner === undefined ? "unknown" : yield* liveness(owner)
      if (state !== "unknown") return state === "dead"
      const { mtime } = yield* fs.stat(file)
      return Option.exists(mtime, (time) => now - time.getTime() > Duration.toMillis(maxIdle))
    })
    const names = yield* Effect.orElseSucceed(fs.readDirectory(directory), (): ReadonlyArray<string> => [])
    let remaining = 0
    for (const name of names) {
      const owner = OwnedFile.ownerOf(name, prefix, suffix)
      if (owner === undefined) continue
      const file = path.join(directory, name)
      const deleted = yield* isAbandoned(file, owner).pipe(
        Effect.tap((abandoned) => abandoned ? fs.remove(file, { force: true }) : Effect.void),
        Effect.orElseSucceed(() => false)
      )
      if (!deleted) remaining++
    }
    return remaining
  }
)

/**
 * Replaces a text file atomically: readers see the old or the new text, even after a crash or a power cut.
 *
 * @category operations
 * @since 0.1.0
 */
export const replaceText = Effect.fnUntraced(
  function*(file: string, text: string): Effect.fn.Return<
    void,
    PlatformError.PlatformError,
    FileSystem.FileSystem | Path.Path | Scope.Scope
  > {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const directory = path.dirname(file)
    const temporary = yield* makeText(directory, text, { sync: true })
    yield* fs.rename(temporary, file)
    // Makes the new name survive a power cut. Systems that cannot open directories do not need this.
    yield* Effect.ignore(Effect.scoped(Effect.flatMap(fs.open(directory), (handle) => handle.sync)))
  },
  (replace) => Effect.uninterruptible(Effect.scoped(replace))
)
