/**
 * The bundled catalog: the node types of InvokeAI 6.14.2, for work without a server.
 *
 * **Details**
 *
 * In a separate module, so that only programs that use it load its text (a few hundred kilobytes).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { text } from "./internal/snapshotText.ts"
import { type CatalogParseError, fromOpenApi, type NodeCatalog } from "./NodeCatalog.ts"

/**
 * The stripped OpenAPI document that the bundled catalog is made from: the node types of 6.14.2, their output objects
 * and the schemas that those refer to, with all types, bounds and defaults, but without descriptions and routes.
 *
 * @category constants
 * @since 0.1.0
 */
export const document: Effect.Effect<unknown> = Effect.sync((): unknown => JSON.parse(text))

/**
 * The bundled catalog of 6.14.2. Running it parses the document again; `CatalogSource.layerSnapshot` caches it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const catalog: Effect.Effect<NodeCatalog, CatalogParseError> = Effect.flatMap(
  document,
  (json) => Effect.fromResult(fromOpenApi(json))
)
