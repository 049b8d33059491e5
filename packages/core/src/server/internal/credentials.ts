import * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import type * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Semaphore from "effect/Semaphore"
import { InvokeAiError } from "../../InvokeAiError.ts"
import { InvokeAiApi } from "../InvokeAiApi.ts"
import type { InvokeAiOptions } from "../InvokeAiConfig.ts"
import * as Errors from "./errors.ts"
import * as Secrets from "./secrets.ts"

/** @internal */
interface BaseUrl {
  readonly url: URL
  readonly basic: Option.Option<Redacted.Redacted>
  readonly problem: string | undefined
  readonly secrets: ReadonlyArray<string>
}

const placeholder = "http://invalid.invalid/"

const unescape = (text: string): string => {
  const decoded = Effect.runSync(Effect.result(Effect.try({ try: () => decodeURIComponent(text), catch: () => text })))
  return decoded._tag === "Success" ? decoded.success : text
}

/** What is wrong with a URL. Quotes nothing of it, because it may have a password. */
const urlProblem = (text: string): string | undefined => {
  if (!/^https?:/i.test(text)) return "must begin with http:// or https://"
  if (URL.canParse(text)) return undefined
  const port = /^https?:\/\/[^/?#]*:([^/?#@:\]]*)(?:[/?#]|$)/i.exec(text)?.[1]
  return port !== undefined && (!/^\d*$/.test(port) || Number(port) > 65535)
    ? "has an invalid port (0 to 65535)"
    : "is invalid"
}

/**
 * The base URL, ending with a slash, without credentials, query and fragment.
 *
 * @internal
 */
export const parseUrl = (input: string | URL): BaseUrl => {
  const text = input.toString().trim()
  const problem = urlProblem(text)
  if (problem !== undefined) {
    return {
      url: new URL(placeholder),
      basic: Option.none(),
      problem: `the server's URL ${problem}; expected for example http://127.0.0.1:9090 (INVOKEAI_URL)`,
      secrets: []
    }
  }
  const url = new URL(text)
  const user = unescape(url.username)
  const password = unescape(url.password)
  const encoded = user === "" && password === "" ? "" : Base64.encode(`${user}:${password}`)
  const basic = encoded === "" ? Option.none<Redacted.Redacted>() : Option.some(Redacted.make(encoded))
  const secrets = [url.password, password, encoded].filter((secret) => secret !== "")
  url.username = ""
  url.password = ""
  url.search = ""
  url.hash = ""
  if (!url.pathname.endsWith("/")) url.pathname = `${url.pathname}/`
  return { url, basic, problem: undefined, secrets }
}

/**
 * Explains the failure of a request to an endpoint.
 *
 * @internal
 */
export type Explain = (
  endpoint: Pick<HttpApiEndpoint.Top, "method" | "path" | "annotations">,
  error: InvokeAiError
) => Effect.Effect<InvokeAiError>

type SendError = InvokeAiError | HttpClientError.HttpClientError

/** @internal */
export interface Credentials {
  readonly token: Effect.Effect<Option.Option<Redacted.Redacted>, InvokeAiError>
  readonly renew: Effect.Effect<boolean, InvokeAiError>
  readonly send: (
    request: HttpClientRequest.HttpClientRequest
  ) => Effect.Effect<HttpClientResponse.HttpClientResponse, SendError>
  readonly redact: (text: string) => string
}

interface State {
  readonly token: Option.Option<Redacted.Redacted>
  // the server turned out to have no users, so no login is tried again
  readonly anonymous: boolean
}

const isPublic = (url: string): boolean => /\/api\/v1\/auth\/(?:login|setup|status)$/.test(url)

// these need no login, and a login may need them
const isSelfDescription = (url: string): boolean => /\/api\/v1\/app\/version$|\/openapi\.json$/.test(url)

/** @internal */
export const make = Effect.fnUntraced(function*(
  httpClient: HttpClient.HttpClient,
  base: BaseUrl,
  options: InvokeAiOptions,
  explain: Explain
): Effect.fn.Return<Credentials> {
  const { email, password } = options
  const configured = Option.fromNullishOr(options.token).pipe(
    Option.map((token) => Redacted.make(Redacted.value(token).trim(), { label: "token" })),
    Option.filter((token) => Redacted.value(token) !== "")
  )
  const hasLogin = email !== undefined && password !== undefined
  let state: State = { token: configured, anonymous: false }
  const permits = yield* Semaphore.make(1)
  const secrets = Secrets.make([
    ...base.secrets,
    ...[...Option.toArray(configured), ...(password === undefined ? [] : [password])].map(Redacted.value)
  ])
  const remember = (token: string) => {
    secrets.add(token)
    state = { ...state, token: Option.some(Redacted.make(token, { label: "token" })) }
  }
  const { redact } = secrets

  const authorize = (
    request: HttpClientRequest.HttpClientRequest,
    token: Option.Option<Redacted.Redacted>
  ): HttpClientRequest.HttpClientRequest => {
    if (Option.isSome(token)) return HttpClientRequest.bearerToken(request, token.value)
    if (Option.isSome(base.basic)) {
      return HttpClientRequest.setHeader(request, "authorization", `Basic ${Redacted.value(base.basic.value)}`)
    }
    return request
  }

  const loginCall = (method: string, path: string): Errors.Call => ({
    server: base.url.href,
    method,
    path,
    redact,
    sent: true
  })

  const plain = (method: string, path: string) =>
    httpClient.pipe(
      HttpClient.mapRequest((request) =>
        authorize(HttpClientRequest.prependUrl(request, base.url.href), Option.none())
      ),
      HttpClient.transform((send) =>
        Effect.flatMap(send, (response) => Errors.checkResponse(loginCall(method, path), response))
      )
    )

  const mapErrors = (method: string, path: string) =>
    Effect.mapError((error: InvokeAiError | HttpClientError.HttpClientError | { readonly message: string }) =>
      error instanceof InvokeAiError
        ? error
        : "reason" in error
        ? Errors.fromHttpClientError(loginCall(method, path), error)
        : Errors.failure(loginCall(method, path), "Decode", { detail: error.message, sent: true })
    )

  const statusPath = "/api/v1/auth/status"
  const loginPath = "/api/v1/auth/login"
  // derived when a login is needed
  const statusRoute = HttpApiClient.endpoint(InvokeAiApi, {
    group: "auth",
    endpoint: "status",
    httpClient: plain("GET", statusPath)
  })
  const loginRoute = HttpApiClient.endpoint(InvokeAiApi, {
    group: "auth",
    endpoint: "login",
    httpClient: plain("POST", loginPath)
  })

  const multiuser = Effect.flatMap(statusRoute, (status) => status({})).pipe(
    Effect.map((status) => status.multiuser_enabled),
    mapErrors("GET", statusPath),
    Effect.catch((error) => Effect.flip(explain(InvokeAiApi.groups.auth.endpoints.status, error))),
    // servers up to 6.11 have no users
    Effect.catchIf(({ reason }) => reason._tag === "Unsupported", () => Effect.succeed(false))
  )

  const login = Effect.gen(function*() {
    if (email === undefined || password === undefined) return false
    if (!(yield* multiuser)) {
      state = { token: Option.none(), anonymous: true }
      return false
    }
    const response = yield* Effect.flatMap(loginRoute, (login) =>
      login({
        payload: {
          email,
          password,
          ...(options.rememberMe === undefined ? undefined : { remember_me: options.rememberMe })
        }
      })).pipe(mapErrors("POST", loginPath))
    remember(Redacted.value(response.token))
    return true
  })

  const renewFrom = (old: Option.Option<Redacted.Redacted>) =>
    permits.withPermits(1)(Effect.gen(function*() {
      const { anonymous, token } = state
      const changed = Option.isSome(token) &&
        !(Option.isSome(old) && Redacted.value(old.value) === Redacted.value(token.value))
      if (changed) return true
      return anonymous ? false : yield* login
    }))

  const token = Effect.suspend(() =>
    Option.isSome(state.token) || state.anonymous || !hasLogin
      ? Effect.succeed(state.token)
      : Effect.map(renewFrom(Option.none()), () => state.token)
  )

  const adopt = (response: HttpClientResponse.HttpClientResponse) => {
    const refreshed = response.headers["x-refreshed-token"]
    if (refreshed !== undefined && refreshed !== "" && response.status < 400) remember(refreshed)
    return response
  }

  // some transports repeat a header that they cannot send in their error
  const isSendable = Option.match(configured, {
    onNone: () => true,
    onSome: (token) => /^[\x21-\x7e]+$/.test(Redacted.value(token))
  })

  const sendAs = (request: HttpClientRequest.HttpClientRequest, token: Option.Option<Redacted.Redacted>) =>
    httpClient.execute(authorize(request, token))

  /** Whether the server rejected a request because of the token. A proxy's response counts only for reads. */
  const isRefusal = (
    request: HttpClientRequest.HttpClientRequest,
    response: HttpClientResponse.HttpClientResponse
  ): Effect.Effect<boolean> => {
    if (response.status !== 401 || !hasLogin) return Effect.succeed(false)
    return request.method === "GET" || request.method === "HEAD"
      ? Effect.succeed(true)
      : Errors.isFromServer(response)
  }

  const attempt = (request: HttpClientRequest.HttpClientRequest, current: Option.Option<Redacted.Redacted>) =>
    Effect.gen(function*() {
      const response = yield* sendAs(request, current)
      const again = (yield* isRefusal(request, response)) && (yield* renewFrom(current))
      return adopt(again ? yield* sendAs(request, state.token) : response)
    })

  const send: Credentials["send"] = (request) => {
    if (!isSendable) {
      return Effect.fail(Errors.failure(
        { ...loginCall(request.method, request.url.slice(base.url.href.length - 1)), sent: false },
        "Unauthorized",
        { detail: "the token contains invalid characters", sent: false }
      ))
    }
    if (isPublic(request.url)) return sendAs(request, Option.none())
    if (isSelfDescription(request.url)) return Effect.map(sendAs(request, state.token), adopt)
    return Effect.flatMap(token, (current) => attempt(request, current))
  }

  return {
    token,
    renew: Effect.suspend(() => hasLogin ? renewFrom(state.token) : Effect.succeed(false)),
    send,
    redact
  }
})
