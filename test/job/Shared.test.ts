/** Jobs on a server that others use as well: other users, revoked logins, retries and clears in the GUI, blocked queues. */
import * as InvokeAi from "@effect-invokeai/core/InvokeAi"
import * as Job from "@effect-invokeai/core/job/Job"
import { Images } from "@effect-invokeai/core/server/Images"
import { Queue } from "@effect-invokeai/core/server/Queue"
import * as Fault from "@effect-invokeai/core/simulator/Fault"
import * as SimulatorNodes from "@effect-invokeai/core/simulator/Simulator"
import { Simulator, type SimulatorOptions } from "@effect-invokeai/core/simulator/Simulator"
import * as SimulatorEventTransport from "@effect-invokeai/core/simulator/SimulatorEventTransport"
import * as SimulatorHttpClient from "@effect-invokeai/core/simulator/SimulatorHttpClient"
import * as InvokeAiTest from "@effect-invokeai/core/testing/InvokeAiTest"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { readFileSync } from "node:fs"
import { drive } from "./fake.ts"

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

const withServer = <A, E>(options: SimulatorOptions, effect: Effect.Effect<A, E, Simulator>) =>
  drive(Effect.provide(effect, Simulator.layer(options)))

describe("Other users", () => {
  it.effect(
    "see nothing of a job, and disturb none, also where it has to be found by its id",
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
                  return { batchId: job.batchId, adopted: job.enqueued?.adopted, events, result: yield* job.await }
                }).pipe(Effect.scoped, Effect.provide(loggedIn(index)))
              const both = yield* Effect.all([run(0), run(1)], { concurrency: 2 })
              for (const { adopted, events, result } of both) {
                assert.isTrue(adopted, version)
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

  it.effect("a login that is revoked in the middle is renewed, for calls and for events", () =>
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
        // The last nodes are told by events again, with their progress in time.
        assert.isTrue(events.some((event) => event._tag === "InvocationStarted" && event.nodeLabel === "Sum"))
      }).pipe(Effect.scoped, Effect.provide(loggedIn(0)))
    ))

  it.effect("a token that is revoked ends the wait with Unauthorized", () =>
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
        if (error._tag === "InvokeAiError") assert.strictEqual(error.reason, "Unauthorized")
      })
    ))
})

describe("Somebody at the GUI", () => {
  it.effect("retries an item that failed, twice, and the job takes the last retry for it", () =>
    Effect.gen(function*() {
      // Servers before 6.14 do not tell anybody that something was retried.
      for (const version of ["6.8.1", "6.13.8", "6.14.2"] as const) {
        yield* drive(
          Effect.gen(function*() {
            const simulator = yield* Simulator
            const queue = yield* Queue
            yield* simulator.whenNode(
              "add",
              (_node, call) => call <= 2 ? SimulatorNodes.fails("RuntimeError", "out of luck") : SimulatorNodes.usual
            )
            const job = yield* Job.submit(yield* load("text-only"), { keepOutputs: true })
            yield* job.events.pipe(
              Stream.filter((event) => event._tag === "ItemStatusChanged" && event.status === "failed"),
              Stream.take(2),
              Stream.runForEach((event) => "itemId" in event ? queue.retryItems([event.itemId]) : Effect.void)
            )
            const result = yield* job.await
            assert.strictEqual(result.status, "completed", version)
            assert.deepStrictEqual(result.items.map((item) => [item.itemId, item.run]), [[3, 0]], version)
            assert.strictEqual(result.outputs.integers.length, 2, version)
            const events = yield* Stream.runCollect(job.events)
            assert.isTrue(events.some((event) => event._tag === "JobWarning" && event.reason === "ItemRetried"))
          }).pipe(Effect.scoped, Effect.provide(InvokeAiTest.layer({ version, nodeDuration: "500 millis" })))
        )
      }
    }))

  it.effect("clears the queue: the job is lost, and its images are named", () =>
    drive(
      Effect.gen(function*() {
        const queue = yield* Queue
        const images = yield* Images
        const job = yield* Job.submit(yield* load("iterate-and-collect"), { keepOutputs: true })
        yield* job.outputStream.pipe(
          Stream.filter((output) => output._tag === "InkImageOutput"),
          Stream.take(1),
          Stream.runDrain
        )
        yield* queue.clear
        const error = yield* Effect.flip(job.await)
        assert.strictEqual(error._tag, "JobLost")
        if (error._tag !== "JobLost") return
        const there = (yield* images.names()).image_names
        assert.isAbove(there.length, 0)
        assert.sameMembers([...error.imageNames], [...there])
        assert.isAbove(error.outputs.images.length, 0)
      }).pipe(Effect.scoped, Effect.provide(InvokeAiTest.layer({ nodeDuration: "500 millis" })))
    ))
})

describe("Healing", () => {
  it.effect("frees a queue that a batch of our own blocks", () =>
    drive(
      Effect.gen(function*() {
        const workflow = yield* load("text-only")
        const poison = {
          graph: { id: "g", nodes: { n: { id: "n", type: "integer", value: 1 } }, edges: [] },
          data: [[{ node_path: "n", field_name: "value", items: ["not a number"] }]],
          workflow: null,
          runs: 1,
          size: 1,
          nodes: new Map([["n", { label: "Count", type: "integer" }]])
        }
        const blocked = yield* Effect.scoped(Effect.gen(function*() {
          const job = yield* Job.submitBatch(poison, { onInterrupt: "detach" })
          return yield* Effect.flip(job.await)
        }))
        assert.strictEqual(blocked._tag, "QueueBlocked")
        if (blocked._tag !== "QueueBlocked") return
        assert.isTrue(blocked.own)
        const waiting = yield* Effect.forkChild(
          Effect.scoped(Effect.flatMap(Job.submit(workflow), (job) => job.await))
        )
        yield* Effect.sleep("20 seconds")
        assert.isUndefined(waiting.pollUnsafe())
        const healed = yield* Job.heal(blocked.batchId)
        assert.deepInclude(healed, { active: 0, total: 1 })
        assert.strictEqual((yield* Fiber.join(waiting)).status, "completed")
      }).pipe(Effect.provide(InvokeAiTest.layer()))
    ))
})
