import * as SqliteClient from "@effect-invokeai/farm/SqliteClient"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as PersistedQueue from "effect/persistence/PersistedQueue"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"

const memory = SqliteClient.layer({ filename: ":memory:" })

describe("SqliteClient", () => {
  it.effect("returns what statements stored, with booleans, dates, bytes and missing values", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      yield* sql`CREATE TABLE things (id INTEGER PRIMARY KEY, value)`
      const date = new Date(0)
      yield* sql`INSERT INTO things ${sql.insert([{ value: "a" }, { value: true }, { value: date }, { value: null }])}`
      yield* sql`INSERT INTO things (value) VALUES (${new Uint8Array([1, 2])})`
      const rows = yield* sql<{ value: unknown }>`SELECT value FROM things ORDER BY id`
      assert.deepStrictEqual(rows.map(({ value }) => value), ["a", 1, date.toISOString(), null, new Uint8Array([1, 2])])
      assert.deepStrictEqual(yield* sql`SELECT 1, 2`.values, [[1, 2]])
    }).pipe(Effect.provide(memory)))

  it.effect("rolls a transaction back when it fails, and others wait for its end", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      yield* sql`CREATE TABLE things (id INTEGER PRIMARY KEY)`
      const failing = yield* sql`INSERT INTO things VALUES (1)`.pipe(
        Effect.andThen(Effect.yieldNow),
        Effect.andThen(Effect.fail("no")),
        sql.withTransaction,
        Effect.exit,
        Effect.forkChild({ startImmediately: true })
      )
      const other = yield* Effect.forkChild(sql`INSERT INTO things VALUES (2)`, { startImmediately: true })
      assert.strictEqual((yield* Fiber.join(failing))._tag, "Failure")
      yield* Fiber.join(other)
      assert.deepStrictEqual(yield* sql`SELECT id FROM things`.values, [[2]])
    }).pipe(Effect.provide(memory)))

  it.effect("fails with the reason that SQLite reports", () =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      yield* sql`CREATE TABLE things (id TEXT UNIQUE)`
      yield* sql`INSERT INTO things VALUES ('a')`
      const error = yield* Effect.flip(sql`INSERT INTO things VALUES ('a')`)
      assert.strictEqual(error.reason._tag, "UniqueViolation")
      assert.include(error.message, "UNIQUE constraint failed: things.id")
    }).pipe(Effect.provide(memory)))

  it.live("reports a file that another process is writing to", () =>
    Effect.gen(function*() {
      const files = yield* FileSystem.FileSystem
      const filename = `${yield* files.makeTempDirectoryScoped()}/run.db`
      const first = yield* Layer.build(SqliteClient.layer({ filename }))
      const second = yield* Layer.build(Layer.fresh(SqliteClient.layer({ filename, busyTimeout: "10 millis" })))
      const error = yield* SqlClient.SqlClient.pipe(
        Effect.flatMap((sql) =>
          sql.withTransaction(Effect.flip(Effect.provide(
            SqlClient.SqlClient.use((other) => other`CREATE TABLE things (id TEXT)`),
            second
          )))
        ),
        Effect.provide(first)
      )
      assert.strictEqual(error.reason._tag, "LockTimeoutError")
    }).pipe(Effect.scoped, Effect.provide(NodeFileSystem.layer)))

  it.live("carries Effect's own queue: an element is taken once, in order, and again after a failure", () =>
    Effect.gen(function*() {
      const queue = yield* PersistedQueue.make({ name: "numbers", schema: Schema.Int, retrySchedule: undefined })
      yield* Effect.forEach([1, 2, 2], (n) => queue.offer(n, { id: String(n) }))
      const taken = [yield* queue.take(Effect.succeed), yield* queue.take(Effect.succeed)]
      assert.deepStrictEqual(taken, [1, 2])
    }).pipe(
      Effect.provide(PersistedQueue.layer.pipe(
        Layer.provide(PersistedQueue.layerStoreSql({ pollInterval: "20 millis" })),
        Layer.provide(memory)
      ))
    ))
})
