/**
 * Outputs of nodes that load models.
 *
 * **Details**
 *
 * Each member is the server's own value, for the inputs of other nodes. Each class is a type: outputs are plain objects.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import { field, list, nullableObject, number, object, output, string } from "../internal/outputs/output.ts"

/**
 * A model as the server names it.
 *
 * @category models
 * @since 0.1.0
 */
export interface ModelIdentifierField {
  /** The key, unique on the server. */
  readonly key: string
  /** The hash of the file. */
  readonly hash: string
  /** The name. */
  readonly name: string
  /** The base, such as `sdxl` or `flux`. */
  readonly base: string
  /** The type, such as `main` or `lora`. */
  readonly type: string
  /** The part of the model; `null` or absent for all of it. */
  readonly submodel_type?: string | null
}

const isModel = (value: unknown): value is ModelIdentifierField =>
  Predicate.isObject(value) && typeof value["key"] === "string" && typeof value["name"] === "string"

/**
 * Models with LoRAs applied. A part that the node did not get is `null`. Server type `anima_lora_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkAnimaLoRALoaderOutput extends output("anima_lora_loader_output", "InkAnimaLoRALoaderOutput", {
  /** The transformer, for the inputs of other nodes; `null` if there is none. */
  transformer: nullableObject,
  /** The Qwen3 text encoder, for the inputs of other nodes; `null` if there is none. */
  qwen3Encoder: nullableObject
}) {}

/**
 * The parts of a loaded model, for the inputs of other nodes. Server type `anima_model_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkAnimaModelLoaderOutput extends output("anima_model_loader_output", "InkAnimaModelLoaderOutput", {
  /** The transformer, for the inputs of other nodes. */
  transformer: object,
  /** The Qwen3 text encoder, for the inputs of other nodes. */
  qwen3Encoder: object,
  /** The VAE, for the inputs of other nodes. */
  vae: object
}) {}

/**
 * A CLIP text encoder. Server type `clip_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkCLIPOutput extends output("clip_output", "InkCLIPOutput", {
  /** The CLIP text encoder, for the inputs of other nodes. */
  clip: object
}) {}

/**
 * A CLIP text encoder that skips layers. Server type `clip_skip_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkCLIPSkipOutput extends output("clip_skip_output", "InkCLIPSkipOutput", {
  /** The CLIP text encoder, for the inputs of other nodes; `null` if there is none. */
  clip: nullableObject
}) {}

/**
 * The parts of a loaded model, for the inputs of other nodes. Server type `cogview4_model_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkCogView4ModelLoaderOutput
  extends output("cogview4_model_loader_output", "InkCogView4ModelLoaderOutput", {
    /** The transformer, for the inputs of other nodes. */
    transformer: object,
    /** The GLM text encoder, for the inputs of other nodes. */
    glmEncoder: object,
    /** The VAE, for the inputs of other nodes. */
    vae: object
  })
{}

/**
 * The parts of a loaded model, for the inputs of other nodes. Server type `ernie_image_model_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkErnieImageModelLoaderOutput
  extends output("ernie_image_model_loader_output", "InkErnieImageModelLoaderOutput", {
    /** The transformer, for the inputs of other nodes. */
    transformer: object,
    /** The text encoder, for the inputs of other nodes. */
    textEncoder: object,
    /** The VAE, for the inputs of other nodes. */
    vae: object,
    /** The prompt enhancer, for the inputs of other nodes; `null` if there is none. */
    promptEnhancer: nullableObject
  })
{}

/**
 * Models with LoRAs applied. A part that the node did not get is `null`. Server type `flux2_dev_lora_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkFlux2DevLoRALoaderOutput extends output("flux2_dev_lora_loader_output", "InkFlux2DevLoRALoaderOutput", {
  /** The transformer, for the inputs of other nodes; `null` if there is none. */
  transformer: nullableObject,
  /** The Mistral text encoder, for the inputs of other nodes; `null` if there is none. */
  mistralEncoder: nullableObject
}) {}

/**
 * The parts of a loaded model, for the inputs of other nodes. Server type `flux2_dev_model_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkFlux2DevModelLoaderOutput
  extends output("flux2_dev_model_loader_output", "InkFlux2DevModelLoaderOutput", {
    /** The transformer, for the inputs of other nodes. */
    transformer: object,
    /** The Mistral text encoder, for the inputs of other nodes. */
    mistralEncoder: object,
    /** The VAE, for the inputs of other nodes. */
    vae: object,
    /** Maximum length of a prompt, in tokens. */
    maxSeqLen: number
  })
{}

/**
 * Models with LoRAs applied. A part that the node did not get is `null`. Server type `flux2_klein_lora_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkFlux2KleinLoRALoaderOutput
  extends output("flux2_klein_lora_loader_output", "InkFlux2KleinLoRALoaderOutput", {
    /** The transformer, for the inputs of other nodes; `null` if there is none. */
    transformer: nullableObject,
    /** The Qwen3 text encoder, for the inputs of other nodes; `null` if there is none. */
    qwen3Encoder: nullableObject
  })
{}

/**
 * The parts of a loaded model, for the inputs of other nodes. Server type `flux2_klein_model_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkFlux2KleinModelLoaderOutput
  extends output("flux2_klein_model_loader_output", "InkFlux2KleinModelLoaderOutput", {
    /** The transformer, for the inputs of other nodes. */
    transformer: object,
    /** The Qwen3 text encoder, for the inputs of other nodes. */
    qwen3Encoder: object,
    /** The VAE, for the inputs of other nodes. */
    vae: object,
    /** Maximum length of a prompt, in tokens. */
    maxSeqLen: number
  })
{}

/**
 * Models with LoRAs applied. A part that the node did not get is `null`. Server type
 * `flux_control_lora_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkFluxControlLoRALoaderOutput
  extends output("flux_control_lora_loader_output", "InkFluxControlLoRALoaderOutput", {
    /** The control LoRA, for the inputs of other nodes. */
    controlLora: object
  })
{}

/**
 * Models with LoRAs applied. A part that the node did not get is `null`. Server type `flux_lora_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkFluxLoRALoaderOutput extends output("flux_lora_loader_output", "InkFluxLoRALoaderOutput", {
  /** The transformer, for the inputs of other nodes; `null` if there is none. */
  transformer: nullableObject,
  /** The CLIP text encoder, for the inputs of other nodes; `null` if there is none. */
  clip: nullableObject,
  /** The T5 text encoder, for the inputs of other nodes; `null` if there is none. */
  t5Encoder: nullableObject
}) {}

/**
 * The parts of a loaded model, for the inputs of other nodes. Server type `flux_model_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkFluxModelLoaderOutput extends output("flux_model_loader_output", "InkFluxModelLoaderOutput", {
  /** The transformer, for the inputs of other nodes. */
  transformer: object,
  /** The CLIP text encoder, for the inputs of other nodes. */
  clip: object,
  /** The T5 text encoder, for the inputs of other nodes. */
  t5Encoder: object,
  /** The VAE, for the inputs of other nodes. */
  vae: object,
  /** Maximum length of a prompt, in tokens. */
  maxSeqLen: number
}) {}

/**
 * A Gemma 2 text encoder. Server type `gemma2_encoder_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkGemma2EncoderOutput extends output("gemma2_encoder_output", "InkGemma2EncoderOutput", {
  /** The Gemma 2 text encoder, for the inputs of other nodes. */
  gemma2Encoder: object
}) {}

/**
 * The parts of a loaded model, for the inputs of other nodes. Server type `ideogram4_model_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkIdeogram4ModelLoaderOutput
  extends output("ideogram4_model_loader_output", "InkIdeogram4ModelLoaderOutput", {
    /** The transformer, for the inputs of other nodes. */
    transformer: object,
    /** The Qwen3 text encoder, for the inputs of other nodes. */
    qwen3Encoder: object,
    /** The VAE, for the inputs of other nodes. */
    vae: object
  })
{}

/**
 * Models with LoRAs applied. A part that the node did not get is `null`. Server type `krea2_lora_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkKrea2LoRALoaderOutput extends output("krea2_lora_loader_output", "InkKrea2LoRALoaderOutput", {
  /** The transformer, for the inputs of other nodes; `null` if there is none. */
  transformer: nullableObject,
  /** The Qwen3-VL encoder, for the inputs of other nodes; `null` if there is none. */
  qwen3VlEncoder: nullableObject
}) {}

/**
 * The parts of a loaded model, for the inputs of other nodes. Server type `krea2_model_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkKrea2ModelLoaderOutput extends output("krea2_model_loader_output", "InkKrea2ModelLoaderOutput", {
  /** The transformer, for the inputs of other nodes. */
  transformer: object,
  /** The Qwen3-VL encoder, for the inputs of other nodes. */
  qwen3VlEncoder: object,
  /** The VAE, for the inputs of other nodes. */
  vae: object
}) {}

/**
 * Models with LoRAs applied. A part that the node did not get is `null`. Server type `lora_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkLoRALoaderOutput extends output("lora_loader_output", "InkLoRALoaderOutput", {
  /** The UNet, for the inputs of other nodes; `null` if there is none. */
  unet: nullableObject,
  /** The CLIP text encoder, for the inputs of other nodes; `null` if there is none. */
  clip: nullableObject
}) {}

/**
 * A LoRA with its weight. Server type `lora_selector_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkLoRASelectorOutput extends output("lora_selector_output", "InkLoRASelectorOutput", {
  /** The LoRA, for the inputs of other nodes. */
  lora: object
}) {}

/**
 * LoRAs read from metadata. Server type `metadata_to_lora_collection_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkMetadataToLorasCollectionOutput
  extends output("metadata_to_lora_collection_output", "InkMetadataToLorasCollectionOutput", {
    /** The LoRAs, for the inputs of other nodes. */
    lora: list(Predicate.isObject)
  })
{}

/**
 * A model read from metadata, and its parts. Server type `metadata_to_model_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkMetadataToModelOutput extends output("metadata_to_model_output", "InkMetadataToModelOutput", {
  /** The model. */
  model: field(isModel),
  /** Name of the model. */
  name: string,
  /** The UNet, for the inputs of other nodes. */
  unet: object,
  /** The VAE, for the inputs of other nodes. */
  vae: object,
  /** The CLIP text encoder, for the inputs of other nodes. */
  clip: object
}) {}

/**
 * An SDXL model read from metadata, and its parts. Server type `metadata_to_sdxl_model_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkMetadataToSDXLModelOutput
  extends output("metadata_to_sdxl_model_output", "InkMetadataToSDXLModelOutput", {
    /** The model. */
    model: field(isModel),
    /** Name of the model. */
    name: string,
    /** The UNet, for the inputs of other nodes. */
    unet: object,
    /** The CLIP text encoder, for the inputs of other nodes. */
    clip: object,
    /** The second CLIP text encoder, for the inputs of other nodes. */
    clip2: object,
    /** The VAE, for the inputs of other nodes. */
    vae: object
  })
{}

/**
 * A model. Server type `model_identifier_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkModelIdentifierOutput extends output("model_identifier_output", "InkModelIdentifierOutput", {
  /** The model. */
  model: field(isModel)
}) {}

/**
 * The parts of a loaded model, for the inputs of other nodes. Server type `model_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkModelLoaderOutput extends output("model_loader_output", "InkModelLoaderOutput", {
  /** The VAE, for the inputs of other nodes. */
  vae: object,
  /** The CLIP text encoder, for the inputs of other nodes. */
  clip: object,
  /** The UNet, for the inputs of other nodes. */
  unet: object
}) {}

/**
 * A PiD decoder. Server type `pid_decoder_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkPiDDecoderOutput extends output("pid_decoder_output", "InkPiDDecoderOutput", {
  /** The PiD decoder, for the inputs of other nodes. */
  pidDecoder: object
}) {}

/**
 * Models with LoRAs applied. A part that the node did not get is `null`. Server type `qwen_image_lora_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkQwenImageLoRALoaderOutput
  extends output("qwen_image_lora_loader_output", "InkQwenImageLoRALoaderOutput", {
    /** The transformer, for the inputs of other nodes; `null` if there is none. */
    transformer: nullableObject
  })
{}

/**
 * The parts of a loaded model, for the inputs of other nodes. Server type `qwen_image_model_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkQwenImageModelLoaderOutput
  extends output("qwen_image_model_loader_output", "InkQwenImageModelLoaderOutput", {
    /** The transformer, for the inputs of other nodes. */
    transformer: object,
    /** The Qwen-VL encoder, for the inputs of other nodes. */
    qwenVlEncoder: object,
    /** The VAE, for the inputs of other nodes. */
    vae: object
  })
{}

/**
 * The parts of a loaded model, for the inputs of other nodes. Server type `sd3_model_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkSd3ModelLoaderOutput extends output("sd3_model_loader_output", "InkSd3ModelLoaderOutput", {
  /** The transformer, for the inputs of other nodes. */
  transformer: object,
  /** The CLIP-L text encoder, for the inputs of other nodes. */
  clipL: object,
  /** The CLIP-G text encoder, for the inputs of other nodes. */
  clipG: object,
  /** The T5 text encoder, for the inputs of other nodes. */
  t5Encoder: object,
  /** The VAE, for the inputs of other nodes. */
  vae: object
}) {}

/**
 * Models with LoRAs applied. A part that the node did not get is `null`. Server type `sdxl_lora_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkSDXLLoRALoaderOutput extends output("sdxl_lora_loader_output", "InkSDXLLoRALoaderOutput", {
  /** The UNet, for the inputs of other nodes; `null` if there is none. */
  unet: nullableObject,
  /** The CLIP text encoder, for the inputs of other nodes; `null` if there is none. */
  clip: nullableObject,
  /** The second CLIP text encoder, for the inputs of other nodes; `null` if there is none. */
  clip2: nullableObject
}) {}

/**
 * The parts of a loaded model, for the inputs of other nodes. Server type `sdxl_model_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkSDXLModelLoaderOutput extends output("sdxl_model_loader_output", "InkSDXLModelLoaderOutput", {
  /** The UNet, for the inputs of other nodes. */
  unet: object,
  /** The CLIP text encoder, for the inputs of other nodes. */
  clip: object,
  /** The second CLIP text encoder, for the inputs of other nodes. */
  clip2: object,
  /** The VAE, for the inputs of other nodes. */
  vae: object
}) {}

/**
 * The parts of a loaded model, for the inputs of other nodes. Server type `sdxl_refiner_model_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkSDXLRefinerModelLoaderOutput
  extends output("sdxl_refiner_model_loader_output", "InkSDXLRefinerModelLoaderOutput", {
    /** The UNet, for the inputs of other nodes. */
    unet: object,
    /** The second CLIP text encoder, for the inputs of other nodes. */
    clip2: object,
    /** The VAE, for the inputs of other nodes. */
    vae: object
  })
{}

/**
 * Models that make seamless images. Server type `seamless_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkSeamlessModeOutput extends output("seamless_output", "InkSeamlessModeOutput", {
  /** The UNet, for the inputs of other nodes; `null` if there is none. */
  unet: nullableObject,
  /** The VAE, for the inputs of other nodes; `null` if there is none. */
  vae: nullableObject
}) {}

/**
 * A UNet. Server type `unet_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkUNetOutput extends output("unet_output", "InkUNetOutput", {
  /** The UNet, for the inputs of other nodes. */
  unet: object
}) {}

/**
 * A VAE. Server type `vae_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkVAEOutput extends output("vae_output", "InkVAEOutput", {
  /** The VAE, for the inputs of other nodes. */
  vae: object
}) {}

/**
 * Models with LoRAs applied. A part that the node did not get is `null`. Server type `wan_lora_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkWanLoRALoaderOutput extends output("wan_lora_loader_output", "InkWanLoRALoaderOutput", {
  /** The transformer, for the inputs of other nodes; `null` if there is none. */
  transformer: nullableObject
}) {}

/**
 * The parts of a loaded model, for the inputs of other nodes. Server type `wan_model_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkWanModelLoaderOutput extends output("wan_model_loader_output", "InkWanModelLoaderOutput", {
  /** The transformer, for the inputs of other nodes. */
  transformer: object,
  /** The Wan T5 text encoder, for the inputs of other nodes. */
  wanT5Encoder: object,
  /** The VAE, for the inputs of other nodes. */
  vae: object
}) {}

/**
 * Models with LoRAs applied. A part that the node did not get is `null`. Server type `z_image_lora_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkZImageLoRALoaderOutput extends output("z_image_lora_loader_output", "InkZImageLoRALoaderOutput", {
  /** The transformer, for the inputs of other nodes; `null` if there is none. */
  transformer: nullableObject,
  /** The Qwen3 text encoder, for the inputs of other nodes; `null` if there is none. */
  qwen3Encoder: nullableObject
}) {}

/**
 * The parts of a loaded model, for the inputs of other nodes. Server type `z_image_model_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkZImageModelLoaderOutput extends output("z_image_model_loader_output", "InkZImageModelLoaderOutput", {
  /** The transformer, for the inputs of other nodes. */
  transformer: object,
  /** The Qwen3 text encoder, for the inputs of other nodes. */
  qwen3Encoder: object,
  /** The VAE, for the inputs of other nodes. */
  vae: object
}) {}
