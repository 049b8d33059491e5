/**
 * Outputs that steer a denoiser: encoded prompts, control networks, adapters, references.
 *
 * **Details**
 *
 * What they name is kept on the server and cannot be downloaded; the values can be given to other nodes.
 *
 * @since 0.1.0
 */
import type { ConditioningField, FieldData, InkOutputBase, OutputShape } from "./fields.ts"

/**
 * A prompt encoded for a model, kept on the server and not downloadable. Server type `anima_conditioning_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkAnimaConditioningOutput extends InkOutputBase<"InkAnimaConditioningOutput"> {
  readonly conditioningName: string
  readonly conditioning: ConditioningField
}

/**
 * Data that other nodes take. Server type `anima_lllite_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkAnimaLLLiteOutput extends InkOutputBase<"InkAnimaLLLiteOutput"> {
  readonly control: FieldData
}

/**
 * A prompt encoded for a model, kept on the server and not downloadable. Server type `cogview4_conditioning_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkCogView4ConditioningOutput extends InkOutputBase<"InkCogView4ConditioningOutput"> {
  readonly conditioningName: string
  readonly conditioning: ConditioningField
}

/**
 * Several conditionings. Server type `conditioning_collection_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkConditioningCollectionOutput extends InkOutputBase<"InkConditioningCollectionOutput"> {
  readonly collection: ReadonlyArray<ConditioningField>
}

/**
 * A prompt encoded for a model, kept on the server and not downloadable. Server type `conditioning_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkConditioningOutput extends InkOutputBase<"InkConditioningOutput"> {
  readonly conditioningName: string
  readonly conditioning: ConditioningField
}

/**
 * Data that other nodes take. Server type `control_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkControlOutput extends InkOutputBase<"InkControlOutput"> {
  readonly control: FieldData
}

/**
 * A prompt encoded for a model, kept on the server and not downloadable. Server type `ernie_image_conditioning_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkErnieImageConditioningOutput extends InkOutputBase<"InkErnieImageConditioningOutput"> {
  readonly conditioningName: string
  readonly conditioning: ConditioningField
}

/**
 * Several FLUX conditionings. Server type `flux_conditioning_collection_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkFluxConditioningCollectionOutput extends InkOutputBase<"InkFluxConditioningCollectionOutput"> {
  readonly collection: ReadonlyArray<ConditioningField>
}

/**
 * A prompt encoded for a model, kept on the server and not downloadable. Server type `flux_conditioning_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkFluxConditioningOutput extends InkOutputBase<"InkFluxConditioningOutput"> {
  readonly conditioningName: string
  readonly conditioning: ConditioningField
}

/**
 * Data that other nodes take. Server type `flux_controlnet_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkFluxControlNetOutput extends InkOutputBase<"InkFluxControlNetOutput"> {
  readonly control: FieldData
}

/**
 * Data that other nodes take. Server type `flux_fill_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkFluxFillOutput extends InkOutputBase<"InkFluxFillOutput"> {
  readonly fillCond: FieldData
}

/**
 * Data that other nodes take. Server type `flux_kontext_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkFluxKontextOutput extends InkOutputBase<"InkFluxKontextOutput"> {
  readonly kontextCond: FieldData
}

/**
 * Data that other nodes take. Server type `flux_redux_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkFluxReduxOutput extends InkOutputBase<"InkFluxReduxOutput"> {
  readonly reduxCond: FieldData
}

/**
 * A prompt encoded for a model, kept on the server and not downloadable. Server type `ideogram4_conditioning_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkIdeogram4ConditioningOutput extends InkOutputBase<"InkIdeogram4ConditioningOutput"> {
  readonly conditioningName: string
  readonly conditioning: ConditioningField
}

/**
 * Data that other nodes take. Server type `ip_adapter_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkIPAdapterOutput extends InkOutputBase<"InkIPAdapterOutput"> {
  readonly ipAdapter: FieldData
}

/**
 * A prompt encoded for a model, kept on the server and not downloadable. Server type `krea2_conditioning_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkKrea2ConditioningOutput extends InkOutputBase<"InkKrea2ConditioningOutput"> {
  readonly conditioningName: string
  readonly conditioning: ConditioningField
}

/**
 * Data that other nodes take. Server type `krea2_style_reference_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkKrea2StyleReferenceOutput extends InkOutputBase<"InkKrea2StyleReferenceOutput"> {
  readonly styleReference: FieldData
}

/**
 * Data that other nodes take. Server type `md_control_list_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkMDControlListOutput extends InkOutputBase<"InkMDControlListOutput"> {
  readonly controlList: unknown
}

/**
 * Data that other nodes take. Server type `md_ip_adapter_list_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkMDIPAdapterListOutput extends InkOutputBase<"InkMDIPAdapterListOutput"> {
  readonly ipAdapterList: unknown
}

/**
 * Data that other nodes take. Server type `md_ip_adapters_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkMDT2IAdapterListOutput extends InkOutputBase<"InkMDT2IAdapterListOutput"> {
  readonly t2iAdapterList: unknown
}

/**
 * A prompt encoded for a model, kept on the server and not downloadable. Server type `qwen_image_conditioning_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkQwenImageConditioningOutput extends InkOutputBase<"InkQwenImageConditioningOutput"> {
  readonly conditioningName: string
  readonly conditioning: ConditioningField
}

/**
 * A prompt encoded for a model, kept on the server and not downloadable. Server type `sd3_conditioning_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkSD3ConditioningOutput extends InkOutputBase<"InkSD3ConditioningOutput"> {
  readonly conditioningName: string
  readonly conditioning: ConditioningField
}

/**
 * Data that other nodes take. Server type `t2i_adapter_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkT2IAdapterOutput extends InkOutputBase<"InkT2IAdapterOutput"> {
  readonly t2iAdapter: FieldData
}

/**
 * A prompt encoded for a model, kept on the server and not downloadable. Server type `wan_conditioning_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkWanConditioningOutput extends InkOutputBase<"InkWanConditioningOutput"> {
  readonly conditioningName: string
  readonly conditioning: ConditioningField
}

/**
 * Data that other nodes take. Server type `wan_ref_image_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkWanRefImageOutput extends InkOutputBase<"InkWanRefImageOutput"> {
  readonly refImage: FieldData
}

/**
 * A prompt encoded for a model, kept on the server and not downloadable. Server type `z_image_conditioning_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkZImageConditioningOutput extends InkOutputBase<"InkZImageConditioningOutput"> {
  readonly conditioningName: string
  readonly conditioning: ConditioningField
}

/**
 * Data that other nodes take. Server type `z_image_control_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkZImageControlOutput extends InkOutputBase<"InkZImageControlOutput"> {
  readonly control: FieldData
}

/**
 * Any output of this family.
 *
 * @category models
 * @since 0.1.0
 */
export type ConditioningOutput =
  | InkAnimaConditioningOutput
  | InkAnimaLLLiteOutput
  | InkCogView4ConditioningOutput
  | InkConditioningCollectionOutput
  | InkConditioningOutput
  | InkControlOutput
  | InkErnieImageConditioningOutput
  | InkFluxConditioningCollectionOutput
  | InkFluxConditioningOutput
  | InkFluxControlNetOutput
  | InkFluxFillOutput
  | InkFluxKontextOutput
  | InkFluxReduxOutput
  | InkIdeogram4ConditioningOutput
  | InkIPAdapterOutput
  | InkKrea2ConditioningOutput
  | InkKrea2StyleReferenceOutput
  | InkMDControlListOutput
  | InkMDIPAdapterListOutput
  | InkMDT2IAdapterListOutput
  | InkQwenImageConditioningOutput
  | InkSD3ConditioningOutput
  | InkT2IAdapterOutput
  | InkWanConditioningOutput
  | InkWanRefImageOutput
  | InkZImageConditioningOutput
  | InkZImageControlOutput

/** @internal */
export const conditioningOutputShapes: Readonly<Record<string, OutputShape>> = {
  anima_conditioning_output: ["InkAnimaConditioningOutput", { conditioning: "conditioning" }],
  anima_lllite_output: ["InkAnimaLLLiteOutput", { control: "object" }],
  cogview4_conditioning_output: ["InkCogView4ConditioningOutput", { conditioning: "conditioning" }],
  conditioning_collection_output: ["InkConditioningCollectionOutput", { collection: "conditioning[]" }],
  conditioning_output: ["InkConditioningOutput", { conditioning: "conditioning" }],
  control_output: ["InkControlOutput", { control: "object" }],
  ernie_image_conditioning_output: ["InkErnieImageConditioningOutput", { conditioning: "conditioning" }],
  flux_conditioning_collection_output: ["InkFluxConditioningCollectionOutput", { collection: "conditioning[]" }],
  flux_conditioning_output: ["InkFluxConditioningOutput", { conditioning: "conditioning" }],
  flux_controlnet_output: ["InkFluxControlNetOutput", { control: "object" }],
  flux_fill_output: ["InkFluxFillOutput", { fill_cond: "object" }],
  flux_kontext_output: ["InkFluxKontextOutput", { kontext_cond: "object" }],
  flux_redux_output: ["InkFluxReduxOutput", { redux_cond: "object" }],
  ideogram4_conditioning_output: ["InkIdeogram4ConditioningOutput", { conditioning: "conditioning" }],
  ip_adapter_output: ["InkIPAdapterOutput", { ip_adapter: "object" }],
  krea2_conditioning_output: ["InkKrea2ConditioningOutput", { conditioning: "conditioning" }],
  krea2_style_reference_output: ["InkKrea2StyleReferenceOutput", { style_reference: "object" }],
  md_control_list_output: ["InkMDControlListOutput", { control_list: "any" }],
  md_ip_adapter_list_output: ["InkMDIPAdapterListOutput", { ip_adapter_list: "any" }],
  md_ip_adapters_output: ["InkMDT2IAdapterListOutput", { t2i_adapter_list: "any" }],
  qwen_image_conditioning_output: ["InkQwenImageConditioningOutput", { conditioning: "conditioning" }],
  sd3_conditioning_output: ["InkSD3ConditioningOutput", { conditioning: "conditioning" }],
  t2i_adapter_output: ["InkT2IAdapterOutput", { t2i_adapter: "object" }],
  wan_conditioning_output: ["InkWanConditioningOutput", { conditioning: "conditioning" }],
  wan_ref_image_output: ["InkWanRefImageOutput", { ref_image: "object" }],
  z_image_conditioning_output: ["InkZImageConditioningOutput", { conditioning: "conditioning" }],
  z_image_control_output: ["InkZImageControlOutput", { control: "object" }]
}
