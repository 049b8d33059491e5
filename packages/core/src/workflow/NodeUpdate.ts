/** Updates of nodes that were made with another version of their type, as the editor does them. */
import type { NodeTemplate } from "../catalog/NodeTemplate.ts"
import type { FieldInput, InvocationNode } from "./WorkflowDefinition.ts"

const majorOf = (version: string): number => Number(version.split(".")[0])

/** @internal */
export const needsUpdate = (node: InvocationNode, template: NodeTemplate): boolean => node.version !== template.version

/** @internal */
export const mayUpdate = (node: InvocationNode, template: NodeTemplate): boolean =>
  majorOf(node.version) === majorOf(template.version)

/**
 * The node as one of the template's version: inputs in the template's order, missing ones with their defaults, unknown
 * ones gone.
 *
 * @internal
 */
export const updateNode = (
  node: InvocationNode,
  template: NodeTemplate,
  fillDefault: (value: unknown, initial: unknown) => unknown
): InvocationNode => {
  const inputs = new Map<string, FieldInput>()
  for (const [name, { default: initial }] of template.inputs) {
    const given = node.inputs.get(name)
    inputs.set(
      name,
      given === undefined
        ? { name, label: "", description: "", value: initial, raw: {} }
        : { ...given, value: fillDefault(given.value, initial) }
    )
  }
  for (const [name, input] of node.inputs) {
    if (isSavedWorkflowInput(name)) {
      inputs.set(name, input)
    }
  }
  return { ...node, version: template.version, inputs }
}

/** What the names of the inputs that a called workflow brings in start with. @internal */
export const savedWorkflowInputPrefix = "saved_workflow_input::"

/** @internal */
export const isSavedWorkflowInput = (name: string): boolean => name.startsWith(savedWorkflowInputPrefix)

/** The images of an `image_collection` were in `collection` before 1.0.2, where they could also be connected. */
const imagesOf = (node: InvocationNode, template: NodeTemplate): InvocationNode => {
  const collection = node.inputs.get("collection")
  if (
    node.nodeType !== "image_collection" || !template.inputs.has("images") || node.inputs.has("images") ||
    collection?.value === undefined || !needsUpdate(node, template)
  ) {
    return node
  }
  const inputs = new Map(node.inputs)
  inputs.set("images", { ...collection, name: "images" })
  inputs.set("collection", { ...collection, label: "", description: "", value: [] })
  return { ...node, inputs }
}

/** Whether fields named `collection` of the node are now named `images`. @internal */
export const renamesCollection = (node: InvocationNode, template: NodeTemplate | undefined): boolean =>
  node.nodeType === "image_collection" && template?.inputs.has("images") === true

/**
 * The node as the editor has it before it compares versions: types that were merged into others have their new name.
 *
 * @internal
 */
export const modernize = (node: InvocationNode, templates: ReadonlyMap<string, NodeTemplate>): InvocationNode => {
  if (node.nodeType === "universal_noise" && !templates.has("universal_noise") && templates.has("noise")) {
    return { ...node, nodeType: "noise", version: "1.0.0" }
  }
  const template = templates.get(node.nodeType)
  return template === undefined ? node : imagesOf(node, template)
}
