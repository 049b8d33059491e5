/** The services of the server that the configuration names. */
import { CatalogSource } from "@effect-invokeai/core/catalog/NodeCatalog"
import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import type * as Config from "effect/Config"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { Output } from "./Output.ts"

/** The server's services. */
export const layer: Layer.Layer<NodeInvokeAi.Services, Config.ConfigError> = NodeInvokeAi.layerConfig()

/**
 * The same for subcommands that also work without a server: one attempt of 20 seconds for each request, in which a server that has just started makes its document, and the node types of
 * the bundled snapshot if the server does not respond, or immediately if `isOffline`.
 */
export const layerOptional = (
  isOffline: boolean,
  timeout: Duration.Input = "20 seconds"
): Layer.Layer<NodeInvokeAi.Services, Config.ConfigError, Output> =>
  Layer.effect(
    CatalogSource,
    Effect.gen(function*() {
      const output = yield* Output
      const source = yield* CatalogSource
      const snapshot = yield* Effect.cached(Effect.flatMap(
        Effect.promise(() => import("@effect-invokeai/core/catalog/Snapshot")),
        ({ catalog }) => catalog
      ))
      return CatalogSource.of({
        ...source,
        get: isOffline ? snapshot : Effect.catchIf(
          source.get,
          // a refused login is no missing server
          (error) => error.isRetryable,
          (error) =>
            Effect.tap(snapshot, ({ version }) =>
              output.note(
                `The server does not respond: using the node types of InvokeAI ${version}, without custom nodes. ${error.message}`
              ))
        )
      })
    })
  ).pipe(Layer.provideMerge(NodeInvokeAi.layerConfig({ retries: 0, timeout })))
