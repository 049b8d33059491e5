import * as WorkflowBatch from "@effect-invokeai/core/batch/WorkflowBatch"
import * as Job from "@effect-invokeai/core/job/Job"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as Fault from "@effect-invokeai/testing/Fault"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import { Simulator, type SimulatorOptions } from "@effect-invokeai/testing/Simulator"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { readFileSync } from "node:fs"
import { drive } from "../time.ts"

const load = (name: string) =>
  Workflow.fromJson(readFileSync(new URL(`../fixtures/workflows/${name}.json`, import.meta.url), "utf8"))

/** The ids of the items that were read, in order. */
const readItems = Effect.map(
  Effect.flatMap(Simulator, ({ requests }) => requests),
  (requests) => requests.flatMap(({ method, path }) => method === "GET" && /\/i\/\d+$/.test(path) ? [path] : [])
)

/** A job's result as its program gets it, and as another program that reads every item; and how many were read. */
const run = (name: string, options: WorkflowBatch.BatchOptions, simulator: SimulatorOptions) =>
  drive(
    Effect.gen(function*() {
      const batch = yield* WorkflowBatch.make(yield* load(name), options)
      // On connecting, the server is asked for the items of the first job.
      if (simulator.faults === undefined) yield* Effect.flatMap(Job.submitBatch(batch), (job) => job.await)
      const before = (yield* readItems).length
      const job = yield* Job.submitBatch(batch)
      const result = yield* job.await
      const reads = (yield* readItems).length - before
      const attached = yield* Job.attach(job.batchId, { nodes: batch.nodes })
      assert.deepStrictEqual(result, yield* attached.await, name)
      return { size: batch.size, reads }
    }).pipe(Effect.scoped, Effect.provide(InvokeAiTest.layer({ nodeDuration: "10 millis", ...simulator })))
  )

describe("the result of a job", () => {
  it.effect(
    "is taken from its events, and is what reading the items returns, on every server version",
    () =>
      Effect.gen(function*() {
        for (const version of ["6.3.0", "6.8.1", "6.13.8", "6.14.2"] as const) {
          for (
            const [name, options] of [
              ["text-only", { runs: 3 }],
              ["exposed-fields", {}],
              ["batch-groups", { runs: 2 }]
            ] as const
          ) {
            const { reads } = yield* run(name, options, { version })
            assert.strictEqual(reads, 0, `${version} ${name}`)
          }
        }
      }),
    { timeout: 60_000 }
  )

  it.effect("is read where nodes run more than once in an item", () =>
    Effect.gen(function*() {
      const { reads, size } = yield* run("iterate-and-collect", { runs: 2 }, {})
      assert.strictEqual(reads, size)
    }))

  it.effect(
    "is the same whichever event is lost, duplicated or late, or ends the connection",
    () =>
      Effect.gen(function*() {
        const actions = [Fault.dropEvent, Fault.duplicate, Fault.reorder(2), Fault.disconnect]
        for (const action of actions) {
          // Each of the two items has 12 events; before them, the batch is announced.
          for (let nth = 1; nth <= 25; nth += 2) {
            yield* run("text-only", { runs: 2 }, { faults: [Fault.event({ nth }, action)] })
          }
        }
      }),
    { timeout: 120_000 }
  )
})
