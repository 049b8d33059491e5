/**
 * The node types of a server.
 *
 * **Details**
 *
 * A catalog is plain data, made from the server's OpenAPI document, live or saved. Workflow files do not contain the
 * types, bounds and defaults of their fields: a catalog does.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { getOwn, type JsonObject } from "../internal/json.ts"
import { TaggedError } from "../internal/TaggedError.ts"
import type { InvokeAiError } from "../InvokeAiError.ts"
import { parseNodeTemplates } from "./internal/templateParser.ts"
import type { NodeTemplate } from "./NodeTemplate.ts"

export type * from "./NodeTemplate.ts"

/**
 * The node types of a server, by type name.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeCatalog {
  /** Version of the server, such as `6.14.2`; `""` when unknown. */
  readonly version: string
  /** The node types by type name, such as `flux_denoise`. */
  readonly templates: ReadonlyMap<string, NodeTemplate>
  /** The bases and types of models that the server knows. Absent: any are accepted. */
  readonly models?: ModelVocabulary | undefined
}

/**
 * The bases, types and submodel types that a server knows; it rejects models with others. A set is `undefined` if the
 * server does not list its members.
 *
 * @category models
 * @since 0.1.0
 */
export interface ModelVocabulary {
  /** Such as `sd-1`, `sdxl` and `flux`. */
  readonly bases: ReadonlySet<string> | undefined
  /** Such as `main`, `lora` and `vae`. */
  readonly types: ReadonlySet<string> | undefined
  /** Such as `unet` and `tokenizer`. */
  readonly submodelTypes: ReadonlySet<string> | undefined
}

const wordsOf = (schema: unknown): ReadonlySet<string> | undefined => {
  const words = Predicate.isObject(schema) && Array.isArray(schema["enum"])
    ? schema["enum"].filter((word) => typeof word === "string")
    : []
  return words.length === 0 ? undefined : new Set(words)
}

const vocabularyOf = (schemas: JsonObject): ModelVocabulary | undefined => {
  const vocabulary: ModelVocabulary = {
    bases: wordsOf(getOwn(schemas, "BaseModelType")),
    types: wordsOf(getOwn(schemas, "ModelType")),
    submodelTypes: wordsOf(getOwn(schemas, "SubModelType"))
  }
  return Object.values(vocabulary).every((words) => words === undefined) ? undefined : vocabulary
}

/**
 * The document is not an OpenAPI document of an InvokeAI server.
 *
 * @category errors
 * @since 0.1.0
 */
export class CatalogParseError extends TaggedError<CatalogParseError>()("CatalogParseError", {
  /** What is missing in the document. */
  reason: Schema.String
}) {
  override get message(): string {
    return `Could not read the server's node types: ${this.reason}`
  }
}

/**
 * Builds a catalog from an OpenAPI document (`GET /openapi.json`), parsed as JSON.
 *
 * **Details**
 *
 * Supports all servers since 6.3, and custom nodes. Fields of unknown type are left out, as in the InvokeAI UI;
 * malformed schemas are skipped. Fails only if the value has no schemas or no node types at all. The template of a node
 * type is made when it is first read; do not change the document afterwards. `version` is the server's version
 * (`GET /api/v1/app/version`), which the document does not contain.
 *
 * **Example** (A catalog from a saved document)
 *
 * ```ts
 * import * as NodeCatalog from "@effect-invokeai/core/catalog/NodeCatalog"
 *
 * declare const document: unknown
 * const catalog = NodeCatalog.fromOpenApi(document, { version: "6.14.2" })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromOpenApi = (
  document: unknown,
  options?: { readonly version?: string | undefined }
): Result.Result<NodeCatalog, CatalogParseError> => {
  if (
    !Predicate.isObject(document) || !Predicate.isObject(document["components"]) ||
    !Predicate.isObject(document["components"]["schemas"])
  ) {
    return Result.fail(new CatalogParseError({ reason: "the document has no components.schemas" }))
  }
  const templates = parseNodeTemplates(document["components"]["schemas"])
  if (templates.size === 0) {
    return Result.fail(new CatalogParseError({ reason: "the document declares no node types" }))
  }
  const stated = document["x-invokeai-version"]
  const models = vocabularyOf(document["components"]["schemas"])
  return Result.succeed({
    version: options?.version ?? (typeof stated === "string" ? stated : ""),
    templates,
    ...(models === undefined ? {} : { models })
  })
}

/**
 * Provides the catalog of the program's server.
 *
 * @category services
 * @since 0.1.0
 */
export class CatalogSource extends Context.Service<CatalogSource, {
  /**
   * Returns the catalog of the server.
   *
   * **Errors** `InvokeAiError` if the server could not be reached or its catalog could not be read.
   */
  readonly get: Effect.Effect<NodeCatalog, InvokeAiError>
}>()("@effect-invokeai/core/catalog/NodeCatalog/CatalogSource") {
  /**
   * Provides the given catalog.
   *
   * @since 0.1.0
   */
  static layer(catalog: NodeCatalog): Layer.Layer<CatalogSource> {
    return Layer.succeed(CatalogSource, { get: Effect.succeed(catalog) })
  }
}
