import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { InvokeAiError, type InvokeAiErrorReason, type ValidationIssue } from "../../InvokeAiError.ts"

/**
 * One request in flight: what it is, and whether it was sent.
 *
 * @internal
 */
export interface Call {
  readonly server: string | undefined
  readonly method: string
  redact: (text: string) => string
  path: string
  sent: boolean
}

const maxDetail = 400
const maxIssues = 50
/** Maximum number of characters that are searched for secrets, which takes time; the result is shorter. */
const maxSearched = 64 * 1024

const shorten = (text: string): string => text.length <= maxDetail ? text : `${text.slice(0, maxDetail)}…`

/** A string without secrets, truncated afterwards, because a truncated secret is harder to find. */
const clean = ({ redact }: Call, text: string): string => shorten(redact(text.slice(0, maxSearched)))

const scrubbed = (call: Call, { loc, msg, type }: ValidationIssue): ValidationIssue => ({
  loc: loc.map((part) => {
    const text = clean(call, String(part))
    return text === String(part) ? part : text
  }),
  msg: clean(call, msg),
  type: clean(call, type)
})

/** @internal */
export const failure = (
  call: Call,
  tag: Exclude<InvokeAiErrorReason["_tag"], "Unsupported">,
  options: {
    readonly detail: string
    readonly status?: number | undefined
    readonly issues?: ReadonlyArray<ValidationIssue> | undefined
    readonly code?: string | undefined
    readonly sent?: boolean | undefined
    readonly retryAfter?: number | undefined
    readonly fromServer?: boolean | undefined
  }
): InvokeAiError =>
  new InvokeAiError({
    reason: tag === "Validation" && options.issues !== undefined
      ? { _tag: tag, issues: options.issues.map((issue) => scrubbed(call, issue)) }
      : { _tag: tag },
    method: call.method,
    path: call.path,
    ...(call.server === undefined ? undefined : { server: call.server }),
    detail: clean(call, options.detail),
    ...(options.status === undefined ? undefined : { status: options.status }),
    ...(options.code === undefined ? undefined : { code: options.code }),
    ...(options.sent === undefined ? undefined : { sent: options.sent }),
    ...(options.retryAfter === undefined ? undefined : { retryAfter: options.retryAfter }),
    ...(options.fromServer === true ? { fromServer: true } : undefined)
  })

/**
 * What the server writes for an unknown route, and for an image or a video that it does not have. A `HEAD` has no body.
 */
const isUnspecific = (detail: string): boolean => detail === "" || detail === "Not Found"

const reasonOf = (
  status: number,
  fromServer: boolean,
  detail: string
): Exclude<InvokeAiErrorReason["_tag"], "Unsupported"> => {
  switch (status) {
    case 400:
    case 413:
    case 415:
    case 422:
      return "Validation"
    case 401:
      return "Unauthorized"
    case 403:
      return "Forbidden"
    // anything between program and server may respond with 404, and so does the server to a wrong path
    case 404:
      return fromServer && !isUnspecific(detail) ? "NotFound" : "Server"
    case 409:
      return "Conflict"
    default:
      return "Server"
  }
}

const IssueFromWire = Schema.Struct({
  loc: Schema.optionalKey(Schema.Array(Schema.Union([Schema.String, Schema.Number]))),
  msg: Schema.optionalKey(Schema.String),
  type: Schema.optionalKey(Schema.String)
})

const DetailFromWire = Schema.Struct({ detail: Schema.Union([Schema.String, Schema.Array(IssueFromWire)]) })

const decodeDetail = Schema.decodeUnknownOption(Schema.fromJsonString(DetailFromWire))

/**
 * Whether a failing response is an error that InvokeAI wrote: JSON with a `detail`. A proxy writes a page,
 * plain text, or JSON of another shape. The response to a `HEAD` has only a content type.
 *
 * @internal
 */
export const isFromServer = (response: HttpClientResponse.HttpClientResponse): Effect.Effect<boolean> => {
  if (!/^\s*application\/json\b/i.test(response.headers["content-type"] ?? "")) return Effect.succeed(false)
  if (response.request.method === "HEAD") return Effect.succeed(true)
  return Effect.map(Effect.orElseSucceed(response.text, () => ""), (text) => Option.isSome(decodeDetail(text)))
}

const isHtml = (response: HttpClientResponse.HttpClientResponse): boolean =>
  /^\s*text\/html/i.test(response.headers["content-type"] ?? "")

const parseError = (
  text: string,
  response: HttpClientResponse.HttpClientResponse
): { readonly detail: string; readonly issues?: ReadonlyArray<ValidationIssue> } => {
  const decoded = decodeDetail(text)
  if (decoded._tag === "Some") {
    const { detail } = decoded.value
    if (typeof detail === "string") return { detail }
    const issues = detail.slice(0, maxIssues).map(({ loc = [], msg = "", type = "" }) => ({ loc, msg, type }))
    return { detail: issues.map((issue) => `${issue.loc.join(".")}: ${issue.msg}`).join("; "), issues }
  }
  if (response.status === 400 && /HTTP request (?:was sent )?to (?:an )?HTTPS (?:port|server)/i.test(text)) {
    return { detail: "the server speaks TLS on this port; use a URL that begins with https://" }
  }
  if (isHtml(response)) return { detail: "received an HTML page, perhaps from a proxy" }
  return { detail: text.trim() }
}

/** The header has seconds or a date. */
const retryAfter = (header: string | undefined, now: number): number | undefined => {
  if (header === undefined) return undefined
  const millis = /^\s*\d+\s*$/.test(header) ? Number(header) * 1000 : Date.parse(header) - now
  return Number.isFinite(millis) ? Math.max(0, millis) : undefined
}

/** A URL or a path without user, password, query and fragment, which may hold secrets. */
const shownUrl = (location: string): string =>
  location.replace(/[?#].*$/s, "").replace(/^((?:[a-z][a-z0-9+.-]*:)?[\\/]{2,})[^\\/]*@/i, "$1")

const redirected = (response: HttpClientResponse.HttpClientResponse): string => {
  const location = response.headers["location"]
  return `the server redirects${location === undefined ? "" : ` to ${shownUrl(location)}`}; use that URL`
}

/**
 * What to change about the path of a server's URL that may be wrong, after a separator; `""` if it has no path.
 *
 * @internal
 */
export const pathAdvice = ({ pathname }: URL, separator: string): string => {
  const path = pathname.replace(/\/$/, "")
  if (path === "") return ""
  const [page = path] = /\/(?:api(?:\/v\d+)?|docs|redoc)$/.exec(path) ?? []
  return `${separator}the URL ends in ${page}: remove that unless a proxy serves InvokeAI there (INVOKEAI_URL)`
}

/**
 * Passes a response through if it can be the requested one; otherwise fails with the problem.
 *
 * @internal
 */
export const checkResponse = (
  call: Call,
  response: HttpClientResponse.HttpClientResponse
): Effect.Effect<HttpClientResponse.HttpClientResponse, InvokeAiError> => {
  const { status } = response
  if (status >= 200 && status < 300) {
    if (!isHtml(response)) return Effect.succeed(response)
    // a name with a slash matches no route, so no resource has that name; any other page can come from a proxy
    return Effect.fail(
      /%2f/i.test(call.path)
        ? failure(call, "NotFound", { status, detail: "the server's routes accept no name with a slash" })
        : failure(call, "Decode", {
          status,
          code: "ERR_HTML",
          detail: "received an HTML page: the server does not have this route, or a proxy responded" +
            (call.server === undefined ? "" : pathAdvice(new URL(call.server), "; "))
        })
    )
  }
  if (status >= 300 && status < 400) {
    return Effect.fail(failure(call, "Server", { status, detail: redirected(response) }))
  }
  return Effect.flatMap(
    // the status identifies the error; without the body, the error is only less detailed
    Effect.all([Effect.orElseSucceed(response.text, () => ""), isFromServer(response), Clock.currentTimeMillis]),
    ([text, fromServer, now]) => {
      const parsed = parseError(text, response)
      return Effect.fail(failure(call, reasonOf(status, fromServer, parsed.detail), {
        status,
        ...parsed,
        retryAfter: retryAfter(response.headers["retry-after"], now),
        fromServer
      }))
    }
  )
}

interface CauseSummary {
  readonly text: string
  readonly code: string | undefined
}

const describeCause = (cause: unknown): CauseSummary => {
  const texts: Array<string> = []
  let code: string | undefined = undefined
  let current: unknown = cause
  for (let depth = 0; depth < 5 && current instanceof Error; depth++) {
    const own: Error & { readonly code?: unknown } = current
    if (code === undefined && typeof own.code === "string" && /^[A-Z][A-Z0-9_]*$/.test(own.code)) code = own.code
    if (own.message !== "" && !texts.includes(own.message)) texts.push(own.message)
    // a failed connection to a name with several addresses keeps the reasons in a list
    current = own instanceof AggregateError && own.cause === undefined ? own.errors[0] : own.cause
  }
  if (texts.length === 0 && typeof cause === "string") texts.push(cause)
  return { text: texts.join(": "), code }
}

/** Whether a TLS client reports that the other side does not speak TLS. */
const isNoTls = ({ code, text }: CauseSummary): boolean =>
  code === "ERR_SSL_WRONG_VERSION_NUMBER" || code === "ERR_SSL_PACKET_LENGTH_TOO_LONG" ||
  (code === "EPROTO" && /wrong version number|packet length too long/.test(text))

const notSentCodes: ReadonlySet<string> = new Set([
  "ECONNREFUSED",
  "ENOTFOUND",
  "EAI_AGAIN",
  "EHOSTUNREACH",
  "ENETUNREACH",
  "UND_ERR_CONNECT_TIMEOUT",
  "ERR_INVALID_URL",
  "UND_ERR_INVALID_ARG",
  "CERT_HAS_EXPIRED",
  "DEPTH_ZERO_SELF_SIGNED_CERT",
  "SELF_SIGNED_CERT_IN_CHAIN",
  "UNABLE_TO_VERIFY_LEAF_SIGNATURE",
  "ERR_TLS_CERT_ALTNAME_INVALID"
])

/** What `fetch` of Chromium, Firefox and Safari says of any request that the page may not read the response to. */
const isBlocked = ({ text }: CauseSummary): boolean =>
  /^(?:Failed to fetch|NetworkError when attempting to fetch resource\.?|Load failed)$/.test(text)

/**
 * The same failure, with another reason and detail.
 *
 * @internal
 */
export const withReason = (error: InvokeAiError, reason: InvokeAiErrorReason, detail: string): InvokeAiError =>
  new InvokeAiError({
    reason,
    method: error.method,
    path: error.path,
    detail,
    ...(error.server === undefined ? undefined : { server: error.server }),
    ...(error.status === undefined ? undefined : { status: error.status }),
    ...(error.code === undefined ? undefined : { code: error.code }),
    ...(error.sent === undefined ? undefined : { sent: error.sent }),
    ...(error.retryAfter === undefined ? undefined : { retryAfter: error.retryAfter }),
    ...(error.fromServer === undefined ? undefined : { fromServer: error.fromServer })
  })

/**
 * The failure of a request that was not sent.
 *
 * @internal
 */
export const notSent = (call: Call, reason: InvokeAiErrorReason): InvokeAiError =>
  withReason(failure(call, "Transport", { detail: "", sent: false }), reason, "")

/** @internal */
export const fromHttpClientError = (call: Call, error: HttpClientError.HttpClientError): InvokeAiError => {
  const { reason } = error
  const { code, text } = describeCause(reason.cause)
  const detail = text !== "" ? text : reason.description ?? ""
  switch (reason._tag) {
    case "TransportError":
      if (isNoTls({ code, text })) {
        return failure(call, "Transport", {
          detail: "the server does not speak TLS on this port; use a URL that begins with http://",
          code,
          sent: false
        })
      }
      if (isBlocked({ code, text })) {
        return failure(call, "Transport", {
          detail: `${text}: the server does not respond, or does not allow requests from this page. ` +
            "Add the origin of the page to allow_origins in the server's invokeai.yaml",
          code,
          sent: call.sent
        })
      }
      return failure(call, "Transport", {
        detail: detail === "" ? "the connection failed" : detail,
        code,
        sent: code !== undefined && notSentCodes.has(code) ? false : call.sent
      })
    case "InvalidUrlError":
      return failure(call, "Transport", { detail: "the URL is invalid", code: "ERR_INVALID_URL", sent: false })
    case "EncodeError":
      return failure(call, "Validation", { detail: `the request could not be encoded: ${detail}`, sent: false })
    default:
      return reason._tag === "DecodeError" && reason.cause !== undefined
        ? failure(call, "Transport", {
          status: reason.response.status,
          detail: `the response was cut off: ${detail}`,
          code: code ?? "ERR_BODY",
          sent: true
        })
        : failure(call, "Decode", { status: reason.response.status, detail, sent: true })
  }
}

/** @internal */
export const fromSchemaError = (call: Call, error: Schema.SchemaError): InvokeAiError => {
  const detail = error.message.replace(/\s+/g, " ")
  if (!call.sent) return failure(call, "Validation", { detail, sent: false })
  return failure(call, "Decode", {
    detail,
    sent: true,
    // not JSON at all, in contrast to JSON of another shape
    ...(detail.startsWith("Expected a valid JSON") ? { code: "ERR_BODY" } : undefined)
  })
}

/** @internal */
export const timedOut = (call: Call, millis: number): InvokeAiError =>
  failure(call, "Transport", { detail: `no response within ${millis} ms`, code: "ETIMEDOUT", sent: call.sent })

/**
 * The response is about something else than the request.
 *
 * @internal
 */
export const ofAnotherRequest = (call: Call, detail: string): InvokeAiError =>
  failure(call, "Decode", { detail, code: "ERR_OTHER_REQUEST", sent: true })
