/**
 * The client of one server: base URL, login, timeouts, repeats and errors of every call.
 *
 * @since 0.1.0
 */
import * as ByteSize from "effect/ByteSize"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import type * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as Headers from "effect/http/Headers"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Metric from "effect/Metric"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import type * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as Tracer from "effect/Tracer"
import * as Options from "../internal/options.ts"
import { Progress } from "../internal/progress.ts"
import type { InvokeAiError } from "../InvokeAiError.ts"
import * as BodyLimit from "./internal/bodyLimit.ts"
import * as Credentials from "./internal/credentials.ts"
import * as Errors from "./internal/errors.ts"
import * as Metrics from "./internal/Metrics.ts"
import { Computation, Idempotent, Transfer } from "./internal/policy.ts"
import * as RequestText from "./internal/requestText.ts"
import { mismatchOf } from "./internal/responseMatch.ts"
import * as Secrets from "./internal/secrets.ts"
import * as ServerDocuments from "./internal/serverDocument.ts"
import { measured, withStreamedBody } from "./internal/upload.ts"
import { InvokeAiApi, Since } from "./InvokeAiApi.ts"
import { checkOptions, defaultMaxResponseSize, defaultUrl, type InvokeAiOptions } from "./InvokeAiConfig.ts"
import type { ServerDocument } from "./ServerDocument.ts"

export { type Availability, InvokeAiApi, Since } from "./InvokeAiApi.ts"

type Groups = typeof InvokeAiApi extends HttpApi.HttpApi<infer _Id, infer Groups> ? Groups : never

/**
 * One function per route of `InvokeAiApi`, in groups: `api.images.get({ params: { image_name } })`.
 *
 * @since 0.1.0
 * @category models
 */
export interface InvokeAiRoutes extends HttpApiClient.Client<Groups, InvokeAiError> {}

/**
 * The errors of a single route, before `InvokeAiClient.call` turns them into `InvokeAiError`.
 *
 * @since 0.1.0
 * @category models
 */
export type RouteError = InvokeAiError | HttpClientError.HttpClientError | Schema.SchemaError

/**
 * Which bytes of a response to read, and of which media types.
 *
 * @since 0.1.0
 * @category models
 */
export interface BytesOptions {
  /** Beginnings of the media types that are accepted. A response of another type fails with the reason `Decode`. */
  readonly contentType: ReadonlyArray<string>
  /**
   * Number of the first byte to return, from 0. If the server sends everything, the bytes before are left out.
   *
   * @default 0
   */
  readonly from?: number | undefined
}

/**
 * A connection to one InvokeAI server.
 *
 * **When to use**
 *
 * Through the services (`SessionQueue`, `Images`, `Models`, …). Directly for a route that none of them covers.
 *
 * @example
 * ```ts
 * import { InvokeAiClient } from "@effect-invokeai/core/server/InvokeAiClient"
 * import * as Effect from "effect/Effect"
 *
 * const version = Effect.gen(function*() {
 *   const client = yield* InvokeAiClient
 *   return yield* client.call((api) => api.app.version({}))
 * })
 * ```
 *
 * @since 0.1.0
 * @category services
 */
export class InvokeAiClient extends Context.Service<InvokeAiClient, {
  /** The base URL of the server, ending with a slash, without credentials. */
  readonly url: URL
  /** The id of the queue that the services use. */
  readonly queueId: string
  /** The version and the OpenAPI document of the server. `ServerInfo` has them too. */
  readonly document: ServerDocument
  /**
   * Returns the bearer token to use now, and logs in first if an email address and a password are configured.
   *
   * **Details** `None` if no login is configured or needed, or if it failed.
   */
  readonly token: Effect.Effect<Option.Option<Redacted.Redacted>>
  /** Discards the current token and logs in again. Returns false if that is not possible. */
  readonly renewToken: Effect.Effect<boolean>
  /** Replaces tokens and passwords of this client in a message of the server with `<redacted>`. */
  readonly redact: (text: string) => string
  /**
   * Sends a request to one route and decodes the response.
   *
   * **Details** Reads, and the few changes that are safe to repeat (such as canceling), are retried after transient
   * failures; every other change is sent once. A 401 response leads to one new login. The type of the response is
   * checked, because an official server responds to unknown paths with 200 and HTML.
   *
   * **Errors** `InvokeAiError`. A route that the version of the server lacks, and an input that it would ignore, have the
   * reason `Unsupported`; to find that, the client reads the document of the server at most once per version. A response about something other than the request (another image, item or batch) has
   * the reason `Decode`.
   */
  readonly call: <A>(
    f: (api: InvokeAiRoutes) => Effect.Effect<A, RouteError>
  ) => Effect.Effect<A, InvokeAiError>
  /** Streams the body of a response in constant memory. Nothing is retried once bytes have been returned. */
  readonly bytes: (
    f: (api: InvokeAiRoutes) => Effect.Effect<HttpClientResponse.HttpClientResponse, RouteError>,
    options: BytesOptions
  ) => Stream.Stream<Uint8Array, InvokeAiError>
  /**
   * Retries an effect after transient failures, with the number of retries and the pauses of the options.
   *
   * **When to use** For changes that are safe to repeat; `call` already retries reads.
   */
  readonly repeat: <A>(effect: Effect.Effect<A, InvokeAiError>) => Effect.Effect<A, InvokeAiError>
}>()("@effect-invokeai/core/server/InvokeAiClient") {
  /**
   * Makes a client on top of an `HttpClient`; it is for as long as its scope is open.
   *
   * Nothing is sent before the first call. A URL that is not one is reported by the first call.
   */
  static readonly make = (
    options: InvokeAiOptions = {}
  ): Effect.Effect<InvokeAiClient["Service"], never, HttpClient.HttpClient | Scope.Scope> => make(options)

  /**
   * The client of the server that the options name.
   */
  static readonly layer = (
    options: InvokeAiOptions = {}
  ): Layer.Layer<InvokeAiClient, never, HttpClient.HttpClient> => Layer.effect(InvokeAiClient, make(options))
}

type RouteFunction = (request: never) => Effect.Effect<unknown, RouteError>

const isSafe = (method: string): boolean => method === "GET" || method === "HEAD"

// Under gzip, official 6.14.2 servers respond with 500 to changes without a response body, although the work is done. Media
// are compressed already.
const withEncoding = (request: HttpClientRequest.HttpClientRequest): HttpClientRequest.HttpClientRequest =>
  request.method === "DELETE" || /\/(?:full|thumbnail|image)$|\/images\/download\//.test(request.url)
    ? HttpClientRequest.setHeader(request, "accept-encoding", "identity")
    : request

/** The response header in which a multi-user server renews the token. */
const refreshedToken = "x-refreshed-token"

const tokenOf = (request: HttpClientRequest.HttpClientRequest): string | undefined => {
  const value = request.urlParams.params.find(([name]) => name === "access_token")?.[1]
  return Redacted.isRedacted(value) ? Redacted.value(value) : value
}

// the span of a request holds its URL with all query values
const hidesFromTraces = (request: HttpClientRequest.HttpClientRequest): boolean => tokenOf(request) !== undefined

interface CurrentCall extends Errors.Call {
  /** Sends the request of the call to the server of the client that makes it. */
  readonly send: (
    request: HttpClientRequest.HttpClientRequest
  ) => Effect.Effect<HttpClientResponse.HttpClientResponse, RouteError>
}

// set around every route; the default is never used
const CurrentCall = Context.Reference<CurrentCall>("@effect-invokeai/core/server/InvokeAiClient/CurrentCall", {
  defaultValue: () => ({
    server: "",
    method: "",
    path: "",
    redact: (text) => text,
    sent: false,
    send: () => Effect.die("no client is available for this request")
  })
})

const transport = HttpClient.makeWith<never, never, RouteError, never>(
  Effect.flatMap((request) => Effect.flatMap(CurrentCall, (call) => call.send(request))),
  Effect.succeed
)

/** The function of a route. It is derived on its first call, once for all clients, because its schemas take time. */
const routeOf = (group: string, endpoint: string): RouteFunction => {
  // the names come from the declaration itself, which TypeScript cannot see
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const names = { group: group as never, endpoint: endpoint as never }
  let route: RouteFunction | undefined
  const derived = Effect.map(
    HttpApiClient.endpoint(InvokeAiApi, { ...names, httpClient: transport }),
    (made: RouteFunction) => {
      route = made
      return made
    }
  )
  return (request) => route === undefined ? Effect.flatMap(derived, (made) => made(request)) : route(request)
}

/** One function per endpoint, in groups, as the declaration has them. */
const declared: ReadonlyArray<{
  readonly group: string
  readonly id: string
  readonly endpoint: HttpApiEndpoint.Top
  readonly route: RouteFunction
}> = Object.entries(InvokeAiApi.groups).flatMap(([group, { endpoints }]) =>
  Object.entries(endpoints).map(([id, endpoint]) => ({ group, id, endpoint, route: routeOf(group, id) }))
)

const always = () => true

// the caller checks whether the resource is really missing
const isTransient = (error: InvokeAiError): boolean =>
  error.isRetryable && !(error.status === 404 && error.fromServer === true)

const isQuickFailure = (error: InvokeAiError): boolean => isTransient(error) && error.code !== "ETIMEDOUT"

/** In milliseconds. If the server asks for a longer pause, the retry happens anyway. */
const maxRetryAfter = 30_000

const make = Effect.fnUntraced(function*(options: InvokeAiOptions) {
  yield* Effect.orDie(checkOptions(options))
  const maxResponseSize = options.maxResponseSize === undefined
    ? defaultMaxResponseSize
    : ByteSize.fromInputUnsafe(options.maxResponseSize)
  const httpClient = BodyLimit.limit(yield* HttpClient.HttpClient, ByteSize.toNumberUnsafe(maxResponseSize))
  const base = Credentials.parseUrl(options.url ?? defaultUrl)
  const server = base.url.href
  const timeout = Options.durationOption("timeout", options.timeout ?? "60 seconds")
  const transferTimeout = Options.durationOption("transferTimeout", options.transferTimeout ?? "10 minutes")
  const idleTimeout = Options.durationOption("idleTimeout", options.idleTimeout ?? "60 seconds")
  const schedule = Schedule.min([Schedule.exponential("200 millis"), Schedule.spaced("5 seconds")]).pipe(
    Schedule.jittered,
    Schedule.upTo({ times: options.retries ?? 3 })
  )
  const explain: Credentials.Explain = (endpoint, error) => ServerDocuments.explain(document, endpoint, error)
  const credentials = yield* Credentials.make(httpClient, base, options, explain)

  const sendRequest = (
    call: Errors.Call,
    request: HttpClientRequest.HttpClientRequest
  ): Effect.Effect<HttpClientResponse.HttpClientResponse, RouteError> => {
    call.path = request.url
    const downloadToken = tokenOf(request)
    if (downloadToken !== undefined) {
      const own = Secrets.make([downloadToken])
      call.redact = (text) => own.redact(credentials.redact(text))
    }
    if (base.problem !== undefined) {
      return Effect.fail(
        Errors.failure(call, "Transport", { detail: base.problem, code: "ERR_INVALID_URL", sent: false })
      )
    }
    const problem = RequestText.bodyProblem(request.body)
    if (problem !== undefined) {
      return Effect.fail(Errors.failure(call, "Validation", { detail: problem, sent: false }))
    }
    return withStreamedBody(HttpClientRequest.prependUrl(request, server)).pipe(
      Effect.flatMap(measured),
      Effect.flatMap((prepared) => {
        call.sent = true
        return credentials.send(withEncoding(prepared))
      }),
      Effect.flatMap((response) => Errors.checkResponse(call, response))
    )
  }

  const wrap = (endpoint: HttpApiEndpoint.Top, route: RouteFunction): RouteFunction => {
    const repeatable = isSafe(endpoint.method) || Context.get(endpoint.annotations, Idempotent)
    const duration = Context.get(endpoint.annotations, Transfer) ? transferTimeout : timeout
    const mismatch = mismatchOf(endpoint)
    const isWorthRepeating = Context.get(endpoint.annotations, Computation) ? isQuickFailure : isTransient
    const hasNewInputs = Object.keys(Context.get(endpoint.annotations, Since).inputs).length > 0
    const unsent = (): Errors.Call => ({
      server: base.problem === undefined ? server : undefined,
      method: endpoint.method,
      path: endpoint.path,
      redact: credentials.redact,
      sent: false
    })
    return (request) => {
      const once = Effect.withFiber<unknown, InvokeAiError>((fiber) => {
        const call: CurrentCall = { ...unsent(), send: (request) => sendRequest(call, request) }
        const problem = RequestText.urlProblem(request)
        if (problem !== undefined) {
          return Effect.fail(Errors.failure(call, "Validation", { detail: problem, sent: false }))
        }
        const hidden = fiber.getRef(HttpClient.TracerDisabledWhen)
        const progress = fiber.getRef(Progress)
        progress.began(call)
        return route(request).pipe(
          Effect.mapError((error) => toInvokeAiError(call, error)),
          Effect.tap((response) => {
            const other = mismatch(request, response)
            return other === undefined ? Effect.void : Effect.fail(Errors.ofAnotherRequest(call, other))
          }),
          Effect.timeoutOrElse({
            duration,
            orElse: () => Effect.fail(Errors.timedOut(call, Duration.toMillis(duration)))
          }),
          Effect.tap(() => Effect.sync(progress.succeeded)),
          Effect.updateContext((context: Context.Context<never>) =>
            context.pipe(
              Context.add(CurrentCall, call),
              // for programs that put headers into their spans
              Context.add(Headers.CurrentRedactedNames, [
                ...fiber.getRef(Headers.CurrentRedactedNames),
                refreshedToken,
                // a redirect may name a user, a password and a query
                "location"
              ]),
              Context.add(
                HttpClient.TracerDisabledWhen,
                // Effect's own tracer shows no spans of requests, so they would only cost time
                fiber.getRef(Tracer.Tracer) === Tracer.nativeTracer
                  ? always
                  : (request) => hidesFromTraces(request) || hidden(request)
              )
            )
          )
        )
      })
      const sent = Effect.catch(
        repeatable ? repeatWhile(once, isWorthRepeating) : once,
        (error) => Effect.flip(explain(endpoint, error))
      )
      if (!hasNewInputs) return sent
      return Effect.flatMap(
        ServerDocuments.ignoredInput(document, endpoint, request),
        (ignored) => ignored === undefined ? sent : Effect.fail(Errors.notSent(unsent(), ignored))
      )
    }
  }

  const repeat = <A>(once: Effect.Effect<A, InvokeAiError>) => repeatWhile(once, isTransient)
  const repeatWhile = <A>(
    once: Effect.Effect<A, InvokeAiError>,
    isWorthRepeating: (error: InvokeAiError) => boolean
  ): Effect.Effect<A, InvokeAiError> =>
    Effect.catchIf(once, isWorthRepeating, (error) => repeatAfter(once, error, isWorthRepeating))

  /** Retries after the pauses of the schedule. */
  const repeatAfter = <A>(
    once: Effect.Effect<A, InvokeAiError>,
    first: InvokeAiError,
    isWorthRepeating: (error: InvokeAiError) => boolean
  ): Effect.Effect<A, InvokeAiError> => {
    let failed: InvokeAiError | undefined
    return Effect.suspend(() =>
      failed === undefined
        ? Effect.fail(first)
        : Metric.update(Metrics.httpRetries, 1).pipe(
          Effect.andThen(Effect.logDebug(`Retrying: ${failed.message}`)),
          Effect.andThen(Effect.sleep(Math.min(failed.retryAfter ?? 0, maxRetryAfter))),
          Effect.andThen(once)
        )
    ).pipe(
      Effect.tapError((error) =>
        Effect.sync(() => {
          failed = error
        })
      ),
      Effect.retry({ schedule, while: isWorthRepeating })
    )
  }

  const routes: Record<string, Record<string, RouteFunction>> = {}
  for (const { endpoint, group, id, route } of declared) {
    routes[group] ??= {}
    routes[group][id] = wrap(endpoint, route)
  }
  // built from the declaration that the type is derived from
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const api = routes as unknown as InvokeAiRoutes

  const bytes = (
    f: (api: InvokeAiRoutes) => Effect.Effect<HttpClientResponse.HttpClientResponse, RouteError>,
    { contentType, from = 0 }: BytesOptions
  ): Stream.Stream<Uint8Array, InvokeAiError> =>
    Stream.unwrap(Effect.gen(function*() {
      const response = yield* call(f)
      const { method, url } = response.request
      const own: Errors.Call = {
        server,
        method,
        path: url.slice(server.length - 1),
        redact: credentials.redact,
        sent: true
      }
      const type = response.headers["content-type"] ?? ""
      if (!contentType.some((prefix) => type.startsWith(prefix))) {
        return yield* Effect.fail(Errors.failure(own, "Decode", {
          status: response.status,
          detail: `expected content type ${contentType.join(" or ")}, got ${type === "" ? "none" : type}`
        }))
      }
      const context = yield* Effect.context()
      const received = Stream.map(response.stream, (chunk) => {
        Metrics.downloadBytes.updateUnsafe(chunk.length, context)
        return chunk
      })
      const body = from > 0 && response.status !== 206 ? skipBytes(received, from) : received
      // not `Stream.timeoutOrElse`, which reads ahead in a fiber of its own
      return Stream.transformPull(
        Stream.mapError(body, (error) => Errors.fromHttpClientError(own, error)),
        (pull) =>
          Effect.succeed(Effect.timeoutOrElse(pull, {
            duration: idleTimeout,
            orElse: () => Effect.fail(Errors.timedOut(own, Duration.toMillis(idleTimeout)))
          }))
      )
    })).pipe(Stream.withSpan("InvokeAiClient.bytes"))

  const call = <A>(f: (api: InvokeAiRoutes) => Effect.Effect<A, RouteError>): Effect.Effect<A, InvokeAiError> =>
    Effect.mapError(
      Effect.suspend(() => f(api)),
      (error) => toInvokeAiError({ server, method: "", path: "", redact: credentials.redact, sent: true }, error)
    )

  const document = ServerDocuments.make(base.url, {
    version: call((api) => api.app.version({})),
    openApi: call((api) => api.app.openApi({}))
  })

  return InvokeAiClient.of({
    url: base.url,
    document,
    queueId: options.queueId ?? "default",
    token: Effect.orElseSucceed(credentials.token, () => Option.none()),
    renewToken: Effect.orElseSucceed(credentials.renew, () => false),
    redact: credentials.redact,
    call,
    bytes,
    repeat
  })
})

const skipBytes = <E>(stream: Stream.Stream<Uint8Array, E>, count: number): Stream.Stream<Uint8Array, E> =>
  Stream.suspend(() => {
    let left = count
    return Stream.map(stream, (chunk) => {
      const skipped = Math.min(left, chunk.length)
      left -= skipped
      return skipped === 0 ? chunk : chunk.subarray(skipped)
    }).pipe(Stream.filter((chunk) => chunk.length > 0))
  })

const toInvokeAiError = (call: Errors.Call, error: RouteError): InvokeAiError => {
  switch (error._tag) {
    case "InvokeAiError":
      return error
    case "HttpClientError":
      return Errors.fromHttpClientError(call, error)
    default:
      return Errors.fromSchemaError(call, error)
  }
}
