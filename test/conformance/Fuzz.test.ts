import * as WorkflowDefinition from "@effect-invokeai/core/definition/WorkflowDefinition"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import { assert, describe, it } from "@effect/vitest"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Batch from "../../packages/core/src/batch/internal/batch.ts"
import * as WorkflowGraph from "../../packages/core/src/batch/WorkflowGraph.ts"
import { disabledReasons } from "../../scripts/conformance/uiReasons.ts"
import { texts } from "../workflow/support.ts"
import { filesIn, readCatalog, readJsonFile } from "./support.ts"

type Json = unknown

/** Random numbers that are the same in every run. */
class Seed {
  #state: number

  constructor(seed: number) {
    this.#state = (seed + 1) * 0x9e3779b9 >>> 0
  }

  uint32(): number {
    let next = this.#state = (this.#state + 0x6d2b79f5) >>> 0
    next = Math.imul(next ^ (next >>> 15), next | 1)
    next ^= next + Math.imul(next ^ (next >>> 7), next | 61)
    return (next ^ (next >>> 14)) >>> 0
  }
}

const junk = (seed: Seed): Json => {
  const values: ReadonlyArray<Json> = [
    null,
    true,
    0,
    -1,
    1e308,
    4294967296,
    0.1,
    "",
    " ",
    "__proto__",
    "constructor",
    "none",
    "auto",
    "1.0.0",
    "x".repeat(300),
    [],
    {},
    [[]],
    { type: "float_generator_arithmetic_sequence", count: 1e9 },
    { type: "integer_generator_parse_string", input: "1,2", splitOn: "\"" },
    { image_name: "a.png" },
    JSON.parse("{\"__proto__\":{\"value\":1}}")
  ]
  return values[seed.uint32() % values.length]
}

/** Every object and list in a JSON value. */
const places = (json: Json, found: Array<Record<string, Json> | Array<Json>> = []) => {
  if (Array.isArray(json)) {
    found.push(json)
    for (const item of json) places(item, found)
  } else if (Predicate.isObject(json)) {
    found.push(json)
    for (const item of Object.values(json)) places(item, found)
  }
  return found
}

/** One change to a random place: a value replaced, removed, doubled, renamed or moved from elsewhere. */
const mutate = (json: Json, seed: Seed): void => {
  const all = places(json)
  const place = all[seed.uint32() % all.length]
  if (place === undefined) {
    return
  }
  const other = structuredClone(all[seed.uint32() % all.length])
  const value = seed.uint32() % 3 === 0 ? other : junk(seed)
  if (Array.isArray(place)) {
    const index = place.length === 0 ? 0 : seed.uint32() % place.length
    const kind = seed.uint32() % 4
    if (kind === 0) place.splice(index, 1)
    else if (kind === 1) place.splice(index, 0, structuredClone(place[index]))
    else if (kind === 2) place[index] = value
    else place.reverse()
    return
  }
  const keys = Object.keys(place)
  const key = keys[seed.uint32() % Math.max(1, keys.length)]
  if (key === undefined) {
    place["added"] = value
    return
  }
  const kind = seed.uint32() % 4
  if (kind === 0) delete place[key]
  else if (kind === 1) place[key] = value
  else if (kind === 2) {
    Object.defineProperty(place, "__proto__", { value, enumerable: true, configurable: true, writable: true })
  } else {
    place[String(junk(seed))] = place[key]
    delete place[key]
  }
}

const sources: ReadonlyArray<Json> = [
  ...filesIn("test/conformance/vectors"),
  ...filesIn("test/fixtures/workflows"),
  ...filesIn("examples")
].map(readJsonFile).map((json) =>
  Predicate.isObject(json) && Predicate.isObject(json["workflow"]) ? json["workflow"] : json
)

describe("Any JSON", () => {
  const catalogs = [readCatalog("6.3.0"), readCatalog("6.14.2")]

  const compile = (json: Json): "loaded" | "refused" => {
    const definition = WorkflowDefinition.parse(json)
    if (Result.isFailure(definition)) {
      assert.strictEqual(definition.failure._tag, "WorkflowParseError")
      assert.isAbove(definition.failure.message.length, 10)
      return "refused"
    }
    const saved = JSON.parse(JSON.stringify(WorkflowDefinition.toJson(definition.success)))
    const again = WorkflowDefinition.parse(saved)
    assert(Result.isSuccess(again), Result.isFailure(again) ? again.failure.message : "")
    assert.deepStrictEqual(JSON.parse(JSON.stringify(WorkflowDefinition.toJson(again.success))), saved)
    for (const catalog of catalogs) {
      const workflow = Workflow.load(definition.success, catalog, { savedWorkflows: new Map([["w1", json]]) })
      const { loaded } = workflow
      const graph = WorkflowGraph.build(loaded, { autoBoard: "b", id: "g" })
      for (const { destination, source } of graph.edges) {
        assert(Object.hasOwn(graph.nodes, source.node_id) && Object.hasOwn(graph.nodes, destination.node_id))
      }
      disabledReasons(loaded, Batch.build(loaded))
      Workflow.form(workflow)
      assert.deepStrictEqual(WorkflowGraph.build(loaded, { autoBoard: "b", id: "g" }), graph)
      const repaired = JSON.parse(JSON.stringify(WorkflowDefinition.toJson(loaded.definition)))
      assert(Result.isSuccess(WorkflowDefinition.parse(repaired)), "the repaired workflow can be opened")
    }
    return "loaded"
  }

  it("compiles or fails with a typed error (4000 mutated files)", { timeout: 60_000 }, () => {
    const counts = { loaded: 0, refused: 0 }
    for (let round = 0; round < 4000; round++) {
      const seed = new Seed(round)
      const json = structuredClone(sources[round % sources.length])
      const changes = 1 + seed.uint32() % 4
      for (let change = 0; change < changes; change++) {
        mutate(json, seed)
      }
      try {
        counts[compile(json)]++
      } catch (cause) {
        throw new Error(`round ${round}: ${JSON.stringify(json).slice(0, 2000)}`, { cause })
      }
    }
    assert.isAbove(counts.loaded, 500)
    assert.isAbove(counts.refused, 500)
  })

  it("is rejected if it is not a workflow", () => {
    for (const json of [undefined, null, 0, "", [], {}, { meta: {} }, { meta: { version: 4 } }, () => 1, Symbol("x")]) {
      assert.strictEqual(compile(json), "refused")
    }
  })

  it("does not overflow the stack, even with long chains of connectors and deep forms", () => {
    const length = 3000
    const connector = (id: string) => ({
      id,
      type: "connector",
      position: { x: 0, y: 0 },
      data: { id, type: "connector", label: "", isOpen: true }
    })
    const add = (id: string) => ({
      id,
      type: "invocation",
      position: { x: 0, y: 0 },
      data: {
        id,
        type: "add",
        version: "1.0.1",
        label: "",
        notes: "",
        isOpen: true,
        isIntermediate: true,
        useCache: true,
        inputs: { a: { name: "a", value: 1 } }
      }
    })
    const ids = Array.from({ length }, (_, index) => `c${index}`)
    const elements = Object.fromEntries([
      ["root", { id: "root", type: "container", data: { layout: "row", children: ["c0"] } }],
      ...ids.map((id, index) => [id, {
        id,
        parentId: index === 0 ? "root" : ids[index - 1],
        type: "container",
        data: { layout: "row", children: index + 1 < length ? [ids[index + 1]] : [] }
      }])
    ])
    const definition = Result.getOrThrow(WorkflowDefinition.parse({
      ...texts,
      nodes: [add("a"), ...ids.map(connector), add("b")],
      edges: [
        { id: "first", type: "default", source: "a", sourceHandle: "value", target: "c0", targetHandle: "in" },
        ...ids.slice(1).map((id, index) => ({
          id,
          type: "default",
          source: `c${index}`,
          sourceHandle: "out",
          target: id,
          targetHandle: "in"
        })),
        { id: "last", type: "default", source: ids.at(-1), sourceHandle: "out", target: "b", targetHandle: "a" }
      ],
      exposedFields: [],
      meta: { version: "4.0.0" },
      form: { rootElementId: "root", elements }
    }))
    const workflow = Workflow.load(definition, readCatalog("6.14.2"))
    assert.deepStrictEqual(WorkflowGraph.build(workflow.loaded).edges, [
      { source: { node_id: "a", field: "value" }, destination: { node_id: "b", field: "a" } }
    ])
    assert(Workflow.form(workflow) !== undefined)
  })
})
