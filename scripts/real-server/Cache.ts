/**
 * The per-user folder in which the real server, its test model and their locks live.
 */
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as Os from "node:os"
import { DatabaseSync } from "node:sqlite"

/** The real server cannot be had or does not run; `step` says what was being done, `detail` why it went wrong. */
export class RealServerError extends Schema.TaggedError<RealServerError>()("RealServerError", {
  step: Schema.String,
  detail: Schema.String
}) {
  override get message(): string {
    return `${this.step}: ${this.detail}`
  }
}

/** Prints one line about what is being done. */
export const say = (line: string): Effect.Effect<void> => Console.error(`[real server] ${line}`)

const variable = (name: string) =>
  Config.option(Config.String(name)).pipe(
    Effect.map(Option.filter((value) => value.trim() !== "")),
    Effect.orElseSucceed(() => Option.none<string>())
  )

/**
 * The cache folder, made if it is missing: `$EFFECT_INVOKEAI_CACHE`, else `effect-invokeai` below `$XDG_CACHE_HOME`,
 * else below `~/.cache`.
 */
export const cacheFolder = Effect.gen(function*() {
  const path = yield* Path.Path
  const fs = yield* FileSystem.FileSystem
  const own = yield* variable("EFFECT_INVOKEAI_CACHE")
  const xdg = yield* variable("XDG_CACHE_HOME")
  const folder = Option.getOrElse(
    own,
    () => path.join(Option.getOrElse(xdg, () => path.join(Os.homedir(), ".cache")), "effect-invokeai")
  )
  const absolute = path.resolve(folder)
  yield* fs.makeDirectory(absolute, { recursive: true }).pipe(
    Effect.mapError((error) =>
      new RealServerError({ step: `Making the cache folder ${absolute}`, detail: error.message })
    )
  )
  return absolute
})

class Busy extends Schema.TaggedError<Busy>()("Busy", {}) {}

const tryLock = (file: string) =>
  Effect.try({
    try: () => {
      const database = new DatabaseSync(file)
      try {
        database.exec("BEGIN EXCLUSIVE")
        return database
      } catch (cause) {
        database.close()
        throw cause
      }
    },
    catch: (cause) =>
      typeof cause === "object" && cause !== null && "errcode" in cause && cause.errcode === 5
        ? new Busy()
        : new RealServerError({ step: `Locking ${file}`, detail: String(cause) })
  })

/**
 * Runs an effect while no other process runs one under the same lock file.
 *
 * The lock is SQLite's own file lock: the operating system lets go of it when the process ends, however it ends, so a
 * killed run never leaves a lock behind.
 */
export const withLock = <A, E, R>(file: string, effect: Effect.Effect<A, E, R>) =>
  Effect.acquireRelease(
    tryLock(file).pipe(
      Effect.tapErrorTag("Busy", () => say("another run is preparing the server; waiting for it")),
      Effect.catchTag("Busy", () =>
        tryLock(file).pipe(
          Effect.retry({ while: (error) => error._tag === "Busy", schedule: Schedule.spaced("500 millis") })
        )),
      Effect.catchTag("Busy", () => Effect.never)
    ),
    (database) => Effect.sync(() => database.close()),
    // Waiting for the other run can take minutes.
    { interruptible: true }
  ).pipe(Effect.andThen(effect), Effect.scoped)
