/**
 * Incomplete references to models in a file. The InvokeAI UI drops them; here they are kept until they are looked up on
 * the server.
 */
import * as Predicate from "effect/Predicate"
import type { FieldType } from "../../catalog/NodeTemplate.ts"
import { readModel } from "../fields/modelReference.ts"
import { readValue, type ValueField } from "./fieldValue.ts"

const namesModel = (value: unknown): boolean => Predicate.isObject(value) && readModel(value) !== undefined

const namesLoRA = (value: unknown): boolean =>
  Predicate.isObject(value) && namesModel(value["lora"]) && typeof value["weight"] === "number"

const namesModels = (value: unknown, type: FieldType): boolean => {
  if ((type.originalType ?? type).name === "ModelIdentifierField") {
    return type.cardinality !== "COLLECTION" && namesModel(value)
  }
  return type.name === "LoRAField" && Array.isArray(value) && value.length > 0 && value.every(namesLoRA)
}

/**
 * The effective value of an input, including models without all of key, hash, name, base and type:
 * `{ model_name, base_model }` of InvokeAI 3, or a name that a program has set.
 */
export const readWithPartialModels = (value: unknown, field: ValueField): unknown => {
  const read = readValue(value, field)
  return read === undefined && field.type !== undefined && namesModels(value, field.type) ? value : read
}
