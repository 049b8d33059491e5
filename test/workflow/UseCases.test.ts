import * as WorkflowBatch from "@effect-invokeai/core/batch/WorkflowBatch"
import * as InkField from "@effect-invokeai/core/field/InkField"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { catalogLayer, flux, fluxInputs, open, resources, rowsOf } from "./support.ts"

const example = open("examples/flux-image-to-image.json")

const { denoise, image: picture, loader, negative, positive } = flux

describe("use case 1: load a workflow and list its inputs", () => {
  it.effect("returns the name and description of the workflow", () =>
    Effect.gen(function*() {
      const { definition } = yield* example
      assert.strictEqual(definition.name, "flux-image-to-image")
      assert.strictEqual(definition.description, "A simple image-to-image workflow using a FLUX dev model.")
      assert.strictEqual(definition.version, "1.1.0")
      assert.strictEqual(definition.author, "InvokeAI")
    }))

  it.effect("lists the inputs in form order", () =>
    Effect.gen(function*() {
      const workflow = yield* example
      assert.deepStrictEqual(rowsOf(workflow), fluxInputs)
      assert.deepStrictEqual(workflow.inputs.map((input) => input.index), [0, 1, 2, 3, 4, 5, 6, 7, 8])
    }))

  it.effect("finds inputs by system name", () =>
    Effect.gen(function*() {
      const workflow = yield* example
      const inputs = Workflow.inputsBySystemName(workflow)
      assert.deepStrictEqual(new Set(inputs.keys()), new Set(workflow.inputs.map((input) => input.systemName)))
      assert.strictEqual(inputs.get(`${denoise}.num_steps`)?.nodeTitle, "FLUX Denoise")
    }))

  it.effect("finds inputs by input name only if the name is unique", () =>
    Effect.gen(function*() {
      const workflow = yield* example
      const error = yield* Effect.flip(Workflow.inputsByUserName(workflow))
      assert.deepInclude(error.reason, {
        _tag: "AmbiguousInputName",
        inputName: "prompt",
        nodeIds: [positive, negative]
      })
      assert.strictEqual(
        error.message,
        `2 inputs are named "prompt" (nodes: ${positive}, ${negative}). ` +
          `Use positive_prompt or negative_prompt, or a system name: ${positive}.prompt or ${negative}.prompt`
      )
      const unique = yield* Workflow.inputsByUserName(yield* open("test/fixtures/workflows/image-blur.json"))
      assert.isTrue(unique.size > 0)
    }))

  it.effect("lists the missing required inputs", () =>
    Effect.gen(function*() {
      const workflow = yield* example
      const missing = [
        `${loader}.t5_encoder_model`,
        `${loader}.clip_embed_model`,
        `${loader}.vae_model`,
        `${positive}.prompt`,
        `${picture}.image`
      ]
      assert.deepStrictEqual(Workflow.missingRequiredInputs(workflow), missing)
      const older = yield* open("examples/flux-image-to-image.json", "6.13.8")
      assert.deepStrictEqual(Workflow.missingRequiredInputs(older), missing)
    }))
})

const complete = Effect.gen(function*() {
  const workflow = yield* example
  return yield* workflow.pipe(
    Workflow.setInputs({
      [`${loader}.model`]: {
        key: "fe04e4c3-2287-4ba5-8c34-107d3da215ae",
        name: "FLUX Dev (Quantized)",
        base: "flux",
        type: "main"
      },
      [`${loader}.t5_encoder_model`]: {
        key: "t5-encoder-key-123",
        name: "T5 Encoder FLUX",
        base: "flux",
        type: "t5_encoder"
      },
      [`${loader}.clip_embed_model`]: {
        key: "clip-embed-key-456",
        name: "CLIP-L Encoder",
        base: "flux",
        type: "clip_embed"
      },
      [`${loader}.vae_model`]: { key: "vae-model-key-789", name: "FLUX VAE", base: "flux", type: "vae" },
      [`${positive}.prompt`]: "A serene mountain landscape at sunset, photorealistic, high detail",
      [`${picture}.image`]: { image_name: "mountain.png", width: 1024, height: 768 },
      [`${denoise}.num_steps`]: "30",
      [`${denoise}.denoising_start`]: 0.65
    })
  )
})

describe("use case 2: set the inputs and validate", () => {
  it.effect("converts values without loss", () =>
    Effect.gen(function*() {
      const workflow = yield* complete
      const steps = yield* Workflow.getInput(workflow, "num_steps")
      assert.strictEqual(steps.field.value, 30)
      const image = yield* Workflow.getInput(workflow, "image")
      assert.deepStrictEqual(image.field.value, { image_name: "mountain.png" })
      const start = yield* Workflow.getInput(workflow, 7)
      assert.strictEqual(start.field.value, 0.65)
      assert.strictEqual((yield* Workflow.getInput(yield* example, "num_steps")).field.value, 20)
    }))

  it.effect("rejects an invalid value immediately", () =>
    Effect.gen(function*() {
      const workflow = yield* complete
      const error = yield* Effect.flip(Workflow.setInput(workflow, `${denoise}.num_steps`, -5))
      assert.strictEqual(error.reason._tag, "InvalidInputValue")
      assert.strictEqual(
        error.message,
        "Invalid value for input \"num_steps\" (node \"FLUX Denoise\"): expected an integer greater than 0, got -5"
      )
      const again = yield* Workflow.setInput(workflow, `${denoise}.num_steps`, 30)
      assert.strictEqual((yield* Workflow.getInput(again, "num_steps")).field.value, 30)
    }))

  it.effect("reports no problems if all inputs are set", () =>
    Effect.gen(function*() {
      const workflow = yield* complete
      const problems = WorkflowBatch.validate(workflow)
      assert.deepStrictEqual(problems.all, [])
      assert.isTrue(problems.isEmpty)
      assert.deepStrictEqual(Workflow.missingRequiredInputs(workflow), [])
    }))

  it.effect("reports all problems by input before that", () =>
    Effect.gen(function*() {
      const problems = WorkflowBatch.validate(yield* example)
      const component = (name: string) =>
        `no model (only a complete SDNQ pipeline as the main model includes one); set the input "${name}"`
      assert.deepStrictEqual(
        problems.inputs,
        new Map([
          [`${loader}.t5_encoder_model`, [component("t5_encoder_model")]],
          [`${loader}.clip_embed_model`, [component("clip_embed_model")]],
          [`${loader}.vae_model`, [component("vae_model")]],
          [`${positive}.prompt`, [`no value; set the input "${positive}.prompt"`]],
          [`${picture}.image`, ["no value; set the input \"image\""]]
        ])
      )
      assert.deepStrictEqual(problems.workflow, [])
      assert.deepStrictEqual(problems.all.map(({ source }) => source), [
        "library",
        "library",
        "library",
        "interface",
        "interface"
      ])
    }))

  it.effect("compiles to the graph that the InvokeAI UI would submit, with complete models", () =>
    Effect.gen(function*() {
      const batch = yield* WorkflowBatch.make(yield* complete)
      assert.strictEqual(batch.size, 1)
      assert.strictEqual(batch.runs, 1)
      assert.deepStrictEqual(batch.data, [])
      assert.deepStrictEqual(batch.warnings, [])
      assert.deepStrictEqual(batch.graph.nodes[loader], {
        type: "flux_model_loader",
        id: loader,
        model: {
          key: "fe04e4c3-2287-4ba5-8c34-107d3da215ae",
          hash: "blake3:main",
          name: "FLUX Dev (Quantized)",
          base: "flux",
          type: "main"
        },
        t5_encoder_model: {
          key: "t5-encoder-key-123",
          hash: "blake3:t5",
          name: "T5 Encoder FLUX",
          base: "any",
          type: "t5_encoder"
        },
        clip_embed_model: {
          key: "clip-embed-key-456",
          hash: "blake3:clip",
          name: "CLIP-L Encoder",
          base: "any",
          type: "clip_embed"
        },
        vae_model: { key: "vae-model-key-789", hash: "blake3:vae", name: "FLUX VAE", base: "flux", type: "vae" },
        use_cache: true,
        is_intermediate: true
      })
      assert.strictEqual(batch.graph.nodes[denoise]?.["num_steps"], 30)
      assert.strictEqual(batch.workflow["id"], undefined)
      assert.deepStrictEqual(
        Workflow.outputNodes(yield* complete).map(({ board, outputType, type }) => [type, board, outputType]),
        [["save_image", "auto", "image_output"]]
      )
    }).pipe(Effect.provide(resources({ images: ["mountain.png"] }))))

  it.effect("returns a file that differs only in the values", () =>
    Effect.gen(function*() {
      const workflow = yield* complete
      const again = yield* Workflow.fromJson(Workflow.toDefinition(yield* WorkflowBatch.check(workflow))).pipe(
        Effect.provide(catalogLayer())
      )
      assert.deepStrictEqual(
        again.inputs.map(Workflow.formatValue),
        workflow.inputs.map(Workflow.formatValue)
      )
      assert.isTrue(again.inputs.every((input) => InkField.format(input.field) !== undefined))
    }).pipe(Effect.provide(resources({ images: ["mountain.png"] }))))
})
