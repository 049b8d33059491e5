/**
 * The node types of the simulated server, with the data that the server itself uses: the default of every field in the
 * document, and the name of the class of each type.
 *
 * @since 0.1.0
 */
import * as NodeCatalog from "@effect-invokeai/core/catalog/NodeCatalog"
import type { InputTemplate, NodeTemplate } from "@effect-invokeai/core/catalog/NodeCatalog"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"

/**
 * A field of a node type.
 *
 * @category models
 * @since 0.1.0
 */
export interface SimulatorField {
  readonly name: string
  readonly default: unknown
  /** Whether a request without the field is rejected. */
  readonly requiredOnEnqueue: boolean
  /** Absent for fields that the InvokeAI UI never shows. */
  readonly template: InputTemplate | undefined
}

/**
 * A node type.
 *
 * @category models
 * @since 0.1.0
 */
export interface SimulatorNodeType {
  readonly template: NodeTemplate
  readonly className: string
  readonly fields: ReadonlyArray<SimulatorField>
}

/**
 * All node types of a server and the document that declares them.
 *
 * @category models
 * @since 0.1.0
 */
export interface SimulatorCatalog {
  readonly version: string
  /** The OpenAPI document that `GET /openapi.json` returns. */
  readonly document: unknown
  readonly types: ReadonlyMap<string, SimulatorNodeType>
}

const attributes = new Set(["id", "type", "is_intermediate", "use_cache"])

const fieldsOf = (schema: Readonly<Record<string, unknown>>, template: NodeTemplate): ReadonlyArray<SimulatorField> => {
  const properties = Predicate.isObject(schema["properties"]) ? schema["properties"] : {}
  const required = Array.isArray(schema["required"]) ? schema["required"] : []
  return Object.entries(properties).flatMap(([name, property]) =>
    attributes.has(name) || !Predicate.isObject(property) ? [] : [{
      name,
      default: property["default"] ?? null,
      requiredOnEnqueue: required.includes(name) ||
        (property["default"] === undefined && property["orig_required"] === true),
      template: template.inputs.get(name)
    }]
  )
}

/**
 * Reads an OpenAPI document.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromOpenApi = (
  document: unknown,
  version: string
): Effect.Effect<SimulatorCatalog, NodeCatalog.CatalogParseError> =>
  Effect.map(Effect.fromResult(NodeCatalog.fromOpenApi(document, { version })), (catalog) => {
    const types = new Map<string, SimulatorNodeType>()
    const components = Predicate.isObject(document) && Predicate.isObject(document["components"])
      ? document["components"]
      : {}
    const schemas = Predicate.isObject(components["schemas"]) ? components["schemas"] : {}
    for (const [className, schema] of Object.entries(schemas)) {
      if (!Predicate.isObject(schema) || !Predicate.isObject(schema["properties"])) continue
      const tag = schema["properties"]["type"]
      const type = Predicate.isObject(tag) && typeof tag["const"] === "string" ? tag["const"] : undefined
      const template = type === undefined ? undefined : catalog.templates.get(type)
      if (template === undefined || schema["class"] === "output") continue
      types.set(template.type, { template, className, fields: fieldsOf(schema, template) })
    }
    return { version, document, types }
  })

let bundled: SimulatorCatalog | undefined = undefined

/**
 * The bundled node types of 6.14.2. Parsed once, on first use.
 *
 * @category constructors
 * @since 0.1.0
 */
export const snapshot: Effect.Effect<SimulatorCatalog> = Effect.suspend(() =>
  bundled !== undefined
    ? Effect.succeed(bundled)
    : Effect.promise(() => import("@effect-invokeai/core/catalog/Snapshot")).pipe(
      Effect.flatMap((module) => module.document),
      Effect.flatMap((document) => fromOpenApi(document, "6.14.2")),
      Effect.orDie,
      Effect.tap((catalog) =>
        Effect.sync(() => {
          bundled = catalog
        })
      )
    )
)
