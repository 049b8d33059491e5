/**
 * What the server is and what it can do.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Ref from "effect/Ref"
import * as Semaphore from "effect/Semaphore"
import { InvokeAiError } from "../InvokeAiError.ts"
import type { GenerationDeviceOption, InvocationCacheStatus, RuntimeConfig } from "./api/AppApi.ts"
import { pathAdvice, withReason } from "./internal/errors.ts"
import { InvokeAiClient } from "./InvokeAiClient.ts"

/**
 * What a server can do, read from its own OpenAPI document.
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
 *     workflowTags: capabilities.hasParameter("GET", "/api/v1/workflows/", "tags"),
 *     receipts: capabilities.hasField("Batch", "idempotency_key")
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
  /** Whether a schema of the document has a field: `hasField("Batch", "idempotency_key")`. */
  readonly hasField: (schema: string, field: string) => boolean
}

const own = (object: unknown, ...keys: ReadonlyArray<string>): unknown => {
  let current = object
  for (const key of keys) {
    if (!Predicate.isObject(current) || !Object.hasOwn(current, key)) return undefined
    current = current[key]
  }
  return current
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
export const capabilitiesFrom = (document: unknown, version: string): Capabilities => ({
  version,
  hasRoute: (method, path) => own(document, "paths", path, method.toLowerCase()) !== undefined,
  hasParameter: (method, path, name) => {
    const parameters = own(document, "paths", path, method.toLowerCase(), "parameters")
    return Array.isArray(parameters) && parameters.some((parameter) => own(parameter, "name") === name)
  },
  hasField: (schema, field) => own(document, "components", "schemas", schema, "properties", field) !== undefined
})

/**
 * What the server is and what it can do.
 *
 * @example
 * ```ts
 * import { ServerInfo } from "@effect-invokeai/core/server/ServerInfo"
 * import * as Effect from "effect/Effect"
 *
 * const hasItemIds = Effect.gen(function*() {
 *   const server = yield* ServerInfo
 *   const capabilities = yield* server.capabilities
 *   return capabilities.hasRoute("GET", "/api/v1/queue/{queue_id}/item_ids")
 * })
 * ```
 *
 * @since 0.1.0
 * @category services
 */
export class ServerInfo extends Context.Service<ServerInfo, {
  /** The base URL of the server, without credentials. */
  readonly url: URL
  /**
   * Reads the version of the server. Needs no login, and is the cheapest check of whether the server responds.
   *
   * **Details** Route: `GET /api/v1/app/version`.
   *
   * **Errors** `InvokeAiError` with the reason `Decode` if the server is not InvokeAI.
   */
  readonly version: Effect.Effect<string, InvokeAiError>
  /**
   * Reads the OpenAPI document of the server, about 2 MB of JSON.
   *
   * **Details** Route: `GET /openapi.json`. Cached until the version of the server changes, or `refresh`.
   */
  readonly openApiDocument: Effect.Effect<unknown, InvokeAiError>
  /** Removes the cached OpenAPI document, for example after nodes were installed. */
  readonly refresh: Effect.Effect<void>
  /**
   * Reads which routes, parameters and fields the server has.
   *
   * **Details** Reads the document if it is not cached.
   *
   * **Gotchas** The response to an unknown path does not prove that a route is missing, because official servers
   * respond with 200 and HTML.
   */
  readonly capabilities: Effect.Effect<Capabilities, InvokeAiError>
  /** Returns the capabilities that were read last, without a request; `None` if the document has not been read. */
  readonly knownCapabilities: Effect.Effect<Option.Option<Capabilities>>
  /** Reads the configuration of the server. Needs an admin on multi-user servers. Route: `GET app/runtime_config`. */
  readonly runtimeConfig: Effect.Effect<RuntimeConfig, InvokeAiError>
  /** Reads the versions of the server's packages, by name. Route: `GET app/app_deps`. */
  readonly appDeps: Effect.Effect<Readonly<Record<string, string | null>>, InvokeAiError>
  /** Reads the devices that the server can generate on. Route: `GET app/generation_device_options` (6.14). */
  readonly generationDevices: Effect.Effect<ReadonlyArray<GenerationDeviceOption>, InvokeAiError>
  /** Reads the size and state of the invocation cache. Route: `GET app/invocation_cache/status`. */
  readonly invocationCache: Effect.Effect<InvocationCacheStatus, InvokeAiError>
  /**
   * Removes all entries of the invocation cache. Needs an admin on multi-user servers. Route:
   * `DELETE app/invocation_cache`.
   */
  readonly clearInvocationCache: Effect.Effect<void, InvokeAiError>
  /** Enables the invocation cache. Route: `PUT app/invocation_cache/enable`. */
  readonly enableInvocationCache: Effect.Effect<void, InvokeAiError>
  /** Disables the invocation cache. Route: `PUT app/invocation_cache/disable`. */
  readonly disableInvocationCache: Effect.Effect<void, InvokeAiError>
}>()("@effect-invokeai/core/server/ServerInfo") {
  /** Information about the client's server. */
  static readonly layer: Layer.Layer<ServerInfo, never, InvokeAiClient> = Layer.effect(
    ServerInfo,
    Effect.suspend(() => Effect.flatMap(InvokeAiClient, make))
  )
}

interface Kept {
  readonly version: string
  readonly document: unknown
  readonly capabilities: Capabilities
}

/** Why a URL that responds may be wrong. */
const notInvokeAi = (url: URL, { code, detail }: InvokeAiError): string => {
  const advice = pathAdvice(url, "")
  if (advice !== "") return code === "ERR_HTML" ? detail : `${advice} (${detail})`
  return `it is not an InvokeAI server, or the URL lacks its sub-path; check INVOKEAI_URL (${detail})`
}

const make = Effect.fnUntraced(function*(client: InvokeAiClient["Service"]): Effect.fn.Return<ServerInfo["Service"]> {
  const { call } = client
  const kept = yield* Ref.make(Option.none<Kept>())
  const permits = yield* Semaphore.make(1)

  const version = call((api) => api.app.version({})).pipe(
    Effect.map((result) => result.version),
    Effect.mapError((error) =>
      error.reason._tag === "Decode" || error.isUnknownRoute
        ? withReason(error, { _tag: "Decode" }, notInvokeAi(client.url, error))
        : error.code === "ECONNREFUSED" || error.code === "ENOTFOUND"
        ? withReason(
          error,
          { _tag: "Transport" },
          `${error.detail}. Is InvokeAI running there, and is the URL right (INVOKEAI_URL)?`
        )
        : error
    ),
    Effect.withSpan("ServerInfo.version")
  )
  const read = permits.withPermits(1)(Effect.gen(function*() {
    const current = yield* version
    const before = yield* Ref.get(kept)
    if (Option.isSome(before) && before.value.version === current) return before.value
    const document = yield* call((api) => api.app.openApi({}))
    if (own(document, "paths") === undefined) {
      return yield* new InvokeAiError({
        reason: { _tag: "Decode" },
        method: "GET",
        path: "/openapi.json",
        server: client.url.href,
        status: 200,
        detail: "the response is not an OpenAPI document"
      })
    }
    const now: Kept = { version: current, document, capabilities: capabilitiesFrom(document, current) }
    yield* Ref.set(kept, Option.some(now))
    return now
  }))

  return ServerInfo.of({
    url: client.url,
    version,
    openApiDocument: Effect.map(read, ({ document }) => document).pipe(Effect.withSpan("ServerInfo.openApiDocument")),
    refresh: Ref.set(kept, Option.none()),
    capabilities: Effect.map(read, ({ capabilities }) => capabilities).pipe(Effect.withSpan("ServerInfo.capabilities")),
    knownCapabilities: Effect.map(Ref.get(kept), Option.map(({ capabilities }) => capabilities)),
    runtimeConfig: call((api) => api.app.runtimeConfig({})).pipe(Effect.withSpan("ServerInfo.runtimeConfig")),
    appDeps: call((api) => api.app.appDeps({})).pipe(Effect.withSpan("ServerInfo.appDeps")),
    generationDevices: call((api) => api.app.generationDeviceOptions({})).pipe(
      Effect.withSpan("ServerInfo.generationDevices")
    ),
    invocationCache: call((api) => api.app.invocationCacheStatus({})).pipe(
      Effect.withSpan("ServerInfo.invocationCache")
    ),
    clearInvocationCache: call((api) => api.app.clearInvocationCache({})).pipe(
      Effect.asVoid,
      Effect.withSpan("ServerInfo.clearInvocationCache")
    ),
    enableInvocationCache: call((api) => api.app.enableInvocationCache({})).pipe(
      Effect.asVoid,
      Effect.withSpan("ServerInfo.enableInvocationCache")
    ),
    disableInvocationCache: call((api) => api.app.disableInvocationCache({})).pipe(
      Effect.asVoid,
      Effect.withSpan("ServerInfo.disableInvocationCache")
    )
  })
})
