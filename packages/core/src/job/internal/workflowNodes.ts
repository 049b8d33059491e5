/** The nodes of a workflow that a queue item embeds. */
import * as Predicate from "effect/Predicate"
import type { OutputNode } from "../Outputs.ts"

/**
 * The nodes of an embedded workflow by id, for labels.
 *
 * @internal
 */
export const nodesOfWorkflow = (workflow: unknown): ReadonlyMap<string, OutputNode> => {
  const nodes = new Map<string, OutputNode>()
  const list = Predicate.isObject(workflow) ? workflow["nodes"] : undefined
  if (!Array.isArray(list)) return nodes
  for (const node of list) {
    if (!Predicate.isObject(node) || typeof node["id"] !== "string") continue
    const data = Predicate.isObject(node["data"]) ? node["data"] : {}
    nodes.set(node["id"], {
      label: typeof data["label"] === "string" ? data["label"] : "",
      type: typeof data["type"] === "string" ? data["type"] : ""
    })
  }
  return nodes
}
