import * as Job from "@effect-invokeai/core/job/Job"
import { WorkflowLibrary } from "@effect-invokeai/core/server/WorkflowLibrary"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as Fault from "@effect-invokeai/testing/Fault"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import { Simulator } from "@effect-invokeai/testing/Simulator"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { Buffer } from "node:buffer"
import { drive } from "../time.ts"
import { catalogLayer, chunk, open, png, readJson } from "./support.ts"

const thumbnail = readJson("examples/soft-thumbnail.json") as Record<string, unknown>

const imagesOf = (workflow: Workflow.Workflow) =>
  Effect.gen(function*() {
    const job = yield* Job.submit(workflow)
    return (yield* job.await).outputs.finalImages
  })

const inputsOf = (workflow: Workflow.Workflow) =>
  workflow.inputs.map((input) => [input.systemName, Workflow.formatValue(input)])

const imageWith = (...texts: ReadonlyArray<readonly [keyword: string, text: string]>): Uint8Array =>
  png(...texts.map(([keyword, text]) => chunk("iTXt", Buffer.from(`${keyword}\0\0\0\0\0${text}`))))

describe("Workflow.fromFile", () => {
  const load = (name: string, bytes: Uint8Array) =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = `${yield* fs.makeTempDirectoryScoped({ prefix: "effect-invokeai-png-" })}/${name}`
      yield* fs.writeFile(path, bytes)
      return yield* Workflow.fromFile(path)
    }).pipe(Effect.provide([catalogLayer(), NodeServices.layer]))

  it.effect("opens an image that InvokeAI made, and names the file of one that cannot be opened", () =>
    Effect.gen(function*() {
      const text = JSON.stringify(Workflow.toDefinition(yield* open("examples/flux-image-to-image.json")))
      const workflow = yield* load("made.png", imageWith(["invokeai_workflow", text]))
      assert.deepStrictEqual(inputsOf(workflow), inputsOf(yield* open("examples/flux-image-to-image.json")))
      for (const bytes of [imageWith(), imageWith(["invokeai_workflow", "[]"]), imageWith().subarray(0, 20)]) {
        assert.include((yield* Effect.flip(load("other.png", bytes))).message, "other.png: ")
      }
    }))
})

describe("Workflow.fromPng", () => {
  const message = (bytes: Uint8Array) =>
    Workflow.fromPng(bytes).pipe(Effect.flip, Effect.map((error) => error.message), Effect.provide(catalogLayer()))

  it.effect("reads the workflow that generated an image", () =>
    Effect.gen(function*() {
      const original = yield* open("examples/flux-image-to-image.json")
      const text = JSON.stringify(Workflow.toDefinition(yield* Workflow.setInput(original, "num_steps", 7)))
      const workflow = yield* Workflow.fromPng(imageWith(["invokeai_workflow", text])).pipe(
        Effect.provide(catalogLayer())
      )
      assert.strictEqual((yield* Workflow.getInput(workflow, "num_steps")).field.value, 7)
    }))

  it.effect("reports what an image lacks", () =>
    Effect.gen(function*() {
      assert.strictEqual(
        yield* message(imageWith()),
        "No workflow found in the PNG image: it was not created by a workflow"
      )
      assert.strictEqual(
        yield* message(imageWith(["invokeai_graph", "{}"])),
        "No workflow found in the PNG image: it contains the graph that ran but no workflow: it was not created in the " +
          "workflow editor"
      )
      assert.match(
        yield* message(imageWith(["invokeai_workflow", "[]"])),
        /^Could not read the workflow from the PNG image: /
      )
      assert.match(yield* message(new Uint8Array([1, 2, 3])), /it does not start with a PNG signature$/)
    }))
})

describe("Workflow.fromLibrary", () => {
  it.effect("reads the result of toDefinition, with the values that were set", () =>
    Effect.gen(function*() {
      const library = yield* WorkflowLibrary
      const set = yield* Effect.flatMap(
        Workflow.fromJson(thumbnail),
        Workflow.setInputs({ width: 320, softness: "1.5" })
      )
      const record = yield* library.create(Workflow.toDefinition(set))
      const saved = yield* Workflow.fromLibrary(record.workflow_id)
      assert.deepStrictEqual(inputsOf(saved), inputsOf(set))
      assert.isTrue(Workflow.diff(set, saved).isEmpty)
    }).pipe(Effect.provide(InvokeAiTest.layer())))

  it.effect("loads a workflow that InvokeAI ships, which is saved as a copy", () =>
    Effect.gen(function*() {
      const library = yield* WorkflowLibrary
      const [shipped] = yield* Stream.runCollect(library.list({ categories: ["default"] }))
      const workflow = yield* Workflow.fromLibrary(shipped?.workflow_id ?? "")
      assert.strictEqual(workflow.definition.category, "default")
      assert.strictEqual(workflow.definition.id, shipped?.workflow_id)
      yield* Effect.flip(library.create(Workflow.toDefinition(workflow)))
      const record = yield* library.create(Workflow.toDefinition(workflow.pipe(Workflow.copyAs("mine"))))
      assert.notStrictEqual(record.workflow_id, shipped?.workflow_id)
      const copy = yield* Workflow.fromLibrary(record.workflow_id)
      assert.deepStrictEqual([copy.definition.name, copy.definition.category], ["mine", "user"])
      assert.isTrue(Workflow.diff(workflow, copy).isEmpty)
    }).pipe(
      drive,
      Effect.provide(InvokeAiTest.layer({
        workflows: [{ ...thumbnail, meta: { version: "3.0.0", category: "default" } }]
      }))
    ))

  it.effect("distinguishes a missing workflow, an unreadable one and a server that does not respond", () =>
    Effect.gen(function*() {
      const missing = yield* Effect.flip(Workflow.fromLibrary("no-such-id"))
      assert.strictEqual(missing._tag, "WorkflowNotFound")
      assert.strictEqual(
        missing.message,
        "No workflow found in the server's library (id \"no-such-id\"): no workflow of this user has this id; " +
          "list the ids with WorkflowLibrary.list"
      )
      const library = yield* WorkflowLibrary
      const [odd] = yield* Stream.runCollect(library.list({ query: "odd" }))
      const unreadable = yield* Effect.flip(Workflow.fromLibrary(odd?.workflow_id ?? ""))
      assert.strictEqual(unreadable._tag, "WorkflowParseError")
      assert.match(unreadable.message, /^Could not read the workflow from the server's library \(id "/)
      const simulator = yield* Simulator
      yield* simulator.inject(
        Fault.http({ method: "GET", times: 100, path: `/api/v1/workflows/i/${odd?.workflow_id}` }, Fault.dropRequest)
      )
      const unavailable = yield* drive(Effect.flip(Workflow.fromLibrary(odd?.workflow_id ?? "")))
      assert.strictEqual(unavailable._tag, "InvokeAiError")
      assert.match(unavailable.message, /^GET \/api\/v1\/workflows\/i\//)
    }).pipe(Effect.provide(InvokeAiTest.layer({
      workflows: [{ ...thumbnail, name: "odd", nodes: 5, meta: { version: "3.0.0", category: "user" } }]
    }))))
})

describe("Workflow.fromImage", () => {
  it.effect("returns the workflow of the run, ready to run again with another value", () =>
    drive(
      Effect.gen(function*() {
        const simulator = yield* Simulator
        const photo = yield* simulator.addImage({ width: 640, height: 480 })
        const first = yield* Effect.flatMap(
          Workflow.fromJson(thumbnail),
          Workflow.setInputs({ photo, width: 64, height: 48 })
        )
        const [image] = yield* imagesOf(first)
        const again = yield* Workflow.fromImage(image?.imageName ?? "")
        assert.deepStrictEqual(inputsOf(again), inputsOf(first))
        const wider = yield* Workflow.setInput(again, "width", 96)
        assert.deepStrictEqual((yield* imagesOf(wider)).map(({ height, width }) => [width, height]), [[96, 48]])
      }).pipe(Effect.scoped, Effect.provide(InvokeAiTest.layer()))
    ))

  it.effect("distinguishes a missing image from one without a workflow", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator
      const upload = yield* simulator.addImage({})
      const missing = yield* Effect.flip(Workflow.fromImage("gone.png"))
      assert.strictEqual(missing._tag, "WorkflowNotFound")
      assert.strictEqual(
        missing.message,
        "No workflow found in image \"gone.png\": the image does not exist, or belongs to another user"
      )
      const bare = yield* Effect.flip(Workflow.fromImage(upload))
      assert.strictEqual(bare._tag, "WorkflowNotFound")
      assert.strictEqual(
        bare.message,
        `No workflow found in image "${upload}": it was not created by a workflow`
      )
      yield* simulator.inject(
        Fault.http({ method: "GET", times: 100, path: `/api/v1/images/i/${upload}/workflow` }, Fault.dropRequest)
      )
      assert.strictEqual((yield* drive(Effect.flip(Workflow.fromImage(upload))))._tag, "InvokeAiError")
    }).pipe(Effect.provide(InvokeAiTest.layer())))

  it.effect("does not show another user's images", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator
      const name = yield* simulator.addImage({})
      assert.strictEqual((yield* Effect.flip(Workflow.fromImage(name)))._tag, "WorkflowNotFound")
    }).pipe(Effect.provide(InvokeAiTest.layer({
      users: [
        { email: "admin@example.com", password: "Passw0rd-admin", isAdmin: true },
        { email: "user@example.com", password: "Passw0rd-user" }
      ],
      client: { email: "user@example.com", password: Redacted.make("Passw0rd-user") }
    }))))
})
