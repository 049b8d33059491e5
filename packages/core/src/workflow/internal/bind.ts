/** Joins workflow definitions with the node types of a server, as the InvokeAI UI does when it opens a file. */
import type { NodeCatalog } from "../../catalog/NodeCatalog.ts"
import type { InputTemplate, NodeTemplate } from "../../catalog/NodeTemplate.ts"
import * as Form from "../../definition/Form.ts"
import type { FormElement, NodeFieldElement, WorkflowForm } from "../../definition/Form.ts"
import type {
  DefaultEdge,
  FieldIdentifier,
  FieldInput,
  InvocationNode,
  WorkflowDefinition,
  WorkflowEdge,
  WorkflowNode
} from "../../definition/WorkflowDefinition.ts"
import { readWithPartialModels } from "../../field/internal/partialModels.ts"
import { withOwnBounds } from "../../field/internal/rules.ts"
import type {
  ConnectionProblemCode,
  FormField,
  LoadedNode,
  LoadedWorkflow,
  LoadOptions,
  LoadWarning
} from "../LoadedWorkflow.ts"
import { connectionProblem, type ConnectionScope, endProblems } from "./connections.ts"
import { fromFields } from "./defaultForm.ts"
import { EdgeIndex } from "./edgeIndex.ts"
import * as NodeTypes from "./nodeTypes.ts"
import * as NodeUpdate from "./nodeUpdate.ts"
import {
  type CalledField,
  calledFields,
  calledWorkflowId,
  persistedTemplates,
  withCalledInputs
} from "./savedWorkflowInputs.ts"

/** Joins a definition with a catalog. `Workflow.load` says where this differs from the InvokeAI UI. */
export const bind = (
  definition: WorkflowDefinition,
  catalog: NodeCatalog,
  options?: LoadOptions
): LoadedWorkflow => {
  const warnings: Array<LoadWarning> = []
  const allNodes = new Map<string, WorkflowNode>()
  const read = new Map<WorkflowNode, LoadedNode>()
  const first = new Map<string, LoadedNode>()
  for (const node of definition.nodes) {
    const loaded = node.type === "invocation" ? readNode(node, catalog, options, warnings) : undefined
    if (loaded !== undefined) {
      read.set(node, loaded)
    }
    if (!allNodes.has(node.id)) {
      allNodes.set(node.id, loaded?.node ?? node)
      if (loaded !== undefined) {
        first.set(node.id, loaded)
      }
    }
  }
  const scope: ConnectionScope = { node: (id) => allNodes.get(id), loaded: (id) => first.get(id) }
  const edges = acceptEdges(definition.edges, scope, new EdgeIndex(), warnings)
  const connected = new Set(edges.map((edge) => edge.type === "default" ? endKey(edge.target, edge.targetHandle) : ""))
  const nodes = new Map<string, LoadedNode>()
  const repaired = definition.nodes.map((node) => {
    const found = read.get(node)
    if (found === undefined) {
      return node
    }
    const current = upgradeNode(found, definition, connected, warnings)
    if (found === first.get(node.id)) {
      nodes.set(node.id, current)
    }
    return current.node
  })
  const rename = (field: FieldIdentifier): FieldIdentifier => {
    const node = field.fieldName === "collection" ? nodes.get(field.nodeId)?.node : undefined
    return node !== undefined && NodeUpdate.renamesCollection(node) ? { ...field, fieldName: "images" } : field
  }
  const exposedFields = definition.exposedFields.map(rename)
  const form = bindForm(definition.form, exposedFields, nodes, rename, warnings)
  return assemble({ ...definition, nodes: repaired, edges, exposedFields, form }, catalog, nodes, warnings)
}

/** Opens a workflow as the editor does: joins it with the catalog, then expands called workflows. */
export const open = (definition: WorkflowDefinition, catalog: NodeCatalog, options?: LoadOptions): LoadedWorkflow => {
  const loaded = bind(definition, catalog, options)
  return Form.isEmpty(loaded.definition.form) ? expandCalls(loaded, options) : loaded
}

/**
 * When the editor shows nodes that call a workflow, they get its inputs again, even with an empty form: those of an
 * empty workflow have none, and those of an updated one have the callee's values.
 */
const expandCalls = (loaded: LoadedWorkflow, options: LoadOptions | undefined): LoadedWorkflow => {
  const { catalog, definition } = loaded
  const nodes = new Map(loaded.nodes)
  const expanded = new Map<WorkflowNode, WorkflowNode>()
  for (const [nodeId, { node, template }] of loaded.nodes) {
    const fields = template === undefined || node.nodeType !== NodeTypes.callSavedWorkflow
      ? undefined
      : fieldsOfCall(node, catalog, options)
    if (fields !== undefined) {
      const called = withCalledInputs(node, fields)
      nodes.set(nodeId, makeLoadedNode(called.node, template, called.templates))
      expanded.set(node, called.node)
    }
  }
  if (expanded.size === 0) {
    return loaded
  }
  const warnings = [...loaded.warnings]
  const edges = definition.edges.filter((edge) => {
    const isMissingField = edge.type === "default" && NodeTypes.isSavedWorkflowInput(edge.targetHandle) &&
      nodes.get(edge.target)?.inputTemplate(edge.targetHandle) === undefined
    if (isMissingField) {
      warnings.push({ type: "deletedInvalidEdge", edge, problems: ["targetNodeFieldDoesNotExist"] })
    }
    return !isMissingField
  })
  return assemble(
    { ...definition, nodes: definition.nodes.map((node) => expanded.get(node) ?? node), edges },
    catalog,
    nodes,
    warnings
  )
}

/** The fields of the workflow that a node calls: empty if it calls none, `undefined` if they are unknown. */
const fieldsOfCall = (
  node: InvocationNode,
  catalog: NodeCatalog,
  options: LoadOptions | undefined
): ReadonlyArray<CalledField> | undefined => {
  const workflowId = calledWorkflowId(node)
  return workflowId === undefined ? [] : calledFields(options?.savedWorkflows?.get(workflowId), catalog)
}

const endKey = (nodeId: string, fieldName: string): string => JSON.stringify([nodeId, fieldName])

const assemble = (
  definition: WorkflowDefinition,
  catalog: NodeCatalog,
  nodes: ReadonlyMap<string, LoadedNode>,
  warnings: ReadonlyArray<LoadWarning>
): LoadedWorkflow => ({
  definition,
  catalog,
  nodes,
  edges: definition.edges.filter((edge) => edge.type === "default"),
  warnings,
  formFields: Form.nodeFields(definition.form).flatMap((element) => {
    const node = nodes.get(element.fieldIdentifier.nodeId)
    const input = node?.node.inputs.get(element.fieldIdentifier.fieldName)
    return node === undefined || input === undefined ? [] : [{ element, node, input }]
  }).map((found, index) => formField(index, found.element, found.node, found.input))
})

/** A field of the form, as the editor shows it. */
export const formField = (index: number, element: NodeFieldElement, node: LoadedNode, input: FieldInput): FormField => {
  const { fieldName, nodeId } = element.fieldIdentifier
  const template = node.inputTemplate(fieldName)
  return {
    index,
    element,
    nodeId,
    fieldName,
    node,
    input,
    template,
    label: input.label || template?.title || fieldName,
    description: input.description || template?.description || ""
  }
}

const makeLoadedNode = (
  node: InvocationNode,
  template: NodeTemplate | undefined,
  dynamic: ReadonlyMap<string, InputTemplate>
): LoadedNode => ({
  node,
  template,
  inputTemplate: (fieldName) => {
    const input = dynamic.get(fieldName) ?? template?.inputs.get(fieldName)
    return input === undefined ? undefined : withOwnBounds(node.nodeType, input)
  }
})

/** Reads the values of a node, and adds the inputs of the workflow it calls. */
const readNode = (
  given: InvocationNode,
  catalog: NodeCatalog,
  options: LoadOptions | undefined,
  warnings: Array<LoadWarning>
): LoadedNode => {
  const template = catalog.templates.get(given.nodeType)
  const dynamic = persistedTemplates(given)
  const node = readInputs(given, template, dynamic, catalog)
  const workflowId = calledWorkflowId(node)
  if (workflowId !== undefined && options?.savedWorkflows !== undefined) {
    const fields = fieldsOfCall(node, catalog, options)
    if (fields !== undefined) {
      const called = withCalledInputs(node, fields)
      return makeLoadedNode(called.node, template, called.templates)
    }
    warnings.push({ type: "missingSavedWorkflow", nodeId: node.id, workflowId })
  }
  return makeLoadedNode(node, template, dynamic)
}

/** Updates a node to its type's version, if possible. */
const upgradeNode = (
  loaded: LoadedNode,
  definition: WorkflowDefinition,
  connected: ReadonlySet<string>,
  warnings: Array<LoadWarning>
): LoadedNode => {
  const { inputTemplate, template } = loaded
  let { node } = loaded
  if (template === undefined) {
    warnings.push({ type: "missingTemplate", nodeId: node.id, nodeType: node.nodeType })
    return loaded
  }
  if (definition.sourceVersion === "1.0.0") {
    node = { ...node, nodePack: template.nodePack }
  }
  if (NodeUpdate.needsUpdate(node, template)) {
    const { version } = node
    if (!NodeUpdate.canUpdate(node, template)) {
      const { nodeType } = node
      warnings.push({
        type: "unableToUpdateNode",
        nodeId: node.id,
        nodeType,
        version,
        templateVersion: template.version
      })
      return { node, template, inputTemplate }
    }
    const fieldNames = [...node.inputs.keys()].filter(NodeTypes.isSavedWorkflowInput)
    if (fieldNames.length > 0) {
      warnings.push({ type: "resetSavedWorkflowInputs", nodeId: node.id, fieldNames })
    }
    node = NodeUpdate.updateNode(node, template)
    node = NodeUpdate.moveCollectionToImages(node, version, connected.has(endKey(node.id, "collection")))
  }
  if (!NodeTypes.acceptsExtraInputs(node.nodeType)) {
    for (const fieldName of node.inputs.keys()) {
      if (inputTemplate(fieldName) === undefined) {
        warnings.push({ type: "missingFieldTemplate", nodeId: node.id, fieldName })
      }
    }
  }
  return { node, template, inputTemplate }
}

const readInputs = (
  node: InvocationNode,
  template: NodeTemplate | undefined,
  dynamic: ReadonlyMap<string, InputTemplate>,
  catalog: NodeCatalog
): InvocationNode => {
  const extras = NodeTypes.acceptsExtraInputs(node.nodeType)
  let inputs: Map<string, FieldInput> | undefined
  for (const [name, input] of node.inputs) {
    const own = dynamic.get(name) ?? template?.inputs.get(name)
    // what is unknown to the catalog is saved unchanged but not sent
    const isKept = own === undefined ? !extras : own.takesJson === true
    const value = isKept
      ? input.value ?? undefined
      : readWithPartialModels(input.value, { type: own?.type, extras, vocabulary: catalog.models })
    if (value !== input.value) {
      inputs ??= new Map(node.inputs)
      inputs.set(name, { ...input, value })
    }
  }
  return inputs === undefined ? node : { ...node, inputs }
}

/** The valid edges, in order. Each is checked against those accepted before it. */
export const acceptEdges = (
  edges: ReadonlyArray<WorkflowEdge>,
  scope: ConnectionScope,
  accepted: EdgeIndex,
  warnings: Array<LoadWarning>
): ReadonlyArray<WorkflowEdge> =>
  edges.filter((edge) => {
    const problems = edge.type === "default" ? edgeProblems(edge, accepted, scope) : collapsedProblems(edge, scope)
    if (problems.length > 0) {
      warnings.push({ type: "deletedInvalidEdge", edge, problems })
      return false
    }
    if (edge.type === "default") {
      accepted.add(edge)
    } else {
      accepted.addCollapsed(edge.source, edge.target)
    }
    return true
  })

const edgeProblems = (
  edge: DefaultEdge,
  accepted: EdgeIndex,
  scope: ConnectionScope
): ReadonlyArray<ConnectionProblemCode> => {
  const problems = endProblems(scope, edge)
  if (problems.length > 0) {
    return problems
  }
  const problem = connectionProblem(scope, accepted, edge)
  return problem === undefined ? [] : [problem]
}

const collapsedProblems = (edge: WorkflowEdge, scope: ConnectionScope): ReadonlyArray<ConnectionProblemCode> => {
  const problems: Array<ConnectionProblemCode> = []
  for (
    const [id, missing] of [
      [edge.source, "sourceNodeDoesNotExist"],
      [edge.target, "targetNodeDoesNotExist"]
    ] as const
  ) {
    const node = scope.node(id)
    if (node === undefined) {
      problems.push(missing)
    } else if (node.type === "invocation" && scope.loaded(id)?.template === undefined) {
      problems.push("missingTemplate")
    }
  }
  return problems
}

const bindForm = (
  given: WorkflowForm,
  exposedFields: ReadonlyArray<FieldIdentifier>,
  nodes: ReadonlyMap<string, LoadedNode>,
  rename: (field: FieldIdentifier) => FieldIdentifier,
  warnings: Array<LoadWarning>
): WorkflowForm => {
  const form = exposedFields.length > 0 && Form.isEmpty(given)
    ? fromFields(exposedFields.flatMap((field) => {
      const template = nodes.get(field.nodeId)?.inputTemplate(field.fieldName)
      return template === undefined ? [] : [{ ...field, fieldType: template.type }]
    }))
    : given
  const elements = new Map<string, FormElement>()
  const deleted = new Set<string>()
  let changed = form !== given
  for (const [elementId, element] of form.elements) {
    if (element.type !== "node-field") {
      elements.set(elementId, element)
      continue
    }
    const fieldIdentifier = rename(element.fieldIdentifier)
    const { fieldName, nodeId } = fieldIdentifier
    if (nodes.get(nodeId)?.node.inputs.has(fieldName) !== true) {
      changed = true
      deleted.add(elementId)
      warnings.push({ type: "deletedMissingNodeFieldFormElement", elementId, nodeId, fieldName })
      continue
    }
    if (fieldIdentifier !== element.fieldIdentifier) {
      changed = true
    }
    elements.set(elementId, fieldIdentifier === element.fieldIdentifier ? element : { ...element, fieldIdentifier })
  }
  if (deleted.size > 0) {
    for (const [elementId, element] of elements) {
      if (element.type === "container" && element.children.some((child) => deleted.has(child))) {
        elements.set(elementId, { ...element, children: element.children.filter((child) => !deleted.has(child)) })
      }
    }
  }
  return changed ? { ...form, elements } : form
}
