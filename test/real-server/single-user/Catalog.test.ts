import * as NodeCatalog from "@effect-invokeai/core/catalog/NodeCatalog"
import type { NodeTemplate } from "@effect-invokeai/core/catalog/NodeTemplate"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Support from "../Support.ts"

const liveDocument = HttpClient.get(new URL("/openapi.json", Support.url)).pipe(
  Effect.flatMap((response) => response.json)
)

/** The snapshot holds no prose. */
const facts = ({ description: _, inputs, outputs, ...template }: NodeTemplate) => ({
  ...template,
  inputs: [...inputs.values()].map(({ description: _, ...input }) => input),
  outputs: [...outputs.values()].map(({ description: _, ...output }) => output)
})

it.layer(Support.httpClient, { excludeTestServices: true })("the catalog of the real server", (it) => {
  it.effect("is the bundled snapshot of 6.14.2, field by field", () =>
    Effect.gen(function*() {
      const live = yield* Effect.fromResult(NodeCatalog.fromOpenApi(yield* liveDocument, { version: "6.14.2" }))
      const { get } = yield* NodeCatalog.CatalogSource
      const snapshot = yield* get
      assert.strictEqual(live.version, snapshot.version)
      assert.deepStrictEqual([...live.templates.keys()].toSorted(), [...snapshot.templates.keys()].toSorted())
      for (const [type, template] of live.templates) {
        const known = snapshot.templates.get(type)
        assert.isDefined(known, type)
        assert.deepStrictEqual(facts(known!), facts(template), type)
      }
    }).pipe(Effect.provide(NodeCatalog.CatalogSource.layerSnapshot)))
})
