/**
 * Which routes of the real server the tests called, and how it answered: the table at the end of `pnpm test:server`.
 */
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Schema from "effect/Schema"

/** One call, as a line of the file that the tests append to. */
export const Call = Schema.Struct({ method: Schema.String, path: Schema.String, status: Schema.Int })
export type Call = typeof Call.Type

const Paths = Schema.Struct({ paths: Schema.Record(Schema.String, Schema.Record(Schema.String, Schema.Unknown)) })

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

/** The table: one line per route that was called, with each status and how often it came. */
export const table = (
  routes: ReadonlyArray<{ readonly method: string; readonly path: string }>,
  lines: ReadonlyArray<string>
): ReadonlyArray<string> => {
  // A path without parameters wins over one whose parameter would match too.
  const known = routes
    .map((route) => ({ ...route, parameters: route.path.split("{").length, pattern: pattern(route.path) }))
    .toSorted((a, b) => a.parameters - b.parameters)
  const counts = new Map<string, Map<number, number>>()
  for (const line of lines) {
    const call = parse(line)
    const route = known.find((route) => route.method === call.method && route.pattern.test(call.path))
    const name = `${call.method.padEnd(6)} ${route?.path ?? `${call.path} (not in the server's document)`}`
    const statuses = counts.get(name) ?? new Map<number, number>()
    statuses.set(call.status, (statuses.get(call.status) ?? 0) + 1)
    counts.set(name, statuses)
  }
  const rows = [...counts].toSorted(([a], [b]) => a.slice(7).localeCompare(b.slice(7)) || a.localeCompare(b))
  const width = Math.max(0, ...rows.map(([name]) => name.length))
  return rows.map(([name, statuses]) =>
    `${name.padEnd(width)}  ${
      [...statuses].toSorted(([a], [b]) => a - b).map(([status, times]) => `${status}×${times}`).join(" ")
    }`
  )
}
