/**
 * `pnpm chaos:farm`: a run of a farm on Postgres, while workers and servers are killed, workers are suspended for longer than
 * their locks last, Postgres restarts as after a crash, and the disk gets full. Checks that each item has one result, one
 * file and one job, and that nothing is left behind. Ends with one line of figures and `N passed, N failed`.
 *
 * `--items 5000 --servers 4 --workers 3 --kills 20 --stops 2 --restarts 1 --fills 1 --seed 1 --duration 50` are the defaults; `--duration` is the time
 * of each node in milliseconds. The servers are simulators in processes of their own, which forget everything when they are
 * killed. `--real` takes two real servers and 60 items instead, with four kills; a real server that is killed starts again
 * with its database.
 */
import { Farm } from "@effect-invokeai/farm/Farm"
import * as FarmStore from "@effect-invokeai/farm/FarmStore"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as PgClient from "@effect/sql-pg/PgClient"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Path from "effect/Path"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import * as SqlClient from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import { parseArgs } from "node:util"
import { batchIdOf } from "../../packages/farm/src/internal/database.ts"
import { numbers } from "../../test/real-server/crash/processes.ts"
import { root } from "../lib/run.ts"
import { say } from "../real-server/Cache.ts"
import { run as runCommand } from "../real-server/Command.ts"
import { ensureInstalled } from "../real-server/Install.ts"
import { newestVersion, releaseOf } from "../real-server/Releases.ts"
import * as ChaosServers from "./chaosServers.ts"
import * as Postgres from "./Postgres.ts"
import { manage } from "./processes.ts"

const { values } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== "--"),
  options: {
    real: { type: "boolean", default: false },
    items: { type: "string" },
    servers: { type: "string" },
    workers: { type: "string", default: "3" },
    kills: { type: "string" },
    stops: { type: "string" },
    restarts: { type: "string", default: "1" },
    fills: { type: "string", default: "1" },
    seed: { type: "string", default: "1" },
    duration: { type: "string", default: "50" },
    log: { type: "boolean", default: false },
    keep: { type: "boolean", default: false }
  }
})
const count = {
  items: Number(values.items ?? (values.real ? 60 : 5000)),
  servers: Number(values.servers ?? (values.real ? 2 : 4)),
  workers: Number(values.workers),
  kills: Number(values.kills ?? (values.real ? 4 : 20)),
  stops: Number(values.stops ?? (values.real ? 1 : 2)),
  restarts: Number(values.restarts),
  fills: Number(values.fills)
}
const random = numbers(Number(values.seed))
const pick = <A>(from: ReadonlyArray<A>): A | undefined => from[Math.floor(random() * from.length)]

/** Longer than the ten seconds after which the farm takes the work of a process over. */
const stopSeconds = 16
const step = "Chaos of the farm"
const run = "chaos"
const shownProblems = 10

/** What happens, each when this part of the items has a result. */
interface Disturbance {
  readonly at: number
  readonly what: "kill" | "stop" | "postgres" | "disk"
}

const disturbances = (): ReadonlyArray<Disturbance> => {
  const whats: Array<Disturbance["what"]> = [
    ...Array.from({ length: count.kills }, () => "kill" as const),
    ...Array.from({ length: count.stops }, () => "stop" as const),
    ...Array.from({ length: count.restarts }, () => "postgres" as const),
    ...Array.from({ length: count.fills }, () => "disk" as const)
  ]
  for (let index = whats.length - 1; index > 0; index--) {
    const other = Math.floor(random() * (index + 1))
    whats.splice(index, 1, ...whats.splice(other, 1, whats[index] ?? "kill"))
  }
  return whats.map((what, index) => ({ what, at: 0.03 + 0.9 * (index / whats.length) }))
}

const byId = <A>(all: ReadonlyArray<A>, key: (one: A) => string): ReadonlyMap<string, ReadonlyArray<A>> => {
  const groups = new Map<string, Array<A>>()
  for (const one of all) groups.set(key(one), [...(groups.get(key(one)) ?? []), one])
  return groups
}

const Total = Schema.Struct({ total: Schema.Int })
const Queue = Schema.Struct({ queue: Schema.Struct({ pending: Schema.Int, in_progress: Schema.Int }) })

/** What is left on servers. One that was killed just now needs a moment. */
const leftOn = (servers: ReadonlyArray<ChaosServers.ChaosServer>) =>
  Effect.forEach(
    servers,
    Effect.fnUntraced(function*({ name, url }) {
      const { queue } = yield* ChaosServers.read(Queue, `${url}/api/v1/queue/default/status`)
      const { total } = yield* ChaosServers.read(Total, `${url}/api/v1/images/?image_origin=external&limit=1`)
      return [
        ...(queue.pending + queue.in_progress > 0 ? [`${name} has items: ${JSON.stringify(queue)}`] : []),
        ...(total > 0 ? [`${name} has ${total} uploads`] : [])
      ]
    }, Effect.retry({ schedule: Schedule.spaced("1 second"), times: 60 }))
  ).pipe(Effect.map((problems) => problems.flat()))

/** How many jobs of one item are looked for. */
const maxGenerations = 100

/** The items of the run by the ids that their batches can have. */
const itemsByBatch = (database: string) =>
  Effect.gen(function*() {
    const sql = yield* SqlClient.SqlClient
    const rows = yield* sql<{ readonly uid: string; readonly item: string }>`
      SELECT r.uid, i.item FROM farm_runs r JOIN farm_items i ON i.run = r.run`
    return new Map(
      rows.flatMap(({ item, uid }) =>
        Array.from({ length: maxGenerations }, (_, generation) => [batchIdOf({ uid }, item, generation), item] as const)
      )
    )
  }).pipe(Effect.provide(PgClient.layer({ url: Redacted.make(database) })))

/** A small file system for the files, so that it can get full. Without the right to mount one, the disk stays as it is. */
const smallDisk = Effect.fnUntraced(function*(directory: string, logFile: string) {
  const options = { step, logFile }
  const size = Math.ceil(count.items * 0.05) + 32
  const mounted = yield* Effect.acquireRelease(
    runCommand("mount", ["-t", "tmpfs", "-o", `size=${size}m`, "tmpfs", directory], options).pipe(
      Effect.as(true),
      Effect.orElseSucceed(() => false)
    ),
    (mounted) => mounted ? Effect.ignore(runCommand("umount", ["-l", directory], options)) : Effect.void
  )
  if (!mounted) return undefined
  const filler = `${directory}/filler`
  return {
    fill: Effect.ignore(runCommand("dd", ["if=/dev/zero", `of=${filler}`, "bs=1M", `count=${size}`], options)),
    empty: Effect.ignore(runCommand("rm", ["-f", filler], options))
  }
})

const program = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const directory = values.keep
    ? yield* fs.makeTempDirectory({ prefix: "effect-invokeai-farm-chaos-" })
    : yield* fs.makeTempDirectoryScoped({ prefix: "effect-invokeai-farm-chaos-" })
  const logFile = path.join(directory, "commands.log")
  const output = path.join(directory, "outputs")
  yield* fs.makeDirectory(output)
  const disk = yield* smallDisk(output, logFile)
  const postgres = yield* Postgres.start

  const { all: servers, jobs } = values.real
    ? yield* ChaosServers.real(
      count.servers,
      directory,
      yield* Effect.flatMap(releaseOf(newestVersion), ensureInstalled)
    )
    : yield* ChaosServers.simulated(count.servers, directory, values.duration)
  const state = { INVOKEAI_STATE: postgres.url }
  const bin = path.join(root, "packages/cli/src/bin.ts")
  const workers = yield* Effect.forEach(
    Array.from({ length: count.workers }, (_, index) => index),
    (index) =>
      manage(
        `worker ${index}`,
        [process.execPath, bin, "worker", "--out", output],
        path.join(directory, `worker-${index}.log`),
        state
      )
  )

  const example = (name: string) => path.join(root, "examples", name)
  yield* fs.copyFile(example("mountain.png"), path.join(directory, "photo.png"))
  const rows = Array.from(
    { length: count.items },
    (_, index) => `item-${index},photo.png,${64 + 8 * (index % 20)},${(index % 97) / 10}`
  )
  yield* fs.writeFileString(path.join(directory, `${run}.csv`), ["id,photo,width,softness", ...rows, ""].join("\n"))
  const offerFlags = ["--rows", path.join(directory, `${run}.csv`), "--out", output, "--detach"]
  yield* Effect.forEach(servers, ({ url }) =>
    ChaosServers.read(Schema.Unknown, `${url}/api/v1/app/version`).pipe(
      Effect.retry({ schedule: Schedule.spaced("200 millis"), times: 100 })
    ), { discard: true })
  const began = Date.now()
  yield* runCommand(
    process.execPath,
    [
      bin,
      "batch",
      example("soft-thumbnail.json"),
      ...offerFlags,
      ...servers.flatMap(({ url }) => ["--server", url])
    ],
    { step: "Offering the rows", logFile, env: state, cwd: directory }
  )
  const offered = Date.now()
  yield* Effect.forEach(workers, (worker) => worker.start)

  return yield* Effect.gen(function*() {
    const farm = yield* Farm
    const status = Effect.retry(farm.status(run), { schedule: Schedule.spaced("1 second"), times: 30 })
    const kills = { worker: 0, server: 0 }
    const happened: Array<string> = []

    const disturb = Effect.fnUntraced(function*({ what }: Disturbance) {
      switch (what) {
        case "kill": {
          const isServer = random() < 0.4
          const target = isServer ? pick(servers) : pick(workers)
          if (target === undefined) return
          kills[isServer ? "server" : "worker"]++
          happened.push(`kill ${target.name}`)
          yield* target.kill
          yield* Effect.sleep(`${Math.round(200 + random() * 2000)} millis`)
          yield* target.start
          return
        }
        case "stop": {
          const target = pick(workers)
          if (target === undefined) return
          happened.push(`stop ${target.name}`)
          yield* target.signal("SIGSTOP")
          yield* Effect.sleep(`${stopSeconds} seconds`)
          yield* target.signal("SIGCONT")
          return
        }
        case "postgres":
          happened.push("restart Postgres")
          yield* postgres.restart("immediate")
          return
        case "disk":
          if (disk === undefined) return
          happened.push("fill the disk")
          yield* disk.fill
          yield* Effect.sleep("5 seconds")
          yield* disk.empty
      }
    })

    const waiting = [...disturbances()]
    const limit = Date.now() + 240_000 + count.items * 400
    let current = yield* status
    while (current.state !== "finished" && Date.now() < limit) {
      const [next] = waiting
      const fraction = (current.completed + current.failed) / count.items
      if (next !== undefined && fraction >= next.at) {
        waiting.shift()
        // a suspension takes longer than many items
        yield* next.what === "stop" ? Effect.forkScoped(disturb(next)) : disturb(next)
        if (values.log) {
          yield* Console.log(
            `${Math.round((Date.now() - offered) / 1000)} s, ${current.completed} items: ${happened.at(-1)}`
          )
        }
      }
      if (process.stderr.isTTY) {
        process.stderr.write(`\r\x1b[2K${current.completed}/${count.items} ${happened.at(-1) ?? ""}`)
      }
      yield* Effect.sleep("300 millis")
      current = yield* status
    }
    const seconds = (Date.now() - offered) / 1000
    // workers look for uploads of killed ones from time to time
    const left = yield* leftOn(servers).pipe(
      Effect.repeat({ until: (problems) => problems.length === 0, schedule: Schedule.spaced("1 second"), times: 60 })
    )
    const endedBySelf = workers.filter((worker) => !worker.isRunning()).map(({ name }) => `${name} ended by itself`)
    const slowEnds = yield* Effect.forEach(
      workers,
      (worker) =>
        Effect.map(
          worker.end("SIGINT", 30),
          (how) => how === "killed" ? [`${worker.name} did not end within 30 s`] : []
        )
    )

    const results = yield* Stream.runCollect(farm.results(run, { live: false }))
    const byItem = byId(results, ({ item }) => item)
    const files = (yield* fs.readDirectory(output, { recursive: true })).filter((name) => /[^/]\.\w+$/.test(name))
    const incomplete = yield* Effect.forEach(
      files,
      (name) =>
        Effect.map(
          fs.readFile(path.join(output, name)),
          (bytes) => Buffer.from(bytes.subarray(-8, -4)).toString("latin1") === "IEND" ? [] : [`${name} is incomplete`]
        )
    )
    const sent = yield* jobs(yield* itemsByBatch(postgres.url), count.items)
    const checks: ReadonlyArray<readonly [promise: string, problems: ReadonlyArray<string>]> = [
      [
        `everything was disturbed: ${happened.length} times`,
        waiting.length === 0 ? [] : [`${waiting.length} disturbances did not happen`]
      ],
      ["workers run until they are ended, and end at once", [...endedBySelf, ...slowEnds.flat()]],
      [
        "each item has one result, and it is completed",
        [
          ...(byItem.size === count.items ? [] : [`${byItem.size} of ${count.items} items have a result`]),
          ...[...byItem].flatMap(([item, all]) =>
            all.length === 1 && all[0]?.status === "completed"
              ? []
              : [`${item}: ${all.map(({ error, status }) => `${status} ${error?.message ?? ""}`).join(", ")}`]
          )
        ]
      ],
      [
        "each item has one complete file, and there is no other",
        [
          ...(files.length === count.items ? [] : [`${files.length} files for ${count.items} items`]),
          ...files.filter((name) => !/item-\d+\.png$/.test(name)),
          ...incomplete.flat()
        ]
      ],
      ["each item was sent once, and again only if its server had lost it", sent.problems],
      ["nothing waits or runs on a server, and no upload is left", left]
    ]
    let failed = 0
    for (const [promise, problems] of checks) {
      if (problems.length > 0) failed++
      yield* Console.log(`${problems.length === 0 ? "ok    " : "FAILED"} ${promise}`)
      for (const problem of problems.slice(0, shownProblems)) yield* Console.log(`         ${problem}`)
      if (problems.length > shownProblems) yield* Console.log(`         and ${problems.length - shownProblems} more`)
    }
    if (failed > 0) yield* Console.log(happened.join(", "))
    yield* Console.log(
      `${count.items} items in ${seconds.toFixed(0)} s (${(count.items / seconds).toFixed(1)}/s), offered in ` +
        `${((offered - began) / 1000).toFixed(1)} s; ${kills.worker} workers and ${kills.server} servers killed, ` +
        `${sent.repeated} items sent again after a server had lost them`
    )
    yield* Console.log(`${checks.length - failed} passed, ${failed} failed`)
    if (failed > 0) process.exitCode = 1
  }).pipe(Effect.provide(Farm.layer({ store: FarmStore.postgres({ url: Redacted.make(postgres.url) }) })))
})

program.pipe(
  Effect.scoped,
  Effect.catchTag(
    "RealServerError",
    (error) => say(error.message).pipe(Effect.andThen(Effect.sync(() => process.exitCode = 1)))
  ),
  Effect.provide([NodeServices.layer, FetchHttpClient.layer]),
  NodeRuntime.runMain
)
