/**
 * Which methods of the library the tests called on the real server, by which routes, and how it answered: the table at
 * the end of `pnpm test:server`.
 */
import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as Cleanup from "@effect-invokeai/core/assets/Cleanup"
import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import * as InvokeAi from "@effect-invokeai/core/InvokeAi"
import { Auth } from "@effect-invokeai/core/server/Auth"
import { Boards } from "@effect-invokeai/core/server/Boards"
import { EventTransport } from "@effect-invokeai/core/server/EventTransport"
import { Images } from "@effect-invokeai/core/server/Images"
import { InvokeAiApi } from "@effect-invokeai/core/server/InvokeAiClient"
import { Models } from "@effect-invokeai/core/server/Models"
import { StylePresets, SystemPrompts, Utilities } from "@effect-invokeai/core/server/Prompts"
import { ServerInfo } from "@effect-invokeai/core/server/ServerInfo"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import { Videos } from "@effect-invokeai/core/server/Videos"
import { WorkflowLibrary } from "@effect-invokeai/core/server/WorkflowLibrary"
import * as Effect from "effect/Effect"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"

/** One call, as a line of the file that the tests append to; `by` are the names of the operations around it. */
export const Call = Schema.Struct({
  method: Schema.String,
  path: Schema.String,
  status: Schema.Int,
  by: Schema.Array(Schema.String)
})
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

/** What asks the server nothing by itself, or not this one. */
const left = new Set([
  "Assets.held",
  "Assets.imageUse",
  "Assets.leftovers",
  "Assets.retain",
  // for servers that are not released yet; used only where the server's own document has the routes
  "SessionQueue.acknowledgeEnqueue",
  "SessionQueue.enqueueReceipt",
  "SessionQueue.queueId",
  "ServerInfo.knownCapabilities",
  "ServerInfo.refresh",
  "ServerInfo.url"
])

/**
 * Every method of the services around the server, and every function over them: `Images.get`, `Downloads.outputs`. Each is
 * the name of a span.
 */
export const methods = Effect.gen(function*() {
  const services: Record<string, object> = {
    Assets: yield* Assets.Assets,
    Auth: yield* Auth,
    Boards: yield* Boards,
    Images: yield* Images,
    Models: yield* Models,
    SessionQueue: yield* SessionQueue,
    ServerInfo: yield* ServerInfo,
    StylePresets: yield* StylePresets,
    SystemPrompts: yield* SystemPrompts,
    Utilities: yield* Utilities,
    Videos: yield* Videos,
    WorkflowLibrary: yield* WorkflowLibrary
  }
  const modules: Record<string, object> = { Assets, Cleanup, Downloads }
  // what begins with a capital letter is a class or a schema
  const names = [...Object.entries(services), ...Object.entries(modules)].flatMap(([name, members]) =>
    Object.keys(members).filter((member) => /^[a-z]/.test(member)).map((member) => `${name}.${member}`)
  )
  return new Set(names.filter((name) => !left.has(name)))
}).pipe(Effect.provide(
  // nothing is sent: the services are only looked at
  InvokeAi.layer().pipe(Layer.provide([
    Layer.succeed(HttpClient.HttpClient, HttpClient.make(() => Effect.never)),
    Layer.mock(EventTransport, {})
  ]))
))

/** A route's path as an expression: a parameter stands for anything without a slash. */
const pattern = (path: string) =>
  new RegExp(
    `^${path.split(/\{[^}]+\}/).map((part) => part.replace(/[.*+?^$()|[\]\\]/g, String.raw`\$&`)).join("[^/]+")}$`
  )

/** What was called: a line of the table for each method and route, with the statuses and how often they came. */
export interface Counts {
  readonly rows: ReadonlyMap<string, ReadonlyMap<number, number>>
  readonly routes: ReadonlySet<string>
  /** All methods that were at work, also those that called others. */
  readonly methods: ReadonlySet<string>
}

/** A route as tests and messages name it: `GET /api/v1/boards/{board_id}`. */
export const nameOf = (route: Route): string => `${route.method} ${route.path}`

const methodWidth = 36

/** Counts the calls by method and route. What the server does not declare is counted by its path. */
export const count = (
  routes: ReadonlyArray<Route>,
  known: ReadonlySet<string>,
  lines: ReadonlyArray<string>
): Counts => {
  // A path without parameters wins over one whose parameter would match too.
  const patterns = routes
    .map((route) => ({ ...route, parameters: route.path.split("{").length, pattern: pattern(route.path) }))
    .toSorted((a, b) => a.parameters - b.parameters)
  const rows = new Map<string, Map<number, number>>()
  const called = new Set<string>()
  const methods = new Set<string>()
  for (const line of lines) {
    const call = parse(line)
    const route = patterns.find((route) => route.method === call.method && route.pattern.test(call.path))
    const shown = route ?? { method: call.method, path: `${call.path} (not in the server's document)` }
    const by = call.by.filter((name) => known.has(name))
    const row = `${(by[0] ?? "(the client itself)").padEnd(methodWidth)} ${shown.method.padEnd(6)} ${shown.path}`
    const statuses = rows.get(row) ?? new Map<number, number>()
    statuses.set(call.status, (statuses.get(call.status) ?? 0) + 1)
    rows.set(row, statuses)
    called.add(nameOf(shown))
    for (const method of by) methods.add(method)
  }
  return { rows, routes: called, methods }
}

/** The table: a line per method and route, and a column of statuses per phase. */
export const table = (
  phases: ReadonlyArray<{ readonly name: string; readonly counts: Counts }>
): ReadonlyArray<string> => {
  const names = [...new Set(phases.flatMap(({ counts }) => [...counts.rows.keys()]))].toSorted((a, b) =>
    a.localeCompare(b)
  )
  const cell = (counts: Counts, name: string) =>
    [...counts.rows.get(name) ?? []].toSorted(([a], [b]) => a - b).map(([status, times]) => `${status}×${times}`).join(
      " "
    )
  const rows = [
    [`${"method".padEnd(methodWidth)} route`, ...phases.map((phase) => phase.name)],
    ...names.map((name) => [name].concat(phases.map(({ counts }) => cell(counts, name))))
  ]
  const widths = ["", ...phases].map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0)))
  return rows.map((row) => row.map((text, column) => text.padEnd(widths[column] ?? 0)).join("  ").trimEnd())
}

/**
 * The routes that the library declares, the server has, and no test called. Routes that only later servers have are not
 * for this one.
 */
export const uncalled = (
  phases: ReadonlyArray<{ readonly counts: Counts; readonly routes: ReadonlyArray<Route> }>
): ReadonlyArray<string> => {
  const served = new Set(phases.flatMap(({ routes }) => routes.map(nameOf)))
  return declaredRoutes().map(nameOf).filter((name) =>
    served.has(name) && !phases.some(({ counts }) => counts.routes.has(name))
  )
}

/** The methods that no test called on the server. */
export const untried = (
  known: ReadonlySet<string>,
  phases: ReadonlyArray<{ readonly counts: Counts }>
): ReadonlyArray<string> =>
  [...known].filter((name) => !phases.some(({ counts }) => counts.methods.has(name))).toSorted()
