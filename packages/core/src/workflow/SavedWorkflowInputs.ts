/** The inputs that a `call_saved_workflow` node takes over from the workflow it calls. */
import type { Cardinality, FieldBounds, InputTemplate } from "../catalog/NodeTemplate.ts"
import { getOwn, isRecord, type JsonObject, setOwn } from "../internal/json.ts"
import { areTypesEqual } from "./Connections.ts"
import type { FormField, LoadedWorkflow } from "./LoadedWorkflow.ts"
import { isSavedWorkflowInput, savedWorkflowInputPrefix } from "./NodeUpdate.ts"
import type { FieldInput, InvocationNode } from "./WorkflowDefinition.ts"

const cardinalities: ReadonlyArray<Cardinality> = ["SINGLE", "COLLECTION", "SINGLE_OR_COLLECTION"]

const boundNames = [
  "minimum",
  "maximum",
  "exclusiveMinimum",
  "exclusiveMaximum",
  "multipleOf",
  "minLength",
  "maxLength"
]

const boundsFromJson = (json: JsonObject, cardinality: Cardinality): FieldBounds => {
  const value: Record<string, number> = {}
  for (const name of boundNames) {
    const bound = json[name]
    if (typeof bound === "number") {
      value[name] = bound
    }
  }
  const { maxItems, minItems } = json
  return {
    ...(Object.keys(value).length === 0 ? {} : cardinality === "COLLECTION" ? { item: value } : { value }),
    ...(typeof minItems === "number" ? { minItems } : {}),
    ...(typeof maxItems === "number" ? { maxItems } : {})
  }
}

const texts = (value: unknown): ReadonlyArray<string> | undefined =>
  Array.isArray(value) && value.every((item) => typeof item === "string") ? value : undefined

/** A template as the editor persists it in a workflow file. */
const templateFromJson = (name: string, json: unknown): InputTemplate | undefined => {
  const type = isRecord(json) ? json["type"] : undefined
  if (!isRecord(json) || !isRecord(type) || typeof type["name"] !== "string") {
    return undefined
  }
  const cardinality = cardinalities.find((known) => known === type["cardinality"])
  if (cardinality === undefined) {
    return undefined
  }
  const bounds = boundsFromJson(json, cardinality)
  const input = json["input"]
  const options = texts(json["options"])
  const base = texts(json["ui_model_base"])
  const modelType = texts(json["ui_model_type"])
  return {
    name,
    title: typeof json["title"] === "string" ? json["title"] : name,
    ...(typeof json["description"] === "string" ? { description: json["description"] } : {}),
    type: { name: type["name"], cardinality, batch: type["batch"] === true },
    input: input === "direct" || input === "connection" ? input : "any",
    required: json["required"] === true,
    requiredOnEnqueue: false,
    nullable: false,
    ...(json["default"] === undefined ? {} : { default: json["default"] }),
    bounds,
    uiBounds: bounds,
    ...(options === undefined ? {} : { options }),
    ...(base === undefined && modelType === undefined
      ? {}
      : {
        models: {
          ...(base === undefined ? {} : { base }),
          ...(modelType === undefined ? {} : { type: modelType })
        }
      }),
    hidden: json["ui_hidden"] === true
  }
}

const templateToJson = (template: InputTemplate): JsonObject => ({
  name: template.name,
  title: template.title,
  required: template.required,
  description: template.description ?? "",
  fieldKind: "input",
  input: template.input,
  ui_hidden: template.hidden,
  type: template.type,
  ...(template.default === undefined ? {} : { default: template.default }),
  ...template.uiBounds.value,
  ...template.uiBounds.item,
  ...(template.uiBounds.minItems === undefined ? {} : { minItems: template.uiBounds.minItems }),
  ...(template.uiBounds.maxItems === undefined ? {} : { maxItems: template.uiBounds.maxItems }),
  ...(template.options === undefined ? {} : { options: template.options }),
  ...(template.optionLabels === undefined ? {} : { ui_choice_labels: template.optionLabels }),
  ...(template.models?.base === undefined ? {} : { ui_model_base: template.models.base }),
  ...(template.models?.type === undefined ? {} : { ui_model_type: template.models.type }),
  ...(template.order === undefined ? {} : { ui_order: template.order }),
  ...(template.component === undefined ? {} : { ui_component: template.component })
})

/** The templates that a file itself holds for a node. @internal */
export const persistedTemplates = (node: InvocationNode): ReadonlyMap<string, InputTemplate> => {
  const templates = new Map<string, InputTemplate>()
  for (const name of Object.keys(node.dynamicInputTemplates)) {
    const template = templateFromJson(name, getOwn(node.dynamicInputTemplates, name))
    if (template !== undefined) {
      templates.set(name, template)
    }
  }
  return templates
}

/** @internal */
export interface CalledInputs {
  readonly node: InvocationNode
  readonly templates: ReadonlyMap<string, InputTemplate>
}

/** Id of the workflow that a node calls. @internal */
export const calledWorkflowId = (node: InvocationNode): string | undefined => {
  const id = node.nodeType === "call_saved_workflow" ? node.inputs.get("workflow_id")?.value : undefined
  return typeof id === "string" && id.trim() !== "" ? id : undefined
}

/**
 * The node with the inputs of the workflow it calls: those that the callee's form offers, with the callee's values unless
 * the node has its own, without those that the callee no longer has.
 *
 * @internal
 */
export const withCalledInputs = (
  node: InvocationNode,
  callee: LoadedWorkflow
): CalledInputs => {
  const inputs = new Map<string, FieldInput>()
  for (const [name, input] of node.inputs) {
    if (!isSavedWorkflowInput(name)) {
      inputs.set(name, input)
    }
  }
  const templates = new Map<string, InputTemplate>()
  for (const field of callee.formFields) {
    const taken = calledInput(field, templates.size)
    if (taken === undefined || templates.has(taken.template.name)) {
      continue
    }
    const { input, template } = taken
    templates.set(template.name, template)
    const own = node.inputs.get(template.name)
    const ownType = templateFromJson(template.name, getOwn(node.dynamicInputTemplates, template.name))?.type
    const isSameType = ownType === undefined || areTypesEqual(ownType, template.type)
    inputs.set(template.name, own === undefined || !isSameType ? input : { ...own, label: input.label })
  }
  const dynamicInputTemplates: Record<string, unknown> = {}
  for (const [name, template] of templates) {
    setOwn(dynamicInputTemplates, name, templateToJson(template))
  }
  return { node: { ...node, inputs, dynamicInputTemplates }, templates }
}

const calledInput = (
  field: FormField,
  index: number
): { readonly input: FieldInput; readonly template: InputTemplate } | undefined => {
  // Only fields that can hold a value of their own are taken over.
  if (field.template === undefined || field.template.input === "connection") {
    return undefined
  }
  const name = `${savedWorkflowInputPrefix}${field.nodeId}::${field.fieldName}`
  const { description, label } = field
  return {
    input: { name, label, description, value: field.input.value, raw: {} },
    template: { ...field.template, name, title: label, description, input: "any", hidden: false, order: index }
  }
}
