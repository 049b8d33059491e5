/**
 * A thousand jobs followed at once over one connection: how much memory they take, and that no end is missed.
 *
 * This process serves the simulator; a second one hands all jobs in while the queue is paused, resumes it and waits for
 * every job. Then the same again, several times: what is held after each round must not grow.
 *
 *     node test/bench/jobs.ts [jobs] [rounds]
 */
import * as Job from "@effect-invokeai/core/job/Job"
import { Queue } from "@effect-invokeai/core/server/Queue"
import { Simulator } from "@effect-invokeai/core/simulator/Simulator"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import { NodeSimulator } from "@effect-invokeai/node/NodeSimulator"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"

const self = fileURLToPath(import.meta.url)
const file = Path.resolve(import.meta.dirname, "../fixtures/workflows/text-only.json")

setFlagsFromString("--expose-gc")
const collectGarbage = runInNewContext("gc") as () => void

/** What is held, in megabytes. */
const heap = Effect.gen(function*() {
  // What just ended lets go of its last things in the next turns.
  yield* Effect.sleep("50 millis")
  collectGarbage()
  collectGarbage()
  return process.memoryUsage().heapUsed / 1_000_000
})

const client = (url: string, jobs: number, rounds: number) =>
  Effect.gen(function*() {
    const queue = yield* Queue
    const workflow = yield* Workflow.fromFile(file)
    const once = Effect.scoped(Effect.flatMap(Job.submit(workflow), (job) => job.await))
    yield* once
    const before = yield* heap
    console.log(`${jobs} jobs at once, one connection; held before: ${before.toFixed(1)} MB`)
    let after = before
    for (let round = 1; round <= rounds; round++) {
      const began = performance.now()
      yield* Effect.scoped(Effect.gen(function*() {
        yield* queue.pause
        const all = yield* Effect.forEach(
          Array.from({ length: jobs }, (_, index) => index),
          () => Job.submit(workflow),
          { concurrency: 16 }
        )
        const handedIn = performance.now()
        const waiting = yield* heap
        yield* queue.resume
        const results = yield* Effect.forEach(all, (job) => Effect.timeout(job.await, "5 minutes"), {
          concurrency: "unbounded"
        })
        const ended = performance.now()
        const right = results.filter((result) => result.outputs.integers.some((output) => output.value === 42)).length
        if (right !== jobs) throw new Error(`only ${right} of ${jobs} jobs have their outputs`)
        const full = yield* heap
        console.log(
          `round ${round}: handed in ${(handedIn - began).toFixed(0)} ms, all ended ${
            (ended - handedIn).toFixed(0)
          } ms, ` +
            `${right} of ${jobs} with outputs; held while waiting ${(waiting - before).toFixed(1)} MB ` +
            `(${((waiting - before) / jobs * 1000).toFixed(1)} kB a job), with all results ${
              (full - before).toFixed(1)
            } MB`
        )
      }))
      after = yield* heap
      console.log(`         after their scopes closed: ${(after - before).toFixed(1)} MB more than before`)
    }
    console.log(`peak resident ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB`)
    if (after - before > 20) throw new Error("memory grows")
  }).pipe(Effect.provide(NodeInvokeAi.layer({ url })), Effect.runPromise)

const parent = (jobs: number, rounds: number) =>
  Effect.gen(function*() {
    const { url } = yield* NodeSimulator
    const simulator = yield* Simulator
    let sockets = 0
    yield* simulator.leftBehind.pipe(
      Effect.tap((left) =>
        Effect.sync(() => {
          sockets = Math.max(sockets, left.sockets)
        })
      ),
      Effect.delay("100 millis"),
      Effect.forever,
      Effect.forkScoped
    )
    yield* Effect.callback<void>((resume) => {
      const child = spawn(process.execPath, [self, "client", url.href, String(jobs), String(rounds)], {
        stdio: "inherit"
      })
      child.on("exit", (code) => {
        console.log(`most connections at a time: ${sockets}`)
        process.exitCode = code === 0 && sockets > 1 ? 1 : code ?? 1
        resume(Effect.void)
      })
    })
  }).pipe(Effect.scoped, Effect.provide(NodeSimulator.layer({ nodeDuration: 0, stepDuration: 0 })))

const [mode, ...rest] = process.argv.slice(2)
if (mode === "client") await client(rest[0] ?? "", Number(rest[1]), Number(rest[2]))
else NodeRuntime.runMain(parent(Number(mode ?? 1000), Number(rest[0] ?? 3)))
