/**
 * A lock on files for one process at a time.
 *
 * **Details**
 *
 * Each process that wants the lock creates its own file, named after the process, and then looks for other lock files.
 * Of two processes, the later one always sees the file of the earlier one. A file of a process that no longer runs is
 * ignored and deleted; names are unique, so this never deletes the file of a running process.
 *
 * The holder updates its file every 5 seconds. If a process cannot be checked, because it runs in another container or
 * on another machine, its file is ignored after 30 seconds without an update.
 *
 * @internal
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Random from "effect/Random"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import { ProcessIdentity } from "../files/ProcessIdentity.ts"
import { fromPlatform, RecordError, type RecordName } from "../files/RecordError.ts"
import { elapsedMillis } from "./elapsed.ts"
import * as OwnedFile from "./OwnedFile.ts"

const suffix = ".lock"
const updateIntervalMillis = 5_000
const watchInterval = "1 second"
const maxSilenceMillis = 30_000
const attempts = 5

const Holder = Schema.Struct({ pid: Schema.Int, host: Schema.String })
const HolderJson = Schema.fromJsonString(Holder)

/** A lock, held until its scope closes. @internal */
export interface FileLock {
  /** Fails if another process acquired the lock because this one was suspended for longer than 30 seconds. */
  readonly check: Effect.Effect<void, RecordError>
}

/**
 * Acquires the lock, or fails with the process that has it.
 *
 * The lock files are in `directory`, their names start with `prefix`.
 *
 * @internal
 */
export const acquire = Effect.fn("FileLock.acquire")(function*(options: {
  readonly directory: string
  readonly prefix: string
  readonly record: RecordName
}): Effect.fn.Return<FileLock, RecordError, FileSystem.FileSystem | Path.Path | Scope.Scope> {
  const { directory, prefix, record } = options
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const identity = yield* ProcessIdentity
  const own = yield* OwnedFile.makeName(prefix, suffix)
  const ownFile = path.join(directory, own)
  const openError = Effect.mapError(fromPlatform(record, "open"))

  const holderOf = (file: string) =>
    fs.readFileString(file).pipe(Effect.flatMap(Schema.decodeEffect(HolderJson)), Effect.option)

  const lockedBy = Effect.fnUntraced(function*(file: string, operation: RecordError["operation"]) {
    const holder = Option.getOrUndefined(yield* holderOf(file))
    return new RecordError({ ...record, reason: "Locked", operation, ...(holder === undefined ? {} : { holder }) })
  })

  const updatedAt = (file: string): Effect.Effect<number | undefined> =>
    fs.stat(file).pipe(
      Effect.map(({ mtime }) => Option.getOrElse(Option.map(mtime, (time) => time.getTime()), () => 0)),
      Effect.orElseSucceed(() => undefined)
    )

  /** Whether the process updates its file. Compares two states of the file, as clocks of machines differ. */
  const isUpdated = Effect.fnUntraced(function*(file: string) {
    const began = yield* elapsedMillis
    const before = yield* updatedAt(file)
    while (true) {
      const now = yield* updatedAt(file)
      if (now === undefined) return false
      if (now !== before) return true
      if ((yield* elapsedMillis) - began > maxSilenceMillis) return false
      yield* Effect.sleep(watchInterval)
    }
  })

  /** Finds the lock file of another running process. Deletes those of processes that no longer run. */
  const findOther = Effect.fnUntraced(function*() {
    for (const name of yield* fs.readDirectory(directory)) {
      const owner = name === own ? undefined : OwnedFile.ownerOf(name, prefix, suffix)
      if (owner === undefined) continue
      const file = path.join(directory, name)
      const liveness = owner === null ? "unknown" : yield* identity.liveness(owner)
      if (liveness === "alive" || (liveness === "unknown" && (yield* isUpdated(file)))) return file
      yield* fs.remove(file, { force: true })
    }
    return undefined
  })

  const { self } = identity
  const text = self === undefined ? "" : JSON.stringify({ pid: self.pid, host: self.host } satisfies typeof Holder.Type)
  const attempt: Effect.Effect<void, RecordError> = Effect.gen(function*() {
    yield* openError(fs.writeFileString(ownFile, text, { flag: "wx" }))
    const other = yield* openError(findOther())
    if (other !== undefined) return yield* yield* lockedBy(other, "open")
  }).pipe(Effect.onError(() => Effect.ignore(fs.remove(ownFile, { force: true }))))

  // Before the first attempt, because other processes check this one too.
  const update = Effect.flatMap(Clock.currentTimeMillis, (now) => fs.utimes(ownFile, now / 1000, now / 1000))
  const pause = Effect.suspend(() => identity.sleep?.(updateIntervalMillis) ?? Effect.sleep(updateIntervalMillis))
  yield* Effect.forkScoped(Effect.forever(Effect.andThen(Effect.ignore(update), pause)))

  // Two processes that start at the same time see each other; random pauses decide which one is first.
  const pauses = Schedule.recurs(attempts - 1).pipe(
    Schedule.addDelay(() => Effect.map(Random.nextIntBetween(20, 200), Duration.millis))
  )
  yield* Effect.acquireRelease(
    Effect.retry(attempt, { schedule: pauses, while: (error) => error.reason === "Locked" }),
    () => Effect.ignore(fs.remove(ownFile, { force: true })),
    { interruptible: true }
  )
  return {
    check: Effect.flatMap(
      Effect.mapError(fs.exists(ownFile), fromPlatform(record, "write")),
      (held) => {
        if (held) return Effect.void
        return Effect.gen(function*() {
          const other = yield* Effect.orElseSucceed(findOther(), () => undefined)
          return yield* other === undefined
            ? new RecordError({ ...record, reason: "Locked", operation: "write" })
            : yield* lockedBy(other, "write")
        })
      }
    )
  }
})
