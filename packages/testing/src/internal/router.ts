/** Finds the route of a request, checks who sent it, decodes it as declared, and responds as the server does. */
import { Since } from "@effect-invokeai/core/server/InvokeAiClient"
import * as Arr from "effect/Array"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as Predicate from "effect/Predicate"
import * as Record from "effect/Record"
import * as ServerProfile from "../ServerProfile.ts"
import * as RequestSchema from "./requestSchema.ts"
import * as AppRoutes from "./routes/app.ts"
import * as AuthRoutes from "./routes/auth.ts"
import * as BoardRoutes from "./routes/boards.ts"
import * as ImageRoutes from "./routes/images.ts"
import * as ModelRoutes from "./routes/models.ts"
import * as PromptRoutes from "./routes/prompts.ts"
import * as QueueRoutes from "./routes/queue.ts"
import * as RecordedRoutes from "./routes/recorded.ts"
import * as VideoRoutes from "./routes/videos.ts"
import * as WorkflowRoutes from "./routes/workflows.ts"
import {
  type EndpointContext,
  type Implementation,
  jsonBody,
  type RouteContext,
  type RouteOptions
} from "./routeSupport.ts"
import { type ApiImplementations, SimulatorApi } from "./simulatorApi.ts"
import {
  type HttpFailure,
  internalError,
  invalid,
  json,
  refusal,
  type SimulatorRequest,
  type SimulatorResponse,
  webPage
} from "./SimulatorHttp.ts"
import type { SimulatorWorld } from "./simulatorWorld.ts"
import type { SimulatorUser } from "./userStore.ts"
import * as UserStore from "./userStore.ts"

const implementations: ApiImplementations = {
  app: {
    ...AppRoutes.app,
    openApi: { handler: ({ world }) => Effect.sync(() => json(documentOf(world))), isPublic: true }
  },
  auth: AuthRoutes.auth,
  queue: QueueRoutes.queue,
  images: ImageRoutes.images,
  boards: BoardRoutes.boards,
  boardImages: BoardRoutes.boardImages,
  models: ModelRoutes.models,
  workflows: WorkflowRoutes.workflows,
  utilities: PromptRoutes.utilities,
  stylePresets: PromptRoutes.stylePresets,
  systemPrompts: PromptRoutes.systemPrompts,
  videos: VideoRoutes.videos,
  recorded: RecordedRoutes.recorded
}

/** An endpoint with its implementation. */
export interface Route extends RouteOptions {
  readonly isAvailable: (world: SimulatorWorld) => boolean
  readonly method: string
  /** As in OpenAPI: parts in braces are parameters. */
  readonly path: string
  readonly parts: ReadonlyArray<string>
  /** The route in the server's document. */
  readonly operation: (world: SimulatorWorld) => object
  readonly handle: (
    context: RouteContext,
    params: Readonly<Record<string, string>>
  ) => Effect.Effect<SimulatorResponse, HttpFailure>
}

const queryValues = (
  schema: RequestSchema.RequestSchema,
  search: URLSearchParams
): Readonly<Record<string, unknown>> =>
  Object.fromEntries(
    Array.from(schema.fields).filter(([name]) => search.has(name)).map(([name, isList]) => [
      name,
      isList ? search.getAll(name) : search.get(name)
    ])
  )

/** The parts of an endpoint's declaration that the router needs. */
type Endpoint = Pick<HttpApiEndpoint.Top, "method" | "path" | "params" | "query" | "payload" | "annotations">

/** Whether the emulated version has what a release introduced. Of later releases, the simulator has receipts only. */
const has = (world: SimulatorWorld, release: string | undefined): boolean =>
  release === undefined
    ? world.settings.receipts !== undefined
    : ServerProfile.minorOf(release) <= world.profile.minor

/** A schema of objects with a field at a path. */
const schemaWith = ([name, ...rest]: ReadonlyArray<string>): object =>
  name === undefined ? {} : { type: "object", properties: { [name]: schemaWith(rest) } }

const makeRoute = (endpoint: Endpoint, implementation: Implementation<never>): Route => {
  const params = endpoint.params === undefined ? undefined : RequestSchema.fromSchema(endpoint.params)
  const query = endpoint.query === undefined ? undefined : RequestSchema.fromSchema(endpoint.query)
  const [body] = Array.from(endpoint.payload.values()).flatMap(({ encoding, schemas }) =>
    encoding._tag === "Json" ? [RequestSchema.fromSchema(schemas[0])] : []
  )
  const { handler, ...options } = implementation
  const { inputs, since } = Context.get(endpoint.annotations, Since)
  return {
    ...options,
    isAvailable: (world) => has(world, since),
    operation: (world) => {
      const names = Array.from(query?.fields.keys() ?? []).filter((name) =>
        !Object.hasOwn(inputs, `query.${name}`) || has(world, inputs[`query.${name}`])
      )
      const fields = Object.keys(inputs).filter((input) => input.startsWith("payload.") && has(world, inputs[input]))
      const schema = { allOf: fields.map((field) => schemaWith(field.split(".").slice(1))) }
      return {
        ...(names.length > 0 ? { parameters: names.map((name) => ({ name, in: "query", required: false })) } : {}),
        ...(fields.length > 0 ? { requestBody: { content: { "application/json": { schema } } } } : {})
      }
    },
    method: endpoint.method,
    path: endpoint.path.replaceAll(/:(\w+)/g, "{$1}"),
    parts: endpoint.path.split("/"),
    handle: Effect.fnUntraced(function*(context, pathValues) {
      const { request } = context
      const checked = {
        params: params?.decode(pathValues, ["path"]),
        query: query?.decode(queryValues(query, request.query), ["query"]),
        payload: body === undefined || options.rawBody === true
          ? undefined
          : body.decode(yield* jsonBody(request), ["body"], options)
      }
      const issues = Object.values(checked).flatMap((part) => part === undefined || part.ok ? [] : part.issues)
      if (issues.length > 0) return yield* invalid(issues)
      const { params: inPath, payload, query: inQuery } = Record.map(
        checked,
        (part) => part?.ok === true ? part.value : undefined
      )
      const decoded: EndpointContext = { ...context, params: inPath, query: inQuery, payload }
      // decoded by the schemas of the endpoint, which `ApiImplementations` checks the handler against
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion
      return yield* handler(decoded as never)
    })
  }
}

const declaredRoutes: ReadonlyArray<Route> = Object.values(SimulatorApi.groups).flatMap((group) => {
  const ofGroup: Readonly<Record<string, Implementation<never>>> = implementations[group.identifier]
  return Object.entries<Endpoint>(group.endpoints).flatMap(([id, endpoint]) => {
    const implementation = ofGroup[id]
    return implementation === undefined ? [] : [makeRoute(endpoint, implementation)]
  })
})

/** Routes for videos without a function, with the field of the body that they require. */
const placeholders = ([
  ["GET", "/api/v1/videos/", ""],
  ["GET", "/api/v1/videos/ids", ""],
  ["GET", "/api/v1/videos/i/{video_id}", ""],
  ["PATCH", "/api/v1/videos/i/{video_id}", ""],
  ["POST", "/api/v1/videos/delete", "video_ids"],
  ["POST", "/api/v1/videos/star", "video_ids"],
  ["POST", "/api/v1/videos/unstar", "video_ids"],
  ["POST", "/api/v1/videos/videos_by_ids", "video_ids"],
  ["DELETE", "/api/v1/videos/uncategorized", ""]
] as const).map(([method, path, field]): Route => ({
  method,
  path,
  parts: path.replaceAll(/\{(\w+)\}/g, ":$1").split("/"),
  isAvailable: (world) => world.profile.hasVideoPlaceholders,
  operation: () => ({}),
  handle: Effect.fnUntraced(function*({ request }) {
    const body = field === "" ? {} : yield* jsonBody(request)
    if (field !== "" && !(Predicate.isObject(body) && Object.hasOwn(body, field))) {
      return yield* invalid([RequestSchema.missing(["body", field], null)])
    }
    return yield* refusal(501, "Not implemented")
  })
}))

/** All routes of the simulator: those of the declaration, and those that only an older version has. */
export const routes: ReadonlyArray<Route> = [...declaredRoutes, ...placeholders]

/** Clients detect the capabilities of a server by these fields. */
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

/** The paths of a version with what clients detect its capabilities by: query parameters, and newer fields of bodies. */
const pathsOf = (world: SimulatorWorld): Readonly<Record<string, Readonly<Record<string, unknown>>>> => {
  const paths = new Map<string, Record<string, unknown>>()
  for (const route of routes) {
    const { method, path } = route
    if (!route.isAvailable(world) || path === documentPath) continue
    const entry = paths.get(path) ?? {}
    entry[method.toLowerCase()] = route.operation(world)
    paths.set(path, entry)
  }
  return Object.fromEntries(paths)
}

/** A batch for servers that keep receipts. */
const batchSchema = { type: "object", properties: { idempotency_key: { type: "string" } } }

const documentPath = "/openapi.json"

const documentOf = (world: SimulatorWorld): unknown => {
  const { catalog: { document }, profile: { minor }, settings } = world
  if (!Predicate.isObject(document)) return document
  const components = Predicate.isObject(document["components"]) ? document["components"] : {}
  const schemas = Predicate.isObject(components["schemas"]) ? components["schemas"] : {}
  return {
    ...document,
    paths: pathsOf(world),
    components: {
      ...components,
      schemas: {
        ...schemas,
        SessionQueueItem: queueItemSchema(minor),
        ...(settings.receipts === undefined ? {} : { Batch: batchSchema })
      }
    }
  }
}

const byMethod: Readonly<Record<string, ReadonlyArray<Route>>> = Arr.groupBy(routes, ({ method }) => method)

const isParameter = (part: string): boolean => part.startsWith(":")

const match = (
  method: string,
  path: string,
  world: SimulatorWorld
): { readonly route: Route; readonly params: Readonly<Record<string, string>> } | undefined => {
  const actual = path.split("/")
  for (const route of byMethod[method] ?? []) {
    const { parts } = route
    if (parts.length !== actual.length || !route.isAvailable(world)) continue
    if (!parts.every((part, index) => isParameter(part) ? actual[index] !== "" : part === actual[index])) continue
    const params = parts.flatMap((part, index) =>
      isParameter(part) ? [[part.slice(1), actual[index] ?? ""] as const] : []
    )
    return { route, params: Object.fromEntries(params) }
  }
  return undefined
}

const unknownRoute = (world: SimulatorWorld, method: string, path: string): SimulatorResponse => {
  const { hasPageForUnknownPaths, webUi } = world.profile
  if (webUi) {
    if (method !== "GET" && method !== "HEAD") return json({ detail: "Method Not Allowed" }, 405)
    return hasPageForUnknownPaths ? webPage : json({ detail: "Not Found" }, 404)
  }
  const elsewhere = Object.keys(byMethod).some((other) => match(other, path, world) !== undefined)
  return elsewhere ? json({ detail: "Method Not Allowed" }, 405) : json({ detail: "Not Found" }, 404)
}

const mediaRoute = /\/i\/\{(?:image|video)_name\}\/(?:full|thumbnail)$/

/** The user of a request, or why it is rejected. */
const authenticate = (
  world: SimulatorWorld,
  request: SimulatorRequest,
  route: Route,
  now: number
): { readonly user: SimulatorUser; readonly rememberMe: boolean } | HttpFailure => {
  const anonymous = { user: UserStore.system, rememberMe: false }
  const aboutUsers = route.path.startsWith("/api/v1/auth/")
  const needsHeader = route.path === "/api/v1/auth/me"
  if (!world.settings.multiUser) {
    return needsHeader
      ? refusal(401, "Missing authentication credentials", { "www-authenticate": "Bearer" })
      : anonymous
  }
  const isMedia = mediaRoute.test(route.path)
  if (route.isPublic === true || (isMedia && world.profile.minor < 14)) return anonymous
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

/** Responds to a request. */
export const answer = Effect.fnUntraced(function*(
  world: SimulatorWorld,
  request: SimulatorRequest
): Effect.fn.Return<SimulatorResponse> {
  const { method, path } = request
  const found = match(method, path, world)
  if (found === undefined) return unknownRoute(world, method, path)
  const now = yield* Clock.currentTimeMillis
  const authenticated = authenticate(world, request, found.route, now)
  if (!("user" in authenticated)) return authenticated.response
  const response = yield* found.route.handle({ world, request, now, user: authenticated.user }, found.params).pipe(
    Effect.catchTag("HttpFailure", (failure) => Effect.succeed(failure.response)),
    Effect.catchDefect(() => Effect.succeed(internalError.response))
  )
  const refreshes = world.settings.multiUser && found.route.isPublic !== true && response.status < 400 &&
    method !== "GET" && method !== "HEAD" && !neverRefreshed.has(found.route.path)
  if (!refreshes) return response
  const { token } = world.users.issue(authenticated.user, authenticated.rememberMe, now)
  return { ...response, headers: { ...response.headers, "x-refreshed-token": token } }
})
