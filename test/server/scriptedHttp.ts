import type { InvokeAiOptions } from "@effect-invokeai/core/InvokeAi"
import { InvokeAiClient } from "@effect-invokeai/core/server/InvokeAiClient"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientError from "effect/http/HttpClientError"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"

/** A request as it left the client. */
export interface Seen {
  readonly method: string
  readonly url: URL
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: unknown
}

export type ScriptedResponse = Response | Error | "never"

const bodyOf = (request: HttpClientRequest.HttpClientRequest): unknown => {
  const { body } = request
  if (body._tag === "Uint8Array") return JSON.parse(new TextDecoder().decode(body.body))
  return body._tag === "FormData" ? body.formData : body._tag === "Stream" ? body : undefined
}

/** An HTTP client without a server: a function gives the response to each request. An `Error` is a connection that fails, `"never"` one that hangs. */
export const scriptedHttp = (respond: (request: Seen, index: number) => ScriptedResponse) => {
  const seen: Array<Seen> = []
  const client = HttpClient.make((request, url) =>
    Effect.suspend(() => {
      const one: Seen = {
        method: request.method,
        url,
        path: url.pathname,
        headers: { ...request.headers },
        body: bodyOf(request)
      }
      seen.push(one)
      const response = respond(one, seen.length - 1)
      if (response === "never") return Effect.never
      return response instanceof Error
        ? Effect.fail(
          new HttpClientError.HttpClientError({
            reason: new HttpClientError.TransportError({ request, cause: response })
          })
        )
        : Effect.succeed(HttpClientResponse.fromWeb(request, response))
    })
  )
  const layer = (options?: InvokeAiOptions) =>
    InvokeAiClient.layer({ url: "http://server.test:9090", ...options }).pipe(
      Layer.provide(Layer.succeed(HttpClient.HttpClient, client))
    )
  return { seen, layer }
}

export const json = (body: unknown, init?: ResponseInit): Response =>
  new Response(JSON.stringify(body), {
    ...init,
    headers: { "content-type": "application/json", ...init?.headers as Record<string, string> }
  })

export const html = (status = 200): Response =>
  new Response("<!doctype html><title>InvokeAI</title>", { status, headers: { "content-type": "text/html" } })

/** What an old server says of itself; undefined for a request about something else. */
export const selfDescription = (version: string, { path }: Seen): Response | undefined =>
  path.endsWith("/app/version")
    ? json({ version })
    : path === "/openapi.json"
    ? json({ paths: {} })
    : undefined

export const networkError = (code: string): Error =>
  new Error("fetch failed", { cause: Object.assign(new Error(`${code} 10.0.0.1:9090`), { code }) })

export const user = { user_id: "u", email: "a@b.c" }

export const timestamps = { created_at: "2026-11-22 12:34:56.789", updated_at: "2026-11-22 12:34:56.789" }

export const imageDto = (name: string) => ({
  image_name: name,
  image_url: `api/v1/images/i/${name}/full`,
  thumbnail_url: `api/v1/images/i/${name}/thumbnail`,
  image_origin: "external",
  image_category: "user",
  width: 8,
  height: 8,
  is_intermediate: false,
  starred: false,
  has_workflow: false,
  ...timestamps
})
