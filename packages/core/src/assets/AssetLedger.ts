/**
 * A record of uploads that have not been deleted yet, and of downloads that have not ended, so that a crash leaves nothing
 * behind.
 *
 * **Details**
 *
 * Each upload is recorded before it is sent, and its record is removed when the image is deleted, or kept on purpose.
 * After a crash, `Assets.recover` deletes what the file still has. Without a ledger nothing survives the process.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type * as SqlClient from "effect/sql/SqlClient"
import { fromPlatform, RecordError } from "../files/RecordError.ts"
import * as FileLock from "../internal/FileLock.ts"
import { makeDirectories } from "../internal/makeDirectories.ts"
import * as TemporaryFile from "../internal/TemporaryFile.ts"

/**
 * One upload.
 *
 * @category schemas
 * @since 0.1.0
 */
export class AssetRecord extends Schema.Opaque<AssetRecord>()(Schema.Struct({
  /** Chosen by the client and sent as the image's `session_id`, by which an image is found whose name never arrived. */
  id: Schema.String,
  /** The base URL of the server. */
  server: Schema.String,
  /** The name of the image on the server. Missing until it is known. */
  image_name: Schema.optionalKey(Schema.String),
  /** The board that the image was on when it was recorded. An image that was moved since then is not deleted. */
  board_id: Schema.NullOr(Schema.String),
  /**
   * The batch that the image was uploaded for, by `JobRecovery.attachOrSubmit`. Absent for other uploads. The image is
   * needed until this batch has ended.
   */
  batch_id: Schema.optionalKey(Schema.String),
  /** Whether the image was starred when it was recorded. An image that was starred since then is not deleted. */
  starred: Schema.Boolean,
  /**
   * When the upload began, in milliseconds since 1970. An image that is not found is looked for again until one hour
   * after that, because the server may still receive it.
   */
  recorded_at: Schema.optionalKey(Schema.Number)
})) {}

/**
 * Where uploads are recorded.
 *
 * @category models
 * @since 0.1.0
 */
export interface Ledger {
  /** Adds a record, or replaces the one with the same id. The record is on the disk when this succeeds. */
  readonly set: (record: AssetRecord) => Effect.Effect<void, RecordError>
  /** Removes a record. A failure is logged: `Assets.recover` then finds that the image is missing. */
  readonly remove: (id: string) => Effect.Effect<void>
  /**
   * Keeps a record for `Assets.recover`: this process does not hold the image any more, but a job in the journal needs it,
   * or the server may still receive it.
   */
  readonly abandon: (id: string) => Effect.Effect<void>
  /**
   * The records that earlier processes left, and those abandoned since, without those removed since. Of a shared ledger,
   * all records.
   */
  readonly previousRecords: Effect.Effect<ReadonlyArray<AssetRecord>, RecordError>
  /** The records with a `batch_id`, of this process and of others, without those removed since. */
  readonly recordsOf: (batchId: string) => Effect.Effect<ReadonlyArray<AssetRecord>, RecordError>
  /** Whether other running processes use the ledger too, so that `previousRecords` includes theirs. */
  readonly isShared: boolean
  /** Records that temporary files are written to a directory until the scope closes. A failure is logged. */
  readonly useDirectory: (directory: string) => Effect.Effect<void, never, Scope.Scope>
  /** Deletes the temporary files that earlier processes left in recorded directories. */
  readonly deleteTemporaryFiles: Effect.Effect<void>
}

/**
 * The ledger that `Assets` and `Downloads` use. The default records nothing.
 *
 * @category references
 * @since 0.1.0
 */
export const AssetLedger = Context.Reference<Ledger>("@effect-invokeai/core/assets/AssetLedger", {
  defaultValue: () => ({
    set: () => Effect.void,
    remove: () => Effect.void,
    abandon: () => Effect.void,
    previousRecords: Effect.succeed([]),
    recordsOf: () => Effect.succeed([]),
    isShared: false,
    useDirectory: () => Effect.void,
    deleteTemporaryFiles: Effect.void
  })
})

const Line = Schema.Union([
  Schema.Struct({ set: AssetRecord }),
  Schema.Struct({ remove: Schema.String }),
  Schema.Struct({ enter: Schema.String }),
  Schema.Struct({ leave: Schema.String })
])
type Line = typeof Line.Type

const decodeLine = Schema.decodeUnknownResult(Schema.fromJsonString(Line))

const toText = (line: Line): string => `${JSON.stringify(line)}\n`

/** The content of a ledger: uploads by id, and directories with the number of downloads into them. */
class Content {
  readonly records = new Map<string, AssetRecord>()
  readonly directories = new Map<string, number>()

  apply(line: Line): void {
    if ("set" in line) this.records.set(line.set.id, line.set)
    else if ("remove" in line) this.records.delete(line.remove)
    else if ("enter" in line) this.directories.set(line.enter, (this.directories.get(line.enter) ?? 0) + 1)
    else {
      const count = (this.directories.get(line.leave) ?? 0) - 1
      if (count > 0) this.directories.set(line.leave, count)
      else this.directories.delete(line.leave)
    }
  }

  get lines(): ReadonlyArray<Line> {
    return [
      ...Array.from(this.records.values(), (record) => ({ set: record })),
      ...Array.from(this.directories).flatMap(([directory, count]) =>
        Array.from({ length: count }, () => ({ enter: directory }))
      )
    ]
  }
}

/** Whether a text is the beginning of one line. */
const isCutOff = (text: string): boolean =>
  !text.includes("\n") && ["set", "remove", "enter", "leave"].some((key) => {
    const start = `{"${key}":`
    return text.startsWith(start) || start.startsWith(text)
  })

/** The content of a file; `undefined` if the file is something else. The last line may be cut off by a crash. */
const parse = (text: string): Content | undefined => {
  const content = new Content()
  const lines = text.split("\n").filter((line) => line.trim() !== "")
  let read = 0
  for (const line of lines) {
    const decoded = decodeLine(line)
    if (Result.isFailure(decoded)) continue
    read++
    content.apply(decoded.success)
  }
  return read > 0 || lines.length === 0 || isCutOff(text) ? content : undefined
}

/** The file is rewritten when it has this many lines that are not needed any more. */
const maxObsoleteLines = 1000

const make = Effect.fnUntraced(function*(file: string): Effect.fn.Return<
  Ledger,
  RecordError,
  FileSystem.FileSystem | Path.Path | Scope.Scope
> {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const files = yield* Effect.context<FileSystem.FileSystem | Path.Path>()
  const record = { record: "ledger", path: file } as const
  const openError = Effect.mapError(fromPlatform(record, "open"))
  const readError = Effect.mapError(fromPlatform(record, "read"))
  const writeError = Effect.mapError(fromPlatform(record, "write"))
  const semaphore = yield* Semaphore.make(1)

  yield* makeDirectories(path.dirname(file)).pipe(openError)
  // a link stays one: the file that it points to is replaced
  const exists = yield* fs.exists(file).pipe(openError)
  const target = exists ? yield* fs.realPath(file).pipe(openError) : file
  const directory = path.dirname(target)
  const lock = yield* FileLock.acquire({ directory, prefix: `.${path.basename(target)}-`, record })
  yield* TemporaryFile.deleteAbandoned(directory)
  const content = parse(exists ? yield* fs.readFileString(target).pipe(readError) : "")
  if (content === undefined) return yield* new RecordError({ ...record, reason: "NotARecord", operation: "open" })

  const leftOver = new Set(content.records.keys())
  const leftDirectories = new Map(content.directories)
  let obsolete = 0
  let endsCutOff = false

  const rewrite = Effect.suspend(() => TemporaryFile.replaceText(target, content.lines.map(toText).join(""))).pipe(
    Effect.provideContext(files),
    Effect.tap(() =>
      Effect.sync(() => {
        endsCutOff = false
      })
    )
  )
  yield* rewrite.pipe(writeError)

  const append = (line: Line, options: { readonly sync: boolean }) =>
    Effect.scoped(Effect.gen(function*() {
      // What was removed stays removed, even if that cannot be written now.
      if (!("set" in line || "enter" in line)) content.apply(line)
      yield* lock.check
      const handle = yield* fs.open(target, { flag: "a" }).pipe(writeError)
      // A line that was cut off, on a full disk, must not spoil this one.
      const text = endsCutOff ? `\n${toText(line)}` : toText(line)
      endsCutOff = true
      yield* handle.writeAll(new TextEncoder().encode(text)).pipe(writeError)
      endsCutOff = false
      if ("set" in line || "enter" in line) content.apply(line)
      else obsolete += 2
      if (options.sync) yield* handle.sync.pipe(writeError)
    })).pipe(
      Effect.andThen(Effect.suspend(() => {
        if (obsolete < maxObsoleteLines) return Effect.void
        obsolete = 0
        return Effect.catch(rewrite, (error) => Effect.logWarning("Could not compact the asset ledger", error.message))
      })),
      Effect.uninterruptible,
      (write) => semaphore.withPermit(write)
    )

  const logFailure = Effect.catch((error: RecordError) => Effect.logWarning(error.message))
  const leave = (each: string) => append({ leave: each }, { sync: false }).pipe(logFailure)

  return {
    set: (record) => append({ set: record }, { sync: true }),
    remove: (id) => append({ remove: id }, { sync: false }).pipe(logFailure),
    abandon: (id) => Effect.sync(() => void leftOver.add(id)),
    previousRecords: Effect.sync(() => [...content.records.values()].filter((each) => leftOver.has(each.id))),
    recordsOf: (batchId) =>
      Effect.sync(() => [...content.records.values()].filter((each) => each.batch_id === batchId)),
    isShared: false,
    useDirectory: (each) =>
      Effect.asVoid(Effect.acquireRelease(
        Effect.as(append({ enter: path.resolve(each) }, { sync: true }), true).pipe(
          Effect.catch((error) => Effect.as(Effect.logWarning(error.message), false))
        ),
        (entered) => entered ? leave(path.resolve(each)) : Effect.void
      )),
    deleteTemporaryFiles: Effect.gen(function*() {
      for (const [each, count] of leftDirectories) {
        if ((yield* TemporaryFile.deleteAbandoned(each)) > 0 || !leftDirectories.delete(each)) continue
        for (let index = 0; index < count; index++) yield* leave(each)
      }
    }).pipe(Effect.provideContext(files))
  }
})

/**
 * Keeps the ledger in a file, one JSON object per line.
 *
 * **Details**
 *
 * The file and its directory are created if they are missing. Records are appended and flushed to the disk; a line that was
 * cut off by a crash or a full disk is skipped. The file is shortened to what is still needed when it is opened, and
 * whenever it has 1,000 obsolete lines. An upload that cannot be recorded is not sent: it fails with `UploadError`.
 *
 * While the ledger is open, its directory has a file `.<name>-….lock`. A lock of a process that does not run any more does
 * not count. If it cannot be checked, because that process ran in another container or on another machine, opening takes up
 * to 30 seconds.
 *
 * **Errors**
 *
 * `RecordError`: the file could not be opened, or another process uses it, or it has other content.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerFile = (
  file: string
): Layer.Layer<never, RecordError, FileSystem.FileSystem | Path.Path> => Layer.effect(AssetLedger, make(file))

/**
 * Which table a ledger uses.
 *
 * @category models
 * @since 0.1.0
 */
export interface SqlLedgerOptions {
  /**
   * The name of the table, which is created if it does not exist.
   *
   * @default "invokeai_uploads"
   */
  readonly table?: string | undefined
}

// loaded on use: with it come Effect's modules for SQL
const storedInSql = Effect.promise(() => import("./internal/sqlLedger.ts"))

/**
 * Keeps the ledger in a table of a SQL database (Postgres or SQLite) that several processes and machines share.
 *
 * **When to use**
 *
 * With `JobRecovery.attachOrSubmit`, or `Run.run` with a `batchId`, if another process can continue what this one began.
 *
 * **Details**
 *
 * Holds the uploads that were made for a batch with an id of your own, by this id. When a process sees the end of the batch,
 * it deletes all uploads for it, including those of processes that were killed. `Assets.recover` deletes the uploads for
 * batches that have ended on its server, and those that are older than one hour and whose batch the server does not have.
 * Other uploads are not recorded, because no process knows whether another one still needs them.
 *
 * Temporary files of downloads are not recorded: the next download into the same directory deletes those of killed
 * processes.
 *
 * **Errors**
 *
 * `RecordError`: the table could not be created.
 *
 * **Example** (One ledger for all workers)
 *
 * ```ts
 * import * as AssetLedger from "@effect-invokeai/core/assets/AssetLedger"
 * import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
 * import * as Layer from "effect/Layer"
 * import type * as SqlClient from "effect/sql/SqlClient"
 *
 * export const servicesOn = <E>(database: Layer.Layer<SqlClient.SqlClient, E>) =>
 *   NodeInvokeAi.layer().pipe(Layer.provide(AssetLedger.layerSql()), Layer.provide(database))
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerSql = (
  options: SqlLedgerOptions = {}
): Layer.Layer<never, RecordError, SqlClient.SqlClient> =>
  Layer.effect(AssetLedger, Effect.flatMap(storedInSql, ({ make }) => make(options.table ?? "invokeai_uploads")))
