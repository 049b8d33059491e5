/**
 * A thousand jobs followed at once over one connection: how much memory they take, and that no end is missed.
 *
 * This process serves the simulator; a second one hands all jobs in while the queue is paused, resumes it and waits for
 * every job. Then the same again, several times: what is held after each round must not grow.
 *
 * Before that: what it costs to take in one event of a batch, by the number of its items.
 *
 *     node test/bench/jobs.ts [jobs] [rounds]
 */
import * as Job from "@effect-invokeai/core/job/Job"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import { NodeSimulator } from "@effect-invokeai/testing/NodeSimulator"
import { Simulator } from "@effect-invokeai/testing/Simulator"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import { setFlagsFromString } from "node:v8"
import { runInNewContext } from "node:vm"
import type { Observation } from "../../packages/core/src/job/internal/Observation.ts"
import { reduce } from "../../packages/core/src/job/internal/reduceJob.ts"
import * as JobState from "../../packages/core/src/job/JobState.ts"
import { eventFrom, itemFrom } from "../job/wire.ts"

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
    const queue = yield* SessionQueue
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
        const submitted = performance.now()
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
          `round ${round}: submitted ${(submitted - began).toFixed(0)} ms, all ended ${
            (ended - submitted).toFixed(0)
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

/** What is seen of a batch: each item starts, runs three nodes with some progress, ends, and is read. */
const observations = (size: number): ReadonlyArray<Observation> => {
  const ids = Array.from({ length: size }, (_, index) => index + 1)
  const time = "2026-01-01 00:00:00.000"
  const about = (id: number) => ({
    queue_id: "default",
    item_id: id,
    batch_id: "b",
    session_id: `s${id}`,
    created_at: time,
    updated_at: time
  })
  const event = (name: string, payload: object) => {
    const seen = eventFrom(name, payload)
    if (seen === undefined) throw new Error(`${name} is no observation`)
    return seen
  }
  const seen: Array<Observation> = [{ _tag: "Enqueued", itemIds: ids.toReversed(), enqueued: size }]
  const ran = ["one", "two", "three"]
  for (const id of ids) {
    seen.push(event("queue_item_status_changed", { ...about(id), status: "in_progress", status_sequence: 1 }))
    for (const node of ran) {
      const base = { ...about(id), invocation_source_id: node, invocation: { id: `${id}-${node}`, type: "integer" } }
      seen.push(
        event("invocation_started", base),
        event("invocation_progress", { ...base, message: "half", percentage: 0.5 }),
        event("invocation_complete", { ...base, result: { type: "integer_output", value: id } })
      )
    }
    const session = {
      results: Object.fromEntries(ran.map((node) => [`${id}-${node}`, { type: "integer_output", value: id }])),
      prepared_source_mapping: Object.fromEntries(ran.map((node) => [`${id}-${node}`, node]))
    }
    const item = itemFrom({ ...about(id), status: "completed", session })
    seen.push(
      event("queue_item_status_changed", { ...about(id), status: "completed", status_sequence: 2 }),
      { _tag: "ItemRead", item }
    )
  }
  return seen
}

const reducing = () => {
  const once = (seen: ReadonlyArray<Observation>): number => {
    const began = performance.now()
    const end = seen.reduce((state, one) => reduce(state, one, new Map()).state, JobState.make("b"))
    const took = performance.now() - began
    if (!JobState.isEnded(end)) throw new Error("the batch has not ended")
    return took / seen.length * 1000
  }
  const figures = [10, 1000, 10_000].map((size) => {
    const seen = observations(size)
    const best = Math.min(...Array.from({ length: Math.max(8, 30_000 / size) }, () => once(seen)))
    return `${size} items ${best.toFixed(1)}`
  })
  console.log(`taking in one event of a batch, microseconds: ${figures.join(", ")}`)
}

const parent = (jobs: number, rounds: number) =>
  Effect.gen(function*() {
    const { url } = yield* NodeSimulator
    const simulator = yield* Simulator
    let sockets = 0
    yield* simulator.leftovers.pipe(
      Effect.tap((left) =>
        Effect.sync(() => {
          sockets = Math.max(sockets, left.sockets)
        })
      ),
      Effect.delay("100 millis"),
      Effect.forever,
      Effect.forkScoped
    )
    const ended = (...args: ReadonlyArray<string>) =>
      Effect.callback<number>((resume) => {
        spawn(process.execPath, [...args], { stdio: "inherit" }).on("exit", (code) => resume(Effect.succeed(code ?? 1)))
      })
    const library = yield* ended(self, "client", url.href, String(jobs), String(rounds))
    console.log(`most connections at a time: ${sockets}`)
    process.exitCode = library === 0 && sockets === 1 ? 0 : 1
  }).pipe(Effect.scoped, Effect.provide(NodeSimulator.layer({ nodeDuration: 0, stepDuration: 0 })))

const [mode, ...rest] = process.argv.slice(2)
if (mode === "client") await client(rest[0] ?? "", Number(rest[1]), Number(rest[2]))
else {
  reducing()
  NodeRuntime.runMain(parent(Number(mode ?? 1000), Number(rest[0] ?? 3)))
}
