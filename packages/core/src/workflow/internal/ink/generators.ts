/**
 * Fields of the generator nodes: descriptions of values to be generated when the batch is made.
 *
 * **Details**
 *
 * A generator is an object whose `type` says how values are made. Numbers that are left out have the official UI's
 * defaults; a text to generate from has to be given. The values themselves are computed when the workflow is compiled.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { isRecord } from "../../../internal/json.ts"
import { describeChoices, type InkKind, readFloat, readInteger } from "./kind.ts"

/**
 * Numbers made by rule: `…_arithmetic_sequence`, `…_linear_distribution`, `…_random_distribution_uniform` or
 * `…_parse_string`. `values`, if there, are taken instead of computed ones.
 *
 * @category generators
 * @since 0.1.0
 */
export const FloatGenerator = Schema.Union([
  Schema.Struct({
    type: Schema.Literal("float_generator_arithmetic_sequence"),
    start: Schema.Number,
    step: Schema.Number,
    count: Schema.Number,
    values: Schema.optionalKey(Schema.Array(Schema.Number))
  }),
  Schema.Struct({
    type: Schema.Literal("float_generator_linear_distribution"),
    start: Schema.Number,
    end: Schema.Number,
    count: Schema.Number,
    values: Schema.optionalKey(Schema.Array(Schema.Number))
  }),
  Schema.Struct({
    type: Schema.Literal("float_generator_random_distribution_uniform"),
    min: Schema.Number,
    max: Schema.Number,
    count: Schema.Number,
    seed: Schema.optionalKey(Schema.Number),
    values: Schema.optionalKey(Schema.Array(Schema.Number))
  }),
  Schema.Struct({
    type: Schema.Literal("float_generator_parse_string"),
    input: Schema.String,
    splitOn: Schema.String,
    values: Schema.optionalKey(Schema.Array(Schema.Number))
  })
])

/**
 * Numbers made by rule: `…_arithmetic_sequence`, `…_linear_distribution`, `…_random_distribution_uniform` or
 * `…_parse_string`.
 *
 * @category generators
 * @since 0.1.0
 */
export type FloatGenerator = typeof FloatGenerator.Type

/**
 * Whole numbers made by rule.
 *
 * @category generators
 * @since 0.1.0
 */
export const IntegerGenerator = Schema.Union([
  Schema.Struct({
    type: Schema.Literal("integer_generator_arithmetic_sequence"),
    start: Schema.Number,
    step: Schema.Number,
    count: Schema.Number,
    values: Schema.optionalKey(Schema.Array(Schema.Number))
  }),
  Schema.Struct({
    type: Schema.Literal("integer_generator_linear_distribution"),
    start: Schema.Number,
    end: Schema.Number,
    count: Schema.Number,
    values: Schema.optionalKey(Schema.Array(Schema.Number))
  }),
  Schema.Struct({
    type: Schema.Literal("integer_generator_random_distribution_uniform"),
    min: Schema.Number,
    max: Schema.Number,
    count: Schema.Number,
    seed: Schema.optionalKey(Schema.Number),
    values: Schema.optionalKey(Schema.Array(Schema.Number))
  }),
  Schema.Struct({
    type: Schema.Literal("integer_generator_parse_string"),
    input: Schema.String,
    splitOn: Schema.String,
    values: Schema.optionalKey(Schema.Array(Schema.Number))
  })
])

/**
 * Whole numbers made by rule.
 *
 * @category generators
 * @since 0.1.0
 */
export type IntegerGenerator = typeof IntegerGenerator.Type

/**
 * Texts made by splitting a text or by expanding a dynamic prompt.
 *
 * @category generators
 * @since 0.1.0
 */
export const StringGenerator = Schema.Union([
  Schema.Struct({
    type: Schema.Literal("string_generator_parse_string"),
    input: Schema.String,
    splitOn: Schema.String,
    values: Schema.optionalKey(Schema.Array(Schema.String))
  }),
  Schema.Struct({
    type: Schema.Literal("string_generator_dynamic_prompts_combinatorial"),
    input: Schema.String,
    maxPrompts: Schema.Number,
    values: Schema.optionalKey(Schema.Array(Schema.String))
  }),
  Schema.Struct({
    type: Schema.Literal("string_generator_dynamic_prompts_random"),
    input: Schema.String,
    count: Schema.Number,
    seed: Schema.optionalKey(Schema.Number),
    values: Schema.optionalKey(Schema.Array(Schema.String))
  })
])

/**
 * Texts made by splitting a text or by expanding a dynamic prompt.
 *
 * @category generators
 * @since 0.1.0
 */
export type StringGenerator = typeof StringGenerator.Type

/**
 * The images of a board: the generated ones (`images`) or the uploaded ones (`assets`).
 *
 * @category generators
 * @since 0.1.0
 */
export const ImageGenerator = Schema.Struct({
  type: Schema.Literal("image_generator_images_from_board"),
  board_id: Schema.optionalKey(Schema.String),
  category: Schema.Literals(["images", "assets"])
})

/**
 * The images of a board: the generated ones (`images`) or the uploaded ones (`assets`).
 *
 * @category generators
 * @since 0.1.0
 */
export interface ImageGenerator extends Schema.Schema.Type<typeof ImageGenerator> {}

/**
 * The rule of a `float_generator` node.
 *
 * @category generators
 * @since 0.1.0
 */
export const InkFloatGeneratorField = Schema.TaggedStruct("InkFloatGeneratorField", {
  value: Schema.optionalKey(FloatGenerator)
})

/**
 * The rule of a `float_generator` node.
 *
 * @category generators
 * @since 0.1.0
 */
export interface InkFloatGeneratorField extends Schema.Schema.Type<typeof InkFloatGeneratorField> {}

/**
 * The rule of an `integer_generator` node.
 *
 * @category generators
 * @since 0.1.0
 */
export const InkIntegerGeneratorField = Schema.TaggedStruct("InkIntegerGeneratorField", {
  value: Schema.optionalKey(IntegerGenerator)
})

/**
 * The rule of an `integer_generator` node.
 *
 * @category generators
 * @since 0.1.0
 */
export interface InkIntegerGeneratorField extends Schema.Schema.Type<typeof InkIntegerGeneratorField> {}

/**
 * The rule of a `string_generator` node.
 *
 * @category generators
 * @since 0.1.0
 */
export const InkStringGeneratorField = Schema.TaggedStruct("InkStringGeneratorField", {
  value: Schema.optionalKey(StringGenerator)
})

/**
 * The rule of a `string_generator` node.
 *
 * @category generators
 * @since 0.1.0
 */
export interface InkStringGeneratorField extends Schema.Schema.Type<typeof InkStringGeneratorField> {}

/**
 * The rule of an `image_generator` node.
 *
 * @category generators
 * @since 0.1.0
 */
export const InkImageGeneratorField = Schema.TaggedStruct("InkImageGeneratorField", {
  value: Schema.optionalKey(ImageGenerator)
})

/**
 * The rule of an `image_generator` node.
 *
 * @category generators
 * @since 0.1.0
 */
export interface InkImageGeneratorField extends Schema.Schema.Type<typeof InkImageGeneratorField> {}

type Member = number | string | undefined | typeof required

/** Marks a member that has no default: a text to generate from has to be given. */
const required = Symbol("required")

/** Defaults of the members of each rule, as the official UI fills them in. An absent `seed` means a new one each time. */
const numberRules = (scale: "float" | "integer"): ReadonlyMap<string, Readonly<Record<string, Member>>> =>
  new Map<string, Readonly<Record<string, Member>>>([
    [`${scale}_generator_arithmetic_sequence`, { start: 0, step: scale === "float" ? 0.1 : 1, count: 10 }],
    [`${scale}_generator_linear_distribution`, { start: 0, end: scale === "float" ? 1 : 10, count: 10 }],
    [`${scale}_generator_random_distribution_uniform`, {
      min: 0,
      max: scale === "float" ? 1 : 10,
      count: 10,
      seed: undefined
    }],
    [`${scale}_generator_parse_string`, { input: required, splitOn: "," }]
  ])

const floatRules = numberRules("float")
const integerRules = numberRules("integer")
const stringRules: ReadonlyMap<string, Readonly<Record<string, Member>>> = new Map([
  ["string_generator_parse_string", { input: required, splitOn: "," }],
  ["string_generator_dynamic_prompts_combinatorial", { input: required, maxPrompts: 10 }],
  ["string_generator_dynamic_prompts_random", { input: required, count: 10, seed: undefined }]
])

const wholeMembers = new Set(["count", "seed", "maxPrompts"])

const readMember = (key: string, value: unknown, fallback: Member, whole: boolean): Member | null => {
  if (value === undefined || (value === null && key === "seed")) return fallback === required ? null : fallback
  if (typeof fallback === "string" || fallback === required) return typeof value === "string" ? value : null
  const number = whole || wholeMembers.has(key) ? readInteger(value) : readFloat(value)
  if (number === undefined) return null
  return (key === "count" || key === "maxPrompts") && number < 1 ? null : number
}

const readRule = (
  input: unknown,
  rules: ReadonlyMap<string, Readonly<Record<string, Member>>>,
  values: "number" | "string",
  whole: boolean
): Readonly<Record<string, unknown>> | undefined => {
  if (!isRecord(input) || typeof input["type"] !== "string") return undefined
  const defaults = rules.get(input["type"])
  if (defaults === undefined) return undefined
  const out: Record<string, unknown> = { type: input["type"] }
  for (const [key, fallback] of Object.entries(defaults)) {
    const member = readMember(key, input[key], fallback, whole)
    if (member === null) return undefined
    if (member !== undefined) out[key] = member
  }
  const given = input["values"]
  if (given === undefined || given === null) return out
  if (!Array.isArray(given) || !given.every((value) => typeof value === values)) return undefined
  out["values"] = [...given]
  return out
}

const ruleKind = <Field, Value>(
  what: string,
  rules: ReadonlyMap<string, Readonly<Record<string, Member>>>,
  values: "number" | "string",
  whole: boolean
): InkKind<Field, Value> => {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- readRule builds just the members of the rule's type
  const read = (_: Field, input: unknown) => readRule(input, rules, values, whole) as Value | undefined
  return {
    read,
    coerce: read,
    violations: () => [],
    expected: () => `a rule for ${what} with the type ${describeChoices([...rules.keys()])}`
  }
}

/** @internal */
export const floatGeneratorKind = ruleKind<InkFloatGeneratorField, FloatGenerator>(
  "numbers",
  floatRules,
  "number",
  false
)

/** @internal */
export const integerGeneratorKind = ruleKind<InkIntegerGeneratorField, IntegerGenerator>(
  "integers",
  integerRules,
  "number",
  true
)

/** @internal */
export const stringGeneratorKind = ruleKind<InkStringGeneratorField, StringGenerator>(
  "texts",
  stringRules,
  "string",
  false
)

const readImageRule = (_: InkImageGeneratorField, input: unknown): ImageGenerator | undefined => {
  if (!isRecord(input) || input["type"] !== "image_generator_images_from_board") return undefined
  const category = input["category"] ?? "images"
  const board = input["board_id"]
  if (category !== "images" && category !== "assets") return undefined
  if (board !== undefined && board !== null && typeof board !== "string") return undefined
  return {
    type: "image_generator_images_from_board",
    ...(typeof board === "string" ? { board_id: board } : {}),
    category
  }
}

/** @internal */
export const imageGeneratorKind: InkKind<InkImageGeneratorField, ImageGenerator> = {
  read: readImageRule,
  coerce: readImageRule,
  violations: () => [],
  expected: () => "the rule image_generator_images_from_board with board_id and category (images or assets)"
}
