/**
 * `pnpm chaos`: the real server behind a proxy that harms requests, and a client that is killed at random and started
 * again until its orders are done. Checks that each order has one batch and that nothing is left behind.
 *
 * `--orders 60 --kills 120 --faults 0.15 --seed 1` are the defaults; `--url` takes a server that runs already, and `--log`
 * prints what the clients printed. Ends with one line of figures and `N passed, N failed`.
 */
import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import { parseArgs } from "node:util"
import * as Orders from "../test/real-server/crash/orders.ts"
import { numbers } from "../test/real-server/crash/processes.ts"
import * as FaultyProxy from "./chaos/FaultyProxy.ts"
import { say } from "./real-server/Cache.ts"
import { ensureInstalled } from "./real-server/Install.ts"
import { newestVersion, releaseOf } from "./real-server/Releases.ts"
import { start } from "./real-server/Server.ts"

const { values } = parseArgs({
  args: process.argv.slice(2).filter((argument) => argument !== "--"),
  options: {
    orders: { type: "string", default: "60" },
    kills: { type: "string", default: "120" },
    faults: { type: "string", default: "0.15" },
    seed: { type: "string", default: "1" },
    url: { type: "string" },
    log: { type: "boolean", default: false }
  }
})

const shownProblems = 10

const program = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const url = values.url ?? (yield* start(yield* Effect.flatMap(releaseOf(newestVersion), ensureInstalled))).url
  const proxy = yield* FaultyProxy.make({
    port: Number(new URL(url).port),
    rate: Number(values.faults),
    random: numbers(Number(values.seed))
  })
  const options: Orders.OrderOptions = {
    url: proxy.url,
    state: yield* fs.makeTempDirectoryScoped({ prefix: "effect-invokeai-chaos-" }),
    mark: `chaos-${process.pid}`,
    orders: Number(values.orders),
    failEvery: 5,
    kills: Number(values.kills),
    random: numbers(Number(values.seed) + 1),
    atMoment: proxy.atMoment,
    onProgress: (text) => {
      if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${text}`)
    }
  }
  return yield* Effect.gen(function*() {
    const before = yield* Orders.allImages
    const begin = performance.now()
    const run = yield* Orders.run(options)
    const seconds = Math.round((performance.now() - begin) / 1000)
    if (values.log) yield* Effect.forEach(run.log, (line) => Console.log(`  ${line}`), { discard: true })
    const checks = [
      {
        promise: `the client was killed ${options.kills} times and did all orders in the end`,
        problems: run.kills === options.kills && run.isComplete
          ? []
          : [`${run.kills} kills`, ...run.log.slice(-shownProblems)]
      },
      ...(yield* Orders.check(options, before))
    ]
    let failed = 0
    for (const { problems, promise } of checks) {
      if (problems.length > 0) failed++
      yield* Console.log(`${problems.length === 0 ? "ok    " : "FAILED"} ${promise}`)
      for (const problem of problems.slice(0, shownProblems)) yield* Console.log(`         ${problem}`)
      if (problems.length > shownProblems) yield* Console.log(`         and ${problems.length - shownProblems} more`)
    }
    const faults = [...proxy.counts.faults].toSorted(([one], [other]) => one < other ? -1 : 1)
    const total = faults.reduce((sum, [, count]) => sum + count, 0)
    yield* Console.log(
      `\n${options.orders} orders, ${run.kills} kills, ${run.starts} starts of which ${run.failures} failed, ` +
        `${proxy.counts.requests} requests, ${total} faults (` +
        `${faults.map(([name, count]) => `${name} ${count}`).join(", ")}), ${seconds} s`
    )
    return { passed: checks.length - failed, failed }
  }).pipe(Effect.provide(NodeInvokeAi.layer({ url })))
}).pipe(
  Effect.scoped,
  Effect.catchTag("RealServerError", (error) => Effect.as(say(error.message), { passed: 0, failed: 1 })),
  Effect.flatMap(({ failed, passed }) =>
    Effect.andThen(
      Console.log(`${passed} passed, ${failed} failed`),
      Effect.sync(() => {
        process.exitCode = failed === 0 ? 0 : 1
      })
    )
  )
)

program.pipe(Effect.provide([NodeServices.layer, FetchHttpClient.layer]), NodeRuntime.runMain)
