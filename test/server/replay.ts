import { InvokeAiApi } from "@effect-invokeai/core/server/InvokeAiClient"
import * as Effect from "effect/Effect"
import * as HttpApiClient from "effect/http-api/HttpApiClient"
import type * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Stream from "effect/Stream"
import { decode } from "../../packages/core/src/server/ServerEvent.ts"

/** One line of a recording of a real server. */
export interface Entry {
  readonly kind: string
  readonly method?: string
  readonly path?: string
  readonly status?: number
  readonly responseHeaders?: Readonly<Record<string, string>>
  readonly responseBody?: unknown
  readonly event?: string
  readonly data?: unknown
}

interface Route {
  readonly group: string
  readonly endpoint: string
  readonly method: string
  readonly pattern: RegExp
  readonly decode: (response: HttpClientResponse.HttpClientResponse) => Effect.Effect<unknown, unknown>
}

const pattern = (path: string): RegExp => new RegExp(`^${path.replace(/[.]/g, "\\.").replace(/:[a-z_]+/g, "[^/]+")}$`)

/** The declared routes, those with fixed paths first. */
export const routes: ReadonlyArray<Route> = Object.entries(InvokeAiApi.groups).flatMap(([group, { endpoints }]) =>
  Object.values(endpoints as unknown as Record<string, HttpApiEndpoint.Top>).map((endpoint) => ({
    group,
    endpoint: endpoint.identifier,
    method: endpoint.method,
    pattern: pattern(endpoint.path),
    decode: HttpApiClient.decodeResponse(InvokeAiApi, {
      group: group as "app",
      endpoint: endpoint.identifier as "version"
    }) as unknown as Route["decode"]
  }))
).toSorted((a, b) => Number(a.pattern.source.includes("[^/]+")) - Number(b.pattern.source.includes("[^/]+")))

export const routeOf = (method: string, path: string): Route | undefined =>
  routes.find((route) => route.method === method && route.pattern.test(path.replace(/\?.*$/, "")))

/** Decodes a recorded answer as the client does; a stream is read to its end. */
export const decodeEntry = (entry: Entry) => {
  const route = routeOf(entry.method!, entry.path!)
  if (route === undefined) return undefined
  const request = HttpClientRequest.get(`http://recorded${entry.path}`)
  const response = HttpClientResponse.fromWeb(
    request,
    new Response(
      entry.status === 204 ? null : entry.responseBody === undefined ? "" : JSON.stringify(entry.responseBody),
      { status: entry.status!, headers: { "content-type": "application/json" } }
    )
  )
  return Effect.flatMap(
    route.decode(response),
    (value) => Stream.isStream(value) ? Stream.runDrain(value as Stream.Stream<unknown>) : Effect.succeed(value)
  )
}

export const decodeEvent = (entry: Entry) => decode(entry.event!, entry.data)
