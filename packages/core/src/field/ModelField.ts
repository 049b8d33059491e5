/**
 * Fields that hold a model. All have the same type of value; the tag shows which type of model the server accepts.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { AcceptedModels, ModelReference } from "./fields/modelReference.ts"

/** The class of a field that accepts models of one type. */
const modelField = <Self>() => <const Tag extends string>(tag: Tag, modelType: string) =>
  Schema.Opaque<Self>()(Object.assign(
    Schema.TaggedStruct(tag, {
      /** The model, if the field has one. */
      value: Schema.optionalKey(ModelReference),
      /** The models that the field accepts. */
      accepts: AcceptedModels
    }),
    { modelType }
  ))

/**
 * A main model, or a model of any type if the server does not restrict it.
 *
 * **Details**
 *
 * Like all model fields it accepts `{ key, hash, name, base, type }`, the same without `hash`, a key, a name, or a
 * model of the `Models` service. A model whose type or base the field does not accept is rejected immediately.
 *
 * @category models
 * @since 0.1.0
 */
export class InkModelIdentifierField extends modelField<InkModelIdentifierField>()("InkModelIdentifierField", "main") {}

/**
 * A T5 text encoder.
 *
 * @category models
 * @since 0.1.0
 */
export class InkT5EncoderField extends modelField<InkT5EncoderField>()("InkT5EncoderField", "t5_encoder") {}

/**
 * A CLIP text encoder.
 *
 * @category models
 * @since 0.1.0
 */
export class InkCLIPEmbedField extends modelField<InkCLIPEmbedField>()("InkCLIPEmbedField", "clip_embed") {}

/**
 * A VAE.
 *
 * @category models
 * @since 0.1.0
 */
export class InkVAEModelField extends modelField<InkVAEModelField>()("InkVAEModelField", "vae") {}

/**
 * A LoRA.
 *
 * @category models
 * @since 0.1.0
 */
export class InkLoRAModelField extends modelField<InkLoRAModelField>()("InkLoRAModelField", "lora") {}

/**
 * A control LoRA.
 *
 * @category models
 * @since 0.1.0
 */
export class InkControlLoRAModelField
  extends modelField<InkControlLoRAModelField>()("InkControlLoRAModelField", "control_lora")
{}

/**
 * A ControlNet.
 *
 * @category models
 * @since 0.1.0
 */
export class InkControlNetModelField
  extends modelField<InkControlNetModelField>()("InkControlNetModelField", "controlnet")
{}

/**
 * An IP adapter.
 *
 * @category models
 * @since 0.1.0
 */
export class InkIPAdapterModelField
  extends modelField<InkIPAdapterModelField>()("InkIPAdapterModelField", "ip_adapter")
{}

/**
 * A T2I adapter.
 *
 * @category models
 * @since 0.1.0
 */
export class InkT2IAdapterModelField
  extends modelField<InkT2IAdapterModelField>()("InkT2IAdapterModelField", "t2i_adapter")
{}

/**
 * A CLIP vision model.
 *
 * @category models
 * @since 0.1.0
 */
export class InkCLIPVisionModelField
  extends modelField<InkCLIPVisionModelField>()("InkCLIPVisionModelField", "clip_vision")
{}

/**
 * A SigLIP model.
 *
 * @category models
 * @since 0.1.0
 */
export class InkSigLIPModelField extends modelField<InkSigLIPModelField>()("InkSigLIPModelField", "siglip") {}

/**
 * A FLUX Redux model.
 *
 * @category models
 * @since 0.1.0
 */
export class InkFluxReduxModelField
  extends modelField<InkFluxReduxModelField>()("InkFluxReduxModelField", "flux_redux")
{}

/**
 * A LLaVA OneVision model.
 *
 * @category models
 * @since 0.1.0
 */
export class InkLlavaOnevisionModelField
  extends modelField<InkLlavaOnevisionModelField>()("InkLlavaOnevisionModelField", "llava_onevision")
{}

/**
 * An image-to-image model such as an upscaler.
 *
 * @category models
 * @since 0.1.0
 */
export class InkSpandrelModelField
  extends modelField<InkSpandrelModelField>()("InkSpandrelModelField", "spandrel_image_to_image")
{}

/**
 * A language model.
 *
 * @category models
 * @since 0.1.0
 */
export class InkTextLLMField extends modelField<InkTextLLMField>()("InkTextLLMField", "text_llm") {}

/**
 * A Gemma 2 text encoder.
 *
 * @category models
 * @since 0.1.0
 */
export class InkGemma2EncoderField
  extends modelField<InkGemma2EncoderField>()("InkGemma2EncoderField", "gemma2_encoder")
{}

/**
 * A Mistral text encoder.
 *
 * @category models
 * @since 0.1.0
 */
export class InkMistralEncoderField
  extends modelField<InkMistralEncoderField>()("InkMistralEncoderField", "mistral_encoder")
{}

/**
 * A PiD decoder.
 *
 * @category models
 * @since 0.1.0
 */
export class InkPiDDecoderModelField
  extends modelField<InkPiDDecoderModelField>()("InkPiDDecoderModelField", "pid_decoder")
{}

/**
 * A Qwen3 text encoder.
 *
 * @category models
 * @since 0.1.0
 */
export class InkQwen3EncoderField extends modelField<InkQwen3EncoderField>()("InkQwen3EncoderField", "qwen3_encoder") {}

/**
 * A Qwen3-VL encoder.
 *
 * @category models
 * @since 0.1.0
 */
export class InkQwen3VLEncoderField
  extends modelField<InkQwen3VLEncoderField>()("InkQwen3VLEncoderField", "qwen3_vl_encoder")
{}

/**
 * A Qwen-VL encoder.
 *
 * @category models
 * @since 0.1.0
 */
export class InkQwenVLEncoderField
  extends modelField<InkQwenVLEncoderField>()("InkQwenVLEncoderField", "qwen_vl_encoder")
{}

/**
 * A T5 text encoder of Wan.
 *
 * @category models
 * @since 0.1.0
 */
export class InkWanT5EncoderField
  extends modelField<InkWanT5EncoderField>()("InkWanT5EncoderField", "wan_t5_encoder")
{}

/**
 * A model that an external service runs.
 *
 * @category models
 * @since 0.1.0
 */
export class InkExternalImageGeneratorField
  extends modelField<InkExternalImageGeneratorField>()("InkExternalImageGeneratorField", "external_image_generator")
{}
