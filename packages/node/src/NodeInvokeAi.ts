/**
 * Everything a Node program needs to use an InvokeAI server, in one layer.
 *
 * **Example** (A program and its layer)
 *
 * ```ts
 * import { Models } from "@effect-invokeai/core/server/Models"
 * import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
 * import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
 * import * as Effect from "effect/Effect"
 *
 * const program = Effect.gen(function*() {
 *   const models = yield* Models
 *   yield* Effect.log(yield* models.list())
 * })
 *
 * const main = () => program.pipe(Effect.provide(NodeInvokeAi.layerConfig()), NodeRuntime.runMain)
 * ```
 *
 * @since 0.1.0
 */
import * as AssetLedger from "@effect-invokeai/core/assets/AssetLedger"
import type { ImageCodec } from "@effect-invokeai/core/assets/Downloads"
import * as InvokeAi from "@effect-invokeai/core/InvokeAi"
import { InvokeAiConfig } from "@effect-invokeai/core/InvokeAi"
import { JobJournal, type RecordError } from "@effect-invokeai/core/job/JobJournal"
import { EventTransport } from "@effect-invokeai/core/server/EventTransport"
import * as NodeCrypto from "@effect/platform-node/NodeCrypto"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import * as NodeHttpClient from "@effect/platform-node/NodeHttpClient"
import * as NodePath from "@effect/platform-node/NodePath"
import type * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import type { HttpClientError } from "effect/http/HttpClientError"
import * as Layer from "effect/Layer"
import type * as Path from "effect/Path"
import * as Scope from "effect/Scope"
import * as NodeImageCodec from "./ImageCodec.ts"
import { inPieces } from "./internal/pieces.ts"
import * as SecondSignal from "./internal/secondSignal.ts"
import { highWaterMark, withoutReadingAhead } from "./internal/sent.ts"
import * as NodeProcessIdentity from "./ProcessIdentity.ts"

/**
 * How the client reaches its server, and what it keeps on this machine.
 *
 * @category models
 * @since 0.1.0
 */
export interface Options extends InvokeAi.Options {
  /**
   * A file that records uploads and downloads, so that `Assets.recover` can clean up after a crash. Default: none. Each
   * running process needs its own.
   */
  readonly assetLedger?: string | undefined
  /**
   * A directory that records jobs, for `JobRecovery`: the layer then provides a `JobJournal`. Default: none. Each running
   * process needs its own.
   */
  readonly jobJournal?: string | undefined
  /**
   * Whether a second SIGINT (Ctrl-C) or SIGTERM ends the process immediately, with exit code 130 or 143, while the first one
   * still cleans up. A program that listens for these signals itself decides alone. Default true.
   */
  readonly handleSignals?: boolean | undefined
  /**
   * The `HttpClient` that sends the requests, for example one with a proxy, or one that counts requests. Default:
   * `layerHttpClient`.
   */
  readonly httpClient?: Layer.Layer<HttpClient.HttpClient> | undefined
}

/**
 * Options with a journal of jobs.
 *
 * @category models
 * @since 0.1.0
 */
export interface JournalOptions extends Options {
  /** The directory that records jobs. Each running process needs its own. */
  readonly jobJournal: string
}

/**
 * Options without records on this machine.
 *
 * @category models
 * @since 0.1.0
 */
export interface PlainOptions extends Options {
  /** Absent: no file records uploads and downloads. */
  readonly assetLedger?: undefined
  /** Absent: no directory records jobs. */
  readonly jobJournal?: undefined
}

/**
 * All services of the client, Node's file system and paths, and the codec for jpeg and webp.
 *
 * Other services of Node (terminal, processes, …) are in `NodeServices.layer` of `@effect/platform-node`.
 *
 * @category models
 * @since 0.1.0
 */
export type Services = InvokeAi.Services | FileSystem.FileSystem | Path.Path | ImageCodec

// a variable, as undici's types do not have what it hands on to `net.connect`
const connect = { timeout: 10_000, highWaterMark }

const makeUndici = Effect.gen(function*() {
  const dispatcher = yield* NodeHttpClient.makeDispatcherOptions({
    keepAliveTimeout: 2_000,
    keepAliveMaxTimeout: 4_000,
    pipelining: 1,
    allowH2: false,
    connect
  })
  // not the layer of the same client, which merges its context into that of every request
  const client = yield* Effect.provideService(NodeHttpClient.makeUndici, NodeHttpClient.Dispatcher, dispatcher)
  return client.pipe(
    HttpClient.mapRequestEffect(withoutReadingAhead),
    HttpClient.transformResponse(Effect.map(inPieces))
  )
})

const layerUndici: Layer.Layer<HttpClient.HttpClient> = Layer.effect(
  HttpClient.HttpClient,
  Effect.gen(function*() {
    const scope = yield* Effect.scope
    // the first request loads undici, so that programs that send none start faster
    const client = yield* Effect.cached(Effect.uninterruptible(Scope.provide(makeUndici, scope)))
    return HttpClient.makeWith<HttpClientError, never, HttpClientError, never>(
      (request) => Effect.flatMap(client, ({ execute }) => Effect.flatMap(request, execute)),
      Effect.succeed
    )
  })
)

/**
 * The `HttpClient` that the layers use: undici, with a connection pool of its own that closes with the layer.
 *
 * **Details**
 *
 * Connections are kept for two seconds, which is less than the five of InvokeAI's own server: otherwise a request could
 * go out in the moment in which the server closes the connection, and be lost. One request at a time per connection, and
 * no HTTP/2. In Bun, which replaces undici by a stub, this is Bun's own `fetch`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerHttpClient: Layer.Layer<HttpClient.HttpClient> = Layer.suspend(() =>
  process.versions["bun"] === undefined ? layerUndici : FetchHttpClient.layer
)

const isString = (value: unknown) => typeof value === "string" && value !== ""

const checkOptions = (options: Options) =>
  Effect.orDie(InvokeAi.checkOptions(options, {
    assetLedger: { expected: "the path of a file", accepts: isString },
    jobJournal: { expected: "the path of a directory", accepts: isString },
    httpClient: { expected: "a layer of HttpClient", accepts: Layer.isLayer },
    handleSignals: { expected: "a boolean", accepts: (value) => typeof value === "boolean" }
  }))

const build = (
  { assetLedger, handleSignals = true, httpClient = layerHttpClient, jobJournal, ...options }: Options
): Layer.Layer<Services | JobJournal, RecordError> => {
  const ledger = assetLedger === undefined ? Layer.empty : AssetLedger.layerFile(assetLedger)
  const client = InvokeAi.layer(options).pipe(
    Layer.provide([httpClient, EventTransport.layerSocketIo, NodeCrypto.layerDigest]),
    // downloads use the ledger as well
    Layer.provideMerge(ledger)
  )
  const services = Layer.mergeAll(client, NodeImageCodec.layer)
  const journaling = jobJournal === undefined
    // the signatures of the layers promise a journal only with a directory for it
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion
    ? services as Layer.Layer<
      Layer.Success<typeof services> | JobJournal,
      RecordError,
      FileSystem.FileSystem | Path.Path
    >
    : Layer.merge(services, JobJournal.layerDirectory(jobJournal))
  return journaling.pipe(
    Layer.provideMerge([NodeFileSystem.layer, NodePath.layer, NodeProcessIdentity.layer]),
    Layer.provideMerge(handleSignals ? SecondSignal.layer : Layer.empty)
  )
}

const make = (options: Options = {}): Layer.Layer<Services | JobJournal, RecordError> =>
  Layer.unwrap(Effect.map(checkOptions(options), () => build(options)))

const makeFromConfig = (
  overrides: Options = {}
): Layer.Layer<Services | JobJournal, Config.ConfigError | RecordError> =>
  Layer.unwrap(
    Effect.map(
      InvokeAiConfig,
      (config) => make(InvokeAi.isOptions(overrides) ? { ...config, ...overrides } : overrides)
    )
  )

/**
 * A client of the server that the options name, by default `http://127.0.0.1:9090`.
 *
 * **Details**
 *
 * When the layer's scope closes, all its connections are closed immediately, so that nothing keeps the process alive.
 *
 * **Errors**
 *
 * An invalid value, an unknown name and an email without a password are a defect: `InvalidOption`. With `assetLedger` or
 * `jobJournal`: `RecordError` if the file or directory cannot be opened, or another process uses it.
 *
 * **Example** (A program that may be killed)
 *
 * ```ts
 * import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
 *
 * export const services = NodeInvokeAi.layer({ assetLedger: "state/uploads.jsonl", jobJournal: "state/jobs" })
 * ```
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: {
  /**
   * Provides a client of the server that the options name, by default `http://127.0.0.1:9090`.
   *
   * With `assetLedger` or `jobJournal` it fails with `RecordError` if the file or directory cannot be opened, or
   * another process uses it. With `jobJournal` it provides a `JobJournal` as well.
   */
  (options: JournalOptions): Layer.Layer<Services | JobJournal, RecordError>
  /**
   * Provides a client of the server that the options name, by default `http://127.0.0.1:9090`.
   *
   * With `assetLedger` or `jobJournal` it fails with `RecordError` if the file or directory cannot be opened, or
   * another process uses it. With `jobJournal` it provides a `JobJournal` as well.
   */
  (options?: PlainOptions): Layer.Layer<Services>
  /**
   * Provides a client of the server that the options name, by default `http://127.0.0.1:9090`.
   *
   * With `assetLedger` or `jobJournal` it fails with `RecordError` if the file or directory cannot be opened, or
   * another process uses it. With `jobJournal` it provides a `JobJournal` as well.
   */
  (options: Options): Layer.Layer<Services, RecordError>
  // without records there is nothing that fails
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
} = make as typeof layer

/**
 * A client of the server that the environment names: `INVOKEAI_URL`, `INVOKEAI_TOKEN`, `INVOKEAI_EMAIL`,
 * `INVOKEAI_PASSWORD`, `INVOKEAI_QUEUE_ID` and others, see `InvokeAiConfig`.
 *
 * **Details**
 *
 * The options override the environment.
 *
 * **Errors**
 *
 * `ConfigError` if a variable is invalid; invalid options are a defect, as for `layer`. With `assetLedger` or `jobJournal` also `RecordError`, as for `layer`.
 *
 * @category layers
 * @since 0.1.0
 */
export const layerConfig: {
  /**
   * Provides a client of the server that the environment names (`INVOKEAI_URL`, `INVOKEAI_TOKEN`, …, see
   * `InvokeAiConfig`). The options override the environment.
   *
   * Fails with `ConfigError` if a variable is invalid. With `assetLedger` or `jobJournal` it fails with `RecordError`
   * if the file or directory cannot be opened, or another process uses it. With `jobJournal` it provides a `JobJournal`
   * as well.
   */
  (overrides: JournalOptions): Layer.Layer<Services | JobJournal, Config.ConfigError | RecordError>
  /**
   * Provides a client of the server that the environment names (`INVOKEAI_URL`, `INVOKEAI_TOKEN`, …, see
   * `InvokeAiConfig`). The options override the environment.
   *
   * Fails with `ConfigError` if a variable is invalid. With `assetLedger` or `jobJournal` it fails with `RecordError`
   * if the file or directory cannot be opened, or another process uses it. With `jobJournal` it provides a `JobJournal`
   * as well.
   */
  (overrides?: PlainOptions): Layer.Layer<Services, Config.ConfigError>
  /**
   * Provides a client of the server that the environment names (`INVOKEAI_URL`, `INVOKEAI_TOKEN`, …, see
   * `InvokeAiConfig`). The options override the environment.
   *
   * Fails with `ConfigError` if a variable is invalid. With `assetLedger` or `jobJournal` it fails with `RecordError`
   * if the file or directory cannot be opened, or another process uses it. With `jobJournal` it provides a `JobJournal`
   * as well.
   */
  (overrides: Options): Layer.Layer<Services, Config.ConfigError | RecordError>
  // without records there is nothing else that fails
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
} = makeFromConfig as typeof layerConfig
