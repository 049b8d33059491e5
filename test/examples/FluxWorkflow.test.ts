import * as Snapshot from "@effect-invokeai/core/catalog/Snapshot"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { fileURLToPath } from "node:url"
import { flux, fluxInputs, rowsOf } from "../workflow/support.ts"

const load = Workflow.fromFile(fileURLToPath(new URL("../../examples/flux-image-to-image.json", import.meta.url)))

const layer = Layer.mergeAll(Snapshot.layer, NodeServices.layer)

const { image, loader, negative, positive } = flux

it.layer(layer)("the FLUX image-to-image example", (it) => {
  it.effect("has the nine inputs in order, with their types and values", () =>
    Effect.gen(function*() {
      const workflow = yield* load
      assert.deepStrictEqual(rowsOf(workflow), fluxInputs)
    }))

  it.effect("matches the requirements", () =>
    Effect.gen(function*() {
      const { definition } = yield* load
      assert.strictEqual(definition.name, "flux-image-to-image")
      assert.strictEqual(definition.author, "InvokeAI")
      assert.strictEqual(definition.version, "1.1.0")
      assert.strictEqual(definition.description, "A simple image-to-image workflow using a FLUX dev model.")
    }))

  it.effect("loads without warnings: the server knows every node, field and edge", () =>
    Effect.gen(function*() {
      const workflow = yield* load
      assert.deepStrictEqual(workflow.warnings, [])
      assert.strictEqual(workflow.loaded.edges.length, 17)
      assert.deepStrictEqual(
        Workflow.outputNodes(workflow).map((node) => [node.type, node.board]),
        [["save_image", "auto"]]
      )
    }))

  it.effect("lacks five inputs, and lists the nodes that share a name", () =>
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
      assert.deepInclude(error.reason, {
        _tag: "AmbiguousInputName",
        inputName: "prompt",
        nodeIds: [positive, negative]
      })
    }))
})
