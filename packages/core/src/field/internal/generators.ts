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
import type { JsonSchema } from "effect/JsonSchema"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { type GeneratorPart, type GeneratorRule, generatorRules } from "./generatorRules.ts"
import * as Json from "./json.ts"
import { describeChoices, type InkFieldType, readFloat, readInteger } from "./kind.ts"

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
export class ImageGenerator extends Schema.Opaque<ImageGenerator>()(Schema.Struct({
  /** The type of the generator, as the server names it. */
  type: Schema.Literal("image_generator_images_from_board"),
  /** The id of the board. */
  board_id: Schema.optionalKey(Schema.String),
  /** The generated images (`images`) or the uploaded ones (`assets`). */
  category: Schema.Literals(["images", "assets"])
})) {}

/**
 * The rule of a `float_generator` node.
 *
 * @category generators
 * @since 0.1.0
 */
export class InkFloatGeneratorField
  extends Schema.Opaque<InkFloatGeneratorField>()(Schema.TaggedStruct("InkFloatGeneratorField", {
    value: Schema.optionalKey(FloatGenerator)
  }))
{}

/**
 * The rule of an `integer_generator` node.
 *
 * @category generators
 * @since 0.1.0
 */
export class InkIntegerGeneratorField
  extends Schema.Opaque<InkIntegerGeneratorField>()(Schema.TaggedStruct("InkIntegerGeneratorField", {
    value: Schema.optionalKey(IntegerGenerator)
  }))
{}

/**
 * The rule of a `string_generator` node.
 *
 * @category generators
 * @since 0.1.0
 */
export class InkStringGeneratorField
  extends Schema.Opaque<InkStringGeneratorField>()(Schema.TaggedStruct("InkStringGeneratorField", {
    value: Schema.optionalKey(StringGenerator)
  }))
{}

/**
 * The rule of an `image_generator` node.
 *
 * @category generators
 * @since 0.1.0
 */
export class InkImageGeneratorField
  extends Schema.Opaque<InkImageGeneratorField>()(Schema.TaggedStruct("InkImageGeneratorField", {
    value: Schema.optionalKey(ImageGenerator)
  }))
{}

const rulesOf = (scale: "float" | "integer" | "string"): ReadonlyMap<string, GeneratorRule> =>
  new Map([...generatorRules].filter(([type]) => type.startsWith(`${scale}_generator`)))

const missing = Symbol("missing")

/** A member as it is read, `undefined` where it is left out, or `missing`. A text to generate from has to be given. */
const readMember = (name: string, part: GeneratorPart, initial: unknown, value: unknown): unknown => {
  if (value === undefined || (value === null && part === "seed")) return name === "input" ? missing : initial
  if (part === "string") return typeof value === "string" ? value : missing
  const number = part === "number" ? readFloat(value) : readInteger(value)
  return number === undefined || (name === "count" && number < 1) || (part === "count" && number < 1) ? missing : number
}

const readRule = (
  input: unknown,
  rules: ReadonlyMap<string, GeneratorRule>,
  values: "number" | "string"
): Readonly<Record<string, unknown>> | undefined => {
  if (!Predicate.isObject(input) || typeof input["type"] !== "string") return undefined
  const rule = rules.get(input["type"])
  if (rule === undefined) return undefined
  const out: Record<string, unknown> = { type: input["type"] }
  for (const [name, part, initial] of rule.parts) {
    if (part === "numbers") continue
    const member = readMember(name, part, initial, input[name])
    if (member === missing) return undefined
    if (member !== undefined) out[name] = member
  }
  const given = input["values"]
  if (given === undefined || given === null) return out
  if (!Array.isArray(given) || !given.every((value) => typeof value === values)) return undefined
  out["values"] = [...given]
  return out
}

const memberJson = (name: string, part: GeneratorPart): JsonSchema => {
  switch (part) {
    case "string":
      return { type: "string" }
    case "number":
      return Json.number()
    case "count":
      return Json.integer({ minimum: 1 })
    case "seed":
      return Json.either(Json.integer(), { type: "null" })
    default:
      return Json.integer(name === "count" ? { minimum: 1 } : {})
  }
}

/** An object with the type and the members of one of the rules. */
const rulesJson = (rules: ReadonlyMap<string, GeneratorRule>, values: "number" | "string"): JsonSchema =>
  Json.either(...[...rules].map(([type, { parts }]) => ({
    type: "object",
    properties: {
      type: { const: type },
      ...Object.fromEntries(
        parts.filter(([, part]) => part !== "numbers").map(([name, part]) => [name, memberJson(name, part)])
      ),
      values: Json.either({ type: "array", items: { type: values } }, { type: "null" })
    },
    required: ["type", ...parts.flatMap(([name]) => name === "input" ? [name] : [])]
  })))

const ruleKind = <Field extends { readonly value?: unknown }>(
  type: string,
  empty: () => Field,
  what: string,
  rules: ReadonlyMap<string, GeneratorRule>,
  values: "number" | "string"
): InkFieldType<Field> => {
  type Value = Exclude<Field["value"], undefined>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- readRule builds just the members of the rule's type
  const read = (_: Field, input: unknown) => readRule(input, rules, values) as Value | undefined
  return {
    types: [type],
    empty,
    read,
    coerce: read,
    expected: () => `a rule for ${what} with the type ${describeChoices([...rules.keys()])}`,
    json: () => rulesJson(rules, values)
  }
}

/** @internal */
export const floatGeneratorKind = ruleKind<InkFloatGeneratorField>(
  "FloatGeneratorField",
  () => ({ _tag: "InkFloatGeneratorField" }),
  "numbers",
  rulesOf("float"),
  "number"
)

/** @internal */
export const integerGeneratorKind = ruleKind<InkIntegerGeneratorField>(
  "IntegerGeneratorField",
  () => ({ _tag: "InkIntegerGeneratorField" }),
  "integers",
  rulesOf("integer"),
  "number"
)

/** @internal */
export const stringGeneratorKind = ruleKind<InkStringGeneratorField>(
  "StringGeneratorField",
  () => ({ _tag: "InkStringGeneratorField" }),
  "texts",
  rulesOf("string"),
  "string"
)

const readImageRule = (_: InkImageGeneratorField, input: unknown): ImageGenerator | undefined => {
  if (!Predicate.isObject(input) || input["type"] !== "image_generator_images_from_board") return undefined
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
export const imageGeneratorKind: InkFieldType<InkImageGeneratorField> = {
  types: ["ImageGeneratorField"],
  empty: () => ({ _tag: "InkImageGeneratorField" }),
  names: ({ board_id }) => board_id === undefined || board_id === "none" ? [] : [["board", board_id]],
  read: readImageRule,
  coerce: readImageRule,
  expected: () => "the rule image_generator_images_from_board with board_id and category (images or assets)",
  json: () => ({
    type: "object",
    properties: {
      type: { const: "image_generator_images_from_board" },
      board_id: { type: "string" },
      category: Json.choice(["images", "assets"], {})
    },
    required: ["type"]
  })
}
