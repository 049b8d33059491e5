import * as WorkflowBatch from "@effect-invokeai/core/batch/WorkflowBatch"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { edge, file as fileOf, input, node, read, resources } from "../workflow/support.ts"

/** A file with one node, whose inputs are all on the form. */
const file = (type: string, version: string, inputs: ReadonlyArray<ReturnType<typeof input>>) =>
  fileOf([node("n", type, version, inputs, { isIntermediate: false })], [], inputs.map(({ name }) => ["n", name]))

const problems = (json: unknown) =>
  Effect.map(
    read(json),
    (workflow) => WorkflowBatch.validate(workflow).all.map(({ code, message, source }) => [source, code, message])
  )

describe("Rules that the server enforces and the InvokeAI UI does not check", () => {
  it.effect("apply to choices", () =>
    Effect.gen(function*() {
      const math = [input("operation", "NOPE"), input("a", 1), input("b", 2)]
      assert.deepStrictEqual(yield* problems(file("float_math", "1.0.1", math)), [
        ["server", "valueNotInOptions", "\"NOPE\" is not one of ADD, SUB, MUL, DIV, EXP, ABS, SQRT, MIN or MAX"]
      ])
      const scheduler = [input("scheduler", "nope")]
      assert.deepStrictEqual((yield* problems(file("scheduler", "1.0.1", scheduler)))[0]?.[1], "valueNotInOptions")
    }))

  it.effect("apply to types", () =>
    Effect.gen(function*() {
      const add = (a: unknown) => problems(file("add", "1.0.1", [input("a", a), input("b", 2)]))
      assert.deepStrictEqual(yield* add(1.5), [["server", "valueHasWrongType", "expected an integer, got 1.5"]])
      assert.deepStrictEqual(yield* add("1.5"), [["server", "valueHasWrongType", "expected an integer, got \"1.5\""]])
      assert.deepStrictEqual(yield* add({ image_name: "a" }), [[
        "server",
        "valueHasWrongType",
        "expected an integer, got an object with image_name"
      ]])
      for (const value of [12, "12", true]) assert.deepStrictEqual(yield* add(value), [])
      assert.deepStrictEqual(
        yield* problems(file("img_blur", "1.2.2", [input("image", { image_name: "a" }), input("board", "whatever")])),
        [[
          "server",
          "valueHasWrongType",
          "expected auto, none, the id of a board, or an object with board_id, got \"whatever\""
        ]]
      )
    }))

  it.effect("apply to bounds of the server's document, and to inputs that the file does not name", () =>
    Effect.gen(function*() {
      const noise = [input("seed", 0.5), input("width", 0), input("height", 64), input("use_cpu", true)]
      assert.deepStrictEqual(yield* problems(file("noise", "1.1.0", noise)), [
        ["server", "valueHasWrongType", "expected an integer between 0 and 4294967295, got 0.5"],
        ["interface", "collectionNumberLTExclusiveMin", "0 is not greater than 0"]
      ])
      const crop = yield* problems(file("crop_latents", "1.0.2", [input("x", -4)]))
      assert.deepStrictEqual(crop.slice(0, 3).map(([source, code]) => [source, code]), [
        ["server", "collectionNumberLTMin"],
        ["server", "collectionNumberNotMultipleOf"],
        ["server", "missingInputForField"]
      ])
      assert.deepStrictEqual(yield* problems(file("img_blur", "1.2.2", [])), [
        ["server", "missingInputForField", "no value; set the field \"n.image\" (Workflow.setField)"]
      ])
      assert.deepStrictEqual(yield* problems(file("no_such_node", "1.0.0", [])), [
        ["interface", "missingNodeTemplate", "the server has no node type \"no_such_node\""]
      ])
    }))

  it.effect("apply to step counts of nodes that run steps, a rule of this library", () =>
    Effect.gen(function*() {
      const nodes = [["flux_denoise", "4.6.0"], ["flux_denoise_meta", "1.1.0"], ["flux2_denoise", "1.6.0"]] as const
      for (const [type, version] of nodes) {
        const json = file(type, version, [input("num_steps", 0)])
        const found = yield* problems(json)
        assert.deepStrictEqual(found.filter(([source]) => source === "library"), [
          ["library", "collectionNumberLTExclusiveMin", "0 is not greater than 0"]
        ])
        const refused = yield* Effect.flip(Workflow.setField(yield* read(json), "n.num_steps", 0))
        assert.include(refused.message, "expected an integer greater than 0, got 0")
      }
    }))

  it.effect("do not apply to step counts that are only recorded or counted", () =>
    Effect.gen(function*() {
      for (const [type, version] of [["core_metadata", "2.2.0"], ["float_range", "1.0.1"]] as const) {
        const json = file(type, version, [input("steps", 0)])
        assert.deepStrictEqual(yield* problems(json), [])
        const set = yield* Workflow.setField(yield* read(json), "n.steps", 0)
        assert.deepStrictEqual((yield* WorkflowBatch.make(set)).graph.nodes["n"]?.["steps"], 0)
      }
    }).pipe(Effect.provide(resources())))

  it.effect("accept numbers of a batch node for a string", () =>
    Effect.gen(function*() {
      for (
        const [type, name, values] of [["integer_batch", "integers", [1, 2]], ["float_batch", "floats", [
          1.5,
          2
        ]]] as const
      ) {
        const workflow = yield* read(fileOf(
          [
            node("b", type, "1.0.0", [input("batch_group_id", "None"), input(name, values)]),
            node("s", "string", "1.0.1", [])
          ],
          [edge("b", "value", "s", "value")],
          []
        ))
        const batch = yield* WorkflowBatch.make(workflow)
        assert.deepStrictEqual(batch.data, [[{ node_path: "s", field_name: "value", items: values }]])
      }
    }).pipe(Effect.provide(resources())))

  it.effect("accept a list in fields for one value or several", () =>
    Effect.gen(function*() {
      const found = (type: string, version: string, name: string, value: unknown) =>
        Effect.map(
          read(file(type, version, [input(name, value)])),
          (workflow) => WorkflowBatch.validate(workflow).inputs.get(`n.${name}`) ?? []
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

describe("Nodes that need a connection", () => {
  const problemsOf = (nodes: ReadonlyArray<ReturnType<typeof node>>, edges: ReadonlyArray<ReturnType<typeof edge>>) =>
    problems(fileOf(nodes, edges, []))
  const collect = node("c", "collect", "1.1.0", [input("item"), input("collection", [])])
  const number = node("i", "integer", "1.0.1", [input("value", 1)])
  const numbers = node("l", "integer_collection", "1.0.2", [input("collection", [1, 2])])
  const missing = (
    inputs: string
  ) => [
    "server",
    "missingConnection",
    "not connected: connect another node to " +
    `${inputs}, or remove the node`
  ]

  it.effect("include Collect, which collects items or a collection", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* problemsOf([collect, number], []), [missing("Collection Item or Collection")])
      assert.deepStrictEqual(yield* problemsOf([collect, number], [edge("i", "value", "c", "item")]), [])
      assert.deepStrictEqual(yield* problemsOf([collect, numbers], [edge("l", "collection", "c", "collection")]), [])
    }))

  it.effect("include Iterate, which iterates over a collection", () =>
    Effect.gen(function*() {
      const iterate = node("c", "iterate", "1.1.0", [input("collection", [1, 2])])
      assert.deepStrictEqual(yield* problemsOf([iterate, numbers], []), [missing("Collection")])
      assert.deepStrictEqual(yield* problemsOf([iterate, numbers], [edge("l", "collection", "c", "collection")]), [])
    }))

  it.effect("do not count the values of a batch node as a connection", () =>
    Effect.gen(function*() {
      const batch = node("b", "integer_batch", "1.0.0", [input("batch_group_id", "None"), input("integers", [1])])
      const found = yield* problemsOf([batch, collect], [edge("b", "value", "c", "item")])
      assert.isTrue(found.some(([, code]) => code === "missingConnection"), JSON.stringify(found))
    }))

  it.effect("do not count a connector without an input", () =>
    Effect.gen(function*() {
      const connector = {
        id: "k",
        type: "connector",
        position: { x: 0, y: 0 },
        data: { id: "k", type: "connector", label: "", isOpen: true }
      }
      const json = (target: ReturnType<typeof node>, field: string) => ({
        ...fileOf([target, number], [edge("k", "out", target.id, field)], []),
        nodes: [target, number, connector],
        meta: { version: "4.0.0", category: "user" }
      })
      assert.deepStrictEqual(yield* problems(json(collect, "item")), [missing("Collection Item or Collection")])
      const blur = node("c", "img_blur", "1.2.2", [input("image")])
      assert.deepStrictEqual(yield* problems(json(blur, "image")), [[
        "server",
        "missingInputForField",
        "no value; set the field \"c.image\" (Workflow.setField)"
      ]])
    }))
})

describe("Workflows that call workflows of the library", () => {
  const callee = {
    ...file("add", "1.0.1", [input("a", 1), input("b", 2)]),
    name: "callee"
  }
  const caller = file("call_saved_workflow", "1.0.0", [input("workflow_id", "the-callee")])

  it.effect("have the inputs of the called workflow after a check, and can set them", () =>
    Effect.gen(function*() {
      const workflow = yield* WorkflowBatch.check(yield* read(caller))
      const names = Workflow.fields(workflow).map(({ systemName }) => systemName).filter((name) => name.includes("::"))
      assert.deepStrictEqual(names, ["n.saved_workflow_input::n::a", "n.saved_workflow_input::n::b"])
      const set = yield* Workflow.setField(workflow, "n.saved_workflow_input::n::a", "41")
      const batch = yield* WorkflowBatch.make(set)
      assert.deepStrictEqual(batch.graph.nodes["n"]?.["workflow_inputs"], {
        "saved_workflow_input::n::a": 41,
        "saved_workflow_input::n::b": 2
      })
    }).pipe(Effect.provide(resources({ savedWorkflows: new Map([["the-callee", callee]]) }))))

  it.effect("report the missing workflow", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(WorkflowBatch.make(yield* read(caller)))
      assert.strictEqual(
        error.message,
        "The workflow is not ready (1 problem):\n- Call Saved Workflow -> Workflow Id: " +
          "workflow \"the-callee\" is not in the server's library, or could not be read"
      )
    }).pipe(Effect.provide(resources())))
})
