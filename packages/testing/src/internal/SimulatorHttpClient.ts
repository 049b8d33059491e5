/**
 * An `HttpClient` that is served by a `Simulator` in the same process, without network.
 *
 * @since 0.1.0
 */
import * as Bytes from "effect/Bytes"
import * as Effect from "effect/Effect"
import type * as HttpBody from "effect/http/HttpBody"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import * as Stream from "effect/Stream"
import { Simulator } from "../Simulator.ts"
import type { SimulatorResponse } from "./SimulatorHttp.ts"
import * as SimulatorHttp from "./SimulatorHttp.ts"

const transportError = (request: HttpClientRequest.HttpClientRequest, description: string, cause?: unknown) =>
  new HttpClientError.HttpClientError({
    reason: new HttpClientError.TransportError({ request, description, ...(cause === undefined ? {} : { cause }) })
  })

const bodyOf = (
  body: HttpBody.HttpBody
): Effect.Effect<Uint8Array | FormData | undefined, unknown> => {
  if (body._tag === "Empty") return Effect.succeed(undefined)
  if (body._tag === "Uint8Array") return Effect.succeed(body.body)
  if (body._tag === "FormData") return Effect.succeed(body.formData)
  if (body._tag === "Stream") return Effect.map(Stream.runCollect(body.stream), Bytes.concat)
  // only the caller of the client knows the type of a raw body; fetch also accepts it as a BodyInit
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const raw = body.body as BodyInit
  return Effect.map(Effect.promise(() => new Response(raw).arrayBuffer()), (buffer) => new Uint8Array(buffer))
}

const bodiless = new Set([101, 204, 205, 304])

/** Turns a response of the simulator into a web response, whose body arrives and breaks off as it does on a network. */
const toWeb = (method: string, response: SimulatorResponse): Effect.Effect<Response> => {
  const body: Effect.Effect<BodyInit | null> = method === "HEAD" || bodiless.has(response.status)
    ? Effect.succeed(null)
    : SimulatorHttp.arrivesWhole(response)
    ? Effect.succeed(response.body)
    : Stream.toReadableStreamEffect(SimulatorHttp.piecesOf(response))
  return Effect.map(body, (web) => new Response(web, { status: response.status, headers: response.headers }))
}

/**
 * The path of a request as the server sees it: decoded, without the sub-path that the server is mounted under.
 *
 * @category conversions
 * @since 0.1.0
 */
export const pathOf = (url: URL, basePath = "/"): string => {
  const path = Result.getOrElse(Result.try(() => decodeURIComponent(url.pathname)), () => url.pathname)
  const base = basePath.replace(/\/+$/, "")
  return base !== "" && path.startsWith(`${base}/`) ? path.slice(base.length) : path
}

/**
 * The client. Its responses take no time except that of the simulator.
 *
 * **Details**
 *
 * `basePath` is the sub-path of the simulated server, `/` by default.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: { readonly basePath?: string | undefined } = {}
): Layer.Layer<HttpClient.HttpClient, never, Simulator> =>
  Layer.effect(
    HttpClient.HttpClient,
    Effect.map(Simulator, (simulator) =>
      HttpClient.make((request, url) =>
        Effect.gen(function*() {
          const body = yield* Effect.mapError(
            bodyOf(request.body),
            (cause) => transportError(request, "could not read the body", cause)
          )
          const contentType = "contentType" in request.body ? request.body.contentType : undefined
          const response = yield* simulator.handle({
            method: request.method,
            path: pathOf(url, options.basePath),
            query: url.searchParams,
            headers: {
              ...(contentType === undefined ? {} : { "content-type": contentType }),
              ...request.headers
            },
            body
          }).pipe(
            Effect.catchTag("ConnectionLost", () => Effect.fail(transportError(request, "socket hang up")))
          )
          return HttpClientResponse.fromWeb(request, yield* toWeb(request.method, response))
        })
      ))
  )
