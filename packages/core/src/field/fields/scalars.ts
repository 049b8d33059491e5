/**
 * Fields with one plain value: numbers, strings, booleans, options and colors.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import {
  describeNumberBounds,
  describeStringBounds,
  floatProblems,
  InkValueBounds,
  integerProblems,
  stringProblems
} from "../internal/bounds.ts"
import * as Json from "../internal/json.ts"
import { coerceFloat, coerceInteger, describeChoices, type InkFieldType } from "../internal/kind.ts"
import { storedBoolean, storedFloat, storedInteger, storedString } from "../internal/storedValue.ts"
import type { Problem } from "../Problem.ts"

/** An integer.
 *
 * **Details**
 *
 * Accepts an integer, a `bigint`, or a decimal string such as `"30"`. Rejects `1.5`, `"1.5"`, `true`, and everything
 * beyond ±(2^53 - 1).
 *
 * @category scalars
 * @since 0.1.0
 */
export class InkIntegerField extends Schema.Opaque<InkIntegerField>()(Schema.TaggedStruct("InkIntegerField", {
  value: Schema.optionalKey(Schema.Number),
  bounds: InkValueBounds
})) {}

/**
 * A number.
 *
 * **Details**
 *
 * Accepts a finite number, a `bigint`, or a decimal string such as `"0.65"` whose digits a double keeps.
 *
 * @category scalars
 * @since 0.1.0
 */
export class InkFloatField extends Schema.Opaque<InkFloatField>()(Schema.TaggedStruct("InkFloatField", {
  value: Schema.optionalKey(Schema.Number),
  bounds: InkValueBounds
})) {}

/**
 * A string. Accepts a string, or a number as its decimal digits. An empty string is a value.
 *
 * @category scalars
 * @since 0.1.0
 */
export class InkStringField extends Schema.Opaque<InkStringField>()(Schema.TaggedStruct("InkStringField", {
  value: Schema.optionalKey(Schema.String),
  bounds: InkValueBounds
})) {}

/**
 * A boolean. Accepts `true`, `false`, and these words as strings.
 *
 * @category scalars
 * @since 0.1.0
 */
export class InkBooleanField extends Schema.Opaque<InkBooleanField>()(
  Schema.TaggedStruct("InkBooleanField", { value: Schema.optionalKey(Schema.Boolean) })
) {}

/**
 * A value of an enum field.
 *
 * @category scalars
 * @since 0.1.0
 */
export const InkChoice = Schema.Union([Schema.String, Schema.Number, Schema.Boolean])

/**
 * A value of an enum field.
 *
 * @category scalars
 * @since 0.1.0
 */
export type InkChoice = typeof InkChoice.Type

/**
 * One of the values in `options`.
 *
 * **Details**
 *
 * Accepts an option, an option as a string (`"256"` for 256), or a label that the UI shows for exactly one option.
 *
 * @category scalars
 * @since 0.1.0
 */
export class InkEnumField extends Schema.Opaque<InkEnumField>()(Schema.TaggedStruct("InkEnumField", {
  value: Schema.optionalKey(InkChoice),
  options: Schema.Array(InkChoice),
  optionLabels: Schema.optionalKey(Schema.Record(Schema.String, Schema.String))
})) {}

/**
 * The name of a scheduler. `options` has the server's names; empty if the server does not list them.
 *
 * @category scalars
 * @since 0.1.0
 */
export class InkSchedulerField extends Schema.Opaque<InkSchedulerField>()(Schema.TaggedStruct("InkSchedulerField", {
  value: Schema.optionalKey(Schema.String),
  options: Schema.Array(Schema.String)
})) {}

/**
 * A color in the server's form: red, green, blue and opacity, each from 0 to 255.
 *
 * @category scalars
 * @since 0.1.0
 */
export class InkColor extends Schema.Opaque<InkColor>()(
  Schema.Struct({
    /** Red, from 0 to 255. */
    r: Schema.Number,
    /** Green, from 0 to 255. */
    g: Schema.Number,
    /** Blue, from 0 to 255. */
    b: Schema.Number,
    /** Opacity, from 0 (transparent) to 255. */
    a: Schema.Number
  })
) {}

/** A color.
 *
 * **Details**
 *
 * Accepts `{ r, g, b, a }` (opacity 255 if absent), `#rgb`, `#rrggbb` and `#rrggbbaa`.
 *
 * @category scalars
 * @since 0.1.0
 */
export class InkColorField
  extends Schema.Opaque<InkColorField>()(Schema.TaggedStruct("InkColorField", { value: Schema.optionalKey(InkColor) }))
{}

/** @internal */
export const integerKind: InkFieldType<InkIntegerField> = {
  types: ["IntegerField"],
  empty: ({ bounds }) => ({ _tag: "InkIntegerField", bounds: bounds.value ?? {} }),
  isSweepable: true,
  read: (_, stored) => storedInteger(stored),
  coerce: (_, input) => coerceInteger(input),
  problems: (field, value) => integerProblems(field.bounds, value),
  expected: (field) => `an integer${describeNumberBounds(field.bounds)}`,
  json: ({ bounds }) => Json.integer(bounds)
}

/** @internal */
export const floatKind: InkFieldType<InkFloatField> = {
  types: ["FloatField"],
  empty: ({ bounds }) => ({ _tag: "InkFloatField", bounds: bounds.value ?? {} }),
  isSweepable: true,
  read: (_, stored) => storedFloat(stored),
  coerce: (_, input) => coerceFloat(input),
  problems: (field, value) => floatProblems(field.bounds, value),
  expected: (field) => `a number${describeNumberBounds(field.bounds)}`,
  json: ({ bounds }) => Json.number(bounds)
}

/** @internal */
export const coerceString = (input: unknown): string | undefined =>
  typeof input === "bigint" ? String(input) : storedString(input)

/** @internal */
export const stringKind: InkFieldType<InkStringField> = {
  types: ["StringField"],
  empty: ({ bounds }) => ({ _tag: "InkStringField", bounds: bounds.value ?? {} }),
  isSweepable: true,
  read: (_, stored) => storedString(stored),
  coerce: (_, input) => coerceString(input),
  problems: (field, value) => stringProblems(field.bounds, value),
  expected: (field) => `a string${describeStringBounds(field.bounds)}`,
  json: ({ bounds }) => Json.text(bounds)
}

/** @internal */
export const coerceBoolean = (input: unknown): boolean | undefined => {
  if (typeof input === "boolean") return input
  if (typeof input !== "string") return undefined
  const text = input.trim().toLowerCase()
  return text === "true" ? true : text === "false" ? false : undefined
}

/** @internal */
export const booleanKind: InkFieldType<InkBooleanField> = {
  types: ["BooleanField"],
  empty: () => ({ _tag: "InkBooleanField" }),
  isSweepable: true,
  read: (_, stored) => storedBoolean(stored),
  coerce: (_, input) => coerceBoolean(input),
  expected: () => "a boolean",
  json: () => ({ type: "boolean" })
}

const labelOf = (field: InkEnumField, option: InkChoice): string | undefined => {
  const labels = field.optionLabels
  const key = String(option)
  return labels !== undefined && Object.hasOwn(labels, key) ? labels[key] : undefined
}

const isChoice = (value: unknown): value is InkChoice =>
  typeof value === "string" || typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value))

const notAnOption = (value: unknown, options: ReadonlyArray<unknown>): Problem => ({
  code: "valueNotInOptions",
  source: "server",
  message: `${JSON.stringify(value)} is not one of ${describeChoices(options.map(String))}`,
  parameters: { value: String(value) }
})

/** @internal */
export const enumKind: InkFieldType<InkEnumField> = {
  types: ["EnumField"],
  empty: ({ optionLabels, options = [] }) => ({
    _tag: "InkEnumField",
    options,
    ...(optionLabels === undefined ? {} : { optionLabels })
  }),
  isSweepable: true,
  read: (_, stored) => isChoice(stored) ? stored : undefined,
  coerce: (field, input) => {
    if (!isChoice(input)) return undefined
    if (field.options.length === 0) return input
    if (field.options.includes(input)) return input
    const text = String(input)
    const same = field.options.find((option) => String(option) === text)
    if (same !== undefined) return same
    const labelled = field.options.filter((option) => labelOf(field, option) === text)
    return labelled.length === 1 ? labelled[0] : undefined
  },
  problems: (field, value) =>
    field.options.length === 0 || field.options.includes(value) ? [] : [notAnOption(value, field.options)],
  expected: (field) =>
    field.options.length === 0 ? "an option" : `one of ${describeChoices(field.options.map(String))}`,
  json: ({ options }) => Json.choice(options, Json.either({ type: "string" }, { type: "number" }, { type: "boolean" }))
}

/** @internal */
export const schedulerKind: InkFieldType<InkSchedulerField> = {
  types: ["SchedulerField"],
  empty: ({ options = [] }) => ({ _tag: "InkSchedulerField", options: options.map(String) }),
  isSweepable: true,
  read: (_, stored) => typeof stored === "string" ? stored : undefined,
  coerce: (field, input) => {
    if (typeof input !== "string" || input.trim() === "") return undefined
    return field.options.length === 0 || field.options.includes(input) ? input : undefined
  },
  problems: (field, value) =>
    field.options.length === 0 || field.options.includes(value) ? [] : [notAnOption(value, field.options)],
  expected: (field) =>
    field.options.length === 0 ? "the name of a scheduler" : `a scheduler: ${describeChoices(field.options)}`,
  json: ({ options }) => Json.choice(options, Json.nonBlank)
}

const isByte = (value: unknown): value is number =>
  typeof value === "number" && Number.isInteger(value) && value >= 0 && value <= 255

const readColorObject = (input: unknown, opacity: number | undefined): InkColor | undefined => {
  if (!Predicate.isObject(input)) return undefined
  const { b, g, r } = input
  const a = input["a"] ?? opacity
  return isByte(r) && isByte(g) && isByte(b) && isByte(a) ? { r, g, b, a } : undefined
}

/** @internal */
export const coerceColor = (input: unknown): InkColor | undefined => {
  if (typeof input !== "string") return readColorObject(input, 255)
  const digits = /^#([0-9a-f]{3}|[0-9a-f]{6}|[0-9a-f]{8})$/i.exec(input.trim())?.[1]
  if (digits === undefined) return undefined
  const full = digits.length === 3 ? Array.from(digits, (digit) => digit + digit).join("") : digits
  const byte = (index: number) => Number.parseInt(full.slice(index * 2, index * 2 + 2), 16)
  return { r: byte(0), g: byte(1), b: byte(2), a: full.length === 8 ? byte(3) : 255 }
}

const byteJson = { type: "integer", minimum: 0, maximum: 255 }

/** A color as JSON Schema. @internal */
export const colorJson = Json.either(
  { type: "string", pattern: "^#([0-9a-fA-F]{3}|[0-9a-fA-F]{6}|[0-9a-fA-F]{8})$" },
  {
    type: "object",
    properties: { r: byteJson, g: byteJson, b: byteJson, a: byteJson },
    required: ["r", "g", "b"]
  }
)

/** @internal */
export const colorKind: InkFieldType<InkColorField> = {
  types: ["ColorField"],
  empty: () => ({ _tag: "InkColorField" }),
  read: (_, stored) => readColorObject(stored, undefined),
  coerce: (_, input) => coerceColor(input),
  expected: () => "a color { r, g, b, a } of integers between 0 and 255, or #rrggbb",
  json: () => colorJson
}
