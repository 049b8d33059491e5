/** The bounds of fields: how they are described, and which of them a value exceeds. */
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import type { FieldBounds, ValueBounds } from "../../catalog/NodeTemplate.ts"
import { describeReceived } from "../../internal/describeReceived.ts"
import type { Problem } from "../Problem.ts"

/** Bounds of one value, as a schema. The same shape as the catalog's `ValueBounds`. */
export const InkValueBounds = Schema.Struct({
  minimum: Schema.optionalKey(Schema.Number),
  maximum: Schema.optionalKey(Schema.Number),
  exclusiveMinimum: Schema.optionalKey(Schema.Number),
  exclusiveMaximum: Schema.optionalKey(Schema.Number),
  multipleOf: Schema.optionalKey(Schema.Number),
  minLength: Schema.optionalKey(Schema.Number),
  maxLength: Schema.optionalKey(Schema.Number),
  pattern: Schema.optionalKey(Schema.String)
})

/** Bounds of a collection and of its items, as a schema. */
export const InkCollectionBounds = Schema.Struct({
  value: Schema.optionalKey(InkValueBounds),
  item: Schema.optionalKey(InkValueBounds),
  minItems: Schema.optionalKey(Schema.Number),
  maxItems: Schema.optionalKey(Schema.Number)
})

/** Describes the bounds of a number, with a leading space; `""` if there are none. */
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

/** Describes the bounds of a string, with a leading space; `""` if there are none. */
export const describeStringBounds = (bounds: ValueBounds | undefined): string => {
  if (bounds === undefined) return ""
  const { maxLength, minLength, pattern } = bounds
  const matching = pattern === undefined ? "" : ` that matches ${describePattern(pattern)}`
  if (minLength !== undefined && maxLength !== undefined) {
    return ` of ${minLength} to ${maxLength} characters${matching}`
  }
  if (minLength !== undefined) return ` of at least ${minLength} characters${matching}`
  if (maxLength !== undefined) return ` of at most ${maxLength} characters${matching}`
  return matching
}

const describePattern = (pattern: string): string =>
  pattern.length > 80 ? `/${pattern.slice(0, 77)}.../` : `/${pattern}/`

/** Describes the bounds of a collection's size, with a leading space; `""` if there are none. */
export const describeItemCount = (bounds: FieldBounds | undefined): string => {
  if (bounds === undefined) return ""
  const { maxItems, minItems } = bounds
  if (minItems !== undefined && maxItems !== undefined) return ` of ${minItems} to ${maxItems}`
  if (minItems !== undefined && minItems > 0) return ` of at least ${minItems}`
  if (maxItems !== undefined) return ` of at most ${maxItems}`
  return ""
}

/** The server's tolerance for a non-integer number that should be a multiple. */
const tolerance = 1e-9

/** Whether the server accepts a number as a multiple of another: up to the rounding of binary fractions. */
const isFloatMultipleOf = (value: number, multipleOf: number): boolean => {
  if (multipleOf === 0) return true
  const remainder = Math.abs(value % multipleOf)
  return remainder <= tolerance || Math.abs(remainder - Math.abs(multipleOf)) <= tolerance
}

/**
 * Whether an integer is a multiple of another, exactly. Beyond 2^53, the digits in JSON differ from the double's value;
 * the digits count, because the server reads them.
 */
const isIntegerMultipleOf = (value: number, multipleOf: number): boolean =>
  multipleOf === 0 || !Number.isSafeInteger(multipleOf)
    ? isFloatMultipleOf(value, multipleOf)
    : Number.isSafeInteger(value)
    ? value % multipleOf === 0
    : BigInt(String(value)) % BigInt(multipleOf) === 0n

const numberProblems = (
  bounds: ValueBounds | undefined,
  value: number,
  isMultipleOf: (value: number, multipleOf: number) => boolean
): ReadonlyArray<Problem> => {
  if (bounds === undefined) return []
  const out: Array<Problem> = []
  const { exclusiveMaximum, exclusiveMinimum, maximum, minimum, multipleOf } = bounds
  if (maximum !== undefined && value > maximum) {
    out.push({
      code: "collectionNumberGTMax",
      source: "server",
      message: `${value} is greater than ${maximum}`,
      parameters: { value, maximum }
    })
  }
  if (minimum !== undefined && value < minimum) {
    out.push({
      code: "collectionNumberLTMin",
      source: "server",
      message: `${value} is less than ${minimum}`,
      parameters: { value, minimum }
    })
  }
  if (exclusiveMaximum !== undefined && value >= exclusiveMaximum) {
    out.push({
      code: "collectionNumberGTExclusiveMax",
      source: "server",
      message: `${value} is not less than ${exclusiveMaximum}`,
      parameters: { value, exclusiveMaximum }
    })
  }
  if (exclusiveMinimum !== undefined && value <= exclusiveMinimum) {
    out.push({
      code: "collectionNumberLTExclusiveMin",
      source: "server",
      message: `${value} is not greater than ${exclusiveMinimum}`,
      parameters: { value, exclusiveMinimum }
    })
  }
  if (multipleOf !== undefined && !isMultipleOf(value, multipleOf)) {
    out.push({
      code: "collectionNumberNotMultipleOf",
      source: "server",
      message: `${value} is not a multiple of ${multipleOf}`,
      parameters: { value, multipleOf }
    })
  }
  return out
}

/** The bounds that an integer exceeds, in the InvokeAI UI's order. */
export const integerProblems = (bounds: ValueBounds | undefined, value: number): ReadonlyArray<Problem> =>
  numberProblems(bounds, value, isIntegerMultipleOf)

/** The bounds that a number exceeds, in the InvokeAI UI's order. */
export const floatProblems = (bounds: ValueBounds | undefined, value: number): ReadonlyArray<Problem> =>
  numberProblems(bounds, value, isFloatMultipleOf)

/** The number of characters as the server counts them: code points, not UTF-16 units. */
const countCharacters = (value: string): number => {
  let count = 0
  for (const _ of value) count++
  return count
}

/** Syntax of the server's regular expressions that JavaScript lacks: sets within sets. */
const sets = /\[\[|&&|--|~~/

/** Classes that match other non-ASCII characters on the server than in JavaScript. */
const classes = /\\[dDwWsSbB]|\(\?/

/**
 * Whether a string matches a regular expression of the server. An expression that JavaScript cannot parse, or may
 * interpret differently, counts as a match: the server decides.
 */
const matches = (pattern: string, value: string): boolean => {
  const isSame = !sets.test(pattern) && (!classes.test(pattern) || !/[^\p{ASCII}]/u.test(value)) &&
    (!pattern.includes(".") || !/[\r\u2028\u2029]/.test(value))
  return !isSame ||
    Result.getOrElse(Result.try(() => new RegExp(pattern, "u").test(value)), () => true)
}

/** The bounds that a string exceeds. */
export const stringProblems = (bounds: ValueBounds | undefined, value: string): ReadonlyArray<Problem> => {
  if (bounds === undefined) return []
  const out: Array<Problem> = []
  const { maxLength, minLength, pattern } = bounds
  if (pattern !== undefined && !matches(pattern, value)) {
    out.push({
      code: "valueDoesNotMatchPattern",
      source: "server",
      message: `${describeReceived(value)} does not match ${describePattern(pattern)}`,
      parameters: { value, pattern }
    })
  }
  if (maxLength === undefined && minLength === undefined) return out
  const length = countCharacters(value)
  if (maxLength !== undefined && length > maxLength) {
    out.push({
      code: "collectionStringTooLong",
      source: "server",
      message: `${length} characters are more than ${maxLength}`,
      parameters: { value, maxLength }
    })
  }
  if (minLength !== undefined && length < minLength) {
    out.push({
      code: "collectionStringTooShort",
      source: "server",
      message: `${length} characters are fewer than ${minLength}`,
      parameters: { value, minLength }
    })
  }
  return out
}

/** The bounds that the size of a collection exceeds. */
export const itemCountProblems = (bounds: FieldBounds | undefined, count: number): ReadonlyArray<Problem> => {
  if (bounds === undefined) return []
  const { maxItems, minItems } = bounds
  if (minItems !== undefined && minItems > 0 && count === 0) {
    return [{ code: "collectionEmpty", source: "server", message: "the list is empty", parameters: { minItems } }]
  }
  if (minItems !== undefined && count < minItems) {
    return [{
      code: "collectionTooFewItems",
      source: "server",
      message: `${count} items are fewer than ${minItems}`,
      parameters: { count, minItems }
    }]
  }
  if (maxItems !== undefined && count > maxItems) {
    return [{
      code: "collectionTooManyItems",
      source: "server",
      message: `${count} items are more than ${maxItems}`,
      parameters: { count, maxItems }
    }]
  }
  return []
}
