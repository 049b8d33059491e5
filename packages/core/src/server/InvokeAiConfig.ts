/**
 * Which server to use and how: options in code, or from the environment.
 *
 * @since 0.1.0
 */
import * as ByteSize from "effect/ByteSize"
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schema from "effect/Schema"
import * as SchemaIssue from "effect/SchemaIssue"
import { describeReceived } from "../internal/describeReceived.ts"
import * as Options from "../internal/options.ts"
import { InvalidOption } from "../InvalidOption.ts"

/**
 * Which server to use, with which login, and how long to wait.
 *
 * **Details**
 *
 * The server is `url` and `queueId`. The login is `token`, or `email` and `password` with `rememberMe`. Time limits are
 * `timeout`, `transferTimeout`, `idleTimeout` and `closeTimeout`; `maxResponseSize` limits memory, and `retries` says how
 * often a request is repeated.
 *
 * @since 0.1.0
 * @category models
 */
export interface InvokeAiOptions {
  /**
   * Base URL, including the sub-path if the server runs under one (`https://host/invoke`).
   *
   * **Details** A user and password in the URL are removed from it and sent as basic authentication (for a proxy),
   * unless other credentials are provided.
   *
   * @default "http://127.0.0.1:9090"
   */
  readonly url?: string | URL | undefined
  /** Bearer token for a multi-user server. */
  readonly token?: Redacted.Redacted | undefined
  /**
   * Email address of a user of a multi-user server, together with `password`.
   *
   * **Details** The client logs in at the first request, and again when its token is no longer accepted. A
   * single-user server ignores both.
   */
  readonly email?: string | undefined
  /** Password of the user with the address `email`. */
  readonly password?: Redacted.Redacted | undefined
  /**
   * Whether to log in with a token that lasts 7 days instead of 1.
   *
   * @default false
   */
  readonly rememberMe?: boolean | undefined
  /**
   * Id of the queue that the services use. The InvokeAI UI shows `"default"`.
   *
   * @default "default"
   */
  readonly queueId?: string | undefined
  /**
   * Maximum duration of one attempt of a request, up to the end of the response.
   *
   * **Details** Up to `retries` more attempts can follow. An operation with its own limit, such as `closeTimeout`, ends in time.
   *
   * @default "60 seconds"
   */
  readonly timeout?: Duration.Input | undefined
  /**
   * Maximum duration of an upload, or of enqueueing a batch, whose bodies can be large.
   *
   * @default "10 minutes"
   */
  readonly transferTimeout?: Duration.Input | undefined
  /**
   * Maximum pause between two parts of a download.
   *
   * @default "60 seconds"
   */
  readonly idleTimeout?: Duration.Input | undefined
  /**
   * Maximum size of a JSON response, in bytes or as in `"64 MiB"`. A larger one is a `Decode` failure.
   *
   * **Details** The default is enough for items with tens of thousands of nodes. Images and videos have no limit,
   * because they are streamed.
   *
   * @default "256 MiB"
   */
  readonly maxResponseSize?: ByteSize.Input | undefined
  /**
   * Number of retries for reads, deletions and cancellations after a transient failure. Other changes are sent once.
   *
   * **Details** The pauses grow, and are at least what a busy server or proxy requests (`Retry-After`, up to 30
   * seconds).
   *
   * @default 3
   */
  readonly retries?: number | undefined
  /**
   * Maximum time that cleaning up waits for a server that fails or does not respond.
   *
   * **Details** Limits `job.cancel` and closing a scope. All resources of a scope share it: closing takes as long as
   * the requests that succeed take, and at most this time (and less than a second) longer. What is not cleaned up by
   * then is retried in the background, and once more when the client closes.
   *
   * @default "15 seconds"
   */
  readonly closeTimeout?: Duration.Input | undefined
}

/** @internal */
export const optionRules: Options.OptionRules<InvokeAiOptions> = {
  url: Options.url,
  token: Options.secret,
  email: Options.text,
  password: Options.secret,
  rememberMe: Options.boolean,
  queueId: Options.nonEmptyText,
  timeout: Options.positiveDuration,
  transferTimeout: Options.positiveDuration,
  idleTimeout: Options.positiveDuration,
  maxResponseSize: Options.byteSize,
  retries: Options.integer(0),
  closeTimeout: Options.duration
}

const loginParts = [["email", "INVOKEAI_EMAIL"], ["password", "INVOKEAI_PASSWORD"]] as const

/**
 * Fails if an option is invalid, even in a larger set of options, or if the credentials are incomplete.
 * @internal
 */
export const checkOptions = (
  options: InvokeAiOptions,
  others?: Readonly<Record<string, Options.OptionRule>>
): Effect.Effect<void, InvalidOption> =>
  Effect.gen(function*() {
    yield* Options.check<object>(options, { ...optionRules, ...others })
    const missing = loginParts.filter(([name]) => options[name] === undefined)
    for (const [option, variable] of missing.length === 1 ? missing : []) {
      return yield* new InvalidOption({
        subject: "option",
        option,
        expected: `a value, because logging in needs both email and password (or the variable ${variable})`,
        received: "nothing"
      })
    }
  })

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
 * The default base URL.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaultUrl = "http://127.0.0.1:9090"

/**
 * The default maximum size of a JSON response.
 *
 * @since 0.1.0
 * @category constants
 */
export const defaultMaxResponseSize: ByteSize.ByteSize = ByteSize.mebibytes(256)

/** A variable with its value, or undefined if it is missing or empty. */
const variable = <A>(
  name: string,
  parse: (text: string) => Option.Option<A>,
  rule: Options.OptionRule
): Config.Config<A | undefined> =>
  Config.option(Config.String(name)).pipe(
    Config.mapEffect(Option.match({
      onNone: () => Effect.undefined,
      onSome: (text) => {
        if (text === "") return Effect.undefined
        const parsed = Option.filter(parse(text), rule.accepts)
        return Option.isSome(parsed)
          ? Effect.succeed(parsed.value)
          : Effect.fail(invalidVariable(name, text, rule.expected))
      }
    }))
  )

/** A variable whose value appears in no message. */
const secret = (name: string): Config.Config<Redacted.Redacted | undefined> =>
  Config.map(Config.option(Config.Redacted(name)), Option.getOrUndefined)

const invalidVariable = (name: string, value: string, expected: string): Config.ConfigError =>
  new Config.ConfigError(
    new Schema.SchemaError(
      new SchemaIssue.InvalidValue({
        message: `Invalid environment variable ${name}: expected ${expected}, got ${describeReceived(value)}`
      }, Option.some(value))
    )
  )

// an invalid value is `None`
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
const toDuration = (text: string) => Duration.fromInput(text as Duration.Input)
// oxlint-disable-next-line typescript/no-unsafe-type-assertion
const toByteSize = (text: string) => ByteSize.fromInput(text as ByteSize.Input)
const toInteger = (text: string) => Option.filter(Option.some(Number(text)), Number.isInteger)

/**
 * Reads the options from the environment (or another `ConfigProvider`).
 *
 * **Details**
 *
 * `INVOKEAI_URL`, `INVOKEAI_TOKEN`, `INVOKEAI_EMAIL`, `INVOKEAI_PASSWORD`, `INVOKEAI_QUEUE_ID`, `INVOKEAI_TIMEOUT` (a
 * duration such as `30 seconds`), `INVOKEAI_TRANSFER_TIMEOUT`, `INVOKEAI_IDLE_TIMEOUT` and `INVOKEAI_CLOSE_TIMEOUT`
 * (durations), `INVOKEAI_RETRIES`, and `INVOKEAI_MAX_RESPONSE_SIZE` (such as `64 MiB`). A missing or empty
 * variable keeps its default. `ConfigError` names the variable, the accepted values and, unless it is a secret, its value. An
 * invalid URL is reported by the first request.
 *
 * @since 0.1.0
 * @category config
 */
export const InvokeAiConfig: Config.Config<InvokeAiOptions> = Config.all({
  // redacted, because a URL may hold a password and a config error prints the value
  url: Config.map(secret("INVOKEAI_URL"), (url) => url === undefined ? undefined : Redacted.value(url)),
  token: secret("INVOKEAI_TOKEN"),
  email: variable("INVOKEAI_EMAIL", Option.some, Options.text),
  password: secret("INVOKEAI_PASSWORD"),
  queueId: variable("INVOKEAI_QUEUE_ID", Option.some, Options.text),
  timeout: variable("INVOKEAI_TIMEOUT", toDuration, Options.positiveDuration),
  transferTimeout: variable("INVOKEAI_TRANSFER_TIMEOUT", toDuration, Options.positiveDuration),
  idleTimeout: variable("INVOKEAI_IDLE_TIMEOUT", toDuration, Options.positiveDuration),
  maxResponseSize: variable("INVOKEAI_MAX_RESPONSE_SIZE", toByteSize, Options.byteSize),
  retries: variable("INVOKEAI_RETRIES", toInteger, Options.integer(0)),
  closeTimeout: variable("INVOKEAI_CLOSE_TIMEOUT", toDuration, Options.duration)
})
