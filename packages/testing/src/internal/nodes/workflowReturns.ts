/** The nodes by which a called workflow returns values, and its caller receives them. */
import * as Predicate from "effect/Predicate"
import { failure, type NodeBehavior, pure, text } from "../nodeBehavior.ts"
import type { GraphNode } from "../simulatorGraph.ts"

const keyOf = (value: string): string => {
  const key = value.trim()
  if (key === "") throw failure("ValueError", "Workflow return key must not be empty.")
  return key
}

const gather = (node: GraphNode): Readonly<Record<string, unknown>> => {
  const { values } = node
  const named = new Map<string, unknown>()
  for (const one of Array.isArray(values) ? values : [values]) {
    if (!Predicate.isObject(one)) continue
    const key = keyOf(typeof one["key"] === "string" ? one["key"] : "")
    if (named.has(key)) throw failure("ValueError", `Duplicate workflow return key '${key}'.`)
    named.set(key, one["value"] ?? null)
  }
  return { values: Object.fromEntries(named) }
}

const take = (node: GraphNode): Readonly<Record<string, unknown>> => {
  const key = keyOf(text(node, "key"))
  const { values } = node
  if (!Predicate.isObject(values) || !Object.hasOwn(values, key)) {
    throw failure("ValueError", `Workflow return key '${key}' was not found.`)
  }
  return { value: values[key] }
}

/** The behaviors of this module, by node type. */
export const behaviors: ReadonlyMap<string, NodeBehavior> = new Map<string, NodeBehavior>([
  [
    "workflow_return_value",
    pure("workflow_return_value_output", (node) => ({
      value: { key: keyOf(text(node, "key")), value: node["value"] ?? null }
    }))
  ],
  ["workflow_return", pure("workflow_return_output", gather)],
  ["workflow_return_get", pure("workflow_return_get_output", take)]
])
