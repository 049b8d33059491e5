import * as NodeCatalog from "@effect-invokeai/core/catalog/NodeCatalog"
import * as InkField from "@effect-invokeai/core/field/InkField"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as WorkflowInterface from "@effect-invokeai/core/workflow/WorkflowInterface"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { readdirSync } from "node:fs"
import { randomOf } from "../random.ts"
import { assertAgreement, makeAjv, valuesFor } from "./schemas.ts"
import { catalogOf, edge, file, input, node, open, read, readJson } from "./support.ts"

const folder = (path: string) =>
  readdirSync(new URL(`../../${path}`, import.meta.url)).filter((name) => name.endsWith(".json")).map((name) =>
    `${path}${name}`
  )
const files = [
  "examples/flux-image-to-image.json",
  "examples/soft-thumbnail.json",
  ...folder("test/fixtures/workflows/")
]

/** The workflows of the fixtures and of the comparison with the editor. */
const workflows = Effect.gen(function*() {
  const opened = yield* Effect.forEach(files, (path) => open(path))
  const vectors = yield* Effect.forEach(
    folder("test/conformance/vectors/"),
    (path) => Effect.option(read((readJson(path) as { readonly workflow: unknown }).workflow))
  )
  return [...opened, ...vectors.flatMap((each) => each._tag === "Some" ? [each.value] : [])]
})

const namesOf = (workflow: Workflow.Workflow) => WorkflowInterface.make(workflow).inputs.map(({ name }) => name)

/** A workflow of strings with these labels: of the inputs, and of their nodes. */
const labelled = (...labels: ReadonlyArray<string | readonly [label: string, nodeLabel: string]>) => {
  const nodes = labels.map((label, index) =>
    node(`n${index}`, "string", "1.0.1", [input("value", "x", typeof label === "string" ? label : label[0])], {
      label: typeof label === "string" ? "" : label[1]
    })
  )
  return Effect.map(read(file(nodes, [], nodes.map(({ id }) => [id, "value"]))), namesOf)
}

describe("Public names", () => {
  it.effect("distinguish the two prompts of the FLUX example", () =>
    Effect.gen(function*() {
      const flux = yield* open("examples/flux-image-to-image.json")
      assert.deepStrictEqual(namesOf(flux), [
        "model",
        "t5_encoder_model",
        "clip_embed_model",
        "vae_model",
        "positive_prompt",
        "image",
        "num_steps",
        "denoising_start",
        "negative_prompt"
      ])
      const set = yield* Workflow.setInputs(flux, { positive_prompt: "a lake", negative_prompt: "people" })
      assert.deepStrictEqual(
        set.inputs.filter(({ userName }) => userName === "prompt").map(({ field }) => field.value),
        ["a lake", "people"]
      )
      assert.include(Workflow.describe(flux), "positive_prompt")
    }))

  it.effect("are derived from labels, or from field names if a label has no Latin word", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(
        yield* labelled("CFG (High Noise)", "Größe", "Crème brûlée", "Steps (步数)", "提示词", "x²"),
        ["cfg_high_noise", "grosse", "creme_brulee", "steps", "value", "x2"]
      )
    }))

  it.effect("are valid identifiers, whatever a label is", () =>
    Effect.gen(function*() {
      const labels = [
        "class",
        "__proto__",
        "constructor",
        "then",
        "from",
        "2 Images",
        "😀",
        "\u202e",
        "-- --",
        "a".repeat(99)
      ]
      const names = yield* labelled(...labels)
      assert.deepStrictEqual(names.slice(0, 6), [
        "input_class",
        "proto",
        "input_constructor",
        "input_then",
        "input_from",
        "input_2_images"
      ])
      assert.strictEqual(new Set(names).size, labels.length)
      for (const name of names) assert.match(name, /^[a-z][a-z0-9_]{0,63}$/)
    }))

  it.effect("are qualified by the label of the node, or by the title of its type", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(
        yield* labelled(["Text", "Positive"], ["Text", "Text Negative"], ["Text", ""]),
        ["positive_text", "text_negative", "string_primitive_text"]
      )
      const sizes = [
        node("a", "noise", "1.0.3", [input("width", 8)]),
        node("b", "img_resize", "1.2.2", [input("width", 8)])
      ]
      assert.deepStrictEqual(namesOf(yield* read(file(sizes, [], [["a", "width"], ["b", "width"]]))), [
        "create_latent_noise_width",
        "resize_image_width"
      ])
    }))

  it.effect("do not change if inputs are added at the end of the form", () =>
    Effect.gen(function*() {
      const labels: ReadonlyArray<readonly [string, string]> = [
        ["Text", ""],
        ["Text", ""],
        ["Text", "Other"],
        ["Text", "Text"],
        ["text 2", ""],
        ["string primitive text", ""],
        ["string_primitive_text_2", ""],
        ["Text", ""],
        ["other_text", ""]
      ]
      const all = yield* labelled(...labels)
      assert.strictEqual(new Set(all).size, labels.length)
      for (let count = 2; count < labels.length; count++) {
        assert.deepStrictEqual(yield* labelled(...labels.slice(0, count)), all.slice(0, count))
      }
    }))

  it.effect("take precedence over the same input name of another input", () =>
    Effect.gen(function*() {
      const nodes = [
        node("a", "string", "1.0.1", [input("value", "", "Text")], { label: "First" }),
        node("b", "string", "1.0.1", [input("value", "", "Text")], { label: "Second" }),
        node("c", "string", "1.0.1", [input("value", "", "first_text")])
      ]
      const self = yield* read(file(nodes, [], [["a", "value"], ["b", "value"], ["c", "value"]]))
      assert.deepStrictEqual(namesOf(self), ["first_text", "second_text", "first_text_2"])
      assert.strictEqual((yield* Workflow.getInput(self, "first_text")).nodeId, "a")
      assert.strictEqual((yield* Workflow.getInput(self, "first_text_2")).nodeId, "c")
    }))

  it.effect("belong to one input each in every workflow, and setInputs accepts them", () =>
    Effect.gen(function*() {
      for (const workflow of yield* workflows) {
        const { inputs, outputs } = WorkflowInterface.make(workflow)
        for (const names of [inputs, outputs].map((list) => list.map(({ name }) => name))) {
          assert.strictEqual(new Set(names).size, names.length)
          for (const name of names) assert.match(name, /^[a-z][a-z0-9_]{0,63}$/)
        }
        for (const { name, systemName } of inputs) {
          assert.strictEqual((yield* Workflow.getInput(workflow, name)).systemName, systemName)
        }
      }
    }))
})

describe("The interface of a workflow", () => {
  it.effect("has the title, description, default, group and order of each input", () =>
    Effect.gen(function*() {
      const self = WorkflowInterface.make(yield* open("test/fixtures/workflows/sd1-text-to-image.json"))
      assert.strictEqual(self.name, "SD 1.5 Text to Image")
      const steps = self.inputs.find(({ name }) => name === "steps")!
      assert.deepInclude(steps, { title: "Steps", required: false, order: 6, expected: "an integer greater than 0" })
      assert.isNumber(steps.default)
      assert.isTrue(self.inputs.find(({ name }) => name === "model")!.required)
    }))

  it.effect("names the heading above an input", () =>
    Effect.gen(function*() {
      const nodes = ["a", "b", "c", "d"].map((id) => node(id, "string", "1.0.1", [input("value", "", id)]))
      const field = (id: string, parentId: string) => ({
        id: `field-${id}`,
        type: "node-field",
        parentId,
        data: { fieldIdentifier: { nodeId: id, fieldName: "value" }, showDescription: false }
      })
      const heading = (id: string, content: string, parentId = "root") => ({
        id,
        type: "heading",
        parentId,
        data: { content }
      })
      const container = (id: string, children: ReadonlyArray<string>, parentId?: string) => ({
        id,
        type: "container",
        ...(parentId === undefined ? {} : { parentId }),
        data: { layout: "column", children }
      })
      const elements = [
        container("root", ["field-a", "h1", "field-b", "box", "field-d"]),
        field("a", "root"),
        heading("h1", "Model"),
        field("b", "root"),
        container("box", ["h2", "field-c"], "root"),
        heading("h2", "Details", "box"),
        field("c", "box"),
        field("d", "root")
      ]
      const json = {
        ...file(nodes, [], []),
        form: { rootElementId: "root", elements: Object.fromEntries(elements.map((each) => [each.id, each])) }
      }
      const { inputs } = WorkflowInterface.make(yield* read(json))
      assert.deepStrictEqual(inputs.map(({ group }) => group), [undefined, "Model", "Details", "Model"])
    }))

  it.effect("omits connected inputs", () =>
    Effect.gen(function*() {
      const add = (id: string) => node(id, "add", "1.0.1", [input("a", 1), input("b", 2)])
      const self = yield* read(file([add("x"), add("y")], [edge("x", "value", "y", "a")], [["y", "a"], ["y", "b"]]))
      assert.deepStrictEqual(namesOf(self), ["b"])
    }))

  it.effect("has one value for each output, or a list if a node runs several times", () =>
    Effect.gen(function*() {
      const outputs = (path: string, runs?: number) =>
        Effect.map(open(path), (workflow) =>
          WorkflowInterface.make(workflow, { runs }).outputs.map(({ many, name, type }) => [name, type, many]))
      assert.deepStrictEqual(yield* outputs("examples/soft-thumbnail.json"), [["image", "image", false]])
      assert.deepStrictEqual(yield* outputs("examples/soft-thumbnail.json", 2), [["image", "image", true]])
      assert.deepStrictEqual(yield* outputs("test/fixtures/workflows/iterate-and-collect.json"), [
        ["result", "image", true]
      ])
      assert.deepStrictEqual(yield* outputs("test/fixtures/workflows/batch-groups.json"), [["canvas", "image", true]])
      assert.deepStrictEqual(yield* outputs("test/fixtures/workflows/text-only.json"), [
        ["sentence", "string", false],
        ["sum", "integer", false]
      ])
    }))
})

describe("The schema of a workflow's inputs", () => {
  it.effect("accepts what setInputs accepts, of every field type in every catalog", () =>
    Effect.gen(function*() {
      const shapes = new Map<string, InkField.InkField>()
      for (const version of ["6.3.0", "6.8.1", "6.13.8", "6.14.2", "node-pack"]) {
        const catalog = version === "node-pack"
          ? yield* Effect.fromResult(
            NodeCatalog.fromOpenApi(readJson("test/fixtures/catalogs/node-pack.json"), { version })
          )
          : yield* catalogOf(version)
        for (const template of catalog.templates.values()) {
          for (const each of template.inputs.values()) {
            const field = InkField.fromTemplate(each)
            shapes.set(`${field._tag} ${JSON.stringify(InkField.jsonSchema(field))}`, field)
          }
        }
      }
      // no catalog has an input of these types
      for (
        const field of [
          { _tag: "InkCLIPVisionModelField", accepts: { type: ["clip_vision"], base: ["any", "sdxl"] } },
          { _tag: "InkSigLIPModelField", accepts: { type: ["siglip"], format: ["diffusers"], variant: ["large"] } },
          { _tag: "InkColorCollectionField", bounds: { minItems: 1, maxItems: 3 } },
          { _tag: "InkStringField", bounds: { minLength: 1, maxLength: 3, pattern: "^[A-Z]+$" } },
          { _tag: "InkFloatField", bounds: { multipleOf: 0.1, exclusiveMaximum: 1, minimum: -1 } }
        ] satisfies ReadonlyArray<InkField.InkField>
      ) shapes.set(JSON.stringify(field), field)
      const tags = new Set([...shapes.values()].map(({ _tag }) => _tag))
      const missing = InkField.InkField.members.map((member) => member.fields._tag.schema.literal)
        .filter((tag) => !tags.has(tag))
      assert.deepStrictEqual(missing, [])
      const random = randomOf(7)
      let accepted = 0
      for (const field of shapes.values()) accepted += assertAgreement(field, valuesFor(field, random, 40))
      assert.isAbove(accepted, 1000)
    }), 60_000)

  it.effect("accepts what setInputs accepts, of every workflow of the fixtures", () =>
    Effect.gen(function*() {
      const random = randomOf(11)
      for (const workflow of yield* workflows) {
        const self = WorkflowInterface.make(workflow)
        const fits = makeAjv().compile(WorkflowInterface.toJsonSchema(self).inputs)
        makeAjv().compile(WorkflowInterface.toJsonSchema(self).outputs)
        const isAccepted = Schema.is(self.inputSchema)
        for (let round = 0; round < 30; round++) {
          const values = Object.fromEntries(self.inputs.flatMap((each) => {
            const candidates = valuesFor(each.field, random, 3)
            return !each.required && random.below(3) === 0
              ? []
              : [[each.name, candidates[candidates.length - 1 - random.below(random.below(4) === 0 ? 40 : 3)]]]
          }))
          const set = yield* Effect.result(Workflow.setInputs(workflow, values))
          const isComplete = Result.isSuccess(set) && Workflow.missingRequiredInputs(set.success).length === 0
          const where = `${self.name} ${JSON.stringify(values)}`
          if (
            Workflow.missingRequiredInputs(workflow).every((name) => self.inputs.some((i) => i.systemName === name))
          ) {
            assert.strictEqual(isAccepted(values), isComplete, where)
          }
          if (fits(values)) assert.isTrue(Result.isSuccess(set), where)
        }
      }
    }), 60_000)

  it.effect("rejects names that no input has, and a missing required input", () =>
    Effect.gen(function*() {
      const self = WorkflowInterface.make(yield* open("examples/soft-thumbnail.json"))
      const decode = Schema.decodeUnknownResult(self.inputSchema)
      assert.isTrue(Result.isSuccess(decode({ photo: "a.png", width: 64 })))
      assert.include(String(Result.getOrThrow(Result.flip(decode({ photo: "a.png", widht: 64 })))), "widht")
      assert.include(String(Result.getOrThrow(Result.flip(decode({ width: 64 })))), "photo")
      assert.include(
        String(Result.getOrThrow(Result.flip(decode({ photo: "a.png", width: -5 })))),
        "expected an integer greater than 0, got -5"
      )
    }))

  it.effect("has titles, descriptions, defaults, choices and bounds as JSON Schema", () =>
    Effect.gen(function*() {
      const blur = readJson("test/fixtures/workflows/image-blur.json") as {
        readonly nodes: ReadonlyArray<{ readonly data: { readonly inputs: Record<string, { description: string }> } }>
      }
      for (const { data } of blur.nodes) {
        if (data.inputs["radius"] !== undefined) data.inputs["radius"].description = "How soft the picture becomes"
      }
      const { inputs } = WorkflowInterface.toJsonSchema(WorkflowInterface.make(yield* read(blur)))
      assert.strictEqual(inputs["$schema"], "https://json-schema.org/draft/2020-12/schema")
      assert.deepInclude(inputs, {
        title: "Blur a Picture",
        type: "object",
        required: ["picture"],
        additionalProperties: false
      })
      const { kind, radius } = inputs["properties"] as Record<string, Record<string, unknown>>
      assert.deepInclude(radius, {
        type: "number",
        minimum: 0,
        title: "Radius",
        description: "How soft the picture becomes"
      })
      assert.isNumber(radius!["default"])
      assert.deepStrictEqual(kind!["enum"], ["gaussian", "box"])
    }))
})
