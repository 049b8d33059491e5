/** What all field types share: the rules of a type, lossless conversions, and descriptions of rejected values. */
import type { JsonSchema } from "effect/JsonSchema"
import * as Predicate from "effect/Predicate"
import type { InputTemplate } from "../../catalog/NodeTemplate.ts"
import type { Problem } from "../Problem.ts"

/** Lists options: `a, b or c`. Long lists are shortened. */
export const describeChoices = (choices: ReadonlyArray<string>, limit = 40): string => {
  if (choices.length > limit) return `${choices.slice(0, limit).join(", ")} or ${choices.length - limit} others`
  return choices.length < 2
    ? choices.join("")
    : `${choices.slice(0, -1).join(", ")} or ${choices[choices.length - 1]}`
}

const integerText = /^[+-]?\d+$/
const decimalText = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,4})?$/i

/**
 * Reads an integer from a number, a `bigint` or a decimal string; `undefined` if anything would be lost.
 *
 * **Details**
 *
 * `"30"` and `30n` are 30. `1.5`, `"1.5"`, `""`, `true` and numbers beyond ±(2^53 - 1) are not accepted.
 */
export const coerceInteger = (input: unknown): number | undefined => {
  if (typeof input === "number") return Number.isSafeInteger(input) ? input + 0 : undefined
  if (typeof input === "bigint") return integerFromNumber(Number(input))
  if (typeof input !== "string") return undefined
  const text = input.trim()
  return integerText.test(text) ? integerFromNumber(Number(text)) : undefined
}

const integerFromNumber = (value: number): number | undefined => Number.isSafeInteger(value) ? value + 0 : undefined

/** Reads a finite number from a number, a `bigint` or a decimal string; `undefined` if digits would be lost. */
export const coerceFloat = (input: unknown): number | undefined => {
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

/** A decimal string as sign, significant digits and power of ten: equal for strings of the same number. */
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

/** A non-blank string from a property of an object; own or inherited, so that class instances work. */
export const readName = (input: unknown, key: string): string | undefined => {
  if (!Predicate.isObject(input)) return undefined
  const value = input[key]
  return typeof value === "string" && value.trim() !== "" ? value : undefined
}

/** The types of things on a server that values refer to, except models. */
export type ResourceType = "image" | "video" | "board" | "style preset" | "system prompt"

/** The rules of one field type: which fields of the server have it, and how their values are read and described. */
export interface InkFieldType<Field extends { readonly value?: unknown }, Value = Exclude<Field["value"], undefined>> {
  /** The server's types for fields of this type; `[]` follows the name for collections. */
  readonly types: ReadonlyArray<string>
  /** The field of an input, without a value. */
  readonly empty: (template: InputTemplate) => Field
  /** The value that the server reads from a stored value; `undefined` if the server rejects it. */
  readonly read: (field: Field, stored: unknown) => Value | undefined
  /** Converts an accepted form to the field's value, without loss. */
  readonly coerce: (field: Field, input: unknown) => Value | undefined
  /** The bounds that a value of the right type exceeds. */
  readonly problems?: (field: Field, value: Value) => ReadonlyArray<Problem>
  /** Describes what the field accepts. */
  readonly expected: (field: Field) => string
  /**
   * The values of the field as JSON Schema 2020-12: those that it holds, and the usual shorter forms, such as a name.
   * Every value that fits is accepted; conversions, such as `"30"` for 30, are left out.
   */
  readonly json: (field: Field) => JsonSchema
  /** Describes a rejected value, better than `describeReceived`. */
  readonly describe?: (input: unknown) => string | undefined
  /** The human-readable value, if it is not the string or the JSON of it. */
  readonly format?: (value: Value) => string | undefined
  /** What must exist on the server for the value. */
  readonly names?: (value: Value) => ReadonlyArray<readonly [kind: ResourceType, name: string]>
  /** Whether the server accepts such values as batch data. Others would block its queue. */
  readonly isSweepable?: true
}
