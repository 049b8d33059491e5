/** Parts of the JSON Schemas of fields. */
import type { JsonSchema } from "effect/JsonSchema"
import type { FieldBounds, ValueBounds } from "../../catalog/NodeTemplate.ts"

/** A string with more than blanks in it. */
export const nonBlank: JsonSchema = { type: "string", pattern: "\\S" }

/** Either of several forms, the shortest first. */
export const either = (...forms: ReadonlyArray<JsonSchema>): JsonSchema => ({ anyOf: forms })

/** An object that has at least one of some members; all of them have the same form. */
export const named = (form: JsonSchema, ...keys: ReadonlyArray<string>): JsonSchema => ({
  type: "object",
  properties: Object.fromEntries(keys.map((key) => [key, form])),
  ...(keys.length === 1 ? { required: keys } : { anyOf: keys.map((key) => ({ required: [key] })) })
})

/** One of some values, or any value of a form if none are known. */
export const choice = (values: ReadonlyArray<unknown> | undefined, otherwise: JsonSchema): JsonSchema =>
  values === undefined || values.length === 0 ? otherwise : { enum: [...new Set(values)] }

/** A number within its limits. */
export const number = (bounds: ValueBounds = {}): JsonSchema => {
  const { exclusiveMaximum, exclusiveMinimum, maximum, minimum, multipleOf } = bounds
  return {
    type: "number",
    ...(minimum === undefined ? {} : { minimum }),
    ...(maximum === undefined ? {} : { maximum }),
    ...(exclusiveMinimum === undefined ? {} : { exclusiveMinimum }),
    ...(exclusiveMaximum === undefined ? {} : { exclusiveMaximum }),
    // JSON Schema has no multiples of 0 or of negative numbers: the server takes any number for the former
    ...(multipleOf === undefined || multipleOf === 0 ? {} : { multipleOf: Math.abs(multipleOf) })
  }
}

/** An integer within its limits, and within what JavaScript's numbers keep exactly. */
export const integer = (bounds: ValueBounds = {}): JsonSchema => ({
  ...number(bounds),
  type: "integer",
  ...((bounds.exclusiveMinimum ?? -Infinity) >= Number.MIN_SAFE_INTEGER && bounds.minimum === undefined
    ? {}
    : { minimum: Math.max(bounds.minimum ?? -Infinity, Number.MIN_SAFE_INTEGER) }),
  ...((bounds.exclusiveMaximum ?? Infinity) <= Number.MAX_SAFE_INTEGER && bounds.maximum === undefined
    ? {}
    : { maximum: Math.min(bounds.maximum ?? Infinity, Number.MAX_SAFE_INTEGER) })
})

const isPattern = (pattern: string): boolean => {
  try {
    return new RegExp(pattern, "u") instanceof RegExp
  } catch {
    return false
  }
}

/** A string within its limits. A pattern that JavaScript cannot read is left to the server. */
export const text = ({ maxLength, minLength, pattern }: ValueBounds = {}): JsonSchema => ({
  type: "string",
  ...(minLength === undefined ? {} : { minLength: Math.max(0, minLength) }),
  ...(maxLength === undefined ? {} : { maxLength: Math.max(0, maxLength) }),
  ...(pattern === undefined || !isPattern(pattern) ? {} : { pattern })
})

/** A list within its limits. */
export const listOf = (items: JsonSchema, { maxItems, minItems }: FieldBounds): JsonSchema => ({
  type: "array",
  items,
  ...(minItems === undefined ? {} : { minItems: Math.max(0, minItems) }),
  ...(maxItems === undefined ? {} : { maxItems: Math.max(0, maxItems) })
})
