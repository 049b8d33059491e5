import * as Bytes from "effect/Bytes"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Stream from "effect/Stream"

type Response = HttpClientResponse.HttpClientResponse

const megabytes = (bytes: number): string => `${Math.round(bytes / 1024 / 1024 * 100) / 100} MiB`

const tooLarge = (response: Response, limit: number): HttpClientError.HttpClientError =>
  new HttpClientError.HttpClientError({
    reason: new HttpClientError.DecodeError({
      request: response.request,
      response,
      description: `the response is larger than ${
        megabytes(limit)
      }; the option maxResponseSize (INVOKEAI_MAX_RESPONSE_SIZE) sets this limit`
    })
  })

/** The announced length of the body. Unknown without a header, or if the body is compressed. @internal */
export const announcedLength = ({ headers }: Response): number | undefined => {
  const length = headers["content-length"]
  const isPacked = (headers["content-encoding"] ?? "identity") !== "identity"
  return length !== undefined && /^\d+$/.test(length) && !isPacked ? Number(length) : undefined
}

/** `expected` is the announced length in bytes. If it exceeds the limit, the first chunk ends the transfer. */
const readCounting = (
  response: Response,
  limit: number,
  expected: number
): Effect.Effect<ArrayBuffer, HttpClientError.HttpClientError> =>
  Effect.suspend(() => {
    const chunks: Array<Uint8Array> = []
    let length = 0
    return response.stream.pipe(
      Stream.runForEach((chunk) => {
        length += chunk.length
        chunks.push(chunk)
        return Math.max(length, expected) > limit ? Effect.fail(tooLarge(response, limit)) : Effect.void
      }),
      Effect.catchIf((error) => error.reason._tag === "EmptyBodyError", () => Effect.void),
      Effect.map(() => Bytes.concat(chunks).buffer)
    )
  })

/**
 * A response whose body, read as a whole, fails if it exceeds a limit in bytes. As a stream, it has no limit. Nothing
 * beyond the limit is kept in memory.
 *
 * @internal
 */
export const limited = (response: Response, limit: number): Response => {
  const length = announcedLength(response)
  // HTTP ends a body at its announced length.
  if (length !== undefined && length <= limit) return response
  // A stream can be read once, the body of a response as often as it is asked for.
  const arrayBuffer = Effect.runSync(Effect.cached(readCounting(response, limit, length ?? 0)))
  const text = Effect.map(arrayBuffer, (bytes) => new TextDecoder().decode(bytes))
  return Object.create(response, { arrayBuffer: { value: arrayBuffer }, text: { value: text } })
}

/**
 * A client whose responses are limited.
 *
 * @internal
 */
export const limit = (client: HttpClient.HttpClient, limit: number): HttpClient.HttpClient =>
  HttpClient.transformResponse(client, Effect.map((response) => limited(response, limit)))
