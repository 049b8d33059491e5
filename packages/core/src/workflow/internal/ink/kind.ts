/**
 * What all Ink fields share: bounds and their wording, lossless readings of numbers, and how a refused value is described.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import type { FieldBounds, ValueBounds } from "../../../catalog/NodeTemplate.ts"
import { isRecord } from "../../../internal/json.ts"

/**
 * Limits of one value, as a schema. The same shape as the catalog's `ValueBounds`.
 *
 * @category models
 * @since 0.1.0
 */
export const InkValueBounds = Schema.Struct({
  minimum: Schema.optionalKey(Schema.Number),
  maximum: Schema.optionalKey(Schema.Number),
  exclusiveMinimum: Schema.optionalKey(Schema.Number),
  exclusiveMaximum: Schema.optionalKey(Schema.Number),
  multipleOf: Schema.optionalKey(Schema.Number),
  minLength: Schema.optionalKey(Schema.Number),
  maxLength: Schema.optionalKey(Schema.Number)
})

/**
 * Limits of a collection and of its items, as a schema.
 *
 * @category models
 * @since 0.1.0
 */
export const InkCollectionBounds = Schema.Struct({
  value: Schema.optionalKey(InkValueBounds),
  item: Schema.optionalKey(InkValueBounds),
  minItems: Schema.optionalKey(Schema.Number),
  maxItems: Schema.optionalKey(Schema.Number)
})

/**
 * Why a field does not take a value: what it expects, and a short description of what came.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkRefusal {
  readonly expected: string
  readonly received: string
}

/**
 * A value of the right type that breaks a limit.
 *
 * **Details**
 *
 * `code` and `parameters` are named as in the official UI (`collectionNumberLTMin`, `{ value, minimum }`).
 *
 * @category models
 * @since 0.1.0
 */
export interface InkViolation {
  readonly code: string
  readonly message: string
  readonly parameters: Readonly<Record<string, string | number>>
}

/**
 * Describes any value in a few words, for messages. Never repeats more than 60 characters of it.
 *
 * @category formatting
 * @since 0.1.0
 */
export const describeReceived = (input: unknown): string => {
  switch (typeof input) {
    case "undefined":
      return "nothing"
    case "string":
      return JSON.stringify(input.length > 60 ? `${input.slice(0, 57)}...` : input)
    case "number":
    case "boolean":
      return String(input)
    case "bigint":
      return `${input}n`
    case "function":
      return "a function"
    case "symbol":
      return "a symbol"
    default:
      break
  }
  if (input === null) return "null"
  if (Effect.isEffect(input)) return "an Effect instead of its result: yield* it first"
  if (Predicate.isPromiseLike(input)) return "a Promise instead of its result"
  if (Array.isArray(input)) return input.length === 1 ? "a list of 1 item" : `a list of ${input.length} items`
  const keys = isRecord(input) ? Object.keys(input) : []
  if (keys.length === 0) return "an empty object"
  const shown = keys.slice(0, 5).map((key) => key.length > 20 ? `${key.slice(0, 17)}...` : key).join(", ")
  return `an object with ${shown}${keys.length > 5 ? ", …" : ""}`
}

/**
 * Lists choices: `a, b or c`. Long lists are cut.
 *
 * @category formatting
 * @since 0.1.0
 */
export const describeChoices = (choices: ReadonlyArray<string>, limit = 40): string => {
  if (choices.length > limit) return `${choices.slice(0, limit).join(", ")} or ${choices.length - limit} others`
  return choices.length < 2
    ? choices.join("")
    : `${choices.slice(0, -1).join(", ")} or ${choices[choices.length - 1]}`
}

/**
 * The limits of a number in words, with a leading blank, or an empty text.
 *
 * @category formatting
 * @since 0.1.0
 */
export const describeNumberBounds = (bounds: ValueBounds | undefined): string => {
  if (bounds === undefined) return ""
  const parts: Array<string> = []
  if (bounds.minimum !== undefined && bounds.maximum !== undefined) {
    parts.push(`between ${bounds.minimum} and ${bounds.maximum}`)
  } else if (bounds.minimum !== undefined) parts.push(`of at least ${bounds.minimum}`)
  else if (bounds.maximum !== undefined) parts.push(`of at most ${bounds.maximum}`)
  if (bounds.exclusiveMinimum !== undefined) parts.push(`greater than ${bounds.exclusiveMinimum}`)
  if (bounds.exclusiveMaximum !== undefined) parts.push(`less than ${bounds.exclusiveMaximum}`)
  if (bounds.multipleOf !== undefined) parts.push(`that is a multiple of ${bounds.multipleOf}`)
  return parts.length === 0 ? "" : ` ${parts.join(" and ")}`
}

/**
 * The limits of a text in words, with a leading blank, or an empty text.
 *
 * @category formatting
 * @since 0.1.0
 */
export const describeStringBounds = (bounds: ValueBounds | undefined): string => {
  if (bounds === undefined) return ""
  const { maxLength, minLength } = bounds
  if (minLength !== undefined && maxLength !== undefined) return ` of ${minLength} to ${maxLength} characters`
  if (minLength !== undefined) return ` of at least ${minLength} characters`
  if (maxLength !== undefined) return ` of at most ${maxLength} characters`
  return ""
}

/**
 * The limits of a collection's size in words, with a leading blank, or an empty text.
 *
 * @category formatting
 * @since 0.1.0
 */
export const describeItemCount = (bounds: FieldBounds | undefined): string => {
  if (bounds === undefined) return ""
  const { maxItems, minItems } = bounds
  if (minItems !== undefined && maxItems !== undefined) return ` of ${minItems} to ${maxItems}`
  if (minItems !== undefined && minItems > 0) return ` of at least ${minItems}`
  if (maxItems !== undefined) return ` of at most ${maxItems}`
  return ""
}

/**
 * Whether a number is a multiple of another, up to the rounding of binary fractions (1e-9 of the value, as the server).
 *
 * @category predicates
 * @since 0.1.0
 */
export const isMultipleOf = (value: number, multipleOf: number): boolean => {
  if (multipleOf === 0) return true
  const remainder = Math.abs(value % multipleOf)
  const tolerance = Math.abs(value) / 1e9
  return remainder <= tolerance || Math.abs(remainder - Math.abs(multipleOf)) <= tolerance
}

/**
 * The limits that a number breaks, in the order in which the official UI reports them.
 *
 * @category checks
 * @since 0.1.0
 */
export const numberViolations = (bounds: ValueBounds | undefined, value: number): ReadonlyArray<InkViolation> => {
  if (bounds === undefined) return []
  const out: Array<InkViolation> = []
  const { exclusiveMaximum, exclusiveMinimum, maximum, minimum, multipleOf } = bounds
  if (maximum !== undefined && value > maximum) {
    out.push({
      code: "collectionNumberGTMax",
      message: `${value} is greater than ${maximum}`,
      parameters: { value, maximum }
    })
  }
  if (minimum !== undefined && value < minimum) {
    out.push({
      code: "collectionNumberLTMin",
      message: `${value} is less than ${minimum}`,
      parameters: { value, minimum }
    })
  }
  if (exclusiveMaximum !== undefined && value >= exclusiveMaximum) {
    out.push({
      code: "collectionNumberGTExclusiveMax",
      message: `${value} is not less than ${exclusiveMaximum}`,
      parameters: { value, exclusiveMaximum }
    })
  }
  if (exclusiveMinimum !== undefined && value <= exclusiveMinimum) {
    out.push({
      code: "collectionNumberLTExclusiveMin",
      message: `${value} is not greater than ${exclusiveMinimum}`,
      parameters: { value, exclusiveMinimum }
    })
  }
  if (multipleOf !== undefined && !isMultipleOf(value, multipleOf)) {
    out.push({
      code: "collectionNumberNotMultipleOf",
      message: `${value} is not a multiple of ${multipleOf}`,
      parameters: { value, multipleOf }
    })
  }
  return out
}

/**
 * The number of characters of a text as the server counts them: code points, not UTF-16 units.
 *
 * @category conversions
 * @since 0.1.0
 */
export const countCharacters = (value: string): number => {
  let count = 0
  for (const _ of value) count++
  return count
}

/**
 * The limits that a text breaks.
 *
 * @category checks
 * @since 0.1.0
 */
export const stringViolations = (bounds: ValueBounds | undefined, value: string): ReadonlyArray<InkViolation> => {
  if (bounds === undefined) return []
  const out: Array<InkViolation> = []
  const { maxLength, minLength } = bounds
  if (maxLength === undefined && minLength === undefined) return out
  const length = countCharacters(value)
  if (maxLength !== undefined && length > maxLength) {
    out.push({
      code: "collectionStringTooLong",
      message: `${length} characters are more than ${maxLength}`,
      parameters: { value, maxLength }
    })
  }
  if (minLength !== undefined && length < minLength) {
    out.push({
      code: "collectionStringTooShort",
      message: `${length} characters are fewer than ${minLength}`,
      parameters: { value, minLength }
    })
  }
  return out
}

/**
 * The limits that the size of a collection breaks.
 *
 * @category checks
 * @since 0.1.0
 */
export const itemCountViolations = (bounds: FieldBounds | undefined, count: number): ReadonlyArray<InkViolation> => {
  if (bounds === undefined) return []
  const { maxItems, minItems } = bounds
  if (minItems !== undefined && minItems > 0 && count === 0) {
    return [{ code: "collectionEmpty", message: "the list is empty", parameters: { minItems } }]
  }
  if (minItems !== undefined && count < minItems) {
    return [{
      code: "collectionTooFewItems",
      message: `${count} items are fewer than ${minItems}`,
      parameters: { count, minItems }
    }]
  }
  if (maxItems !== undefined && count > maxItems) {
    return [{
      code: "collectionTooManyItems",
      message: `${count} items are more than ${maxItems}`,
      parameters: { count, maxItems }
    }]
  }
  return []
}

const integerText = /^[+-]?\d+$/
const decimalText = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,4})?$/i

/**
 * Reads a whole number from a number, a `bigint` or a decimal text; gives `undefined` where anything would be lost.
 *
 * **Details**
 *
 * `"30"` and `30n` are 30. `1.5`, `"1.5"`, `""`, `true` and numbers beyond ±(2^53 - 1) are not read.
 *
 * @category conversions
 * @since 0.1.0
 */
export const readInteger = (input: unknown): number | undefined => {
  if (typeof input === "number") return Number.isSafeInteger(input) ? input + 0 : undefined
  if (typeof input === "bigint") return integerFromNumber(Number(input))
  if (typeof input !== "string") return undefined
  const text = input.trim()
  return integerText.test(text) ? integerFromNumber(Number(text)) : undefined
}

const integerFromNumber = (value: number): number | undefined => Number.isSafeInteger(value) ? value + 0 : undefined

/**
 * Reads a finite number from a number, a `bigint` or a decimal text; gives `undefined` where digits would be lost.
 *
 * @category conversions
 * @since 0.1.0
 */
export const readFloat = (input: unknown): number | undefined => {
  if (typeof input === "number") return Number.isFinite(input) ? input : undefined
  if (typeof input === "bigint") {
    const value = Number(input)
    return Number.isFinite(value) && BigInt(value) === input ? value : undefined
  }
  if (typeof input !== "string") return undefined
  const text = input.trim()
  if (!decimalText.test(text)) return undefined
  const value = Number(text)
  if (!Number.isFinite(value)) return undefined
  return canonicalDecimal(text) === canonicalDecimal(String(value)) ? value : undefined
}

/** A decimal text as sign, significant digits and power of ten: equal for texts of the same number. */
const canonicalDecimal = (text: string): string => {
  const [mantissa = "", exponent = "0"] = text.toLowerCase().split("e")
  const negative = mantissa.startsWith("-")
  const [whole = "", fraction = ""] = mantissa.replace(/^[+-]/, "").split(".")
  const digits = (whole + fraction).replace(/^0+/, "")
  const significant = digits.replace(/0+$/, "")
  if (significant === "") return "0"
  const power = Number(exponent) - fraction.length + (digits.length - significant.length)
  return `${negative ? "-" : ""}${significant}e${power}`
}

/**
 * How the values of one kind of field are read, checked and described.
 *
 * **Details**
 *
 * - `read`: a value stored in a file, if it has the right type; nothing is converted
 * - `coerce`: an accepted input form as the field's value, without loss
 * - `violations`: the limits that a value of the right type breaks
 * - `expected`: what the field takes, in words
 *
 * @category models
 * @since 0.1.0
 */
export interface InkKind<Field, Value> {
  readonly read: (field: Field, stored: unknown) => Value | undefined
  readonly coerce: (field: Field, input: unknown) => Value | undefined
  readonly violations: (field: Field, value: Value) => ReadonlyArray<InkViolation>
  readonly expected: (field: Field) => string
  /** Describes a refused input better than `describeReceived` can. */
  readonly describe?: (input: unknown) => string | undefined
}

/**
 * A text that is not blank, from a property of an object; own or inherited, so that class instances count.
 *
 * @category conversions
 * @since 0.1.0
 */
export const readName = (input: unknown, key: string): string | undefined => {
  if (!isRecord(input)) return undefined
  const value = input[key]
  return typeof value === "string" && value.trim() !== "" ? value : undefined
}
