/** Graphs as the server keeps them: every node completed with the defaults of its type, every literal checked. */
import type { NodeTemplate } from "@effect-invokeai/core/catalog/NodeCatalog"
import * as Predicate from "effect/Predicate"
import * as FieldValidation from "./fieldValidation.ts"
import type { SimulatorCatalog, SimulatorField, SimulatorNodeType } from "./SimulatorCatalog.ts"

/** A node of a graph: `id`, `type`, `is_intermediate`, `use_cache`, and the fields of its type. */
export interface GraphNode {
  readonly id: string
  readonly type: string
  readonly [field: string]: unknown
}

/** One end of an edge. */
interface EdgeConnection {
  readonly node_id: string
  readonly field: string
}

/** A connection between two nodes. */
export interface GraphEdge {
  readonly source: EdgeConnection
  readonly destination: EdgeConnection
}

/** A graph that the server accepted. */
export interface SimulatorGraph {
  readonly id: string
  readonly nodes: ReadonlyMap<string, GraphNode>
  readonly edges: ReadonlyArray<GraphEdge>
}

/** The graph as JSON. */
export const toJson = (graph: SimulatorGraph): {
  readonly id: string
  readonly nodes: Readonly<Record<string, GraphNode>>
  readonly edges: ReadonlyArray<GraphEdge>
} => ({ id: graph.id, nodes: Object.fromEntries(graph.nodes), edges: graph.edges })

const nodeAttributes = new Set(["id", "type", "is_intermediate", "use_cache"])

type Loc = ReadonlyArray<string | number>

/** Checks a value for a field of a node, as at enqueue and when a connection delivers it. */
export const checkField = (field: SimulatorField, value: unknown, loc: Loc): FieldValidation.Checked =>
  field.template !== undefined
    ? FieldValidation.check(field.template, value, loc)
    : typeof field.default === "number"
    ? FieldValidation.integer(value, loc)
    : { ok: true, value }

/** The problem with a combination of fields, if the server's own node classes check it. */
export const combinationIssues = (node: GraphNode, loc: Loc): ReadonlyArray<FieldValidation.ValidationIssue> => {
  const issue = (field: string, text: string): ReadonlyArray<FieldValidation.ValidationIssue> => [{
    type: "value_error",
    loc: [...loc, field],
    msg: `Value error, ${text}`,
    input: node[field],
    ctx: { error: {} }
  }]
  const numberOf = (field: string): number => typeof node[field] === "number" ? node[field] : Number.NaN
  if (node.type === "range" && numberOf("stop") <= numberOf("start")) {
    return issue("stop", "stop must be greater than start")
  }
  if (node.type !== "integer_math" && node.type !== "float_math") return []
  const a = numberOf("a")
  const b = numberOf("b")
  const { operation } = node
  if (b === 0 && (operation === "DIV" || (operation === "MOD" && node.type === "integer_math"))) {
    return issue("b", "Cannot divide by zero")
  }
  if (operation === "EXP" && node.type === "integer_math" && b < 0) {
    return issue("b", "Result of exponentiation is not an integer")
  }
  if (operation === "EXP" && node.type === "float_math") {
    if (a === 0 && b < 0) return issue("b", "Cannot raise zero to a negative power")
    if (a < 0 && !Number.isInteger(b)) return issue("b", "Root operation resulted in a complex number")
  }
  return []
}

/**
 * Completes and checks one node.
 *
 * **Details**
 *
 * Fields that the type does not have are dropped. A connected field needs no literal.
 */
const parseNode = (
  nodeType: SimulatorNodeType,
  raw: Readonly<Record<string, unknown>>,
  id: string,
  loc: Loc
): { readonly node: GraphNode; readonly issues: ReadonlyArray<FieldValidation.ValidationIssue> } => {
  const issues: Array<FieldValidation.ValidationIssue> = []
  const flag = (name: string, fallback: boolean): unknown => {
    if (!Object.hasOwn(raw, name)) return fallback
    const checked = FieldValidation.boolean(raw[name], [...loc, name])
    if (checked.ok) return checked.value
    issues.push(...checked.issues)
    return fallback
  }
  const fields: Array<readonly [string, unknown]> = []
  const internal: Array<readonly [string, unknown]> = []
  for (const field of nodeType.fields) {
    let value: unknown = structuredClone(field.default)
    if (Object.hasOwn(raw, field.name)) {
      const checked = checkField(field, raw[field.name], [...loc, field.name])
      if (checked.ok) value = checked.value
      else issues.push(...checked.issues)
    } else if (field.requiredOnEnqueue) {
      issues.push({ type: "missing", loc: [...loc, field.name], msg: "Field required", input: raw })
    }
    const target = field.name === "board" || field.name === "metadata" ? internal : fields
    target.push([field.name, value])
  }
  const node = {
    ...Object.fromEntries(internal),
    id,
    is_intermediate: flag("is_intermediate", false),
    use_cache: flag("use_cache", nodeType.template.useCache),
    ...Object.fromEntries(fields),
    type: nodeType.template.type
  }
  if (issues.length === 0) issues.push(...combinationIssues(node, loc))
  return { node, issues }
}

const textOf = (value: unknown): string | undefined => typeof value === "string" ? value : undefined

const parseEdge = (raw: unknown, loc: Loc): GraphEdge | ReadonlyArray<FieldValidation.ValidationIssue> => {
  const issues: Array<FieldValidation.ValidationIssue> = []
  const end = (name: "source" | "destination"): EdgeConnection => {
    const value = Predicate.isObject(raw) ? raw[name] : undefined
    if (!Predicate.isObject(value)) {
      issues.push({ type: "missing", loc: [...loc, name], msg: "Field required", input: raw })
      return { node_id: "", field: "" }
    }
    const part = (key: "node_id" | "field"): string => {
      const result = textOf(value[key])
      if (result === undefined) {
        issues.push({ type: "missing", loc: [...loc, name, key], msg: "Field required", input: value })
      }
      return result ?? ""
    }
    return { node_id: part("node_id"), field: part("field") }
  }
  const edge = { source: end("source"), destination: end("destination") }
  return issues.length > 0 ? issues : edge
}

/** Reads a graph from a request: nodes completed, literals and edges checked. */
export const parse = (
  catalog: SimulatorCatalog,
  raw: unknown,
  newId: () => string,
  loc: Loc
): { readonly graph: SimulatorGraph } | { readonly issues: ReadonlyArray<FieldValidation.ValidationIssue> } => {
  if (!Predicate.isObject(raw)) {
    return {
      issues: [{
        type: "model_attributes_type",
        loc,
        msg: "Input should be a valid dictionary or object to extract fields from",
        input: raw
      }]
    }
  }
  const issues: Array<FieldValidation.ValidationIssue> = []
  const nodes = new Map<string, GraphNode>()
  const rawNodes = raw["nodes"]
  if (rawNodes !== undefined && !Predicate.isObject(rawNodes)) {
    issues.push({
      type: "dict_type",
      loc: [...loc, "nodes"],
      msg: "Input should be a valid dictionary",
      input: rawNodes
    })
  } else {
    for (const [key, value] of Object.entries(rawNodes ?? {})) {
      const at = [...loc, "nodes", key]
      const type = Predicate.isObject(value) ? textOf(value["type"]) : undefined
      if (type === undefined || !Predicate.isObject(value)) {
        issues.push({
          type: "union_tag_not_found",
          loc: at,
          msg: "Unable to extract tag using discriminator 'type'",
          input: value,
          ctx: { discriminator: "'type'" }
        })
        continue
      }
      const nodeType = catalog.types.get(type)
      if (nodeType === undefined) {
        const expected = [...catalog.types.keys()].map((name) => `'${name}'`).join(", ")
        issues.push({
          type: "union_tag_invalid",
          loc: at,
          msg: `Input tag '${type}' found using 'type' does not match any of the expected tags: ${expected}`,
          input: value,
          ctx: { discriminator: "'type'", tag: type, expected_tags: expected }
        })
        continue
      }
      const id = textOf(value["id"])
      if (id === undefined) {
        issues.push({ type: "missing", loc: [...at, type, "id"], msg: "Field required", input: value })
        continue
      }
      const parsed = parseNode(nodeType, value, id, [...at, type])
      issues.push(...parsed.issues)
      nodes.set(key, parsed.node)
    }
  }
  const edges: Array<GraphEdge> = []
  const rawEdges = raw["edges"]
  if (rawEdges !== undefined && !Array.isArray(rawEdges)) {
    issues.push({ type: "list_type", loc: [...loc, "edges"], msg: "Input should be a valid list", input: rawEdges })
  } else {
    for (const [index, value] of (rawEdges ?? []).entries()) {
      const edge = parseEdge(value, [...loc, "edges", index])
      if ("source" in edge) edges.push(edge)
      else issues.push(...edge)
    }
  }
  if (issues.length > 0) return { issues }
  return { graph: { id: textOf(raw["id"]) ?? newId(), nodes, edges } }
}

const openTypes = new Set(["AnyField", "CollectionField", "CollectionItemField"])

const isList = (type: { readonly name: string; readonly cardinality: string }): boolean =>
  type.cardinality !== "SINGLE" || openTypes.has(type.name)

const compatible = (from: NodeTemplate, output: string, to: NodeTemplate, input: string): boolean => {
  const source = from.outputs.get(output)?.type
  const target = to.inputs.get(input)?.type
  if (source === undefined || target === undefined) return true
  if (openTypes.has(source.name) || openTypes.has(target.name)) return true
  if (target.cardinality === "COLLECTION" && source.cardinality === "SINGLE") return false
  if (target.cardinality === "SINGLE" && source.cardinality === "COLLECTION") return false
  if (source.name === target.name) return true
  if (source.name === "IntegerField" && target.name === "FloatField") return true
  if (target.name === "StringField" && (source.name === "IntegerField" || source.name === "FloatField")) return true
  return source.name.endsWith("ModelField") || target.name.endsWith("ModelField")
}

/**
 * Node ids, ordered so that every node follows its predecessors, level by level, each level in order of discovery;
 * `undefined` if the graph has a cycle.
 */
export const topologicalOrder = (
  ids: Iterable<string>,
  edges: ReadonlyArray<GraphEdge>
): ReadonlyArray<string> | undefined => {
  const indegree = new Map<string, number>()
  for (const id of ids) indegree.set(id, 0)
  const children = new Map<string, Array<string>>()
  for (const { destination, source } of edges) {
    const known = children.get(source.node_id) ?? []
    if (known.includes(destination.node_id)) continue
    children.set(source.node_id, [...known, destination.node_id])
    indegree.set(destination.node_id, (indegree.get(destination.node_id) ?? 0) + 1)
  }
  const order = [...indegree].filter(([, count]) => count === 0).map(([id]) => id)
  for (let index = 0; index < order.length; index++) {
    for (const child of children.get(order[index] ?? "") ?? []) {
      const left = (indegree.get(child) ?? 0) - 1
      indegree.set(child, left)
      if (left === 0) order.push(child)
    }
  }
  return order.length === indegree.size ? order : undefined
}

/** The first rule that the graph breaks, in the server's words. */
export const firstProblem = (catalog: SimulatorCatalog, graph: SimulatorGraph): string | undefined => {
  const ids = [...graph.nodes.values()].map((node) => node.id)
  const repeated = [...new Set(ids.filter((id, index) => ids.indexOf(id) !== index))]
  if (repeated.length > 0) {
    return `Node ids must be unique, found duplicates {${repeated.map((id) => `'${id}'`).join(", ")}}`
  }
  for (const [key, node] of graph.nodes) {
    if (key !== node.id) return `Node ids must match, got ${key} and ${node.id}`
  }
  const templateOf = (id: string): NodeTemplate | undefined => {
    const node = graph.nodes.get(id)
    return node === undefined ? undefined : catalog.types.get(node.type)?.template
  }
  for (const { destination, source } of graph.edges) {
    const from = templateOf(source.node_id)
    if (from === undefined) return `Edge source node ${source.node_id} does not exist in the graph`
    const to = templateOf(destination.node_id)
    if (to === undefined) return `Edge destination node ${destination.node_id} does not exist in the graph`
    if (!from.outputs.has(source.field) && source.field !== "type") {
      return `Edge source field ${source.field} does not exist in node ${source.node_id}`
    }
    const dynamic = to.type === "call_saved_workflow" && destination.field.startsWith("saved_workflow_input::")
    const known = catalog.types.get(to.type)?.fields.some((field) => field.name === destination.field)
    if (known !== true && !nodeAttributes.has(destination.field) && !dynamic) {
      return `Edge destination field ${destination.field} does not exist in node ${destination.node_id}`
    }
  }
  if (topologicalOrder(graph.nodes.keys(), graph.edges) === undefined) return "Graph contains cycles"
  for (const { destination, source } of graph.edges) {
    const from = templateOf(source.node_id)
    const to = templateOf(destination.node_id)
    if (from !== undefined && to !== undefined && !compatible(from, source.field, to, destination.field)) {
      return "Edge source and target types do not match " +
        `(${source.node_id}.${source.field} -> ${destination.node_id}.${destination.field})`
    }
  }
  for (const node of graph.nodes.values()) {
    const inputs = graph.edges.filter((edge) => edge.destination.node_id === node.id)
    const outputs = graph.edges.filter((edge) => edge.source.node_id === node.id)
    if (node.type === "iterate") {
      const collections = inputs.filter((edge) => edge.destination.field === "collection")
      const [edge] = collections
      if (edge === undefined) {
        return `Invalid iterator node (${node.id}): Iterator must have a collection input edge`
      }
      if (collections.length > 1) {
        return `Invalid iterator node (${node.id}): Iterator may only have one input edge`
      }
      const type = templateOf(edge.source.node_id)?.outputs.get(edge.source.field)?.type
      if (type !== undefined && !isList(type)) {
        return `Invalid iterator node (${node.id}): Iterator input must be a collection`
      }
    }
    if (node.type === "collect") {
      if (inputs.length === 0) {
        return `Invalid collector node (${node.id}): Collector must have at least one item or collection input edge`
      }
      for (const edge of outputs) {
        const type = templateOf(edge.destination.node_id)?.inputs.get(edge.destination.field)?.type
        if (edge.source.field === "collection" && type !== undefined && !isList(type)) {
          return `Invalid collector node (${node.id}): Collector output must connect to a collection input`
        }
      }
      const itemTypes = new Set(
        inputs.filter((edge) => edge.destination.field === "item")
          .map((edge) => templateOf(edge.source.node_id)?.outputs.get(edge.source.field)?.type.name)
          .filter((name) => name !== undefined && !openTypes.has(name))
      )
      if (itemTypes.size > 1) {
        return `Invalid collector node (${node.id}): Collector input collection items must be of a single type`
      }
    }
  }
  return undefined
}
