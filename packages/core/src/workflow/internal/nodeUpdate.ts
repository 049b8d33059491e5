/** Updates nodes that were saved with another version of their type, like the editor. */
import type { NodeTemplate } from "../../catalog/NodeTemplate.ts"
import type { FieldInput, InvocationNode } from "../../definition/WorkflowDefinition.ts"
import { acceptsExtraInputs } from "./nodeTypes.ts"

/** The versions that the editor can compare: up to four numbers or wildcards, with a prerelease and build part. */
const comparable =
  /^[v^~<>=]*?(\d+)(?:\.(?:[x*]|\d+)(?:\.(?:[x*]|\d+)(?:\.(?:[x*]|\d+))?(?:-[\da-z-]+(?:\.[\da-z-]+)*)?(?:\+[\da-z-]+(?:\.[\da-z-]+)*)?)?)?$/i

const majorOf = (version: string): number => Number(comparable.exec(version)?.[1])

/** Whether a node has another version than its type. */
export const needsUpdate = (node: InvocationNode, template: NodeTemplate): boolean => node.version !== template.version

/** Whether the editor updates a node: within one major version. */
export const canUpdate = (node: InvocationNode, template: NodeTemplate): boolean =>
  majorOf(node.version) === majorOf(template.version)

/**
 * Updates a node to the template's version: inputs in the template's order, missing ones with their defaults, without
 * unknown ones.
 */
export const updateNode = (node: InvocationNode, template: NodeTemplate): InvocationNode => {
  const inputs = new Map<string, FieldInput>()
  for (const [name, { default: initial }] of template.inputs) {
    const given = node.inputs.get(name)
    inputs.set(
      name,
      given === undefined
        ? { ...newInput(name), value: initial }
        : { ...given, value: given.value === undefined ? initial : given.value }
    )
  }
  const extras = acceptsExtraInputs(node.nodeType)
  for (const [name, input] of node.inputs) {
    if (extras && !inputs.has(name)) {
      inputs.set(name, input)
    }
  }
  return { ...node, version: template.version, inputs }
}

/** An input that the file does not have, without a value. */
export const newInput = (name: string): FieldInput => ({ name, label: "", description: "", value: undefined, raw: {} })

const isBefore = (version: string, parts: ReadonlyArray<number>): boolean => {
  const own = version.split(".").map((part) => Number.parseInt(part, 10))
  const index = parts.findIndex((part, at) => (own[at] ?? 0) !== part)
  return index !== -1 && (own[index] ?? 0) < (parts[index] ?? 0)
}

/**
 * The images of an `image_collection` were in `collection` before 1.0.2, where they could also be connected. Moves them
 * to `images`. `version` is the node's version before its update.
 */
export const moveCollectionToImages = (node: InvocationNode, version: string, isConnected: boolean): InvocationNode => {
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

/** Whether fields named `collection` of the node are now named `images`. */
export const renamesCollection = (node: InvocationNode): boolean =>
  node.nodeType === "image_collection" && node.inputs.has("images")
