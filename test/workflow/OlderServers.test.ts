/** What differs on servers whose documents name the types of model fields themselves (up to 6.7) or lack connectors. */
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as WorkflowGraph from "../../packages/core/src/batch/WorkflowGraph.ts"
import { catalogLayer, catalogOf, readJson } from "./support.ts"

const input = (name: string, value?: unknown) => [name, { name, label: "", description: "", value }] as const

const node = (id: string, type: string, version: string, inputs: ReadonlyArray<ReturnType<typeof input>> = []) => ({
  id,
  type: "invocation",
  position: { x: 0, y: 0 },
  data: {
    id,
    type,
    version,
    nodePack: "invokeai",
    label: "",
    notes: "",
    isOpen: true,
    isIntermediate: true,
    useCache: true,
    inputs: Object.fromEntries(inputs)
  }
})

const edge = (source: string, sourceHandle: string, target: string, targetHandle: string) => ({
  id: `${source}-${target}-${targetHandle}`,
  type: "default",
  source,
  sourceHandle,
  target,
  targetHandle
})

const file = (nodes: ReadonlyArray<unknown>, edges: ReadonlyArray<unknown> = []) => ({
  name: "",
  author: "",
  description: "",
  version: "",
  contact: "",
  tags: "",
  notes: "",
  exposedFields: [{ nodeId: "loader", fieldName: "model" }],
  meta: { category: "user", version: "4.0.0" },
  nodes,
  edges
})

const opened = (json: unknown, version: string) => Workflow.fromJson(json).pipe(Effect.provide(catalogLayer(version)))

const identifier = (name: string, base = "sd-1") => ({
  key: `key-of-${name}`,
  hash: `blake3:${name}`,
  name,
  base,
  type: "main"
})

const loaders: ReadonlyArray<readonly [version: string, loader: string]> = [["6.3.0", "1.0.3"], ["6.8.1", "1.0.4"]]

describe("A model field, whatever the name of its type", () => {
  for (const [version, loaderVersion] of loaders) {
    it.effect(`gets the model of a Model Selector on ${version}`, () =>
      Effect.gen(function*() {
        const selector = node("selector", "model_identifier", "1.0.1", [input("model", identifier("chosen"))])
        const loader = node("loader", "main_model_loader", loaderVersion, [input("model", identifier("stale"))])
        const self = yield* opened(file([selector, loader], [edge("selector", "model", "loader", "model")]), version)
        assert.deepStrictEqual(self.loaded.warnings, [])
        const graph = WorkflowGraph.build(self.loaded)
        assert.deepStrictEqual(graph.edges, [{
          source: { node_id: "selector", field: "model" },
          destination: { node_id: "loader", field: "model" }
        }])
        assert.notProperty(graph.nodes["loader"], "model")
      }))

    it.effect(`keeps an incomplete model reference after saving and loading the file on ${version}`, () =>
      Effect.gen(function*() {
        const loader = node("loader", "main_model_loader", loaderVersion, [input("model", undefined)])
        const self = yield* opened(file([loader]), version)
        const named = yield* Workflow.setInput(self, "model", "tiny-sd1")
        const again = yield* opened(Workflow.toDefinition(named), version)
        assert.deepStrictEqual(again.inputs[0]?.field.value, named.inputs[0]?.field.value)
        assert.isDefined(again.inputs[0]?.field.value)
      }))

    it.effect(`accepts models of Stable Diffusion 1 and 2 only where the editor does on ${version}`, () =>
      Effect.gen(function*() {
        const loader = node("loader", "main_model_loader", loaderVersion, [input("model", undefined)])
        const self = yield* opened(file([loader]), version)
        yield* Workflow.setInput(self, "model", identifier("v1"))
        yield* Workflow.setInput(self, "model", identifier("v2", "sd-2"))
        const error = yield* Effect.flip(Workflow.setInput(self, "model", identifier("flux-dev", "flux")))
        assert.strictEqual(error.reason._tag, "InvalidInputValue")
      }))
  }

  it.effect("accepts an edge from a Model Selector, for every type in the catalog of 6.3", () =>
    Effect.gen(function*() {
      const { templates } = yield* catalogOf("6.3.0")
      const fields = Array.from(templates.values()).flatMap((template) =>
        Array.from(template.inputs.values()).filter((field) => field.models !== undefined && field.input === "any")
          .map((field) => ({ template, field }))
      )
      assert.isAbove(fields.length, 15)
      for (const { field, template } of fields) {
        const selector = node("selector", "model_identifier", "1.0.1", [input("model", identifier("chosen"))])
        const target = node("target", template.type, template.version)
        const self = yield* opened(
          file([selector, target], [edge("selector", "model", "target", field.name)]),
          "6.3.0"
        )
        assert.strictEqual(self.loaded.edges.length, 1, `${template.type}.${field.name}`)
      }
    }))
})

describe("Connectors", () => {
  const connected = readJson("test/conformance/vectors/connector-chain.json") as { readonly workflow: unknown }

  it.effect("are replaced by direct edges in files for editors before 6.13, with the same result", () =>
    Effect.gen(function*() {
      const self = yield* opened(connected.workflow, "6.8.1")
      const json = Workflow.toDefinition(self)
      assert.propertyVal(json["meta"], "version", "3.0.0")
      assert.notInclude(JSON.stringify(json["nodes"]), "\"type\":\"connector\"")
      const again = yield* opened(json, "6.8.1")
      assert.deepStrictEqual(WorkflowGraph.build(again.loaded), WorkflowGraph.build(self.loaded))
      assert.isAbove(WorkflowGraph.build(again.loaded).edges.length, 0)
    }))

  it.effect("stay in files for editors since 6.13", () =>
    Effect.gen(function*() {
      const json = Workflow.toDefinition(yield* opened(connected.workflow, "6.13.8"))
      assert.propertyVal(json["meta"], "version", "4.0.0")
      assert.include(JSON.stringify(json["nodes"]), "\"type\":\"connector\"")
    }))
})
