/** Models that a file names incompletely. The official UI drops them; here they are kept until the server is asked. */
import type { NodeCatalog } from "../../catalog/NodeCatalog.ts"
import type { FieldType } from "../../catalog/NodeTemplate.ts"
import { isRecord } from "../../internal/json.ts"
import * as LoadedWorkflow from "../LoadedWorkflow.ts"
import type { WorkflowDefinition } from "../WorkflowDefinition.ts"
import { readModel } from "./ink/modelReference.ts"

const namesModel = (value: unknown): boolean => isRecord(value) && readModel(value) !== undefined

const namesLoRA = (value: unknown): boolean =>
  isRecord(value) && namesModel(value["lora"]) && typeof value["weight"] === "number"

const namesModels = (value: unknown, type: FieldType): boolean => {
  if (type.name === "ModelIdentifierField") return type.cardinality !== "COLLECTION" && namesModel(value)
  return type.name === "LoRAField" && Array.isArray(value) && value.length > 0 && value.every(namesLoRA)
}

/**
 * Joins a definition with a catalog as the official UI does, but keeps the models that a file names by less than key,
 * hash, name, base and type: `{ model_name, base_model }` of InvokeAI 3, or a name that a program has set.
 *
 * @internal
 */
export const loadKeepingModels = (
  definition: WorkflowDefinition,
  catalog: NodeCatalog,
  options?: LoadedWorkflow.LoadOptions
): LoadedWorkflow.LoadedWorkflow =>
  LoadedWorkflow.loadWith(definition, catalog, options, {
    ...LoadedWorkflow.ownRules,
    readValue: (value, field) => {
      const read = LoadedWorkflow.ownRules.readValue(value, field)
      return read === undefined && field.type !== undefined && namesModels(value, field.type) ? value : read
    }
  })
