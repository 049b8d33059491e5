/** The file of an opened workflow. */
import * as Definition from "../../definition/WorkflowDefinition.ts"
import { readKnown } from "../../field/internal/fieldValue.ts"
import type { LoadedWorkflow } from "../LoadedWorkflow.ts"
import { acceptsExtraInputs } from "./nodeTypes.ts"
import { readCalledInputs } from "./savedWorkflowInputs.ts"

/**
 * The workflow without the values that could not be read, as the editor submits it. They would not have taken part in
 * what the workflow makes.
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

/** Whether the editor of a server knows schema 4.0.0, which came with 6.13. `undefined` where its version is unknown. */
const supportsSchema4 = (serverVersion: string): boolean | undefined => {
  const [, major, minor] = /^(\d+)\.(\d+)/.exec(serverVersion) ?? []
  if (major === undefined || minor === undefined) return undefined
  return Number(major) > 6 || (Number(major) === 6 && Number(minor) >= 13)
}

/**
 * The workflow as JSON that the editor of its server opens: before 6.13 that takes nothing later than 3.0.0. What called
 * workflows brought in is in it as the editor reads it.
 */
export const toFile = ({ catalog, definition }: LoadedWorkflow): Definition.JsonObject => {
  const hasConnectors = definition.nodes.some((node) => node.type === "connector")
  const isKnown = supportsSchema4(catalog.version) ?? definition.sourceVersion === "4.0.0"
  const nodes = definition.nodes.map((node) => node.type === "invocation" ? readCalledInputs(node, catalog) : node)
  return Definition.toJson({ ...definition, nodes }, hasConnectors || isKnown ? "4.0.0" : "3.0.0")
}
