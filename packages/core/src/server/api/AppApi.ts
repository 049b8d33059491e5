/**
 * Routes of the application itself: version, settings, invocation cache, the OpenAPI document.
 *
 * @since 0.1.0
 */
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as Schema from "effect/Schema"
import { Idempotent } from "../internal/policy.ts"
import { Since, since } from "./Since.ts"
import { JsonObject, JsonValue } from "./Wire.ts"

/**
 * The server's version.
 *
 * @since 0.1.0
 * @category schemas
 */
export class AppVersion
  extends Schema.Opaque<AppVersion>()(Schema.Struct({ version: Schema.String }).annotate({ identifier: "AppVersion" }))
{}

/**
 * State of the cache of node outputs.
 *
 * The cache is shared by all users of a server; sizes and counts are numbers of entries.
 *
 * @since 0.1.0
 * @category schemas
 */
export class InvocationCacheStatus extends Schema.Opaque<InvocationCacheStatus>()(
  Schema.Struct({
    size: Schema.Int,
    hits: Schema.Int,
    misses: Schema.Int,
    enabled: Schema.Boolean,
    max_size: Schema.Int
  }).annotate({ identifier: "InvocationCacheStatus" })
) {}

/**
 * The server's settings and the names of those that were set explicitly.
 *
 * @since 0.1.0
 * @category schemas
 */
export class RuntimeConfig extends Schema.Opaque<RuntimeConfig>()(
  Schema.Struct({
    set_fields: Schema.Array(Schema.String),
    config: JsonObject
  }).annotate({ identifier: "RuntimeConfig" })
) {}

/**
 * A device that images can be generated on (6.14).
 *
 * @since 0.1.0
 * @category schemas
 */
export class GenerationDeviceOption extends Schema.Opaque<GenerationDeviceOption>()(
  Schema.Struct({
    device: Schema.String,
    name: Schema.String
  }).annotate({ identifier: "GenerationDeviceOption" })
) {}

/**
 * `app/*` and `openapi.json`.
 *
 * @since 0.1.0
 * @category groups
 */
export class AppApi extends HttpApiGroup.make("app").add(
  HttpApiEndpoint.get("version", "/api/v1/app/version", { success: AppVersion }),
  HttpApiEndpoint.get("openApi", "/openapi.json", { success: JsonValue }),
  HttpApiEndpoint.get("appDeps", "/api/v1/app/app_deps", {
    success: Schema.Record(Schema.String, Schema.NullOr(Schema.String))
  }),
  HttpApiEndpoint.get("runtimeConfig", "/api/v1/app/runtime_config", { success: RuntimeConfig }),
  HttpApiEndpoint.get("generationDeviceOptions", "/api/v1/app/generation_device_options", {
    success: Schema.Array(GenerationDeviceOption)
  }).annotate(Since, since("6.14")),
  HttpApiEndpoint.get("invocationCacheStatus", "/api/v1/app/invocation_cache/status", {
    success: InvocationCacheStatus
  }),
  HttpApiEndpoint.delete("clearInvocationCache", "/api/v1/app/invocation_cache", { success: JsonValue }),
  HttpApiEndpoint.put("enableInvocationCache", "/api/v1/app/invocation_cache/enable", { success: JsonValue })
    .annotate(Idempotent, true),
  HttpApiEndpoint.put("disableInvocationCache", "/api/v1/app/invocation_cache/disable", { success: JsonValue })
    .annotate(Idempotent, true)
) {}
