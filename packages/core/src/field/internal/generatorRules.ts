/** The generators of batch values that the editor supports: their members and defaults, and how it reads them. */
import type { JsonObject } from "../../internal/json.ts"

const isName = (value: unknown): value is string => typeof value === "string" && value.trim() !== ""

const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value)

/** The type of a member of a generator. */
export type GeneratorPart = "number" | "integer" | "count" | "string" | "seed" | "numbers" | "optionalName" | "category"

/** The members of a generator, with their defaults, if any. */
export interface GeneratorRule {
  readonly parts: ReadonlyArray<readonly [name: string, part: GeneratorPart, initial?: unknown]>
}

const numberGenerators = (
  prefix: string,
  number: "number" | "integer",
  step: number,
  end: number,
  input: string,
  more: GeneratorRule["parts"]
): ReadonlyArray<readonly [string, GeneratorRule]> => [
  [`${prefix}_arithmetic_sequence`, {
    parts: [["start", number, 0], ["step", number, step], ["count", "integer", 10], ...more]
  }],
  [`${prefix}_linear_distribution`, {
    parts: [["start", number, 0], ["end", number, end], ["count", "integer", 10], ...more]
  }],
  [`${prefix}_random_distribution_uniform`, {
    parts: [["min", number, 0], ["max", number, end], ["count", "integer", 10], ["seed", "seed"], ...more]
  }],
  [`${prefix}_parse_string`, { parts: [["input", "string", input], ["splitOn", "string", ","], ...more] }]
]

const dynamicPrompt = "a super {cute|ferocious} {dog|cat}"

/**
 * Generators by their `type`, in the order in which the editor tries them, with the defaults of what a file omits. Only
 * generators of floats store their values.
 */
export const generatorRules: ReadonlyMap<string, GeneratorRule> = new Map([
  ...numberGenerators("float_generator", "number", 0.1, 1, "0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1", [
    ["values", "numbers"]
  ]),
  ...numberGenerators("integer_generator", "integer", 1, 10, "1,2,3,4,5,6,7,8,9,10", []),
  ["string_generator_parse_string", {
    parts: [["input", "string", "foo,bar,baz,qux"], ["splitOn", "string", ","]]
  }],
  ["string_generator_dynamic_prompts_combinatorial", {
    parts: [["input", "string", dynamicPrompt], ["maxPrompts", "count", 10]]
  }],
  ["string_generator_dynamic_prompts_random", {
    parts: [["input", "string", dynamicPrompt], ["count", "count", 10], ["seed", "seed"]]
  }],
  ["image_generator_images_from_board", { parts: [["board_id", "optionalName"], ["category", "category", "images"]] }]
])

const fits = (value: unknown, part: GeneratorPart): boolean => {
  switch (part) {
    case "number":
      return isNumber(value)
    case "integer":
      return Number.isSafeInteger(value)
    case "count":
      return Number.isSafeInteger(value) && Number(value) >= 1
    case "seed":
      return value === null || Number.isSafeInteger(value)
    case "string":
      return typeof value === "string"
    case "optionalName":
      return isName(value)
    case "category":
      return value === "images" || value === "assets"
    default:
      return value === null || (Array.isArray(value) && value.every(isNumber))
  }
}

/** A generator of the given type, with defaults for missing members. `undefined` if a member is invalid. */
export const readGenerator = (type: string, value: JsonObject): JsonObject | undefined => {
  const rule = generatorRules.get(type)
  if (rule === undefined) {
    return undefined
  }
  const read: Record<string, unknown> = { type }
  for (const [name, part, initial] of rule.parts) {
    const given = value[name]
    if (given === undefined) {
      if (initial !== undefined) {
        read[name] = initial
      }
    } else if (fits(given, part)) {
      read[name] = part === "optionalName" && typeof given === "string" ? given.trim() : given
    } else {
      return undefined
    }
  }
  return read
}
