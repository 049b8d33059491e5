/**
 * Requests and responses of the simulated server, independent of the transport.
 *
 * @since 0.1.0
 */
import * as Data from "effect/Data"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import type { ValidationIssue } from "./fieldValidation.ts"
import { isWellFormed } from "./wellFormed.ts"

/**
 * A request as it reaches the server.
 *
 * @category models
 * @since 0.1.0
 */
export interface SimulatorRequest {
  readonly method: string
  /** Path, decoded, without the server's sub-path. */
  readonly path: string
  readonly query: URLSearchParams
  /** Header names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array | FormData | undefined
}

/**
 * A response.
 *
 * @category models
 * @since 0.1.0
 */
export interface SimulatorResponse {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly body: Uint8Array<ArrayBuffer>
  /** How the body is sent. Default: at once. */
  readonly pieces?: { readonly size: number; readonly pause: Duration.Duration } | undefined
}

const announcedLength = ({ body, headers }: SimulatorResponse): number =>
  Number(headers["content-length"] ?? body.length)

/**
 * Whether the body of a response arrives at once, and complete.
 *
 * @internal
 */
export const arrivesWhole = (response: SimulatorResponse): boolean =>
  response.pieces === undefined && announcedLength(response) <= response.body.length

/**
 * The body of a response in its pieces. Fails at the end if the body is shorter than announced.
 *
 * @internal
 */
export const piecesOf = (response: SimulatorResponse): Stream.Stream<Uint8Array<ArrayBuffer>, TypeError> => {
  const { body, pieces } = response
  const size = pieces?.size ?? Math.max(1, body.length)
  return Stream.range(0, Math.ceil(body.length / size) - 1).pipe(
    Stream.mapEffect((index) =>
      Effect.as(
        pieces === undefined || index === 0 ? Effect.void : Effect.sleep(pieces.pause),
        body.subarray(index * size, (index + 1) * size)
      )
    ),
    Stream.concat(announcedLength(response) > body.length ? Stream.fail(new TypeError("terminated")) : Stream.empty)
  )
}

/**
 * The connection ended without a response.
 *
 * @category errors
 * @since 0.1.0
 */
export class ConnectionLost extends Data.TaggedError("ConnectionLost")<{
  /** Whether the request was carried out before the connection was lost. */
  readonly handled: boolean
}> {}

/**
 * A rejection: the response to send instead of a result.
 *
 * @internal
 */
export class HttpFailure extends Data.TaggedError("HttpFailure")<{
  readonly response: SimulatorResponse
}> {}

const textEncoder = new TextEncoder()

/**
 * A response with bytes.
 *
 * @internal
 */
export const bytes = (
  body: Uint8Array<ArrayBuffer>,
  headers: Readonly<Record<string, string>>,
  status = 200
): SimulatorResponse => ({
  status,
  headers: { ...headers, "content-length": String(body.length) },
  body
})

/**
 * A response with JSON. As on the server, a value that cannot be encoded as UTF-8 is an internal error.
 *
 * @internal
 */
export const json = (
  value: unknown,
  status = 200,
  headers: Readonly<Record<string, string>> = {}
): SimulatorResponse => {
  const body = JSON.stringify(value)
  return body.includes("\\ud") && !isWellFormed(value)
    ? internalError.response
    : bytes(textEncoder.encode(body), { "content-type": "application/json", ...headers }, status)
}

/**
 * A response with plain text.
 *
 * @internal
 */
export const text = (value: string, status: number, contentType = "text/plain; charset=utf-8"): SimulatorResponse =>
  bytes(textEncoder.encode(value), { "content-type": contentType }, status)

/**
 * A rejection with a `detail` string.
 *
 * @internal
 */
export const refusal = (
  status: number,
  detail: string,
  headers: Readonly<Record<string, string>> = {}
): HttpFailure => new HttpFailure({ response: json({ detail }, status, headers) })

/**
 * A rejection with a list of problems of the request: 422.
 *
 * @internal
 */
export const invalid = (issues: ReadonlyArray<ValidationIssue>): HttpFailure =>
  new HttpFailure({ response: json({ detail: issues }, 422) })

/**
 * The response to an exception that the server does not handle.
 *
 * @internal
 */
export const internalError: HttpFailure = new HttpFailure({ response: text("Internal Server Error", 500) })

/**
 * The page that an official server returns for unknown paths.
 *
 * @internal
 */
export const webPage: SimulatorResponse = {
  ...text(
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n  <meta charset=\"UTF-8\" />\n  <title>Invoke - Community Edition</title>\n" +
      "</head>\n<body>\n  <div id=\"root\"></div>\n</body>\n</html>\n",
    200,
    "text/html; charset=utf-8"
  )
}
