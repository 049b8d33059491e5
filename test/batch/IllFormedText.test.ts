import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as WorkflowBatch from "@effect-invokeai/core/batch/WorkflowBatch"
import type { InvokeAiError } from "@effect-invokeai/core/InvokeAiError"
import * as Job from "@effect-invokeai/core/job/Job"
import { Boards } from "@effect-invokeai/core/server/Boards"
import { Images } from "@effect-invokeai/core/server/Images"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import { WorkflowLibrary } from "@effect-invokeai/core/server/WorkflowLibrary"
import * as Sweep from "@effect-invokeai/core/workflow/Sweep"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import * as Png from "@effect-invokeai/testing/Png"
import * as Raster from "@effect-invokeai/testing/Raster"
import { Simulator } from "@effect-invokeai/testing/Simulator"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { drive } from "../time.ts"
import { edge, file, input, node, read, resources } from "../workflow/support.ts"

const cut = "a grey 🐱".slice(0, -1)
const whole = "🐱 \0 \uFEFF \u2028 \u2029 \r\n \\ud83d \\\\ud83d"

const text = (value: string, more: Record<string, unknown> = {}) =>
  file([node("p", "string", "1.0.1", [input("value", value)], { isIntermediate: false, ...more })], [], [[
    "p",
    "value"
  ]])

const message = <A, E extends Error, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), (error) => error.message)

const half = "half of a surrogate pair at position 7, which appears when a string is cut inside an emoji"

describe("half of a surrogate pair", () => {
  it.effect("is rejected as the value of an input, at any depth", () =>
    Effect.gen(function*() {
      const self = yield* read(text("x"))
      const error = yield* Effect.flip(Workflow.setInput(self, "value", cut))
      assert.strictEqual(error.reason._tag, "InvalidInputValue")
      assert.include(error.message, `expected well-formed Unicode text, got ${half}`)
      assert.include(yield* message(Workflow.setField(self, "p.value", cut)), half)
      assert.include(yield* message(Workflow.sweep(self, Sweep.product({ value: ["fine", cut] }))), half)
      const list = yield* read(file([node("c", "string_collection", "1.0.2", [input("collection", [])])], [], []))
      assert.include(
        yield* message(Workflow.setField(list, "c.collection", ["fine", cut])),
        "half of a surrogate pair at position 7 of 1"
      )
      yield* Workflow.setInput(self, "value", whole)
    }))

  it.effect("is a problem of the field that holds it in a file", () =>
    Effect.gen(function*() {
      const batch = node("b", "string_batch", "1.0.0", [
        input("batch_group_id", "None"),
        input("strings", ["fine", cut])
      ])
      const generator = { type: "string_generator_parse_string", input: `fine,${cut}`, splitOn: "," }
      const files = {
        "p.value": text(cut),
        "b.strings": file(
          [batch, node("p", "string", "1.0.1", [input("value", "x")])],
          [edge("b", "value", "p", "value")],
          []
        ),
        "g.generator": file(
          [
            node("g", "string_generator", "1.0.0", [input("generator", generator)]),
            node("b", "string_batch", "1.0.0", [input("batch_group_id", "None"), input("strings")]),
            node("p", "string", "1.0.1", [input("value", "x")])
          ],
          [edge("g", "strings", "b", "strings"), edge("b", "value", "p", "value")],
          []
        ),
        "m.extra": file([node("m", "core_metadata", "2.1.0", [input("extra", { deep: [cut] })])], [], [])
      }
      for (const [systemName, json] of Object.entries(files)) {
        const problems = WorkflowBatch.validate(yield* read(json))
        const found = problems.all.filter((problem) => problem.message.includes("surrogate pair"))
        assert.include(found.map((problem) => problem.systemName), systemName)
        const error = yield* Effect.flip(WorkflowBatch.make(yield* read(json)))
        assert.strictEqual(error._tag, "WorkflowNotReady")
      }
      assert.isTrue(WorkflowBatch.validate(yield* read(text(whole))).isEmpty)
    }).pipe(Effect.provide(resources())))

  it.effect("is replaced in the strings of the embedded workflow", () =>
    Effect.gen(function*() {
      const json = { ...text("x", { label: cut, notes: cut }), name: cut, notes: cut, extra: { [cut]: [cut] } }
      const { workflow } = yield* WorkflowBatch.make(yield* read(json))
      assert.notMatch(JSON.stringify(workflow), /\\ud83d/)
      assert.strictEqual(workflow["name"], "a grey \uFFFD")
      assert.deepStrictEqual(workflow["extra"], { "a grey \uFFFD": ["a grey \uFFFD"] })
      assert.strictEqual(Workflow.toDefinition(yield* read(json))["name"], cut)
    }).pipe(Effect.provide(resources())))

  it.effect("is never sent, whatever contains it", () =>
    Effect.gen(function*() {
      const picture = Png.encode(Raster.painted(8, 8, "picture"))
      const batch = yield* WorkflowBatch.make(yield* Workflow.fromJson(text("x")))
      const graph = { nodes: { p: { type: "string", id: "p", value: cut } }, edges: [] }
      const simulator = yield* Simulator
      const before = (yield* simulator.requests).length
      const sent: ReadonlyArray<
        Effect.Effect<unknown, InvokeAiError, Boards | Images | SessionQueue | WorkflowLibrary>
      > = [
        SessionQueue.use((queue) => queue.enqueueBatch({ graph, runs: 1 })),
        SessionQueue.use((queue) => queue.enqueueBatch({ graph: batch.graph, runs: 1, origin: cut })),
        WorkflowLibrary.use((library) => library.create(text(cut))),
        Boards.use((boards) => boards.create(cut)),
        Images.use((images) => images.get(cut)),
        Images.use((images) => images.upload({ data: picture, metadata: { prompt: cut } }))
      ]
      for (const effect of sent) {
        const error = yield* Effect.flip(effect)
        assert.deepStrictEqual([error.reason._tag, error.sent, error.isRetryable, error.isAmbiguous], [
          "Validation",
          false,
          false,
          false
        ])
        assert.include(error.message, "half of a surrogate pair at position 7 of ")
      }
      const rejected = yield* Effect.flip(
        Job.submitBatch({
          ...batch,
          graph: { ...batch.graph, nodes: { p: { ...batch.graph.nodes["p"]!, value: cut } } }
        })
      )
      assert(rejected._tag === "SubmissionError")
      assert.strictEqual(rejected.reason._tag, "SubmissionRejected")
      assert.include(rejected.message, half.split(",")[0] ?? "")
      assert.strictEqual((yield* simulator.requests).length, before)
      const uploaded = yield* Assets.uploadBytes(picture, { metadata: { prompt: whole } })
      assert.isAbove(uploaded.width, 0)
      const job = yield* Job.submit(yield* Workflow.setInput(yield* Workflow.fromJson(text("x")), "value", whole))
      assert.deepStrictEqual((yield* job.await).outputs.strings.map(({ value }) => value), [whole])
    }).pipe(Effect.scoped, drive, Effect.provide(InvokeAiTest.layer())))
})
