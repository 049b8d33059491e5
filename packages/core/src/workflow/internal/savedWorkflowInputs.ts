/** The inputs that a `call_saved_workflow` node gets from the workflow it calls. */
import * as Predicate from "effect/Predicate"
import type { NodeCatalog } from "../../catalog/NodeCatalog.ts"
import {
  type Cardinality,
  type FieldBounds,
  type InputTemplate,
  isStateful,
  valueBoundNames
} from "../../catalog/NodeTemplate.ts"
import * as Form from "../../definition/Form.ts"
import type { FieldIdentifier, FieldInput, InvocationNode } from "../../definition/WorkflowDefinition.ts"
import { readWithPartialModels } from "../../field/internal/partialModels.ts"
import { getOwn, type JsonObject, setOwn } from "../../internal/json.ts"
import { callSavedWorkflow, isSavedWorkflowInput, savedWorkflowInputPrefix } from "./nodeTypes.ts"
import { newInput } from "./nodeUpdate.ts"

const cardinalities: ReadonlyArray<Cardinality> = ["SINGLE", "COLLECTION", "SINGLE_OR_COLLECTION"]

const boundsFromJson = (json: JsonObject, cardinality: Cardinality): FieldBounds => {
  const value: Record<string, number> = {}
  for (const name of valueBoundNames) {
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

/** A template as the editor saves it in a workflow file. */
const templateFromJson = (name: string, json: unknown): InputTemplate | undefined => {
  const type = Predicate.isObject(json) ? json["type"] : undefined
  if (!Predicate.isObject(json) || !Predicate.isObject(type) || typeof type["name"] !== "string") {
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

/** The templates that a file contains for a node. */
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

/** A node with the inputs of the workflow that it calls, and their templates. */
interface CalledInputs {
  readonly node: InvocationNode
  readonly templates: ReadonlyMap<string, InputTemplate>
}

/** Id of the workflow that a node calls. */
export const calledWorkflowId = (node: InvocationNode): string | undefined => {
  const id = node.nodeType === callSavedWorkflow ? node.inputs.get("workflow_id")?.value : undefined
  return typeof id === "string" && id !== "" ? id : undefined
}

/** An input of a called workflow. */
export interface CalledField {
  readonly template: InputTemplate
  /** As the callee's file has it. */
  readonly value: unknown
}

/**
 * The inputs of a called workflow, in form order: the fields that can hold a value. Like the editor, this reads the
 * file without migrating it. `undefined` if it is not a workflow.
 */
export const calledFields = (json: unknown, catalog: NodeCatalog): ReadonlyArray<CalledField> | undefined => {
  if (!Predicate.isObject(json)) {
    return undefined
  }
  const nodes = new Map<string, JsonObject>()
  for (const node of Array.isArray(json["nodes"]) ? json["nodes"] : []) {
    const data = Predicate.isObject(node) ? node["data"] : undefined
    if (Predicate.isObject(data) && typeof data["id"] === "string" && !nodes.has(data["id"])) {
      nodes.set(data["id"], data)
    }
  }
  const fields: Array<CalledField> = []
  for (const { fieldName, nodeId } of offeredFields(json, nodes, catalog)) {
    const data = nodes.get(nodeId)
    const inputs = data === undefined ? undefined : data["inputs"]
    const input = Predicate.isObject(inputs) ? getOwn(inputs, fieldName) : undefined
    const template = templateOf(data, fieldName, catalog)
    if (
      !Predicate.isObject(input) || template === undefined ||
      !(isStateful(template.type) || template.input !== "connection")
    ) {
      continue
    }
    const label = textOf(input["label"]) || template.title || fieldName
    const description = textOf(input["description"]) || (template.description ?? "")
    const name = `${savedWorkflowInputPrefix}${nodeId}::${fieldName}`
    fields.push({
      template: { ...template, name, title: label, description, input: "any", hidden: false, order: fields.length },
      value: input["value"]
    })
  }
  return fields
}

const textOf = (value: unknown): string => typeof value === "string" ? value : ""

const templateOf = (data: JsonObject | undefined, fieldName: string, catalog: NodeCatalog): InputTemplate | undefined =>
  typeof data?.["type"] === "string" ? catalog.templates.get(data["type"])?.inputs.get(fieldName) : undefined

/** The fields of the form, then those exposed fields that the form does not have. */
const offeredFields = (
  json: JsonObject,
  nodes: ReadonlyMap<string, JsonObject>,
  catalog: NodeCatalog
): ReadonlyArray<FieldIdentifier> => {
  const form = Form.fromJson(json["form"])
  const ofForm = form === undefined || Form.structureProblem(form) !== undefined
    ? []
    : Form.nodeFields(form).map((element) => element.fieldIdentifier)
  const key = ({ fieldName, nodeId }: FieldIdentifier) => JSON.stringify([nodeId, fieldName])
  const hasValidForm = form !== undefined && !Form.isEmpty(form) && Form.structureProblem(form) === undefined
  const seen = new Set(ofForm.map(key))
  const exposed: Array<FieldIdentifier> = []
  for (const field of Array.isArray(json["exposedFields"]) ? json["exposedFields"] : []) {
    const { fieldName, nodeId } = Predicate.isObject(field) ? field : {}
    if (typeof nodeId !== "string" || typeof fieldName !== "string") {
      continue
    }
    if (
      templateOf(nodes.get(nodeId), fieldName, catalog) === undefined ||
      (hasValidForm && seen.has(key({ nodeId, fieldName })))
    ) {
      continue
    }
    seen.add(key({ nodeId, fieldName }))
    exposed.push({ nodeId, fieldName })
  }
  return hasValidForm ? [...ofForm, ...exposed] : exposed
}

/**
 * Updates a node's inputs to those of the workflow it calls. The node's own values are kept if the file has them with
 * the callee's type; otherwise the callee's values are used.
 */
export const withCalledInputs = (node: InvocationNode, fields: ReadonlyArray<CalledField>): CalledInputs => {
  const offered = new Set(fields.map(({ template }) => template.name))
  const inputs = new Map<string, FieldInput>()
  for (const [name, input] of node.inputs) {
    if (!isSavedWorkflowInput(name) || offered.has(name)) {
      inputs.set(name, input)
    }
  }
  const templates = new Map<string, InputTemplate>()
  for (const [name, template] of persistedTemplates(node)) {
    if (!isSavedWorkflowInput(name) || offered.has(name)) {
      templates.set(name, template)
    }
  }
  for (const { template, value } of fields) {
    const { description = "", name, title: label } = template
    const ownType = templates.get(name)?.type
    templates.set(name, template)
    const own = inputs.get(name)
    const isKept = own !== undefined && ownType !== undefined && ownType.name === template.type.name &&
      ownType.cardinality === template.type.cardinality && ownType.batch === template.type.batch
    inputs.set(name, isKept ? { ...own, label, description } : { ...newInput(name), label, description, value })
  }
  const dynamicInputTemplates: Record<string, unknown> = {}
  for (const [name, template] of templates) {
    const persisted = getOwn(node.dynamicInputTemplates, name)
    setOwn(dynamicInputTemplates, name, offered.has(name) ? templateToJson(template) : persisted)
  }
  return { node: { ...node, inputs, dynamicInputTemplates }, templates }
}

/** Reads the values that a node got from the workflow it calls, like the editor. */
export const readCalledInputs = (node: InvocationNode, catalog: NodeCatalog): InvocationNode => {
  if (node.nodeType !== callSavedWorkflow) {
    return node
  }
  const templates = persistedTemplates(node)
  const inputs = new Map(node.inputs)
  for (const [name, input] of node.inputs) {
    if (isSavedWorkflowInput(name)) {
      const type = templates.get(name)?.type
      inputs.set(name, {
        ...input,
        value: readWithPartialModels(input.value, { type, extras: false, vocabulary: catalog.models })
      })
    }
  }
  return { ...node, inputs }
}
