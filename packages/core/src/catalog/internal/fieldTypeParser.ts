/** Field types from the JSON schema of a property. Mirrors what the InvokeAI UI derives from the same schema. */
import * as Predicate from "effect/Predicate"
import type { JsonObject } from "../../internal/json.ts"
import type { Cardinality, FieldType } from "../NodeTemplate.ts"

const primitives = new Map([
  ["integer", "IntegerField"],
  ["number", "FloatField"],
  ["string", "StringField"],
  ["boolean", "BooleanField"]
])

const make = (name: string, cardinality: Cardinality): FieldType => ({ name, cardinality, batch: false })

const refName = (ref: unknown): string | undefined => {
  if (typeof ref !== "string") {
    return undefined
  }
  const name = ref.slice(ref.lastIndexOf("/") + 1)
  return name === "" ? undefined : name
}

/** Whether a schema allows `null` and nothing else. */
export const isNullSchema = (schema: unknown): boolean => Predicate.isObject(schema) && schema["type"] === "null"

/** The alternatives of an `anyOf` without `null`. */
export const alternatives = (schema: JsonObject): ReadonlyArray<unknown> =>
  Array.isArray(schema["anyOf"]) ? schema["anyOf"].filter((item) => !isNullSchema(item)) : []

const single = (schema: unknown): string | undefined => {
  if (!Predicate.isObject(schema)) {
    return undefined
  }
  if (schema["$ref"] !== undefined) {
    return refName(schema["$ref"])
  }
  return typeof schema["type"] === "string" ? primitives.get(schema["type"]) : undefined
}

const collectionItem = (schema: JsonObject): string | undefined =>
  schema["type"] === "array" ? single(schema["items"]) : undefined

/** The type of a field with a schema; `undefined` if the UI supports no such field. */
export const parseFieldType = (schema: unknown): FieldType | undefined => {
  if (!Predicate.isObject(schema)) {
    return undefined
  }
  if (schema["const"] !== undefined || Array.isArray(schema["enum"])) {
    return make("EnumField", "SINGLE")
  }
  if (schema["type"] === undefined) {
    if (Array.isArray(schema["allOf"])) {
      const first: unknown = schema["allOf"][0]
      const name = Predicate.isObject(first) ? refName(first["$ref"]) : undefined
      return name === undefined ? undefined : make(name, "SINGLE")
    }
    if (Array.isArray(schema["anyOf"])) {
      return parseUnion(alternatives(schema))
    }
    const name = refName(schema["$ref"])
    return name === undefined ? undefined : make(name, "SINGLE")
  }
  if (schema["type"] === "array") {
    const item = collectionItem(schema)
    return item === undefined ? undefined : make(item, "COLLECTION")
  }
  const name = single(schema)
  return name === undefined ? undefined : make(name, "SINGLE")
}

/**
 * A single alternative counts as itself; an item and a list of the same items are one field; other unions are not
 * supported.
 */
const parseUnion = (items: ReadonlyArray<unknown>): FieldType | undefined => {
  if (items.length === 1) {
    return parseFieldType(items[0])
  }
  if (items.length !== 2) {
    return undefined
  }
  const arrays = items.filter((item): item is JsonObject => Predicate.isObject(item) && item["type"] === "array")
  const scalar = items.find((item) => !(Predicate.isObject(item) && item["type"] === "array"))
  if (arrays.length !== 1 || arrays[0] === undefined) {
    return undefined
  }
  const itemName = collectionItem(arrays[0])
  return itemName !== undefined && itemName === single(scalar) ? make(itemName, "SINGLE_OR_COLLECTION") : undefined
}
