/**
 * The client of an InvokeAI server: all services in one layer.
 *
 * **Details**
 *
 * The layers need two things of the platform: an `HttpClient`, and an `EventTransport` for the server's events. On Node
 * use `NodeInvokeAi.layer` of `@effect-invokeai/node`, which provides both; in browsers `FetchHttpClient.layer` and
 * `EventTransport.layerSocketIo`; in tests `InvokeAiTest.layer`, which puts the simulator behind the client.
 *
 * @since 0.1.0
 */
import type * as Config from "effect/Config"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import type * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import { Assets } from "./assets/Assets.ts"
import type { CatalogSource } from "./catalog/NodeCatalog.ts"
import { check, isNamedValues, type OptionRule, type OptionRules, record } from "./internal/options.ts"
import type { InvalidOption } from "./InvalidOption.ts"
import * as LiveResources from "./job/internal/LiveResources.ts"
import { JobTracker, type JobTrackerOptions } from "./job/JobTracker.ts"
import { Auth } from "./server/Auth.ts"
import { Boards } from "./server/Boards.ts"
import type { EventTransport } from "./server/EventTransport.ts"
import { Images } from "./server/Images.ts"
import { InvokeAiClient } from "./server/InvokeAiClient.ts"
import * as ClientConfig from "./server/InvokeAiConfig.ts"
import { CloseTimeout, InvokeAiConfig, type InvokeAiOptions } from "./server/InvokeAiConfig.ts"
import { Models } from "./server/Models.ts"
import { StylePresets, SystemPrompts, Utilities } from "./server/Prompts.ts"
import { ServerEvents } from "./server/ServerEvents.ts"
import { ServerInfo } from "./server/ServerInfo.ts"
import { SessionQueue } from "./server/SessionQueue.ts"
import { Videos } from "./server/Videos.ts"
import { WorkflowLibrary } from "./server/WorkflowLibrary.ts"
import type { WorkflowResources } from "./workflow/WorkflowResources.ts"

export { CloseTimeout, InvokeAiConfig, type InvokeAiOptions } from "./server/InvokeAiConfig.ts"

/**
 * Options for the connection to the server and for tracking jobs.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends InvokeAiOptions {
  /** How jobs are tracked. Default: the defaults of `JobTrackerOptions`. */
  readonly tracking?: JobTrackerOptions | undefined
}

/** Fails if an option is invalid, or unknown to a layer that also has the options `others`. @internal */
export const checkOptions = (
  options: Options,
  others?: Readonly<Record<string, OptionRule>>
): Effect.Effect<void, InvalidOption> => ClientConfig.checkOptions(options, { tracking: record, ...others })

/** Whether a value is an object with options by name. @internal */
export const isOptions = (value: unknown): value is { [name: PropertyKey]: unknown } => isNamedValues(value)

/** Fails if a value is not accepted, or if a name is unknown. @internal */
export const checkRules = <A extends object>(
  options: A | undefined,
  rules: OptionRules<A>
): Effect.Effect<void, InvalidOption> => check(options, rules)

/**
 * The services that communicate with the server.
 *
 * @category models
 * @since 0.1.0
 */
export type ServerServices =
  | InvokeAiClient
  | ServerInfo
  | Auth
  | SessionQueue
  | Images
  | Boards
  | Models
  | Videos
  | WorkflowLibrary
  | StylePresets
  | SystemPrompts
  | Utilities
  | ServerEvents

/**
 * All services of the client.
 *
 * @category models
 * @since 0.1.0
 */
export type Services =
  | ServerServices
  | JobTracker
  | WorkflowResources
  | CatalogSource
  | Assets
  | SecureRandom.SecureRandom

/**
 * Provides the services on top of an existing client.
 *
 * **When to use**
 *
 * To put something between the client and its services, or to use several servers in one program.
 *
 * **Example** (Services on a client of your own)
 *
 * ```ts
 * import * as InvokeAi from "@effect-invokeai/core/InvokeAi"
 * import { EventTransport } from "@effect-invokeai/core/server/EventTransport"
 * import { InvokeAiClient } from "@effect-invokeai/core/server/InvokeAiClient"
 * import * as FetchHttpClient from "effect/http/FetchHttpClient"
 * import * as Layer from "effect/Layer"
 *
 * const client = InvokeAi.layerServices({ checkInterval: "10 seconds" }).pipe(
 *   Layer.provide(InvokeAiClient.layer({ url: "http://localhost:9090" })),
 *   Layer.provide([FetchHttpClient.layer, EventTransport.layerSocketIo])
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerServices = (
  tracking: JobTrackerOptions = {}
): Layer.Layer<Services, never, InvokeAiClient | EventTransport> => {
  const server = Layer.mergeAll(
    ServerInfo.layer,
    Auth.layer,
    SessionQueue.layer,
    Images.layer,
    Boards.layer,
    Models.layer,
    Videos.layer,
    WorkflowLibrary.layer,
    StylePresets.layer,
    SystemPrompts.layer,
    Utilities.layer,
    ServerEvents.layer,
    Layer.effect(InvokeAiClient, InvokeAiClient)
  )
  const services = Layer.mergeAll(
    JobTracker.layerWith(tracking),
    LiveResources.layer,
    LiveResources.layerCatalog,
    Assets.layer,
    SecureRandom.layerWebCrypto
  ).pipe(Layer.provideMerge(server))
  // Effect builds a layer once, by its identity, even if one program is provided inside another: without its own layer,
  // the inner program would get the services of the outer one's server.
  return Layer.suspend(() => Layer.fresh(services))
}

/**
 * Provides a client of the server in the options, by default `http://127.0.0.1:9090`.
 *
 * **Details**
 *
 * Nothing is sent before the first use. The event connection is open only while jobs are tracked or events are read.
 *
 * **Example** (A client in a browser)
 *
 * ```ts
 * import * as FetchHttpClient from "effect/http/FetchHttpClient"
 * import * as Layer from "effect/Layer"
 * import * as InvokeAi from "@effect-invokeai/core/InvokeAi"
 * import { EventTransport } from "@effect-invokeai/core/server/EventTransport"
 *
 * const client = InvokeAi.layer({ url: "http://localhost:9090" }).pipe(
 *   Layer.provide([FetchHttpClient.layer, EventTransport.layerSocketIo])
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: Options = {}
): Layer.Layer<Services, never, HttpClient.HttpClient | EventTransport> =>
  Layer.unwrap(Effect.map(Effect.orDie(checkOptions(options)), () => {
    const { tracking, ...client } = options
    return layerServices(tracking).pipe(
      Layer.provide([
        InvokeAiClient.layer(client),
        client.closeTimeout === undefined ? Layer.empty : Layer.succeed(CloseTimeout, client.closeTimeout)
      ])
    )
  }))

/**
 * Provides a client of the server in the configuration: `INVOKEAI_URL`, `INVOKEAI_TOKEN`, `INVOKEAI_EMAIL`,
 * `INVOKEAI_PASSWORD`, `INVOKEAI_QUEUE_ID` and others, see `InvokeAiConfig`.
 *
 * **Details**
 *
 * Options take precedence over the configuration.
 *
 * **Example** (The server in INVOKEAI_URL, another queue)
 *
 * ```ts
 * import * as InvokeAi from "@effect-invokeai/core/InvokeAi"
 * import { EventTransport } from "@effect-invokeai/core/server/EventTransport"
 * import * as FetchHttpClient from "effect/http/FetchHttpClient"
 * import * as Layer from "effect/Layer"
 *
 * const client = InvokeAi.layerConfig({ queueId: "posters" }).pipe(
 *   Layer.provide([FetchHttpClient.layer, EventTransport.layerSocketIo])
 * )
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig = (
  overrides: Options = {}
): Layer.Layer<Services, Config.ConfigError, HttpClient.HttpClient | EventTransport> =>
  Layer.unwrap(Effect.map(
    InvokeAiConfig,
    (config) => layer(isNamedValues(overrides) ? { ...config, ...overrides } : overrides)
  ))
