/**
 * Routes of users and logins (6.12 and later).
 *
 * @since 0.1.0
 */
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as Schema from "effect/Schema"
import { Since, since } from "./Since.ts"
import { nullish, PathSegment, ServerTimestamp } from "./Wire.ts"

/**
 * Whether the server knows users and whether its first admin exists.
 *
 * @since 0.1.0
 * @category schemas
 */
export class SetupStatus extends Schema.Opaque<SetupStatus>()(
  Schema.Struct({
    setup_required: Schema.Boolean,
    multiuser_enabled: Schema.Boolean,
    strict_password_checking: Schema.optionalKey(Schema.Boolean),
    admin_email: nullish(Schema.String)
  }).annotate({ identifier: "SetupStatus" })
) {}

/**
 * A user of the server.
 *
 * @since 0.1.0
 * @category schemas
 */
export class UserDTO extends Schema.Opaque<UserDTO>()(
  Schema.Struct({
    user_id: Schema.String,
    email: Schema.String,
    display_name: nullish(Schema.String),
    is_admin: Schema.optionalKey(Schema.Boolean),
    is_active: Schema.optionalKey(Schema.Boolean),
    created_at: nullish(ServerTimestamp),
    updated_at: nullish(ServerTimestamp),
    last_login_at: nullish(ServerTimestamp)
  }).annotate({ identifier: "UserDTO" })
) {}

/**
 * What a login needs.
 *
 * @since 0.1.0
 * @category schemas
 */
export class LoginRequest extends Schema.Opaque<LoginRequest>()(
  Schema.Struct({
    email: Schema.String,
    password: Schema.Redacted(Schema.String),
    remember_me: Schema.optionalKey(Schema.Boolean)
  }).annotate({ identifier: "LoginRequest" })
) {}

/**
 * The token of a login; `expires_in` is in seconds (86400, or 604800 with `remember_me`).
 *
 * @since 0.1.0
 * @category schemas
 */
export class LoginResponse extends Schema.Opaque<LoginResponse>()(
  Schema.Struct({
    token: Schema.Redacted(Schema.String),
    user: UserDTO,
    expires_in: Schema.Int
  }).annotate({ identifier: "LoginResponse" })
) {}

/**
 * What the first admin's account needs.
 *
 * @since 0.1.0
 * @category schemas
 */
export class SetupRequest extends Schema.Opaque<SetupRequest>()(
  Schema.Struct({
    email: Schema.String,
    display_name: nullish(Schema.String),
    password: Schema.Redacted(Schema.String)
  }).annotate({ identifier: "SetupRequest" })
) {}

/**
 * Response to the first setup.
 *
 * @since 0.1.0
 * @category schemas
 */
export const SetupResponse = Schema.Struct({
  success: Schema.Boolean,
  user: UserDTO
}).annotate({ identifier: "SetupResponse" })

/**
 * Changes to your own profile; a new password requires the current one.
 *
 * @since 0.1.0
 * @category schemas
 */
export class UserProfileUpdateRequest extends Schema.Opaque<UserProfileUpdateRequest>()(
  Schema.Struct({
    display_name: nullish(Schema.String),
    current_password: nullish(Schema.Redacted(Schema.String)),
    new_password: nullish(Schema.Redacted(Schema.String))
  }).annotate({ identifier: "UserProfileUpdateRequest" })
) {}

/**
 * A new user, as an admin makes it.
 *
 * @since 0.1.0
 * @category schemas
 */
export class AdminUserCreateRequest extends Schema.Opaque<AdminUserCreateRequest>()(
  Schema.Struct({
    email: Schema.String,
    display_name: nullish(Schema.String),
    password: Schema.Redacted(Schema.String),
    is_admin: Schema.optionalKey(Schema.Boolean)
  }).annotate({ identifier: "AdminUserCreateRequest" })
) {}

const Success = Schema.Struct({ success: Schema.Boolean })

/**
 * `auth/*`.
 *
 * @since 0.1.0
 * @category groups
 */
export class AuthApi extends HttpApiGroup.make("auth").add(
  HttpApiEndpoint.get("status", "/api/v1/auth/status", { success: SetupStatus }),
  HttpApiEndpoint.post("setup", "/api/v1/auth/setup", { payload: SetupRequest, success: SetupResponse }),
  HttpApiEndpoint.post("login", "/api/v1/auth/login", { payload: LoginRequest, success: LoginResponse }),
  HttpApiEndpoint.post("logout", "/api/v1/auth/logout", { success: Success }),
  HttpApiEndpoint.get("me", "/api/v1/auth/me", { success: UserDTO }),
  HttpApiEndpoint.patch("updateMe", "/api/v1/auth/me", { payload: UserProfileUpdateRequest, success: UserDTO }),
  HttpApiEndpoint.get("users", "/api/v1/auth/users", { success: Schema.Array(UserDTO) }),
  HttpApiEndpoint.post("createUser", "/api/v1/auth/users", {
    payload: AdminUserCreateRequest,
    success: UserDTO.pipe(HttpApiSchema.status(201))
  }),
  HttpApiEndpoint.get("user", "/api/v1/auth/users/:user_id", {
    params: { user_id: PathSegment },
    success: UserDTO
  }),
  HttpApiEndpoint.delete("deleteUser", "/api/v1/auth/users/:user_id", {
    params: { user_id: PathSegment },
    success: HttpApiSchema.NoContent
  })
).annotateEndpoints(Since, since("6.12")) {}
