/**
 * Fields that choose a model. All hold the same value; their tags say which kind of model the server takes there.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import type { ModelConstraint } from "../../catalog/NodeTemplate.ts"
import { isRecord } from "../../internal/json.ts"
import type { InkKind } from "./kind.ts"
import {
  AcceptedModels,
  describeAcceptedModels,
  modelLabel,
  ModelReference,
  modelViolations,
  readModel
} from "./modelReference.ts"

const modelField = <const Tag extends string>(tag: Tag) =>
  Schema.TaggedStruct(tag, { value: Schema.optionalKey(ModelReference), accepts: AcceptedModels })

/**
 * A main model, or a model of any kind where the server does not say which.
 *
 * **Details**
 *
 * Like all model fields it accepts `{ key, hash, name, base, type }`, the same without `hash`, a key, a name, or a model
 * of the `Models` service. A model whose type or base the field does not take is refused at once.
 *
 * @category models
 * @since 0.1.0
 */
export const InkModelIdentifierField = modelField("InkModelIdentifierField")

/**
 * A main model, or a model of any kind where the server does not say which.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkModelIdentifierField extends Schema.Schema.Type<typeof InkModelIdentifierField> {}

/**
 * A T5 text encoder.
 *
 * @category models
 * @since 0.1.0
 */
export const InkT5EncoderField = modelField("InkT5EncoderField")

/**
 * A T5 text encoder.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkT5EncoderField extends Schema.Schema.Type<typeof InkT5EncoderField> {}

/**
 * A CLIP text encoder.
 *
 * @category models
 * @since 0.1.0
 */
export const InkCLIPEmbedField = modelField("InkCLIPEmbedField")

/**
 * A CLIP text encoder.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkCLIPEmbedField extends Schema.Schema.Type<typeof InkCLIPEmbedField> {}

/**
 * A VAE.
 *
 * @category models
 * @since 0.1.0
 */
export const InkVAEModelField = modelField("InkVAEModelField")

/**
 * A VAE.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkVAEModelField extends Schema.Schema.Type<typeof InkVAEModelField> {}

/**
 * A LoRA.
 *
 * @category models
 * @since 0.1.0
 */
export const InkLoRAModelField = modelField("InkLoRAModelField")

/**
 * A LoRA.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkLoRAModelField extends Schema.Schema.Type<typeof InkLoRAModelField> {}

/**
 * A control LoRA.
 *
 * @category models
 * @since 0.1.0
 */
export const InkControlLoRAModelField = modelField("InkControlLoRAModelField")

/**
 * A control LoRA.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkControlLoRAModelField extends Schema.Schema.Type<typeof InkControlLoRAModelField> {}

/**
 * A ControlNet.
 *
 * @category models
 * @since 0.1.0
 */
export const InkControlNetModelField = modelField("InkControlNetModelField")

/**
 * A ControlNet.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkControlNetModelField extends Schema.Schema.Type<typeof InkControlNetModelField> {}

/**
 * An IP adapter.
 *
 * @category models
 * @since 0.1.0
 */
export const InkIPAdapterModelField = modelField("InkIPAdapterModelField")

/**
 * An IP adapter.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkIPAdapterModelField extends Schema.Schema.Type<typeof InkIPAdapterModelField> {}

/**
 * A T2I adapter.
 *
 * @category models
 * @since 0.1.0
 */
export const InkT2IAdapterModelField = modelField("InkT2IAdapterModelField")

/**
 * A T2I adapter.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkT2IAdapterModelField extends Schema.Schema.Type<typeof InkT2IAdapterModelField> {}

/**
 * A CLIP vision model.
 *
 * @category models
 * @since 0.1.0
 */
export const InkCLIPVisionModelField = modelField("InkCLIPVisionModelField")

/**
 * A CLIP vision model.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkCLIPVisionModelField extends Schema.Schema.Type<typeof InkCLIPVisionModelField> {}

/**
 * A SigLIP model.
 *
 * @category models
 * @since 0.1.0
 */
export const InkSigLIPModelField = modelField("InkSigLIPModelField")

/**
 * A SigLIP model.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkSigLIPModelField extends Schema.Schema.Type<typeof InkSigLIPModelField> {}

/**
 * A FLUX Redux model.
 *
 * @category models
 * @since 0.1.0
 */
export const InkFluxReduxModelField = modelField("InkFluxReduxModelField")

/**
 * A FLUX Redux model.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkFluxReduxModelField extends Schema.Schema.Type<typeof InkFluxReduxModelField> {}

/**
 * A LLaVA OneVision model.
 *
 * @category models
 * @since 0.1.0
 */
export const InkLlavaOnevisionModelField = modelField("InkLlavaOnevisionModelField")

/**
 * A LLaVA OneVision model.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkLlavaOnevisionModelField extends Schema.Schema.Type<typeof InkLlavaOnevisionModelField> {}

/**
 * An image-to-image model such as an upscaler.
 *
 * @category models
 * @since 0.1.0
 */
export const InkSpandrelModelField = modelField("InkSpandrelModelField")

/**
 * An image-to-image model such as an upscaler.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkSpandrelModelField extends Schema.Schema.Type<typeof InkSpandrelModelField> {}

/**
 * A language model.
 *
 * @category models
 * @since 0.1.0
 */
export const InkTextLLMField = modelField("InkTextLLMField")

/**
 * A language model.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkTextLLMField extends Schema.Schema.Type<typeof InkTextLLMField> {}

/**
 * A Gemma 2 text encoder.
 *
 * @category models
 * @since 0.1.0
 */
export const InkGemma2EncoderField = modelField("InkGemma2EncoderField")

/**
 * A Gemma 2 text encoder.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkGemma2EncoderField extends Schema.Schema.Type<typeof InkGemma2EncoderField> {}

/**
 * A Mistral text encoder.
 *
 * @category models
 * @since 0.1.0
 */
export const InkMistralEncoderField = modelField("InkMistralEncoderField")

/**
 * A Mistral text encoder.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkMistralEncoderField extends Schema.Schema.Type<typeof InkMistralEncoderField> {}

/**
 * A PiD decoder.
 *
 * @category models
 * @since 0.1.0
 */
export const InkPiDDecoderModelField = modelField("InkPiDDecoderModelField")

/**
 * A PiD decoder.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkPiDDecoderModelField extends Schema.Schema.Type<typeof InkPiDDecoderModelField> {}

/**
 * A Qwen3 text encoder.
 *
 * @category models
 * @since 0.1.0
 */
export const InkQwen3EncoderField = modelField("InkQwen3EncoderField")

/**
 * A Qwen3 text encoder.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkQwen3EncoderField extends Schema.Schema.Type<typeof InkQwen3EncoderField> {}

/**
 * A Qwen3-VL encoder.
 *
 * @category models
 * @since 0.1.0
 */
export const InkQwen3VLEncoderField = modelField("InkQwen3VLEncoderField")

/**
 * A Qwen3-VL encoder.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkQwen3VLEncoderField extends Schema.Schema.Type<typeof InkQwen3VLEncoderField> {}

/**
 * A Qwen-VL encoder.
 *
 * @category models
 * @since 0.1.0
 */
export const InkQwenVLEncoderField = modelField("InkQwenVLEncoderField")

/**
 * A Qwen-VL encoder.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkQwenVLEncoderField extends Schema.Schema.Type<typeof InkQwenVLEncoderField> {}

/**
 * A T5 text encoder of Wan.
 *
 * @category models
 * @since 0.1.0
 */
export const InkWanT5EncoderField = modelField("InkWanT5EncoderField")

/**
 * A T5 text encoder of Wan.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkWanT5EncoderField extends Schema.Schema.Type<typeof InkWanT5EncoderField> {}

/**
 * A model that an external service runs.
 *
 * @category models
 * @since 0.1.0
 */
export const InkExternalImageGeneratorField = modelField("InkExternalImageGeneratorField")

/**
 * A model that an external service runs.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkExternalImageGeneratorField extends Schema.Schema.Type<typeof InkExternalImageGeneratorField> {}

/** The model fields, by the one type of model that each takes. */
const fields = {
  main: InkModelIdentifierField,
  t5_encoder: InkT5EncoderField,
  clip_embed: InkCLIPEmbedField,
  vae: InkVAEModelField,
  lora: InkLoRAModelField,
  control_lora: InkControlLoRAModelField,
  controlnet: InkControlNetModelField,
  ip_adapter: InkIPAdapterModelField,
  t2i_adapter: InkT2IAdapterModelField,
  clip_vision: InkCLIPVisionModelField,
  siglip: InkSigLIPModelField,
  flux_redux: InkFluxReduxModelField,
  llava_onevision: InkLlavaOnevisionModelField,
  spandrel_image_to_image: InkSpandrelModelField,
  text_llm: InkTextLLMField,
  gemma2_encoder: InkGemma2EncoderField,
  mistral_encoder: InkMistralEncoderField,
  pid_decoder: InkPiDDecoderModelField,
  qwen3_encoder: InkQwen3EncoderField,
  qwen3_vl_encoder: InkQwen3VLEncoderField,
  qwen_vl_encoder: InkQwenVLEncoderField,
  wan_t5_encoder: InkWanT5EncoderField,
  external_image_generator: InkExternalImageGeneratorField
}

/**
 * Any model field.
 *
 * @category models
 * @since 0.1.0
 */
export const InkModelField = Schema.Union(Object.values(fields))

/**
 * Any model field.
 *
 * @category models
 * @since 0.1.0
 */
export type InkModelField =
  | InkModelIdentifierField
  | InkT5EncoderField
  | InkCLIPEmbedField
  | InkVAEModelField
  | InkLoRAModelField
  | InkControlLoRAModelField
  | InkControlNetModelField
  | InkIPAdapterModelField
  | InkT2IAdapterModelField
  | InkCLIPVisionModelField
  | InkSigLIPModelField
  | InkFluxReduxModelField
  | InkLlavaOnevisionModelField
  | InkSpandrelModelField
  | InkTextLLMField
  | InkGemma2EncoderField
  | InkMistralEncoderField
  | InkPiDDecoderModelField
  | InkQwen3EncoderField
  | InkQwen3VLEncoderField
  | InkQwenVLEncoderField
  | InkWanT5EncoderField
  | InkExternalImageGeneratorField

/** The tags of model fields, by the one type of model that each takes. */
const tags: ReadonlyMap<string, InkModelField["_tag"]> = new Map(
  Object.entries(fields).map(([type, field]) => [type, field.fields._tag.schema.literal])
)

/** The tag of the field for some models: by the one type that they have, else `InkModelIdentifierField`. */
const tagOf = ({ type = [] }: ModelConstraint): InkModelField["_tag"] =>
  (type.length === 1 ? tags.get(type[0] ?? "") : undefined) ?? "InkModelIdentifierField"

/** @internal */
export const modelKind: InkKind<InkModelField> = {
  types: ["ModelIdentifierField"],
  empty: ({ models = {} }) => ({ _tag: tagOf(models), accepts: models }),
  format: modelLabel,
  read: (_, stored) => isRecord(stored) ? readModel(stored) : undefined,
  coerce: (field, input) => {
    const model = readModel(input)
    if (model === undefined || !isRecord(input)) return model
    const format = input["format"]
    const known = Object.assign({ variant: input["variant"] }, model, typeof format === "string" ? { format } : {})
    return modelViolations(field.accepts, known).length === 0 ? model : undefined
  },
  describe: (input) => {
    const model = isRecord(input) ? readModel(input) : undefined
    if (model === undefined) return undefined
    const type = model.type === undefined ? "" : ` of type ${model.type}`
    const base = model.base === undefined ? "" : ` for ${model.base}`
    return `${modelLabel(model).slice(0, 60)}${type}${base}`
  },
  expected: (field) => `${describeAcceptedModels(field.accepts)}: { key, name, base, type }, a key, or a name`
}
