import * as Job from "@effect-invokeai/core/job/Job"
import * as Outputs from "@effect-invokeai/core/job/Outputs"
import { Boards } from "@effect-invokeai/core/server/Boards"
import { Images } from "@effect-invokeai/core/server/Images"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as Fault from "@effect-invokeai/testing/Fault"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import { Simulator } from "@effect-invokeai/testing/Simulator"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { readFileSync } from "node:fs"
import { tagOf } from "../tagOf.ts"
import { drive } from "../time.ts"

const load = (name: string) => {
  const text = readFileSync(new URL(`../fixtures/workflows/${name}.json`, import.meta.url), "utf8")
  return Workflow.fromJson(text)
}

const shapes = (outputs: ReadonlyArray<Outputs.InkOutput>) =>
  outputs.map((output) => [output._tag, output.nodeLabel, output.iteration, output.index])

describe("A job on the simulator", () => {
  it.effect("returns strings and numbers of a workflow without images", () =>
    drive(
      Effect.gen(function*() {
        const job = yield* Job.submit(yield* load("text-only"))
        const events = yield* Stream.runCollect(job.events)
        const outputs = yield* job.outputs
        assert.deepStrictEqual(Outputs.byLabel(outputs, "Sentence").map((output) => output.data["value"]), [
          "Hello, world"
        ])
        assert.deepStrictEqual(Outputs.byLabel(outputs, "Sum").map((output) => output.data["value"]), [42])
        assert.deepStrictEqual(outputs.integers.map((integer) => integer.value), [40, 42])
        assert.strictEqual(outputs.batchId, job.batchId)
        assert.strictEqual(outputs.status, "completed")
        assert.isTrue(events.some((event) => event._tag === "InvocationStarted" && event.nodeLabel === "Sum"))
      }).pipe(Effect.scoped, Effect.provide(InvokeAiTest.layer()))
    ))

  it.effect(
    "returns outputs in iteration order on every server version, and finds the board by its name",
    () =>
      Effect.gen(function*() {
        for (const version of ["6.3.0", "6.8.1", "6.13.8", "6.14.2"] as const) {
          yield* drive(
            Effect.gen(function*() {
              const boards = yield* Boards
              const board = yield* boards.create("samples")
              const job = yield* Job.submit(yield* load("iterate-and-collect"), { board: "samples" })
              const outputs = yield* Effect.map(job.await, (result) => result.outputs)
              const results = Outputs.byLabel(outputs, "Result")
              assert.deepStrictEqual(shapes(results), [
                ["InkImageOutput", "Result", [0], 0],
                ["InkImageOutput", "Result", [1], 1],
                ["InkImageOutput", "Result", [2], 2]
              ], version)
              assert.deepStrictEqual(outputs.finalImages.map((image) => image.width), [32, 64, 96], version)
              assert.isTrue(outputs.finalImages.every((image) => image.boardId === board.board_id), version)
              const collected = Outputs.byLabel(outputs, "All")[0]
              assert.deepStrictEqual(
                collected?._tag === "InkCollectOutput" ? collected.collection : [],
                outputs.finalImages.map((image) => ({ image_name: image.imageName })),
                version
              )
              assert.deepStrictEqual(
                [...yield* boards.imageNames(board.board_id)].toSorted(),
                outputs.finalImages.map((image) => image.imageName).toSorted(),
                version
              )
            }).pipe(Effect.scoped, Effect.provide(InvokeAiTest.layer({ version })))
          )
        }
      }),
    { timeout: 60_000 }
  )

  it.effect(
    "reports the iteration of an output before the end if it is certain, and never a wrong one",
    () =>
      Effect.gen(function*() {
        for (const version of ["6.3.0", "6.8.1", "6.13.8", "6.14.2"] as const) {
          yield* drive(
            Effect.gen(function*() {
              const job = yield* Job.submit(yield* load("iterate-and-collect"), { runs: 2 })
              const live = yield* Stream.runCollect(job.outputStream)
              const final = new Map((yield* job.outputs).all.map((output) => [output.preparedId, output]))
              assert.strictEqual(live.length, final.size, version)
              for (const output of live) {
                const end = final.get(output.preparedId)!
                if (output.iteration === null) continue
                assert.deepStrictEqual([output.iteration, output.index], [end.iteration, end.index], output.nodeLabel)
              }
              // Only inside of the iteration it is not told: the last node of an item comes when the item has ended.
              const first = live.filter((output) => output.itemIndex === 0)
              const certain = new Set(
                first.filter((output) => output.iteration !== null).map((output) => output.nodeLabel)
              )
              for (const label of ["Range", "Each", "All"]) assert.isTrue(certain.has(label), `${version} ${label}`)
              assert.isFalse(certain.has("Result"), version)
            }).pipe(Effect.scoped, Effect.provide(InvokeAiTest.layer({ version, nodeDuration: "1 second" })))
          )
        }
      }),
    { timeout: 30_000 }
  )

  it.effect("returns each item of a batch with its values", () =>
    drive(
      Effect.gen(function*() {
        const job = yield* Job.submit(yield* load("batch-groups"), { runs: 2 })
        const result = yield* job.await
        assert.strictEqual(result.items.length, 12)
        assert.deepStrictEqual(
          result.items.map((item) => item.itemIndex),
          Array.from({ length: 12 }, (_, index) => index)
        )
        for (const item of result.items) {
          const value = (field: string) => item.fieldValues.find((one) => one.fieldName === field)?.value
          const image = item.outputs.find((output) => output._tag === "InkImageOutput")
          assert.strictEqual(image?.width, value("width"))
          assert.strictEqual(image?.height, value("height"))
          const caption = item.outputs.find((output) => output._tag === "InkStringOutput")
          assert.strictEqual(caption?.value, `colour: ${String(value("string_right"))}`)
        }
      }).pipe(Effect.scoped, Effect.provide(InvokeAiTest.layer()))
    ))

  it.effect("names the node that fails, and deletes images that the job created before", () =>
    drive(
      Effect.gen(function*() {
        const images = yield* Images
        const error = yield* Effect.scoped(Effect.gen(function*() {
          const job = yield* Job.submit(yield* load("division-by-zero"))
          return yield* Effect.flip(job.await)
        }))
        assert.strictEqual(error.reason._tag, "JobFailed")
        if (error.reason._tag !== "JobFailed") return
        assert.strictEqual(error.reason.nodeLabel, "Divide")
        assert.strictEqual(error.reason.nodeType, "div")
        assert.include(error.reason.errorType, "ZeroDivision")
        assert.strictEqual(error.reason.outputs.images.length, 1)
        assert.strictEqual((yield* images.names()).image_names.length, 0)
        const kept = yield* Effect.scoped(Effect.gen(function*() {
          const job = yield* Job.submit(yield* load("division-by-zero"), { keepOutputs: true })
          return yield* Effect.flip(job.await)
        }))
        assert.strictEqual(kept.reason._tag, "JobFailed")
        assert.strictEqual((yield* images.names()).image_names.length, 1)
      }).pipe(Effect.provide(InvokeAiTest.layer()))
    ))

  it.effect("cancels a long job on interruption, and leaves nothing on the server", () =>
    drive(
      Effect.gen(function*() {
        const simulator = yield* Simulator
        const fiber = yield* Effect.forkChild(Effect.scoped(Effect.gen(function*() {
          const job = yield* Job.submit(yield* load("iterate-and-collect"))
          return yield* job.await
        })))
        yield* Effect.sleep("3 seconds")
        yield* Fiber.interrupt(fiber)
        yield* Effect.sleep("1 minute")
        const left = yield* simulator.leftovers
        assert.deepStrictEqual(left.unfinishedItems, [])
        assert.strictEqual(left.sockets, 0)
        const state = yield* simulator.state
        assert.strictEqual(state.images.length, 0)
      }).pipe(Effect.provide(InvokeAiTest.layer({ nodeDuration: "1 second" })))
    ))

  it.effect("is rejected with the node and the field", () =>
    drive(
      Effect.gen(function*() {
        const error = yield* Effect.flip(Job.submitBatch({
          graph: { id: "g", nodes: { n: { id: "n", type: "integer", value: "many" } }, edges: [] },
          data: null,
          workflow: null,
          runs: 1,
          size: 1,
          nodes: new Map([["n", { label: "Count", type: "integer" }]])
        }))
        assert(error._tag === "SubmissionError")
        assert.strictEqual(error.reason._tag, "SubmissionRejected")
        if (error._tag !== "SubmissionError" || error.reason._tag !== "SubmissionRejected") return
        assert.deepInclude(error.reason.problems[0], {
          nodeId: "n",
          nodeLabel: "Count",
          fieldName: "value",
          input: "n.value"
        })
        const board = yield* Effect.flip(
          Effect.flatMap(load("text-only"), (workflow) => Job.submit(workflow, { board: "nowhere" }))
        )
        assert(board._tag === "SubmissionError")
        assert.strictEqual(board.reason._tag, "BoardNotFound")
      }).pipe(Effect.scoped, Effect.provide(InvokeAiTest.layer()))
    ))

  it.effect("fails without a defect if the server is unreachable while it looks up a board", () =>
    drive(
      Effect.gen(function*() {
        const workflow = yield* load("text-only")
        const error = yield* Effect.flip(Job.submit(workflow, { board: "samples" }))
        assert.strictEqual(error._tag, "InvokeAiError")
        if (error._tag === "InvokeAiError") assert.strictEqual(error.reason._tag, "Transport")
      }).pipe(
        Effect.scoped,
        Effect.provide(InvokeAiTest.layer({
          faults: [Fault.http({ path: "/api/v1/boards/{board_id}", times: 1000 }, Fault.dropRequest)]
        }))
      )
    ))

  it.effect("runs many workflows, and returns them in the order in which they end", () =>
    drive(
      Effect.gen(function*() {
        const workflow = yield* load("text-only")
        const outcomes = yield* Stream.runCollect(Job.submitAll(Array.from({ length: 40 }, () => workflow), {
          concurrency: 8
        }))
        assert.strictEqual(outcomes.length, 40)
        assert.deepStrictEqual(
          outcomes.map((outcome) => outcome.index).toSorted((a, b) => a - b),
          Array.from({ length: 40 }, (_, index) => index)
        )
        assert.isTrue(outcomes.every((outcome) => outcome.result._tag === "Success" && outcome.batchId !== null))
      }).pipe(Effect.provide(InvokeAiTest.layer()))
    ), { timeout: 60_000 })

  it.effect("returns the same outputs whatever happens to the events", () =>
    Effect.gen(function*() {
      const every = { times: 100_000 }
      for (
        const faults of [
          [],
          [Fault.event(every, Fault.dropEvent)],
          [Fault.event(every, Fault.duplicate)],
          [Fault.event({ nth: 3, times: 5 }, Fault.reorder(4))],
          [Fault.event({ name: "queue_item_status_changed", ...every }, Fault.dropEvent)],
          [Fault.event({ nth: 5 }, Fault.disconnect)],
          [Fault.event({ nth: 1 }, Fault.disconnect), Fault.event({ nth: 12 }, Fault.disconnect)]
        ]
      ) {
        yield* drive(
          Effect.gen(function*() {
            const job = yield* Job.submit(yield* load("iterate-and-collect"))
            const streamed = yield* Stream.runCollect(job.outputStream)
            const outputs = yield* job.outputs
            assert.deepStrictEqual(outputs.finalImages.map((image) => image.width), [32, 64, 96])
            assert.deepStrictEqual(
              streamed.map((output) => output.preparedId).toSorted(),
              outputs.all.map((output) => output.preparedId).toSorted()
            )
          }).pipe(Effect.scoped, Effect.provide(InvokeAiTest.layer({ faults, nodeDuration: "50 millis" })))
        )
      }
    }), { timeout: 60_000 })
})

const routes = [
  ["POST", "/api/v1/queue/{queue_id}/enqueue_batch"],
  ["GET", "/api/v1/queue/{queue_id}/b/{batch_id}/status"],
  ["GET", "/api/v1/queue/{queue_id}/i/{item_id}"],
  ["POST", "/api/v1/queue/{queue_id}/item_summaries_by_ids"]
] as const

const actions = {
  "request lost": Fault.dropRequest,
  "response lost": Fault.dropResponse,
  "late, before": Fault.delay("90 seconds"),
  "late, after": Fault.delay("90 seconds", "after"),
  "500": Fault.status(500),
  "500 although done": Fault.status(500, "oops", { handled: true }),
  "502": Fault.status(502, "Bad Gateway"),
  "502 although done": Fault.status(502, "Bad Gateway", { handled: true }),
  "garbage": Fault.corruptBody(),
  "garbage although done": Fault.corruptBody("<html>", { handled: true }),
  "cut short": Fault.truncate(10)
}

describe("Every request of the client", () => {
  for (const [method, path] of routes) {
    it.effect(`${method} ${path}`, () =>
      Effect.gen(function*() {
        for (const [name, action] of Object.entries(actions)) {
          for (const nth of [1, 2]) {
            for (const socket of [true, false]) {
              const faults = [
                Fault.http({ method, path, nth }, action),
                ...(socket ? [] : [Fault.event({ times: 100_000 }, Fault.dropEvent)])
              ]
              const what = `${name}, call ${nth}, ${socket ? "with" : "without"} events`
              yield* drive(
                Effect.gen(function*() {
                  const simulator = yield* Simulator
                  const outcome = yield* Effect.scoped(Effect.gen(function*() {
                    const job = yield* Job.submit(yield* load("text-only"), { onScopeClose: "cancel" })
                    yield* Stream.runDrain(job.events)
                    return yield* job.outputs
                  })).pipe(Effect.result)
                  if (outcome._tag === "Failure") throw new Error(`${what}: ${outcome.failure.message}`)
                  assert.deepStrictEqual(outcome.success.integers.map((integer) => integer.value), [40, 42], what)
                  yield* Effect.sleep("2 minutes")
                  const { items } = yield* simulator.state
                  const done = items.filter((item) => item.status === "completed")
                  assert.isAtLeast(done.length, 1, what)
                  assert.isTrue(items.every((item) => item.batchId === outcome.success.batchId), what)
                  assert.strictEqual(done.length, 1, what)
                }).pipe(
                  Effect.provide(InvokeAiTest.layer({ faults, nodeDuration: Duration.millis(200) }))
                )
              )
            }
          }
        }
      }), { timeout: 120_000 })
  }

  it.effect("a restart of the server at any moment", () =>
    Effect.gen(function*() {
      for (const database of [true, false]) {
        for (const at of [0, 100, 300, 500, 700, 900, 1300]) {
          yield* drive(
            Effect.gen(function*() {
              const simulator = yield* Simulator
              const killer = yield* Effect.forkChild(
                Effect.delay(simulator.restart({ database, downFor: "5 seconds" }), at)
              )
              const outcome = yield* Effect.scoped(Effect.gen(function*() {
                const job = yield* Job.submit(yield* load("text-only"))
                return yield* job.await
              })).pipe(Effect.result)
              yield* Fiber.join(killer)
              const { items } = yield* simulator.state
              const what = `${database ? "file" : "memory"}, after ${at} ms`
              if (outcome._tag === "Success") {
                assert.deepStrictEqual(outcome.success.outputs.integers.map((one) => one.value), [40, 42], what)
              } else {
                const known = new Set<string>([
                  "JobCanceled",
                  "JobLost",
                  "InvokeAiError",
                  "SubmissionUnknown"
                ])
                assert.isTrue(known.has(tagOf(outcome.failure)), `${what}: ${tagOf(outcome.failure)}`)
              }
              assert.isTrue(
                items.every((item) => item.status !== "pending" && item.status !== "in_progress"),
                what
              )
              assert.isAtMost(items.filter((item) => item.status === "completed").length, 1, what)
            }).pipe(Effect.provide(InvokeAiTest.layer({ nodeDuration: Duration.millis(200) })))
          )
        }
      }
    }), { timeout: 60_000 })
})
