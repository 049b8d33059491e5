/** String nodes, and nodes that pass a value on. */
import { failure, list, type NodeBehavior, pure, text } from "../nodeBehavior.ts"
import type { GraphNode } from "../simulatorGraph.ts"
import * as DynamicPrompts from "./dynamicPrompts.ts"

const escapeRegExp = (pattern: string): string => pattern.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")

const replace = (node: GraphNode): string => {
  const subject = text(node, "string")
  const search = text(node, "search_string")
  if (search === "") return subject
  const replacement = text(node, "replace_string")
  const useRegex = node["use_regex"] === true
  const inline = useRegex ? /^\(\?([ims]+)\)/.exec(search) : null
  const pattern = useRegex ? search.slice(inline?.[0].length ?? 0).replace(/\(\?P</g, "(?<") : escapeRegExp(search)
  const expression = new RegExp(pattern, `g${useRegex ? inline?.[1] ?? "" : "i"}`)
  return subject.replace(expression, (...match) => {
    const named: unknown = match[match.length - 1]
    const groups = typeof named === "object" && named !== null ? new Map(Object.entries(named)) : new Map()
    return replacement.replace(/\\g<(\w+)>|\\(\d{1,2})|\\(.)/g, (_, name, digit, escaped) => {
      if (escaped !== undefined) return escaped === "n" ? "\n" : escaped === "t" ? "\t" : String(escaped)
      const key = String(name ?? digit)
      const group: unknown = /^\d+$/.test(key) ? match[Number(key)] : groups.get(key)
      return typeof group === "string" ? group : ""
    })
  })
}

const splitNegative = (node: GraphNode): { positive_string: string; negative_string: string } => {
  let positive = ""
  let negative = ""
  let depth = 0
  let escaped = false
  for (const character of text(node, "string")) {
    let kept = character
    if (character === "[" && !escaped) {
      negative += " "
      depth += 1
    } else if (character === "]" && !escaped) {
      depth -= 1
      kept = " "
    } else if (depth > 0) {
      negative += character
    } else {
      positive += character
    }
    escaped = kept === "\\" && !escaped
  }
  return { positive_string: positive, negative_string: negative }
}

const split = (node: GraphNode): { string_1: string; string_2: string } => {
  const subject = text(node, "string")
  const delimiter = text(node, "delimiter")
  if (delimiter === "") throw failure("ValueError", "empty separator")
  const index = subject.indexOf(delimiter)
  return index < 0
    ? { string_1: subject, string_2: "" }
    : { string_1: subject.slice(0, index), string_2: subject.slice(index + delimiter.length) }
}

/** The behaviors of this module, by node type. */
export const behaviors: ReadonlyMap<string, NodeBehavior> = new Map<string, NodeBehavior>([
  ["string", pure("string_output", (node) => ({ value: text(node, "value") }))],
  ["boolean", pure("boolean_output", (node) => ({ value: node["value"] === true }))],
  ["color", pure("color_output", (node) => ({ color: node["color"] ?? null }))],
  [
    "string_join",
    pure("string_output", (node) => ({ value: text(node, "string_left") + text(node, "string_right") }))
  ],
  [
    "string_join_three",
    pure("string_output", (node) => ({
      value: text(node, "string_left") + text(node, "string_middle") + text(node, "string_right")
    }))
  ],
  ["string_replace", pure("string_output", (node) => ({ value: replace(node) }))],
  ["string_split", pure("string_2_output", split)],
  ["string_split_neg", pure("string_pos_neg_output", splitNegative)],
  ["string_collection", pure("string_collection_output", (node) => ({ collection: list(node, "collection") }))],
  ["boolean_collection", pure("boolean_collection_output", (node) => ({ collection: list(node, "collection") }))],
  [
    "image_collection",
    pure("image_collection_output", (node) => ({ collection: [...list(node, "collection"), ...list(node, "images")] }))
  ],
  ["collect", pure("collect_output", (node) => ({ collection: list(node, "collection") }))],
  [
    "iterate",
    pure("iterate_output", (node) => {
      const collection = list(node, "collection")
      const index = typeof node["index"] === "number" ? node["index"] : 0
      return { item: collection[index] ?? null, index, total: collection.length }
    })
  ],
  [
    "if",
    pure("if_output", (node) => ({
      value: (node["condition"] === true ? node["true_input"] : node["false_input"]) ?? null
    }))
  ],
  [
    "dynamic_prompt",
    pure("string_collection_output", (node) => ({
      collection: DynamicPrompts.expand(text(node, "prompt"), {
        maxPrompts: typeof node["max_prompts"] === "number" ? node["max_prompts"] : 1,
        combinatorial: node["combinatorial"] === true,
        seed: 0
      }).prompts
    }))
  ],
  [
    "metadata_item",
    pure("metadata_item_output", (node) => ({ item: { label: text(node, "label"), value: node["value"] ?? null } }))
  ],
  [
    "metadata",
    pure("metadata_output", (node) => {
      const items = Array.isArray(node["items"]) ? list(node, "items") : [node["items"]]
      const entries = items.flatMap((item): ReadonlyArray<readonly [string, unknown]> =>
        typeof item === "object" && item !== null && "label" in item && "value" in item
          ? [[String(item.label), item.value]]
          : []
      )
      return { metadata: Object.fromEntries(entries) }
    })
  ],
  [
    "merge_metadata",
    pure("metadata_output", (node) => ({
      metadata: Object.fromEntries(
        list(node, "collection").flatMap((item) =>
          typeof item === "object" && item !== null ? Object.entries(item) : []
        )
      )
    }))
  ],
  [
    "core_metadata",
    pure("metadata_output", (node) => ({
      metadata: Object.fromEntries(
        Object.entries(node).filter(([key, value]) =>
          value !== null && !["id", "type", "is_intermediate", "use_cache"].includes(key)
        )
      )
    }))
  ]
])
