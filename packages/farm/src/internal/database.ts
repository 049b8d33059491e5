/** The tables of a farm, and the statements on them. Times are milliseconds since 1970. */
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Migrator from "effect/sql/Migrator"
import * as SqlClient from "effect/sql/SqlClient"
import type { SqlError } from "effect/sql/SqlError"
import { createHash } from "node:crypto"
import { FarmFailure, FarmFile, type FarmResult } from "../FarmResult.ts"

/** The table of Effect's `PersistedQueue`: each run is a queue in it. */
export const queueTable = "farm_queue"

/** How long after the last sign of life of its worker an item can be taken again. */
export const lockExpirationSeconds = 10

const createTables = Effect.gen(function*() {
  const sql = yield* SqlClient.SqlClient
  const sequence = sql.onDialectOrElse({
    pg: () => sql.literal("BIGSERIAL PRIMARY KEY"),
    orElse: () => sql.literal("INTEGER PRIMARY KEY AUTOINCREMENT")
  })
  yield* sql`CREATE TABLE farm_runs (
    run TEXT PRIMARY KEY,
    uid TEXT NOT NULL,
    state TEXT NOT NULL,
    priority INTEGER NOT NULL,
    workflow TEXT NOT NULL,
    settings TEXT NOT NULL,
    columns TEXT NOT NULL,
    created_at DOUBLE PRECISION NOT NULL
  )`
  yield* sql`CREATE TABLE farm_items (
    run TEXT NOT NULL,
    item TEXT NOT NULL,
    position INTEGER NOT NULL,
    inputs TEXT NOT NULL,
    state TEXT NOT NULL,
    server TEXT,
    generation INTEGER NOT NULL DEFAULT 0,
    attempts INTEGER NOT NULL DEFAULT 0,
    holds INTEGER NOT NULL DEFAULT 0,
    losses INTEGER NOT NULL DEFAULT 0,
    trace TEXT,
    queue_id TEXT NOT NULL,
    queued_at DOUBLE PRECISION NOT NULL,
    PRIMARY KEY (run, item)
  )`
  yield* sql`CREATE INDEX farm_items_state ON farm_items (run, state)`
  yield* sql`CREATE INDEX farm_items_position ON farm_items (run, position)`
  yield* sql`CREATE INDEX farm_items_server ON farm_items (server) WHERE state = 'running'`
  yield* sql`CREATE TABLE farm_results (
    sequence ${sequence},
    run TEXT NOT NULL,
    item TEXT NOT NULL,
    status TEXT NOT NULL,
    files TEXT NOT NULL,
    seed DOUBLE PRECISION,
    server TEXT,
    started_at DOUBLE PRECISION,
    completed_at DOUBLE PRECISION,
    attempts INTEGER NOT NULL,
    error TEXT,
    recorded_at DOUBLE PRECISION NOT NULL,
    UNIQUE (run, item)
  )`
  yield* sql`CREATE INDEX farm_results_run ON farm_results (run, sequence)`
  yield* sql`CREATE TABLE farm_servers (
    url TEXT PRIMARY KEY,
    capacity INTEGER NOT NULL,
    state TEXT NOT NULL,
    failures INTEGER NOT NULL DEFAULT 0,
    failing_since DOUBLE PRECISION,
    retry_at DOUBLE PRECISION,
    problem TEXT
  )`
  yield* sql`CREATE TABLE farm_leftovers (
    server TEXT NOT NULL,
    batch_id TEXT NOT NULL,
    abandoned_at DOUBLE PRECISION,
    PRIMARY KEY (server, batch_id)
  )`
})

/** Creates what is missing of the tables. */
export const migrate = Migrator.make({})({
  loader: Migrator.fromRecord({ "0001_farm": createTables }),
  table: "farm_migrations"
})

/** A run. */
export interface RunRow {
  readonly run: string
  /** Distinguishes the run from others of the same name, in other stores or before it was forgotten. */
  readonly uid: string
  readonly state: "active" | "paused" | "canceled"
  readonly priority: number
  readonly workflow: string
  readonly settings: string
  readonly columns: string
  readonly created_at: number
}

/** A run of which an item can be taken, and whether one of these has a place on a server. */
export interface ReadyRun extends RunRow {
  readonly has_place: 0 | 1
}

/** An item. `generation` counts the jobs that were given up, so that each job has an id of its own. */
export interface ItemRow {
  readonly run: string
  readonly item: string
  readonly position: number
  readonly inputs: string
  /** `new`: being offered. `waiting`: no job. `running`: has a job on `server`, or is about to. `ended`: has a result. */
  readonly state: "new" | "waiting" | "running" | "ended"
  readonly server: string | null
  readonly generation: number
  readonly attempts: number
  /** How many times a worker began to work on the item. With its own number, a worker knows whether it is the last one. */
  readonly holds: number
  /** How many times a worker was lost while it worked on the item. */
  readonly losses: number
  readonly trace: string | null
  readonly queued_at: number
}

/** A server. */
export interface ServerRow {
  readonly url: string
  readonly capacity: number
  readonly state: "active" | "draining" | "removed"
  readonly failures: number
  readonly failing_since: number | null
  readonly retry_at: number | null
  readonly problem: string | null
}

/** A result, joined with its item. */
export interface ResultRow {
  readonly sequence: number | string
  readonly run: string
  readonly item: string
  readonly position: number
  readonly inputs: string
  readonly status: FarmResult["status"]
  readonly files: string
  readonly seed: number | null
  readonly server: string | null
  readonly queued_at: number
  readonly started_at: number | null
  readonly completed_at: number | null
  readonly attempts: number
  readonly error: string | null
}

const digestOf = (...parts: ReadonlyArray<unknown>): string =>
  createHash("sha256").update(JSON.stringify(parts)).digest("hex")

/** The id of the batch of an item: the same wherever and whenever it is submitted. */
export const batchIdOf = (run: { readonly uid: string }, item: string, generation: number): string =>
  digestOf(run.uid, item, generation).slice(0, 32)

/** Names an item where runs of other stores, and earlier ones of this name, have items too. */
export const itemKeyOf = (run: { readonly uid: string }, item: string): string => digestOf(run.uid, item).slice(0, 32)

/** The id of an item in the queue: another one after each retry, because the queue accepts an id once. */
export const queueIdOf = (run: string, item: string, generation: number): string => digestOf(run, item, generation)

const sorted = (value: unknown): unknown =>
  Array.isArray(value)
    ? value.map(sorted)
    : typeof value === "object" && value !== null
    ? Object.fromEntries(
      Object.entries(value).toSorted(([one], [other]) => one < other ? -1 : 1).map(([key, part]) => [key, sorted(part)])
    )
    : value

/** JSON with sorted keys, so that equal values are equal strings. */
export const canonical = (value: unknown): string => JSON.stringify(sorted(value))

/** The id of an item without one: the same for the same values. */
export const contentId = (inputs: string): string => digestOf(inputs).slice(0, 16)

const decodeObject = Schema.decodeSync(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)))
const decodeColumns = Schema.decodeSync(Schema.fromJsonString(Schema.Array(Schema.String)))
const decodeFiles = Schema.decodeSync(Schema.fromJsonString(Schema.Array(FarmFile)))
const decodeError = Schema.decodeSync(Schema.fromJsonString(FarmFailure))

/** The values of an item, as they were stored. */
export const inputsOf = (row: { readonly inputs: string }): Readonly<Record<string, unknown>> =>
  decodeObject(row.inputs)

/** What a server needs to run the workflow of a run. */
export const requirementsOf = (run: RunRow): Requirements => ({
  definition: decodeObject(run.workflow),
  columns: decodeColumns(run.columns)
})

/** A result as users see it. */
export const toResult = (row: ResultRow): FarmResult => ({
  run: row.run,
  item: row.item,
  index: row.position,
  status: row.status,
  inputs: inputsOf(row),
  files: decodeFiles(row.files),
  ...(row.seed === null ? {} : { seed: row.seed }),
  ...(row.server === null ? {} : { server: row.server }),
  queuedAt: row.queued_at,
  ...(row.started_at === null ? {} : { startedAt: row.started_at }),
  ...(row.completed_at === null ? {} : { completedAt: row.completed_at }),
  attempts: row.attempts,
  ...(row.error === null ? {} : { error: decodeError(row.error) })
})

/** What is stored of a result. */
export interface NewResult {
  readonly status: FarmResult["status"]
  readonly files: ReadonlyArray<FarmFile>
  readonly seed?: number | undefined
  readonly server?: string | undefined
  readonly startedAt?: number | undefined
  readonly completedAt?: number | undefined
  readonly error?: FarmFailure | undefined
}

/** A batch of which a server may still have something. */
export interface Leftover {
  readonly batch_id: string
  /** When it was abandoned for the first time. */
  readonly abandoned_at: number | null
}

/** How late a request can arrive that a worker sent before it was suspended or killed, in milliseconds. */
const maxArrival = 60_000

/** What the farm must know of a workflow to decide whether a server can run it. */
export interface Requirements {
  /** The workflow file. */
  readonly definition: object
  /** The inputs that rows set, by public name. */
  readonly columns: ReadonlyArray<string>
}

/** All statements. */
export const make = Effect.gen(function*() {
  const sql = (yield* SqlClient.SqlClient).withoutTransforms()
  const queue = sql(queueTable)
  const first = <A>(rows: ReadonlyArray<A>): Option.Option<A> => Option.fromUndefinedOr(rows[0])
  const isPostgres = sql.onDialectOrElse({ pg: () => true, orElse: () => false })
  /** Rows that are read here stay as they are until the transaction ends; SQLite has one writer anyway. */
  const forUpdate = sql.literal(isPostgres ? "FOR UPDATE" : "")
  const now = sql.literal(isPostgres ? "NOW()" : "CURRENT_TIMESTAMP")
  const expired = sql.literal(
    isPostgres
      ? `NOW() - INTERVAL '${lockExpirationSeconds} seconds'`
      : `datetime(CURRENT_TIMESTAMP, '-${lockExpirationSeconds} seconds')`
  )
  /** What `PersistedQueue` would hand out now. */
  const isTakeable = sql`q.state = 'pending' AND q.visible_at <= ${now}
    AND (q.acquired_at IS NULL OR q.acquired_at < ${expired})`

  const isSame = (row: ItemRow) => sql`run = ${row.run} AND item = ${row.item}`
  /** The item, if no worker began to work on it since its row was read. */
  const isLastOf = (row: ItemRow) => sql`${isSame(row)} AND holds = ${row.holds}`

  const run = (name: string) => Effect.map(sql<RunRow>`SELECT * FROM farm_runs WHERE run = ${name}`, first)
  const runs = sql<RunRow>`SELECT * FROM farm_runs ORDER BY created_at DESC, run`
  const item = (run: string, item: string) =>
    Effect.map(sql<ItemRow>`SELECT * FROM farm_items WHERE run = ${run} AND item = ${item}`, first)

  /**
   * Runs of which an item can be taken now: first those with an item that has a place on the server and no worker, because
   * nothing else can have the place; then the most urgent. A paused run is only there for such an item.
   */
  const readyRuns = (server: string) =>
    sql<ReadyRun>`
      SELECT r.*, CASE WHEN EXISTS (
        SELECT 1 FROM farm_items i JOIN ${queue} q ON q.queue_name = i.run AND q.id = i.queue_id
        WHERE i.server = ${server} AND i.state = 'running' AND i.run = r.run AND ${isTakeable}
      ) THEN 1 ELSE 0 END AS has_place
      FROM farm_runs r WHERE EXISTS (SELECT 1 FROM ${queue} q WHERE q.queue_name = r.run AND ${isTakeable})
      ORDER BY has_place DESC, r.priority DESC, r.created_at, r.run`.pipe(
      Effect.map((rows) => rows.filter((row) => row.has_place === 1 || row.state !== "paused"))
    )

  /** Whether a worker holds an item that has a place on a server. */
  const isHeld = sql`EXISTS (SELECT 1 FROM ${queue} q WHERE q.queue_name = i.run AND q.id = i.queue_id
    AND q.acquired_at >= ${expired})`

  /** How many items of a server workers hold. */
  const held = (server: string) =>
    Effect.map(
      sql<{ readonly count: number }>`
        SELECT CAST(COUNT(*) AS INTEGER) AS count FROM farm_items i
        WHERE i.server = ${server} AND i.state = 'running' AND ${isHeld}`,
      (rows) => rows[0]?.count ?? 0
    )

  /** How many items of a run are in each state. Without a worker, an item waits, whether it has a job or not. */
  const states = (run: string) =>
    sql<{ readonly name: string; readonly count: number }>`
      SELECT name, CAST(COUNT(*) AS INTEGER) AS count FROM (
        SELECT CASE WHEN i.state = 'running' AND NOT ${isHeld} THEN 'waiting' ELSE i.state END AS name
        FROM farm_items i WHERE i.run = ${run}
      ) AS s GROUP BY name`

  /**
   * Puts items that have a place on a server in front of those that wait for one: a postponed item would be behind them,
   * and they could not run before it gave its place back.
   */
  const hasten = (server: string) =>
    sql`UPDATE ${queue} SET visible_at = '1970-01-01 00:00:00' WHERE state = 'pending'
      AND (acquired_at IS NULL OR acquired_at < ${expired})
      AND id IN (SELECT queue_id FROM farm_items WHERE server = ${server} AND state = 'running')`

  /** How many items of each run wait. */
  const depths = sql<{ readonly run: string; readonly waiting: number }>`
    SELECT r.run, CAST((SELECT COUNT(*) FROM farm_items i WHERE i.run = r.run AND i.state = 'waiting') AS INTEGER) AS waiting
    FROM farm_runs r WHERE r.state <> 'canceled'`

  /** How many items have, or are about to have, a job on a server. */
  const inFlight = (server: string) =>
    Effect.map(
      sql<{ readonly count: number }>`
        SELECT CAST(COUNT(*) AS INTEGER) AS count FROM farm_items WHERE server = ${server} AND state = 'running'`,
      (rows) => rows[0]?.count ?? 0
    )

  /**
   * Assigns a waiting item to a server with room, and returns its row; `undefined` if there is no room. The row of the server
   * serializes this across all processes.
   */
  const claim = (row: ItemRow, server: string) =>
    sql.withTransaction(Effect.gen(function*() {
      const [target] = yield* sql<ServerRow>`SELECT * FROM farm_servers WHERE url = ${server} ${forUpdate}`
      if (target === undefined || target.state !== "active" || (yield* inFlight(server)) >= target.capacity) {
        return undefined
      }
      const [claimed] = yield* sql<ItemRow>`
        UPDATE farm_items SET state = 'running', server = ${server}, attempts = attempts + 1, holds = holds + 1
        WHERE ${isLastOf(row)} AND state = 'waiting' RETURNING *`
      return claimed
    }))

  /** Takes an item over whose worker was lost, and returns its row; `undefined` if another worker was faster. */
  const takeOver = (row: ItemRow) =>
    Effect.map(
      sql<ItemRow>`UPDATE farm_items SET holds = holds + 1, losses = losses + 1
        WHERE ${isLastOf(row)} AND state = 'running' RETURNING *`,
      ([taken]) => taken
    )

  /** Whether a job of the worker with this row may still be submitted. It may have been suspended for a while. */
  const isHeldWith = (row: ItemRow) =>
    Effect.map(sql`SELECT 1 FROM farm_items WHERE ${isLastOf(row)} AND state = 'running'`, (rows) => rows.length > 0)

  /** The worker that took the item over was not lost itself. */
  const survive = (row: ItemRow) => sql`UPDATE farm_items SET losses = losses - 1 WHERE ${isLastOf(row)}`

  /**
   * Gives a job up: the item waits for another one, and what the server has of this one is deleted when it responds. Does
   * nothing if another worker has the item since, or it has a result.
   */
  const release = (run: { readonly uid: string }, row: ItemRow, options: {
    /** Whether the attempt does not count. */
    readonly refund?: boolean
  } = {}) =>
    sql.withTransaction(Effect.gen(function*() {
      const released = yield* sql`
        UPDATE farm_items SET state = 'waiting', server = NULL, generation = generation + 1,
          attempts = attempts - ${options.refund === true ? 1 : 0}
        WHERE ${isLastOf(row)} AND state = 'running' RETURNING item`
      if (released.length > 0) yield* leave(run, [row])
    }))

  /** Records that servers may still have something of the jobs of items. */
  const leave = (
    run: { readonly uid: string },
    items: ReadonlyArray<Pick<ItemRow, "item" | "generation" | "server">>
  ): Effect.Effect<void, SqlError> => {
    const leftovers: ReadonlyArray<Record<string, unknown>> = items.flatMap(({ generation, item, server }) =>
      server === null ? [] : [{ server, batch_id: batchIdOf(run, item, generation) }]
    )
    return Arr.isReadonlyArrayNonEmpty(leftovers)
      ? Effect.asVoid(
        sql`INSERT INTO farm_leftovers ${sql.insert(leftovers)} ON CONFLICT (server, batch_id) DO NOTHING`
      )
      : Effect.void
  }

  /**
   * Stores the result of an item, unless it has one. `publish` runs before that becomes visible. A job that completed counts,
   * even if another worker has the item since.
   */
  const finish = <E, R>(
    run: { readonly run: string; readonly uid: string },
    row: ItemRow,
    result: NewResult,
    publish: Effect.Effect<void, E, R>
  ) =>
    sql.withTransaction(Effect.gen(function*() {
      const ended = yield* sql`
        UPDATE farm_items SET state = 'ended'
        WHERE ${result.status === "completed" ? isSame(row) : isLastOf(row)} AND state <> 'ended'
        AND EXISTS (SELECT 1 FROM farm_runs WHERE run = ${run.run} AND uid = ${run.uid}) RETURNING item`
      if (ended.length === 0) return false
      // its job may still run
      if (result.status !== "completed") yield* leave(run, [row])
      yield* publish
      yield* sql`INSERT INTO farm_results ${
        sql.insert({
          run: run.run,
          item: row.item,
          status: result.status,
          files: JSON.stringify(result.files),
          seed: result.seed ?? null,
          server: result.server ?? null,
          started_at: result.startedAt ?? null,
          completed_at: result.completedAt ?? null,
          attempts: row.attempts,
          error: result.error === undefined ? null : JSON.stringify(result.error),
          recorded_at: yield* Clock.currentTimeMillis
        })
      }`
      return true
    }))

  const server = (url: string) => Effect.map(sql<ServerRow>`SELECT * FROM farm_servers WHERE url = ${url}`, first)
  const servers = sql<ServerRow>`SELECT * FROM farm_servers ORDER BY url`

  /** Records that a server does not work. */
  const markFault = (url: string, fault: {
    readonly failures: number
    readonly now: number
    readonly retryAt: number
    readonly problem: string
  }) =>
    sql`UPDATE farm_servers SET failures = ${fault.failures}, failing_since = COALESCE(failing_since, ${fault.now}),
      retry_at = ${fault.retryAt}, problem = ${fault.problem.slice(0, 1000)} WHERE url = ${url}`

  /** Records that a server works. */
  const markWell = (url: string) =>
    sql`UPDATE farm_servers SET failures = 0, failing_since = NULL, retry_at = NULL, problem = NULL WHERE url = ${url}`

  /** Whether a server has failed for so long, or was removed, that its jobs are given up. */
  const isGone = (url: string, timeout: number) =>
    Effect.gen(function*() {
      const row = Option.getOrUndefined(yield* server(url))
      if (row === undefined || row.state === "removed") return true
      return row.failing_since !== null && (yield* Clock.currentTimeMillis) - row.failing_since >= timeout
    })

  /** The batches that are to be abandoned now: each twice, because a request of a suspended worker can arrive late. */
  const leftovers = (server: string) =>
    Effect.flatMap(
      Clock.currentTimeMillis,
      (now) =>
        sql<Leftover>`SELECT batch_id, abandoned_at FROM farm_leftovers WHERE server = ${server}
        AND (abandoned_at IS NULL OR abandoned_at < ${now - maxArrival}) LIMIT 1000`
    )
  const markAbandoned = (server: string, abandoned: ReadonlyArray<Leftover>) =>
    Effect.gen(function*() {
      const ids = (isLast: boolean) =>
        abandoned.filter(({ abandoned_at }) => (abandoned_at !== null) === isLast).map(({ batch_id }) => batch_id)
      const now = yield* Clock.currentTimeMillis
      const once = ids(false)
      if (once.length > 0) {
        yield* sql`UPDATE farm_leftovers SET abandoned_at = ${now} WHERE server = ${server} AND ${
          sql.in("batch_id", once)
        }`
      }
      const twice = ids(true)
      if (twice.length > 0) {
        yield* sql`DELETE FROM farm_leftovers WHERE server = ${server} AND ${sql.in("batch_id", twice)}`
      }
    })

  const selectResults = sql.literal(`
    SELECT r.sequence, r.run, r.item, i.position, i.inputs, r.status, r.files, r.seed, r.server, i.queued_at,
      r.started_at, r.completed_at, r.attempts, r.error
    FROM farm_results r JOIN farm_items i ON i.run = r.run AND i.item = r.item`)
  const results = (run: string, after: number, limit: number) =>
    sql<ResultRow>`${selectResults}
      WHERE r.run = ${run} AND r.sequence > ${after} ORDER BY r.sequence LIMIT ${sql.literal(String(limit))}`
  const resultsByPosition = (run: string, after: number, limit: number) =>
    sql<ResultRow>`${selectResults}
      WHERE i.run = ${run} AND i.position > ${after} ORDER BY i.position LIMIT ${sql.literal(String(limit))}`

  return {
    sql,
    queue,
    run,
    runs,
    item,
    readyRuns,
    inFlight,
    depths,
    held,
    states,
    hasten,
    claim,
    takeOver,
    isHeldWith,
    survive,
    leave,
    release,
    finish,
    server,
    servers,
    markFault,
    markWell,
    isGone,
    leftovers,
    markAbandoned,
    results,
    resultsByPosition
  }
})

/** All statements. */
export type Database = Effect.Success<typeof make>
