/**
 * The model field types that servers up to 6.7 named in `ui_type`, as the constraints that later servers state
 * explicitly.
 */
import type { ModelConstraint } from "../NodeTemplate.ts"

const kind = (type: string, base?: ReadonlyArray<string>, more?: ModelConstraint): ModelConstraint => ({
  ...(base === undefined ? {} : { base }),
  type: [type],
  ...more
})

/** The constraints by the name of the field type. */
export const modelKinds: ReadonlyMap<string, ModelConstraint> = new Map([
  ["MainModelField", kind("main", ["sd-1", "sd-2"])],
  ["CogView4MainModelField", kind("main", ["cogview4"])],
  ["FluxMainModelField", kind("main", ["flux"])],
  ["SD3MainModelField", kind("main", ["sd-3"])],
  ["SDXLMainModelField", kind("main", ["sdxl"])],
  ["SDXLRefinerModelField", kind("main", ["sdxl-refiner"])],
  ["ONNXModelField", kind("onnx")],
  ["VAEModelField", kind("vae")],
  ["FluxVAEModelField", kind("vae", ["flux"])],
  ["LoRAModelField", kind("lora")],
  ["ControlLoRAModelField", kind("control_lora")],
  ["ControlNetModelField", kind("controlnet")],
  ["IPAdapterModelField", kind("ip_adapter")],
  ["T2IAdapterModelField", kind("t2i_adapter")],
  ["T5EncoderModelField", kind("t5_encoder")],
  ["CLIPEmbedModelField", kind("clip_embed")],
  ["CLIPLEmbedModelField", kind("clip_embed", undefined, { variant: ["large"] })],
  ["CLIPGEmbedModelField", kind("clip_embed", undefined, { variant: ["gigantic"] })],
  ["SpandrelImageToImageModelField", kind("spandrel_image_to_image")],
  ["SigLipModelField", kind("siglip")],
  ["FluxReduxModelField", kind("flux_redux")],
  ["LLaVAModelField", kind("llava_onevision")],
  ["Imagen3ModelField", kind("main", ["imagen3"])],
  ["Imagen4ModelField", kind("main", ["imagen4"])],
  ["ChatGPT4oModelField", kind("main", ["chatgpt-4o"])],
  ["Gemini2_5ModelField", kind("main", ["gemini-2.5"])],
  ["FluxKontextModelField", kind("main", ["flux-kontext"])],
  ["Veo3ModelField", kind("video", ["veo3"])],
  ["RunwayModelField", kind("video", ["runway"])]
])
