/**
 * What the server is and what it can do.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type { InvokeAiError } from "../InvokeAiError.ts"
import type { GenerationDeviceOption, InvocationCacheStatus, RuntimeConfig } from "./api/AppApi.ts"
import { InvokeAiClient } from "./InvokeAiClient.ts"
import type { Capabilities } from "./ServerDocument.ts"

export { type Capabilities, capabilitiesFrom, type ReadDocument, type ServerDocument } from "./ServerDocument.ts"

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
   * **Details** Reads the document if it is not cached. The client compares failed requests with the same document: a
   * call of a route that the server lacks fails with the reason `Unsupported`.
   */
  readonly capabilities: Effect.Effect<Capabilities, InvokeAiError>
  /** Returns the capabilities that were read last, without a request; `None` if the document has not been read. */
  readonly knownCapabilities: Effect.Effect<Option.Option<Capabilities>>
  /** Reads the configuration of the server. Needs an admin on multi-user servers. Route: `GET app/runtime_config`. */
  readonly runtimeConfig: Effect.Effect<RuntimeConfig, InvokeAiError>
  /** Reads the versions of the server's packages, by name. Route: `GET app/app_deps`. */
  readonly appDeps: Effect.Effect<Readonly<Record<string, string | null>>, InvokeAiError>
  /**
   * Reads the devices that the server can generate on. Route: `GET app/generation_device_options` (InvokeAI 6.14 or
   * later).
   */
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
    Effect.suspend(() => Effect.map(InvokeAiClient, make))
  )
}

const make = ({ call, document, url }: InvokeAiClient["Service"]): ServerInfo["Service"] => {
  return ServerInfo.of({
    url,
    version: Effect.withSpan(document.version, "ServerInfo.version"),
    openApiDocument: Effect.map(document.read, (read) => read.document).pipe(
      Effect.withSpan("ServerInfo.openApiDocument")
    ),
    refresh: document.forget,
    capabilities: Effect.map(document.read, ({ capabilities }) => capabilities).pipe(
      Effect.withSpan("ServerInfo.capabilities")
    ),
    knownCapabilities: Effect.map(document.known, Option.map(({ capabilities }) => capabilities)),
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
}
