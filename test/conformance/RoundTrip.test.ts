import * as WorkflowDefinition from "@effect-invokeai/core/definition/WorkflowDefinition"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import { assert, describe, it } from "@effect/vitest"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Batch from "../../packages/core/src/batch/internal/batch.ts"
import * as WorkflowGraph from "../../packages/core/src/batch/WorkflowGraph.ts"
import { nodeReasons } from "../../scripts/conformance/uiReasons.ts"
import { texts } from "../workflow/support.ts"
import { filesIn, readCatalog, readJsonFile } from "./support.ts"

/** Workflow files of the repository: those of the vectors, of the examples and of the tests of the real server. */
const workflows = (): ReadonlyArray<readonly [string, unknown]> =>
  [...filesIn("test/conformance/vectors"), ...filesIn("test/fixtures/workflows"), ...filesIn("examples")].map(
    (file) => {
      const json = readJsonFile(file)
      return [
        file,
        Predicate.isObject(json) && Predicate.isObject(json["workflow"]) ? json["workflow"] : json
      ] as const
    }
  )

/** Their definitions, where they have one. */
const definitions = (): ReadonlyArray<readonly [string, WorkflowDefinition.WorkflowDefinition]> =>
  workflows().flatMap(([file, workflow]) => {
    const definition = WorkflowDefinition.parse(workflow)
    return Result.isSuccess(definition) ? [[file, definition.success] as const] : []
  })

const json = (value: unknown): unknown => JSON.parse(JSON.stringify(value))

describe("Loading and saving", () => {
  it("returns the same definition", () => {
    const files = definitions()
    for (const [file, definition] of files) {
      const saved = json(WorkflowDefinition.toJson(definition))
      const second = WorkflowDefinition.parse(saved)
      assert(Result.isSuccess(second), file)
      assert.deepStrictEqual(json(WorkflowDefinition.toJson(second.success)), saved, file)
      const { raw: _first, sourceVersion: _firstVersion, ...before } = definition
      const { raw: _second, sourceVersion: _secondVersion, ...after } = second.success
      assert.deepStrictEqual(withoutRaw(after), withoutRaw(before), file)
    }
    assert.isAbove(files.length, 30)
  })

  it("keeps unknown fields in their place", () => {
    const file = {
      ...texts,
      name: "n",
      extra: { deep: [1, null] },
      nodes: [{
        id: "a",
        type: "invocation",
        width: 320,
        position: { x: 3, y: -4 },
        data: {
          id: "a",
          type: "add",
          version: "1.0.1",
          label: "",
          notes: "note",
          isOpen: false,
          isIntermediate: true,
          useCache: true,
          custom: "kept",
          inputs: { a: { name: "a", value: 1, hint: "kept" } }
        }
      }],
      edges: [{ id: "e", type: "collapsed", source: "a", target: "a", animated: true }],
      exposedFields: [],
      meta: { version: "3.0.0", category: "user", origin: "kept" },
      form: {
        rootElementId: "root",
        layoutHint: "kept",
        elements: {
          root: { id: "root", type: "container", color: "kept", data: { layout: "row", children: [], gap: 2 } }
        }
      }
    }
    const parsed = WorkflowDefinition.parse(file)
    assert(Result.isSuccess(parsed))
    assert.deepStrictEqual(json(WorkflowDefinition.toJson(parsed.success)), {
      ...file,
      nodes: file.nodes.map((node) => ({
        ...node,
        data: {
          ...node.data,
          nodePack: "invokeai",
          dynamicInputTemplates: {},
          inputs: { a: { ...node.data.inputs.a, label: "", description: "" } }
        }
      })),
      meta: { ...file.meta, version: "4.0.0" }
    })
  })

  it("is idempotent", () => {
    const catalog = readCatalog("6.14.2")
    for (const [file, definition] of definitions()) {
      const { loaded: once } = Workflow.load(definition, catalog)
      const again = WorkflowDefinition.parse(json(WorkflowDefinition.toJson(once.definition)))
      assert(Result.isSuccess(again), file)
      const { loaded: twice } = Workflow.load(again.success, catalog)
      assert.deepStrictEqual(WorkflowGraph.build(twice), WorkflowGraph.build(once), file)
      assert.deepStrictEqual(Batch.build(twice).data, Batch.build(once).data, file)
      assert.deepStrictEqual(
        twice.formFields.map(({ fieldName, label, nodeId }) => ({ fieldName, label, nodeId })),
        once.formFields.map(({ fieldName, label, nodeId }) => ({ fieldName, label, nodeId })),
        file
      )
      assert.deepStrictEqual(nodeReasons(twice), nodeReasons(once), file)
    }
  })
})

const withoutRaw = (value: unknown): unknown => {
  if (value instanceof Map) {
    return new Map([...value].map(([key, item]) => [key, withoutRaw(item)]))
  }
  if (Array.isArray(value)) {
    return value.map(withoutRaw)
  }
  return Predicate.isObject(value)
    ? Object.fromEntries(Object.entries(value).flatMap(([key, item]) => key === "raw" ? [] : [[key, withoutRaw(item)]]))
    : value
}
