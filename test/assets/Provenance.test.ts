import * as Provenance from "@effect-invokeai/core/assets/Provenance"
import * as Outputs from "@effect-invokeai/core/job/Outputs"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"

const edge = (from: string, to: string) => {
  const [source = "", sourceField = ""] = from.split(".")
  const [target = "", targetField = ""] = to.split(".")
  return {
    source: { node_id: source, field: sourceField },
    destination: { node_id: target, field: targetField }
  }
}

const model = (name: string, type = "main") => ({ key: `key-${name}`, hash: "", name, base: "sd-1", type })

/** Two images in a row: the second is made from the first, with a seed and a model of its own. */
const graph = {
  nodes: {
    loader: { id: "loader", type: "main_model_loader", model: model("first") },
    noise: { id: "noise", type: "noise", seed: 11 },
    denoise: { id: "denoise", type: "denoise_latents" },
    decode: { id: "decode", type: "l2i", is_intermediate: false },
    refiner: { id: "refiner", type: "main_model_loader", model: model("second") },
    upscale: { id: "upscale", type: "esrgan", model: model("upscaler", "spandrel_image_to_image") },
    random: { id: "random", type: "rand_int" },
    renoise: { id: "renoise", type: "noise", seed: 0 },
    redenoise: { id: "redenoise", type: "denoise_latents" },
    redecode: { id: "redecode", type: "l2i" }
  },
  edges: [
    edge("loader.unet", "denoise.unet"),
    edge("noise.noise", "denoise.noise"),
    edge("denoise.latents", "decode.latents"),
    edge("decode.image", "upscale.image"),
    edge("upscale.image", "redenoise.latents"),
    edge("refiner.unet", "redenoise.unet"),
    edge("random.value", "renoise.seed"),
    edge("renoise.noise", "redenoise.noise"),
    edge("redenoise.latents", "redecode.latents")
  ]
}

const item = (
  values: ReadonlyArray<Outputs.FieldValue> = [],
  results: ReadonlyArray<readonly [nodeId: string, iteration: ReadonlyArray<number>, value: number]> = []
): Outputs.ItemOutput => ({
  itemId: 1,
  sessionId: "s-1",
  itemIndex: 0,
  status: "completed",
  fieldValues: values,
  executionTime: Duration.zero,
  outputs: results.map(([nodeId, iteration, value], index) =>
    Outputs.decode({ type: "integer_output", value }, {
      nodeId,
      nodeLabel: "",
      nodeType: "rand_int",
      preparedId: `${nodeId}-${index}`,
      itemId: 1,
      sessionId: "s-1",
      itemIndex: 0,
      iteration,
      index,
      isIntermediate: true,
      boardId: null
    })
  )
})

describe("seed and model", () => {
  it("are those nearest upstream of the image's node", () => {
    const first = Provenance.read({ graph, workflow: null, nodeId: "decode" })
    assert.strictEqual(first.seed, 11)
    assert.strictEqual(first.model?.["name"], "first")
    const second = Provenance.read({
      graph,
      workflow: null,
      nodeId: "redecode",
      item: item([], [["random", [], 99]])
    })
    assert.strictEqual(second.seed, 99)
    assert.strictEqual(second.model?.["name"], "second")
  })

  it("are not taken from further upstream if the nearest is connected and unknown", () => {
    assert.strictEqual(Provenance.read({ graph, workflow: null, nodeId: "redecode" }).seed, null)
  })

  it("follow the iteration of the image", () => {
    const ran = item([], [["random", [0], 5], ["random", [1], 6]])
    const seeds = [[0], [1], [1, 3], null].map((iteration) =>
      Provenance.read({ graph, workflow: null, nodeId: "renoise", iteration, item: ran }).seed
    )
    assert.deepStrictEqual(seeds, [5, 6, 6, null])
  })

  it("come from the batch rather than from the graph", () => {
    const ran = item([{ nodeId: "noise", fieldName: "seed", value: 12 }])
    assert.strictEqual(Provenance.read({ graph, workflow: null, nodeId: "decode", item: ran }).seed, 12)
  })

  it("prefer a main model, even if it is further upstream", () => {
    assert.strictEqual(Provenance.read({ graph, workflow: null, nodeId: "upscale" }).model?.["name"], "first")
    const alone = { nodes: { upscale: graph.nodes.upscale }, edges: [] }
    assert.strictEqual(Provenance.read({ graph: alone, workflow: null }).model?.["name"], "upscaler")
  })

  it("are known without the node if all final nodes of the graph agree", () => {
    assert.strictEqual(Provenance.read({ graph, workflow: null }).model?.["name"], "second")
    const apart = {
      nodes: { a: { id: "a", seed: 1 }, b: { id: "b", seed: 2 } },
      edges: []
    }
    assert.strictEqual(Provenance.read({ graph: apart, workflow: null }).seed, null)
    assert.strictEqual(Provenance.read({ graph: apart, workflow: null, nodeId: "b" }).seed, 2)
  })

  it("are null for a cyclic graph, and for what is not a graph", () => {
    const circle = {
      nodes: { a: { id: "a" }, b: { id: "b" } },
      edges: [edge("a.x", "b.x"), edge("b.x", "a.x"), { source: 1 }, null]
    }
    for (const other of [circle, null, [], "text", { nodes: [], edges: {} }, { nodes: { a: 1 } }]) {
      assert.deepStrictEqual(Provenance.read({ graph: other, workflow: other, nodeId: "a" }), {
        inputs: null,
        seed: null,
        model: null
      })
    }
  })
})

const field = (name: string, value: unknown, label = "") => ({ name, label, description: "", value })

const workflow = {
  name: "two",
  author: "",
  description: "",
  version: "1",
  contact: "",
  tags: "",
  notes: "",
  exposedFields: [],
  meta: { category: "user", version: "3.0.0" },
  nodes: [
    ["loader", "main_model_loader", [field("model", model("old"), "Model")]],
    ["renoise", "noise", [field("seed", 0)]],
    ["noise", "noise", [field("seed", 1), field("width", 640, "__proto__")]]
  ].map(([id, type, inputs]) => ({
    id,
    type: "invocation",
    position: { x: 0, y: 0 },
    data: {
      id,
      type,
      version: "1.0.0",
      nodePack: "invokeai",
      label: "",
      notes: "",
      isOpen: true,
      isIntermediate: true,
      useCache: true,
      inputs: Object.fromEntries((inputs as ReadonlyArray<{ name: string }>).map((each) => [each.name, each]))
    }
  })),
  edges: [],
  form: {
    rootElementId: "root",
    elements: Object.fromEntries([
      ["root", { id: "root", type: "container", data: { layout: "column", children: ["d", "b", "a", "c", "e"] } }],
      ...[
        ["a", "loader", "model"],
        ["b", "noise", "seed"],
        ["c", "renoise", "seed"],
        ["d", "noise", "width"],
        ["e", "gone", "seed"]
      ].map(([id = "", nodeId, fieldName]) => [id, {
        id,
        type: "node-field",
        parentId: "root",
        data: { fieldIdentifier: { nodeId, fieldName }, showDescription: false }
      }])
    ])
  }
}

describe("inputs", () => {
  it("are in form order, with the values that ran", () => {
    const { inputs } = Provenance.read({
      graph,
      workflow,
      nodeId: "redecode",
      item: item([{ nodeId: "noise", fieldName: "seed", value: 12 }])
    })
    assert.deepStrictEqual(inputs, [
      // not in the graph: as the file has it
      { user_name: "__proto__", system_name: "noise.width", value: 640 },
      { user_name: "seed", system_name: "noise.seed", value: 12 },
      { user_name: "Model", system_name: "loader.model", value: model("first") },
      // connected, and what came is not known
      { user_name: "seed", system_name: "renoise.seed", value: null }
    ])
  })

  it("are null without a readable workflow", () => {
    assert.strictEqual(Provenance.read({ graph, workflow: { ...workflow, nodes: 3 } }).inputs, null)
  })
})
