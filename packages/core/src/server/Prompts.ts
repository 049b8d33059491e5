/**
 * Services around prompts: dynamic prompts, style presets, system prompts.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { InvokeAiError } from "../InvokeAiError.ts"
import type {
  DynamicPromptsRequest,
  DynamicPromptsResponse,
  ExpandPromptRequest,
  ExpandPromptResponse,
  ImageToPromptRequest,
  ImageToPromptResponse,
  PresetData,
  StylePreset,
  SystemPrompt,
  SystemPromptChanges
} from "./api/PromptsApi.ts"
import { form, imageType } from "./internal/upload.ts"
import { InvokeAiClient } from "./InvokeAiClient.ts"
import type { UploadData } from "./UploadData.ts"

/**
 * Work on prompts that the server does.
 *
 * **Details**
 *
 * Routes are below `/api/v1/utilities/`.
 *
 * **Example** (All prompts of a template)
 *
 * ```ts
 * import { Utilities } from "@effect-invokeai/core/server/Prompts"
 *
 * export const prompts = (template: string) =>
 *   Utilities.use((utilities) => utilities.dynamicPrompts({ prompt: template, max_prompts: 20, combinatorial: true }))
 * ```
 *
 * @since 0.1.0
 * @category services
 */
export class Utilities extends Context.Service<Utilities, {
  /**
   * Expands a dynamic prompt template.
   *
   * **Details** Route: `POST dynamicprompts`. A syntax error is reported in `error`, with the template itself as the
   * only prompt.
   */
  readonly dynamicPrompts: (request: DynamicPromptsRequest) => Effect.Effect<DynamicPromptsResponse, InvokeAiError>
  /**
   * Lets a language model of the server write a longer prompt. Route: `POST expand-prompt` (InvokeAI 6.13 or later).
   */
  readonly expandPrompt: (request: ExpandPromptRequest) => Effect.Effect<ExpandPromptResponse, InvokeAiError>
  /** Lets a model of the server describe an image. Route: `POST image-to-prompt` (InvokeAI 6.13 or later). */
  readonly imageToPrompt: (request: ImageToPromptRequest) => Effect.Effect<ImageToPromptResponse, InvokeAiError>
}>()("@effect-invokeai/core/server/Prompts/Utilities") {
  /** The utilities of the client's server. */
  static readonly layer: Layer.Layer<Utilities, never, InvokeAiClient> = Layer.effect(
    Utilities,
    Effect.map(InvokeAiClient, ({ call }) =>
      Utilities.of({
        dynamicPrompts: Effect.fn("Utilities.dynamicPrompts")((payload) =>
          call((api) => api.utilities.dynamicPrompts({ payload }))
        ),
        expandPrompt: Effect.fn("Utilities.expandPrompt")((payload) =>
          call((api) => api.utilities.expandPrompt({ payload }))
        ),
        imageToPrompt: Effect.fn("Utilities.imageToPrompt")((payload) =>
          call((api) => api.utilities.imageToPrompt({ payload }))
        )
      }))
  )
}

/**
 * A style preset to save. `{prompt}` in the prompts is replaced by the user's prompt; `image` is its preview image.
 *
 * @since 0.1.0
 * @category models
 */
export interface StylePresetInput {
  /** Name of the preset, as the InvokeAI UI shows it. */
  readonly name: string
  /** The positive and the negative prompt. `{prompt}` in them stands for the prompt of the user. */
  readonly presetData: PresetData
  /** Image of the preset. Default file name: `"preset.png"`. */
  readonly image?: { readonly data: UploadData; readonly fileName?: string | undefined } | undefined
}

const presetForm = (preset: StylePresetInput): FormData => {
  const data = JSON.stringify({
    name: preset.name,
    positive_prompt: preset.presetData.positive_prompt,
    negative_prompt: preset.presetData.negative_prompt,
    type: "user"
  })
  if (preset.image === undefined) {
    const formData = new FormData()
    formData.append("data", data)
    return formData
  }
  const fileName = preset.image.fileName ?? "preset.png"
  return form({
    field: "image",
    data: preset.image.data,
    fileName,
    contentType: imageType(fileName, preset.image.data),
    parts: { data }
  })
}

/**
 * The style presets of the server.
 *
 * **Details**
 *
 * Routes are below `/api/v1/style_presets/`.
 *
 * **Example** (Find a preset by its name)
 *
 * ```ts
 * import { StylePresets } from "@effect-invokeai/core/server/Prompts"
 * import * as Effect from "effect/Effect"
 *
 * export const presetNamed = (name: string) =>
 *   Effect.map(
 *     StylePresets.use((presets) => presets.list),
 *     (list) => list.find((preset) => preset.name === name)
 *   )
 * ```
 *
 * @since 0.1.0
 * @category services
 */
export class StylePresets extends Context.Service<StylePresets, {
  /** Reads all style presets. Route: `GET `. */
  readonly list: Effect.Effect<ReadonlyArray<StylePreset>, InvokeAiError>
  /** Reads a style preset. Route: `GET i/{style_preset_id}`. */
  readonly get: (id: string) => Effect.Effect<StylePreset, InvokeAiError>
  /** Creates a style preset and returns it. Route: `POST `. */
  readonly create: (preset: StylePresetInput) => Effect.Effect<StylePreset, InvokeAiError>
  /**
   * Replaces a style preset and returns it. Without an image, the previous image is removed. Route:
   * `PATCH i/{style_preset_id}`.
   */
  readonly update: (id: string, preset: StylePresetInput) => Effect.Effect<StylePreset, InvokeAiError>
  /** Deletes a style preset. Route: `DELETE i/{style_preset_id}`. */
  readonly delete: (id: string) => Effect.Effect<void, InvokeAiError>
}>()("@effect-invokeai/core/server/Prompts/StylePresets") {
  /** The style presets of the client's server. */
  static readonly layer: Layer.Layer<StylePresets, never, InvokeAiClient> = Layer.effect(
    StylePresets,
    Effect.map(InvokeAiClient, ({ call }) =>
      StylePresets.of({
        list: call((api) => api.stylePresets.list({})).pipe(Effect.withSpan("StylePresets.list")),
        get: Effect.fn("StylePresets.get")((style_preset_id) =>
          call((api) => api.stylePresets.get({ params: { style_preset_id } }))
        ),
        create: Effect.fn("StylePresets.create")((preset) =>
          call((api) => api.stylePresets.create({ payload: presetForm(preset) }))
        ),
        update: Effect.fn("StylePresets.update")((style_preset_id, preset) =>
          call((api) => api.stylePresets.update({ params: { style_preset_id }, payload: presetForm(preset) }))
        ),
        delete: Effect.fn("StylePresets.delete")((style_preset_id) =>
          Effect.asVoid(call((api) => api.stylePresets.delete({ params: { style_preset_id } })))
        )
      }))
  )
}

/**
 * The system prompts of the server (InvokeAI 6.14 or later).
 *
 * **Details**
 *
 * Routes are below `/api/v1/system_prompts/`.
 *
 * **Example** (Save a system prompt)
 *
 * ```ts
 * import { SystemPrompts } from "@effect-invokeai/core/server/Prompts"
 *
 * export const save = (name: string, content: string) =>
 *   SystemPrompts.use((prompts) => prompts.create({ name, content }))
 * ```
 *
 * @since 0.1.0
 * @category services
 */
export class SystemPrompts extends Context.Service<SystemPrompts, {
  /** Reads all system prompts. Route: `GET ` (InvokeAI 6.14 or later). */
  readonly list: Effect.Effect<ReadonlyArray<SystemPrompt>, InvokeAiError>
  /** Reads a system prompt. Route: `GET i/{system_prompt_id}` (InvokeAI 6.14 or later). */
  readonly get: (id: string) => Effect.Effect<SystemPrompt, InvokeAiError>
  /** Creates a system prompt and returns it. Route: `POST ` (InvokeAI 6.14 or later). */
  readonly create: (
    prompt: { readonly name: string; readonly content: string }
  ) => Effect.Effect<SystemPrompt, InvokeAiError>
  /** Changes a system prompt and returns it. Route: `PATCH i/{system_prompt_id}` (InvokeAI 6.14 or later). */
  readonly update: (id: string, changes: SystemPromptChanges) => Effect.Effect<SystemPrompt, InvokeAiError>
  /** Deletes a system prompt. Route: `DELETE i/{system_prompt_id}` (InvokeAI 6.14 or later). */
  readonly delete: (id: string) => Effect.Effect<void, InvokeAiError>
}>()("@effect-invokeai/core/server/Prompts/SystemPrompts") {
  /** The system prompts of the client's server. */
  static readonly layer: Layer.Layer<SystemPrompts, never, InvokeAiClient> = Layer.effect(
    SystemPrompts,
    Effect.map(InvokeAiClient, ({ call }) =>
      SystemPrompts.of({
        list: call((api) => api.systemPrompts.list({})).pipe(Effect.withSpan("SystemPrompts.list")),
        get: Effect.fn("SystemPrompts.get")((system_prompt_id) =>
          call((api) => api.systemPrompts.get({ params: { system_prompt_id } }))
        ),
        create: Effect.fn("SystemPrompts.create")((payload) => call((api) => api.systemPrompts.create({ payload }))),
        update: Effect.fn("SystemPrompts.update")((system_prompt_id, payload) =>
          call((api) => api.systemPrompts.update({ params: { system_prompt_id }, payload }))
        ),
        delete: Effect.fn("SystemPrompts.delete")((system_prompt_id) =>
          Effect.asVoid(call((api) => api.systemPrompts.delete({ params: { system_prompt_id } })))
        )
      }))
  )
}
