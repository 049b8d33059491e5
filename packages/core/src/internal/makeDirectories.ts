import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type { PlatformError } from "effect/PlatformError"

/**
 * Creates a directory and its missing parents. Node's recursive function never returns inside a directory such as
 * `/proc`, which exists but accepts no entries.
 *
 * @internal
 */
export const makeDirectories = (
  directory: string
): Effect.Effect<void, PlatformError, FileSystem.FileSystem | Path.Path> =>
  Effect.gen(function*() {
    const fs = yield* FileSystem.FileSystem
    const above = (yield* Path.Path).dirname(directory)
    const make = Effect.catchIf(
      fs.makeDirectory(directory),
      (error) => error.reason._tag === "AlreadyExists",
      (error) =>
        Effect.flatMap(fs.stat(directory), ({ type }) => type === "Directory" ? Effect.void : Effect.fail(error))
    )
    yield* Effect.catchIf(
      make,
      (error) => error.reason._tag === "NotFound" && above !== directory,
      () =>
        Effect.flatMap(
          fs.exists(above),
          // another fiber or process may have made the directory above in between
          (exists) => Effect.andThen(exists ? Effect.void : makeDirectories(above), make)
        )
    )
  })
