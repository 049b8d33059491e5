/**
 * The bundled catalog: the node types of InvokeAI 6.14.2, for work without a server.
 *
 * **Details**
 *
 * A module of its own, so that its text (some hundred kilobytes) is loaded only by programs that use it.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import { text } from "./internal/snapshotText.ts"
import { type CatalogParseError, fromOpenApi, type NodeCatalog } from "./NodeCatalog.ts"

/**
 * The stripped OpenAPI document that the bundled catalog is made from: the node types of 6.14.2, the objects they put
 * out and the schemas that those refer to, with all types, bounds and defaults, without descriptions and routes.
 *
 * @category constants
 * @since 0.1.0
 */
export const document: Effect.Effect<unknown> = Effect.sync((): unknown => JSON.parse(text))

/**
 * The bundled catalog of 6.14.2. Each run parses it again; `CatalogSource.layerSnapshot` keeps it.
 *
 * @category constructors
 * @since 0.1.0
 */
export const catalog: Effect.Effect<NodeCatalog, CatalogParseError> = Effect.flatMap(
  document,
  (json) => Effect.fromResult(fromOpenApi(json))
)
