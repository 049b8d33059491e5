/** Checks the input templates in a workflow file as the editor does. */
import * as Predicate from "effect/Predicate"
import type { JsonObject } from "../../internal/json.ts"

type Check = (value: unknown) => boolean

const isString: Check = (value) => typeof value === "string"
const isText: Check = (value) => typeof value === "string" && value !== ""
const isBoolean: Check = (value) => typeof value === "boolean"
const isNumber: Check = (value) => typeof value === "number" && Number.isFinite(value)
const listOf = (item: Check): Check => (value) => Array.isArray(value) && value.every(item)

/** Types of fields whose template must have a default. */
const neededDefaults: ReadonlyMap<string, Check> = new Map<string, Check>([
  ["IntegerField", Number.isSafeInteger],
  ["FloatField", isNumber],
  ["StringField", isString],
  ["BooleanField", isBoolean],
  ["EnumField", isString],
  ["SavedWorkflowField", isString],
  ["FloatGeneratorField", Predicate.isObject],
  ["IntegerGeneratorField", Predicate.isObject],
  ["StringGeneratorField", Predicate.isObject],
  ["ImageGeneratorField", Predicate.isObject]
])

/** The types whose lists can omit the default. */
const listTypes: ReadonlySet<string> = new Set(["IntegerField", "FloatField", "StringField"])

const hasDefault = (json: JsonObject, name: string, cardinality: unknown): boolean => {
  const check = neededDefaults.get(name)
  const given = json["default"]
  return check === undefined || check(given) ||
    (cardinality === "COLLECTION" && listTypes.has(name) && (given === undefined || listOf(check)(given)))
}

/** Why an input template that a file has for a node is invalid; `undefined` if it is valid. */
export const templateProblem = (json: unknown): string | undefined => {
  const type = Predicate.isObject(json) ? json["type"] : undefined
  if (!Predicate.isObject(json) || !Predicate.isObject(type)) {
    return "it is not an object, or has no type"
  }
  const { batch, cardinality, name } = type
  if (
    typeof name !== "string" || name === "" || !isBoolean(batch) ||
    (cardinality !== "SINGLE" && cardinality !== "COLLECTION" && cardinality !== "SINGLE_OR_COLLECTION")
  ) {
    return "its type is invalid"
  }
  if (!isText(json["name"]) || !isText(json["title"])) {
    return "it has no name or no title"
  }
  if (!isBoolean(json["ui_hidden"]) || !isBoolean(json["required"])) {
    return "ui_hidden or required is not a boolean"
  }
  const { fieldKind, input } = json
  if (fieldKind !== "input" || (input !== "connection" && input !== "direct" && input !== "any")) {
    return "it is not a template of an input"
  }
  if (input === "connection") {
    return undefined
  }
  return name === "EnumField" && !listOf(isString)(json["options"])
    ? "it has no options"
    : hasDefault(json, name, cardinality)
    ? undefined
    : "its default is invalid for its type"
}
