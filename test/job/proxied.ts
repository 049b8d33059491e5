/** A proxy between the client and its server, as a layer around the `HttpClient`. */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"

type Handled = Effect.Effect<HttpClientResponse.HttpClientResponse, HttpClientError.HttpClientError>

/** What the proxy does with a request; `forward` passes it to the server. Undefined: passes it on. */
export type Handler = (
  request: HttpClientRequest.HttpClientRequest,
  forward: Handled
) => Handled | undefined

export const proxied = (handle: Handler): Layer.Layer<HttpClient.HttpClient, never, HttpClient.HttpClient> =>
  Layer.effect(
    HttpClient.HttpClient,
    Effect.map(HttpClient.HttpClient, (client) =>
      HttpClient.make((request) => {
        const forward = client.execute(request)
        return handle(request, forward) ?? forward
      }))
  )

/** A response that the proxy writes. */
export const respond = (
  request: HttpClientRequest.HttpClientRequest,
  status: number,
  body: string,
  contentType: string
): Handled =>
  Effect.sync(() =>
    HttpClientResponse.fromWeb(request, new Response(body, { status, headers: { "content-type": contentType } }))
  )

/** Changes the JSON of a response of the server. */
export const rewrite = (
  request: HttpClientRequest.HttpClientRequest,
  forward: Handled,
  change: (body: unknown) => unknown
): Handled =>
  Effect.flatMap(
    forward,
    (response) =>
      Effect.flatMap(response.text, (text) =>
        respond(request, response.status, JSON.stringify(change(JSON.parse(text))), "application/json"))
  )

export const isEnqueue = (request: HttpClientRequest.HttpClientRequest): boolean =>
  request.method === "POST" && request.url.endsWith("/enqueue_batch")
