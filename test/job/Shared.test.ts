/** Jobs on a server that others use as well: other users, revoked logins, retries and clears in the GUI, blocked queues. */
import * as InvokeAi from "@effect-invokeai/core/InvokeAi"
import * as Job from "@effect-invokeai/core/job/Job"
import * as Outputs from "@effect-invokeai/core/job/Outputs"
import { Images } from "@effect-invokeai/core/server/Images"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as Fault from "@effect-invokeai/testing/Fault"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import type { ServerVersion } from "@effect-invokeai/testing/ServerProfile"
import * as SimulatorNodes from "@effect-invokeai/testing/Simulator"
import { Simulator, type SimulatorOptions } from "@effect-invokeai/testing/Simulator"
import { assert, describe, it } from "@effect/vitest"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { readFileSync } from "node:fs"
import { batchIdOf } from "../../packages/core/src/job/internal/Observation.ts"
import * as SimulatorEventTransport from "../../packages/testing/src/internal/SimulatorEventTransport.ts"
import * as SimulatorHttpClient from "../../packages/testing/src/internal/SimulatorHttpClient.ts"
import { drive } from "../time.ts"
import { eventFrom } from "./wire.ts"

const load = (name: string) =>
  Workflow.fromJson(readFileSync(new URL(`../fixtures/workflows/${name}.json`, import.meta.url), "utf8"))

const users = [
  { email: "ann@example.com", password: "correct horse" },
  { email: "ben@example.com", password: "battery staple" }
]

const clientOf = (options: InvokeAi.Options): Layer.Layer<InvokeAi.Services, never, Simulator> =>
  Layer.fresh(
    InvokeAi.layer({ ...options, url: InvokeAiTest.url }).pipe(
      Layer.provide([SimulatorHttpClient.layer(), SimulatorEventTransport.layer({})])
    )
  )

const loggedIn = (index: number) =>
  clientOf({ email: users[index]!.email, password: Redacted.make(users[index]!.password) })

const numbers = (items: ReadonlyArray<number | string>): Job.JobBatch => ({
  graph: { id: "g", nodes: { n: { id: "n", type: "integer", value: 1, use_cache: false } }, edges: [] },
  data: [[{ node_path: "n", field_name: "value", items }]],
  workflow: null,
  runs: 1,
  size: items.length,
  nodes: new Map([["n", { label: "Count", type: "integer" }]])
})

const lost = [Fault.event({ times: 100_000 }, Fault.dropEvent)]

const withServer = <A, E>(options: SimulatorOptions, effect: Effect.Effect<A, E, Simulator>) =>
  drive(Effect.provide(effect, Simulator.layer(options)))

describe("Events", () => {
  it("pass on the preview of an unfinished image, and skip events of other jobs and invalid ones", () => {
    const payload = {
      queue_id: "default",
      batch_id: "b",
      item_id: 1,
      session_id: "s",
      invocation: { id: "prepared", type: "flux_denoise" },
      invocation_source_id: "node",
      message: "Denoising",
      percentage: 1.5,
      image: { width: 64, height: 32, dataURL: "data:image/jpeg;base64,AAAA" }
    }
    const seen = eventFrom("invocation_progress", payload)
    assert.deepInclude(seen, { _tag: "Node", itemId: 1, nodeId: "node", preparedId: "prepared" })
    assert.deepStrictEqual(seen?._tag === "Node" ? seen.change : undefined, {
      _tag: "Progress",
      message: "Denoising",
      fraction: 1,
      preview: { width: 64, height: 32, dataUrl: "data:image/jpeg;base64,AAAA" }
    })
    assert.isUndefined(eventFrom("invocation_progress", { ...payload, invocation: null }))
    assert.isUndefined(eventFrom("model_load_started", payload))
    assert.isUndefined(eventFrom("queue_item_status_changed", "text"))
    // Only events about items of a batch that is tracked are decoded at all.
    assert.strictEqual(batchIdOf({ name: "invocation_progress", payload }), payload.batch_id)
    assert.isUndefined(batchIdOf({ name: "batch_enqueued", payload }))
    assert.isUndefined(batchIdOf({ name: "model_load_started", payload }))
    assert.isUndefined(batchIdOf({ name: "invocation_progress", payload: "text" }))
  })
})

describe("Other users", () => {
  it.effect(
    "do not see a job, and do not disturb it, even if it has to be found by its id",
    () =>
      Effect.gen(function*() {
        for (const version of ["6.13.8", "6.14.2"] as const) {
          yield* withServer(
            {
              version,
              users,
              nodeDuration: "300 millis",
              faults: [Fault.http({ method: "POST", path: /enqueue_batch$/, nth: 1, times: 2 }, Fault.dropResponse)]
            },
            Effect.gen(function*() {
              const run = (index: number) =>
                Effect.gen(function*() {
                  const job = yield* Job.submit(yield* load("batch-groups"))
                  const events = yield* Stream.runCollect(job.events)
                  return { batchId: job.batchId, recovered: job.enqueued?.recovered, events, result: yield* job.await }
                }).pipe(Effect.scoped, Effect.provide(loggedIn(index)))
              const both = yield* Effect.all([run(0), run(1)], { concurrency: 2 })
              for (const { recovered, events, result } of both) {
                assert.isTrue(recovered, version)
                assert.strictEqual(result.items.length, 6, version)
                const own = new Set(result.items.map((item) => item.itemId))
                assert.isTrue(events.every((event) => !("itemId" in event) || own.has(event.itemId)), version)
                assert.isFalse(events.some((event) => event._tag === "JobWarning"), version)
              }
              const ids = both.flatMap(({ result }) => result.items.map((item) => item.itemId))
              assert.strictEqual(new Set(ids).size, 12, version)
            })
          )
        }
      }),
    { timeout: 60_000 }
  )

  it.effect("do not interrupt a job whose token is revoked halfway: the client logs in again for requests and events", () =>
    withServer(
      { users, nodeDuration: "2 seconds" },
      Effect.gen(function*() {
        const simulator = yield* Simulator
        const job = yield* Job.submit(yield* load("text-only"))
        yield* Effect.sleep("1 second")
        yield* simulator.expireTokens
        yield* simulator.disconnectSockets
        const events = yield* Stream.runCollect(job.events)
        assert.strictEqual((yield* job.await).status, "completed")
        // Events report the last nodes again, with their progress in time.
        assert.isTrue(events.some((event) => event._tag === "InvocationStarted" && event.nodeLabel === "Sum"))
      }).pipe(Effect.scoped, Effect.provide(loggedIn(0)))
    ))

  it.effect("end the wait with Unauthorized if a token is revoked", () =>
    withServer(
      { users, nodeDuration: "2 seconds" },
      Effect.gen(function*() {
        const simulator = yield* Simulator
        const token = yield* Effect.flatMap(Simulator, (one) =>
          Effect.orDie(
            Effect.map(
              one.handle({
                method: "POST",
                path: "/api/v1/auth/login",
                query: new URLSearchParams(),
                headers: { "content-type": "application/json" },
                body: new TextEncoder().encode(JSON.stringify(users[0]))
              }),
              (response) => JSON.parse(new TextDecoder().decode(response.body)) as { readonly token: string }
            )
          ))
        const error = yield* Effect.gen(function*() {
          const job = yield* Job.submit(yield* load("text-only"))
          yield* Effect.sleep("1 second")
          yield* simulator.expireTokens
          yield* simulator.disconnectSockets
          return yield* Effect.flip(job.await)
        }).pipe(Effect.scoped, Effect.provide(clientOf({ token: Redacted.make(token.token) })))
        assert.strictEqual(error._tag, "InvokeAiError")
        if (error._tag === "InvokeAiError") assert.strictEqual(error.reason._tag, "Unauthorized")
      })
    ))
})

/** Runs on simulators of the versions, each with its events and without. */
const withAndWithoutEvents = <E>(
  versions: ReadonlyArray<ServerVersion>,
  nodeDuration: Duration.Input,
  run: (what: string, socket: boolean) => Effect.Effect<void, E, InvokeAi.Services | Simulator | Scope.Scope>
) =>
  Effect.forEach(versions, (version) =>
    Effect.forEach([true, false], (socket) =>
      drive(
        run(`${version} ${socket ? "with" : "without"} events`, socket).pipe(
          Effect.scoped,
          Effect.provide(InvokeAiTest.layer({
            version,
            nodeDuration,
            faults: socket ? [] : [Fault.event({ times: 100_000 }, Fault.disconnect)]
          }))
        )
      ), { discard: true }), { discard: true })

describe("A user of the InvokeAI UI", () => {
  it.effect("retries a failed item twice, and the job returns the last retry", () =>
    Effect.gen(function*() {
      // Servers before 6.14 do not report retries.
      for (const version of ["6.8.1", "6.13.8", "6.14.2"] as const) {
        yield* drive(
          Effect.gen(function*() {
            const simulator = yield* Simulator
            const queue = yield* SessionQueue
            yield* simulator.whenNode(
              "add",
              (_node, call) =>
                call <= 2 ? SimulatorNodes.failsWith("RuntimeError", "out of luck") : SimulatorNodes.runsNormally
            )
            const job = yield* Job.submit(yield* load("text-only"), { keepOutputs: true })
            yield* job.events.pipe(
              Stream.filter((event) => event._tag === "ItemStatusChanged" && event.status === "failed"),
              Stream.take(2),
              Stream.runForEach((event) => "itemId" in event ? queue.retryItems([event.itemId]) : Effect.void)
            )
            const result = yield* job.await
            assert.strictEqual(result.status, "completed", version)
            assert.deepStrictEqual(result.items.map((item) => [item.itemId, item.itemIndex]), [[3, 0]], version)
            assert.strictEqual(result.outputs.integers.length, 2, version)
            const events = yield* Stream.runCollect(job.events)
            assert.isTrue(events.some((event) => event._tag === "JobWarning" && event.reason === "ItemRetried"))
          }).pipe(Effect.scoped, Effect.provide(InvokeAiTest.layer({ version, nodeDuration: "500 millis" })))
        )
      }
    }))

  it.effect("cancels running items, and the job keeps existing outputs, with and without events", () =>
    Effect.gen(function*() {
      yield* withAndWithoutEvents(["6.3.0", "6.14.2"], "1 second", (what) =>
        Effect.gen(function*() {
          const queue = yield* SessionQueue
          const job = yield* Job.submit(yield* load("iterate-and-collect"), { keepOutputs: true })
          yield* Effect.sleep("5500 millis")
          yield* queue.cancelByBatchIds([job.batchId])
          const error = yield* Effect.flip(job.await)
          assert.deepInclude(error.reason, { _tag: "JobCanceled", requested: false })
          if (error.reason._tag !== "JobCanceled") return
          const labels = error.reason.outputs.all.map((output) => output.nodeLabel)
          assert.deepStrictEqual(labels.slice(0, 5), ["Range", "Each", "Each", "Each", "Scale"], what)
        }))
    }))

  it.effect("clears the queue, and the job is lost and names its images, with and without events", () =>
    Effect.gen(function*() {
      yield* withAndWithoutEvents(
        ["6.3.0", "6.8.1", "6.13.8", "6.14.2"],
        "500 millis",
        (what, socket) =>
          Effect.gen(function*() {
            const queue = yield* SessionQueue
            const images = yield* Images
            const job = yield* Job.submit(yield* load("iterate-and-collect"), { keepOutputs: true })
            while ((yield* images.names()).image_names.length === 0) yield* Effect.sleep("1 second")
            yield* queue.clear
            const error = yield* Effect.flip(job.await)
            assert.strictEqual(error.reason._tag, "JobLost", what)
            if (error.reason._tag !== "JobLost") return
            assert.sameMembers([...error.reason.imageNames], [...(yield* images.names()).image_names], what)
            assert.isAbove(error.reason.imageNames.length, 0, what)
            if (socket) assert.isAbove(error.reason.outputs.images.length, 0, what)
          })
      )
    }))
})

describe("Extra items", () => {
  it.effect(
    "under the id of a batch are reported and canceled, with and without events",
    () =>
      Effect.gen(function*() {
        yield* withAndWithoutEvents(["6.3.0", "6.8.1", "6.13.8", "6.14.2"], "1 second", (what) =>
          Effect.gen(function*() {
            const simulator = yield* Simulator
            const queue = yield* SessionQueue
            const job = yield* Job.submitBatch(numbers([1, 2, 3]))
            yield* Effect.sleep("1500 millis")
            // A proxy that repeats a request, or a program that reuses the id.
            const { data = null, graph } = numbers([1, 2, 3])
            yield* queue.enqueueBatch({ batch_id: job.batchId, graph, data, runs: 1, workflow: null })
            const events = yield* Stream.runCollect(job.events)
            const { items, outputs } = yield* job.await
            assert.deepStrictEqual(
              items.map((item) => item.itemId),
              [1, 2, 3],
              what
            )
            assert.deepStrictEqual(outputs.integers.map((output) => output.value), [1, 2, 3], what)
            const warning = events.find((event) => event._tag === "JobWarning" && event.reason === "ExtraItems")
            assert.deepInclude(warning, { itemIds: [4, 5, 6] }, what)
            yield* Effect.sleep("1 minute")
            assert.deepStrictEqual(
              (yield* simulator.state).items.map((item) => item.status).toSorted(),
              [...Array.from({ length: 3 }, () => "canceled"), ...Array.from({ length: 3 }, () => "completed")],
              what
            )
          }))
      }),
    { timeout: 30_000 }
  )
})

describe("Workflows that call other workflows", () => {
  const node = (id: string, type: string, inputs: Readonly<Record<string, unknown>>) => ({
    id,
    type: "invocation",
    data: {
      id,
      type,
      useCache: false,
      isIntermediate: true,
      inputs: Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, { name, label: "", value }]))
    }
  })
  const edge = (source: string, sourceHandle: string, target: string, targetHandle: string) => ({
    id: `${source}-${target}`,
    type: "default",
    source,
    sourceHandle,
    target,
    targetHandle
  })
  const callee = (type: string, inputs: Readonly<Record<string, unknown>>) => ({
    name: "callee",
    meta: { version: "4.0.0", category: "user" },
    exposedFields: [],
    nodes: [
      node("work", type, inputs),
      node("key", "workflow_return_value", { key: "result" }),
      node("end", "workflow_return", {})
    ],
    edges: [edge("work", "value", "key", "value"), edge("key", "value", "end", "values")]
  })
  const calling = (workflowId: string): Job.JobBatch => ({
    graph: {
      id: "g",
      nodes: {
        call: { id: "call", type: "call_saved_workflow", workflow_id: workflowId, workflow_inputs: {} },
        get: { id: "get", type: "workflow_return_get", key: "result" }
      },
      edges: [{ source: { node_id: "call", field: "values" }, destination: { node_id: "get", field: "values" } }]
    },
    data: null,
    workflow: null,
    runs: 2,
    size: 2,
    nodes: new Map([["get", { label: "What came back", type: "workflow_return_get" }]])
  })

  it.effect("have the requested items, and not those of the called workflows", () =>
    Effect.gen(function*() {
      for (const faults of [[], lost]) {
        yield* drive(
          Effect.gen(function*() {
            const simulator = yield* Simulator
            const id = yield* simulator.addWorkflow(callee("add", { a: 2, b: 3 }))
            const job = yield* Job.submitBatch(calling(id))
            const events = yield* Stream.runCollect(job.events)
            const { items, outputs } = yield* job.await
            assert.deepStrictEqual(items.map((item) => item.itemId), job.enqueued!.itemIds)
            assert.strictEqual((yield* simulator.state).items.length, 4)
            assert.deepStrictEqual(
              Outputs.byLabel(outputs, "What came back").map((
                output
              ) => [output.itemIndex, output.data["values"] ?? output.data["value"]]),
              [[0, 5], [1, 5]]
            )
            const own = new Set(job.enqueued!.itemIds)
            assert.isTrue(events.every((event) => !("itemId" in event) || own.has(event.itemId)))
            assert.isFalse(events.some((event) => event._tag === "JobWarning" && event.reason === "ExtraItems"))
            if (faults.length === 0) {
              const seen = events.flatMap((event) => event._tag === "ItemStatusChanged" ? [event.status] : [])
              assert.include(seen, "waiting")
            }
          }).pipe(Effect.scoped, Effect.provide(InvokeAiTest.layer({ faults, nodeDuration: "500 millis" })))
        )
      }
    }))

  it.effect("fail if a called workflow fails", () =>
    drive(
      Effect.gen(function*() {
        const simulator = yield* Simulator
        const id = yield* simulator.addWorkflow(callee("div", { a: 2, b: 0 }))
        const job = yield* Job.submitBatch(calling(id))
        const error = yield* Effect.flip(job.await)
        assert.strictEqual(error.reason._tag, "JobFailed")
        if (error.reason._tag === "JobFailed") assert.strictEqual(error.reason.failures.length, 2)
      }).pipe(Effect.scoped, Effect.provide(InvokeAiTest.layer({ nodeDuration: "500 millis" })))
    ))
})

describe("Unblocking", () => {
  it.effect(
    "recognizes an invalid value in the middle of a batch, and keeps items that ran before it",
    () =>
      Effect.gen(function*() {
        for (const version of ["6.3.0", "6.8.1", "6.13.8", "6.14.2"] as const) {
          for (const faults of [[], lost]) {
            yield* drive(
              Effect.gen(function*() {
                const { error, items } = yield* Effect.scoped(Effect.gen(function*() {
                  const job = yield* Job.submitBatch(numbers([1, "two", 3]))
                  return { error: yield* Effect.flip(job.await), items: yield* job.items }
                }))
                assert.deepInclude(error.reason, { _tag: "QueueBlocked", own: true, itemIds: [2] }, version)
                assert.deepStrictEqual(items[0]?.outputs.map((output) => output.data["value"]), [1], version)
                // Closing the scope has freed the queue.
                const next = yield* Effect.scoped(Effect.flatMap(Job.submitBatch(numbers([4])), (job) => job.await))
                assert.strictEqual(next.status, "completed", version)
              }).pipe(Effect.provide(InvokeAiTest.layer({ version, faults })))
            )
          }
        }
      }),
    { timeout: 30_000 }
  )

  it.effect("unblocks the queue when the scope of a detached job closes", () =>
    drive(
      Effect.gen(function*() {
        const blocked = yield* Effect.scoped(
          Effect.flatMap(
            Job.submitBatch(numbers([1, "not a number"]), { onScopeClose: "detach" }),
            (job) => Effect.flip(job.await)
          )
        )
        assert.deepInclude(blocked.reason, { _tag: "QueueBlocked", own: true })
        assert.include(blocked.message, `Job.unblockQueue("`)
        const queue = yield* SessionQueue
        assert.deepStrictEqual((yield* queue.itemIds()).item_ids, [])
        assert.deepStrictEqual(yield* queue.listAll(), [])
      }).pipe(Effect.provide(InvokeAiTest.layer()))
    ))

  it.effect("unblocks a queue that the batch of another program blocks", () =>
    drive(
      Effect.gen(function*() {
        const workflow = yield* load("text-only")
        const blocked = { batchId: "11111111-2222-4333-8444-555555555555" }
        const { data = null, graph, runs } = numbers(["not a number"])
        yield* SessionQueue.use((queue) => queue.enqueueBatch({ batch_id: blocked.batchId, graph, data, runs }))
        const waiting = yield* Effect.forkChild(
          Effect.scoped(Effect.flatMap(Job.submit(workflow), (job) => job.await))
        )
        yield* Effect.sleep("20 seconds")
        assert.isUndefined(waiting.pollUnsafe())
        const healed = yield* Job.unblockQueue(blocked.batchId)
        assert.deepInclude(healed, { active: 0, total: 1 })
        assert.strictEqual((yield* Fiber.join(waiting)).status, "completed")
      }).pipe(Effect.provide(InvokeAiTest.layer()))
    ))
})
