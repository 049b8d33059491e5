/**
 * Which routes of the real server the tests called, and how it answered: the table at the end of `pnpm test:server`.
 */
import { InvokeAiApi } from "@effect-invokeai/core/server/InvokeAiApi"
import * as Effect from "effect/Effect"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Schema from "effect/Schema"

/** One call, as a line of the file that the tests append to. */
export const Call = Schema.Struct({ method: Schema.String, path: Schema.String, status: Schema.Int })
export type Call = typeof Call.Type

const Paths = Schema.Struct({ paths: Schema.Record(Schema.String, Schema.Record(Schema.String, Schema.Unknown)) })

/** A route: `GET` and `/api/v1/boards/{board_id}`. */
export interface Route {
  readonly method: string
  readonly path: string
}

/** The routes that the library declares. */
export const declaredRoutes = (): ReadonlyArray<Route> => {
  const routes: Array<Route> = []
  HttpApi.reflect(InvokeAiApi, {
    onGroup: () => undefined,
    onEndpoint: ({ endpoint }) => {
      routes.push({ method: endpoint.method, path: endpoint.path.replace(/:(\w+)/g, "{$1}") })
    }
  })
  return routes
}

/** The routes that a server declares: `GET /api/v1/boards/{board_id}`. */
export const routesOf = Effect.fnUntraced(function*(url: string) {
  const document = yield* HttpClient.get(`${url}/openapi.json`).pipe(
    Effect.flatMap(HttpClientResponse.schemaBodyJson(Paths))
  )
  const routes = Object.entries(document.paths).flatMap(([path, operations]) =>
    Object.keys(operations).map((method) => ({ method: method.toUpperCase(), path }))
  )
  return [...routes, { method: "GET", path: "/openapi.json" }]
})

const parse = Schema.decodeUnknownSync(Schema.fromJsonString(Call))

/** A route's path as an expression: a parameter stands for anything without a slash. */
const pattern = (path: string) =>
  new RegExp(
    `^${path.split(/\{[^}]+\}/).map((part) => part.replace(/[.*+?^$()|[\]\\]/g, String.raw`\$&`)).join("[^/]+")}$`
  )

/** The routes that were called, each with its statuses and how often they came. */
export type Counts = ReadonlyMap<string, ReadonlyMap<number, number>>

const nameOf = (route: Route) => `${route.method.padEnd(6)} ${route.path}`

/** Counts the calls by route. What the server does not declare is counted by its path. */
export const count = (routes: ReadonlyArray<Route>, lines: ReadonlyArray<string>): Counts => {
  // A path without parameters wins over one whose parameter would match too.
  const known = routes
    .map((route) => ({ ...route, parameters: route.path.split("{").length, pattern: pattern(route.path) }))
    .toSorted((a, b) => a.parameters - b.parameters)
  const counts = new Map<string, Map<number, number>>()
  for (const line of lines) {
    const call = parse(line)
    const route = known.find((route) => route.method === call.method && route.pattern.test(call.path))
    const name = nameOf(route ?? { method: call.method, path: `${call.path} (not in the server's document)` })
    const statuses = counts.get(name) ?? new Map<number, number>()
    statuses.set(call.status, (statuses.get(call.status) ?? 0) + 1)
    counts.set(name, statuses)
  }
  return counts
}

/** The table: a line per route, and a column of statuses per phase. */
export const table = (
  phases: ReadonlyArray<{ readonly name: string; readonly counts: Counts }>
): ReadonlyArray<string> => {
  const names = [...new Set(phases.flatMap(({ counts }) => [...counts.keys()]))].toSorted((a, b) =>
    a.slice(7).localeCompare(b.slice(7)) || a.localeCompare(b)
  )
  const cell = (counts: Counts, name: string) =>
    [...counts.get(name) ?? []].toSorted(([a], [b]) => a - b).map(([status, times]) => `${status}×${times}`).join(" ")
  const rows = [
    ["route", ...phases.map((phase) => phase.name)],
    ...names.map((name) => [name].concat(phases.map(({ counts }) => cell(counts, name))))
  ]
  const widths = ["", ...phases].map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) => row.map((text, column) => text.padEnd(widths[column] ?? 0)).join("  ").trimEnd())
}

/**
 * The routes that the library declares, the server has, and no test called. Routes that only later servers have are not
 * for this one; where its document could not be read, every declared route counts.
 */
export const uncalled = (
  phases: ReadonlyArray<{ readonly counts: Counts; readonly routes: ReadonlyArray<Route> }>
): ReadonlyArray<string> => {
  const served = new Set(phases.flatMap(({ routes }) => routes.map(nameOf)))
  return declaredRoutes().map(nameOf).filter((name) =>
    (served.size === 0 || served.has(name)) && !phases.some(({ counts }) => counts.has(name))
  )
}
