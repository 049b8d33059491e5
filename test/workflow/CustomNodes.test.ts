import * as WorkflowBatch from "@effect-invokeai/core/batch/WorkflowBatch"
import * as NodeCatalog from "@effect-invokeai/core/catalog/NodeCatalog"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { file, input, node, read, readJson, resources } from "./support.ts"

/** The node types of a server with a node pack that has field types of its own. */
const catalog = Effect.fromResult(NodeCatalog.fromOpenApi(readJson("test/fixtures/catalogs/node-pack.json")))

const open = (json: unknown) =>
  Effect.flatMap(
    catalog,
    (catalog) => Workflow.fromJson(json).pipe(Effect.provide(NodeCatalog.CatalogSource.layer(catalog)))
  )

const palette = (inputs: ReadonlyArray<ReturnType<typeof input>>) =>
  file([node("n", "palette_node", "1.0.0", [input("req", "x"), ...inputs])], [], [["n", "req"]])

const colors = { colors: ["red", "blue"], image_name: "a", extra: { deep: [1, null] } }

describe("Fields of a node pack", () => {
  it.effect("accept any JSON value if their type is custom, and send, save and load it unchanged", () =>
    Effect.gen(function*() {
      const workflow = yield* open(palette([]))
      for (
        const [name, value] of [["palette", colors], ["palettes", [colors]], ["mode", "b"], ["uitype", [
          [1],
          true
        ]]] as const
      ) {
        const field = (yield* Workflow.getField(workflow, `n.${name}`)).field
        assert.strictEqual(field._tag, "InkUnknownField")
        const set = yield* Workflow.setField(workflow, `n.${name}`, value)
        assert.isTrue(WorkflowBatch.validate(set).isEmpty)
        const again = yield* open(JSON.parse(JSON.stringify(Workflow.toDefinition(set))))
        for (const each of [set, again]) {
          assert.deepStrictEqual((yield* WorkflowBatch.make(each)).graph.nodes["n"]?.[name], value)
        }
        const cleared = yield* Workflow.setField(again, "n.req", "y")
        assert.deepStrictEqual((yield* Workflow.getField(cleared, `n.${name}`)).stored, value)
      }
      const refused = yield* Effect.flip(Workflow.setField(workflow, "n.palette", () => 1))
      assert.include(refused.message, "expected a JSON value, got a function")
    }).pipe(Effect.provide(resources())))

  it.effect("cannot be set if their type has no name, and keep and report their value in a file", () =>
    Effect.gen(function*() {
      for (const [name, value] of [["num", 2], ["opts", { a: 1 }], ["tup", [1, 2]], ["nested", [[1]]]] as const) {
        const workflow = yield* open(palette([input(name, value)]))
        const refused = yield* Effect.flip(Workflow.setField(workflow, `n.${name}`, value))
        assert.strictEqual(refused.reason._tag, "InvalidInputValue")
        assert.include(refused.message, "the editor and this library do not support its type")
        assert.deepStrictEqual(WorkflowBatch.validate(workflow).inputs.get(`n.${name}`), [
          "the editor and this library do not support its type"
        ])
        const saved = yield* open(JSON.parse(JSON.stringify(Workflow.toDefinition(workflow))))
        assert.deepStrictEqual(Workflow.toDefinition(saved), Workflow.toDefinition(workflow))
        assert.deepStrictEqual(storedIn(Workflow.toDefinition(workflow), name), value)
      }
      const unknown = yield* open(palette([input("nothing", 1)]))
      const refused = yield* Effect.flip(Workflow.setField(unknown, "n.nothing", 2))
      assert.include(refused.message, "node type palette_node has no such field on this server")
    }).pipe(Effect.provide(resources())))
})

const storedIn = (definition: unknown, name: string): unknown => {
  const { nodes } = definition as {
    readonly nodes: ReadonlyArray<{ readonly data: { readonly inputs: Record<string, { readonly value?: unknown }> } }>
  }
  return nodes[0]?.data.inputs[name]?.value
}

describe("An unknown node or field", () => {
  it.effect("is kept by loading, setting and saving", () =>
    Effect.gen(function*() {
      const json = file(
        [
          node("u", "no_such_node", "9.0.0", [input("palette", colors), input("odd", [[1], null]), input("text", "a")]),
          node("a", "add", "1.0.1", [input("a", { odd: 1 }), input("b", 2), input("other", colors)])
        ],
        [],
        [["a", "b"]]
      )
      const workflow = yield* Workflow.setField(yield* Workflow.setInput(yield* read(json), "b", 3), "u.text", "b")
      const saved = Workflow.toDefinition(workflow)
      const inputsOf = (definition: unknown) =>
        (definition as { readonly nodes: ReadonlyArray<ReturnType<typeof node>> }).nodes.map(({ data }) =>
          Object.values(data.inputs).map(({ value }) => value)
        )
      assert.deepStrictEqual(inputsOf(saved), [[colors, [[1], null], "b"], [{ odd: 1 }, 3, colors]])
      const again = Workflow.toDefinition(yield* read(JSON.parse(JSON.stringify(saved))))
      assert.deepStrictEqual(again, saved)
      const set = yield* Workflow.setField(workflow, "a.a", 1)
      assert.deepStrictEqual(inputsOf(Workflow.toDefinition(set))[1], [1, 3, colors])
    }))
})
