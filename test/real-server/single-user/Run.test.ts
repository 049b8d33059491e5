import * as Job from "@effect-invokeai/core/job/Job"
import * as RetryAdvice from "@effect-invokeai/core/run/RetryAdvice"
import * as Run from "@effect-invokeai/core/run/Run"
import { Images } from "@effect-invokeai/core/server/Images"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as WorkflowInterface from "@effect-invokeai/core/workflow/WorkflowInterface"
import { run as runPromise } from "@effect-invokeai/node/InvokeAiPromise"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { randomUUID } from "node:crypto"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { randomOf } from "../../random.ts"
import { assertAgreement, makeAjv, valuesFor } from "../../workflow/schemas.ts"
import { client } from "../Client.ts"
import * as Support from "../Support.ts"

const example = (name: string) => Path.resolve(import.meta.dirname, "../../../examples", name)

/** How many images the server has that were uploaded, hidden ones included. */
const uploads = Effect.map(
  Images.use((images) => Stream.runCollect(images.list({ categories: ["user"] }))),
  (found) => found.length
)

it.layer(client(), { excludeTestServices: true })("run", (it) => {
  it.effect("turns a file and the path of an image into files, and leaves no upload on the server", () =>
    Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped({ prefix: "effect-invokeai-run-" })
      const before = yield* uploads
      const fractions: Array<number> = []
      const first = yield* Run.run(example("soft-thumbnail.json"), { photo: example("mountain.png"), width: 48 }, {
        directory,
        template: "first",
        runs: 2,
        onProgress: ({ fraction }) => Effect.sync(() => fractions.push(fraction))
      })
      assert.deepStrictEqual(first.images.map(({ width }) => width), [48, 48])
      assert.deepStrictEqual(first.outputs, { image: first.images })
      for (const { path } of first.images) assert.isTrue(yield* fs.exists(path ?? ""))
      assert.strictEqual(fractions.at(-1), 1)
      assert.deepStrictEqual(fractions, fractions.toSorted((a, b) => a - b))
      assert.strictEqual(yield* uploads, before)

      const second = yield* Run.run(example("soft-thumbnail.json"), { photo: first.images[0], width: 32 })
      assert.strictEqual(second.images[0]?.width, 32)
      for (const { imageName } of [...first.images, ...second.images]) {
        yield* Images.use((images) => images.delete(imageName))
      }
    })))

  it.effect("says where a job can run again that ran out of memory, or lacks a node type, a model or an image", () =>
    Effect.gen(function*() {
      const adviceFor = (node: Readonly<Record<string, unknown>> & { readonly type: string }) =>
        Job.submitBatch({
          graph: { id: "g", nodes: { n: { id: "n", ...node } }, edges: [] },
          data: null,
          workflow: null,
          runs: 1,
          size: 1,
          nodes: new Map()
        }).pipe(
          Effect.flatMap((job) => job.await),
          Effect.scoped,
          Effect.flip,
          Effect.map((error) => [RetryAdvice.fromError(error), error.message] as const)
        )
      const model = { key: randomUUID(), hash: "x", name: "Missing", base: "sd-1", type: "main" }
      const elsewhere = [
        { type: "blank_image", width: 2 ** 30, height: 2 ** 30 },
        { type: "noise", width: 2 ** 31 - 8, height: 2 ** 31 - 8, seed: 1 },
        { type: "node_of_another_server" },
        { type: "main_model_loader", model },
        { type: "img_blur", image: { image_name: "missing.png" } }
      ]
      for (const node of elsewhere) {
        const [advice, message] = yield* adviceFor(node)
        assert.strictEqual(advice, "elsewhere", message)
      }
      const [advice, message] = yield* adviceFor({ type: "integer", value: "many" })
      assert.strictEqual(advice, "never", message)
    }))

  it.effect("runs for promises", () =>
    Effect.gen(function*() {
      const before = yield* uploads
      const { images, outputs } = yield* Effect.promise(() =>
        runPromise(example("soft-thumbnail.json"), { photo: Fs.readFileSync(example("mountain.png")), width: 24 }, {
          server: { url: Support.url },
          deleteOutputs: true
        })
      )
      assert.strictEqual(images[0]?.width, 24)
      assert.deepStrictEqual(outputs, { image: images[0] })
      assert.strictEqual(yield* uploads, before)
    }))

  it.effect("has an interface for each workflow that InvokeAI ships, whose schemas accept what setInputs accepts", () =>
    Effect.gen(function*() {
      const random = randomOf(3)
      for (const file of Fs.readdirSync(Support.defaultWorkflows).filter((name) => name.endsWith(".json"))) {
        const workflow = yield* Workflow.fromFile(Path.join(Support.defaultWorkflows, file))
        const self = WorkflowInterface.make(workflow)
        const names = self.inputs.map(({ name }) => name)
        assert.strictEqual(new Set(names).size, names.length, file)
        const document = WorkflowInterface.toJsonSchema(self)
        const fits = makeAjv().compile(document.inputs)
        makeAjv().compile(document.outputs)
        for (const { default: value, field, name, systemName } of self.inputs) {
          assert.strictEqual((yield* Workflow.getInput(workflow, name)).systemName, systemName)
          assertAgreement(field, valuesFor(field, random, 10))
          if (value !== undefined) yield* Workflow.setInput(workflow, name, value)
        }
        const samples: Record<string, string> = {
          InkImageField: "photo.png",
          InkVideoField: "clip.mp4",
          InkStringField: "text"
        }
        const values = Object.fromEntries(
          self.inputs.filter(({ required }) => required).map((
            { field, name }
          ) => [name, samples[field._tag] ?? "a model"])
        )
        assert.isTrue(fits(values), `${file}: ${JSON.stringify(fits.errors)}`)
        assert.isTrue(Schema.is(self.inputSchema)(values), file)
      }
    }))
})
