/**
 * Routes of the models.
 *
 * @since 0.1.0
 */
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as Schema from "effect/Schema"
import { Echoes, echoes, Transfer } from "../internal/policy.ts"
import { oldestRelease, Since, since } from "./Since.ts"
import { JsonObject, JsonValue, nullish, openLiterals, OtherFields, PathSegment, SQLiteDirection } from "./Wire.ts"

/**
 * What a model is: `main`, `vae`, `lora`, `controlnet`, … Newer servers know more.
 *
 * @since 0.1.0
 * @category schemas
 */
export const ModelType = openLiterals([
  "onnx",
  "main",
  "vae",
  "lora",
  "control_lora",
  "controlnet",
  "embedding",
  "ip_adapter",
  "clip_vision",
  "clip_embed",
  "t2i_adapter",
  "t5_encoder",
  "qwen3_encoder",
  "spandrel_image_to_image",
  "siglip",
  "flux_redux",
  "llava_onevision",
  "text_llm",
  "unknown"
])

/**
 * What a model is.
 *
 * @since 0.1.0
 * @category models
 */
export type ModelType = typeof ModelType.Type

/**
 * The family that a model belongs to: `sd-1`, `sdxl`, `flux`, … Newer servers know more.
 *
 * @since 0.1.0
 * @category schemas
 */
export const BaseModelType = openLiterals([
  "any",
  "sd-1",
  "sd-2",
  "sd-3",
  "sdxl",
  "sdxl-refiner",
  "flux",
  "flux2",
  "cogview4",
  "z-image",
  "qwen-image",
  "wan",
  "unknown"
])

/**
 * The family that a model belongs to.
 *
 * @since 0.1.0
 * @category models
 */
export type BaseModelType = typeof BaseModelType.Type

/**
 * An installed model. Fields that only some model types have are kept unchanged.
 *
 * **Gotchas**
 *
 * `key` is different on each server. `hash` is the same on every server, unless it begins with `random:`. Names are not
 * unique across `base` and `type`.
 *
 * @since 0.1.0
 * @category schemas
 */
export class ModelConfig extends Schema.Opaque<ModelConfig>()(
  Schema.StructWithRest(
    Schema.Struct({
      key: Schema.String,
      hash: Schema.String,
      name: Schema.String,
      base: BaseModelType,
      type: ModelType,
      format: nullish(Schema.String),
      path: nullish(Schema.String),
      file_size: nullish(Schema.Finite),
      description: nullish(Schema.String),
      source: nullish(Schema.String),
      source_type: nullish(Schema.String),
      variant: nullish(Schema.String),
      trigger_phrases: nullish(Schema.Array(Schema.String)),
      default_settings: nullish(JsonObject)
    }),
    [OtherFields]
  ).annotate({ identifier: "ModelConfig" })
) {}

/**
 * The reference to a model that stands in a workflow or graph. At run time the server looks at `key` only.
 *
 * @since 0.1.0
 * @category schemas
 */
export class ModelIdentifierField extends Schema.Opaque<ModelIdentifierField>()(
  Schema.Struct({
    key: Schema.String,
    hash: Schema.String,
    name: Schema.String,
    base: BaseModelType,
    type: ModelType,
    submodel_type: nullish(Schema.String)
  }).annotate({ identifier: "ModelIdentifierField" })
) {}

/**
 * Models of the server.
 *
 * @since 0.1.0
 * @category schemas
 */
export class ModelsList extends Schema.Opaque<ModelsList>()(
  Schema.Struct({ models: Schema.Array(ModelConfig) }).annotate({ identifier: "ModelsList" })
) {}

/**
 * Status of an installation. `completed`, `error` and `cancelled` are final.
 *
 * @since 0.1.0
 * @category schemas
 */
export const InstallStatus = openLiterals([
  "waiting",
  "downloading",
  "downloads_done",
  "running",
  "paused",
  "completed",
  "error",
  "cancelled"
])

/**
 * Status of an installation.
 *
 * @since 0.1.0
 * @category models
 */
export type InstallStatus = typeof InstallStatus.Type

/**
 * The installation of a model. `bytes` of `total_bytes` are downloaded; `config_out` is the model once it is there.
 *
 * @since 0.1.0
 * @category schemas
 */
export class ModelInstallJob extends Schema.Opaque<ModelInstallJob>()(
  Schema.Struct({
    id: Schema.Int,
    status: Schema.optionalKey(InstallStatus),
    error_reason: nullish(Schema.String),
    error: nullish(Schema.String),
    error_traceback: nullish(Schema.String),
    config_in: nullish(JsonObject),
    config_out: nullish(ModelConfig),
    inplace: Schema.optionalKey(Schema.Boolean),
    source: nullish(JsonObject),
    local_path: nullish(Schema.String),
    bytes: nullish(Schema.Finite),
    total_bytes: nullish(Schema.Finite)
  }).annotate({ identifier: "ModelInstallJob" })
) {}

/**
 * What can be set or changed of a model's record. Further fields are passed on.
 *
 * @since 0.1.0
 * @category schemas
 */
export class ModelRecordChanges extends Schema.Opaque<ModelRecordChanges>()(
  Schema.StructWithRest(
    Schema.Struct({
      name: nullish(Schema.String),
      description: nullish(Schema.String),
      base: nullish(BaseModelType),
      type: nullish(ModelType),
      trigger_phrases: nullish(Schema.Array(Schema.String)),
      default_settings: nullish(JsonObject)
    }),
    [OtherFields]
  ).annotate({ identifier: "ModelRecordChanges" })
) {}

/**
 * State of the cache of loaded models; sizes are in bytes.
 *
 * @since 0.1.0
 * @category schemas
 */
export class CacheStats extends Schema.Opaque<CacheStats>()(
  Schema.Struct({
    hits: nullish(Schema.Finite),
    misses: nullish(Schema.Finite),
    high_watermark: nullish(Schema.Finite),
    in_cache: nullish(Schema.Finite),
    cleared: nullish(Schema.Finite),
    cache_size: nullish(Schema.Finite),
    loaded_model_sizes: nullish(JsonObject)
  }).annotate({ identifier: "CacheStats" })
) {}

/**
 * A model file that was found in a folder of the server.
 *
 * @since 0.1.0
 * @category schemas
 */
export class FoundModel extends Schema.Opaque<FoundModel>()(
  Schema.Struct({
    path: Schema.String,
    is_installed: Schema.Boolean
  }).annotate({ identifier: "FoundModel" })
) {}

const model = { key: PathSegment }
const job = { id: Schema.Int }

/**
 * `/api/v2/models/*`.
 *
 * **Gotchas**
 *
 * Responses with status 204 of official 6.14.2 servers arrive as 500 when the client accepts gzip, although the work is
 * done. The client asks for them with `Accept-Encoding: identity`.
 *
 * @since 0.1.0
 * @category groups
 */
export class ModelsApi extends HttpApiGroup.make("models").add(
  HttpApiEndpoint.get("list", "/api/v2/models/", {
    query: {
      base_models: Schema.optionalKey(Schema.Array(BaseModelType)),
      model_type: Schema.optionalKey(ModelType),
      model_name: Schema.optionalKey(Schema.String),
      model_format: Schema.optionalKey(Schema.String),
      order_by: Schema.optionalKey(Schema.String),
      direction: Schema.optionalKey(SQLiteDirection)
    },
    success: ModelsList
  }).annotate(Since, since(oldestRelease, { "query.order_by": "6.13", "query.direction": "6.13" })),
  HttpApiEndpoint.get("get", "/api/v2/models/i/:key", { params: model, success: ModelConfig }),
  HttpApiEndpoint.patch("update", "/api/v2/models/i/:key", {
    params: model,
    payload: ModelRecordChanges,
    success: ModelConfig
  }),
  HttpApiEndpoint.delete("delete", "/api/v2/models/i/:key", { params: model, success: HttpApiSchema.NoContent }),
  HttpApiEndpoint.get("getByHash", "/api/v2/models/get_by_hash", {
    query: { hash: Schema.String },
    success: ModelConfig
  }).annotate(Since, since("6.12")).annotate(Echoes, echoes("query.hash", "hash")),
  HttpApiEndpoint.get("missing", "/api/v2/models/missing", { success: ModelsList })
    .annotate(Since, since("6.12")),
  HttpApiEndpoint.get("scanFolder", "/api/v2/models/scan_folder", {
    query: { scan_path: Schema.String },
    success: Schema.Array(FoundModel)
  }),
  HttpApiEndpoint.get("stats", "/api/v2/models/stats", { success: Schema.NullOr(CacheStats) }),
  HttpApiEndpoint.post("emptyModelCache", "/api/v2/models/empty_model_cache", { success: JsonValue }),
  HttpApiEndpoint.post("install", "/api/v2/models/install", {
    query: {
      source: Schema.String,
      inplace: Schema.optionalKey(Schema.Boolean),
      access_token: Schema.optionalKey(Schema.Redacted(Schema.String))
    },
    payload: ModelRecordChanges,
    success: ModelInstallJob.pipe(HttpApiSchema.status(201))
  }).annotate(Transfer, true),
  HttpApiEndpoint.get("installJobs", "/api/v2/models/install", { success: Schema.Array(ModelInstallJob) }),
  HttpApiEndpoint.delete("pruneInstallJobs", "/api/v2/models/install", { success: HttpApiSchema.NoContent }),
  HttpApiEndpoint.get("installJob", "/api/v2/models/install/:id", { params: job, success: ModelInstallJob }),
  HttpApiEndpoint.delete("cancelInstallJob", "/api/v2/models/install/:id", {
    params: job,
    success: JsonValue.pipe(HttpApiSchema.status(201))
  })
) {}
