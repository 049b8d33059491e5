/**
 * What a server says of itself: its version and its OpenAPI document.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type { InvokeAiError } from "../InvokeAiError.ts"

/**
 * What a server can do, read from its own OpenAPI document.
 *
 * **When to use**
 *
 * To decide before a request. A call of what a server lacks fails with the reason `Unsupported` of `InvokeAiError` anyway.
 *
 * **Example** (Check for a feature before using it)
 *
 * ```ts
 * import { ServerInfo } from "@effect-invokeai/core/server/ServerInfo"
 * import * as Effect from "effect/Effect"
 *
 * export const features = Effect.gen(function*() {
 *   const server = yield* ServerInfo
 *   const capabilities = yield* server.capabilities
 *   return {
 *     videos: capabilities.hasRoute("GET", "/api/v1/videos/i/{video_name}"),
 *     sharedWorkflows: capabilities.hasParameter("GET", "/api/v1/workflows/", "is_public"),
 *     boardVisibility: capabilities.hasBodyField("PATCH", "/api/v1/boards/{board_id}", "board_visibility"),
 *     devices: capabilities.hasField("SessionQueueItem", "device")
 *   }
 * })
 * ```
 *
 * @since 0.1.0
 * @category models
 */
export interface Capabilities {
  /** Version of the server, such as `6.14.2`. */
  readonly version: string
  /**
   * Whether the server has a route. Paths are written as in the document:
   * `hasRoute("GET", "/api/v1/queue/{queue_id}/item_ids")`.
   */
  readonly hasRoute: (method: string, path: string) => boolean
  /** Whether a route has a query, path or header parameter. */
  readonly hasParameter: (method: string, path: string, name: string) => boolean
  /** Whether the JSON body of a route has a field; fields of fields are separated by dots (`batch.idempotency_key`). */
  readonly hasBodyField: (method: string, path: string, field: string) => boolean
  /** Whether a schema of the document has a field: `hasField("SessionQueueItem", "device")`. */
  readonly hasField: (schema: string, field: string) => boolean
}

/**
 * An OpenAPI document, with what it says.
 *
 * @since 0.1.0
 * @category models
 */
export interface ReadDocument {
  /** The document as parsed JSON. */
  readonly document: unknown
  /** What the server can do. */
  readonly capabilities: Capabilities
}

/**
 * The version and the OpenAPI document of a server. The document is read again only if the version changes. Needs no login.
 *
 * @since 0.1.0
 * @category models
 */
export interface ServerDocument {
  /** Reads the version. Fails with the reason `Decode` if the server is not InvokeAI. */
  readonly version: Effect.Effect<string, InvokeAiError>
  /** Reads the version, and the document if it is not known yet. */
  readonly read: Effect.Effect<ReadDocument, InvokeAiError>
  /** Returns what was read last, without a request. */
  readonly known: Effect.Effect<Option.Option<ReadDocument>>
  /** Removes what was read last. */
  readonly forget: Effect.Effect<void>
}

/**
 * The value at a path of own properties, `undefined` if one of them is missing.
 *
 * @internal
 */
export const own = (object: unknown, ...keys: ReadonlyArray<string>): unknown => {
  let current = object
  for (const key of keys) {
    if (!Predicate.isObject(current) || !Object.hasOwn(current, key)) return undefined
    current = current[key]
  }
  return current
}

const unions = ["anyOf", "oneOf", "allOf"] as const

/** The schemas that a schema consists of, references resolved. */
const alternatives = (document: unknown, schema: unknown, depth = 0): ReadonlyArray<unknown> => {
  if (depth > 10) return []
  const reference = own(schema, "$ref")
  if (typeof reference === "string") {
    return alternatives(document, own(document, ...reference.replace(/^#\//, "").split("/")), depth + 1)
  }
  const members = unions.flatMap((union) => {
    const list = own(schema, union)
    return Array.isArray(list) ? list : []
  })
  return [schema, ...members.flatMap((member) => alternatives(document, member, depth + 1))]
}

const hasPath = (document: unknown, schema: unknown, path: ReadonlyArray<string>): boolean => {
  const [name, ...rest] = path
  if (name === undefined) return true
  return alternatives(document, schema).some((one) => {
    const field = own(one, "properties", name)
    return field !== undefined && hasPath(document, field, rest)
  })
}

/**
 * Reads the capabilities from an OpenAPI document of a server.
 *
 * **Example** (The capabilities in a saved document)
 *
 * ```ts
 * import { capabilitiesFrom } from "@effect-invokeai/core/server/ServerInfo"
 *
 * export const hasVideos = (openApiDocument: unknown) =>
 *   capabilitiesFrom(openApiDocument, "6.14.2").hasRoute("GET", "/api/v1/videos/i/{video_name}")
 * ```
 *
 * @since 0.1.0
 * @category constructors
 */
export const capabilitiesFrom = (document: unknown, version: string): Capabilities => {
  const operation = (method: string, path: string) => own(document, "paths", path, method.toLowerCase())
  return {
    version,
    hasRoute: (method, path) => operation(method, path) !== undefined,
    hasParameter: (method, path, name) => {
      const parameters = own(operation(method, path), "parameters")
      return Array.isArray(parameters) && parameters.some((parameter) => own(parameter, "name") === name)
    },
    hasBodyField: (method, path, field) =>
      hasPath(
        document,
        own(operation(method, path), "requestBody", "content", "application/json", "schema"),
        field.split(".")
      ),
    hasField: (schema, field) => own(document, "components", "schemas", schema, "properties", field) !== undefined
  }
}
