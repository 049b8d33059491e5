/** What users ask about runs and servers, and change. */
import * as Clock from "effect/Clock"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Csv from "effect/encoding/Csv"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as PersistedQueue from "effect/persistence/PersistedQueue"
import * as Stream from "effect/Stream"
import { FarmStoreError, RunConflict, RunNotFound, ServerNotFound } from "../FarmError.ts"
import type { FarmResult } from "../FarmResult.ts"
import type { RunStatus, ServerStatus } from "../FarmStatus.ts"
import * as Db from "./database.ts"
import { queueOf } from "./worker.ts"

/** How many rows one statement inserts or reads. */
export const pageSize = 500

interface Count {
  readonly name: string | null
  readonly count: number
}

const countsBy = (rows: ReadonlyArray<Count>) => new Map(rows.map(({ count, name }) => [name ?? "", count]))

/** Puts items into the queue of a run. An item that is in it stays there once. */
export const enqueue = Effect.fnUntraced(function*(
  run: string,
  items: ReadonlyArray<{ readonly item: string; readonly queue_id: string }>
) {
  const queue = yield* queueOf(run)
  yield* Effect.forEach(
    items,
    ({ item, queue_id }) => queue.offer({ item }, { id: queue_id }),
    { discard: true }
  )
})

const names = [
  "item",
  "index",
  "status",
  "files",
  "seed",
  "server",
  "queuedAt",
  "startedAt",
  "completedAt",
  "attempts",
  "error"
]

const time = (millis: number | undefined): string | undefined =>
  millis === undefined ? undefined : DateTime.formatIso(DateTime.makeUnsafe(millis))

const cell = (value: unknown): string | undefined =>
  value === undefined || value === null ? undefined : typeof value === "string" ? value : JSON.stringify(value)

/** One result as a record of a table: inputs have the prefix `input.`. */
const toRecord = (result: FarmResult): Readonly<Record<string, string | undefined>> => ({
  item: result.item,
  index: String(result.index),
  status: result.status,
  files: result.files.map(({ path }) => path).join("\n"),
  seed: cell(result.seed),
  server: result.server,
  queuedAt: time(result.queuedAt),
  startedAt: time(result.startedAt),
  completedAt: time(result.completedAt),
  attempts: String(result.attempts),
  error: result.error === undefined ? undefined : `${result.error.tag}: ${result.error.message}`,
  ...Object.fromEntries(Object.entries(result.inputs).map(([name, value]) => [`input.${name}`, cell(value)]))
})

/** All functions on a database. */
export const make = (db: Db.Database) => {
  const { sql } = db

  const find = Effect.fnUntraced(function*(run: string) {
    const found = yield* db.run(run)
    if (Option.isSome(found)) return found.value
    return yield* new RunNotFound({ run, runs: (yield* db.runs).slice(0, 20).map((each) => each.run) })
  })

  const findServer = Effect.fnUntraced(function*(url: string) {
    const found = yield* db.server(url)
    if (Option.isSome(found)) return found.value
    return yield* new ServerNotFound({ url, servers: (yield* db.servers).map((each) => each.url) })
  })

  const statusOf = Effect.fnUntraced(function*(row: Db.RunRow) {
    const { run } = row
    const now = yield* Clock.currentTimeMillis
    const states = countsBy(yield* db.states(run))
    const results = yield* sql<Count & { readonly server: string | null; readonly recent: number }>`
      SELECT status AS name, server, CAST(COUNT(*) AS INTEGER) AS count,
        CAST(SUM(CASE WHEN recorded_at > ${now - 60_000} THEN 1 ELSE 0 END) AS INTEGER) AS recent
      FROM farm_results WHERE run = ${run} GROUP BY status, server`
    const total = (wanted: (row: { readonly name: string | null }) => boolean) =>
      results.filter(wanted).reduce((sum, { count }) => sum + count, 0)
    const waiting = states.get("waiting") ?? 0
    const running = states.get("running") ?? 0
    const recent = results.reduce((sum, row) => sum + row.recent, 0)
    const perSecond = recent / Math.min(60, Math.max(1, (now - row.created_at) / 1000))
    const servers: Record<string, number> = {}
    for (const { count, server } of results) {
      if (server !== null) servers[server] = (servers[server] ?? 0) + count
    }
    const status: RunStatus = {
      run,
      state: row.state === "canceled"
        ? "canceled"
        : waiting + running === 0
        ? "finished"
        : row.state === "paused"
        ? "paused"
        : "running",
      priority: row.priority,
      total: [...states.values()].reduce((sum, count) => sum + count, 0),
      waiting,
      running,
      completed: total(({ name }) => name === "completed"),
      failed: total(({ name }) => name === "failed"),
      canceled: total(({ name }) => name === "canceled"),
      perSecond,
      remaining: recent === 0 ? undefined : ((waiting + running) / perSecond) * 1000,
      servers,
      createdAt: row.created_at
    }
    return status
  })

  /** An ended item whose result was removed, or is about to be stored by the same transaction. */
  const isWithoutResult = sql`i.state = 'ended'
    AND NOT EXISTS (SELECT 1 FROM farm_results r WHERE r.run = i.run AND r.item = i.item)`

  const status = Effect.fnUntraced(function*(run: string) {
    return yield* statusOf(yield* find(run))
  })

  const setState = Effect.fnUntraced(function*(run: string, state: "active" | "paused") {
    const row = yield* find(run)
    if (row.state === "canceled") return yield* new RunConflict({ run, conflict: "canceled" })
    yield* sql`UPDATE farm_runs SET state = ${state} WHERE run = ${run} AND state <> 'canceled'`
  })

  const setPriority = Effect.fnUntraced(function*(run: string, priority: number) {
    yield* find(run)
    yield* sql`UPDATE farm_runs SET priority = ${priority} WHERE run = ${run}`
  })

  const cancel = Effect.fnUntraced(function*(run: string) {
    yield* find(run)
    const now = yield* Clock.currentTimeMillis
    yield* sql.withTransaction(Effect.gen(function*() {
      // a finished run stays one, so that its failures can be run again
      yield* sql`UPDATE farm_runs SET state = 'canceled' WHERE run = ${run}
        AND EXISTS (SELECT 1 FROM farm_items i WHERE i.run = ${run} AND i.state <> 'ended')`
      // meanwhile workers claim items, and give some back: what they have, they cancel
      yield* sql`UPDATE farm_items SET state = 'ended' WHERE run = ${run} AND state = 'waiting'`
      yield* sql`INSERT INTO farm_results (run, item, status, files, attempts, recorded_at)
        SELECT i.run, i.item, 'canceled', '[]', i.attempts, CAST(${now} AS DOUBLE PRECISION)
        FROM farm_items i WHERE i.run = ${run} AND ${isWithoutResult}`
      yield* sql`DELETE FROM ${db.queue} WHERE queue_name = ${run} AND state = 'pending' AND acquired_by IS NULL
        AND id IN (SELECT queue_id FROM farm_items WHERE run = ${run} AND state = 'ended')`
    }))
  })

  const retry = Effect.fnUntraced(function*(run: string) {
    const row = yield* find(run)
    if (row.state === "canceled") return yield* new RunConflict({ run, conflict: "canceled" })
    return yield* sql.withTransaction(Effect.gen(function*() {
      yield* sql`DELETE FROM farm_results WHERE run = ${run} AND status = 'failed'`
      // a killed worker can have left its element there
      yield* sql`DELETE FROM ${db.queue} WHERE queue_name = ${run}
        AND id IN (SELECT i.queue_id FROM farm_items i WHERE i.run = ${run} AND ${isWithoutResult})`
      const items = yield* sql<{ readonly item: string; readonly generation: number }>`
        UPDATE farm_items AS i SET state = 'waiting', server = NULL, generation = generation + 1, attempts = 0, losses = 0,
          holds = holds + 1
        WHERE i.run = ${run} AND ${isWithoutResult} RETURNING item, generation`
      const queued = items.map(({ generation, item }) => ({ item, queue_id: Db.queueIdOf(run, item, generation) }))
      yield* Effect.forEach(
        queued,
        ({ item, queue_id }) => sql`UPDATE farm_items SET queue_id = ${queue_id} WHERE run = ${run} AND item = ${item}`,
        { discard: true }
      )
      yield* enqueue(run, queued)
      return items.length
    }))
  })

  const forget = Effect.fnUntraced(function*(run: string) {
    const row = yield* find(run)
    yield* sql.withTransaction(Effect.all([
      sql<Db.ItemRow>`SELECT * FROM farm_items WHERE run = ${run} AND state = 'running'`.pipe(
        Effect.flatMap((items) => db.leave(row, items))
      ),
      sql`DELETE FROM farm_runs WHERE run = ${run}`,
      sql`DELETE FROM farm_items WHERE run = ${run}`,
      sql`DELETE FROM farm_results WHERE run = ${run}`,
      sql`DELETE FROM ${db.queue} WHERE queue_name = ${run}`
    ], { discard: true }))
  })

  const isUnfinished = (run: string) =>
    Effect.map(
      sql`SELECT 1 FROM farm_items WHERE run = ${run} AND state <> 'ended' LIMIT 1`,
      (rows) => rows.length > 0
    )

  /**
   * Results in the order in which they were recorded. Transactions can become visible in another order than that of their
   * sequence numbers, so the newest are read again.
   */
  const results = (run: string, isLive: boolean) => {
    const overlap = 1000
    return Stream.unwrap(Effect.map(find(run), () =>
      Stream.paginate(
        { after: 0, seen: new Set<number>() },
        Effect.fnUntraced(function*({ after, seen }) {
          const hasMore = isLive && (yield* isUnfinished(run))
          const rows = (yield* db.results(run, after - overlap, overlap + pageSize)).map((row) => ({
            row,
            sequence: Number(row.sequence)
          })).filter(({ sequence }) => !seen.has(sequence))
          const last = rows.at(-1)?.sequence ?? after
          const kept = new Set(
            [...seen, ...rows.map(({ sequence }) => sequence)].filter((each) => each > last - overlap)
          )
          if (rows.length === 0 && hasMore) yield* Effect.sleep("500 millis")
          const next = rows.length > 0 || hasMore
            ? Option.some({ after: Math.max(after, last), seen: kept })
            : Option.none()
          return [rows.map(({ row }) => Db.toResult(row)), next] as const
        })
      )))
  }

  const table = (run: string, format: "csv" | "jsonl") =>
    Stream.unwrap(Effect.map(find(run), (row) => {
      const all = Stream.paginate(
        -1,
        Effect.fnUntraced(function*(after: number) {
          const rows = yield* db.resultsByPosition(run, after, pageSize)
          const next = rows.at(-1)?.position
          return [rows.map(Db.toResult), next === undefined ? Option.none<number>() : Option.some(next)] as const
        })
      )
      if (format === "jsonl") return Stream.map(all, (result) => `${JSON.stringify(result)}\n`)
      const columns = [...names, ...Db.requirementsOf(row).columns.map((name) => `input.${name}`)]
      return all.pipe(
        Stream.map(toRecord),
        Stream.pipeThroughChannel(Csv.encodeString({ columns, headers: true }))
      )
    }))

  const servers = Effect.gen(function*() {
    const now = yield* Clock.currentTimeMillis
    return yield* Effect.forEach(
      yield* db.servers,
      (row) =>
        Effect.map(db.held(row.url), (running): ServerStatus => ({
          url: row.url,
          concurrency: row.capacity,
          running,
          state: row.state === "active" && row.retry_at !== null && row.failures > 0 && row.retry_at > now - 60_000
            ? "failing"
            : row.state,
          failures: row.failures,
          failingSince: row.failing_since ?? undefined,
          retryAt: row.retry_at ?? undefined,
          problem: row.problem ?? undefined
        }))
    )
  })

  const addServer = (url: string, concurrency: number) =>
    sql`INSERT INTO farm_servers ${sql.insert({ url, capacity: concurrency, state: "active" })}
      ON CONFLICT (url) DO UPDATE SET capacity = ${concurrency}, state = 'active'`

  /** As `addServer`, for servers of a configuration: one that is draining stays so. */
  const configureServer = (url: string, concurrency: number) =>
    sql`INSERT INTO farm_servers ${sql.insert({ url, capacity: concurrency, state: "active" })}
      ON CONFLICT (url) DO UPDATE SET capacity = ${concurrency},
        state = CASE WHEN farm_servers.state = 'removed' THEN 'active' ELSE farm_servers.state END`

  const setServerState = Effect.fnUntraced(function*(url: string, state: Db.ServerRow["state"]) {
    yield* findServer(url)
    yield* sql`UPDATE farm_servers SET state = ${state} WHERE url = ${url}`
  })

  /** Removes what has to be kept no longer. */
  const cleanUp = Effect.fnUntraced(function*(retention: number) {
    const before = (yield* Clock.currentTimeMillis) - retention
    const old = yield* sql<{ readonly run: string }>`
      SELECT r.run FROM farm_runs r WHERE r.created_at < ${before}
      AND NOT EXISTS (SELECT 1 FROM farm_items i WHERE i.run = r.run AND i.state <> 'ended')
      AND NOT EXISTS (SELECT 1 FROM farm_results s WHERE s.run = r.run AND s.recorded_at >= ${before})`
    yield* Effect.forEach(old, ({ run }) => forget(run), { discard: true })
    // jobs on servers that never return
    yield* sql`DELETE FROM farm_leftovers WHERE server NOT IN (SELECT url FROM farm_servers)`
  })

  return {
    find,
    status,
    statusOf,
    isUnfinished,
    setState,
    setPriority,
    cancel,
    retry,
    forget,
    results,
    table,
    servers,
    addServer,
    configureServer,
    setServerState,
    cleanUp
  }
}

/** All functions on a database. */
export type Control = ReturnType<typeof make>

/** The queue of all runs. */
export const queueStore = PersistedQueue.layerStoreSql({
  tableName: Db.queueTable,
  pollInterval: "500 millis",
  lockRefreshInterval: "3 seconds",
  lockExpiration: `${Db.lockExpirationSeconds} seconds`
}).pipe(
  Layer.catch((cause) => Layer.effectContext(new FarmStoreError({ operation: "creating its queue", cause })))
)
