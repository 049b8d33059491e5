/**
 * Users and logins of the server.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Redacted from "effect/Redacted"
import type { InvokeAiError } from "../InvokeAiError.ts"
import type {
  AdminUserCreateRequest,
  LoginResponse,
  SetupRequest,
  SetupStatus,
  UserDTO,
  UserProfileUpdateRequest
} from "./api/AuthApi.ts"
import { defined } from "./internal/paging.ts"
import { InvokeAiClient } from "./InvokeAiClient.ts"

/**
 * Users and logins of the server.
 *
 * The client logs in by itself when an e-mail address and a password are configured; this service is for everything else.
 *
 * **Details**
 *
 * Routes are below `/api/v1/auth/` (InvokeAI 6.12 or later).
 *
 * **Example** (Set up the first admin, add and delete users)
 *
 * ```ts
 * import type { Services } from "@effect-invokeai/core/InvokeAi"
 * import { Auth } from "@effect-invokeai/core/server/Auth"
 * import * as Effect from "effect/Effect"
 * import type * as Layer from "effect/Layer"
 * import type * as Redacted from "effect/Redacted"
 *
 * export const setUp = (server: Layer.Layer<Services>, password: Redacted.Redacted) =>
 *   Effect.gen(function*() {
 *     const auth = yield* Auth
 *     const { setup_required } = yield* auth.status
 *     if (setup_required) yield* auth.setup({ email: "admin@example.com", password })
 *     const { token } = yield* auth.login({ email: "admin@example.com", password, rememberMe: true })
 *     return token
 *   }).pipe(Effect.provide(server))
 *
 * // `server` is a client that is logged in as an admin.
 * export const addUser = (server: Layer.Layer<Services>, email: string, password: Redacted.Redacted) =>
 *   Effect.gen(function*() {
 *     const auth = yield* Auth
 *     const { user_id } = yield* auth.createUser({ email, password, display_name: "New" })
 *     return yield* auth.user(user_id)
 *   }).pipe(Effect.provide(server))
 *
 * export const deleteOthers = (server: Layer.Layer<Services>) =>
 *   Effect.gen(function*() {
 *     const auth = yield* Auth
 *     const others = (yield* auth.users).filter((user) => user.is_admin !== true)
 *     yield* Effect.forEach(others, (user) => auth.deleteUser(user.user_id))
 *     return yield* auth.updateMe({ display_name: "The only one" })
 *   }).pipe(Effect.provide(server))
 * ```
 *
 * @since 0.1.0
 * @category services
 */
export class Auth extends Context.Service<Auth, {
  /**
   * Reads whether the server has users and whether its first admin is still missing.
   *
   * **Details** Route: `GET status` (InvokeAI 6.12 or later). A server without the route is reported as one without
   * users.
   */
  readonly status: Effect.Effect<SetupStatus, InvokeAiError>
  /**
   * Logs in and returns a token. The client itself does not start to use it.
   *
   * **Details** Route: `POST login` (InvokeAI 6.12 or later). With `rememberMe` the token lasts 7 days instead of 1.
   *
   * **Errors** `InvokeAiError` with the reason
   * - `Unauthorized`: the password is wrong.
   * - `Forbidden`: the user is disabled, or the server has no users.
   */
  readonly login: (options: {
    readonly email: string
    readonly password: Redacted.Redacted
    readonly rememberMe?: boolean | undefined
  }) => Effect.Effect<LoginResponse, InvokeAiError>
  /** Logs out. Tokens stay valid until they expire. Route: `POST logout` (InvokeAI 6.12 or later). */
  readonly logout: Effect.Effect<void, InvokeAiError>
  /** Reads the user that the client is logged in as. Route: `GET me` (InvokeAI 6.12 or later). */
  readonly me: Effect.Effect<UserDTO, InvokeAiError>
  /**
   * Changes the user that the client is logged in as. A new password ends all other tokens of the user. Route:
   * `PATCH me` (InvokeAI 6.12 or later).
   */
  readonly updateMe: (changes: UserProfileUpdateRequest) => Effect.Effect<UserDTO, InvokeAiError>
  /** Creates the first admin of a server that has none. Route: `POST setup` (InvokeAI 6.12 or later). */
  readonly setup: (admin: SetupRequest) => Effect.Effect<UserDTO, InvokeAiError>
  /** Reads all users. Needs an admin. Route: `GET users` (InvokeAI 6.12 or later). */
  readonly users: Effect.Effect<ReadonlyArray<UserDTO>, InvokeAiError>
  /** Reads one user. Needs an admin. Route: `GET users/{user_id}` (InvokeAI 6.12 or later). */
  readonly user: (userId: string) => Effect.Effect<UserDTO, InvokeAiError>
  /** Creates a user. Needs an admin. Route: `POST users` (InvokeAI 6.12 or later). */
  readonly createUser: (user: AdminUserCreateRequest) => Effect.Effect<UserDTO, InvokeAiError>
  /** Deletes a user. Needs an admin. Route: `DELETE users/{user_id}` (InvokeAI 6.12 or later). */
  readonly deleteUser: (userId: string) => Effect.Effect<void, InvokeAiError>
}>()("@effect-invokeai/core/server/Auth") {
  /** Users and logins of the client's server. */
  static readonly layer: Layer.Layer<Auth, never, InvokeAiClient> = Layer.effect(
    Auth,
    Effect.suspend(() => Effect.map(InvokeAiClient, make))
  )
}

const make = ({ call }: InvokeAiClient["Service"]): Auth["Service"] =>
  Auth.of({
    status: call((api) => api.auth.status({})).pipe(
      Effect.catchIf(
        (error) => error.reason._tag === "Unsupported",
        () => Effect.succeed<SetupStatus>({ setup_required: false, multiuser_enabled: false })
      ),
      Effect.withSpan("Auth.status")
    ),
    login: Effect.fn("Auth.login")(({ email, password, rememberMe }) =>
      call((api) => api.auth.login({ payload: { email, password, ...defined({ remember_me: rememberMe }) } }))
    ),
    logout: call((api) => api.auth.logout({})).pipe(Effect.asVoid, Effect.withSpan("Auth.logout")),
    me: call((api) => api.auth.me({})).pipe(Effect.withSpan("Auth.me")),
    updateMe: Effect.fn("Auth.updateMe")((payload) => call((api) => api.auth.updateMe({ payload }))),
    setup: Effect.fn("Auth.setup")((payload) =>
      Effect.map(call((api) => api.auth.setup({ payload })), (result) => result.user)
    ),
    users: call((api) => api.auth.users({})).pipe(Effect.withSpan("Auth.users")),
    user: Effect.fn("Auth.user")((user_id) => call((api) => api.auth.user({ params: { user_id } }))),
    createUser: Effect.fn("Auth.createUser")((payload) => call((api) => api.auth.createUser({ payload }))),
    deleteUser: Effect.fn("Auth.deleteUser")((user_id) =>
      Effect.asVoid(call((api) => api.auth.deleteUser({ params: { user_id } })))
    )
  })
