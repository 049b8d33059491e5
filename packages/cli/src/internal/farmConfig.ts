/** The farm that flags describe: its store, its servers, and how to log in to them. */
import { Farm } from "@effect-invokeai/farm/Farm"
import * as FarmStore from "@effect-invokeai/farm/FarmStore"
import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Servers from "./servers.ts"
import { InvalidArgument } from "./values.ts"

/** The flags that every subcommand of a farm has. */
export interface FarmInput {
  readonly state: string
}

/** The flags of subcommands that run items. */
export interface WorkingInput extends FarmInput {
  readonly out: string
  readonly concurrency: Option.Option<number>
}

const isPostgres = (state: string): boolean => /^postgres(?:ql)?:/i.test(state)

/** Where the farm is kept. A password comes from the variable that holds the whole value, not from an argument. */
const storeOf = Effect.fnUntraced(function*(state: string) {
  // a URL may contain a password, so it is not repeated
  if (!isPostgres(state) && /^[a-z][a-z0-9+.-]+:\/\//i.test(state)) {
    return yield* new InvalidArgument({
      argument: "--state",
      reason: "expected a SQLite file, or postgres://user@host:port/database"
    })
  }
  if (!isPostgres(state)) return FarmStore.sqlite({ filename: state })
  const url = URL.parse(state)
  if (url === null) {
    return yield* new InvalidArgument({ argument: "--state", reason: "expected postgres://user@host:port/database" })
  }
  const variable = yield* Config.option(Config.String("INVOKEAI_STATE"))
  if (url.password !== "" && Option.getOrUndefined(variable) !== state) {
    return yield* new InvalidArgument({
      argument: "--state",
      reason: "a password in an argument is visible to other users of this machine. Put the URL into the variable " +
        "INVOKEAI_STATE instead, or only the password into PGPASSWORD"
    })
  }
  const password = yield* Config.option(Config.Redacted("PGPASSWORD"))
  if (url.password === "" && Option.isSome(password)) url.password = Redacted.value(password.value)
  return FarmStore.postgres({ url: Redacted.make(url.href) })
})

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

/** The farm for subcommands that may be the first to use it. */
export const newLayer = (input: FarmInput) =>
  Layer.unwrap(Effect.map(storeOf(input.state), (store) => Farm.layer({ store })))

/** The farm for subcommands that look at it or change it. A file with another name is an error, and not an empty farm. */
export const layer = (input: FarmInput) =>
  Layer.unwrap(Effect.gen(function*() {
    const store = yield* storeOf(input.state)
    const fs = yield* FileSystem.FileSystem
    if (!isPostgres(input.state) && !(yield* fs.exists(input.state))) {
      return yield* new InvalidArgument({
        argument: `--state ${input.state}`,
        reason: "the file does not exist. `effect-invokeai batch` makes it"
      })
    }
    return Farm.layer({ store })
  }))

/** The farm for subcommands that run items, with the servers that `--server` names. */
export const workingLayer = (input: WorkingInput, servers: ReadonlyArray<string>, state?: string) =>
  Layer.unwrap(Effect.gen(function*() {
    const urls = yield* Effect.forEach(servers, serverUrl)
    return Farm.layer({
      store: yield* storeOf(state ?? input.state),
      servers: urls.map((url) => ({ url, concurrency: Option.getOrUndefined(input.concurrency) })),
      directory: input.out,
      connect: yield* connection
    })
  }))
