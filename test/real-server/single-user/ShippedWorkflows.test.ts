import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import * as WorkflowBatch from "@effect-invokeai/core/batch/WorkflowBatch"
import { CatalogSource, type InputTemplate } from "@effect-invokeai/core/catalog/NodeCatalog"
import type { InvokeAiError } from "@effect-invokeai/core/InvokeAiError"
import * as Job from "@effect-invokeai/core/job/Job"
import { Images } from "@effect-invokeai/core/server/Images"
import { Models } from "@effect-invokeai/core/server/Models"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import { WorkflowLibrary } from "@effect-invokeai/core/server/WorkflowLibrary"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import { assert, it } from "@effect/vitest"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { Buffer } from "node:buffer"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as WorkflowGraph from "../../../packages/core/src/batch/WorkflowGraph.ts"
import { client } from "../Client.ts"
import * as Support from "../Support.ts"

const files = Fs.readdirSync(Support.defaultWorkflows)
  .filter((file) => file.endsWith(".json"))
  .toSorted()
  .map((file) => ({ name: file, path: Path.join(Support.defaultWorkflows, file) }))

const example = {
  name: "the example workflow (FLUX image to image)",
  path: Path.resolve(import.meta.dirname, "../../../examples/flux-image-to-image.json")
}

/** Field types, except those of models, whose values exist on one server alone. */
const ofThisServer = new Set(["ImageField", "VideoField", "LoRAField"])

/** Up to 6.7 each kind of model has a field type of its own. */
const takesModel = (template: InputTemplate | undefined) =>
  template?.models !== undefined || template?.type.name === "ModelIdentifierField"

/** Fields of another type that only the user can fill: the example's prompts, and a file on the server. */
const leftToTheUser = new Set(["flux_text_encoder.prompt", "prompt_from_file.file_path"])

/** What the UI says too: these files are older than the nodes of this server. */
const outdated = new Map([
  ["ESRGAN Upscaling with Canny ControlNet.json", "missingNodeTemplate"],
  ["Face Detailer with IP-Adapter & Canny (See Note in Details).json", "missingNodeTemplate"],
  ["Multi ControlNet (Canny & Depth).json", "missingNodeTemplate"],
  ["FLUX Image to Image.json", "missingFieldTemplate"],
  ["Flux Text to Image.json", "missingFieldTemplate"]
])

/** Hands a graph in while nothing runs, and takes it out again. */
const submitted = (graph: WorkflowGraph.WorkflowGraph) =>
  Effect.acquireUseRelease(
    SessionQueue.use((queue) => queue.pause),
    () => SessionQueue.use((queue) => queue.enqueueBatch({ graph, runs: 1 })),
    () => SessionQueue.use((queue) => Effect.andThen(queue.clear, queue.resume)).pipe(Effect.ignore)
  )

/** The fields that a refusal names: all of a refused graph's problems are about fields of nodes. */
const refusedFields = (error: InvokeAiError) =>
  error.issues.map(({ loc }) => {
    const [body, batch, graph, nodes, , type, field] = loc.map(String)
    assert.deepStrictEqual([body, batch, graph, nodes], ["body", "batch", "graph", "nodes"], error.message)
    return { type: type ?? "", field: field ?? "" }
  })

it.layer(client(), { excludeTestServices: true })("Workflows that InvokeAI ships", (it) => {
  it.effect("have the same number in the library as in the wheel", () =>
    Effect.gen(function*() {
      const library = yield* WorkflowLibrary
      assert.strictEqual(files.length, Support.shippedWorkflows)
      const listed = yield* Stream.runCollect(library.list({ categories: ["default"] }))
      for (const { workflow_id } of listed) {
        const record = yield* library.get(workflow_id)
        const workflow = yield* Workflow.fromJson(record.workflow)
        assert.strictEqual(workflow.definition.name, record.name)
      }
    }))

  for (const { name, path } of [...files, example]) {
    it.effect(`load, and compile to a graph that the server accepts: ${name}`, () =>
      Effect.gen(function*() {
        const { templates } = yield* Effect.flatMap(CatalogSource, (source) => source.get)
        const workflow = yield* Workflow.fromFile(path)
        assert.isAbove(workflow.inputs.length, 0)
        const seeded = yield* Workflow.setSeed(workflow, 7)
        for (const input of Workflow.seedInputs(seeded)) assert.strictEqual(input.stored, 7, input.systemName)
        const isUsers = (type: string, field: string) => {
          const template = templates.get(type)?.inputs.get(field)
          return takesModel(template) || ofThisServer.has(template?.type.name ?? "") ||
            leftToTheUser.has(`${type}.${field}`)
        }

        // As it is shipped: what the library asks for is what only the user can know …
        const { all: problems } = WorkflowBatch.validate(workflow)
        const old = outdated.get(name)
        const codes = new Set(problems.map((problem) => problem.code).filter((code) => code.endsWith("Template")))
        assert.deepStrictEqual([...codes], old === undefined ? [] : [old])
        for (const problem of problems) {
          if (problem.code === old) continue
          const type = workflow.loaded.nodes.get(problem.nodeId ?? "")?.node.nodeType ?? ""
          assert.isTrue(isUsers(type, problem.fieldName ?? ""), problem.message)
        }
        if (old === "missingNodeTemplate") {
          yield* Console.log(`${name}: has node types that are gone`)
          return
        }

        // … and the server asks for no more.
        const result = yield* Effect.result(submitted(WorkflowGraph.build(workflow.loaded)))
        if (result._tag === "Failure") {
          assert.strictEqual(result.failure.reason._tag, "Validation", result.failure.message)
          for (const { field, type } of refusedFields(result.failure)) {
            assert.isTrue(isUsers(type, field), result.failure.message)
            if (!leftToTheUser.has(`${type}.${field}`)) assert.isAbove(problems.length, 0, "nothing was missing before")
          }
        }

        // With every model, image, video and text filled in it is accepted as a whole.
        const image = yield* Effect.acquireRelease(
          Images.use((images) => images.upload({ data: Support.picture(64, 64), isIntermediate: true })),
          ({ image_name }) => Effect.ignore(Images.use((images) => images.delete(image_name)))
        )
        let filled = workflow
        for (const field of Workflow.fields(workflow)) {
          const template = templates.get(field.nodeType)?.inputs.get(field.fieldName)
          if (template === undefined || template.input === "connection" || field.connected) continue
          if (template.type.cardinality !== "SINGLE" || !isUsers(field.nodeType, field.fieldName)) continue
          filled = yield* Workflow.setField(
            filled,
            field.systemName,
            takesModel(template)
              ? {
                key: "no-such-model",
                hash: "blake3:no-such-model",
                name: "no such model",
                base: template.models?.base?.[0] ?? "any",
                type: template.models?.type?.[0] ?? "main"
              }
              : {
                ImageField: image.image_name,
                VideoField: { video_name: "no-such-video.mp4" },
                StringField: path
              }[template.type.name]
          )
        }
        assert.strictEqual((yield* submitted(WorkflowGraph.build(filled.loaded))).enqueued, 1)
        const state = problems.length === 0 ? "complete as shipped" : `${problems.length} things to fill in`
        yield* Console.log(`${name}: ${workflow.inputs.length} inputs, ${state}; accepted when filled in`)
      }).pipe(Effect.scoped))
  }

  it.effect("generate identical pixels from one seed, although they generate their seed, and report the seed of each image", () =>
    Effect.gen(function*() {
      const [model] = yield* Models.use((models) => models.list({ name: Support.modelName }))
      const file = files.find(({ name }) => name === "Text to Image - SD1.5.json")
      // Without the invocation cache, which would return the first image again.
      const json = Fs.readFileSync(file?.path ?? "", "utf8").replaceAll(/"useCache": true/g, "\"useCache\": false")
      const workflow = yield* Workflow.fromJson(json)
      const fieldOf = (nodeType: string, fieldName: string) =>
        Workflow.fields(workflow).find((field) => field.nodeType === nodeType && field.fieldName === fieldName)
          ?.systemName ?? ""
      let ready = yield* Workflow.setSeed(workflow, 3)
      for (
        const [name, value] of [
          [fieldOf("main_model_loader", "model"), model],
          [fieldOf("noise", "width"), 64],
          [fieldOf("noise", "height"), 64],
          [fieldOf("denoise_latents", "steps"), 1],
          [fieldOf("denoise_latents", "scheduler"), "euler"]
        ] as const
      ) ready = yield* Workflow.setField(ready, name, value)
      const images = (options: Job.SubmitOptions) =>
        Effect.gen(function*() {
          const job = yield* Job.submit(ready, { ...options, deleteOutputs: true })
          const { outputs } = yield* job.await
          return yield* Effect.forEach(outputs.finalImages, (image) =>
            Effect.map(Downloads.bytes(image), (png) => ({ ...image, pixels: Support.pixels(png) })))
        }).pipe(Effect.scoped)

      const [first] = yield* images({ seed: 7 })
      const [same] = yield* images({ seed: 7 })
      assert.notStrictEqual(first?.imageName, same?.imageName)
      assert.deepStrictEqual([first?.seed, same?.seed], [7, 7])
      assert.isTrue(first?.pixels.equals(same?.pixels ?? Buffer.alloc(0)))

      // An image of several runs can be made again from the seed that it reports.
      const runs = yield* images({ seed: "perRun", runs: 2 })
      assert.strictEqual(new Set(runs.map(({ seed }) => seed)).size, 2)
      const [other, image] = runs
      assert.isFalse(first?.pixels.equals(other?.pixels ?? Buffer.alloc(0)))
      const [again] = yield* images({ seed: image?.seed ?? -1 })
      assert.isTrue(image?.pixels.equals(again?.pixels ?? Buffer.alloc(0)), `seed ${image?.seed}`)
    }))
})
