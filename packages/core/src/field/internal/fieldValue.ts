/**
 * Reads the values in workflow files as the editor does: it drops values that it does not recognize, and unknown keys
 * of objects.
 */
import * as Predicate from "effect/Predicate"
import type { ModelVocabulary } from "../../catalog/NodeCatalog.ts"
import type { FieldType } from "../../catalog/NodeTemplate.ts"
import type { JsonObject } from "../../internal/json.ts"
import { readGenerator } from "./generatorRules.ts"

const isName = (value: unknown): value is string => typeof value === "string" && value.trim() !== ""

const isNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value)

const isString = (value: unknown): value is string => typeof value === "string"

const isBoolean = (value: unknown): value is boolean => typeof value === "boolean"

/** Objects that contain only an id, by the name of its key. */
const referenceNames = ["image_name", "video_name", "board_id", "style_preset_id", "system_prompt_id"] as const

const readReference = (value: JsonObject): JsonObject | undefined => {
  for (const name of referenceNames) {
    const id = value[name]
    if (isName(id)) {
      return { [name]: id.trim() }
    }
  }
  return undefined
}

const modelNames = ["key", "hash", "name", "base", "type"] as const

/** Whether the server knows a name; true if the server does not list any. */
const isOneOf = (known: ReadonlySet<string> | undefined, value: unknown): boolean =>
  typeof value === "string" && (known === undefined || known.has(value))

const readModel = (value: unknown, vocabulary: ModelVocabulary | undefined): JsonObject | undefined => {
  if (!Predicate.isObject(value)) {
    return undefined
  }
  const { base, submodel_type, type } = value
  const complete = modelNames.every((name) => typeof value[name] === "string" && value[name] !== "")
  if (
    !complete || !isOneOf(vocabulary?.bases, base) || !isOneOf(vocabulary?.types, type) ||
    (submodel_type !== undefined && submodel_type !== null && !isOneOf(vocabulary?.submodelTypes, submodel_type))
  ) {
    return undefined
  }
  return {
    key: value["key"],
    hash: value["hash"],
    name: value["name"],
    base: value["base"],
    type: value["type"],
    ...(submodel_type === undefined ? {} : { submodel_type })
  }
}

const channels = ["r", "g", "b", "a"] as const

const readColor = (value: JsonObject): JsonObject | undefined => {
  const isColor = channels.every((channel) => {
    const part = value[channel]
    return isNumber(part) && Number.isInteger(part) && part >= 0 && part <= 255
  })
  return isColor ? { r: value["r"], g: value["g"], b: value["b"], a: value["a"] } : undefined
}

const readLora = (value: unknown, vocabulary: ModelVocabulary | undefined): JsonObject | undefined => {
  const lora = Predicate.isObject(value) ? readModel(value["lora"], vocabulary) : undefined
  return lora !== undefined && Predicate.isObject(value) && isNumber(value["weight"])
    ? { lora, weight: value["weight"] }
    : undefined
}

const readList = (
  items: ReadonlyArray<unknown>,
  vocabulary: ModelVocabulary | undefined
): ReadonlyArray<unknown> | undefined => {
  if (items.every(isNumber) || items.every(isString)) {
    return items
  }
  const images = items.map((item) =>
    Predicate.isObject(item) && isName(item["image_name"]) ? readReference(item) : undefined
  )
  if (images.every((image) => image !== undefined)) {
    return images
  }
  const loras = items.map((item) => readLora(item, vocabulary))
  return loras.every((lora) => lora !== undefined) ? loras : undefined
}

/**
 * Reads a value whose shape the editor recognizes in any field; `undefined` for all others.
 *
 * **Details**
 *
 * Numbers, strings, booleans; lists of numbers, strings, images, LoRAs with weights; images, videos, boards, style
 * presets, system prompts, complete models, colors and generators.
 */
export const readKnown = (value: unknown, vocabulary?: ModelVocabulary): unknown => {
  if (isNumber(value) || isString(value) || isBoolean(value)) {
    return value
  }
  if (Array.isArray(value)) {
    return readList(value, vocabulary)
  }
  if (!Predicate.isObject(value)) {
    return undefined
  }
  return readReference(value) ?? readModel(value, vocabulary) ?? readColor(value) ??
    (typeof value["type"] === "string" ? readGenerator(value["type"], value) : undefined)
}

/** What is known about a field whose value is read. */
export interface ValueField {
  /** `undefined` if the node's type has no such field. */
  readonly type: FieldType | undefined
  /** Whether the node accepts undeclared inputs (`core_metadata`): their values are kept unchanged. */
  readonly extras: boolean
  /** The model bases and types of the server. Absent: any are accepted. */
  readonly vocabulary: ModelVocabulary | undefined
}

/**
 * The effective value of an input: recognized values are kept, whatever the type of the field; others are dropped, so
 * that the field is empty. Lists of booleans and of videos are kept for fields of their type.
 */
export const readValue = (value: unknown, { extras, type, vocabulary }: ValueField): unknown => {
  if (value === undefined) {
    return undefined
  }
  const known = readKnown(value, vocabulary)
  if (known !== undefined) {
    return known
  }
  if (extras) {
    return value
  }
  if (Array.isArray(value) && type !== undefined && type.cardinality !== "SINGLE") {
    if (type.name === "BooleanField" && value.every(isBoolean)) {
      return value
    }
    if (
      type.name === "VideoField" &&
      value.every((item) => Predicate.isObject(item) && isName(item["video_name"]))
    ) {
      return value.map(readReference)
    }
  }
  return undefined
}
