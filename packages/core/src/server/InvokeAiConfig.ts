/**
 * Which server to use and how: options in code, or from the environment.
 *
 * @since 0.1.0
 */
import * as ByteSize from "effect/ByteSize"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import type * as Duration from "effect/Duration"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"

/**
 * Which server to use, as whom, and how patiently.
 *
 * **Details**
 *
 * - `url`: base URL, with the sub-path if the server runs under one (`https://host/invoke`). Default
 *   `http://127.0.0.1:9090`. User and password in the URL are taken out of it and sent as basic authentication (for a
 *   proxy) as long as no other login is given.
 * - `token`: bearer token of a multi-user server.
 * - `email` and `password`: a login of a multi-user server. The client logs in at the first call and again when the
 *   token is no longer accepted. On a single-user server they are not used.
 * - `rememberMe`: ask for a token that lasts 7 days instead of 1. Default false.
 * - `queueId`: the queue that items are put in. Default `"default"`, which is the one that the official UI shows.
 * - `timeout`: how long one attempt of a call may take, from sending to the end of the response. Default 60 seconds.
 *   `retries` attempts may follow; what has a limit of its own, such as `closeTimeout`, keeps to it.
 * - `transferTimeout`: the same for uploads and for enqueueing, whose bodies may be large. Default 10 minutes.
 * - `idleTimeout`: how long a download may pause. Default 60 seconds.
 * - `maxResponseSize`: how large a JSON response may be, in bytes, or as in `"64 MiB"`. Default 256 MiB, which is enough for
 *   items with tens of thousands of nodes. A larger one is a `Decode` failure. Images and videos have no limit: they are
 *   streamed.
 * - `retries`: how often a read, a deletion or a cancellation is repeated after a transient failure, with growing pauses,
 *   and no sooner than a busy server or proxy asks for (`Retry-After`, up to 30 seconds). Default 3. Other changes are
 *   sent once.
 * - `closeTimeout`: how long cleaning up waits for a server that fails or does not respond. Default 15 seconds. It limits
 *   `job.cancel` and closing a scope. All resources of a scope share it: closing takes as long as the requests that
 *   succeed take, and at most this time (and less than a second) longer. What is not cleaned up by then is retried in the
 *   background, and once more when the client closes.
 *
 * @since 0.1.0
 * @category models
 */
export interface InvokeAiOptions {
  readonly url?: string | URL | undefined
  readonly token?: Redacted.Redacted | undefined
  readonly email?: string | undefined
  readonly password?: Redacted.Redacted | undefined
  readonly rememberMe?: boolean | undefined
  readonly queueId?: string | undefined
  readonly timeout?: Duration.Input | undefined
  readonly transferTimeout?: Duration.Input | undefined
  readonly idleTimeout?: Duration.Input | undefined
  readonly maxResponseSize?: ByteSize.Input | undefined
  readonly retries?: number | undefined
  readonly closeTimeout?: Duration.Input | undefined
}

/**
 * `InvokeAiOptions.closeTimeout` for layers that are not built from options. Default: 15 seconds.
 *
 * @since 0.1.0
 * @category references
 */
export const CloseTimeout = Context.Reference<Duration.Input>(
  "@effect-invokeai/core/server/InvokeAiConfig/CloseTimeout",
  {
    defaultValue: () => "15 seconds"
  }
)

/**
 * The base URL that is used when none is given.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaultUrl = "http://127.0.0.1:9090"

/**
 * How large a JSON response may be when no other limit is given.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaultMaxResponseSize: ByteSize.ByteSize = ByteSize.mebibytes(256)

/**
 * Reads the options from the environment (or another `ConfigProvider`).
 *
 * **Details**
 *
 * `INVOKEAI_URL`, `INVOKEAI_TOKEN`, `INVOKEAI_EMAIL`, `INVOKEAI_PASSWORD`, `INVOKEAI_QUEUE_ID`, `INVOKEAI_TIMEOUT` (a
 * duration such as `30 seconds`), `INVOKEAI_TRANSFER_TIMEOUT`, `INVOKEAI_IDLE_TIMEOUT` and `INVOKEAI_CLOSE_TIMEOUT`
 * (durations), `INVOKEAI_RETRIES`, and `INVOKEAI_MAX_RESPONSE_SIZE` (such as `64 MiB`). Whatever is missing or empty keeps
 * its default. An invalid duration, size or number is a `ConfigError`; an invalid URL is reported by the first request.
 *
 * @since 0.1.0
 * @category config
 */
export const InvokeAiConfig: Config.Config<InvokeAiOptions> = Config.all({
  // redacted, because a URL may hold a password and a config error prints the value
  url: Config.option(Config.Redacted("INVOKEAI_URL")),
  token: Config.option(Config.Redacted("INVOKEAI_TOKEN")),
  email: Config.option(Config.String("INVOKEAI_EMAIL")),
  password: Config.option(Config.Redacted("INVOKEAI_PASSWORD")),
  queueId: Config.option(Config.String("INVOKEAI_QUEUE_ID")),
  timeout: Config.option(Config.Duration("INVOKEAI_TIMEOUT")),
  transferTimeout: Config.option(Config.Duration("INVOKEAI_TRANSFER_TIMEOUT")),
  idleTimeout: Config.option(Config.Duration("INVOKEAI_IDLE_TIMEOUT")),
  maxResponseSize: Config.option(Config.ByteSize("INVOKEAI_MAX_RESPONSE_SIZE")),
  retries: Config.option(Config.Int("INVOKEAI_RETRIES")),
  closeTimeout: Config.option(Config.Duration("INVOKEAI_CLOSE_TIMEOUT"))
}).pipe(
  Config.map((config): InvokeAiOptions => ({
    url: Option.getOrUndefined(Option.map(config.url, Redacted.value)),
    token: Option.getOrUndefined(config.token),
    email: Option.getOrUndefined(config.email),
    password: Option.getOrUndefined(config.password),
    queueId: Option.getOrUndefined(config.queueId),
    timeout: Option.getOrUndefined(config.timeout),
    transferTimeout: Option.getOrUndefined(config.transferTimeout),
    idleTimeout: Option.getOrUndefined(config.idleTimeout),
    maxResponseSize: Option.getOrUndefined(config.maxResponseSize),
    retries: Option.getOrUndefined(config.retries),
    closeTimeout: Option.getOrUndefined(config.closeTimeout)
  }))
)
