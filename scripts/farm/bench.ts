/**
 * `pnpm bench:farm [part of a name]…`: what a farm costs, in one table: how busy it keeps servers, next to `Job.submitAll` on
 * one; how fast another worker takes over; memory; how fast the queue is, next to pg-boss; what Postgres has to do for an item.
 *
 * The parts are `busy`, `start`, `takeover`, `memory`, `statements` and `queue`; all take about six minutes. Servers are
 * simulators in processes of their own, the command is the packed one, and the times of items are those that the servers saw.
 * Needs Linux, which says how much memory a process had at most. pg-boss is installed from npm into a temporary directory.
 */
import { Farm } from "@effect-invokeai/farm/Farm"
import * as FarmStore from "@effect-invokeai/farm/FarmStore"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import { stripTypeScriptTypes } from "node:module"
import * as Os from "node:os"
import { makeConsumer } from "../lib/consumer.ts"
import { root } from "../lib/run.ts"
import { RealServerError, say } from "../real-server/Cache.ts"
import { run } from "../real-server/Command.ts"
import { freePort } from "../real-server/Server.ts"
import * as Postgres from "./Postgres.ts"
import { manage, type Managed } from "./processes.ts"
import { LogLine } from "./simulatorProcess.ts"

const step = "Measuring a farm"
const pgBoss = "12.38.0"

const wanted = process.argv.slice(2).filter((argument) => argument !== "--")
const isWanted = (name: string) => wanted.length === 0 || wanted.some((part) => name.includes(part))

/** A row of the table. */
interface Row {
  readonly what: string
  readonly farm: string
  readonly beside?: string
  readonly goal?: readonly [goal: string, met: boolean]
}

const rows: Array<Row> = []
const number = (value: number) => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)
const median = (values: ReadonlyArray<number>): number =>
  values.toSorted((one, other) => one - other)[Math.floor(values.length / 2)] ?? Number.NaN

const decodeLine = Schema.decodeSync(Schema.fromJsonString(LogLine))

/** A simulated server, and what it did. */
interface Server {
  readonly url: string
  readonly process: Managed
  readonly lines: Effect.Effect<ReadonlyArray<LogLine>, RealServerError>
}

const program = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const directory = yield* fs.makeTempDirectoryScoped({ prefix: "effect-invokeai-farm-bench-" })
  const logFile = path.join(directory, "commands.log")
  const workflow = path.join(root, "test/fixtures/workflows/exposed-fields.json")
  const nodesPerItem = 2
  const { folder, installed } = makeConsumer(directory)
  const bin = path.join(installed("@effect-invokeai/cli"), "dist/bin.js")
  const loop = path.join(folder, "loop.mjs")
  yield* fs.writeFileString(
    loop,
    stripTypeScriptTypes(yield* fs.readFileString(path.join(root, "scripts/farm/benchLoop.ts")))
  )

  /** Servers whose items take so many milliseconds. They accept connections, and end with the scope. */
  const startServers = (count: number, duration: number) =>
    Effect.forEach(
      Array.from({ length: count }, (_, index) => index),
      Effect.fnUntraced(function*(index) {
        const port = yield* freePort
        const url = `http://127.0.0.1:${port}`
        const log = path.join(directory, `server-${port}.jsonl`)
        const command = [
          process.execPath,
          path.join(root, "scripts/farm/simulatorProcess.ts"),
          String(port),
          log,
          String(duration / nodesPerItem)
        ]
        const managed = yield* manage(`server ${index}`, command, logFile)
        yield* managed.start
        yield* Effect.tryPromise({
          try: () => fetch(`${url}/api/v1/app/version`),
          catch: (cause) => new RealServerError({ step, detail: String(cause) })
        }).pipe(Effect.retry({ schedule: Schedule.spaced("100 millis"), times: 300 }))
        const lines = fs.readFileString(log).pipe(
          Effect.map((text) => text.split("\n").filter((line) => line.endsWith("}")).map((line) => decodeLine(line))),
          Effect.orElseSucceed((): ReadonlyArray<LogLine> => [])
        )
        const server: Server = { url, process: managed, lines }
        return server
      })
    )

  const eventsOf = (lines: ReadonlyArray<LogLine>, event: LogLine["event"]) =>
    lines.filter((line) => line.event === event)

  const countCompleted = (servers: ReadonlyArray<Server>) =>
    Effect.map(
      Effect.forEach(servers, ({ lines }) => lines),
      (all) => eventsOf(all.flat(), "completed").length
    )

  const waitFor = <E>(what: string, condition: Effect.Effect<boolean, E>) =>
    Effect.repeat(condition, { until: (isMet) => isMet, schedule: Schedule.spaced("100 millis") }).pipe(
      Effect.timeoutOrElse({
        duration: "4 minutes",
        orElse: () => Effect.fail(new RealServerError({ step, detail: `${what} did not happen within 4 minutes.` }))
      })
    )

  /** How busy servers were between the first item that one of them got and the last that one of them completed. */
  const busyShare = Effect.fnUntraced(function*(servers: ReadonlyArray<Server>) {
    const logs = yield* Effect.forEach(servers, ({ lines }) => lines)
    const from = Math.min(...eventsOf(logs.flat(), "enqueued").map(({ at }) => at))
    const to = Math.max(...eventsOf(logs.flat(), "completed").map(({ at }) => at))
    let busy = 0
    for (const lines of logs) {
      const begun = new Map(eventsOf(lines, "in_progress").map(({ at, batchId }) => [batchId, at]))
      for (const { at, batchId } of eventsOf(lines, "completed")) busy += at - (begun.get(batchId) ?? at)
    }
    return { share: busy / (servers.length * (to - from)), seconds: (to - from) / 1000 }
  })

  let tables = 0
  const table = Effect.fnUntraced(function*(items: number) {
    const file = path.join(directory, `rows-${tables++}.csv`)
    const lines = Array.from(
      { length: items },
      (_, index) => `item-${index},${64 + 8 * (index % 20)},${64 + (index % 500)}`
    )
    yield* fs.writeFileString(file, ["id,width,height", ...lines, ""].join("\n"))
    return file
  })

  /** `effect-invokeai batch`, to its end. Returns its seconds. */
  const batch = Effect.fnUntraced(
    function*(state: string, items: number, servers: ReadonlyArray<Server>, ...flags: ReadonlyArray<string>) {
      const args = [
        bin,
        "batch",
        workflow,
        "--rows",
        yield* table(items),
        "--out",
        path.join(directory, "outputs"),
        ...servers.flatMap(({ url }) => ["--server", url]),
        ...flags
      ]
      const from = yield* Clock.currentTimeMillis
      yield* run(process.execPath, args, { step, logFile, env: { INVOKEAI_STATE: state } })
      return ((yield* Clock.currentTimeMillis) - from) / 1000
    }
  )

  const newWorker = (name: string, state: string) =>
    manage(name, [process.execPath, bin, "worker", "--out", path.join(directory, "outputs")], logFile, {
      INVOKEAI_STATE: state
    })

  const submitAll = Effect.fnUntraced(function*(server: Server, items: number) {
    const out = path.join(directory, `loop-${tables++}`)
    const from = yield* Clock.currentTimeMillis
    yield* run(process.execPath, [loop, server.url, workflow, String(items), out], { step, logFile })
    return ((yield* Clock.currentTimeMillis) - from) / 1000
  })

  const sqlite = () => path.join(directory, `state-${tables++}.db`)

  const measureBusy = Effect.gen(function*() {
    const two = yield* startServers(2, 1000)
    yield* batch(sqlite(), 60, two)
    const farm = yield* busyShare(two)
    for (const [items, duration] of [[30, 1000], [100, 100]] as const) {
      const [forLoop, forBatch] = yield* startServers(2, duration)
      if (forLoop === undefined || forBatch === undefined) continue
      const loopSeconds = yield* submitAll(forLoop, items)
      const batchSeconds = yield* batch(sqlite(), items, [forBatch])
      const plain = yield* busyShare([forLoop])
      const one = yield* busyShare([forBatch])
      if (duration === 1000) {
        rows.push({
          what: "busy share of 2 servers, 60 items of 1 s",
          farm: `${number(farm.share * 100)} %`,
          beside: `${number(plain.share * 100)} %: submitAll, one server`,
          goal: ["> 95 %", farm.share > 0.95]
        })
      }
      const ratio = one.seconds / plain.seconds
      rows.push(
        {
          what: `${items} items of ${duration} ms on one server, first to last`,
          farm: `${number(one.seconds)} s`,
          beside: `${number(plain.seconds)} s: submitAll`,
          // what the same program differs by from one time to the next
          goal: ["≤ 1.02 times", ratio <= 1.02]
        },
        {
          what: `${items} items of ${duration} ms on one server, whole command`,
          farm: `${number(batchSeconds)} s`,
          beside: `${number(loopSeconds)} s: submitAll`
        }
      )
    }
  }).pipe(Effect.scoped)

  const measureStart = Effect.gen(function*() {
    const servers = yield* startServers(1, 0)
    const times = yield* Effect.forEach(
      Array.from({ length: 5 }),
      Effect.fnUntraced(function*() {
        const name = `start-${tables++}`
        const from = yield* Clock.currentTimeMillis
        const firstImage = fs.readDirectory(path.join(directory, "outputs", name)).pipe(
          Effect.orElseSucceed((): ReadonlyArray<string> => []),
          Effect.repeat({
            until: (files) => files.some((file) => file.endsWith(".png")),
            schedule: Schedule.spaced("5 millis")
          }),
          Effect.andThen(Clock.currentTimeMillis)
        )
        const [seconds, at] = yield* Effect.all([
          batch(sqlite(), 1, servers, "--run", name),
          Effect.timeout(firstImage, "1 minute").pipe(
            Effect.mapError(({ message }) => new RealServerError({ step, detail: `No image was written: ${message}` }))
          )
        ], { concurrency: 2 })
        return { whole: seconds, image: (at - from) / 1000 }
      })
    )
    const url = servers[0]?.url ?? ""
    const plain = yield* Effect.forEach(
      Array.from({ length: 5 }),
      Effect.fnUntraced(function*() {
        const from = yield* Clock.currentTimeMillis
        yield* run(
          process.execPath,
          [bin, "run", workflow, "--out", path.join(directory, `run-${tables++}`)],
          { step, logFile, env: { INVOKEAI_URL: url } }
        )
        return ((yield* Clock.currentTimeMillis) - from) / 1000
      })
    )
    rows.push(
      {
        what: "batch on SQLite: start to the first image",
        farm: `${number(median(times.map(({ image }) => image)))} s`
      },
      {
        what: "batch on SQLite: whole command for one item",
        farm: `${number(median(times.map(({ whole }) => whole)))} s`,
        beside: `${number(median(plain))} s: run`
      }
    )
  }).pipe(Effect.scoped)

  const measureTakeover = (state: string) =>
    Effect.gen(function*() {
      const servers = yield* startServers(2, 1000)
      yield* batch(state, 300, servers, "--detach")
      const workers = yield* Effect.forEach(["one", "other"], (name) => newWorker(name, state))
      yield* Effect.forEach(workers, ({ start }) => start, { discard: true })
      const pauses: Array<number> = []
      // which worker feeds which server is up to the cluster, so each is killed
      for (const worker of [...workers, ...workers]) {
        const before = yield* countCompleted(servers)
        yield* waitFor("more items", Effect.map(countCompleted(servers), (now) => now >= before + 6))
        yield* Effect.sleep("5 seconds")
        yield* worker.end("SIGKILL", 5)
        const killed = yield* Clock.currentTimeMillis
        const nextItems = Effect.map(
          Effect.forEach(servers, ({ lines }) => lines),
          (all) =>
            all.map((lines) => eventsOf(lines, "enqueued").find(({ at }) => at > killed)?.at).filter((at) =>
              at !== undefined
            )
        )
        yield* waitFor("an item on each server", Effect.map(nextItems, (all) => all.length === servers.length))
        pauses.push((Math.max(...yield* nextItems) - killed) / 1000)
        yield* worker.start
      }
      const longest = Math.max(...pauses)
      rows.push({
        what: `kill -9 of a worker to the next item on each server, ${pauses.length} times`,
        farm: `≤ ${number(longest)} s`,
        goal: ["< 15 s", longest < 15]
      })
    }).pipe(Effect.scoped)

  /** The most memory that a process had until now, in MB. */
  const peakOf = (managed: Managed) =>
    fs.readFileString(`/proc/${managed.pid() ?? 0}/status`).pipe(
      Effect.map((text) => Number(/VmHWM:\s+(\d+)/.exec(text)?.[1] ?? Number.NaN) / 1000),
      Effect.mapError((error) => new RealServerError({ step, detail: error.message }))
    )

  const measureMemory = (state: (run: string) => Effect.Effect<string, RealServerError>) =>
    Effect.gen(function*() {
      const sizes = [1000, 20_000]
      const worked = 150
      const peaks = yield* Effect.forEach(sizes, (size) =>
        Effect.gen(function*() {
          const database = yield* state(`memory_${size}`)
          const servers = yield* startServers(1, 20)
          const seconds = yield* batch(database, size, servers, "--detach")
          yield* say(`${size} items were offered in ${number(seconds)} s`)
          const worker = yield* newWorker(`worker of ${size}`, database)
          yield* worker.start
          yield* waitFor("results", Effect.map(countCompleted(servers), (completed) => completed >= worked))
          const peak = yield* peakOf(worker)
          yield* worker.end("SIGINT", 30)
          return peak
        }).pipe(Effect.scoped))
      for (const [index, peak] of peaks.entries()) {
        rows.push({
          what: `peak memory of a worker, ${sizes[index]} items in the queue`,
          farm: `${number(peak)} MB`,
          goal: ["< 250 MB", peak < 250]
        })
      }
      const [few = Number.NaN, many = Number.NaN] = peaks
      rows.push({
        what: `the same, ${sizes[1]} items next to ${sizes[0]}`,
        farm: `${number(many / few)} times`,
        goal: ["≤ 1.15 times", many / few <= 1.15]
      })
    })

  const measureStatements = (postgres: Postgres.PostgresInstance, database: string) =>
    Effect.gen(function*() {
      const sql = yield* SqlClient.SqlClient
      const farm = yield* Farm
      const items = 200
      const servers = yield* startServers(1, 20)
      yield* batch(database, items, servers, "--detach", "--run", "statements")
      const worker = yield* newWorker("worker", database)
      yield* sql`ALTER SYSTEM SET log_statement = 'all'`
      yield* sql`SELECT pg_reload_conf()`
      const snapshot = Effect.gen(function*() {
        yield* Effect.sleep("1 second")
        const log = yield* fs.readFileString(path.join(postgres.directory, "postgres.log"))
        const lines = log.split("\n").filter((line) => /LOG: {2}(statement|execute)/.test(line))
        return { at: yield* Clock.currentTimeMillis, statements: lines.length }
      })
      const written = Effect.map(
        sql<{ readonly count: number }>`
          SELECT CAST(SUM(n_tup_ins + n_tup_upd + n_tup_del) AS INTEGER) AS count FROM pg_stat_user_tables
          WHERE relname IN ('farm_items', 'farm_results', 'farm_queue')`,
        ([row]) => row?.count ?? Number.NaN
      )
      const kept = Effect.map(
        sql<
          { readonly count: number }
        >`SELECT CAST((SELECT COUNT(*) FROM farm_items) + (SELECT COUNT(*) FROM farm_results)
          + (SELECT COUNT(*) FROM farm_queue) AS INTEGER) AS count`,
        ([row]) => (row?.count ?? Number.NaN) / items
      )
      // what a worker does when it starts is not counted
      yield* farm.pause("statements")
      yield* worker.start
      yield* Effect.sleep("8 seconds")
      const first = yield* snapshot
      const writtenBefore = yield* written
      yield* farm.resume("statements")
      yield* waitFor("results", Effect.map(countCompleted(servers), (completed) => completed >= items))
      const last = yield* snapshot
      // a connection that waits reports what it counted after ten seconds
      yield* Effect.sleep("11 seconds")
      const idle = yield* snapshot
      const writtenAfter = yield* written
      yield* worker.end("SIGINT", 30)
      yield* sql`ALTER SYSTEM RESET log_statement`
      yield* sql`SELECT pg_reload_conf()`
      rows.push(
        {
          what: "Postgres: statements per item, with BEGIN and COMMIT",
          farm: number((last.statements - first.statements) / items)
        },
        { what: "Postgres: rows written per item", farm: number((writtenAfter - writtenBefore) / items) },
        { what: "Postgres: rows kept per item", farm: number(yield* kept) },
        {
          what: "Postgres: statements per second of a worker that waits, one server",
          farm: number((idle.statements - last.statements) / ((idle.at - last.at) / 1000))
        }
      )
    }).pipe(
      Effect.provide(PgClient.layer({ url: Redacted.make(database) })),
      Effect.provide(Farm.layer({ store: FarmStore.postgres({ url: Redacted.make(database) }) })),
      Effect.scoped,
      Effect.mapError((error) =>
        error._tag === "RealServerError" ? error : new RealServerError({ step, detail: error.message })
      )
    )

  const Seconds = Schema.Struct({ offer: Schema.Number, take: Schema.Number, items: Schema.optionalKey(Schema.Number) })
  const decodeSeconds = Schema.decodeSync(Schema.fromJsonString(Seconds))

  const measureQueue = (database: (name: string) => Effect.Effect<string, RealServerError>) =>
    Effect.gen(function*() {
      const items = 2000
      const servers = yield* startServers(1, 0)
      const script = (name: string) => path.join(root, "scripts/farm", name)
      const measured = (...args: ReadonlyArray<string>) =>
        Effect.map(run(process.execPath, args, { step, logFile }), (lines) => decodeSeconds(lines.at(-1) ?? ""))
      const other = path.join(directory, "pg-boss")
      yield* fs.makeDirectory(other)
      yield* fs.writeFileString(path.join(other, "package.json"), "{}")
      yield* run("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", `pg-boss@${pgBoss}`], {
        step: "Installing pg-boss",
        logFile,
        cwd: other
      })
      const boss = path.join(other, "node_modules/pg-boss/dist/index.js")
      const url = servers[0]?.url ?? ""
      const farm = {
        SQLite: yield* measured(script("benchQueue.ts"), sqlite(), url, workflow, String(items)),
        Postgres: yield* measured(script("benchQueue.ts"), yield* database("queue"), url, workflow, String(items))
      }
      const queued = yield* measured(script("benchPgBoss.ts"), boss, yield* database("boss"), String(items))
      const rate = (seconds: number | undefined) => `${Math.round(items / (seconds ?? Number.NaN))}/s`
      for (const [name, seconds] of Object.entries(farm)) {
        const beside = (figure: number) => name === "Postgres" ? { beside: `${rate(figure)}: pg-boss` } : {}
        rows.push(
          {
            what: `${name}: offers, checked and stored with their inputs`,
            farm: rate(seconds.offer),
            ...beside(queued.offer)
          },
          { what: `${name}: takes from the queue, 16 at a time`, farm: rate(seconds.take), ...beside(queued.take) },
          { what: `${name}: takes with claim of a server and result`, farm: rate(seconds.items) }
        )
      }
    }).pipe(Effect.scoped)

  const load = () => Os.loadavg().map((value) => value.toFixed(1)).join(", ")
  yield* Console.log(`load of the machine before: ${load()}`)
  if (isWanted("busy")) yield* measureBusy
  if (isWanted("start")) yield* measureStart
  if (["takeover", "memory", "statements", "queue"].some((name) => isWanted(name))) {
    const postgres = yield* Postgres.start
    /** A database of its own. */
    const database = (name: string) =>
      Effect.gen(function*() {
        const sql = yield* SqlClient.SqlClient
        yield* sql`CREATE DATABASE ${sql(name)}`
        const url = new URL(postgres.url)
        url.pathname = `/${name}`
        return url.href
      }).pipe(
        Effect.provide(PgClient.layer({ url: Redacted.make(postgres.url) })),
        Effect.catchTag("SqlError", (error) => new RealServerError({ step, detail: error.message }))
      )
    if (isWanted("takeover")) yield* measureTakeover(yield* database("takeover"))
    if (isWanted("memory")) yield* measureMemory(database)
    if (isWanted("statements")) yield* measureStatements(postgres, yield* database("statements"))
    if (isWanted("queue")) yield* measureQueue(database)
  }

  const shown = [
    ["", "farm", "beside", "goal", ""],
    ...rows.map(({ beside = "", farm, goal, what }) => [
      what,
      farm,
      beside,
      goal?.[0] ?? "",
      goal === undefined ? "" : goal[1] ? "met" : "missed"
    ])
  ]
  const widths = (shown[0] ?? []).map((_, column) => Math.max(...shown.map((row) => row[column]?.length ?? 0)))
  const processor = Os.cpus()[0]?.model ?? "unknown processor"
  yield* Console.log(
    `\nNode ${process.version}, ${processor}, ${Os.availableParallelism()} cores, load after: ${load()}\n`
  )
  for (const row of shown) {
    yield* Console.log(
      row.map((text, column) => column === 0 ? text.padEnd(widths[0] ?? 0) : text.padStart(widths[column] ?? 0)).join(
        "  "
      ).trimEnd()
    )
  }
})

program.pipe(
  Effect.scoped,
  Effect.catchTag(
    "RealServerError",
    (error) => say(error.message).pipe(Effect.andThen(Effect.sync(() => process.exitCode = 1)))
  ),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
