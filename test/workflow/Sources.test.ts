import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Buffer } from "node:buffer"
import { crc32 } from "node:zlib"
import { catalogLayer, open, resources } from "./support.ts"

const chunk = (type: string, data: Uint8Array): Buffer => {
  const head = Buffer.alloc(4)
  head.writeUInt32BE(data.length)
  const body = Buffer.concat([Buffer.from(type, "latin1"), data])
  const tail = Buffer.alloc(4)
  tail.writeUInt32BE(crc32(body))
  return Buffer.concat([head, body, tail])
}

const png = (...texts: ReadonlyArray<readonly [keyword: string, text: string]>): Uint8Array =>
  new Uint8Array(Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", Buffer.alloc(13)),
    ...texts.map(([keyword, text]) => chunk("iTXt", Buffer.from(`${keyword}\0\0\0\0\0${text}`))),
    chunk("IEND", Buffer.alloc(0))
  ]))

describe("Workflow.fromPng", () => {
  const message = (bytes: Uint8Array) =>
    Workflow.fromPng(bytes).pipe(Effect.flip, Effect.map((error) => error.message), Effect.provide(catalogLayer()))

  it.effect("reads the workflow that an image was made with", () =>
    Effect.gen(function*() {
      const original = yield* open("examples/flux-image-to-image.json")
      const text = JSON.stringify(Workflow.toDefinition(yield* Workflow.setInput(original, "num_steps", 7)))
      const workflow = yield* Workflow.fromPng(png(["invokeai_workflow", text])).pipe(Effect.provide(catalogLayer()))
      assert.strictEqual((yield* Workflow.getInput(workflow, "num_steps")).field.value, 7)
    }))

  it.effect("says what an image lacks", () =>
    Effect.gen(function*() {
      assert.strictEqual(
        yield* message(png()),
        "There is no workflow in the PNG image: it was not made by a workflow"
      )
      assert.strictEqual(
        yield* message(png(["invokeai_graph", "{}"])),
        "There is no workflow in the PNG image: it holds the graph that ran, but no workflow: it was not made in the " +
          "workflow editor"
      )
      assert.match(yield* message(png(["invokeai_workflow", "[]"])), /^Cannot read the workflow from the PNG image: /)
      assert.match(yield* message(new Uint8Array([1, 2, 3])), /it does not begin as PNG files do$/)
    }))
})

const field = (name: string, value?: unknown) => ({
  name,
  label: "",
  description: "",
  ...(value === undefined ? {} : { value })
})

const file = (
  type: string,
  version: string,
  inputs: ReadonlyArray<ReturnType<typeof field>>,
  more: Record<string, unknown> = {}
) => ({
  name: "test",
  author: "",
  description: "",
  version: "",
  contact: "",
  tags: "",
  notes: "",
  nodes: [{
    id: "n",
    type: "invocation",
    position: { x: 0, y: 0 },
    data: {
      id: "n",
      type,
      version,
      nodePack: "invokeai",
      label: "",
      notes: "",
      isOpen: true,
      isIntermediate: false,
      useCache: true,
      inputs: Object.fromEntries(inputs.map((each) => [each.name, each])),
      ...more
    }
  }],
  edges: [],
  exposedFields: inputs.map(({ name }) => ({ nodeId: "n", fieldName: name })),
  meta: { version: "3.0.0", category: "user" }
})

const read = (json: unknown) => Workflow.fromJson(json).pipe(Effect.provide(catalogLayer()))

const problems = (json: unknown) =>
  Effect.map(
    read(json),
    (workflow) => Workflow.validate(workflow).all.map(({ code, message, source }) => [source, code, message])
  )

describe("rules that the official UI does not have but the server enforces", () => {
  it.effect("choices", () =>
    Effect.gen(function*() {
      const math = [field("operation", "NOPE"), field("a", 1), field("b", 2)]
      assert.deepStrictEqual(yield* problems(file("float_math", "1.0.1", math)), [
        ["server", "valueNotInOptions", "\"NOPE\" is not one of ADD, SUB, MUL, DIV, EXP, ABS, SQRT, MIN or MAX"]
      ])
      const scheduler = [field("scheduler", "nope")]
      assert.deepStrictEqual((yield* problems(file("scheduler", "1.0.1", scheduler)))[0]?.[1], "valueNotInOptions")
    }))

  it.effect("types", () =>
    Effect.gen(function*() {
      const add = (a: unknown) => problems(file("add", "1.0.1", [field("a", a), field("b", 2)]))
      assert.deepStrictEqual(yield* add(1.5), [["server", "valueHasWrongType", "expected an integer, got 1.5"]])
      assert.deepStrictEqual(yield* add("12"), [["server", "valueHasWrongType", "expected an integer, got \"12\""]])
      assert.deepStrictEqual(yield* add(true), [["server", "valueHasWrongType", "expected an integer, got true"]])
      assert.deepStrictEqual(yield* add(12), [])
      assert.deepStrictEqual(
        yield* problems(file("img_blur", "1.2.2", [field("image", { image_name: "a" }), field("board", "whatever")])),
        [[
          "server",
          "valueHasWrongType",
          "expected auto, none, the id of a board, or an object with board_id, got \"whatever\""
        ]]
      )
    }))

  it.effect("limits, as the server's document has them, and inputs that the file does not name", () =>
    Effect.gen(function*() {
      const noise = [field("seed", 0.5), field("width", 0), field("height", 64), field("use_cpu", true)]
      assert.deepStrictEqual(yield* problems(file("noise", "1.1.0", noise)), [
        ["server", "valueHasWrongType", "expected an integer between 0 and 4294967295, got 0.5"],
        ["interface", "collectionNumberLTExclusiveMin", "0 is not greater than 0"]
      ])
      const crop = yield* problems(file("crop_latents", "1.0.2", [field("x", -4)]))
      assert.deepStrictEqual(crop.slice(0, 3).map(([source, code]) => [source, code]), [
        ["server", "collectionNumberLTMin"],
        ["server", "collectionNumberNotMultipleOf"],
        ["server", "missingInputForField"]
      ])
      assert.deepStrictEqual(yield* problems(file("img_blur", "1.2.2", [])), [
        ["server", "missingInputForField", "a value is missing"]
      ])
      assert.deepStrictEqual(yield* problems(file("no_such_node", "1.0.0", [])), [
        ["interface", "missingNodeTemplate", "the server has no node type 'no_such_node'"]
      ])
    }))

  it.effect("step counts, by this library's own rule", () =>
    Effect.gen(function*() {
      const denoise = [field("num_steps", 0)]
      const found = yield* problems(file("flux_denoise", "4.6.0", denoise))
      assert.deepStrictEqual(found.filter(([source]) => source === "library"), [
        ["library", "collectionNumberLTExclusiveMin", "0 is not greater than 0"]
      ])
    }))

  it.effect("fields that take one value or several may hold a list", () =>
    Effect.gen(function*() {
      const found = (type: string, version: string, name: string, value: unknown) =>
        Effect.map(
          read(file(type, version, [field(name, value)])),
          (workflow) => Workflow.validate(workflow).inputs.get(`n.${name}`) ?? []
        )
      const weights = (value: unknown) => found("denoise_latents", "1.5.4", "cfg_scale", value)
      assert.deepStrictEqual(yield* weights([1, 7.5]), [])
      assert.deepStrictEqual(yield* weights(7.5), [])
      const image = { image_name: "a" }
      const images = (value: unknown) => found("llava_onevision_vllm", "1.0.0", "images", value)
      assert.deepStrictEqual(yield* images([image, image, image]), [])
      assert.deepStrictEqual(yield* images(image), [])
      assert.deepStrictEqual(yield* images([image, image, image, image]), ["4 items are more than 3"])
    }))
})

describe("workflows that call workflows of the library", () => {
  const callee = {
    ...file("add", "1.0.1", [field("a", 1), field("b", 2)]),
    name: "callee"
  }
  const caller = file("call_saved_workflow", "1.0.0", [field("workflow_id", "the-callee")])

  it.effect("take over its inputs when they are checked, and can set them", () =>
    Effect.gen(function*() {
      const workflow = yield* Workflow.check(yield* read(caller))
      const names = Workflow.fields(workflow).map(({ systemName }) => systemName).filter((name) => name.includes("::"))
      assert.deepStrictEqual(names, ["n.saved_workflow_input::n::a", "n.saved_workflow_input::n::b"])
      const set = yield* Workflow.setField(workflow, "n.saved_workflow_input::n::a", "41")
      const batch = yield* Workflow.toBatch(set)
      assert.deepStrictEqual(batch.graph.nodes["n"]?.["workflow_inputs"], {
        "saved_workflow_input::n::a": 41,
        "saved_workflow_input::n::b": 2
      })
    }).pipe(Effect.provide(resources({ savedWorkflows: new Map([["the-callee", callee]]) }))))

  it.effect("name the workflow that is not there", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(Workflow.toBatch(yield* read(caller)))
      assert.strictEqual(
        error.message,
        "The workflow is not ready (1 problem):\n- Call Saved Workflow -> Workflow Id: " +
          "the workflow 'the-callee' is not in the server's library, or cannot be read"
      )
    }).pipe(Effect.provide(resources())))
})
