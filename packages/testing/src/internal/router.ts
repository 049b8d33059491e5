/** Finds the route of a request, checks who asks, and answers as the server does. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import { isRecord } from "./fieldValidation.ts"
import * as AppRoutes from "./routes/app.ts"
import * as BoardRoutes from "./routes/boards.ts"
import * as ImageRoutes from "./routes/images.ts"
import * as LibraryRoutes from "./routes/library.ts"
import * as ModelRoutes from "./routes/models.ts"
import * as QueueRoutes from "./routes/queue.ts"
import * as VideoRoutes from "./routes/videos.ts"
import { reply, type Route } from "./routeSupport.ts"
import {
  type HttpFailure,
  internalError,
  json,
  refusal,
  type SimulatorRequest,
  type SimulatorResponse,
  webPage
} from "./SimulatorHttp.ts"
import type { SimulatorWorld } from "./simulatorWorld.ts"
import type { SimulatorUser } from "./userStore.ts"
import * as UserStore from "./userStore.ts"

const served: ReadonlyArray<Route> = [
  ...AppRoutes.routes,
  ...QueueRoutes.routes,
  ...ImageRoutes.routes,
  ...VideoRoutes.routes,
  ...BoardRoutes.routes,
  ...LibraryRoutes.routes,
  ...ModelRoutes.routes
]

/** Query parameters by which clients tell what a server can do. */
const parameters = new Map([["GET /api/v1/workflows/", [{ name: "callable", since: 14 }]]])

/** By its fields clients tell what a server can do. */
const queueItemSchema = (minor: number): Readonly<Record<string, unknown>> => ({
  type: "object",
  properties: {
    item_id: { type: "integer" },
    status: { type: "string" },
    batch_id: { type: "string" },
    session_id: { type: "string" },
    ...(minor >= 13 ? { status_sequence: { type: "integer" } } : {}),
    ...(minor >= 14 ? { device: { type: "string" }, parent_item_id: { type: "integer" } } : {})
  }
})

/** The paths of a release, without their schemas: clients tell by them what a server can do. */
const pathsOf = (minor: number): Readonly<Record<string, Readonly<Record<string, unknown>>>> => {
  const paths = new Map<string, Record<string, unknown>>()
  for (const { method, path, since = 0 } of served) {
    if (since > minor) continue
    const entry = paths.get(path) ?? {}
    const known = (parameters.get(`${method} ${path}`) ?? []).filter((one) => one.since <= minor)
    entry[method.toLowerCase()] = known.length === 0
      ? {}
      : { parameters: known.map(({ name }) => ({ name, in: "query", required: false })) }
    paths.set(path, entry)
  }
  return Object.fromEntries(paths)
}

/** All routes that the simulator knows. */
export const routes: ReadonlyArray<Route> = [
  ...served,
  reply("GET", "/openapi.json", ({ world }) => {
    const { document } = world.catalog
    const { minor } = world.profile
    if (!isRecord(document)) return document
    const components = isRecord(document["components"]) ? document["components"] : {}
    const schemas = isRecord(components["schemas"]) ? components["schemas"] : {}
    return {
      ...document,
      paths: pathsOf(minor),
      components: { ...components, schemas: { ...schemas, SessionQueueItem: queueItemSchema(minor) } }
    }
  }, { isPublic: true })
]

interface Compiled {
  readonly route: Route
  readonly parts: ReadonlyArray<string>
}

const compiled: ReadonlyMap<string, ReadonlyArray<Compiled>> = routes.reduce((table, route) => {
  const list = table.get(route.method) ?? []
  list.push({ route, parts: route.path.split("/") })
  return table.set(route.method, list)
}, new Map<string, Array<Compiled>>())

const isParameter = (part: string): boolean => part.startsWith("{")

const match = (
  method: string,
  path: string,
  minor: number
): { readonly route: Route; readonly params: Readonly<Record<string, string>> } | undefined => {
  const actual = path.split("/")
  for (const { parts, route } of compiled.get(method) ?? []) {
    if (parts.length !== actual.length || (route.since ?? 0) > minor) continue
    if (!parts.every((part, index) => isParameter(part) ? actual[index] !== "" : part === actual[index])) continue
    const params = parts.flatMap((part, index) =>
      isParameter(part) ? [[part.slice(1, -1), actual[index] ?? ""] as const] : []
    )
    return { route, params: Object.fromEntries(params) }
  }
  return undefined
}

const unknownRoute = (world: SimulatorWorld, method: string, path: string): SimulatorResponse => {
  const { minor, webUi } = world.profile
  if (webUi) return method === "GET" || method === "HEAD" ? webPage : json({ detail: "Method Not Allowed" }, 405)
  const elsewhere = [...compiled.keys()].some((other) => match(other, path, minor) !== undefined)
  return elsewhere ? json({ detail: "Method Not Allowed" }, 405) : json({ detail: "Not Found" }, 404)
}

const mediaRoute = /\/i\/\{(?:image|video)_name\}\/(?:full|thumbnail)$/

/** The user who asks, or why nobody may. */
const authenticate = (
  world: SimulatorWorld,
  request: SimulatorRequest,
  route: Route,
  now: number
): { readonly user: SimulatorUser; readonly rememberMe: boolean } | HttpFailure => {
  const nobody = { user: UserStore.system, rememberMe: false }
  const aboutUsers = route.path.startsWith("/api/v1/auth/")
  const needsHeader = route.path === "/api/v1/auth/me"
  if (!world.settings.multiUser) {
    return needsHeader ? refusal(401, "Missing authentication credentials", { "www-authenticate": "Bearer" }) : nobody
  }
  const isMedia = mediaRoute.test(route.path)
  if (route.isPublic === true || (isMedia && world.profile.minor < 14)) return nobody
  const headers = aboutUsers ? { "www-authenticate": "Bearer" } : {}
  const header = /^bearer\s+(.+)$/i.exec(request.headers["authorization"] ?? "")?.[1]
  const cookie = /(?:^|;\s*)invokeai_media_token=([^;]+)/.exec(request.headers["cookie"] ?? "")?.[1]
  const token = header ?? (isMedia ? cookie : undefined)
  if (token === undefined) {
    return refusal(401, needsHeader ? "Missing authentication credentials" : "Authentication required", headers)
  }
  const check = world.users.check(token, now)
  if (check._tag === "Invalid") {
    return refusal(401, aboutUsers ? "Invalid or expired authentication token" : "Invalid or expired token", headers)
  }
  if (check._tag === "Inactive") return refusal(401, "User not found or inactive", headers)
  return route.adminOnly === true && !check.user.isAdmin
    ? refusal(403, "Admin privileges required")
    : { user: check.user, rememberMe: check.rememberMe }
}

const neverRefreshed = new Set(["/api/v1/auth/login", "/api/v1/auth/logout", "/api/v1/auth/media-cookie"])

/** Answers a request. */
export const answer = Effect.fnUntraced(function*(
  world: SimulatorWorld,
  request: SimulatorRequest
): Effect.fn.Return<SimulatorResponse> {
  const { method, path } = request
  const found = match(method, path, world.profile.minor)
  if (found === undefined) return unknownRoute(world, method, path)
  const now = yield* Clock.currentTimeMillis
  const who = authenticate(world, request, found.route, now)
  if (!("user" in who)) return who.response
  const context = { world, request, params: found.params, now, user: who.user }
  const response = yield* found.route.handler(context).pipe(
    Effect.catchTag("HttpFailure", (failure) => Effect.succeed(failure.response)),
    Effect.catchDefect(() => Effect.succeed(internalError.response))
  )
  const refreshes = world.settings.multiUser && found.route.isPublic !== true && response.status < 400 &&
    method !== "GET" && method !== "HEAD" && !neverRefreshed.has(found.route.path)
  if (!refreshes) return response
  const { token } = world.users.issue(who.user, who.rememberMe, now)
  return { ...response, headers: { ...response.headers, "x-refreshed-token": token } }
})
