import * as WorkflowBatch from "@effect-invokeai/core/batch/WorkflowBatch"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { catalogLayer, models, open, readJson, resources } from "../workflow/support.ts"

const loader = "f8d9d7c8-9ed7-4bd7-9e42-ab0e89bfac90"

interface File {
  readonly nodes: ReadonlyArray<{ readonly id: string; readonly data: { readonly inputs: Record<string, object> } }>
}

const inputsOf = (file: unknown) => (file as File).nodes.find(({ id }) => id === loader)?.data.inputs

type Node = File["nodes"][number]

const withValues = (node: Node, values: Readonly<Record<string, unknown>>): Node => ({
  ...node,
  data: {
    ...node.data,
    inputs: Object.fromEntries(
      Object.entries(node.data.inputs).map(([name, input]) => [
        name,
        Object.hasOwn(values, name) ? { ...input, value: values[name] } : input
      ])
    )
  }
})

/** The FLUX example with other values in its model loader, as a file. */
const fileWith = (values: Readonly<Record<string, unknown>>): unknown => {
  const file = readJson("examples/flux-image-to-image.json") as File
  return { ...file, nodes: file.nodes.map((node) => node.id === loader ? withValues(node, values) : node) }
}

const read = (json: unknown) => Workflow.fromJson(json).pipe(Effect.provide(catalogLayer()))

const rest = { image: "a.png", "01f674f8-b3d1-4df1-acac-6cb8e0bfb63c.prompt": "x" }

const shown = (workflow: Workflow.Workflow) => workflow.inputs.slice(0, 4).map(Workflow.formatValue)

const keys = (workflow: Workflow.Workflow) =>
  workflow.inputs.slice(0, 4).map(({ field }) => (field.value as { readonly key?: string } | undefined)?.key)

const found = [models.flux.key, models.t5.key, models.clip.key, models.vae.key]

describe("models that a file names incompletely", () => {
  const old = {
    model: { model_name: "FLUX Dev (Quantized)", base_model: "flux", model_type: "main" },
    t5_encoder_model: { name: "T5 Encoder FLUX", base: "any", type: "t5_encoder" },
    clip_embed_model: { key: "clip-embed-key-456" },
    vae_model: { key: "of another server", hash: "blake3:vae", name: "renamed there" }
  }

  it.effect("are inputs with a value, and found on the server", () =>
    Effect.gen(function*() {
      const workflow = yield* Effect.flatMap(read(fileWith(old)), Workflow.setInputs(rest))
      assert.deepStrictEqual(shown(workflow), [
        "FLUX Dev (Quantized)",
        "T5 Encoder FLUX",
        "clip-embed-key-456",
        "renamed there"
      ])
      assert.deepStrictEqual(Workflow.missingRequiredInputs(workflow), [])
      assert.deepStrictEqual(keys(yield* WorkflowBatch.check(workflow)), found)
      const { graph } = yield* WorkflowBatch.make(workflow)
      assert.deepStrictEqual(graph.nodes[loader]?.["vae_model"], models.vae)
    }).pipe(Effect.provide(resources({ images: ["a.png"] }))))

  it.effect("are reported if the server does not have them, with the most similar models first", () =>
    Effect.gen(function*() {
      const workflow = yield* Effect.flatMap(read(fileWith(old)), Workflow.setInputs(rest))
      const error = yield* Effect.flip(WorkflowBatch.make(workflow))
      assert.strictEqual(
        error.message,
        "The workflow is not ready (1 problem):\n- Main Model - FLUX -> Model: the model \"FLUX Dev (Quantized)\" is not " +
          "installed; the field accepts a model of type main for flux: FLUX Dev Quantized (flux main, key b); Schnell (flux main, key a)"
      )
    }).pipe(Effect.provide(resources({
      images: ["a.png"],
      models: [
        { ...models.flux, key: "a", hash: "a", name: "Schnell" },
        { ...models.flux, key: "b", hash: "b", name: "FLUX Dev Quantized" },
        models.t5,
        models.clip,
        models.vae
      ]
    }))))

  it.effect("are unchanged in the saved file", () =>
    Effect.gen(function*() {
      const file = fileWith(old)
      const workflow = yield* read(file)
      const saved = Workflow.toDefinition(workflow)
      assert.deepStrictEqual(inputsOf(saved), inputsOf(file))
    }))

  it.effect("ignore values that are not models, as the editor does", () =>
    Effect.gen(function*() {
      const workflow = yield* read(fileWith({ t5_encoder_model: { nonsense: 1 }, vae_model: [old.vae_model] }))
      assert.deepStrictEqual(shown(workflow).slice(1), [undefined, undefined, undefined])
      assert.isTrue(Workflow.missingRequiredInputs(workflow).includes(`${loader}.vae_model`))
    }))
})

describe("models that a program names", () => {
  const given = {
    model: "FLUX Dev (Quantized)",
    t5_encoder_model: { name: "T5 Encoder FLUX" },
    clip_embed_model: "clip-embed-key-456",
    vae_model: { hash: "blake3:vae" }
  }

  it.effect("are kept by saving and loading", () =>
    Effect.gen(function*() {
      const set = yield* Effect.flatMap(open("examples/flux-image-to-image.json"), Workflow.setInputs(given))
      const again = yield* read(JSON.stringify(Workflow.toDefinition(set)))
      assert.isTrue(Workflow.diff(set, again).isEmpty)
      const ready = yield* Effect.flatMap(Workflow.setInputs(again, rest), WorkflowBatch.check)
      assert.deepStrictEqual(keys(ready), found)
    }).pipe(Effect.provide(resources({ images: ["a.png"] }))))

  it.effect("are complete in the file after a check, so that the editor accepts them", () =>
    Effect.gen(function*() {
      const set = yield* Effect.flatMap(
        open("examples/flux-image-to-image.json"),
        Workflow.setInputs({ ...given, ...rest })
      )
      const workflow = Workflow.toDefinition(yield* WorkflowBatch.check(set))
      const expected = fileWith({
        model: { ...models.flux, format: undefined },
        t5_encoder_model: models.t5,
        clip_embed_model: models.clip,
        vae_model: models.vae
      })
      assert.deepStrictEqual(inputsOf(workflow), inputsOf(JSON.parse(JSON.stringify(expected))))
    }).pipe(Effect.provide(resources({ images: ["a.png"] }))))
})
