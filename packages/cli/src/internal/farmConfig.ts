/** The farm that flags describe: its store, its servers, and how to log in to them. */
import { Farm } from "@effect-invokeai/farm/Farm"
import * as FarmStore from "@effect-invokeai/farm/FarmStore"
import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Servers from "./servers.ts"

/** The flags that every subcommand of a farm has. */
export interface FarmInput {
  readonly state: string
}

/** The flags of subcommands that run items. */
export interface WorkingInput extends FarmInput {
  readonly out: string
  readonly concurrency: Option.Option<number>
}

const isUrl = (server: string): boolean => /^https?:/i.test(server)

/** The server of a URL, or of a name in the file of servers. */
export const serverUrl = Effect.fnUntraced(function*(server: string) {
  if (isUrl(server)) return server
  const provider = yield* Servers.withServer(server)
  return yield* Effect.provideService(Servers.urlOf, ConfigProvider.ConfigProvider, provider)
})

const trimmed = (url: string): string => url.replace(/\/+$/, "")

/** Logs in to a server with the credentials that the file of servers has for its URL, or those of the environment. */
const connection = Effect.gen(function*() {
  const named = yield* Servers.all
  return (url: string): Layer.Layer<NodeInvokeAi.Services, unknown> => {
    const services = NodeInvokeAi.layerConfig({ url, handleSignals: false, tracking: { giveUpAfter: "30 seconds" } })
    const provider = named.find((server) => trimmed(server.url) === trimmed(url))?.provider
    return provider === undefined
      ? services
      : Layer.provide(services, Layer.succeed(ConfigProvider.ConfigProvider, provider))
  }
})

/** The farm for subcommands that look at it or change it. */
export const layer = (input: FarmInput) => Farm.layer({ store: FarmStore.sqlite({ filename: input.state }) })

/** The farm for subcommands that run items, with the servers that `--server` names. */
export const workingLayer = (input: WorkingInput, servers: ReadonlyArray<string>, state?: string) =>
  Layer.unwrap(Effect.gen(function*() {
    const urls = yield* Effect.forEach(servers, serverUrl)
    return Farm.layer({
      store: FarmStore.sqlite({ filename: state ?? input.state }),
      servers: urls.map((url) => ({ url, concurrency: Option.getOrUndefined(input.concurrency) })),
      directory: input.out,
      connect: yield* connection
    })
  }))
