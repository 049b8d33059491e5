import * as WorkflowBatch from "@effect-invokeai/core/batch/WorkflowBatch"
import * as Sweep from "@effect-invokeai/core/workflow/Sweep"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { edge, file, input, node, read, resources } from "../workflow/support.ts"

const noise = (id: string, seed = 0) =>
  node(id, "noise", "1.1.0", [input("seed", seed), input("width", 64), input("height", 64), input("use_cpu", true)])
const random = (id: string) =>
  node(id, "rand_int", "1.0.1", [input("low", 0), input("high", 2147483647)], { useCache: false })
const integer = (id: string) => node(id, "integer", "1.0.1", [input("value", 1)])
const add = (id: string) => node(id, "add", "1.0.1", [input("a", 1), input("b", 2)])
const batch = (id: string) =>
  node(id, "integer_batch", "1.0.0", [input("batch_group_id", "None"), input("integers", [1, 2])])
const connector = (id: string) => ({
  id,
  type: "connector",
  position: { x: 0, y: 0 },
  data: { id, type: "connector", label: "", isOpen: true }
})

const drawn = read(file([random("r"), noise("n")], [edge("r", "value", "n", "seed")], []))
const seedless = read(file([random("r"), add("x")], [edge("r", "value", "x", "a")], []))

const names = (self: Workflow.Workflow) => Workflow.seedInputs(self).map(({ systemName }) => systemName)

const message = <A, E extends Error, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.map(Effect.flip(effect), (error) => error.message)

describe("An explicit seed", () => {
  it.effect("sets a random integer that feeds a seed field", () =>
    Effect.gen(function*() {
      const self = yield* drawn
      assert.deepStrictEqual(names(self), ["r.low"])
      const { data, graph, runs, size, workflow } = yield* WorkflowBatch.make(self, { seed: 7, runs: 2 })
      assert.deepInclude(graph.nodes["r"], { low: 7, high: 8 })
      assert.deepStrictEqual([runs, size, data], [2, 2, []])
      assert.strictEqual((yield* Workflow.getField(yield* read(workflow), "r.low")).stored, 7)
    }).pipe(Effect.provide(resources())))

  it.effect("is kept by Workflow.setSeed in graph and file", () =>
    Effect.gen(function*() {
      const set = yield* Workflow.setSeed(yield* drawn, 4294967295)
      const again = yield* read(Workflow.toDefinition(set))
      for (const self of [set, again]) {
        assert.deepStrictEqual(names(self), ["r.low"])
        const { graph } = yield* WorkflowBatch.make(self)
        assert.deepInclude(graph.nodes["r"], { low: 4294967295, high: 4294967296 })
      }
    }).pipe(Effect.provide(resources())))

  it.effect("sets every random number that feeds a seed field through other nodes, and no other", () =>
    Effect.gen(function*() {
      const given = file(
        [
          random("added"),
          random("routed"),
          random("width"),
          node("float", "rand_float", "1.0.1", [input("low", 0), input("high", 1), input("decimals", 2)]),
          node("integer", "float_to_int", "1.0.1", []),
          add("sum"),
          noise("n"),
          noise("m"),
          noise("o"),
          noise("own", 3),
          node("variance", "krea2_seed_variance", "1.0.0", [input("variance_seed", 4)])
        ],
        [
          edge("added", "value", "sum", "a"),
          edge("sum", "value", "n", "seed"),
          edge("routed", "value", "c", "in"),
          edge("c", "out", "m", "seed"),
          edge("float", "value", "integer", "value"),
          edge("integer", "value", "o", "seed"),
          edge("width", "value", "n", "width")
        ],
        []
      )
      const self = yield* read({
        ...given,
        nodes: [...given.nodes, connector("c")],
        meta: { version: "4.0.0", category: "user" }
      })
      assert.deepStrictEqual(self.warnings.filter(({ type }) => type === "deletedInvalidEdge"), [])
      assert.deepStrictEqual(names(self), [
        "added.low",
        "routed.low",
        "float.low",
        "own.seed",
        "variance.variance_seed"
      ])
      const set = yield* Workflow.setSeed(self, 5)
      assert.strictEqual((yield* Workflow.getField(set, "width.low")).stored, 0)
      const stored = Workflow.fields(set)
        .filter(({ connected, fieldName, nodeId }) =>
          nodeId !== "width" && !connected && ["low", "high", "seed", "variance_seed"].includes(fieldName)
        )
        .map(({ stored, systemName }) => [systemName, stored])
      assert.deepStrictEqual(stored, [
        ["added.low", 5],
        ["added.high", 6],
        ["routed.low", 5],
        ["routed.high", 6],
        ["float.low", 5],
        ["float.high", 5],
        ["own.seed", 5],
        ["variance.variance_seed", 5]
      ])
    }))

  it.effect("replaces bounds that other nodes provide", () =>
    Effect.gen(function*() {
      const self = yield* read(file(
        [integer("i"), random("r"), noise("n")],
        [edge("i", "value", "r", "low"), edge("i", "value", "r", "high"), edge("r", "value", "n", "seed")],
        []
      ))
      const { graph } = yield* WorkflowBatch.make(self, { seed: 7 })
      assert.deepInclude(graph.nodes["r"], { low: 7, high: 8 })
      assert.deepStrictEqual(graph.edges.map(({ destination }) => destination.node_id), ["n"])
      assert.deepStrictEqual((yield* WorkflowBatch.make(self)).graph.edges.length, 3)
    }).pipe(Effect.provide(resources())))

  it.effect("is generated once for all runs, or for each run with both bounds in lockstep", () =>
    Effect.gen(function*() {
      const self = yield* read(file(
        [random("r"), noise("n"), noise("own")],
        [edge("r", "value", "n", "seed")],
        []
      ))
      const { data, graph, runs, size } = yield* WorkflowBatch.make(self, { seed: "perRun", runs: 3 })
      assert.deepStrictEqual([data.length, runs, size], [1, 1, 3])
      const items = new Map(data[0]?.map((datum) => [`${datum.node_path}.${datum.field_name}`, datum.items]))
      assert.deepStrictEqual([...items.keys()], ["r.low", "r.high", "own.seed"])
      const seeds = items.get("own.seed") as ReadonlyArray<number>
      assert.strictEqual(new Set(seeds).size, 3)
      assert.deepStrictEqual(items.get("r.low"), seeds)
      assert.deepStrictEqual(items.get("r.high"), seeds.map((seed) => seed + 1))
      assert.deepInclude(graph.nodes["r"], { low: seeds[0], high: seeds[0]! + 1 })
      const once = yield* WorkflowBatch.make(self, { seed: "random", runs: 3 })
      const low = once.graph.nodes["r"]?.["low"] as number
      assert.deepInclude(once.graph.nodes["r"], { low, high: low + 1 })
      assert.deepInclude(once.graph.nodes["own"], { seed: low })
      assert.isBelow(Math.max(low, ...seeds), 2147483647, "all servers can draw it")
    }).pipe(Effect.provide(resources())))

  it.effect("is an error if the workflow has no seed", () =>
    Effect.gen(function*() {
      const self = yield* seedless
      assert.deepStrictEqual(names(self), [])
      assert.strictEqual((yield* Effect.flip(Workflow.setSeed(self, 7))).reason._tag, "NoSeedInput")
      for (const seed of [7, "random", "perRun"] as const) {
        const error = yield* Effect.flip(WorkflowBatch.make(self, { seed, runs: 2 }))
        assert.deepStrictEqual(
          error._tag === "WorkflowNotReady" && error.problems.map(({ code }) => code),
          ["noSeedInput"]
        )
      }
      yield* WorkflowBatch.make(self, { seed: "keep" })
    }).pipe(Effect.provide(resources())))

  it.effect("does not change seeds that a sweep or a batch node varies, and is an error if there are no others", () =>
    Effect.gen(function*() {
      const own = yield* read(file([noise("n")], [], [["n", "seed"]]))
      const swept = yield* Workflow.sweep(own, Sweep.zip({ seed: [1, 2] }))
      assert.match(yield* message(WorkflowBatch.make(swept, { seed: 7 })), /no seed to set/)
      const bounds = yield* read(file(
        [batch("b"), random("r"), noise("n"), noise("own")],
        [edge("b", "value", "r", "low"), edge("r", "value", "n", "seed")],
        []
      ))
      assert.deepStrictEqual(names(bounds), ["own.seed"])
      const { data, graph } = yield* WorkflowBatch.make(bounds, { seed: 7 })
      assert.deepInclude(graph.nodes["own"], { seed: 7 })
      assert.deepStrictEqual(data, [[{ node_path: "r", field_name: "low", items: [1, 2] }]])
    }).pipe(Effect.provide(resources())))

  it.effect("must be an integer that every seed field accepts", () =>
    Effect.gen(function*() {
      const self = yield* drawn
      for (const seed of [-1, 0.5, 4294967296, Number.NaN]) {
        const expected = `expected an integer between 0 and 4294967295, got ${seed}`
        assert.include(yield* message(Workflow.setSeed(self, seed)), expected)
        assert.include(yield* message(WorkflowBatch.make(self, { seed })), expected)
      }
      // A program in JavaScript can pass anything.
      const options = JSON.parse("{\"seed\":\"rnd\"}") as WorkflowBatch.BatchOptions
      assert.include(
        yield* message(WorkflowBatch.make(self, options)),
        "seed: expected keep, random, perRun, or an integer between 0 and 4294967295, got \"rnd\""
      )
    }).pipe(Effect.provide(resources())))
})
