/** The servers of a chaos run: simulators, or real servers. They can be killed, and say which jobs they got. */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import type { HttpClient } from "effect/http/HttpClient"
import * as Path from "effect/Path"
import type { ChildProcessSpawner } from "effect/process/ChildProcessSpawner"
import * as Schema from "effect/Schema"
import * as Scope from "effect/Scope"
import { root } from "../lib/run.ts"
import { RealServerError } from "../real-server/Cache.ts"
import type { Installation } from "../real-server/Install.ts"
import { freePort, start as startReal } from "../real-server/Server.ts"
import { manage } from "./processes.ts"
import { LogLine } from "./simulatorProcess.ts"

/** The jobs that servers got. */
export interface Jobs {
  /** How many items were sent again after a server had lost them. */
  readonly repeated: number
  /** What contradicts that each item is sent once, and again only if its server had lost it. */
  readonly problems: ReadonlyArray<string>
}

/** A server that can be killed. */
export interface ChaosServer {
  readonly name: string
  readonly url: string
  /** Kills the process and waits for its end. */
  readonly kill: Effect.Effect<void>
  /** Starts the process again. */
  readonly start: Effect.Effect<void, RealServerError>
}

/** The servers of a run, and how their jobs are judged when it has ended; items by the ids of their possible batches. */
export interface ChaosServers {
  readonly all: ReadonlyArray<ChaosServer>
  readonly jobs: (itemOf: ReadonlyMap<string, string>, items: number) => Effect.Effect<Jobs, RealServerError>
}

/** Reads JSON from a server. */
export const read = <A>(schema: Schema.Decoder<A>, url: string): Effect.Effect<A, RealServerError> =>
  Effect.tryPromise({
    try: () => fetch(url).then((response) => response.json()),
    catch: (cause) => new RealServerError({ step: `Reading ${url}`, detail: String(cause) })
  }).pipe(Effect.map(Schema.decodeUnknownSync(schema)))

const groupBy = <A>(all: ReadonlyArray<A>, key: (one: A) => string): ReadonlyMap<string, ReadonlyArray<A>> => {
  const groups = new Map<string, Array<A>>()
  for (const one of all) {
    const group = groups.get(key(one))
    if (group === undefined) groups.set(key(one), [one])
    else group.push(one)
  }
  return groups
}

const decodeLine = Schema.decodeUnknownSync(Schema.fromJsonString(LogLine))

const indexes = (count: number) => Array.from({ length: count }, (_, index) => index)

/** Simulators: a killed one forgets everything, so that its items are sent again. */
export const simulated = Effect.fnUntraced(function*(count: number, directory: string, duration: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const servers = yield* Effect.forEach(
    indexes(count),
    Effect.fnUntraced(function*(index) {
      const port = yield* freePort
      const log = path.join(directory, `server-${index}.jsonl`)
      const script = path.join(root, "scripts/farm/simulatorProcess.ts")
      const managed = yield* manage(
        `server ${index}`,
        [process.execPath, script, String(port), log, duration],
        path.join(directory, `server-${index}.log`)
      )
      yield* managed.start
      return { log, managed, url: `http://127.0.0.1:${port}` }
    })
  )
  const linesOf = ({ log, managed }: typeof servers[number]) =>
    fs.readFileString(log).pipe(
      Effect.mapError(({ message }) => new RealServerError({ step: `Reading ${log}`, detail: message })),
      Effect.map((text) =>
        text.split("\n").filter((line) => line !== "").map((line) => ({ line: decodeLine(line), managed }))
      )
    )
  const chaos: ChaosServers = {
    all: servers.map(({ managed, url }) => ({
      name: managed.name,
      url,
      kill: managed.kill,
      start: managed.start
    })),
    jobs: Effect.fnUntraced(function*(itemOf, items) {
      const lines = (yield* Effect.forEach(servers, linesOf)).flat().toSorted((a, b) => a.line.at - b.line.at)
      const nameOf = (batchId: string) => itemOf.get(batchId) ?? `unknown batch ${batchId}`
      const enqueued = groupBy(
        lines.filter(({ line }) => line.event === "enqueued"),
        ({ line }) => nameOf(line.batchId)
      )
      const given = new Map(
        lines.flatMap(({ line }) =>
          line.event === "canceled" || line.event === "failed" ? [[`${line.pid} ${line.batchId}`, line.at]] : []
        )
      )
      const repeated = [...enqueued.values()].filter((sent) => sent.length > 1)
      const twice = repeated.flatMap((sent) =>
        sent.slice(1).flatMap(({ line }, index) => {
          const before = sent[index]
          if (before === undefined) return []
          const lost = before.managed.lifetimes.find(({ pid }) => pid === before.line.pid)?.to
          const gaveUp = given.get(`${before.line.pid} ${before.line.batchId}`)
          const elapsed = line.at - before.line.at
          return [lost, gaveUp].some((end) => end !== undefined && end <= line.at)
            ? []
            : [`${nameOf(line.batchId)} was sent again ${elapsed} ms later, while ${before.managed.name} had it`]
        })
      )
      const missing = enqueued.size === items ? [] : [`${enqueued.size} items were sent instead of ${items}`]
      return { repeated: repeated.length, problems: [...missing, ...twice] }
    })
  }
  return chaos
})

const Items = Schema.Array(Schema.Struct({ batch_id: Schema.String, status: Schema.String }))

/**
 * Real servers with a database in a file: a killed one cancels the item that ran when it starts again, and has all others.
 */
export const real = Effect.fnUntraced(function*(count: number, directory: string, installation: Installation) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const services = yield* Effect.context<FileSystem.FileSystem | Path.Path | HttpClient | ChildProcessSpawner>()
  const all = yield* Effect.forEach(
    indexes(count),
    Effect.fnUntraced(function*(index) {
      const port = yield* freePort
      const home = path.join(directory, `server-${index}`)
      yield* fs.makeDirectory(home)
      let scope = yield* Scope.make()
      let pid = 0
      yield* Effect.addFinalizer((exit) => Effect.suspend(() => Scope.close(scope, exit)))
      const start = Effect.gen(function*() {
        scope = yield* Scope.make()
        const server = yield* Scope.provide(startReal(installation, { database: "file", root: home, port }), scope)
        pid = server.pid
      }).pipe(Effect.provideContext(services))
      yield* start
      const server: ChaosServer = {
        name: `server ${index}`,
        url: `http://127.0.0.1:${port}`,
        kill: Effect.suspend(() => {
          process.kill(pid, "SIGKILL")
          return Scope.close(scope, Exit.void)
        }),
        start
      }
      return server
    })
  )
  const chaos: ChaosServers = {
    all,
    jobs: Effect.fnUntraced(function*(itemOf, items) {
      const jobs = (yield* Effect.forEach(all, ({ url }) => read(Items, `${url}/api/v1/queue/default/list_all`))).flat()
      const completed = groupBy(
        jobs.filter(({ status }) => status === "completed"),
        ({ batch_id }) => itemOf.get(batch_id) ?? `unknown batch ${batch_id}`
      )
      const twice = [...completed].flatMap(([item, runs]) =>
        runs.length === 1 ? [] : [`${item} was completed ${runs.length} times`]
      )
      const missing = completed.size === items ? [] : [`${completed.size} items were completed instead of ${items}`]
      return { repeated: jobs.length - items, problems: [...missing, ...twice] }
    })
  }
  return chaos
})
