/**
 * A `SqlClient` on a SQLite file, with the SQLite that Node has built in: nothing to install, and no native addon.
 *
 * **When to use**
 *
 * For Effect's modules that keep something in SQL (`PersistedQueue`, `KeyValueStore`, the cluster's storages) in a program
 * on one machine. `FarmStore.sqlite` uses it.
 *
 * **Example** (Durable workflows without a database server)
 *
 * ```ts
 * import * as SqliteClient from "@effect-invokeai/farm/SqliteClient"
 * import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
 * import * as ClusterWorkflowEngine from "effect/cluster/ClusterWorkflowEngine"
 * import * as SingleRunner from "effect/cluster/SingleRunner"
 * import * as Layer from "effect/Layer"
 *
 * export const engine = ClusterWorkflowEngine.layer.pipe(
 *   Layer.provideMerge(SingleRunner.layer({ runnerStorage: "memory" })),
 *   Layer.provide([SqliteClient.layer({ filename: "workflows.db" }), NodeCrypto.layerDigest])
 * )
 * ```
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import { identity } from "effect/Function"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Reactivity from "effect/reactivity/Reactivity"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Client from "effect/sql/SqlClient"
import type { Connection } from "effect/sql/SqlConnection"
import { classifySqliteError, SqlError } from "effect/sql/SqlError"
import * as Statement from "effect/sql/Statement"
import * as Stream from "effect/Stream"
import { DatabaseSync, type SQLInputValue, type SQLOutputValue, type StatementSync } from "node:sqlite"

/**
 * Which file, and how long to wait for other processes.
 *
 * @category models
 * @since 0.1.0
 */
export interface SqliteOptions {
  /** The path of the database file, which is created if it does not exist; `":memory:"` for none. */
  readonly filename: string
  /**
   * How long a statement waits while another process writes to the file, before it fails with the reason
   * `LockTimeoutError`.
   *
   * @default "10 seconds"
   */
  readonly busyTimeout?: Duration.Input | undefined
}

/** How many prepared statements are kept. */
const maxStatements = 200

/** SQLite has neither booleans nor dates. */
const parameter = (value: unknown): SQLInputValue => {
  if (value === undefined || value === null) return null
  if (typeof value === "boolean") return value ? 1 : 0
  if (value instanceof Date) return value.toISOString()
  if (typeof value === "number" || typeof value === "bigint" || typeof value === "string") return value
  if (value instanceof Uint8Array) return value
  return JSON.stringify(value)
}

/** Node reports SQLite's code as `errcode`; Effect reads `code`. */
const sqlError = (cause: unknown, operation: string): SqlError => {
  const code = Predicate.hasProperty(cause, "errcode") ? cause.errcode : undefined
  const message = cause instanceof Error ? cause.message : "SQLite failed"
  return new SqlError({
    reason: classifySqliteError(Object.assign(new Error(message, { cause }), { code }), { message, operation })
  })
}

const attemptOnce = <A>(operation: string, evaluate: () => A): Effect.Effect<A, SqlError> =>
  Effect.try({ try: evaluate, catch: (cause) => sqlError(cause, operation) })

const makeConnection = (database: DatabaseSync, busyTimeout: Duration.Input): Connection => {
  // SQLite's own waiting would block the program, also one that holds the lock in another connection
  const attempt = <A>(operation: string, evaluate: () => A) =>
    Effect.retry(attemptOnce(operation, evaluate), {
      while: ({ reason }) => reason._tag === "LockTimeoutError",
      schedule: Schedule.max([Schedule.spaced("10 millis"), Schedule.during(busyTimeout)])
    })
  const statements = new Map<string, StatementSync>()
  const prepare = (sql: string): StatementSync => {
    const known = statements.get(sql)
    if (known !== undefined) return known
    const statement = database.prepare(sql)
    statements.set(sql, statement)
    const [oldest] = statements.keys()
    if (statements.size > maxStatements && oldest !== undefined) statements.delete(oldest)
    return statement
  }
  const all = (statement: StatementSync, params: ReadonlyArray<unknown>) => statement.all(...params.map(parameter))
  const values = (statement: StatementSync, params: ReadonlyArray<unknown>) =>
    all(statement, params).map((row): ReadonlyArray<SQLOutputValue> => Object.values(row))
  return {
    execute: (sql, params, transformRows) =>
      Effect.map(attempt("execute", () => all(prepare(sql), params)), transformRows ?? identity),
    executeRaw: (sql, params) => attempt("execute", () => all(prepare(sql), params)),
    executeStream: (sql, params, transformRows) =>
      Stream.unwrap(
        Effect.map(attempt("stream", () => all(prepare(sql), params)), (rows) =>
          Stream.fromIterable((transformRows ?? identity)(rows)))
      ),
    executeValues: (sql, params) => attempt("execute", () => values(prepare(sql), params)),
    executeValuesUnprepared: (sql, params) => attempt("execute", () => values(database.prepare(sql), params)),
    executeUnprepared: (sql, params, transformRows) =>
      Effect.map(attempt("execute", () => all(database.prepare(sql), params)), transformRows ?? identity)
  }
}

const open = ({ filename }: SqliteOptions): DatabaseSync => {
  const database = new DatabaseSync(filename)
  // for the next line, which needs the file alone for a moment
  database.exec("PRAGMA busy_timeout = 1000")
  database.exec("PRAGMA journal_mode = WAL")
  // with WAL, a crash of the machine can undo the last transactions, and cannot damage the file
  database.exec("PRAGMA synchronous = NORMAL")
  database.exec("PRAGMA busy_timeout = 0")
  return database
}

const make = Effect.fnUntraced(function*(
  options: SqliteOptions
): Effect.fn.Return<Client.SqlClient, SqlError, Scope.Scope | Reactivity.Reactivity> {
  const database = yield* Effect.acquireRelease(
    attemptOnce("connect", () => open(options)),
    (database) => Effect.sync(() => database.close())
  )
  const connection = makeConnection(database, options.busyTimeout ?? "10 seconds")
  // one connection: statements of others wait until a transaction has ended
  const semaphore = yield* Semaphore.make(1)
  const acquirer = semaphore.withPermit(Effect.succeed(connection))
  const transactionAcquirer = Effect.uninterruptibleMask((restore) =>
    Effect.flatMap(Effect.scope, (scope) =>
      restore(semaphore.take(1)).pipe(
        Effect.andThen(Scope.addFinalizer(scope, semaphore.release(1))),
        Effect.as(connection)
      ))
  )
  return yield* Client.make({
    acquirer,
    transactionAcquirer,
    compiler: Statement.makeCompilerSqlite(),
    driver: "node-sqlite",
    beginTransaction: "BEGIN IMMEDIATE",
    prepareTransactionControls: true,
    isTransaction: () => database.isTransaction,
    spanAttributes: [["db.system.name", "sqlite"]]
  })
})

/**
 * Provides a `SqlClient` on a SQLite file, which is closed with the scope.
 *
 * **Details**
 *
 * The file uses a write-ahead log (`-wal` and `-shm` beside it), so that other processes can read while one writes. Every
 * statement blocks the program while SQLite runs it. Transactions begin as writers (`BEGIN IMMEDIATE`), so that none fails
 * when it wants to write after it read.
 *
 * **Errors**
 *
 * - `SqlError` with the reason `ConnectionError`: the file cannot be opened.
 * - `SqlError` with the reason `LockTimeoutError`: another process wrote to the file during all of `busyTimeout`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (options: SqliteOptions): Layer.Layer<Client.SqlClient, SqlError> =>
  Layer.effect(Client.SqlClient, make(options)).pipe(Layer.provide(Reactivity.layer))
