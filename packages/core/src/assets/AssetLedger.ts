/**
 * A record of what was uploaded and has not been deleted yet, so that a crash leaves nothing behind for good.
 *
 * **Details**
 *
 * Each upload is noted before it is sent and struck out when its image is deleted, or given up on purpose. What is left
 * in a file after a crash is cleaned up by `Assets.recover`. Without a ledger nothing outlives the process.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import type * as PlatformError from "effect/PlatformError"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as Semaphore from "effect/Semaphore"
import * as AtomicFile from "./AtomicFile.ts"

/**
 * One upload.
 *
 * **Details**
 *
 * `id` is made up by the client and sent along as the image's `session_id`, by which an image is found whose name never
 * arrived. `image_name` is missing as long as it is not known. `board_id` and `starred` tell how the image was then: one
 * that was moved or starred since is not deleted.
 *
 * @category schemas
 * @since 0.1.0
 */
export const AssetRecord = Schema.Struct({
  id: Schema.String,
  server: Schema.String,
  image_name: Schema.optionalKey(Schema.String),
  board_id: Schema.NullOr(Schema.String),
  starred: Schema.Boolean
})

/**
 * One upload.
 *
 * @category models
 * @since 0.1.0
 */
export interface AssetRecord extends Schema.Schema.Type<typeof AssetRecord> {}

/**
 * Where uploads are recorded.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ledger {
  /** Adds a record, or replaces the one with the same id. */
  readonly set: (record: AssetRecord) => Effect.Effect<void>
  readonly remove: (id: string) => Effect.Effect<void>
  /** What earlier processes left: the records that were there when the ledger was opened. */
  readonly leftOver: Effect.Effect<ReadonlyArray<AssetRecord>>
}

/**
 * The ledger that `Assets` uses. The default forgets everything.
 *
 * @category references
 * @since 0.1.0
 */
export const AssetLedger = Context.Reference<Ledger>("@effect-invokeai/core/assets/AssetLedger", {
  defaultValue: () => ({ set: () => Effect.void, remove: () => Effect.void, leftOver: Effect.succeed([]) })
})

const Line = Schema.Union([
  Schema.Struct({ set: AssetRecord }),
  Schema.Struct({ remove: Schema.String })
])
const decodeLine = Schema.decodeUnknownResult(Schema.fromJsonString(Line))

const fold = (text: string): Map<string, AssetRecord> => {
  const records = new Map<string, AssetRecord>()
  for (const line of text.split("\n")) {
    // The last line may have been cut by a crash.
    const decoded = decodeLine(line)
    if (Result.isFailure(decoded)) continue
    if ("set" in decoded.success) records.set(decoded.success.set.id, decoded.success.set)
    else records.delete(decoded.success.remove)
  }
  return records
}

const toLine = (line: typeof Line.Type): string => `${JSON.stringify(line)}\n`

/**
 * Keeps the ledger in a file, one JSON object per line.
 *
 * **Details**
 *
 * The file and its folder are made when missing. Opening shortens the file to what is still open; later notes are
 * appended and flushed to the disk. A note that cannot be written is logged and does not stop the upload.
 *
 * **Gotchas**
 *
 * Give each running process a file of its own: `Assets.recover` takes what it finds there for left behind.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFile = (
  file: string
): Layer.Layer<never, PlatformError.PlatformError, FileSystem.FileSystem | Path.Path> =>
  Layer.effect(
    AssetLedger,
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const lock = yield* Semaphore.make(1)
      yield* fs.makeDirectory(path.dirname(file), { recursive: true })
      const records = (yield* fs.exists(file)) ? fold(yield* fs.readFileString(file)) : new Map<string, AssetRecord>()
      yield* Effect.scoped(Effect.gen(function*() {
        const text = Array.from(records.values(), (record) => toLine({ set: record })).join("")
        const temporary = yield* AtomicFile.temporaryText(path.dirname(file), text, { sync: true })
        yield* AtomicFile.place([{ temporary, suffix: "" }], file, "overwrite")
      }))
      const append = (line: typeof Line.Type) =>
        Effect.scoped(Effect.gen(function*() {
          const handle = yield* fs.open(file, { flag: "a" })
          yield* handle.writeAll(new TextEncoder().encode(toLine(line)))
          yield* handle.sync
        })).pipe(
          Effect.uninterruptible,
          (write) => lock.withPermit(write),
          Effect.catch((error) => Effect.logWarning("The asset ledger could not be written", error.message))
        )
      return {
        set: (record) => append({ set: record }),
        remove: (id) =>
          Effect.suspend(() => {
            records.delete(id)
            return append({ remove: id })
          }),
        leftOver: Effect.sync(() => [...records.values()])
      }
    })
  )
