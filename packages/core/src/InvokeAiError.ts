/**
 * The error of a call to the server, and that of an invalid option.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { TaggedError } from "./internal/TaggedError.ts"

export { InvalidOption } from "./InvalidOption.ts"

/**
 * One problem of a refused request: where in the request (`loc`, beginning with `body`, `query` or `path`), what
 * (`msg`), and its kind (`type`). The refused value itself is left out.
 *
 * @since 0.1.0
 * @category schemas
 */
export class ValidationIssue extends Schema.Opaque<ValidationIssue>()(
  Schema.Struct({
    loc: Schema.Array(Schema.Union([Schema.String, Schema.Number])),
    msg: Schema.String,
    type: Schema.String
  }).annotate({ identifier: "ValidationIssue" })
) {}

/**
 * No usable response came: no connection, a timeout, a reset, a response that was cut off, or a request that was not sent.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Transport = Schema.TaggedStruct("Transport", {})

/**
 * 401: no valid credentials.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Unauthorized = Schema.TaggedStruct("Unauthorized", {})

/**
 * 403: these credentials do not permit this, or the resource belongs to another user.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Forbidden = Schema.TaggedStruct("Forbidden", {})

/**
 * The server has no such resource. A 404 that a proxy may have written, or that the server writes for a wrong path as well, is
 * a `Server`.
 *
 * @since 0.1.0
 * @category schemas
 */
export const NotFound = Schema.TaggedStruct("NotFound", {})

/**
 * 409: the server cannot do this now.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Conflict = Schema.TaggedStruct("Conflict", {})

/**
 * 400, 413, 415 or 422: the server rejected the request as invalid, or the request could not be encoded. `issues` are the
 * problems of a 422 response, at most 50.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Validation = Schema.TaggedStruct("Validation", {
  issues: Schema.optionalKey(Schema.Array(ValidationIssue))
})

/**
 * Any other unsuccessful status.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Server = Schema.TaggedStruct("Server", {})

/**
 * The response is not what this route returns, for example HTML, or JSON of another shape.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Decode = Schema.TaggedStruct("Decode", {})

/**
 * This version of InvokeAI does not have the route, or would silently ignore an input of the request.
 *
 * **Details**
 *
 * Found with the server's own OpenAPI document, whatever the response is: servers respond to an unknown route with 404,
 * 405, 422, 501 or a web page. Nothing was changed on the server.
 *
 * @since 0.1.0
 * @category schemas
 */
export const Unsupported = Schema.TaggedStruct("Unsupported", {
  /** The version of the server, such as `6.8.1`. */
  version: Schema.String,
  /** Method and path of the route, as in the server's document: `GET /api/v1/videos/i/{video_name}`. */
  operation: Schema.String,
  /** The input that the server does not know, such as `query.callable` or `payload.board_visibility`. */
  input: Schema.optionalKey(Schema.String),
  /** The first version that has it, such as `6.14`; absent if no release has it yet. */
  since: Schema.optionalKey(Schema.String)
})

/**
 * Why a request failed, by `_tag`. `Effect.catchReason` handles one of them.
 *
 * @since 0.1.0
 * @category schemas
 */
export const InvokeAiErrorReason = Schema.Union([
  Transport,
  Unauthorized,
  Forbidden,
  NotFound,
  Conflict,
  Validation,
  Server,
  Decode,
  Unsupported
])

/**
 * Why a request failed.
 *
 * @since 0.1.0
 * @category models
 */
export type InvokeAiErrorReason = typeof InvokeAiErrorReason.Type

const isSafe = (method: string): boolean => method === "GET" || method === "HEAD"

const what: Record<InvokeAiErrorReason["_tag"], string> = {
  Transport: "received no response",
  Unauthorized: "needs valid credentials",
  Forbidden: "is not allowed",
  NotFound: "found nothing",
  Conflict: "is not possible now",
  Validation: "was rejected as invalid",
  Server: "failed on the server",
  Decode: "received a response that could not be read",
  Unsupported: "is not supported"
}

const places: Readonly<Record<string, string>> = { query: "parameter", payload: "field" }

/** The message for what a version lacks. */
const unsupported = (
  { server }: Pick<InvokeAiError, "server">,
  { input, operation, since, version }: typeof Unsupported.Type
): string => {
  const [place = "", ...path] = input?.split(".") ?? []
  const what = input === undefined ? operation : `the ${places[place] ?? place} "${path.join(".")}" of ${operation}`
  const remedy = since === undefined ? "no release has it yet" : `it needs InvokeAI ${since} or later`
  return `InvokeAI ${version}${server === undefined ? "" : ` on ${server}`} does not have ${what}: ${remedy}`
}

/**
 * A call to the server failed.
 *
 * **Details**
 *
 * Tokens and passwords appear in no member.
 *
 * **Example** (Handling one reason)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import { Images } from "@effect-invokeai/core/server/Images"
 *
 * const width = Images.use((images) => images.get("missing.png")).pipe(
 *   Effect.map((image) => image.width),
 *   Effect.catchReason("InvokeAiError", "NotFound", () => Effect.succeed(0))
 * )
 * ```
 *
 * **Gotchas**
 *
 * A missing resource is not always a 404: some routes respond with 500. A route that the version of the server lacks is
 * `Unsupported`, and never a missing resource. On a wrong path, official servers respond to reads with 404 up to 6.11, and
 * with 200 and a web page from 6.12 on; the page is a `Decode`, as that of a proxy's login is.
 *
 * @since 0.1.0
 * @category errors
 */
export class InvokeAiError extends TaggedError<InvokeAiError>()("InvokeAiError", {
  /** Why the request failed, by `_tag`. */
  reason: InvokeAiErrorReason,
  /** The HTTP method, such as `GET`. */
  method: Schema.String,
  /** The path of the request without its query. */
  path: Schema.String,
  /** The base URL of the server without credentials. */
  server: Schema.optionalKey(Schema.String),
  /** The HTTP status; absent if no response arrived. */
  status: Schema.optionalKey(Schema.Number),
  /** The message of the server or of the transport, cut to a few hundred characters. */
  detail: Schema.String,
  /** The code of the failure where there is one, such as `ECONNREFUSED` or `ERR_HTML`. */
  code: Schema.optionalKey(Schema.String),
  /** Whether the request was sent. False means that the server has not seen it; absent means unknown. */
  sent: Schema.optionalKey(Schema.Boolean),
  /**
   * True if the response is an error in InvokeAI's own format (JSON with a `detail`); absent if a proxy may have
   * written it.
   */
  fromServer: Schema.optionalKey(Schema.Boolean),
  /** How long a busy server or proxy asks to wait, in milliseconds. */
  retryAfter: Schema.optionalKey(Schema.Number)
}) {
  override get message(): string {
    if (this.reason._tag === "Unsupported") return unsupported(this, this.reason)
    const status = this.status === undefined ? "" : ` (${this.status})`
    const server = this.server === undefined ? "" : ` on ${this.server}`
    const detail = this.detail === "" ? "" : `: ${this.detail}`
    const first = this.issues[0]
    const issue = first === undefined ?
      "" :
      `: ${first.loc.join(".")}: ${first.msg}${this.issues.length > 1 ? ` (and ${this.issues.length - 1} more)` : ""}`
    const outcome = this.reason._tag === "Transport" && this.sent === false
      ? "could not be sent"
      : what[this.reason._tag]
    const remedy = this.reason._tag === "Unauthorized"
      ? ". Check the token, or the email and password (INVOKEAI_TOKEN, or INVOKEAI_EMAIL and INVOKEAI_PASSWORD)"
      : this.reason._tag === "Validation" && this.path.endsWith("/auth/login")
      ? ". Check the email and password (INVOKEAI_EMAIL and INVOKEAI_PASSWORD)"
      : ""
    return `${this.method} ${this.path}${server} ${outcome}${status}${issue === "" ? detail : issue}${remedy}`
  }

  /** The problems of a rejected request, at most 50; empty for every other reason. */
  get issues(): ReadonlyArray<ValidationIssue> {
    return this.reason._tag === "Validation" ? this.reason.issues ?? [] : []
  }

  /**
   * Whether the same call may succeed in a moment: no response came, or a broken one, or the server or a proxy was busy.
   *
   * Says nothing about whether repeating is harmless; see `isAmbiguous`.
   */
  override get isRetryable(): boolean {
    if (this.reason._tag === "Unsupported") return false
    if (this.reason._tag === "Transport") return this.code !== "ERR_INVALID_URL"
    // a 500 that reports unreadable data, as items of a poisoned batch do, stays the same
    if (this.status === 500) return !this.detail.includes("validation error")
    if (this.reason._tag === "Decode") {
      // the server has web pages for reads only: one that is the response to a change is a proxy's
      if (this.code === "ERR_BODY" || this.code === "ERR_OTHER_REQUEST") return true
      return this.code === "ERR_HTML" && !isSafe(this.method)
    }
    // not the server's word that something is missing: a proxy without its server, or a wrong path
    if (this.status === 404) return this.reason._tag !== "NotFound"
    return this.status === 408 || this.status === 429 || (this.status !== undefined && this.status > 501)
  }

  /**
   * Whether a change may have been made although the call failed.
   *
   * Only the server's own refusal says that it was not: a status from 400 to 499 other than 408 with `fromServer`. Every
   * other failure of a request that changes something is ambiguous once it was sent: a lost response (timeout, reset), a
   * response that was not understood, a 5xx, and whatever a proxy responds. False for reads, if no connection was made, and
   * if the server does not have the route.
   */
  get isAmbiguous(): boolean {
    if (this.reason._tag === "Unsupported") return false
    if (isSafe(this.method) || this.sent === false) return false
    if (this.reason._tag === "Transport" || this.reason._tag === "Decode") return true
    if (this.status === undefined || this.status < 300) return false
    return this.status >= 500 || this.status === 408 || this.fromServer !== true
  }
}
