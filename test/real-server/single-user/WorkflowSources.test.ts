import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as WorkflowBatch from "@effect-invokeai/core/batch/WorkflowBatch"
import * as Job from "@effect-invokeai/core/job/Job"
import { Images } from "@effect-invokeai/core/server/Images"
import { Models } from "@effect-invokeai/core/server/Models"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import { WorkflowLibrary } from "@effect-invokeai/core/server/WorkflowLibrary"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Path from "node:path"
import { client } from "../Client.ts"
import { hasFault } from "../serverFaults.ts"
import * as Support from "../Support.ts"

const example = (name: string) => Path.resolve(import.meta.dirname, "../../../examples", `${name}.json`)

/** Saves a workflow in the library as the editor does, until the test ends. */
const saved = (workflow: Workflow.Workflow) =>
  Effect.acquireRelease(
    WorkflowLibrary.use((library) => library.create(Workflow.toDefinition(workflow))),
    ({ workflow_id }) => Effect.ignore(WorkflowLibrary.use((library) => library.delete(workflow_id)))
  )

const values = (workflow: Workflow.Workflow) =>
  workflow.inputs.map((input) => [input.systemName, Workflow.formatValue(input)])

/** Takes a batch in while nothing runs, and out again. */
const accepted = (workflow: Workflow.Workflow) =>
  Effect.gen(function*() {
    const { data, graph, runs, workflow: embedded } = yield* WorkflowBatch.make(workflow)
    const queue = yield* SessionQueue
    const result = yield* Effect.acquireUseRelease(
      queue.pause,
      () => queue.enqueueBatch({ graph, runs, data, workflow: embedded }),
      () => Effect.ignore(Effect.andThen(queue.clear, queue.resume))
    )
    return result.enqueued
  })

it.layer(client(), { excludeTestServices: true })("Workflows of the server", (it) => {
  for (
    const { change, path } of [
      { path: example("flux-image-to-image"), change: { num_steps: 7, denoising_start: "0.25" } },
      { path: example("soft-thumbnail"), change: { width: 320, softness: 1.5 } },
      { path: Support.workflowFile("sd1-text-to-image"), change: { "Positive Prompt": "a lighthouse", Seed: 99 } },
      { path: Support.workflowFile("exposed-fields"), change: {} },
      { path: Support.workflowFile("batch-groups"), change: {} }
    ]
  ) {
    it.effect(`are returned by the library as the file with the values that were set: ${Path.basename(path)}`, () =>
      Effect.gen(function*() {
        const workflow = yield* Effect.flatMap(Workflow.fromFile(path), Workflow.setInputs(change))
        const { workflow: stored, workflow_id } = yield* saved(workflow)
        const opened = yield* Workflow.fromLibrary(workflow_id)
        assert.deepStrictEqual(values(opened), values(workflow))
        assert.isTrue(Workflow.diff(workflow, opened).isEmpty)
        assert.deepStrictEqual(opened.warnings, [])
        // what the editor opens is what was sent, but for the id
        const sent: unknown = JSON.parse(JSON.stringify(Workflow.toDefinition(workflow)))
        const { id, ...rest } = stored as Record<string, unknown>
        assert.strictEqual(id, workflow_id)
        assert.deepStrictEqual(rest, hasFault("addsIsPublished") ? { ...Object(sent), is_published: null } : sent)
      }).pipe(Effect.scoped))
  }

  it.effect("that it ships need only values and models, and run with the tiny model where that fits", () =>
    Effect.gen(function*() {
      const library = yield* WorkflowLibrary
      const listed = yield* Stream.runCollect(library.list({ categories: ["default"] }))
      const { key } = Option.getOrThrow(yield* Models.use((models) => models.findByName(Support.modelName)))
      const ran: Array<string> = []
      for (const { name, workflow_id } of listed) {
        const workflow = yield* Workflow.fromLibrary(workflow_id)
        const checked = yield* Effect.result(WorkflowBatch.check(workflow))
        if (checked._tag === "Failure") {
          assert.strictEqual(checked.failure._tag, "WorkflowNotReady")
          if (checked.failure._tag !== "WorkflowNotReady") return
          const codes = new Set(checked.failure.problems.map(({ code }) => code))
          for (const code of codes) {
            assert.include(
              [
                "missingInputForField",
                "missingComponentModel",
                "missingModel",
                "missingImage",
                "missingNodeTemplate",
                "missingFieldTemplate"
              ],
              code,
              `${name}: ${checked.failure.message}`
            )
          }
        }
        let filled = workflow
        for (const field of Workflow.fields(workflow)) {
          // the server looks for the file when the graph is submitted
          if (field.fieldName === "file_path") {
            filled = yield* Workflow.setField(filled, field.systemName, example("soft-thumbnail"))
          }
          if (field.field._tag !== "InkModelIdentifierField" || field.connected) continue
          const set = yield* Effect.option(Workflow.setField(filled, field.systemName, Support.modelName))
          filled = Option.getOrElse(set, () => filled)
        }
        const ready = yield* Effect.result(WorkflowBatch.check(filled))
        if (ready._tag === "Failure") continue
        const [model] = Workflow.fields(ready.success).flatMap(({ field }) =>
          field._tag === "InkModelIdentifierField" ? [field.value?.key] : []
        )
        assert.strictEqual(model, key)
        assert.isAtLeast(yield* accepted(ready.success), 1)
        ran.push(name)
      }
      // the others have no use for an SD 1 model, or need more than a model
      assert.deepStrictEqual(ran.toSorted(), ["Text to Image - SD1.5", "Text to Image - SD1.5, Prompt from File"])
    }))

  it.effect("that it ships are saved only as copies", () =>
    Effect.gen(function*() {
      const library = yield* WorkflowLibrary
      const [shipped] = yield* Stream.runCollect(library.list({ categories: ["default"] }))
      const workflow = yield* Workflow.fromLibrary(shipped?.workflow_id ?? "")
      yield* Effect.flip(saved(workflow))
      const { workflow_id } = yield* saved(Workflow.copyAs(workflow, "a copy"))
      const copy = yield* Workflow.fromLibrary(workflow_id)
      assert.deepStrictEqual([copy.definition.name, copy.definition.category], ["a copy", "user"])
      assert.isTrue(Workflow.diff(workflow, copy).isEmpty)
    }).pipe(Effect.scoped))

  it.effect("are distinguished from an unreachable server if they are missing", () =>
    Effect.gen(function*() {
      const missing = yield* Effect.flip(Workflow.fromLibrary("11111111-2222-4333-8444-555555555555"))
      assert.strictEqual(missing._tag, "WorkflowNotFound")
      const image = yield* Effect.flip(Workflow.fromImage("no-such-image.png"))
      assert.strictEqual(image._tag, "WorkflowNotFound")
    }))

  it.effect("can be taken from an image, and run again with another value", () =>
    Effect.gen(function*() {
      const photo = yield* Assets.uploadBytes(Support.picture(64, 48), { name: "photo.png" })
      const none = yield* Effect.flip(Workflow.fromImage(photo.imageName))
      assert.strictEqual(none._tag, "WorkflowNotFound")
      assert.match(none.message, /it was not created by a workflow$/)
      const first = yield* Effect.flatMap(
        Workflow.fromFile(example("soft-thumbnail")),
        Workflow.setInputs({ photo, width: 32, height: 24, softness: "1.5" })
      )
      const made = (workflow: Workflow.Workflow) =>
        Effect.gen(function*() {
          const { outputs } = yield* Effect.flatMap(Job.submit(workflow), (job) => job.await)
          const [image] = outputs.finalImages
          assert.isDefined(image)
          yield* Effect.addFinalizer(() => Effect.ignore(Images.use((images) => images.delete(image?.imageName ?? ""))))
          return image
        })
      const image = yield* made(first)
      const again = yield* Workflow.fromImage(image?.imageName ?? "")
      assert.deepStrictEqual(values(again), values(first))
      const bytes = yield* Images.use((images) => Stream.mkUint8Array(images.full(image?.imageName ?? "")))
      assert.isTrue(Workflow.diff(again, yield* Workflow.fromPng(bytes)).isEmpty)
      const wider = yield* made(yield* Workflow.setInput(again, "width", 48))
      assert.deepStrictEqual([wider?.width, wider?.height], [48, 24])
    }).pipe(Effect.scoped))

  it.effect("have complete models after a check, even if they name them by name or as InvokeAI 3 did", () =>
    Effect.gen(function*() {
      const workflow = yield* Workflow.fromFile(Support.workflowFile("sd1-text-to-image"))
      const model = Option.getOrThrow(yield* Models.use((models) => models.findByName(Support.modelName)))
      const expected = { key: model.key, hash: model.hash, name: model.name, base: model.base, type: model.type }
      for (
        const named of [Support.modelName, model.key, { model_name: Support.modelName, base_model: "sd-1" }, {
          hash: model.hash
        }]
      ) {
        const set = yield* Workflow.setInput(workflow, "model", named)
        const checked = yield* WorkflowBatch.check(yield* Workflow.fromJson(Workflow.toDefinition(set)))
        assert.deepStrictEqual((yield* Workflow.getInput(checked, "model")).field.value, expected)
      }
      const error = yield* Effect.flip(
        Effect.flatMap(Workflow.setInput(workflow, "model", "no such model"), WorkflowBatch.check)
      )
      assert.include(
        error.message,
        `the model "no such model" is not installed; the field accepts a model of type main`
      )
    }))
})
