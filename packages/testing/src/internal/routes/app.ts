/** The routes of the app, of logins and of users. */
import * as Effect from "effect/Effect"
import { bodyRecord, bodyText, orRefuse, reply, type Route, route, type RouteContext, since } from "../routeSupport.ts"
import { type HttpFailure, json, refusal } from "../SimulatorHttp.ts"
import type { SimulatorUser } from "../userStore.ts"

const cookie = (token: string, seconds: number): string =>
  `invokeai_media_token=${token}; HttpOnly; Max-Age=${seconds}; Path=/api/v1; SameSite=lax`

const bearer = { "www-authenticate": "Bearer" }

const multiUserOnly = (context: RouteContext): Effect.Effect<void, HttpFailure> =>
  context.world.settings.multiUser
    ? Effect.void
    : Effect.fail(refusal(403, "Multiuser mode is disabled. Authentication is not required in single-user mode."))

const hasAdmin = (context: RouteContext): boolean =>
  [...context.world.users.users.values()].some((user) => user.isAdmin)

const findUser = (context: RouteContext): Effect.Effect<SimulatorUser, HttpFailure> =>
  orRefuse(context.world.users.users.get(context.params["user_id"] ?? ""), () => refusal(404, "User not found"))

const createUser = Effect.fnUntraced(function*(
  context: RouteContext,
  isAdmin: boolean | undefined
): Effect.fn.Return<SimulatorUser, HttpFailure> {
  const { now, world } = context
  const body = yield* bodyRecord(context)
  const email = yield* bodyText(body, "email")
  const password = yield* bodyText(body, "password")
  if (world.users.byEmail(email) !== undefined) return yield* refusal(400, `User with email ${email} already exists`)
  return world.users.add({
    userId: world.random.uuid(),
    email,
    password,
    displayName: typeof body["display_name"] === "string" ? body["display_name"] : null,
    isAdmin: isAdmin ?? body["is_admin"] === true
  }, now)
})

const endSessions = (context: RouteContext, user: SimulatorUser): void => {
  context.world.hub.closeWhere((socket) => socket.userId === user.userId, "io server disconnect")
}

const updateUser = Effect.fnUntraced(function*(context: RouteContext, user: SimulatorUser, byAdmin: boolean) {
  const changes = yield* bodyRecord(context)
  if (typeof changes["display_name"] === "string") user.displayName = changes["display_name"]
  const password = byAdmin ? changes["password"] : changes["new_password"]
  if (typeof password === "string") {
    if (!byAdmin && changes["current_password"] !== user.password) {
      return yield* refusal(400, "Current password is incorrect")
    }
    user.password = password
    // tokens from before are worth nothing now
    user.tokenEpoch += 1
    endSessions(context, user)
  }
  if (byAdmin && typeof changes["is_admin"] === "boolean") user.isAdmin = changes["is_admin"]
  if (byAdmin && typeof changes["is_active"] === "boolean" && changes["is_active"] !== user.isActive) {
    user.isActive = changes["is_active"]
    if (!user.isActive) endSessions(context, user)
  }
  user.updatedAt = context.now
  return json(context.world.users.toJson(user))
})

const auth: ReadonlyArray<Route> = [
  reply("GET", "/api/v1/auth/status", (context) => ({
    setup_required: context.world.settings.multiUser && !hasAdmin(context),
    multiuser_enabled: context.world.settings.multiUser,
    strict_password_checking: false,
    admin_email: null
  }), { isPublic: true }),
  route("POST", "/api/v1/auth/setup", function*(context) {
    yield* multiUserOnly(context)
    if (hasAdmin(context)) return yield* refusal(400, "Admin account already configured")
    const user = yield* createUser(context, true)
    return json({ success: true, user: context.world.users.toJson(user) })
  }, { isPublic: true }),
  route("POST", "/api/v1/auth/login", function*(context) {
    yield* multiUserOnly(context)
    const { now, world } = context
    const body = yield* bodyRecord(context)
    const user = world.users.byEmail(yield* bodyText(body, "email"))
    const password = yield* bodyText(body, "password")
    if (user === undefined || user.password !== password) {
      return yield* refusal(401, "Incorrect email or password", bearer)
    }
    if (!user.isActive) return yield* refusal(403, "User account is disabled")
    user.lastLoginAt = now
    const { expiresIn, token } = world.users.issue(user, body["remember_me"] === true, now)
    return json(
      { token, user: world.users.toJson(user), expires_in: expiresIn },
      200,
      world.profile.minor >= 14 ? { "set-cookie": cookie(token, expiresIn) } : {}
    )
  }, { isPublic: true }),
  route("POST", "/api/v1/auth/logout", function*() {
    return yield* Effect.succeed(json({ success: true }, 200, { "set-cookie": cookie("\"\"", 0) }))
  }),
  reply("GET", "/api/v1/auth/me", (context) => context.world.users.toJson(context.user)),
  route("PATCH", "/api/v1/auth/me", function*(context) {
    return yield* updateUser(context, context.user, false)
  }),
  route("POST", "/api/v1/auth/media-cookie", function*(context) {
    const token = (context.request.headers["authorization"] ?? "").replace(/^bearer\s+/i, "")
    return yield* Effect.succeed(json({ success: true }, 200, { "set-cookie": cookie(token, 86_400) }))
  }, { since: 14 }),
  reply(
    "GET",
    "/api/v1/auth/users",
    (context) => [...context.world.users.users.values()].toReversed().map((user) => context.world.users.toJson(user)),
    { adminOnly: true }
  ),
  route("POST", "/api/v1/auth/users", function*(context) {
    return json(context.world.users.toJson(yield* createUser(context, undefined)), 201)
  }, { adminOnly: true }),
  route("GET", "/api/v1/auth/users/{user_id}", function*(context) {
    return json(context.world.users.toJson(yield* findUser(context)))
  }, { adminOnly: true }),
  route("PATCH", "/api/v1/auth/users/{user_id}", function*(context) {
    return yield* updateUser(context, yield* findUser(context), true)
  }, { adminOnly: true }),
  route("DELETE", "/api/v1/auth/users/{user_id}", function*(context) {
    const user = yield* findUser(context)
    endSessions(context, user)
    context.world.users.users.delete(user.userId)
    return { status: 204, headers: { "content-type": "application/json" }, body: new Uint8Array() }
  }, { adminOnly: true })
]

/** All routes of this module. */
export const routes: ReadonlyArray<Route> = [
  reply("GET", "/api/v1/app/version", (context) => ({
    version: context.world.profile.version,
    ...(context.world.profile.minor < 9 ? { highlights: null } : {})
  }), { isPublic: true }),
  reply("GET", "/api/v1/app/app_deps", (context) => ({
    invokeai: context.world.profile.version,
    torch: "2.14.1+cpu"
  })),
  reply("GET", "/api/v1/app/runtime_config", (context) => ({
    set_fields: [],
    config: {
      schema_version: "4.0.3",
      host: "127.0.0.1",
      port: 9090,
      device: "cpu",
      max_queue_size: context.world.settings.maxQueueSize,
      node_cache_size: context.world.settings.cacheSize,
      multiuser: context.world.settings.multiUser
    }
  }), { adminOnly: true }),
  reply("GET", "/api/v1/app/generation_device_options", () => [{ device: "cpu", name: "CPU" }], { since: 14 }),
  reply("GET", "/api/v1/app/invocation_cache/status", (context) => context.world.cache.status, {
    adminOnly: true
  }),
  reply("DELETE", "/api/v1/app/invocation_cache", (context) => {
    context.world.cache.clear()
    return null
  }, { adminOnly: true }),
  reply("PUT", "/api/v1/app/invocation_cache/enable", (context) => {
    context.world.cache.enabled = true
    return null
  }, { adminOnly: true }),
  reply("PUT", "/api/v1/app/invocation_cache/disable", (context) => {
    context.world.cache.enabled = false
    return null
  }, { adminOnly: true }),
  ...since(12, auth)
]
