/** What the server says about a value that does not fit a field: the same error types, texts and contexts. */
import type { InputTemplate, ValueBounds } from "@effect-invokeai/core/catalog/NodeCatalog"
import * as Predicate from "effect/Predicate"

/** One entry of the `detail` list of a 422 response. */
export interface ValidationIssue {
  readonly type: string
  readonly loc: ReadonlyArray<string | number>
  readonly msg: string
  readonly input: unknown
  readonly ctx?: Readonly<Record<string, unknown>>
}

/** A value after the server's own conversions, or why it was refused. */
export type Checked =
  | { readonly ok: true; readonly value: unknown }
  | { readonly ok: false; readonly issues: ReadonlyArray<ValidationIssue> }

type Loc = ReadonlyArray<string | number>

const pass = (value: unknown): Checked => ({ ok: true, value })

const refuse = (
  type: string,
  loc: Loc,
  msg: string,
  input: unknown,
  ctx?: Readonly<Record<string, unknown>>
): Checked => ({ ok: false, issues: [{ type, loc, msg, input, ...(ctx === undefined ? {} : { ctx }) }] })

// as in Python, single underscores may separate digits
const integerDigits = /^\s*[+-]?\d+(?:_\d+)*(?:\.0*)?\s*$/
const decimalDigits = /^\s*[+-]?(?:\d+(?:_\d+)*\.?(?:\d+(?:_\d+)*)?|\.\d+(?:_\d+)*)(?:e[+-]?\d+)?\s*$/i

/** From this size on, JSON contains the exponent form of a number, which the server does not read as an integer. */
const exponentForm = 1e21

/** An integer as the server reads it: whole numbers, numerals and booleans. */
export const integer = (value: unknown, loc: Loc): Checked => {
  if (typeof value === "boolean") return pass(value ? 1 : 0)
  if (typeof value === "number") {
    if (Number.isInteger(value) && Math.abs(value) >= exponentForm) {
      const msg = "Unable to parse input string as an integer, exceeded maximum size"
      return refuse("int_parsing_size", loc, msg, value)
    }
    return Number.isInteger(value)
      ? pass(value)
      : refuse("int_from_float", loc, "Input should be a valid integer, got a number with a fractional part", value)
  }
  if (typeof value === "string") {
    return integerDigits.test(value)
      ? pass(Number(value.replaceAll("_", "")))
      : refuse("int_parsing", loc, "Input should be a valid integer, unable to parse string as an integer", value)
  }
  return refuse("int_type", loc, "Input should be a valid integer", value)
}

const float = (value: unknown, loc: Loc): Checked => {
  if (typeof value === "boolean") return pass(value ? 1 : 0)
  if (typeof value === "number") return pass(value)
  if (typeof value === "string") {
    return decimalDigits.test(value)
      ? pass(Number(value.replaceAll("_", "")))
      : refuse("float_parsing", loc, "Input should be a valid number, unable to parse string as a number", value)
  }
  return refuse("float_type", loc, "Input should be a valid number", value)
}

const string = (value: unknown, loc: Loc): Checked => {
  if (typeof value === "string") return pass(value)
  if (typeof value === "number") return pass(String(value))
  return refuse("string_type", loc, "Input should be a valid string", value)
}

const truths = new Set<unknown>([true, 1, "1", "true", "on", "yes", "y", "t"])
const falsehoods = new Set<unknown>([false, 0, "0", "false", "off", "no", "n", "f"])

/** A boolean as the server reads it, from booleans, 0, 1 and the usual words. */
export const boolean = (value: unknown, loc: Loc): Checked => {
  const word = typeof value === "string" ? value.toLowerCase() : value
  if (truths.has(word)) return pass(true)
  if (falsehoods.has(word)) return pass(false)
  return typeof value === "string" || typeof value === "number"
    ? refuse("bool_parsing", loc, "Input should be a valid boolean, unable to interpret input", value)
    : refuse("bool_type", loc, "Input should be a valid boolean", value)
}

/** The choices of a literal or enum field as the server lists them in its messages. */
export const listChoices = (options: ReadonlyArray<string | number | boolean>): string => {
  const shown = options.map((option) => typeof option === "string" ? `'${option}'` : String(option))
  return shown.length < 2 ? shown.join("") : `${shown.slice(0, -1).join(", ")} or ${shown[shown.length - 1]}`
}

interface Part {
  readonly name: string
  readonly check: (value: unknown, loc: Loc) => Checked
}

const colorPart = (value: unknown, loc: Loc): Checked => {
  const checked = integer(value, loc)
  return checked.ok ? bounded(checked.value, { minimum: 0, maximum: 255 }, loc) : checked
}

const text = (...names: ReadonlyArray<string>): ReadonlyArray<Part> => names.map((name) => ({ name, check: string }))

/** The required parts of the object types that a request may hold literally. */
const parts: ReadonlyMap<string, ReadonlyArray<Part>> = new Map([
  ["BoardField", text("board_id")],
  ["ImageField", text("image_name")],
  ["VideoField", text("video_name")],
  ["StylePresetField", text("style_preset_id")],
  ["ModelIdentifierField", text("key", "hash", "name", "base", "type")],
  ["LatentsField", text("latents_name")],
  ["ConditioningField", text("conditioning_name")],
  ["ColorField", ["r", "g", "b", "a"].map((name) => ({ name, check: colorPart }))],
  ["BoundingBoxField", ["x_min", "x_max", "y_min", "y_max"].map((name) => ({ name, check: integer }))]
])

const object = (typeName: string, value: unknown, loc: Loc): Checked => {
  if (!Predicate.isObject(value)) {
    return refuse("model_type", loc, `Input should be a valid dictionary or instance of ${typeName}`, value, {
      class_name: typeName
    })
  }
  const issues: Array<ValidationIssue> = []
  const result: Record<string, unknown> = { ...value }
  for (const part of parts.get(typeName) ?? []) {
    if (!Object.hasOwn(value, part.name)) {
      issues.push({ type: "missing", loc: [...loc, part.name], msg: "Field required", input: value })
      continue
    }
    const checked = part.check(value[part.name], [...loc, part.name])
    if (checked.ok) result[part.name] = checked.value
    else issues.push(...checked.issues)
  }
  if (typeName === "ModelIdentifierField" && !Object.hasOwn(result, "submodel_type")) result["submodel_type"] = null
  return issues.length > 0 ? { ok: false, issues } : pass(result)
}

/** Checks the limits of a number or text. */
export const bounded = (value: unknown, bounds: ValueBounds, loc: Loc): Checked => {
  if (typeof value === "number") {
    const { exclusiveMaximum, exclusiveMinimum, maximum, minimum, multipleOf } = bounds
    if (minimum !== undefined && value < minimum) {
      return refuse("greater_than_equal", loc, `Input should be greater than or equal to ${minimum}`, value, {
        ge: minimum
      })
    }
    if (exclusiveMinimum !== undefined && value <= exclusiveMinimum) {
      return refuse("greater_than", loc, `Input should be greater than ${exclusiveMinimum}`, value, {
        gt: exclusiveMinimum
      })
    }
    if (maximum !== undefined && value > maximum) {
      return refuse("less_than_equal", loc, `Input should be less than or equal to ${maximum}`, value, { le: maximum })
    }
    if (exclusiveMaximum !== undefined && value >= exclusiveMaximum) {
      return refuse("less_than", loc, `Input should be less than ${exclusiveMaximum}`, value, { lt: exclusiveMaximum })
    }
    if (multipleOf !== undefined && value % multipleOf !== 0) {
      return refuse("multiple_of", loc, `Input should be a multiple of ${multipleOf}`, value, {
        multiple_of: multipleOf
      })
    }
  }
  if (typeof value === "string") {
    // the server counts code points
    const length = Array.from(value).length
    const plural = (count: number): string => `${count} character${count === 1 ? "" : "s"}`
    if (bounds.minLength !== undefined && length < bounds.minLength) {
      return refuse("string_too_short", loc, `String should have at least ${plural(bounds.minLength)}`, value, {
        min_length: bounds.minLength
      })
    }
    if (bounds.maxLength !== undefined && length > bounds.maxLength) {
      return refuse("string_too_long", loc, `String should have at most ${plural(bounds.maxLength)}`, value, {
        max_length: bounds.maxLength
      })
    }
  }
  return pass(value)
}

const anyTypes = new Set(["AnyField", "CollectionField", "CollectionItemField", "MetadataField", "GeneratorField"])

const single = (field: InputTemplate, value: unknown, loc: Loc): Checked => {
  const { name } = field.type
  if (field.options !== undefined) {
    if (field.options.some((option) => option === value)) return pass(value)
    const expected = listChoices(field.options)
    return refuse("literal_error", loc, `Input should be ${expected}`, value, { expected })
  }
  switch (name) {
    case "IntegerField":
      return integer(value, loc)
    case "FloatField":
      return float(value, loc)
    case "StringField":
    case "SavedWorkflowField":
      return string(value, loc)
    case "BooleanField":
      return boolean(value, loc)
    default:
      if (anyTypes.has(name) || !name.endsWith("Field")) return pass(value)
      return object(name.endsWith("ModelField") ? "ModelIdentifierField" : name, value, loc)
  }
}

const oneValue = (field: InputTemplate, value: unknown, bounds: ValueBounds | undefined, loc: Loc): Checked => {
  const checked = single(field, value, loc)
  return checked.ok && bounds !== undefined ? bounded(checked.value, bounds, loc) : checked
}

/** Checks a value against an input of a node type and converts it as the server does. */
export const check = (field: InputTemplate, value: unknown, loc: Loc): Checked => {
  if (value === null && (field.nullable || field.required)) return pass(null)
  const { cardinality, name } = field.type
  if (cardinality === "COLLECTION" || (cardinality === "SINGLE_OR_COLLECTION" && Array.isArray(value))) {
    if (!Array.isArray(value)) return refuse("list_type", loc, "Input should be a valid list", value)
    const { maxItems, minItems } = field.bounds
    if (minItems !== undefined && value.length < minItems) {
      return refuse(
        "too_short",
        loc,
        `List should have at least ${minItems} item${minItems === 1 ? "" : "s"} after validation, not ${value.length}`,
        value,
        { field_type: "List", min_length: minItems, actual_length: value.length }
      )
    }
    if (maxItems !== undefined && value.length > maxItems) {
      return refuse(
        "too_long",
        loc,
        `List should have at most ${maxItems} item${maxItems === 1 ? "" : "s"} after validation, not ${value.length}`,
        value,
        { field_type: "List", max_length: maxItems, actual_length: value.length }
      )
    }
    const issues: Array<ValidationIssue> = []
    const items = value.map((item: unknown, index) => {
      const checked = oneValue(field, item, field.bounds.item, [...loc, index])
      if (checked.ok) return checked.value
      issues.push(...checked.issues)
      return item
    })
    return issues.length > 0 ? { ok: false, issues } : pass(items)
  }
  if (name === "CollectionField" && !Array.isArray(value)) {
    return refuse("list_type", loc, "Input should be a valid list", value)
  }
  return oneValue(field, value, field.bounds.value, loc)
}
