/** Items of a batch that were not asked for: another program sent the batch again, or a proxy did. */
import * as Job from "@effect-invokeai/core/job/Job"
import { Images } from "@effect-invokeai/core/server/Images"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import * as Fault from "@effect-invokeai/testing/Fault"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import { Simulator } from "@effect-invokeai/testing/Simulator"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Scope from "effect/Scope"
import { drive } from "../time.ts"

const blank = { type: "blank_image", width: 64, height: 64, is_intermediate: false, use_cache: false }

const graphs = {
  "in its only node": { id: "g", nodes: { last: { id: "last", ...blank } }, edges: [] },
  "in the first of two nodes": {
    id: "g",
    nodes: {
      first: { id: "first", ...blank },
      last: { id: "last", type: "img_blur", is_intermediate: false, use_cache: false }
    },
    edges: [{
      source: { node_id: "first", field: "image" },
      destination: { node_id: "last", field: "image" }
    }]
  }
}

/**
 * Submits a job behind another one. Its batch is sent again, to the front of the queue, so that the extra item runs
 * first. The scope is closed some time after the job has ended.
 */
const run = Effect.fnUntraced(function*(
  graph: (typeof graphs)[keyof typeof graphs],
  { closedAfter, ...batchOptions }: Job.JobOptions & { readonly closedAfter: number }
) {
  const queue = yield* SessionQueue
  const images = yield* Images
  const batch: Job.JobBatch = { graph, data: null, workflow: null, runs: 1, size: 1, nodes: new Map() }
  const others = yield* Job.submitBatch(batch)
  const scope = yield* Scope.make()
  const job = yield* Scope.provide(Job.submitBatch(batch, batchOptions), scope)
  yield* queue.enqueueBatch({ batch_id: job.batchId, graph, data: null, runs: 1, workflow: null }, { prepend: true })
  const namesOf = Effect.map((
    result: { readonly outputs: { readonly images: ReadonlyArray<{ imageName: string }> } }
  ) => result.outputs.images.map((output) => output.imageName))
  const own = yield* namesOf(job.await)
  const foreign = yield* namesOf(others.await)
  yield* Effect.sleep(closedAfter)
  yield* Scope.close(scope, Exit.void)
  yield* Effect.sleep("1 minute")
  const left = (yield* images.names()).image_names
  const { items } = yield* Simulator.use((simulator) => simulator.state)
  assert.strictEqual(items.length, 3)
  const expected = batchOptions.deleteOutputs === true ? foreign : [...own, ...foreign]
  assert.sameMembers([...left], expected, `${items[2]!.status}, closed after ${closedAfter} ms`)
  return items[2]!.status
}, Effect.scoped)

/** The server does not carry out that single items are canceled. */
const noCancel = Fault.http({ method: "PUT", path: /\/i\/\d+\/cancel$/, times: 100 }, Fault.status(503))

describe("Closing the scope of a job deletes the images of an extra item, and no others", () => {
  for (const version of ["6.3.0", "6.13.8", "6.14.2"] as const) {
    for (const deleteOutputs of [false, true]) {
      const where = `on ${version}, ${deleteOutputs ? "with" : "without"} deleteOutputs`
      for (const [what, graph] of Object.entries(graphs)) {
        it.effect(`that was canceled ${what}, ${where}`, () =>
          Effect.gen(function*() {
            for (const closedAfter of [0, 300, 3000]) {
              const status = yield* drive(
                run(graph, { deleteOutputs, closedAfter }).pipe(
                  Effect.provide(InvokeAiTest.layer({ version, nodeDuration: "1 second" }))
                )
              )
              assert.strictEqual(status, "canceled")
            }
          }))
      }
      it.effect(`that completed, ${where}`, () =>
        Effect.gen(function*() {
          const status = yield* drive(
            run(graphs["in the first of two nodes"], { deleteOutputs, closedAfter: 0 }).pipe(
              Effect.provide(InvokeAiTest.layer({ version, nodeDuration: "1 second", faults: [noCancel] }))
            )
          )
          assert.strictEqual(status, "completed")
        }))
    }
  }

  it.effect("even if outputs of failed and canceled jobs are kept", () =>
    drive(
      run(graphs["in its only node"], { keepOutputs: true, closedAfter: 0 }).pipe(
        Effect.provide(InvokeAiTest.layer({ nodeDuration: "1 second", faults: [noCancel] }))
      )
    ))
})
