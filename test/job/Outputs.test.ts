import * as Outputs from "@effect-invokeai/core/job/Outputs"
import type { OutputOrigin } from "@effect-invokeai/core/job/Outputs"
import { assert, describe, expectTypeOf, it } from "@effect/vitest"
import { edgesOf, incomingOf, loopsOf, nodesOf } from "../../packages/core/src/job/internal/outputs/graph.ts"
import type { OutputsOf } from "../../packages/core/src/job/internal/outputs/output.ts"
import { fromSession } from "../../packages/core/src/job/internal/outputs/session.ts"
import type * as ModelOutput from "../../packages/core/src/job/outputs/ModelOutput.ts"

const origin: OutputOrigin = {
  nodeId: "n",
  nodeLabel: "Node",
  nodeType: "any",
  preparedId: "p",
  itemId: 1,
  sessionId: "s",
  itemIndex: 0,
  iteration: [],
  index: 0,
  isIntermediate: false,
  boardId: null
}

const decode = (
  data: Record<string, unknown>,
  more: Partial<OutputOrigin> = {},
  invocation?: Record<string, unknown>
) => Outputs.decode(data, { ...origin, ...more }, invocation)

describe("Ink outputs", () => {
  it("exist for each of the 112 output types of 6.14.2", () => {
    assert.strictEqual(Outputs.outputTypes.length, 112)
    assert.strictEqual(new Set(Outputs.outputTypes).size, 112)
  })

  it("have the types of their members, and are all in the union", () => {
    expectTypeOf<Outputs.InkMetadataToModelOutput["model"]>().toEqualTypeOf<Outputs.ModelIdentifierField>()
    expectTypeOf<Outputs.InkCLIPSkipOutput["clip"]>().toEqualTypeOf<Outputs.FieldData | null>()
    expectTypeOf<Outputs.InkCollectOutput["collection"]>().toEqualTypeOf<ReadonlyArray<unknown>>()
    expectTypeOf<Outputs.InkLatentsOutput["shape"]>().toEqualTypeOf<
      readonly [number, number, number, number] | undefined
    >()
    expectTypeOf<OutputsOf<typeof ModelOutput>>().toExtend<Outputs.InkOutput>()
    expectTypeOf<OutputsOf<typeof ModelOutput>["_tag"]>().toEqualTypeOf<keyof typeof ModelOutput>()
    expectTypeOf<Extract<Outputs.InkOutput, { readonly _tag: "InkVAEOutput" }>>().toEqualTypeOf<Outputs.InkVAEOutput>()
    // @ts-expect-error a class is exported under its tag
    expectTypeOf<OutputsOf<{ readonly InkVAEOutputs: typeof ModelOutput.InkVAEOutput }>>().toBeObject()
  })

  it("flatten the values that programs look for", () => {
    assert.deepInclude(
      decode({ type: "image_output", image: { image_name: "a.png" }, width: 512, height: 256 }),
      { _tag: "InkImageOutput", imageName: "a.png", width: 512, height: 256, nodeId: "n", isPassthrough: false }
    )
    assert.deepInclude(
      decode({ type: "latents_output", latents: { latents_name: "l", seed: 7 }, width: 1024, height: 512 }, {
        nodeType: "denoise_latents"
      }),
      { _tag: "InkLatentsOutput", latentsName: "l", seed: 7, shape: [1, 4, 64, 128] }
    )
    const unknownChannels = decode({
      type: "latents_output",
      latents: { latents_name: "l" },
      width: 1024,
      height: 512
    })
    assert.deepInclude(unknownChannels, { latentsName: "l", seed: null })
    assert.notProperty(unknownChannels, "shape")
    assert.deepInclude(decode({ type: "conditioning_output", conditioning: { conditioning_name: "c" } }), {
      _tag: "InkConditioningOutput",
      conditioningName: "c"
    })
    assert.deepInclude(decode({ type: "flux_conditioning_output", conditioning: { conditioning_name: "c" } }), {
      _tag: "InkFluxConditioningOutput",
      conditioningName: "c"
    })
    assert.deepInclude(decode({ type: "mask_output", mask: { tensor_name: "t" }, width: 8, height: 8 }), {
      _tag: "InkMaskOutput",
      maskName: "t"
    })
    assert.deepInclude(
      decode({
        type: "video_output",
        video: { video_name: "v.mp4" },
        width: 8,
        height: 8,
        num_frames: 16,
        fps: 8,
        duration: 2
      }),
      { _tag: "InkVideoOutput", videoName: "v.mp4", numFrames: 16 }
    )
    assert.deepInclude(decode({ type: "clip_skip_output" }), { _tag: "InkCLIPSkipOutput", clip: null })
  })

  it("keep unknown types with their data", () => {
    const data = { type: "hologram_output", hologram: { depth: 3 } }
    assert.deepInclude(decode(data), { _tag: "InkUnknownOutput", type: "hologram_output", data })
    for (
      const broken of [
        { type: "image_output", image: "a.png", width: 1, height: 1 },
        { type: "image_output", image: { image_name: "a.png" }, width: "1", height: 1 },
        { type: "integer_output", value: "7" },
        { type: "color_output", color: { r: 1 } },
        { type: "integer_collection_output", collection: [1, "2"] },
        {}
      ]
    ) {
      assert.deepInclude(decode(broken), { _tag: "InkUnknownOutput", data: broken })
    }
  })

  it("distinguish a passthrough image from a new one", () => {
    const data = { type: "image_output", image: { image_name: "a.png" }, width: 1, height: 1 }
    const passthrough = decode(data, {}, { type: "image", image: { image_name: "a.png" } })
    assert.deepInclude(passthrough, { isPassthrough: true })
    assert.deepInclude(decode(data, {}, { type: "img_blur", image: { image_name: "b.png" } }), { isPassthrough: false })
    const hidden = decode({ ...data, image: { image_name: "hidden.png" } }, { isIntermediate: true })
    const kept = decode({ ...data, image: { image_name: "kept.png" } })
    assert.deepStrictEqual(Outputs.finalImages([passthrough, hidden, kept, kept]).map((image) => image.imageName), [
      "kept.png"
    ])
  })

  it("find every image, however deeply nested", () => {
    const deep = decode({
      type: "collect_output",
      collection: [{ image_name: "1.png" }, { nested: [{ image_name: "2.png" }] }, { image_name: "1.png" }]
    })
    assert.deepStrictEqual(Outputs.imageNames([deep]), ["1.png", "2.png"])
  })
})

const session = (order: ReadonlyArray<number>, paths: boolean) => {
  const ids = order.map(String)
  const nodes: Record<string, unknown> = { list: { id: "list", type: "collect" } }
  const edges: Array<unknown> = []
  const results: Record<string, unknown> = {}
  const mapping: Record<string, string> = { list: "list" }
  const iterationPaths: Record<string, ReadonlyArray<number>> = { list: [] }
  const link = (source: string, field: string, target: string, into: string) =>
    edges.push({ source: { node_id: source, field }, destination: { node_id: target, field: into } })
  for (const id of ids) {
    nodes[`outer-${id}`] = { id: `outer-${id}`, type: "iterate" }
    results[`outer-${id}`] = { type: "iterate_output", item: Number(id), index: Number(id), total: ids.length }
    mapping[`outer-${id}`] = "outer"
    iterationPaths[`outer-${id}`] = [Number(id)]
    for (const inner of ids) {
      const key = `${id}-${inner}`
      nodes[`inner-${key}`] = { id: `inner-${key}`, type: "iterate" }
      results[`inner-${key}`] = { type: "iterate_output", item: Number(inner), index: Number(inner), total: ids.length }
      mapping[`inner-${key}`] = "inner"
      iterationPaths[`inner-${key}`] = [Number(id), Number(inner)]
      link(`outer-${id}`, "item", `inner-${key}`, "collection")
      nodes[`add-${key}`] = { id: `add-${key}`, type: "add" }
      results[`add-${key}`] = { type: "integer_output", value: Number(id) * 10 + Number(inner) }
      mapping[`add-${key}`] = "add"
      iterationPaths[`add-${key}`] = [Number(id), Number(inner)]
      link(`inner-${key}`, "item", `add-${key}`, "a")
      link(`add-${key}`, "value", "list", "item")
    }
  }
  results["list"] = {
    type: "collect_output",
    collection: ids.flatMap((id) => ids.map((inner) => Number(id) * 10 + Number(inner)))
  }
  return {
    graph: { nodes: { add: { id: "add", type: "add", is_intermediate: true } }, edges: [] },
    execution_graph: { nodes, edges },
    results,
    errors: {},
    prepared_source_mapping: mapping,
    ...(paths ? { prepared_iteration_paths: iterationPaths } : {})
  }
}

describe("Sessions", () => {
  it("are in iteration order, even nested, whether or not the server names the iterations", () => {
    for (const paths of [true, false]) {
      for (const order of [[0, 1, 2], [2, 0, 1], [1, 2, 0]]) {
        const { executed } = fromSession(session(order, paths))
        const adds = executed.filter((node) => node.nodeId === "add")
        assert.deepStrictEqual(adds.map((node) => node.result["value"]), [0, 1, 2, 10, 11, 12, 20, 21, 22])
        assert.deepStrictEqual(adds.map((node) => node.iteration)[5], [1, 2])
        const list = executed.find((node) => node.nodeId === "list")
        assert.deepStrictEqual(list?.iteration, [])
        assert.deepStrictEqual(list?.result["collection"], [0, 1, 2, 10, 11, 12, 20, 21, 22])
      }
    }
  })

  it("treat ids as plain data, and ignore anything else", () => {
    const odd = JSON.parse(
      "{\"results\":{\"__proto__\":{\"type\":\"integer_output\",\"value\":1},\"constructor\":{\"type\":\"integer_output\",\"value\":2}}," +
        "\"prepared_source_mapping\":{\"__proto__\":\"toString\",\"constructor\":\"__proto__\"}}"
    ) as unknown
    const { executed } = fromSession(odd)
    assert.deepStrictEqual(executed.map((node) => node.nodeId), ["toString", "__proto__"])
    for (const nothing of [null, undefined, 1, "x", [], { results: [] }, { results: { a: 1 }, errors: 7 }]) {
      assert.deepStrictEqual(fromSession(nothing).executed, [])
    }
  })

  it("survive a cyclic graph", () => {
    const { executed } = fromSession({
      results: { a: { type: "integer_output", value: 1 } },
      execution_graph: {
        nodes: { a: { id: "a", type: "add" } },
        edges: [{ source: { node_id: "a", field: "value" }, destination: { node_id: "a", field: "a" } }]
      },
      prepared_source_mapping: { a: "a" }
    })
    assert.strictEqual(executed.length, 1)
  })
})

describe("Loops of a graph", () => {
  const graph = (types: Readonly<Record<string, string>>, edges: ReadonlyArray<readonly [string, string]>) => ({
    nodes: Object.fromEntries(Object.entries(types).map(([id, type]) => [id, { id, type }])),
    edges: edges.map(([source, target]) => ({
      source: { node_id: source, field: "value" },
      destination: { node_id: target, field: "value" }
    }))
  })
  const loops = (one: unknown) => loopsOf(nodesOf(one), () => incomingOf(edgesOf(one)))

  it("are those of the iterate nodes before a node, up to a collect node, the outermost first", () => {
    const found = loops(graph(
      {
        a: "range",
        outer: "iterate",
        b: "add",
        inner: "iterate",
        c: "add",
        all: "collect",
        d: "add",
        x: "add",
        y: "add"
      },
      [
        ["a", "outer"],
        ["outer", "b"],
        ["b", "inner"],
        ["inner", "c"],
        ["outer", "c"],
        ["c", "all"],
        ["all", "d"],
        ["outer", "d"],
        ["missing", "d"],
        ["x", "y"],
        ["y", "x"]
      ]
    ))
    assert.deepStrictEqual(
      Object.fromEntries(found),
      { a: [], outer: ["outer"], b: ["outer"], inner: ["outer", "inner"], c: ["outer", "inner"], all: [], d: ["outer"] }
    )
  })

  it("are empty if nothing is repeated", () => {
    assert.deepStrictEqual(Object.fromEntries(loops(graph({ a: "add", b: "collect" }, [["a", "b"]]))), { a: [], b: [] })
  })

  it("are found in very deep graphs", () => {
    const size = 30_000
    const ids = Array.from({ length: size }, (_, index) => `n${index}`)
    const found = loops(graph(
      Object.fromEntries(ids.map((id, index) => [id, index === 0 ? "iterate" : "add"])),
      ids.slice(1).map((id, index) => [ids[index]!, id] as const)
    ))
    assert.deepStrictEqual(found.get(`n${size - 1}`), ["n0"])
  })
})
