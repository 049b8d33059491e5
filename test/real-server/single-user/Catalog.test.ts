import * as NodeCatalog from "@effect-invokeai/core/catalog/NodeCatalog"
import type { NodeTemplate } from "@effect-invokeai/core/catalog/NodeCatalog"
import * as Snapshot from "@effect-invokeai/core/catalog/Snapshot"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Support from "../Support.ts"

const live = HttpClient.get(new URL("/openapi.json", Support.url)).pipe(
  Effect.flatMap((response) => response.json)
)

const catalogOf = (document: unknown) =>
  Effect.fromResult(NodeCatalog.fromOpenApi(document, { version: Support.version }))

const fixture = Path.resolve(import.meta.dirname, `../../fixtures/catalogs/${Support.version}.json`)

/** The catalogs of this version that are in the repository. */
const kept = {
  ...(Support.isNewest ? { "the bundled snapshot": NodeCatalog.CatalogSource.use((source) => source.get) } : {}),
  ...(Fs.existsSync(fixture)
    ? { "the fixture": Effect.suspend(() => catalogOf(JSON.parse(Fs.readFileSync(fixture, "utf8")))) }
    : {})
}

const NodeTypes = Schema.Struct({
  components: Schema.Struct({
    schemas: Schema.Record(
      Schema.String,
      Schema.Struct({
        class: Schema.optionalKey(Schema.String),
        properties: Schema.optionalKey(Schema.Record(
          Schema.String,
          Schema.Struct({
            const: Schema.optionalKey(Schema.Unknown)
          })
        ))
      })
    )
  })
})

/** What the template says without its prose, which the snapshot leaves out. */
const facts = (template: NodeTemplate): unknown =>
  JSON.parse(JSON.stringify(
    { ...template, inputs: [...template.inputs.values()], outputs: [...template.outputs.values()] },
    (key, value: unknown) => key === "description" ? undefined : value
  ))

it.layer(Support.httpClient, { excludeTestServices: true })("the catalog of the real server", (it) => {
  it.effect("has every node type of the server's document", () =>
    Effect.gen(function*() {
      const document = yield* live
      const { components } = yield* Schema.decodeUnknownEffect(NodeTypes)(document)
      const types = Object.values(components.schemas).flatMap((schema) =>
        schema.class === "invocation" ? [schema.properties?.["type"]?.const] : []
      )
      assert.isAbove(types.length, 200)
      const { templates } = yield* catalogOf(document)
      assert.deepStrictEqual([...templates.keys()].toSorted(), types.map(String).toSorted())
    }))

  for (const [name, catalog] of Object.entries(kept)) {
    it.effect(`equals ${name} of ${Support.version}, field by field`, () =>
      Effect.gen(function*() {
        const own = yield* Effect.flatMap(live, catalogOf)
        const other = yield* catalog
        assert.strictEqual(own.version, other.version)
        assert.deepStrictEqual([...own.templates.keys()].toSorted(), [...other.templates.keys()].toSorted())
        for (const [type, template] of own.templates) {
          const known = Option.fromUndefinedOr(other.templates.get(type))
          assert.deepStrictEqual(Option.map(known, facts), Option.some(facts(template)), type)
        }
      }).pipe(Effect.provide(Snapshot.layer)))
  }
})
