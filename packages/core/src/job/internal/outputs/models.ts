/**
 * Outputs of nodes that load models.
 *
 * **Details**
 *
 * Each field is the server's own value, as the inputs of other nodes take it.
 *
 * @since 0.1.0
 */
import type { FieldData, InkOutputBase, ModelIdentifierField, OutputShape } from "./fields.ts"

/**
 * Models with LoRAs applied. A part that was not given is null. Server type `anima_lora_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkAnimaLoRALoaderOutput extends InkOutputBase<"InkAnimaLoRALoaderOutput"> {
  readonly transformer: FieldData | null
  readonly qwen3Encoder: FieldData | null
}

/**
 * The parts of a loaded model, as fields that other nodes take. Server type `anima_model_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkAnimaModelLoaderOutput extends InkOutputBase<"InkAnimaModelLoaderOutput"> {
  readonly transformer: FieldData
  readonly qwen3Encoder: FieldData
  readonly vae: FieldData
}

/**
 * Data that other nodes take. Server type `clip_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkCLIPOutput extends InkOutputBase<"InkCLIPOutput"> {
  readonly clip: FieldData
}

/**
 * Data that other nodes take. Server type `clip_skip_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkCLIPSkipOutput extends InkOutputBase<"InkCLIPSkipOutput"> {
  readonly clip: FieldData | null
}

/**
 * The parts of a loaded model, as fields that other nodes take. Server type `cogview4_model_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkCogView4ModelLoaderOutput extends InkOutputBase<"InkCogView4ModelLoaderOutput"> {
  readonly transformer: FieldData
  readonly glmEncoder: FieldData
  readonly vae: FieldData
}

/**
 * The parts of a loaded model, as fields that other nodes take. Server type `ernie_image_model_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkErnieImageModelLoaderOutput extends InkOutputBase<"InkErnieImageModelLoaderOutput"> {
  readonly transformer: FieldData
  readonly textEncoder: FieldData
  readonly vae: FieldData
  readonly promptEnhancer: FieldData | null
}

/**
 * Models with LoRAs applied. A part that was not given is null. Server type `flux2_dev_lora_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkFlux2DevLoRALoaderOutput extends InkOutputBase<"InkFlux2DevLoRALoaderOutput"> {
  readonly transformer: FieldData | null
  readonly mistralEncoder: FieldData | null
}

/**
 * The parts of a loaded model, as fields that other nodes take. Server type `flux2_dev_model_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkFlux2DevModelLoaderOutput extends InkOutputBase<"InkFlux2DevModelLoaderOutput"> {
  readonly transformer: FieldData
  readonly mistralEncoder: FieldData
  readonly vae: FieldData
  readonly maxSeqLen: number
}

/**
 * Models with LoRAs applied. A part that was not given is null. Server type `flux2_klein_lora_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkFlux2KleinLoRALoaderOutput extends InkOutputBase<"InkFlux2KleinLoRALoaderOutput"> {
  readonly transformer: FieldData | null
  readonly qwen3Encoder: FieldData | null
}

/**
 * The parts of a loaded model, as fields that other nodes take. Server type `flux2_klein_model_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkFlux2KleinModelLoaderOutput extends InkOutputBase<"InkFlux2KleinModelLoaderOutput"> {
  readonly transformer: FieldData
  readonly qwen3Encoder: FieldData
  readonly vae: FieldData
  readonly maxSeqLen: number
}

/**
 * Models with LoRAs applied. A part that was not given is null. Server type `flux_control_lora_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkFluxControlLoRALoaderOutput extends InkOutputBase<"InkFluxControlLoRALoaderOutput"> {
  readonly controlLora: FieldData
}

/**
 * Models with LoRAs applied. A part that was not given is null. Server type `flux_lora_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkFluxLoRALoaderOutput extends InkOutputBase<"InkFluxLoRALoaderOutput"> {
  readonly transformer: FieldData | null
  readonly clip: FieldData | null
  readonly t5Encoder: FieldData | null
}

/**
 * The parts of a loaded model, as fields that other nodes take. Server type `flux_model_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkFluxModelLoaderOutput extends InkOutputBase<"InkFluxModelLoaderOutput"> {
  readonly transformer: FieldData
  readonly clip: FieldData
  readonly t5Encoder: FieldData
  readonly vae: FieldData
  readonly maxSeqLen: number
}

/**
 * Data that other nodes take. Server type `gemma2_encoder_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkGemma2EncoderOutput extends InkOutputBase<"InkGemma2EncoderOutput"> {
  readonly gemma2Encoder: FieldData
}

/**
 * The parts of a loaded model, as fields that other nodes take. Server type `ideogram4_model_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkIdeogram4ModelLoaderOutput extends InkOutputBase<"InkIdeogram4ModelLoaderOutput"> {
  readonly transformer: FieldData
  readonly qwen3Encoder: FieldData
  readonly vae: FieldData
}

/**
 * Models with LoRAs applied. A part that was not given is null. Server type `krea2_lora_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkKrea2LoRALoaderOutput extends InkOutputBase<"InkKrea2LoRALoaderOutput"> {
  readonly transformer: FieldData | null
  readonly qwen3VlEncoder: FieldData | null
}

/**
 * The parts of a loaded model, as fields that other nodes take. Server type `krea2_model_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkKrea2ModelLoaderOutput extends InkOutputBase<"InkKrea2ModelLoaderOutput"> {
  readonly transformer: FieldData
  readonly qwen3VlEncoder: FieldData
  readonly vae: FieldData
}

/**
 * Models with LoRAs applied. A part that was not given is null. Server type `lora_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkLoRALoaderOutput extends InkOutputBase<"InkLoRALoaderOutput"> {
  readonly unet: FieldData | null
  readonly clip: FieldData | null
}

/**
 * Data that other nodes take. Server type `lora_selector_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkLoRASelectorOutput extends InkOutputBase<"InkLoRASelectorOutput"> {
  readonly lora: FieldData
}

/**
 * Data that other nodes take. Server type `metadata_to_lora_collection_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkMetadataToLorasCollectionOutput extends InkOutputBase<"InkMetadataToLorasCollectionOutput"> {
  readonly lora: ReadonlyArray<FieldData>
}

/**
 * Data that other nodes take. Server type `metadata_to_model_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkMetadataToModelOutput extends InkOutputBase<"InkMetadataToModelOutput"> {
  readonly model: ModelIdentifierField
  readonly name: string
  readonly unet: FieldData
  readonly vae: FieldData
  readonly clip: FieldData
}

/**
 * Data that other nodes take. Server type `metadata_to_sdxl_model_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkMetadataToSDXLModelOutput extends InkOutputBase<"InkMetadataToSDXLModelOutput"> {
  readonly model: ModelIdentifierField
  readonly name: string
  readonly unet: FieldData
  readonly clip: FieldData
  readonly clip2: FieldData
  readonly vae: FieldData
}

/**
 * A model. Server type `model_identifier_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkModelIdentifierOutput extends InkOutputBase<"InkModelIdentifierOutput"> {
  readonly model: ModelIdentifierField
}

/**
 * The parts of a loaded model, as fields that other nodes take. Server type `model_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkModelLoaderOutput extends InkOutputBase<"InkModelLoaderOutput"> {
  readonly vae: FieldData
  readonly clip: FieldData
  readonly unet: FieldData
}

/**
 * Data that other nodes take. Server type `pid_decoder_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkPiDDecoderOutput extends InkOutputBase<"InkPiDDecoderOutput"> {
  readonly pidDecoder: FieldData
}

/**
 * Models with LoRAs applied. A part that was not given is null. Server type `qwen_image_lora_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkQwenImageLoRALoaderOutput extends InkOutputBase<"InkQwenImageLoRALoaderOutput"> {
  readonly transformer: FieldData | null
}

/**
 * The parts of a loaded model, as fields that other nodes take. Server type `qwen_image_model_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkQwenImageModelLoaderOutput extends InkOutputBase<"InkQwenImageModelLoaderOutput"> {
  readonly transformer: FieldData
  readonly qwenVlEncoder: FieldData
  readonly vae: FieldData
}

/**
 * The parts of a loaded model, as fields that other nodes take. Server type `sd3_model_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkSd3ModelLoaderOutput extends InkOutputBase<"InkSd3ModelLoaderOutput"> {
  readonly transformer: FieldData
  readonly clipL: FieldData
  readonly clipG: FieldData
  readonly t5Encoder: FieldData
  readonly vae: FieldData
}

/**
 * Models with LoRAs applied. A part that was not given is null. Server type `sdxl_lora_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkSDXLLoRALoaderOutput extends InkOutputBase<"InkSDXLLoRALoaderOutput"> {
  readonly unet: FieldData | null
  readonly clip: FieldData | null
  readonly clip2: FieldData | null
}

/**
 * The parts of a loaded model, as fields that other nodes take. Server type `sdxl_model_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkSDXLModelLoaderOutput extends InkOutputBase<"InkSDXLModelLoaderOutput"> {
  readonly unet: FieldData
  readonly clip: FieldData
  readonly clip2: FieldData
  readonly vae: FieldData
}

/**
 * The parts of a loaded model, as fields that other nodes take. Server type `sdxl_refiner_model_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkSDXLRefinerModelLoaderOutput extends InkOutputBase<"InkSDXLRefinerModelLoaderOutput"> {
  readonly unet: FieldData
  readonly clip2: FieldData
  readonly vae: FieldData
}

/**
 * Data that other nodes take. Server type `seamless_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkSeamlessModeOutput extends InkOutputBase<"InkSeamlessModeOutput"> {
  readonly unet: FieldData | null
  readonly vae: FieldData | null
}

/**
 * Data that other nodes take. Server type `unet_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkUNetOutput extends InkOutputBase<"InkUNetOutput"> {
  readonly unet: FieldData
}

/**
 * Data that other nodes take. Server type `vae_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkVAEOutput extends InkOutputBase<"InkVAEOutput"> {
  readonly vae: FieldData
}

/**
 * Models with LoRAs applied. A part that was not given is null. Server type `wan_lora_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkWanLoRALoaderOutput extends InkOutputBase<"InkWanLoRALoaderOutput"> {
  readonly transformer: FieldData | null
}

/**
 * The parts of a loaded model, as fields that other nodes take. Server type `wan_model_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkWanModelLoaderOutput extends InkOutputBase<"InkWanModelLoaderOutput"> {
  readonly transformer: FieldData
  readonly wanT5Encoder: FieldData
  readonly vae: FieldData
}

/**
 * Models with LoRAs applied. A part that was not given is null. Server type `z_image_lora_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkZImageLoRALoaderOutput extends InkOutputBase<"InkZImageLoRALoaderOutput"> {
  readonly transformer: FieldData | null
  readonly qwen3Encoder: FieldData | null
}

/**
 * The parts of a loaded model, as fields that other nodes take. Server type `z_image_model_loader_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkZImageModelLoaderOutput extends InkOutputBase<"InkZImageModelLoaderOutput"> {
  readonly transformer: FieldData
  readonly qwen3Encoder: FieldData
  readonly vae: FieldData
}

/**
 * Any output of this family.
 *
 * @category models
 * @since 0.1.0
 */
export type ModelOutput =
  | InkAnimaLoRALoaderOutput
  | InkAnimaModelLoaderOutput
  | InkCLIPOutput
  | InkCLIPSkipOutput
  | InkCogView4ModelLoaderOutput
  | InkErnieImageModelLoaderOutput
  | InkFlux2DevLoRALoaderOutput
  | InkFlux2DevModelLoaderOutput
  | InkFlux2KleinLoRALoaderOutput
  | InkFlux2KleinModelLoaderOutput
  | InkFluxControlLoRALoaderOutput
  | InkFluxLoRALoaderOutput
  | InkFluxModelLoaderOutput
  | InkGemma2EncoderOutput
  | InkIdeogram4ModelLoaderOutput
  | InkKrea2LoRALoaderOutput
  | InkKrea2ModelLoaderOutput
  | InkLoRALoaderOutput
  | InkLoRASelectorOutput
  | InkMetadataToLorasCollectionOutput
  | InkMetadataToModelOutput
  | InkMetadataToSDXLModelOutput
  | InkModelIdentifierOutput
  | InkModelLoaderOutput
  | InkPiDDecoderOutput
  | InkQwenImageLoRALoaderOutput
  | InkQwenImageModelLoaderOutput
  | InkSd3ModelLoaderOutput
  | InkSDXLLoRALoaderOutput
  | InkSDXLModelLoaderOutput
  | InkSDXLRefinerModelLoaderOutput
  | InkSeamlessModeOutput
  | InkUNetOutput
  | InkVAEOutput
  | InkWanLoRALoaderOutput
  | InkWanModelLoaderOutput
  | InkZImageLoRALoaderOutput
  | InkZImageModelLoaderOutput

/** @internal */
export const modelOutputShapes: Readonly<Record<string, OutputShape>> = {
  anima_lora_loader_output: ["InkAnimaLoRALoaderOutput", { transformer: "object?", qwen3_encoder: "object?" }],
  anima_model_loader_output: ["InkAnimaModelLoaderOutput", { transformer: "object", qwen3_encoder: "object", vae: "object" }],
  clip_output: ["InkCLIPOutput", { clip: "object" }],
  clip_skip_output: ["InkCLIPSkipOutput", { clip: "object?" }],
  cogview4_model_loader_output: ["InkCogView4ModelLoaderOutput", { transformer: "object", glm_encoder: "object", vae: "object" }],
  ernie_image_model_loader_output: ["InkErnieImageModelLoaderOutput", { transformer: "object", text_encoder: "object", vae: "object", prompt_enhancer: "object?" }],
  flux2_dev_lora_loader_output: ["InkFlux2DevLoRALoaderOutput", { transformer: "object?", mistral_encoder: "object?" }],
  flux2_dev_model_loader_output: ["InkFlux2DevModelLoaderOutput", { transformer: "object", mistral_encoder: "object", vae: "object", max_seq_len: "number" }],
  flux2_klein_lora_loader_output: ["InkFlux2KleinLoRALoaderOutput", { transformer: "object?", qwen3_encoder: "object?" }],
  flux2_klein_model_loader_output: ["InkFlux2KleinModelLoaderOutput", { transformer: "object", qwen3_encoder: "object", vae: "object", max_seq_len: "number" }],
  flux_control_lora_loader_output: ["InkFluxControlLoRALoaderOutput", { control_lora: "object" }],
  flux_lora_loader_output: ["InkFluxLoRALoaderOutput", { transformer: "object?", clip: "object?", t5_encoder: "object?" }],
  flux_model_loader_output: ["InkFluxModelLoaderOutput", { transformer: "object", clip: "object", t5_encoder: "object", vae: "object", max_seq_len: "number" }],
  gemma2_encoder_output: ["InkGemma2EncoderOutput", { gemma2_encoder: "object" }],
  ideogram4_model_loader_output: ["InkIdeogram4ModelLoaderOutput", { transformer: "object", qwen3_encoder: "object", vae: "object" }],
  krea2_lora_loader_output: ["InkKrea2LoRALoaderOutput", { transformer: "object?", qwen3_vl_encoder: "object?" }],
  krea2_model_loader_output: ["InkKrea2ModelLoaderOutput", { transformer: "object", qwen3_vl_encoder: "object", vae: "object" }],
  lora_loader_output: ["InkLoRALoaderOutput", { unet: "object?", clip: "object?" }],
  lora_selector_output: ["InkLoRASelectorOutput", { lora: "object" }],
  metadata_to_lora_collection_output: ["InkMetadataToLorasCollectionOutput", { lora: "object[]" }],
  metadata_to_model_output: ["InkMetadataToModelOutput", { model: "model", name: "string", unet: "object", vae: "object", clip: "object" }],
  metadata_to_sdxl_model_output: ["InkMetadataToSDXLModelOutput", { model: "model", name: "string", unet: "object", clip: "object", clip2: "object", vae: "object" }],
  model_identifier_output: ["InkModelIdentifierOutput", { model: "model" }],
  model_loader_output: ["InkModelLoaderOutput", { vae: "object", clip: "object", unet: "object" }],
  pid_decoder_output: ["InkPiDDecoderOutput", { pid_decoder: "object" }],
  qwen_image_lora_loader_output: ["InkQwenImageLoRALoaderOutput", { transformer: "object?" }],
  qwen_image_model_loader_output: ["InkQwenImageModelLoaderOutput", { transformer: "object", qwen_vl_encoder: "object", vae: "object" }],
  sd3_model_loader_output: ["InkSd3ModelLoaderOutput", { transformer: "object", clip_l: "object", clip_g: "object", t5_encoder: "object", vae: "object" }],
  sdxl_lora_loader_output: ["InkSDXLLoRALoaderOutput", { unet: "object?", clip: "object?", clip2: "object?" }],
  sdxl_model_loader_output: ["InkSDXLModelLoaderOutput", { unet: "object", clip: "object", clip2: "object", vae: "object" }],
  sdxl_refiner_model_loader_output: ["InkSDXLRefinerModelLoaderOutput", { unet: "object", clip2: "object", vae: "object" }],
  seamless_output: ["InkSeamlessModeOutput", { unet: "object?", vae: "object?" }],
  unet_output: ["InkUNetOutput", { unet: "object" }],
  vae_output: ["InkVAEOutput", { vae: "object" }],
  wan_lora_loader_output: ["InkWanLoRALoaderOutput", { transformer: "object?" }],
  wan_model_loader_output: ["InkWanModelLoaderOutput", { transformer: "object", wan_t5_encoder: "object", vae: "object" }],
  z_image_lora_loader_output: ["InkZImageLoRALoaderOutput", { transformer: "object?", qwen3_encoder: "object?" }],
  z_image_model_loader_output: ["InkZImageModelLoaderOutput", { transformer: "object", qwen3_encoder: "object", vae: "object" }]
}
