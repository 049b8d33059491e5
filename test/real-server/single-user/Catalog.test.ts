import * as NodeCatalog from "@effect-invokeai/core/catalog/NodeCatalog"
import type { NodeTemplate } from "@effect-invokeai/core/catalog/NodeCatalog"
import * as Snapshot from "@effect-invokeai/core/catalog/Snapshot"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Option from "effect/Option"
import * as Support from "../Support.ts"

const liveDocument = HttpClient.get(new URL("/openapi.json", Support.url)).pipe(
  Effect.flatMap((response) => response.json)
)

/** What the template says without its prose, which the snapshot leaves out. */
const facts = (template: NodeTemplate): unknown =>
  JSON.parse(JSON.stringify(
    { ...template, inputs: [...template.inputs.values()], outputs: [...template.outputs.values()] },
    (key, value: unknown) => key === "description" ? undefined : value
  ))

it.layer(Support.httpClient, { excludeTestServices: true })("the catalog of the real server", (it) => {
  it.effect("equals the bundled snapshot of 6.14.2, field by field", () =>
    Effect.gen(function*() {
      const live = yield* Effect.fromResult(NodeCatalog.fromOpenApi(yield* liveDocument, { version: "6.14.2" }))
      const { get } = yield* NodeCatalog.CatalogSource
      const snapshot = yield* get
      const known = (type: string) => Option.fromNullishOr(snapshot.templates.get(type))
      assert.strictEqual(live.version, snapshot.version)
      assert.deepStrictEqual([...live.templates.keys()].toSorted(), [...snapshot.templates.keys()].toSorted())
      for (const [type, template] of live.templates) {
        assert.deepStrictEqual(Option.map(known(type), facts), Option.some(facts(template)), type)
      }
    }).pipe(Effect.provide(Snapshot.layer)))
})
