/**
 * What a job costs over the server's own time, beside the same flow by hand with `undici` and `socket.io-client`.
 *
 * This process serves the simulator, whose nodes take no time. Each client (`overheadClient.ts`) is a process of its own;
 * they run some jobs in turns, one after the other: submit, wait for the event of the end, read the item. Only the one
 * whose turn it is is connected. The overhead of a job is the time from the call to its outputs, less the time from
 * creation to completion that the server itself tells. By hand a batch is sent that was made before; with the library that
 * is `Job.submitBatch`. `Job.submit` checks the workflow and makes its batch for each job.
 *
 *     node test/bench/overhead.ts [jobs] [--url URL] [--beside FOLDER]
 *
 * `--url`: another server than the simulator. `--beside`: another checkout, whose library is measured too.
 */
import { NodeSimulator } from "@effect-invokeai/testing/NodeSimulator"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import * as Path from "node:path"
import { parseArgs } from "node:util"
import type { Turn } from "./overheadClient.ts"

const { positionals: [count = "1000"], values } = parseArgs({
  allowPositionals: true,
  options: { url: { type: "string" }, beside: { type: "string" } }
})
const jobs = Number(count)

interface Client {
  readonly name: string
  readonly run: (jobs: number) => Effect.Effect<Turn>
}

const here = Path.resolve(import.meta.dirname, "../..")

const client = (name: string, way: "hand" | "batch" | "workflow", url: string, checkout = here) => {
  const file = Path.join(checkout, "test/bench/overheadClient.ts")
  return Effect.acquireRelease(
    Effect.sync(() =>
      spawn(process.execPath, [...process.execArgv, file, way, url], { stdio: ["ignore", "inherit", "inherit", "ipc"] })
    ),
    (child) => Effect.sync(() => child.kill())
  ).pipe(
    Effect.map((child): Client => ({
      name,
      run: (jobs) =>
        Effect.callback<Turn>((resume) => {
          child.once("exit", (code) => resume(Effect.die(new Error(`${name} ended with ${code}`))))
          child.once("message", (turn: Turn) => resume(Effect.succeed(turn))) // sent by overheadClient.ts
          child.send(jobs)
        }).pipe(Effect.ensuring(Effect.sync(() => child.removeAllListeners())))
    }))
  )
}

/**
 * The mean without the slowest twentieth. Not the median: the server tells whole milliseconds, so that the same job costs
 * 0.6 or 1.6 by chance.
 */
const mean = (values: ReadonlyArray<number>): number => {
  const counted = values.toSorted((a, b) => a - b).slice(0, Math.ceil(values.length * 0.95))
  return counted.reduce((sum, value) => sum + value, 0) / counted.length
}

const measure = Effect.fnUntraced(function*(url: string, prune: Effect.Effect<unknown>) {
  const clients = [
    yield* client("undici and socket.io-client", "hand", url),
    yield* client("library, a batch made before", "batch", url),
    yield* client("library, a workflow", "workflow", url),
    ...(values.beside === undefined
      ? []
      : [yield* client(`${values.beside}, a workflow`, "workflow", url, values.beside)])
  ]
  const each = Math.max(1, Math.min(100, Math.floor(jobs / 8)))
  const rounds = (count: number) =>
    Effect.forEach(
      Array.from({ length: count }),
      () => Effect.forEach(clients, ({ run }) => Effect.tap(run(each), () => prune))
    )
  // the first jobs of a process are slow, and the benchmark of the start measures their cost
  yield* rounds(8)
  const turns = yield* rounds(Math.ceil(jobs / each))
  let byHand: number | undefined
  for (const [index, { name }] of clients.entries()) {
    const own = turns.map((round) => round[index]!)
    const overheads = own.flatMap((turn) => turn.overheads)
    const cpu = own.reduce((sum, turn) => sum + turn.cpu, 0) / overheads.length
    const overhead = mean(overheads)
    byHand ??= overhead
    yield* Console.log(
      `${name}: ${overhead.toFixed(2)} ms, ratio ${(overhead / byHand).toFixed(2)}, CPU ${cpu.toFixed(2)} ms`
    )
  }
  yield* Console.log(
    `(${turns.length * each} jobs each; goal: a ratio of at most 1.5 for the same flow, and below 10 ms)`
  )
}, Effect.scoped)

const onSimulator = Effect.gen(function*() {
  const { url } = yield* NodeSimulator
  // its queue gets slower with what is left on it
  const prune = Effect.promise(() => fetch(`${url.href}api/v1/queue/default/prune`, { method: "PUT" }))
  yield* measure(url.href, prune)
}).pipe(Effect.provide(NodeSimulator.layer({ nodeDuration: 0, stepDuration: 0 })))

const program = Effect.andThen(
  Console.log("overhead per job over the server's own time, socket on"),
  values.url === undefined ? onSimulator : measure(values.url, Effect.void)
)
NodeRuntime.runMain(program)
