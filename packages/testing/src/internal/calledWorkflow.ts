/**
 * Builds the graphs that a call of a saved workflow runs, as the server builds them (not as the InvokeAI UI does): one
 * graph, or one for each combination of its batch nodes.
 */
import * as Predicate from "effect/Predicate"
import { failure, type NodeFailure } from "./nodeBehavior.ts"
import { type BatchDatum, combinations, type FieldValue } from "./queueStore.ts"
import type { SimulatorCatalog } from "./SimulatorCatalog.ts"
import type { SimulatorGraph } from "./simulatorGraph.ts"
import * as SimulatorGraphModule from "./simulatorGraph.ts"

type Raw = Readonly<Record<string, unknown>>

const prefix = "saved_workflow_input::"

/** A graph to run, and the values that a batch node set in it. */
interface CalledGraph {
  readonly graph: SimulatorGraph
  readonly fieldValues: ReadonlyArray<FieldValue> | null
}

interface Node {
  readonly id: string
  readonly type: string
  readonly useCache: unknown
  readonly isIntermediate: unknown
  readonly inputs: ReadonlyMap<string, unknown>
}

interface Edge {
  readonly source: string
  readonly sourceHandle: string
  readonly target: string
  readonly targetHandle: string
}

const text = (value: unknown): string => typeof value === "string" ? value : ""
const number = (value: unknown, fallback: number): number => typeof value === "number" ? value : fallback
const records = (value: unknown): ReadonlyArray<Raw> => Array.isArray(value) ? value.filter(Predicate.isObject) : []

const unsupported = (message: string): NodeFailure => failure("UnsupportedWorkflowNodeError", message)
const invalid = (message: string): NodeFailure => failure("InvalidWorkflowInputError", message)

const readNodes = (workflow: Raw): ReadonlyArray<Node> =>
  records(workflow["nodes"]).flatMap((node) => {
    const { data } = node
    if (node["type"] !== "invocation" || !Predicate.isObject(data)) return []
    const inputs = Predicate.isObject(data["inputs"]) ? data["inputs"] : {}
    return [{
      id: text(data["id"]),
      type: text(data["type"]),
      useCache: data["useCache"] ?? false,
      isIntermediate: data["isIntermediate"] ?? false,
      inputs: new Map(
        Object.entries(inputs).flatMap(([name, input]) =>
          Predicate.isObject(input) && Object.hasOwn(input, "value") ? [[name, input["value"]] as const] : []
        )
      )
    }]
  })

/** Names of the fields on the form, or in an old file's list. */
const exposed = (workflow: Raw): ReadonlySet<string> => {
  const name = (identifier: unknown): ReadonlyArray<string> =>
    Predicate.isObject(identifier)
      ? [`${prefix}${text(identifier["nodeId"])}::${text(identifier["fieldName"])}`]
      : []
  const { form } = workflow
  const elements = Predicate.isObject(form) && Predicate.isObject(form["elements"])
    ? form["elements"]
    : {}
  const names = new Set<string>()
  const seen = new Set<string>()
  const visit = (id: string): void => {
    const element = Object.hasOwn(elements, id) ? elements[id] : undefined
    if (seen.has(id) || !Predicate.isObject(element)) return
    seen.add(id)
    const data = Predicate.isObject(element["data"]) ? element["data"] : {}
    if (element["type"] === "node-field") { for (const one of name(data["fieldIdentifier"])) names.add(one) }
    for (const child of Array.isArray(data["children"]) ? data["children"] : []) visit(text(child))
  }
  if (Predicate.isObject(form)) visit(text(form["rootElementId"]))
  return names.size > 0 ? names : new Set(records(workflow["exposedFields"]).flatMap(name))
}

const withInputs = (
  catalog: SimulatorCatalog,
  workflow: Raw,
  nodes: ReadonlyArray<Node>,
  inputs: Raw
): ReadonlyArray<Node> => {
  const allowed = exposed(workflow)
  let result = nodes
  for (const [name, value] of Object.entries(inputs)) {
    if (!allowed.has(name)) throw invalid(`call_saved_workflow input '${name}' is not exposed by the selected workflow`)
    const cut = name.lastIndexOf("::")
    const id = name.slice(prefix.length, cut)
    const field = name.slice(cut + 2)
    const node = result.find((one) => one.id === id)
    if (node === undefined) {
      throw invalid(`call_saved_workflow input '${name}' targets missing child workflow node '${id}'`)
    }
    if (catalog.types.get(node.type)?.fields.some((one) => one.name === field) !== true) {
      throw invalid(`call_saved_workflow input '${name}' targets missing child workflow field '${field}'`)
    }
    result = result.map((one) => one === node ? { ...one, inputs: new Map([...one.inputs, [field, value]]) } : one)
  }
  return result
}

const readEdges = (workflow: Raw): ReadonlyArray<Edge> =>
  records(workflow["edges"]).flatMap((edge) =>
    edge["type"] === "default"
      ? [{
        source: text(edge["source"]),
        sourceHandle: text(edge["sourceHandle"]),
        target: text(edge["target"]),
        targetHandle: text(edge["targetHandle"])
      }]
      : []
  )

/** Edges between nodes, without the connectors in between. */
const direct = (nodes: ReadonlyArray<Node>, edges: ReadonlyArray<Edge>): ReadonlyArray<Edge> => {
  const ids = new Set(nodes.map((node) => node.id))
  const sourceOf = (edge: Edge, seen: ReadonlySet<string>): Edge | undefined => {
    if (ids.has(edge.source)) return edge
    if (seen.has(edge.source)) return undefined
    const before = edges.find((one) => one.target === edge.source && one.targetHandle === "in")
    return before === undefined ? undefined : sourceOf(before, new Set([...seen, edge.source]))
  }
  const found = new Map<string, Edge>()
  for (const edge of edges) {
    const origin = ids.has(edge.target) ? sourceOf(edge, new Set()) : undefined
    if (origin === undefined) continue
    const whole = { ...edge, source: origin.source, sourceHandle: origin.sourceHandle }
    found.set(JSON.stringify([whole.source, whole.sourceHandle, whole.target, whole.targetHandle]), whole)
  }
  return [...found.values()]
}

const batchFields = new Map([
  ["image_batch", "images"],
  ["string_batch", "strings"],
  ["integer_batch", "integers"],
  ["float_batch", "floats"]
])

const isGenerator = (type: string): boolean => type.endsWith("_generator")

/** The values of a generator. Random ones are spread evenly over their range. */
const generated = (node: Node): ReadonlyArray<unknown> => {
  const value = node.inputs.get("generator")
  const settings: Raw = Predicate.isObject(value) ? value : {}
  const kind = text(settings["type"])
  const isInteger = kind.startsWith("integer_")
  const count = Math.max(0, number(settings["count"], 10))
  const indices = Array.from({ length: count }, (_, index) => index)
  const between = (from: number, to: number): ReadonlyArray<number> =>
    count === 1 ? [from] : indices.map((index) => {
      const part = (to - from) * (index / (count - 1))
      return from + (isInteger ? Math.round(part) : part)
    })
  if (kind.endsWith("_arithmetic_sequence")) {
    const start = number(settings["start"], 0)
    const step = number(settings["step"], 1)
    return step === 0 ? [start] : indices.map((index) => start + index * step)
  }
  if (kind.endsWith("_linear_distribution")) {
    return between(number(settings["start"], 0), number(settings["end"], isInteger ? 10 : 1))
  }
  if (Array.isArray(settings["values"])) return settings["values"]
  if (kind.endsWith("_random_distribution_uniform")) {
    return between(number(settings["min"], 0), number(settings["max"], isInteger ? 10 : 1))
  }
  if (kind.endsWith("_generator_parse_string")) {
    const separator = text(settings["splitOn"] ?? ",").replaceAll("\\n", "\n")
    const parts = separator === "" ? [text(settings["input"])] : text(settings["input"]).split(separator)
    return node.type === "string_generator"
      ? parts.filter((part) => part !== "")
      : parts.map((part) => part.trim()).filter((part) => part !== "").map(Number)
  }
  throw unsupported(`Unsupported generator node type '${node.type}'`)
}

const batchItems = (node: Node, field: string, nodes: ReadonlyArray<Node>, edges: ReadonlyArray<Edge>) => {
  const incoming = edges.find((edge) => edge.target === node.id && edge.targetHandle === field)
  if (incoming === undefined) {
    const items = node.inputs.get(field)
    if (!Array.isArray(items)) {
      throw unsupported(
        `call_saved_workflow batch child workflow node '${node.id}' must provide a direct list for '${field}'`
      )
    }
    if (items.length === 0) {
      throw unsupported(
        `call_saved_workflow batch child workflow node '${node.id}' must provide at least one batch item`
      )
    }
    return items
  }
  const source = nodes.find((one) => one.id === incoming.source)
  if (source === undefined || !isGenerator(source.type)) {
    throw unsupported(
      `call_saved_workflow does not yet support connected batch child workflow inputs on node '${node.id}'`
    )
  }
  const items = generated(source)
  if (items.length === 0) {
    throw unsupported(
      `call_saved_workflow generator-backed batch child workflow node '${source.id}' produced no batch items`
    )
  }
  return items
}

const readBatches = (
  nodes: ReadonlyArray<Node>,
  edges: ReadonlyArray<Edge>
): ReadonlyArray<ReadonlyArray<BatchDatum>> => {
  const groups = new Map<string, Array<BatchDatum>>()
  for (const node of nodes) {
    const field = batchFields.get(node.type)
    if (field === undefined) continue
    const items = batchItems(node, field, nodes, edges)
    const targets = edges.filter((edge) => edge.source === node.id && edge.sourceHandle === field)
    if (targets.length === 0) {
      throw unsupported(
        `call_saved_workflow batch child workflow node '${node.id}' is not connected to any invocation input`
      )
    }
    const group = text(node.inputs.get("batch_group_id") ?? "None")
    const data = groups.get(group) ?? []
    for (const { target, targetHandle } of targets) {
      data.push({
        node_path: target,
        field_name: targetHandle,
        items: targetHandle === "collection" ? items.map((item) => [item]) : items
      })
    }
    groups.set(group, data)
  }
  const alone = (groups.get("None") ?? []).map((datum) => [datum])
  groups.delete("None")
  return [...alone, ...groups.values()]
}

/** The graphs that a call runs. Throws a `NodeFailure` if the server rejects the workflow or an input. */
export const graphsOf = (
  catalog: SimulatorCatalog,
  workflow: Raw,
  inputs: Raw,
  newId: () => string
): ReadonlyArray<CalledGraph> => {
  const nodes = withInputs(catalog, workflow, readNodes(workflow), inputs)
  const edges = direct(nodes, readEdges(workflow))
  const hasBatches = nodes.some((node) => batchFields.has(node.type))
  const data = hasBatches ? readBatches(nodes, edges) : []
  const kept = nodes.filter((node) => !hasBatches || (!batchFields.has(node.type) && !isGenerator(node.type)))
  for (const { id, type } of kept) {
    if (type.endsWith("_batch")) {
      throw unsupported(
        `call_saved_workflow does not yet support batch-special child workflow nodes such as '${type}' (node '${id}')`
      )
    }
  }
  if (kept.filter((node) => node.type === "workflow_return").length !== 1) {
    throw unsupported(
      "call_saved_workflow requires the selected workflow to contain exactly one workflow_return node"
    )
  }
  const ids = new Set(kept.map((node) => node.id))
  const inside = edges.filter((edge) => ids.has(edge.source) && ids.has(edge.target))
  const isConnected = (id: string, field: string): boolean =>
    inside.some((edge) => edge.target === id && edge.targetHandle === field)
  const raw = {
    nodes: Object.fromEntries(kept.map((node) => [node.id, {
      id: node.id,
      type: node.type,
      use_cache: node.useCache,
      is_intermediate: node.isIntermediate,
      ...Object.fromEntries(
        [...node.inputs].filter(([field, value]) =>
          !isConnected(node.id, field) && !(field === "board" && (value === "auto" || value === "none"))
        )
      )
    }])),
    edges: inside.map((edge) => ({
      source: { node_id: edge.source, field: edge.sourceHandle },
      destination: { node_id: edge.target, field: edge.targetHandle }
    }))
  }
  const parse = (): SimulatorGraph => {
    const parsed = SimulatorGraphModule.parse(catalog, raw, newId, [])
    const problem = "issues" in parsed
      ? `${parsed.issues.length} validation errors for Graph: ${parsed.issues[0]?.msg ?? ""}`
      : SimulatorGraphModule.firstProblem(catalog, parsed.graph)
    if (problem !== undefined || "issues" in parsed) throw failure("ValidationError", problem ?? "")
    return parsed.graph
  }
  const graph = parse()
  if (!hasBatches) return [{ graph, fieldValues: null }]
  return Array.from(combinations(data), (fieldValues) => {
    const filled = new Map(graph.nodes)
    for (const { field_name, node_path, value } of fieldValues) {
      const node = filled.get(node_path)
      if (node !== undefined) filled.set(node_path, { ...node, [field_name]: value })
    }
    return { graph: { ...graph, id: newId(), nodes: filled }, fieldValues }
  })
}

/** Whether a name is that of an input of the called workflow. */
export const isInputName = (name: string): boolean => name.startsWith(prefix)
