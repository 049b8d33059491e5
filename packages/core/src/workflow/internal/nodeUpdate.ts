/** Updates of nodes that were made with another version of their type, as the editor does them. */
import type { NodeTemplate } from "../../catalog/NodeTemplate.ts"
import type { FieldInput, InvocationNode } from "../WorkflowDefinition.ts"

/** What the editor can compare: up to four numbers or wildcards, with a prerelease and build part. */
const comparable =
  /^[v^~<>=]*?(\d+)(?:\.(?:[x*]|\d+)(?:\.(?:[x*]|\d+)(?:\.(?:[x*]|\d+))?(?:-[\da-z-]+(?:\.[\da-z-]+)*)?(?:\+[\da-z-]+(?:\.[\da-z-]+)*)?)?)?$/i

const majorOf = (version: string): number => Number(comparable.exec(version)?.[1])

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
  const extras = acceptsExtraInputs(node.nodeType)
  for (const [name, input] of node.inputs) {
    if (isSavedWorkflowInput(name) || (extras && !inputs.has(name))) {
      inputs.set(name, input)
    }
  }
  return { ...node, version: template.version, inputs }
}

/** Node types that take inputs which their schema does not declare. */
const typesWithExtras: ReadonlySet<string> = new Set(["core_metadata"])

/** @internal */
export const acceptsExtraInputs = (nodeType: string): boolean => typesWithExtras.has(nodeType)

/** What the names of the inputs that a called workflow brings in start with. @internal */
export const savedWorkflowInputPrefix = "saved_workflow_input::"

/** @internal */
export const isSavedWorkflowInput = (name: string): boolean => name.startsWith(savedWorkflowInputPrefix)

const isBefore = (version: string, parts: ReadonlyArray<number>): boolean => {
  const own = version.split(".").map((part) => Number.parseInt(part, 10))
  const index = parts.findIndex((part, at) => (own[at] ?? 0) !== part)
  return index !== -1 && (own[index] ?? 0) < (parts[index] ?? 0)
}

/**
 * The images of an `image_collection` were in `collection` before 1.0.2, where they could also be connected: the node with
 * the images where they are now. `version` is the one that the node had before its update.
 *
 * @internal
 */
export const withImages = (node: InvocationNode, version: string, isConnected: boolean): InvocationNode => {
  const collection = node.inputs.get("collection")
  const images = node.inputs.get("images")
  const isFilled = Array.isArray(images?.value) && images.value.length > 0
  if (
    node.nodeType !== "image_collection" || !isBefore(version, [1, 0, 2]) || collection === undefined ||
    images === undefined || !Array.isArray(collection.value) || isFilled || isConnected
  ) {
    return node
  }
  const inputs = new Map(node.inputs)
  inputs.set("images", { ...images, value: collection.value })
  inputs.set("collection", { ...collection, value: [] })
  return { ...node, inputs }
}

/** Whether fields named `collection` of the node are now named `images`. @internal */
export const renamesCollection = (node: InvocationNode): boolean =>
  node.nodeType === "image_collection" && node.inputs.has("images")
