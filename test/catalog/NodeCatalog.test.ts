import * as NodeCatalog from "@effect-invokeai/core/catalog/NodeCatalog"
import * as Snapshot from "@effect-invokeai/core/catalog/Snapshot"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import { readCatalog, readJsonFile } from "../conformance/support.ts"

const openApi = (schemas: Record<string, unknown>): unknown => ({ components: { schemas } })

const invocation = (type: string, properties: Record<string, unknown>, more: Record<string, unknown> = {}) => ({
  class: "invocation",
  title: type,
  version: "1.0.0",
  properties: { type: { const: type }, ...properties },
  output: { $ref: "#/components/schemas/Out" },
  ...more
})

const out = { class: "output", properties: { value: { type: "integer" }, type: { const: "integer_output" } } }

const parse = (properties: Record<string, unknown>, more: Record<string, unknown> = {}) => {
  const result = NodeCatalog.fromOpenApi(openApi({ Node: invocation("custom", properties, more), Out: out }))
  assert(Result.isSuccess(result))
  const template = result.success.templates.get("custom")
  assert(template !== undefined)
  return template
}

const field = (schema: Record<string, unknown>) =>
  parse({ f: { field_kind: "input", input: "any", orig_required: false, ...schema } }).inputs.get("f")

describe("NodeCatalog", () => {
  it("reads the node types of every server", () => {
    const sizes = ["6.3.0", "6.8.1", "6.13.8", "6.14.0-alpha", "6.14.2"].map((version) => {
      const catalog = readCatalog(version)
      return [catalog.version, catalog.templates.size]
    })
    assert.deepStrictEqual(sizes, [
      ["6.3.0", 211],
      ["6.8.1", 211],
      ["6.13.8", 255],
      ["6.14.0-alpha", 307],
      ["6.14.2", 309]
    ])
  })

  it("takes the server's version from the caller", () => {
    const result = NodeCatalog.fromOpenApi(readJsonFile("test/fixtures/catalogs/6.3.0.json"), { version: "6.4.0" })
    assert(Result.isSuccess(result))
    assert.strictEqual(result.success.version, "6.4.0")
  })

  it("derives cardinality from the schema", () => {
    const list = { type: "array", items: { type: "integer" } }
    assert.deepStrictEqual(field({ type: "integer" })?.type, {
      name: "IntegerField",
      cardinality: "SINGLE",
      batch: false
    })
    assert.deepStrictEqual(field(list)?.type, { name: "IntegerField", cardinality: "COLLECTION", batch: false })
    assert.deepStrictEqual(field({ anyOf: [{ type: "integer" }, list, { type: "null" }] })?.type, {
      name: "IntegerField",
      cardinality: "SINGLE_OR_COLLECTION",
      batch: false
    })
  })

  it("omits fields whose type is unknown", () => {
    assert.strictEqual(field({ anyOf: [{ type: "integer" }, { type: "string" }] }), undefined)
    assert.strictEqual(field({ type: "object" }), undefined)
    assert.strictEqual(field({ anyOf: [{ type: "null" }] }), undefined)
  })

  it("distinguishes bounds nested under anyOf from those that the UI checks", () => {
    const nested = field({ anyOf: [{ type: "number", minimum: 0, maximum: 1 }, { type: "null" }] })
    assert.deepStrictEqual(nested?.bounds, { value: { minimum: 0, maximum: 1 } })
    assert.deepStrictEqual(nested?.uiBounds, {})
    assert.strictEqual(nested?.nullable, true)
    const images = readCatalog("6.14.2").templates.get("image_batch")?.inputs.get("images")
    assert.deepStrictEqual(images?.bounds, { minItems: 1 })
  })

  it("reads bounds of lists and of their items", () => {
    const list = field({ type: "array", minItems: 1, maxItems: 3, items: { type: "string", maxLength: 5 } })
    assert.deepStrictEqual(list?.bounds, { minItems: 1, maxItems: 3, item: { maxLength: 5 } })
  })

  it("reads choices and their labels", () => {
    const choice = field({
      anyOf: [{ enum: ["a", "b"], type: "string" }, { type: "null" }],
      ui_choice_labels: { a: "A" }
    })
    assert.deepStrictEqual(choice?.options, ["a", "b"])
    assert.deepStrictEqual(choice?.optionLabels, { a: "A" })
    assert.strictEqual(choice?.default, "a")
  })

  it("unifies the model field types of old servers and the constraints of new ones", () => {
    for (const version of ["6.3.0", "6.14.2"]) {
      const models = readCatalog(version).templates.get("sd3_model_loader")?.inputs
      assert.deepStrictEqual(models?.get("model")?.models, { base: ["sd-3"], type: ["main"] }, version)
      assert.deepStrictEqual(
        models?.get("clip_g_model")?.models,
        { type: ["clip_embed"], variant: ["gigantic"] },
        version
      )
      assert.strictEqual(models?.get("model")?.input, "direct", version)
    }
  })

  it("marks fields that the enqueue route requires", () => {
    const template = parse({ f: { field_kind: "input", input: "direct", orig_required: true, type: "integer" } }, {
      required: ["f", "type"]
    })
    assert.strictEqual(template.inputs.get("f")?.requiredOnEnqueue, true)
    assert.strictEqual(template.inputs.get("f")?.required, true)
  })

  it("marks batch fields as inputs and outputs", () => {
    const { templates } = readCatalog("6.14.2")
    assert.strictEqual(templates.get("integer_batch")?.inputs.get("integers")?.type.batch, true)
    assert.strictEqual(templates.get("integer_generator")?.outputs.get("integers")?.type.batch, true)
    assert.strictEqual(templates.get("integer_batch")?.outputs.get("value")?.type.batch, false)
  })

  it("treats member names of objects as plain field names", () => {
    const properties = JSON.parse(
      "{\"__proto__\":{\"field_kind\":\"input\",\"type\":\"integer\"},\"constructor\":{\"field_kind\":\"input\",\"type\":\"string\"}}"
    )
    assert.deepStrictEqual([...parse(properties).inputs.keys()], ["__proto__", "constructor"])
  })

  it("fails with a typed error on anything else, and never throws", () => {
    const odd: ReadonlyArray<unknown> = [
      undefined,
      null,
      1,
      "x",
      [],
      {},
      { components: null },
      { components: { schemas: [] } },
      openApi({}),
      openApi({ A: null, B: { class: "invocation" }, C: { class: "invocation", properties: { type: { const: 3 } } } })
    ]
    for (const document of odd) {
      const result = NodeCatalog.fromOpenApi(document)
      assert(Result.isFailure(result), JSON.stringify(document))
      assert.strictEqual(result.failure._tag, "CatalogParseError")
    }
  })

  it("skips schemas that are not well-formed", () => {
    const result = NodeCatalog.fromOpenApi(openApi({
      A: invocation("a", { f: { field_kind: "input", anyOf: 3 }, g: 5, h: { field_kind: "input", type: ["integer"] } }),
      B: { class: "invocation", properties: [] },
      C: invocation("c", { f: { field_kind: "input", type: "integer" } }, {
        output: { $ref: 7 },
        tags: "x",
        version: 1
      })
    }))
    assert(Result.isSuccess(result))
    assert.deepStrictEqual([...result.success.templates.keys()], ["a", "c"])
    assert.strictEqual(result.success.templates.get("a")?.inputs.size, 0)
    assert.strictEqual(result.success.templates.get("c")?.outputs.size, 0)
  })

  it("reads the fields of a node type when they are asked for, once", () => {
    let reads = 0
    const counted = (type: string) => ({
      ...invocation(type, {}),
      properties: {
        type: { const: type },
        get f() {
          reads++
          return { field_kind: "input", type: "integer" }
        }
      }
    })
    const result = NodeCatalog.fromOpenApi(openApi({ A: counted("a"), B: counted("b"), Out: out }))
    assert(Result.isSuccess(result))
    const { templates } = result.success
    assert.deepStrictEqual([templates.size, templates.has("a"), [...templates.keys()], reads], [2, true, ["a", "b"], 0])
    const first = templates.get("a")
    assert.strictEqual(first?.inputs.get("f")?.type.name, "IntegerField")
    assert.strictEqual(templates.get("a"), first)
    assert.strictEqual(reads, 1)
    assert.deepStrictEqual([...templates].map(([type, template]) => [type, template.type]), [["a", "a"], ["b", "b"]])
    assert.strictEqual(reads, 2)
  })

  it.effect("has a bundled catalog of 6.14.2", () =>
    Effect.gen(function*() {
      const source = yield* NodeCatalog.CatalogSource
      const catalog = yield* source.get
      assert.strictEqual(catalog.version, "6.14.2")
      assert.strictEqual(catalog.templates.size, 309)
      assert.strictEqual(yield* source.get, catalog)
      assert.deepStrictEqual(yield* Snapshot.document, readJsonFile("test/fixtures/catalogs/6.14.2.json"))
    }).pipe(Effect.provide(Snapshot.layer)))
})
