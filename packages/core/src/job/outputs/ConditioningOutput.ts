/**
 * Outputs that steer a denoiser: encoded prompts, control networks, adapters, references.
 *
 * **Details**
 *
 * What they name is kept on the server and cannot be downloaded; you can pass the values to the inputs of other nodes.
 * Each class is a type: outputs are plain objects.
 *
 * @since 0.1.0
 */
import { anything, field, isReference, list, nameIn, object, output } from "../internal/outputs/output.ts"

/**
 * A reference to an encoded prompt. It stays on the server.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConditioningField {
  /** Name of the encoded prompt. */
  readonly conditioning_name: string
  readonly [key: string]: unknown
}

const isConditioning = isReference<ConditioningField>("conditioning_name")

/**
 * A prompt encoded for a model, kept on the server and not downloadable. Server type `anima_conditioning_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkAnimaConditioningOutput extends output("anima_conditioning_output", "InkAnimaConditioningOutput", {
  /** Name of the encoded prompt on the server. */
  conditioningName: nameIn("conditioning", "conditioning_name"),
  /** The encoded prompt, for the inputs of other nodes. */
  conditioning: field(isConditioning)
}) {}

/**
 * An Anima LLLite control. Server type `anima_lllite_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkAnimaLLLiteOutput extends output("anima_lllite_output", "InkAnimaLLLiteOutput", {
  /** The control, for the inputs of other nodes. */
  control: object
}) {}

/**
 * A prompt encoded for a model, kept on the server and not downloadable. Server type `cogview4_conditioning_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkCogView4ConditioningOutput
  extends output("cogview4_conditioning_output", "InkCogView4ConditioningOutput", {
    /** Name of the encoded prompt on the server. */
    conditioningName: nameIn("conditioning", "conditioning_name"),
    /** The encoded prompt, for the inputs of other nodes. */
    conditioning: field(isConditioning)
  })
{}

/**
 * Several conditionings. Server type `conditioning_collection_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkConditioningCollectionOutput
  extends output("conditioning_collection_output", "InkConditioningCollectionOutput", {
    /** The conditionings, in order. */
    collection: list(isConditioning)
  })
{}

/**
 * A prompt encoded for a model, kept on the server and not downloadable. Server type `conditioning_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkConditioningOutput extends output("conditioning_output", "InkConditioningOutput", {
  /** Name of the encoded prompt on the server. */
  conditioningName: nameIn("conditioning", "conditioning_name"),
  /** The encoded prompt, for the inputs of other nodes. */
  conditioning: field(isConditioning)
}) {}

/**
 * A ControlNet with its image. Server type `control_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkControlOutput extends output("control_output", "InkControlOutput", {
  /** The control, for the inputs of other nodes. */
  control: object
}) {}

/**
 * A prompt encoded for a model, kept on the server and not downloadable. Server type
 * `ernie_image_conditioning_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkErnieImageConditioningOutput
  extends output("ernie_image_conditioning_output", "InkErnieImageConditioningOutput", {
    /** Name of the encoded prompt on the server. */
    conditioningName: nameIn("conditioning", "conditioning_name"),
    /** The encoded prompt, for the inputs of other nodes. */
    conditioning: field(isConditioning)
  })
{}

/**
 * Several FLUX conditionings. Server type `flux_conditioning_collection_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkFluxConditioningCollectionOutput
  extends output("flux_conditioning_collection_output", "InkFluxConditioningCollectionOutput", {
    /** The conditionings, in order. */
    collection: list(isConditioning)
  })
{}

/**
 * A prompt encoded for a model, kept on the server and not downloadable. Server type `flux_conditioning_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkFluxConditioningOutput extends output("flux_conditioning_output", "InkFluxConditioningOutput", {
  /** Name of the encoded prompt on the server. */
  conditioningName: nameIn("conditioning", "conditioning_name"),
  /** The encoded prompt, for the inputs of other nodes. */
  conditioning: field(isConditioning)
}) {}

/**
 * A FLUX ControlNet with its image. Server type `flux_controlnet_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkFluxControlNetOutput extends output("flux_controlnet_output", "InkFluxControlNetOutput", {
  /** The control, for the inputs of other nodes. */
  control: object
}) {}

/**
 * A FLUX Fill conditioning. Server type `flux_fill_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkFluxFillOutput extends output("flux_fill_output", "InkFluxFillOutput", {
  /** The fill conditioning, for the inputs of other nodes. */
  fillCond: object
}) {}

/**
 * A FLUX Kontext conditioning. Server type `flux_kontext_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkFluxKontextOutput extends output("flux_kontext_output", "InkFluxKontextOutput", {
  /** The Kontext conditioning, for the inputs of other nodes. */
  kontextCond: object
}) {}

/**
 * A FLUX Redux conditioning. Server type `flux_redux_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkFluxReduxOutput extends output("flux_redux_output", "InkFluxReduxOutput", {
  /** The Redux conditioning, for the inputs of other nodes. */
  reduxCond: object
}) {}

/**
 * A prompt encoded for a model, kept on the server and not downloadable. Server type `ideogram4_conditioning_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkIdeogram4ConditioningOutput
  extends output("ideogram4_conditioning_output", "InkIdeogram4ConditioningOutput", {
    /** Name of the encoded prompt on the server. */
    conditioningName: nameIn("conditioning", "conditioning_name"),
    /** The encoded prompt, for the inputs of other nodes. */
    conditioning: field(isConditioning)
  })
{}

/**
 * An IP-Adapter with its image. Server type `ip_adapter_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkIPAdapterOutput extends output("ip_adapter_output", "InkIPAdapterOutput", {
  /** The IP-Adapter, for the inputs of other nodes. */
  ipAdapter: object
}) {}

/**
 * A prompt encoded for a model, kept on the server and not downloadable. Server type `krea2_conditioning_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkKrea2ConditioningOutput extends output("krea2_conditioning_output", "InkKrea2ConditioningOutput", {
  /** Name of the encoded prompt on the server. */
  conditioningName: nameIn("conditioning", "conditioning_name"),
  /** The encoded prompt, for the inputs of other nodes. */
  conditioning: field(isConditioning)
}) {}

/**
 * A style reference for Krea 2. Server type `krea2_style_reference_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkKrea2StyleReferenceOutput
  extends output("krea2_style_reference_output", "InkKrea2StyleReferenceOutput", {
    /** The style reference, for the inputs of other nodes. */
    styleReference: object
  })
{}

/**
 * Controls read from metadata. Server type `md_control_list_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkMDControlListOutput extends output("md_control_list_output", "InkMDControlListOutput", {
  /** The list of controls, for the inputs of other nodes. */
  controlList: anything
}) {}

/**
 * IP-Adapters read from metadata. Server type `md_ip_adapter_list_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkMDIPAdapterListOutput extends output("md_ip_adapter_list_output", "InkMDIPAdapterListOutput", {
  /** The list of IP-Adapters, for the inputs of other nodes. */
  ipAdapterList: anything
}) {}

/**
 * T2I-Adapters read from metadata. Server type `md_ip_adapters_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkMDT2IAdapterListOutput extends output("md_ip_adapters_output", "InkMDT2IAdapterListOutput", {
  /** The list of T2I-Adapters, for the inputs of other nodes. */
  t2iAdapterList: anything
}) {}

/**
 * A prompt encoded for a model, kept on the server and not downloadable. Server type `qwen_image_conditioning_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkQwenImageConditioningOutput
  extends output("qwen_image_conditioning_output", "InkQwenImageConditioningOutput", {
    /** Name of the encoded prompt on the server. */
    conditioningName: nameIn("conditioning", "conditioning_name"),
    /** The encoded prompt, for the inputs of other nodes. */
    conditioning: field(isConditioning)
  })
{}

/**
 * A prompt encoded for a model, kept on the server and not downloadable. Server type `sd3_conditioning_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkSD3ConditioningOutput extends output("sd3_conditioning_output", "InkSD3ConditioningOutput", {
  /** Name of the encoded prompt on the server. */
  conditioningName: nameIn("conditioning", "conditioning_name"),
  /** The encoded prompt, for the inputs of other nodes. */
  conditioning: field(isConditioning)
}) {}

/**
 * A T2I-Adapter with its image. Server type `t2i_adapter_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkT2IAdapterOutput extends output("t2i_adapter_output", "InkT2IAdapterOutput", {
  /** The T2I-Adapter, for the inputs of other nodes. */
  t2iAdapter: object
}) {}

/**
 * A prompt encoded for a model, kept on the server and not downloadable. Server type `wan_conditioning_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkWanConditioningOutput extends output("wan_conditioning_output", "InkWanConditioningOutput", {
  /** Name of the encoded prompt on the server. */
  conditioningName: nameIn("conditioning", "conditioning_name"),
  /** The encoded prompt, for the inputs of other nodes. */
  conditioning: field(isConditioning)
}) {}

/**
 * A reference image for Wan. Server type `wan_ref_image_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkWanRefImageOutput extends output("wan_ref_image_output", "InkWanRefImageOutput", {
  /** The reference image, for the inputs of other nodes. */
  refImage: object
}) {}

/**
 * A prompt encoded for a model, kept on the server and not downloadable. Server type `z_image_conditioning_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkZImageConditioningOutput extends output("z_image_conditioning_output", "InkZImageConditioningOutput", {
  /** Name of the encoded prompt on the server. */
  conditioningName: nameIn("conditioning", "conditioning_name"),
  /** The encoded prompt, for the inputs of other nodes. */
  conditioning: field(isConditioning)
}) {}

/**
 * A Z-Image control. Server type `z_image_control_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkZImageControlOutput extends output("z_image_control_output", "InkZImageControlOutput", {
  /** The control, for the inputs of other nodes. */
  control: object
}) {}
