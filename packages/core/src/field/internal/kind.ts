/** What all kinds of fields share: how a kind is described, lossless readings, and how a refused value is described. */
import type { JsonSchema } from "effect/JsonSchema"
import * as Predicate from "effect/Predicate"
import type { InputTemplate } from "../../catalog/NodeTemplate.ts"
import type { Problem } from "../Problem.ts"

/** Lists choices: `a, b or c`. Long lists are cut. */
export const describeChoices = (choices: ReadonlyArray<string>, limit = 40): string => {
  if (choices.length > limit) return `${choices.slice(0, limit).join(", ")} or ${choices.length - limit} others`
  return choices.length < 2
    ? choices.join("")
    : `${choices.slice(0, -1).join(", ")} or ${choices[choices.length - 1]}`
}

const integerText = /^[+-]?\d+$/
const decimalText = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,4})?$/i

/**
 * Reads a whole number from a number, a `bigint` or a decimal text; gives `undefined` where anything would be lost.
 *
 * **Details**
 *
 * `"30"` and `30n` are 30. `1.5`, `"1.5"`, `""`, `true` and numbers beyond ±(2^53 - 1) are not read.
 */
export const readInteger = (input: unknown): number | undefined => {
  if (typeof input === "number") return Number.isSafeInteger(input) ? input + 0 : undefined
  if (typeof input === "bigint") return integerFromNumber(Number(input))
  if (typeof input !== "string") return undefined
  const text = input.trim()
  return integerText.test(text) ? integerFromNumber(Number(text)) : undefined
}

const integerFromNumber = (value: number): number | undefined => Number.isSafeInteger(value) ? value + 0 : undefined

/** Reads a finite number from a number, a `bigint` or a decimal text; gives `undefined` where digits would be lost. */
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

/** A text that is not blank, from a property of an object; own or inherited, so that class instances count. */
export const readName = (input: unknown, key: string): string | undefined => {
  if (!Predicate.isObject(input)) return undefined
  const value = input[key]
  return typeof value === "string" && value.trim() !== "" ? value : undefined
}

/** The kinds of things on a server that values name, apart from models. */
export type ResourceType = "image" | "video" | "board" | "style preset" | "system prompt"

/** Everything about one kind of field: which fields of the server it is for, and how their values are read and told. */
export interface InkFieldType<Field extends { readonly value?: unknown }, Value = Exclude<Field["value"], undefined>> {
  /** The server's types that are fields of this kind, with `[]` behind the name of a collection's. */
  readonly types: ReadonlyArray<string>
  /** The field of an input, without a value. */
  readonly empty: (template: InputTemplate) => Field
  /** The value that the server reads from what a file holds; `undefined` if the server rejects it. */
  readonly read: (field: Field, stored: unknown) => Value | undefined
  /** An accepted input form as the field's value, without loss. */
  readonly coerce: (field: Field, input: unknown) => Value | undefined
  /** The limits that a value of the right type breaks. */
  readonly problems?: (field: Field, value: Value) => ReadonlyArray<Problem>
  /** What the field takes, in words. */
  readonly expected: (field: Field) => string
  /**
   * The values of the field as JSON Schema 2020-12: those that it holds, and the usual shorter forms, such as a name. Every
   * value that fits is accepted; conversions, such as `"30"` for 30, are left out.
   */
  readonly json: (field: Field) => JsonSchema
  /** Describes a refused input better than `describeReceived` can. */
  readonly describe?: (input: unknown) => string | undefined
  /** The value in words, where that is not the text or the JSON of it. */
  readonly format?: (value: Value) => string | undefined
  /** What has to be on the server for the value. */
  readonly names?: (value: Value) => ReadonlyArray<readonly [kind: ResourceType, name: string]>
  /** Whether the server takes such values as batch data. It blocks its queue on others. */
  readonly isSweepable?: true
}
