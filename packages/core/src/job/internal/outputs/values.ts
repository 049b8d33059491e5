/**
 * Outputs that are plain values: numbers, texts, truth values, colours, collections, metadata.
 *
 * **Details**
 *
 * Fields are camelCase; values are the server's own.
 *
 * @since 0.1.0
 */
import type { ColorField, FieldData, InkOutputBase, OutputShape } from "./fields.ts"

/**
 * Truth values. Server type `boolean_collection_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkBooleanCollectionOutput extends InkOutputBase<"InkBooleanCollectionOutput"> {
  readonly collection: ReadonlyArray<boolean>
}

/**
 * A truth value. Server type `boolean_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkBooleanOutput extends InkOutputBase<"InkBooleanOutput"> {
  readonly value: boolean
}

/**
 * What a `collect` node gathered, of any type, in the order of the iterations (servers up to 6.8 mix it up; `data` has their order). Server type `collect_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkCollectOutput extends InkOutputBase<"InkCollectOutput"> {
  readonly collection: ReadonlyArray<unknown>
}

/**
 * Colours. Server type `color_collection_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkColorCollectionOutput extends InkOutputBase<"InkColorCollectionOutput"> {
  readonly collection: ReadonlyArray<ColorField>
}

/**
 * A colour: red, green, blue and alpha, each 0 to 255. Server type `color_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkColorOutput extends InkOutputBase<"InkColorOutput"> {
  readonly color: ColorField
}

/**
 * Numbers. Server type `float_collection_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkFloatCollectionOutput extends InkOutputBase<"InkFloatCollectionOutput"> {
  readonly collection: ReadonlyArray<number>
}

/**
 * The numbers of a batch generator. Server type `float_generator_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkFloatGeneratorOutput extends InkOutputBase<"InkFloatGeneratorOutput"> {
  readonly floats: ReadonlyArray<number>
}

/**
 * A number. Server type `float_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkFloatOutput extends InkOutputBase<"InkFloatOutput"> {
  readonly value: number
}

/**
 * What the chosen branch of an `if` node gave. Server type `if_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkIfOutput extends InkOutputBase<"InkIfOutput"> {
  readonly value: unknown
}

/**
 * Whole numbers. Server type `integer_collection_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkIntegerCollectionOutput extends InkOutputBase<"InkIntegerCollectionOutput"> {
  readonly collection: ReadonlyArray<number>
}

/**
 * The whole numbers of a batch generator. Server type `integer_generator_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkIntegerGeneratorOutput extends InkOutputBase<"InkIntegerGeneratorOutput"> {
  readonly integers: ReadonlyArray<number>
}

/**
 * A whole number. Server type `integer_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkIntegerOutput extends InkOutputBase<"InkIntegerOutput"> {
  readonly value: number
}

/**
 * One round of an `iterate` node: the element, its position from 0, and how many there are. Server type `iterate_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkIterateOutput extends InkOutputBase<"InkIterateOutput"> {
  readonly item: unknown
  readonly index: number
  readonly total: number
}

/**
 * One entry of metadata. Server type `metadata_item_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkMetadataItemOutput extends InkOutputBase<"InkMetadataItemOutput"> {
  readonly item: FieldData
}

/**
 * Metadata of an image, as it is written into the file. Server type `metadata_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkMetadataOutput extends InkOutputBase<"InkMetadataOutput"> {
  readonly metadata: FieldData
}

/**
 * A prompt and its negative, put together from a template. Server type `prompt_template_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkPromptTemplateOutput extends InkOutputBase<"InkPromptTemplateOutput"> {
  readonly positivePrompt: string
  readonly negativePrompt: string
}

/**
 * The name of a scheduler. Server type `scheduler_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkSchedulerOutput extends InkOutputBase<"InkSchedulerOutput"> {
  readonly scheduler: string
}

/**
 * A text split in two. Server type `string_2_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkString2Output extends InkOutputBase<"InkString2Output"> {
  readonly string1: string
  readonly string2: string
}

/**
 * Texts. Server type `string_collection_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkStringCollectionOutput extends InkOutputBase<"InkStringCollectionOutput"> {
  readonly collection: ReadonlyArray<string>
}

/**
 * The texts of a batch generator. Server type `string_generator_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkStringGeneratorOutput extends InkOutputBase<"InkStringGeneratorOutput"> {
  readonly strings: ReadonlyArray<string>
}

/**
 * A text. Server type `string_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkStringOutput extends InkOutputBase<"InkStringOutput"> {
  readonly value: string
}

/**
 * A prompt split into its positive and negative part. Server type `string_pos_neg_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkStringPosNegOutput extends InkOutputBase<"InkStringPosNegOutput"> {
  readonly positiveString: string
  readonly negativeString: string
}

/**
 * One value taken from what a called workflow returned. Server type `workflow_return_get_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkWorkflowReturnGetOutput extends InkOutputBase<"InkWorkflowReturnGetOutput"> {
  readonly value: unknown
}

/**
 * The values that a called workflow returned, by name. Server type `workflow_return_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkWorkflowReturnOutput extends InkOutputBase<"InkWorkflowReturnOutput"> {
  readonly values: FieldData
}

/**
 * One value on its way out of a called workflow. Server type `workflow_return_value_output`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkWorkflowReturnValueOutput extends InkOutputBase<"InkWorkflowReturnValueOutput"> {
  readonly value: FieldData
}

/**
 * Any output of this family.
 *
 * @category models
 * @since 0.1.0
 */
export type ValueOutput =
  | InkBooleanCollectionOutput
  | InkBooleanOutput
  | InkCollectOutput
  | InkColorCollectionOutput
  | InkColorOutput
  | InkFloatCollectionOutput
  | InkFloatGeneratorOutput
  | InkFloatOutput
  | InkIfOutput
  | InkIntegerCollectionOutput
  | InkIntegerGeneratorOutput
  | InkIntegerOutput
  | InkIterateOutput
  | InkMetadataItemOutput
  | InkMetadataOutput
  | InkPromptTemplateOutput
  | InkSchedulerOutput
  | InkString2Output
  | InkStringCollectionOutput
  | InkStringGeneratorOutput
  | InkStringOutput
  | InkStringPosNegOutput
  | InkWorkflowReturnGetOutput
  | InkWorkflowReturnOutput
  | InkWorkflowReturnValueOutput

/** @internal */
export const valueOutputShapes: Readonly<Record<string, OutputShape>> = {
  boolean_collection_output: ["InkBooleanCollectionOutput", { collection: "boolean[]" }],
  boolean_output: ["InkBooleanOutput", { value: "boolean" }],
  collect_output: ["InkCollectOutput", { collection: "any[]" }],
  color_collection_output: ["InkColorCollectionOutput", { collection: "color[]" }],
  color_output: ["InkColorOutput", { color: "color" }],
  float_collection_output: ["InkFloatCollectionOutput", { collection: "number[]" }],
  float_generator_output: ["InkFloatGeneratorOutput", { floats: "number[]" }],
  float_output: ["InkFloatOutput", { value: "number" }],
  if_output: ["InkIfOutput", { value: "any" }],
  integer_collection_output: ["InkIntegerCollectionOutput", { collection: "integer[]" }],
  integer_generator_output: ["InkIntegerGeneratorOutput", { integers: "integer[]" }],
  integer_output: ["InkIntegerOutput", { value: "integer" }],
  iterate_output: ["InkIterateOutput", { item: "any", index: "integer", total: "integer" }],
  metadata_item_output: ["InkMetadataItemOutput", { item: "object" }],
  metadata_output: ["InkMetadataOutput", { metadata: "object" }],
  prompt_template_output: ["InkPromptTemplateOutput", { positive_prompt: "string", negative_prompt: "string" }],
  scheduler_output: ["InkSchedulerOutput", { scheduler: "string" }],
  string_2_output: ["InkString2Output", { string_1: "string", string_2: "string" }],
  string_collection_output: ["InkStringCollectionOutput", { collection: "string[]" }],
  string_generator_output: ["InkStringGeneratorOutput", { strings: "string[]" }],
  string_output: ["InkStringOutput", { value: "string" }],
  string_pos_neg_output: ["InkStringPosNegOutput", { positive_string: "string", negative_string: "string" }],
  workflow_return_get_output: ["InkWorkflowReturnGetOutput", { value: "any" }],
  workflow_return_output: ["InkWorkflowReturnOutput", { values: "object" }],
  workflow_return_value_output: ["InkWorkflowReturnValueOutput", { value: "object" }]
}
