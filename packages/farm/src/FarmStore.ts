/**
 * Where a farm keeps its runs, items, results and servers.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type * as SqlClient from "effect/sql/SqlClient"
import { DatabaseSync } from "node:sqlite"
import { FarmStoreError, StoreInUse } from "./FarmError.ts"
import * as SqliteClient from "./SqliteClient.ts"

/** Runs what feeds a server in one process at a time, until the scope closes. */
type Feed = (url: string, feeder: Effect.Effect<never>) => Effect.Effect<void, never, Scope.Scope>

/**
 * A store, for `Farm.layer`.
 *
 * @category models
 * @since 0.1.0
 */
export interface FarmStore {
  /** The database. @internal */
  readonly sql: Layer.Layer<SqlClient.SqlClient, FarmStoreError>
  /** Makes this process a worker until the scope closes; the only one, if the store has place for one. @internal */
  readonly join: Effect.Effect<Feed, StoreInUse | FarmStoreError, SqlClient.SqlClient | Scope.Scope>
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
  join: Effect.as(
    options.filename === ":memory:" ? Effect.void : lockFile(options.filename),
    (_url, feeder) => Effect.asVoid(Effect.forkScoped(feeder))
  )
})

/**
 * Which Postgres.
 *
 * @category models
 * @since 0.1.0
 */
export interface PostgresOptions {
  /** `postgres://user:password@host:5432/database`. */
  readonly url: Redacted.Redacted
  /**
   * How many connections a process opens at most.
   *
   * @default 10
   */
  readonly maxConnections?: number | undefined
}

const importPostgres = Effect.tryPromise({
  try: () => import("@effect/sql-pg/PgClient"),
  catch: (cause) =>
    new FarmStoreError({ operation: "loading the package @effect/sql-pg, which must be installed", cause })
})

/**
 * Keeps the farm in Postgres: any number of processes on any number of machines work on it together.
 *
 * **Details**
 *
 * Needs the package `@effect/sql-pg`. The farm creates its tables, whose names begin with `farm_`, in the first schema of
 * the search path. One process feeds a server at a time; if it is killed, another one takes over within 15 seconds. Processes
 * need no connection to each other.
 *
 * **Gotchas**
 *
 * A pooler such as PgBouncer must be in session mode: the farm uses advisory locks.
 *
 * **Example** (A farm on Postgres)
 *
 * ```ts
 * import * as FarmStore from "@effect-invokeai/farm/FarmStore"
 * import type * as Redacted from "effect/Redacted"
 *
 * export const storeAt = (url: Redacted.Redacted) => FarmStore.postgres({ url, maxConnections: 5 })
 * ```
 *
 * @category stores
 * @since 0.1.0
 */
export const postgres = ({ maxConnections = 10, url }: PostgresOptions): FarmStore => ({
  sql: Layer.unwrap(
    Effect.map(
      importPostgres,
      (PgClient) => PgClient.layer({ url, maxConnections, applicationName: "effect-invokeai farm" })
    )
  ).pipe(
    Layer.catch((cause) =>
      Layer.effectContext(
        cause._tag === "FarmStoreError" ? cause : new FarmStoreError({ operation: "connecting to Postgres", cause })
      )
    )
  ),
  join: Effect.gen(function*() {
    const Cluster = yield* Effect.promise(() => import("./internal/cluster.ts"))
    const singleton = yield* Effect.mapError(
      Cluster.join,
      (cause) => new FarmStoreError({ operation: "joining the other workers", cause })
    )
    return (url, feeder) => singleton(`farm/${url}`, feeder)
  })
})
