/** Changes to an opened workflow. */
import type { FieldInput, WorkflowEdge } from "../../definition/WorkflowDefinition.ts"
import type { LoadedNode, LoadedWorkflow } from "../LoadedWorkflow.ts"
import { formField } from "./bind.ts"
import { newInput } from "./nodeUpdate.ts"

/** Returns the workflow with another value for an input of a node, which may be new. */
export const withValue = (
  loaded: LoadedWorkflow,
  nodeId: string,
  fieldName: string,
  value: unknown
): LoadedWorkflow => {
  const found = loaded.nodes.get(nodeId)
  if (found === undefined) {
    return loaded
  }
  const given = found.node.inputs.get(fieldName) ?? newInput(fieldName)
  // the value in the file is replaced, even if it could not be read
  const { value: _before, ...raw } = given.raw
  const input: FieldInput = { ...given, value, raw }
  const node = { ...found.node, inputs: new Map(found.node.inputs).set(fieldName, input) }
  const updated: LoadedNode = { ...found, node }
  const { definition } = loaded
  return {
    ...loaded,
    definition: { ...definition, nodes: definition.nodes.with(definition.nodes.indexOf(found.node), node) },
    nodes: new Map(loaded.nodes).set(nodeId, updated),
    formFields: loaded.formFields.map((field) =>
      field.nodeId !== nodeId
        ? field
        : formField(
          field.index,
          field.element,
          updated,
          field.fieldName === fieldName ? input : field.input
        )
    )
  }
}

/** Returns the workflow without the connections into some inputs of a node. */
export const withoutConnections = (
  loaded: LoadedWorkflow,
  nodeId: string,
  fieldNames: ReadonlyArray<string>
): LoadedWorkflow => {
  const isKept = (edge: WorkflowEdge): boolean =>
    edge.type !== "default" || edge.target !== nodeId || !fieldNames.includes(edge.targetHandle)
  return loaded.edges.every(isKept) ? loaded : {
    ...loaded,
    definition: { ...loaded.definition, edges: loaded.definition.edges.filter(isKept) },
    edges: loaded.edges.filter(isKept)
  }
}
