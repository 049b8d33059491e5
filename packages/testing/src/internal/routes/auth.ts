/** The routes of logins and users. */
import * as Effect from "effect/Effect"
import * as Redacted from "effect/Redacted"
import { orReject, reply, route, type RouteContext } from "../routeSupport.ts"
import type { Implementations } from "../simulatorApi.ts"
import { type HttpFailure, json, refusal } from "../SimulatorHttp.ts"
import type { SimulatorUser } from "../userStore.ts"

/** The header that sets the cookie for images. */
export const mediaCookie = (token: string, seconds: number): Readonly<Record<string, string>> => ({
  "set-cookie": `invokeai_media_token=${token}; HttpOnly; Max-Age=${seconds}; Path=/api/v1; SameSite=lax`
})

const bearer = { "www-authenticate": "Bearer" }

const multiUserOnly = (context: RouteContext): Effect.Effect<void, HttpFailure> =>
  context.world.settings.multiUser
    ? Effect.void
    : Effect.fail(refusal(403, "Multiuser mode is disabled. Authentication is not required in single-user mode."))

const hasAdmin = (context: RouteContext): boolean =>
  [...context.world.users.users.values()].some((user) => user.isAdmin)

/** The user with an id. */
export const findUser = (context: RouteContext, id: string): Effect.Effect<SimulatorUser, HttpFailure> =>
  orReject(context.world.users.users.get(id), () => refusal(404, "User not found"))

const createUser = Effect.fnUntraced(function*(
  context: RouteContext,
  wanted: {
    readonly email: string
    readonly password: Redacted.Redacted
    readonly display_name?: string | null
    readonly is_admin?: boolean
  }
): Effect.fn.Return<SimulatorUser, HttpFailure> {
  const { now, world } = context
  const { display_name: displayName = null, email, is_admin: isAdmin = false, password } = wanted
  if (world.users.byEmail(email) !== undefined) return yield* refusal(400, `User with email ${email} already exists`)
  return world.users.add({
    userId: world.random.uuid(),
    email,
    password: Redacted.value(password),
    displayName,
    isAdmin
  }, now)
})

/** Closes the sockets of a user. */
export const endSessions = (context: RouteContext, user: SimulatorUser): void => {
  context.world.hub.closeWhere((socket) => socket.userId === user.userId, "io server disconnect")
}

/** Sets a password, which ends all sessions. */
export const setPassword = (context: RouteContext, user: SimulatorUser, password: string): void => {
  user.password = password
  // earlier tokens are invalid now
  user.tokenEpoch += 1
  endSessions(context, user)
}

/** `auth/*`, from 6.12 on. */
export const auth: Implementations<"auth"> = {
  status: reply((context) => ({
    setup_required: context.world.settings.multiUser && !hasAdmin(context),
    multiuser_enabled: context.world.settings.multiUser,
    strict_password_checking: false,
    admin_email: null
  }), { isPublic: true }),
  setup: route(function*(context) {
    yield* multiUserOnly(context)
    if (hasAdmin(context)) return yield* refusal(400, "Admin account already configured")
    const user = yield* createUser(context, { ...context.payload, is_admin: true })
    return json({ success: true, user: context.world.users.toJson(user) })
  }, { isPublic: true }),
  login: route(function*(context) {
    yield* multiUserOnly(context)
    const { now, payload, world } = context
    const user = world.users.byEmail(payload.email)
    if (user === undefined || user.password !== Redacted.value(payload.password)) {
      return yield* refusal(401, "Incorrect email or password", bearer)
    }
    if (!user.isActive) return yield* refusal(403, "User account is disabled")
    user.lastLoginAt = now
    const { expiresIn, token } = world.users.issue(user, payload.remember_me === true, now)
    return json(
      { token, user: world.users.toJson(user), expires_in: expiresIn },
      200,
      world.profile.minor >= 14 ? mediaCookie(token, expiresIn) : {}
    )
  }, { isPublic: true }),
  logout: {
    handler: () => Effect.succeed(json({ success: true }, 200, mediaCookie("\"\"", 0)))
  },
  me: reply((context) => context.world.users.toJson(context.user)),
  updateMe: route(function*(context) {
    const { payload, user } = context
    const { current_password: current, display_name: displayName, new_password: next } = payload
    if (next !== undefined && next !== null) {
      if (current === undefined || current === null || Redacted.value(current) !== user.password) {
        return yield* refusal(400, "Current password is incorrect")
      }
      setPassword(context, user, Redacted.value(next))
    }
    user.displayName = displayName ?? user.displayName
    user.updatedAt = context.now
    return json(context.world.users.toJson(user))
  }),
  users: reply(
    (context) => [...context.world.users.users.values()].toReversed().map((user) => context.world.users.toJson(user)),
    { adminOnly: true }
  ),
  createUser: route(function*(context) {
    return json(context.world.users.toJson(yield* createUser(context, context.payload)), 201)
  }, { adminOnly: true }),
  user: route(function*(context) {
    return json(context.world.users.toJson(yield* findUser(context, context.params.user_id)))
  }, { adminOnly: true }),
  deleteUser: route(function*(context) {
    const user = yield* findUser(context, context.params.user_id)
    endSessions(context, user)
    context.world.users.users.delete(user.userId)
    return { status: 204, headers: { "content-type": "application/json" }, body: new Uint8Array() }
  }, { adminOnly: true })
}
