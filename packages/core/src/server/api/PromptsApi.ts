/**
 * Routes around prompts: dynamic prompts, style presets, system prompts.
 *
 * @since 0.1.0
 */
import * as HttpApiEndpoint from "effect/http-api/HttpApiEndpoint"
import * as HttpApiGroup from "effect/http-api/HttpApiGroup"
import * as HttpApiSchema from "effect/http-api/HttpApiSchema"
import * as Schema from "effect/Schema"
import { Computation, Echoes, echoes, Idempotent } from "../internal/policy.ts"
import { Since, since } from "./Since.ts"
import { JsonValue, nullish, openLiterals, PathSegment, ServerTimestamp } from "./Wire.ts"

/**
 * The prompts that a template makes. With a syntax error `prompts` holds the template itself and `error` the reason.
 *
 * @since 0.1.0
 * @category schemas
 */
export class DynamicPromptsResponse extends Schema.Opaque<DynamicPromptsResponse>()(
  Schema.Struct({
    prompts: Schema.Array(Schema.String),
    error: nullish(Schema.String)
  }).annotate({ identifier: "DynamicPromptsResponse" })
) {}

/**
 * A template for dynamic prompts. `max_prompts` is 1 to 10000, the server's default is 1000.
 *
 * @since 0.1.0
 * @category schemas
 */
export class DynamicPromptsRequest extends Schema.Opaque<DynamicPromptsRequest>()(
  Schema.Struct({
    prompt: Schema.String,
    max_prompts: Schema.optionalKey(Schema.Int),
    combinatorial: Schema.optionalKey(Schema.Boolean),
    seed: nullish(Schema.Int)
  }).annotate({ identifier: "DynamicPromptsRequest" })
) {}

/**
 * What asks a language model for a longer prompt (6.13).
 *
 * @since 0.1.0
 * @category schemas
 */
export class ExpandPromptRequest extends Schema.Opaque<ExpandPromptRequest>()(
  Schema.Struct({
    prompt: Schema.String,
    model_key: Schema.String,
    max_tokens: Schema.optionalKey(Schema.Int),
    system_prompt: nullish(Schema.String)
  }).annotate({ identifier: "ExpandPromptRequest" })
) {}

/**
 * The expanded prompt, or why it failed.
 *
 * @since 0.1.0
 * @category schemas
 */
export class ExpandPromptResponse extends Schema.Opaque<ExpandPromptResponse>()(
  Schema.Struct({
    expanded_prompt: Schema.String,
    error: nullish(Schema.String)
  }).annotate({ identifier: "ExpandPromptResponse" })
) {}

/**
 * What asks a vision model for the prompt of an image (6.13).
 *
 * @since 0.1.0
 * @category schemas
 */
export class ImageToPromptRequest extends Schema.Opaque<ImageToPromptRequest>()(
  Schema.Struct({
    image_name: Schema.String,
    model_key: Schema.String,
    instruction: Schema.optionalKey(Schema.String)
  }).annotate({ identifier: "ImageToPromptRequest" })
) {}

/**
 * The prompt for an image, or why it failed.
 *
 * @since 0.1.0
 * @category schemas
 */
export class ImageToPromptResponse extends Schema.Opaque<ImageToPromptResponse>()(
  Schema.Struct({
    prompt: Schema.String,
    error: nullish(Schema.String)
  }).annotate({ identifier: "ImageToPromptResponse" })
) {}

/**
 * `utilities/*`.
 *
 * @since 0.1.0
 * @category groups
 */
export class UtilitiesApi extends HttpApiGroup.make("utilities").add(
  HttpApiEndpoint.post("dynamicPrompts", "/api/v1/utilities/dynamicprompts", {
    payload: DynamicPromptsRequest,
    success: DynamicPromptsResponse
  }).annotate(Idempotent, true).annotate(Computation, true),
  HttpApiEndpoint.post("expandPrompt", "/api/v1/utilities/expand-prompt", {
    payload: ExpandPromptRequest,
    success: ExpandPromptResponse
  }).annotate(Since, since("6.13")),
  HttpApiEndpoint.post("imageToPrompt", "/api/v1/utilities/image-to-prompt", {
    payload: ImageToPromptRequest,
    success: ImageToPromptResponse
  }).annotate(Since, since("6.13"))
) {}

/**
 * The two prompts of a style preset; `{prompt}` is replaced by the user's prompt.
 *
 * @since 0.1.0
 * @category schemas
 */
export class PresetData extends Schema.Opaque<PresetData>()(
  Schema.Struct({
    positive_prompt: Schema.String,
    negative_prompt: Schema.String
  }).annotate({ identifier: "PresetData" })
) {}

/**
 * A style preset.
 *
 * @since 0.1.0
 * @category schemas
 */
export class StylePreset extends Schema.Opaque<StylePreset>()(
  Schema.Struct({
    id: Schema.String,
    name: Schema.String,
    preset_data: PresetData,
    type: openLiterals(["user", "default", "project"]),
    is_public: nullish(Schema.Boolean),
    user_id: nullish(Schema.String),
    image: nullish(Schema.String)
  }).annotate({ identifier: "StylePreset" })
) {}

/**
 * The parts of a style preset upload: `data` as JSON text of name, type and prompts, `image` as a file.
 *
 * @since 0.1.0
 * @category schemas
 */
export const StylePresetBody = Schema.Struct({
  data: Schema.String,
  image: Schema.optionalKey(Schema.Unknown)
}).annotate({ identifier: "StylePresetBody" })

const preset = { style_preset_id: PathSegment }

/**
 * `style_presets/*`.
 *
 * @since 0.1.0
 * @category groups
 */
export class StylePresetsApi extends HttpApiGroup.make("stylePresets").add(
  HttpApiEndpoint.get("list", "/api/v1/style_presets/", { success: Schema.Array(StylePreset) }),
  HttpApiEndpoint.post("create", "/api/v1/style_presets/", {
    payload: StylePresetBody.pipe(HttpApiSchema.asMultipartStream()),
    success: StylePreset
  }),
  HttpApiEndpoint.get("get", "/api/v1/style_presets/i/:style_preset_id", { params: preset, success: StylePreset })
    .annotate(
      Echoes,
      echoes("params.style_preset_id", "id")
    ),
  HttpApiEndpoint.patch("update", "/api/v1/style_presets/i/:style_preset_id", {
    params: preset,
    payload: StylePresetBody.pipe(HttpApiSchema.asMultipartStream()),
    success: StylePreset
  }).annotate(Echoes, echoes("params.style_preset_id", "id")),
  HttpApiEndpoint.delete("delete", "/api/v1/style_presets/i/:style_preset_id", {
    params: preset,
    success: JsonValue
  })
) {}

/**
 * A saved instruction for language models (6.14).
 *
 * @since 0.1.0
 * @category schemas
 */
export class SystemPrompt extends Schema.Opaque<SystemPrompt>()(
  Schema.Struct({
    id: Schema.String,
    name: Schema.String,
    content: Schema.String,
    user_id: nullish(Schema.String),
    is_public: nullish(Schema.Boolean),
    created_at: nullish(ServerTimestamp),
    updated_at: nullish(ServerTimestamp)
  }).annotate({ identifier: "SystemPrompt" })
) {}

/**
 * What can be changed of a system prompt.
 *
 * @since 0.1.0
 * @category schemas
 */
export class SystemPromptChanges extends Schema.Opaque<SystemPromptChanges>()(
  Schema.Struct({
    name: nullish(Schema.String),
    content: nullish(Schema.String),
    is_public: nullish(Schema.Boolean)
  }).annotate({ identifier: "SystemPromptChanges" })
) {}

const prompt = { system_prompt_id: PathSegment }

/**
 * `system_prompts/*` (6.14).
 *
 * @since 0.1.0
 * @category groups
 */
export class SystemPromptsApi extends HttpApiGroup.make("systemPrompts").add(
  HttpApiEndpoint.get("list", "/api/v1/system_prompts/", { success: Schema.Array(SystemPrompt) }),
  HttpApiEndpoint.post("create", "/api/v1/system_prompts/", {
    payload: Schema.Struct({ name: Schema.String, content: Schema.String }),
    success: SystemPrompt
  }),
  HttpApiEndpoint.get("get", "/api/v1/system_prompts/i/:system_prompt_id", { params: prompt, success: SystemPrompt })
    .annotate(
      Echoes,
      echoes("params.system_prompt_id", "id")
    ),
  HttpApiEndpoint.patch("update", "/api/v1/system_prompts/i/:system_prompt_id", {
    params: prompt,
    payload: SystemPromptChanges,
    success: SystemPrompt
  }).annotate(Echoes, echoes("params.system_prompt_id", "id")),
  HttpApiEndpoint.delete("delete", "/api/v1/system_prompts/i/:system_prompt_id", {
    params: prompt,
    success: JsonValue
  })
).annotateEndpoints(Since, since("6.14")) {}
