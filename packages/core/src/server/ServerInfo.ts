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
import type { GenerationDeviceOption, InvocationCacheStatus, RuntimeConfig } from "./api/AppApi.ts"
import { withReason } from "./internal/failures.ts"
import { InvokeAiClient } from "./InvokeAiClient.ts"
import { InvokeAiError } from "./InvokeAiError.ts"

/**
 * What a server can do, read from its own OpenAPI document.
 *
 * **Details**
 *
 * - `hasRoute("GET", "/api/v1/queue/{queue_id}/item_ids")`: paths and the names of their parameters as in the document.
 * - `hasParameter(method, path, name)`: whether a route has a query, path or header parameter.
 * - `hasField("Batch", "idempotency_key")`: whether a schema of the document has a field.
 *
 * @since 0.1.0
 * @category models
 */
export interface Capabilities {
  readonly version: string
  readonly hasRoute: (method: string, path: string) => boolean
  readonly hasParameter: (method: string, path: string, name: string) => boolean
  readonly hasField: (schema: string, field: string) => boolean
}

const own = (object: unknown, ...keys: ReadonlyArray<string>): unknown => {
  let current = object
  for (const key of keys) {
    if (!Predicate.isObject(current) || !Object.hasOwn(current, key)) return undefined
    current = (current as Readonly<Record<string, unknown>>)[key]
  }
  return current
}

/**
 * Reads the capabilities from an OpenAPI document of a server.
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
 * **Details**
 *
 * - `version`: `GET /api/v1/app/version`; needs no login, and is the cheapest way to see whether a server is there. A
 *   server that is not InvokeAI fails with `Decode` and says so.
 * - `openApiDocument`: `GET /openapi.json`, about 2 MB. Kept, and read again when the version has changed.
 * - `refresh`: forgets the kept document, for example after nodes were installed.
 * - `capabilities`: what the document says about routes and fields. An unknown path is no proof of a missing route, since
 *   official servers answer it with 200 and HTML; this is. `knownCapabilities`: the same as it was read last, without
 *   asking the server; none before the document was read.
 * - `runtimeConfig`: `GET app/runtime_config`. `appDeps`: `GET app/app_deps`, versions of packages by name.
 * - `generationDevices`: `GET app/generation_device_options` (6.14).
 * - `invocationCache`: `GET app/invocation_cache/status`; `clearInvocationCache` (admin), `enableInvocationCache`,
 *   `disableInvocationCache`: the routes beside it.
 *
 * @since 0.1.0
 * @category services
 */
export class ServerInfo extends Context.Service<ServerInfo, {
  readonly url: URL
  readonly version: Effect.Effect<string, InvokeAiError>
  readonly openApiDocument: Effect.Effect<unknown, InvokeAiError>
  readonly refresh: Effect.Effect<void>
  readonly capabilities: Effect.Effect<Capabilities, InvokeAiError>
  readonly knownCapabilities: Effect.Effect<Option.Option<Capabilities>>
  readonly runtimeConfig: Effect.Effect<RuntimeConfig, InvokeAiError>
  readonly appDeps: Effect.Effect<Readonly<Record<string, string | null>>, InvokeAiError>
  readonly generationDevices: Effect.Effect<ReadonlyArray<GenerationDeviceOption>, InvokeAiError>
  readonly invocationCache: Effect.Effect<InvocationCacheStatus, InvokeAiError>
  readonly clearInvocationCache: Effect.Effect<void, InvokeAiError>
  readonly enableInvocationCache: Effect.Effect<void, InvokeAiError>
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
const notInvokeAi = ({ pathname }: URL): string => {
  const [api] = /\/api(?:\/v\d+)?\/?$/.exec(pathname) ?? []
  return api === undefined
    ? "this is not an InvokeAI server, or its sub-path is missing in the URL; check INVOKEAI_URL"
    : `the URL ends in ${api.replace(/\/$/, "")}: leave that out (INVOKEAI_URL)`
}

const make = Effect.fnUntraced(function*(client: InvokeAiClient["Service"]): Effect.fn.Return<ServerInfo["Service"]> {
  const { call } = client
  const kept = yield* Ref.make(Option.none<Kept>())
  const permits = yield* Semaphore.make(1)

  const version = call((api) => api.app.version({})).pipe(
    Effect.map((result) => result.version),
    Effect.mapError((error) =>
      error.reason._tag === "Decode" || error.isUnknownRoute
        ? withReason(error, { _tag: "Decode" }, `${notInvokeAi(client.url)} (${error.detail})`)
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
        detail: "the answer is not an OpenAPI document"
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
