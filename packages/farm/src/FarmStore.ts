/**
 * Where a farm keeps its runs, items, results and servers.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type * as SqlClient from "effect/sql/SqlClient"
import { DatabaseSync } from "node:sqlite"
import { FarmStoreError, StoreInUse } from "./FarmError.ts"
import * as SqliteClient from "./SqliteClient.ts"

/**
 * A store, for `Farm.layer`.
 *
 * @category models
 * @since 0.1.0
 */
export interface FarmStore {
  /** The database. @internal */
  readonly sql: Layer.Layer<SqlClient.SqlClient, FarmStoreError>
  /** Makes this process the only one that works on the store, where several cannot, until the scope closes. @internal */
  readonly exclusive: Effect.Effect<void, StoreInUse | FarmStoreError, Scope.Scope>
  /** Runs what feeds a server in one process, until the scope closes. @internal */
  readonly feed: (url: string, feeder: Effect.Effect<never>) => Effect.Effect<void, never, Scope.Scope>
}

/** Holds a write lock on a file beside the database: the operating system releases it when the process ends. */
const lockFile = (filename: string): Effect.Effect<void, StoreInUse | FarmStoreError, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.try({
      try: () => {
        const database = new DatabaseSync(`${filename}-worker`)
        try {
          database.exec("BEGIN EXCLUSIVE")
        } catch (cause) {
          database.close()
          throw cause
        }
        return database
      },
      catch: (cause) =>
        cause instanceof Error && /locked|busy/i.test(cause.message)
          ? new StoreInUse({ filename })
          : new FarmStoreError({ operation: `locking ${filename}`, cause })
    }),
    (database) => Effect.sync(() => database.close())
  ).pipe(Effect.asVoid)

/**
 * Keeps the farm in a SQLite file: nothing to install, for one machine.
 *
 * **Details**
 *
 * One process works on the file at a time; a second one fails with `StoreInUse`. Other processes on the same machine can
 * read status and results, offer rows, and pause, cancel or retry in the meantime. The directory must exist and be on a
 * local disk.
 *
 * **Example** (A farm in a file)
 *
 * ```ts
 * import { Farm } from "@effect-invokeai/farm/Farm"
 * import * as FarmStore from "@effect-invokeai/farm/FarmStore"
 *
 * export const farm = Farm.layer({
 *   servers: [{ url: "http://127.0.0.1:9090" }],
 *   store: FarmStore.sqlite({ filename: "night.db" })
 * })
 * ```
 *
 * @category stores
 * @since 0.1.0
 */
export const sqlite = (options: SqliteClient.SqliteOptions): FarmStore => ({
  sql: SqliteClient.layer(options).pipe(
    Layer.catch((cause) => Layer.effectContext(new FarmStoreError({ operation: `opening ${options.filename}`, cause })))
  ),
  feed: (_url, feeder) => Effect.asVoid(Effect.forkScoped(feeder)),
  exclusive: options.filename === ":memory:" ? Effect.void : lockFile(options.filename)
})
