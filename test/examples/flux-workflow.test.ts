import { CatalogSource } from "@effect-invokeai/core/catalog/NodeCatalog"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { fileURLToPath } from "node:url"

const load = Workflow.fromFile(fileURLToPath(new URL("../../examples/flux-image-to-image.json", import.meta.url)))

const layer = Layer.mergeAll(CatalogSource.layerSnapshot, NodeServices.layer)

const loader = "f8d9d7c8-9ed7-4bd7-9e42-ab0e89bfac90"
const positive = "01f674f8-b3d1-4df1-acac-6cb8e0bfb63c"
const negative = "e87ba3b6-c98f-4644-903a-e13c421f2add"
const image = "2981a67c-480f-4237-9384-26b68dbf912b"
const denoise = "9c773392-5647-4f2b-958e-9da1707b6e6a"

it.layer(layer)("the FLUX image-to-image example", (it) => {
  it.effect("has the nine inputs in order, with their types and values", () =>
    Effect.gen(function*() {
      const workflow = yield* load
      assert.deepStrictEqual(
        workflow.inputs.map((input) => [
          input.userName,
          input.systemName,
          input.field._tag,
          input.required,
          Workflow.formatValue(input)
        ]),
        [
          ["model", `${loader}.model`, "InkModelIdentifierField", true, "FLUX Dev (Quantized)"],
          ["t5_encoder_model", `${loader}.t5_encoder_model`, "InkT5EncoderField", true, undefined],
          ["clip_embed_model", `${loader}.clip_embed_model`, "InkCLIPEmbedField", true, undefined],
          ["vae_model", `${loader}.vae_model`, "InkVAEModelField", true, undefined],
          ["prompt", `${positive}.prompt`, "InkStringField", true, undefined],
          ["image", `${image}.image`, "InkImageField", true, undefined],
          ["num_steps", `${denoise}.num_steps`, "InkIntegerField", false, "20"],
          ["denoising_start", `${denoise}.denoising_start`, "InkFloatField", false, "0.7"],
          ["prompt", `${negative}.prompt`, "InkStringField", true, ""]
        ]
      )
    }))

  it.effect("is what the requirements say it is", () =>
    Effect.gen(function*() {
      const { definition } = yield* load
      assert.strictEqual(definition.name, "flux-image-to-image")
      assert.strictEqual(definition.author, "InvokeAI")
      assert.strictEqual(definition.version, "1.1.0")
      assert.strictEqual(definition.description, "A simple image-to-image workflow using a FLUX dev model.")
    }))

  it.effect("loads without warnings: every node, field and edge is one that the server knows", () =>
    Effect.gen(function*() {
      const workflow = yield* load
      assert.deepStrictEqual(workflow.warnings, [])
      assert.strictEqual(workflow.loaded.edges.length, 17)
      assert.deepStrictEqual(
        Workflow.outputNodes(workflow).map((node) => [node.type, node.board]),
        [["save_image", "auto"]]
      )
    }))

  it.effect("lacks five inputs, and names the nodes that share a name", () =>
    Effect.gen(function*() {
      const workflow = yield* load
      assert.deepStrictEqual(Workflow.missingRequiredInputs(workflow), [
        `${loader}.t5_encoder_model`,
        `${loader}.clip_embed_model`,
        `${loader}.vae_model`,
        `${positive}.prompt`,
        `${image}.image`
      ])
      const error = yield* Effect.flip(Workflow.inputsByUserName(workflow))
      assert.strictEqual(error.name, "prompt")
      assert.deepStrictEqual(error.nodeIds, [positive, negative])
    }))
})
