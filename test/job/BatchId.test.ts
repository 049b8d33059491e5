/** Jobs under a batch id that the caller chose: the server remembers them. */
import * as InvokeAi from "@effect-invokeai/core/InvokeAi"
import * as Job from "@effect-invokeai/core/job/Job"
import * as JobRecovery from "@effect-invokeai/core/job/JobRecovery"
import { ServerInfo } from "@effect-invokeai/core/server/ServerInfo"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as Fault from "@effect-invokeai/testing/Fault"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import { Simulator, type SimulatorOptions } from "@effect-invokeai/testing/Simulator"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import * as SimulatorEventTransport from "../../packages/testing/src/internal/SimulatorEventTransport.ts"
import * as SimulatorHttpClient from "../../packages/testing/src/internal/SimulatorHttpClient.ts"
import { drive } from "../time.ts"

const id = "run-7.item_0012"

const batch: Job.JobBatch = {
  graph: {
    id: "g",
    nodes: {
      last: { id: "last", type: "blank_image", width: 64, height: 64, is_intermediate: false, use_cache: false }
    },
    edges: []
  },
  data: null,
  workflow: null,
  runs: 1,
  size: 1,
  nodes: new Map()
}

/** A client of its own, as another process has it. */
const inProcess = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.provide(
    effect,
    Layer.fresh(
      InvokeAi.layer({ url: InvokeAiTest.url, timeout: "10 seconds", transferTimeout: "10 seconds" }).pipe(
        Layer.provide([SimulatorHttpClient.layer(), SimulatorEventTransport.layer({})])
      )
    )
  )

const withServer = <A, E>(options: SimulatorOptions, effect: Effect.Effect<A, E, Simulator>) =>
  drive(Effect.provide(effect, Simulator.layer({ nodeDuration: "1 second", ...options })))

const enqueues = Simulator.use((simulator) =>
  Effect.map(
    simulator.requests,
    (requests) => requests.filter(({ path }) => path.endsWith("/enqueue_batch")).length
  )
)

const itemsOf = Simulator.use((simulator) => Effect.map(simulator.state, ({ images, items }) => ({ images, items })))

const namesOf = (result: { readonly outputs: { readonly images: ReadonlyArray<{ readonly imageName: string }> } }) =>
  result.outputs.images.map(({ imageName }) => imageName)

const render = inProcess(
  Effect.scoped(Effect.flatMap(Job.submitBatch(batch, { batchId: id }), (job) => Effect.map(job.await, namesOf)))
)

/** Starts a job and leaves it without closing anything, as a killed process does. */
const renderAndDie = inProcess(Effect.gen(function*() {
  const scope = yield* Scope.make()
  yield* Scope.provide(Job.submitBatch(batch, { batchId: id, onScopeClose: "detach" }), scope)
}))

const submitRequest = { method: "POST", path: /\/enqueue_batch$/ }

describe("A job under a batch id of the caller", () => {
  for (const version of ["6.3.0", "6.14.2"] as const) {
    it.effect(`runs once if it is submitted again while it runs and after its end, on ${version}`, () =>
      withServer(
        { version },
        Effect.gen(function*() {
          yield* renderAndDie
          const during = yield* render
          const after = yield* render
          const { images, items } = yield* itemsOf
          assert.deepStrictEqual(items.map(({ batchId, status }) => [batchId, status]), [[id, "completed"]])
          assert.deepStrictEqual([during, after], [images.map(({ name }) => name), images.map(({ name }) => name)])
          assert.strictEqual(yield* enqueues, 1)
        })
      ))

    it.effect(`keeps only the oldest item if several processes submit it at the same moment, on ${version}`, () =>
      withServer(
        // each asks the server before any of the batches arrives
        {
          version,
          nodeDuration: "3 seconds",
          faults: [Fault.http({ ...submitRequest, times: 3 }, Fault.delay("500 millis"))]
        },
        Effect.gen(function*() {
          const results = yield* Effect.all([render, render, render], { concurrency: 3 })
          const { images, items } = yield* itemsOf
          assert.deepStrictEqual(items.map(({ status }) => status), ["completed", "canceled", "canceled"])
          assert.strictEqual(images.length, 1)
          for (const names of results) assert.deepStrictEqual(names, [images[0]!.name])
        })
      ))

    for (const [name, fault] of Object.entries({ lost: Fault.dropResponse, garbled: Fault.status(502) })) {
      it.effect(`runs once if the response is ${name} and another process submits it again, on ${version}`, () =>
        withServer(
          { version, faults: [Fault.http({ ...submitRequest, nth: 1, times: 1 }, fault)] },
          Effect.gen(function*() {
            const results = yield* Effect.all([render, Effect.delay(render, "2 seconds")], { concurrency: 2 })
            const { items } = yield* itemsOf
            assert.deepStrictEqual(
              items.filter(({ status }) => status !== "canceled").map(({ status }) => status),
              ["completed"]
            )
            assert.deepStrictEqual(results[0], results[1])
          })
        ))
    }
  }

  it.effect("is sent once by servers with receipts, even by two processes at the same moment", () =>
    withServer(
      { receipts: 10, faults: [Fault.http({ ...submitRequest, times: 3 }, Fault.delay("500 millis"))] },
      Effect.gen(function*() {
        const informed = inProcess(Effect.andThen(
          ServerInfo.use((info) => info.capabilities),
          Effect.scoped(Effect.flatMap(Job.submitBatch(batch, { batchId: id }), (job) => job.await))
        ))
        yield* Effect.all([informed, informed], { concurrency: 2 })
        const { items } = yield* itemsOf
        assert.deepStrictEqual(items.map(({ status }) => status), ["completed"])
        assert.strictEqual(yield* enqueues, 2)
      })
    ))

  it.effect("is found after a submission whose outcome is unknown", () =>
    withServer(
      {
        faults: [
          Fault.http({ ...submitRequest, nth: 1, times: 1 }, Fault.dropResponse),
          // the look before the submission still works, those after it do not
          Fault.http({ method: "GET", path: /\/b\/.*\/status$/, nth: 2, times: 1000 }, Fault.status(503))
        ]
      },
      inProcess(
        Effect.gen(function*() {
          const submit = Job.submitBatch(batch, { batchId: id, lookupTimeout: "2 seconds" })
          const error = yield* Effect.flip(Effect.scoped(submit))
          assert.strictEqual(error._tag === "SubmissionError" ? error.reason._tag : error._tag, "SubmissionUnknown")
          yield* Simulator.use((simulator) => simulator.clearFaults)
          const job = yield* submit
          assert.isTrue(job.enqueued?.recovered)
          yield* job.await
          assert.strictEqual((yield* itemsOf).items.length, 1)
        }).pipe(Effect.scoped)
      )
    ))

  it.effect("is not submitted if the server cannot say whether it has the batch", () =>
    withServer(
      { faults: [Fault.http({ method: "GET", path: /\/b\/.*\/status$/, times: 100 }, Fault.status(403))] },
      Effect.gen(function*() {
        const error = yield* Effect.flip(render)
        assert.strictEqual(error._tag, "InvokeAiError")
        assert.strictEqual(yield* enqueues, 0)
      })
    ))

  it.effect("stays canceled when it is submitted again", () =>
    withServer(
      {},
      Effect.gen(function*() {
        yield* inProcess(Effect.scoped(Job.submitBatch(batch, { batchId: id })))
        const error = yield* Effect.flip(render)
        assert.strictEqual(error._tag === "WorkflowNotCompleted" ? error.reason._tag : error._tag, "JobCanceled")
        assert.strictEqual(yield* enqueues, 1)
      })
    ))

  for (
    const invalid of ["", ".", "..", "a/b", "a b", "a%2Fb", "ü", "\ud800", "a\nb", "-a", "redacted", "a".repeat(129)]
  ) {
    it.effect(`must be usable in a path of the server: ${JSON.stringify(invalid.slice(0, 12))} is rejected`, () =>
      withServer(
        {},
        inProcess(Effect.scoped(Effect.gen(function*() {
          const workflow = Effect.die("not needed")
          for (
            const submit of [
              Job.submitBatch(batch, { batchId: invalid }),
              JobRecovery.attachOrSubmit(invalid, workflow)
            ]
          ) {
            const error = yield* Effect.flip(submit)
            assert.strictEqual(error._tag, "InvalidOption")
            assert.include(error.message, "batchId")
          }
          assert.deepStrictEqual(yield* Simulator.use((simulator) => simulator.requests), [])
        })))
      ))
  }
})

const blank = Workflow.fromJson({
  name: "Blank",
  author: "",
  description: "",
  version: "",
  contact: "",
  tags: "",
  notes: "",
  exposedFields: [],
  meta: { category: "user", version: "3.0.0" },
  nodes: [{
    id: "image",
    type: "invocation",
    position: { x: 0, y: 0 },
    data: {
      id: "image",
      type: "blank_image",
      version: "1.2.2",
      label: "",
      notes: "",
      isOpen: true,
      isIntermediate: false,
      useCache: false,
      nodePack: "invokeai",
      inputs: {}
    }
  }],
  edges: []
})

describe("JobRecovery.attachOrSubmit", () => {
  it.effect("makes the workflow only if the server does not have the batch", () =>
    withServer(
      {},
      Effect.gen(function*() {
        let made = 0
        const prepare = Effect.tap(blank, () => Effect.sync(() => void made++))
        const once = inProcess(
          Effect.scoped(
            Effect.flatMap(JobRecovery.attachOrSubmit(id, prepare), (job) => Effect.map(job.await, namesOf))
          )
        )
        const first = yield* once
        assert.deepStrictEqual([yield* once, yield* once], [first, first])
        assert.strictEqual(made, 1)
        assert.strictEqual(yield* enqueues, 1)
      })
    ))

  it.effect("recognizes an extra item that processes left which no longer run, if it knows the size", () =>
    withServer(
      { nodeDuration: "5 seconds" },
      inProcess(
        Effect.gen(function*() {
          const queue = yield* SessionQueue
          const { graph, runs } = batch
          // what two killed processes sent
          for (const _ of [1, 2]) yield* queue.enqueueBatch({ batch_id: id, graph, data: null, runs, workflow: null })
          const job = yield* JobRecovery.attachOrSubmit(id, Effect.die("not needed"), { size: 1 })
          assert.strictEqual(namesOf(yield* job.await).length, 1)
          const { items } = yield* itemsOf
          assert.deepStrictEqual(items.map(({ status }) => status), ["completed", "canceled"])
        }).pipe(Effect.scoped)
      )
    ))

  it.effect("cancels the job when its scope closes, and leaves it running with detach", () =>
    withServer(
      { nodeDuration: "5 seconds" },
      inProcess(Effect.gen(function*() {
        yield* renderAndDie
        const attach = (onScopeClose: "cancel" | "detach") =>
          Effect.scoped(JobRecovery.attachOrSubmit(id, Effect.die("not needed"), { onScopeClose }))
        yield* attach("detach")
        assert.notStrictEqual((yield* itemsOf).items[0]!.status, "canceled")
        yield* attach("cancel")
        assert.strictEqual((yield* itemsOf).items[0]!.status, "canceled")
      }))
    ))
})
