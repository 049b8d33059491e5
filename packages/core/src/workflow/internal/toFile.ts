/** The file of an opened workflow. */
import * as Definition from "../../definition/WorkflowDefinition.ts"
import { readKnown } from "../../field/internal/fieldValue.ts"
import type { LoadedWorkflow } from "../LoadedWorkflow.ts"
import { resolveConnector, scopeOf } from "./connections.ts"
import { EdgeIndex } from "./edgeIndex.ts"
import { acceptsExtraInputs } from "./nodeTypes.ts"
import { readCalledInputs } from "./savedWorkflowInputs.ts"

/**
 * Returns the workflow without the values that could not be read, as the editor submits it. They have no effect on the
 * result.
 */
export const asRead = (loaded: LoadedWorkflow): LoadedWorkflow => {
  const nodes = loaded.definition.nodes.map((node) => {
    if (node.type !== "invocation") return node
    const inputs = new Map(node.inputs)
    const template = loaded.nodes.get(node.id)?.inputTemplate
    const extras = acceptsExtraInputs(node.nodeType)
    for (const [name, input] of node.inputs) {
      const { value: _unread, ...raw } = input.raw
      const value = template?.(name) === undefined && !extras
        ? readKnown(input.value, loaded.catalog.models)
        : input.value
      inputs.set(name, { ...input, value, raw })
    }
    return { ...node, inputs }
  })
  return { ...loaded, definition: { ...loaded.definition, nodes } }
}

/** Whether the editor of a server supports schema 4.0.0 (6.13 and later); `undefined` if the version is unknown. */
const supportsSchema4 = (serverVersion: string): boolean | undefined => {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(serverVersion) ?? []
  if (major === undefined || minor === undefined) return undefined
  return Number(major) > 6 || (Number(major) === 6 && Number(minor) >= 13)
}

/** The definition with an edge from end to end in place of each way through connectors, which schema 3.0.0 lacks. */
const withoutConnectors = (loaded: LoadedWorkflow): Definition.WorkflowDefinition => {
  const { definition } = loaded
  const connectors = new Set(definition.nodes.flatMap((node) => node.type === "connector" ? [node.id] : []))
  if (connectors.size === 0) return definition
  const scope = scopeOf(loaded)
  const index = new EdgeIndex(loaded.edges)
  const edges = definition.edges.flatMap((edge): ReadonlyArray<Definition.WorkflowEdge> => {
    if (connectors.has(edge.target)) return []
    if (!connectors.has(edge.source)) return [edge]
    const source = edge.type === "default" ? resolveConnector(scope, index, edge.source) : undefined
    return edge.type === "default" && source !== undefined
      ? [{ ...edge, source: source.node.node.id, sourceHandle: source.handle }]
      : []
  })
  return { ...definition, nodes: definition.nodes.filter((node) => node.type !== "connector"), edges }
}

/**
 * The workflow as JSON that the editor of its server opens. Before 6.13, editors open nothing later than 3.0.0, so
 * connectors are replaced by direct edges. Inputs of called workflows are included as the editor reads them.
 */
export const toFile = (loaded: LoadedWorkflow): Definition.JsonObject => {
  const isKnown = supportsSchema4(loaded.catalog.version)
  const hasConnectors = loaded.definition.nodes.some((node) => node.type === "connector")
  const isSchema4 = isKnown ?? (hasConnectors || loaded.definition.sourceVersion === "4.0.0")
  const definition = isSchema4 ? loaded.definition : withoutConnectors(loaded)
  const nodes = definition.nodes.map((node) =>
    node.type === "invocation" ? readCalledInputs(node, loaded.catalog) : node
  )
  return Definition.toJson({ ...definition, nodes }, isSchema4 ? "4.0.0" : "3.0.0")
}
