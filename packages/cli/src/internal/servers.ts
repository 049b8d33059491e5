/** The file with named servers. */
import * as Config from "effect/Config"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"

/** The file with named servers cannot be used. Its content, which may hold secrets, is not repeated. */
export class ServersFileError extends Data.TaggedError("ServersFileError")<{
  readonly path: string
  readonly reason: string
  readonly cause?: unknown
}> {
  override get message(): string {
    return `Cannot use the file of servers ${this.path}: ${this.reason}. It must be JSON such as {"studio": {"INVOKEAI_URL": "https://…", "INVOKEAI_TOKEN": "…"}}`
  }
}

/** No server has this name. */
export class ServerNotFound extends Data.TaggedError("ServerNotFound")<{
  readonly path: string
  readonly server: string
  readonly available: ReadonlyArray<string>
}> {
  override get message(): string {
    const known = this.available.length === 0 ? "The file has no servers." : `There are: ${this.available.join(", ")}.`
    return `No server is called '${this.server}' in ${this.path}. ${known} For a server without a name set INVOKEAI_URL; \`batch\` and \`worker\` also take a URL, such as http://127.0.0.1:9090.`
  }
}

const ServersFile = Schema.Record(Schema.String, Schema.Record(Schema.String, Schema.String))
type ServersFile = typeof ServersFile.Type

const decode = Schema.decodeUnknownOption(Schema.fromJsonString(ServersFile))

const variable = (name: string) => Config.option(Config.String(name))

/** Where the file is: `INVOKEAI_SERVERS`, or `effect-invokeai/servers.json` in the user's folder of configurations. */
export const filePath: Effect.Effect<string, Config.ConfigError, Path.Path> = Effect.gen(function*() {
  const path = yield* Path.Path
  const chosen = yield* variable("INVOKEAI_SERVERS")
  if (Option.isSome(chosen) && chosen.value !== "") return chosen.value
  const xdg = yield* variable("XDG_CONFIG_HOME")
  const home = Option.orElse(yield* variable("HOME"), () => Option.none<string>())
  const windows = yield* variable("APPDATA")
  const folder = Option.isSome(xdg) && xdg.value !== ""
    ? xdg.value
    : Option.isSome(windows)
    ? windows.value
    : path.join(Option.getOrElse(home, () => "."), ".config")
  return path.join(folder, "effect-invokeai", "servers.json")
})

/** The servers in the file; empty if the file is missing. */
const read = Effect.fnUntraced(function*(
  file: string
): Effect.fn.Return<ServersFile, ServersFileError, FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const text = yield* Effect.catch(fs.readFileString(file), (cause) =>
    cause.reason._tag === "NotFound"
      ? Effect.succeed("{}")
      : Effect.fail(new ServersFileError({ path: file, reason: cause.message, cause })))
  const servers = decode(text)
  return Option.isSome(servers)
    ? servers.value
    : yield* new ServersFileError({ path: file, reason: "it is not a list of servers by name" })
})

/** The variables of a server and its credentials. A named server ignores those of the environment. */
const identity: ReadonlySet<string> = new Set([
  "INVOKEAI_URL",
  "INVOKEAI_TOKEN",
  "INVOKEAI_EMAIL",
  "INVOKEAI_PASSWORD",
  "INVOKEAI_QUEUE_ID"
])

const configurationOf = (
  server: Readonly<Record<string, string>>,
  others: ConfigProvider.ConfigProvider
): ConfigProvider.ConfigProvider => {
  const named = ConfigProvider.fromEnv({ env: server })
  return ConfigProvider.make((key) =>
    Effect.flatMap(
      named.load(key),
      (node) => node !== undefined || identity.has(key.join("_")) ? Effect.succeed(node) : others.load(key)
    )
  )
}

/** The URL of the server that the configuration names. */
export const urlOf = Config.String("INVOKEAI_URL").pipe(Config.withDefault("http://127.0.0.1:9090"))

/** All named servers, each with its URL and its configuration. */
export const all = Effect.gen(function*() {
  const servers = yield* read(yield* filePath)
  const others = yield* ConfigProvider.ConfigProvider
  return yield* Effect.forEach(Object.values(servers), (server) => {
    const provider = configurationOf(server, others)
    return Effect.map(
      Effect.provideService(urlOf, ConfigProvider.ConfigProvider, provider),
      (url) => ({ url, provider })
    )
  })
})

/** The configuration with the variables of a named server in front of those of the environment. */
export const withServer = Effect.fn("Servers.withServer")(function*(
  server: string
): Effect.fn.Return<
  ConfigProvider.ConfigProvider,
  ServersFileError | ServerNotFound | Config.ConfigError,
  FileSystem.FileSystem | Path.Path
> {
  const file = yield* filePath
  const servers = yield* read(file)
  const found = Object.hasOwn(servers, server) ? servers[server] : undefined
  if (found === undefined) {
    return yield* new ServerNotFound({ path: file, server, available: Object.keys(servers) })
  }
  return configurationOf(found, yield* ConfigProvider.ConfigProvider)
})
