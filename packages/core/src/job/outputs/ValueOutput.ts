/**
 * Outputs that are plain values: numbers, strings, booleans, colors, collections, metadata.
 *
 * **Details**
 *
 * Members are camelCase; values are the server's own. Each class is a type: outputs are plain objects.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import {
  anything,
  boolean,
  field,
  from,
  hasNumbers,
  list,
  listOfAnything,
  number,
  object,
  output,
  string
} from "../internal/outputs/output.ts"

/**
 * A color; each component is 0 to 255.
 *
 * @category models
 * @since 0.1.0
 */
export interface ColorField {
  /** Red. */
  readonly r: number
  /** Green. */
  readonly g: number
  /** Blue. */
  readonly b: number
  /** Alpha: 0 is transparent. */
  readonly a: number
}

const isColor = hasNumbers<ColorField>("r", "g", "b", "a")

/**
 * Booleans. Server type `boolean_collection_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkBooleanCollectionOutput extends output("boolean_collection_output", "InkBooleanCollectionOutput", {
  /** The booleans, in order. */
  collection: list(Predicate.isBoolean)
}) {}

/**
 * A boolean. Server type `boolean_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkBooleanOutput extends output("boolean_output", "InkBooleanOutput", {
  /** The value. */
  value: boolean
}) {}

/**
 * What a `collect` node collected, of any type, in the order of the iterations (servers up to 6.8 mix them up; `data`
 * has their order). Server type `collect_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkCollectOutput extends output("collect_output", "InkCollectOutput", {
  /** The collected values, in the order of the iterations. */
  collection: listOfAnything
}) {}

/**
 * Colors. Server type `color_collection_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkColorCollectionOutput extends output("color_collection_output", "InkColorCollectionOutput", {
  /** The colors, in order. */
  collection: list(isColor)
}) {}

/**
 * A color: red, green, blue and alpha, each 0 to 255. Server type `color_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkColorOutput extends output("color_output", "InkColorOutput", {
  /** The color. */
  color: field(isColor)
}) {}

/**
 * Numbers. Server type `float_collection_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkFloatCollectionOutput extends output("float_collection_output", "InkFloatCollectionOutput", {
  /** The numbers, in order. */
  collection: list(Predicate.isNumber)
}) {}

/**
 * The numbers of a batch generator. Server type `float_generator_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkFloatGeneratorOutput extends output("float_generator_output", "InkFloatGeneratorOutput", {
  /** The numbers, in order. */
  floats: list(Predicate.isNumber)
}) {}

/**
 * A number. Server type `float_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkFloatOutput extends output("float_output", "InkFloatOutput", {
  /** The value. */
  value: number
}) {}

/**
 * The value of the chosen branch of an `if` node. Server type `if_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkIfOutput extends output("if_output", "InkIfOutput", {
  /** The value of the chosen branch. */
  value: anything
}) {}

/**
 * Integers. Server type `integer_collection_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkIntegerCollectionOutput extends output("integer_collection_output", "InkIntegerCollectionOutput", {
  /** The integers, in order. */
  collection: list(Predicate.isNumber)
}) {}

/**
 * The integers of a batch generator. Server type `integer_generator_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkIntegerGeneratorOutput extends output("integer_generator_output", "InkIntegerGeneratorOutput", {
  /** The integers, in order. */
  integers: list(Predicate.isNumber)
}) {}

/**
 * An integer. Server type `integer_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkIntegerOutput extends output("integer_output", "InkIntegerOutput", {
  /** The value. */
  value: number
}) {}

/**
 * One iteration of an `iterate` node. Server type `iterate_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkIterateOutput extends output("iterate_output", "InkIterateOutput", {
  /** The element. */
  item: anything,
  /** Position of the element in the list, from 0. */
  index: number,
  /** Number of elements in the list. */
  total: number
}) {}

/**
 * One entry of metadata. Server type `metadata_item_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkMetadataItemOutput extends output("metadata_item_output", "InkMetadataItemOutput", {
  /** The entry, as the server has it. */
  item: object
}) {}

/**
 * Metadata of an image, as the server writes it into the file. Server type `metadata_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkMetadataOutput extends output("metadata_output", "InkMetadataOutput", {
  /** The metadata, as the server has it. */
  metadata: object
}) {}

/**
 * A prompt and its negative, put together from a template. Server type `prompt_template_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkPromptTemplateOutput extends output("prompt_template_output", "InkPromptTemplateOutput", {
  /** The prompt. */
  positivePrompt: string,
  /** The negative prompt. */
  negativePrompt: string
}) {}

/**
 * The name of a scheduler. Server type `scheduler_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkSchedulerOutput extends output("scheduler_output", "InkSchedulerOutput", {
  /** Name of the scheduler. */
  scheduler: string
}) {}

/**
 * A string split in two. Server type `string_2_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkString2Output extends output("string_2_output", "InkString2Output", {
  /** The first part. */
  string1: from("string_1", string),
  /** The second part. */
  string2: from("string_2", string)
}) {}

/**
 * Strings. Server type `string_collection_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkStringCollectionOutput extends output("string_collection_output", "InkStringCollectionOutput", {
  /** The strings, in order. */
  collection: list(Predicate.isString)
}) {}

/**
 * The strings of a batch generator. Server type `string_generator_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkStringGeneratorOutput extends output("string_generator_output", "InkStringGeneratorOutput", {
  /** The strings, in order. */
  strings: list(Predicate.isString)
}) {}

/**
 * A string. Server type `string_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkStringOutput extends output("string_output", "InkStringOutput", {
  /** The value. */
  value: string
}) {}

/**
 * A prompt split into its positive and negative part. Server type `string_pos_neg_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkStringPosNegOutput extends output("string_pos_neg_output", "InkStringPosNegOutput", {
  /** The positive part. */
  positiveString: string,
  /** The negative part. */
  negativeString: string
}) {}

/**
 * One value taken from what a called workflow returned. Server type `workflow_return_get_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkWorkflowReturnGetOutput extends output("workflow_return_get_output", "InkWorkflowReturnGetOutput", {
  /** The value. */
  value: anything
}) {}

/**
 * The values that a called workflow returned, by name. Server type `workflow_return_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkWorkflowReturnOutput extends output("workflow_return_output", "InkWorkflowReturnOutput", {
  /** The values, by name. */
  values: object
}) {}

/**
 * One value on its way out of a called workflow. Server type `workflow_return_value_output`.
 *
 * @category models
 * @since 0.1.0
 */
export class InkWorkflowReturnValueOutput
  extends output("workflow_return_value_output", "InkWorkflowReturnValueOutput", {
    /** The value. */
    value: object
  })
{}
