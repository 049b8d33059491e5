/**
 * The bundled node types of InvokeAI 6.14.2, for work without a server.
 *
 * **Details**
 *
 * No other module imports this one, so that only programs that use it contain its text (a few hundred kilobytes).
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { text } from "./internal/snapshotText.ts"
import { CatalogSource, fromOpenApi, type NodeCatalog } from "./NodeCatalog.ts"

/**
 * The stripped OpenAPI document that the bundled catalog is made from: the node types of 6.14.2, their output objects
 * and the schemas that those refer to, with all types, bounds and defaults, but without descriptions and routes.
 *
 * @category constants
 * @since 0.1.0
 */
export const document: Effect.Effect<unknown> = Effect.sync((): unknown => JSON.parse(text))

/**
 * The bundled catalog of 6.14.2. Running it parses the document again; `layer` does so once, on first use.
 *
 * @category constructors
 * @since 0.1.0
 */
export const catalog: Effect.Effect<NodeCatalog> = Effect.flatMap(
  document,
  // what the package itself brings is readable
  (json) => Effect.orDie(Effect.fromResult(fromOpenApi(json)))
)

/**
 * Provides the bundled catalog of 6.14.2, for opening workflows without a server.
 *
 * **Example** (The inputs of a workflow, without a server)
 *
 * ```ts
 * import * as Snapshot from "@effect-invokeai/core/catalog/Snapshot"
 * import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
 * import * as Effect from "effect/Effect"
 *
 * export const inputsOf = (file: unknown) =>
 *   Workflow.fromJson(file).pipe(
 *     Effect.map((workflow) => workflow.inputs),
 *     Effect.provide(Snapshot.layer)
 *   )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<CatalogSource> = Layer.effect(
  CatalogSource,
  Effect.map(Effect.cached(catalog), (get) => ({ get }))
)
