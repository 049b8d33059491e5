/** Reads graphs as the server has them: their nodes, their edges, and which nodes are inside of which iterations. */
import * as Predicate from "effect/Predicate"
import { getOwn } from "../../../internal/json.ts"
import type { FieldData, OutputNode } from "../../outputs/OutputOrigin.ts"

/** An edge of a graph. */
export interface Edge {
  readonly source: string
  readonly sourceField: string
  readonly target: string
  readonly targetField: string
}

const text = (value: unknown): string | undefined => typeof value === "string" ? value : undefined

/** The edges of a graph. Malformed entries are skipped. */
export const edgesOf = (graph: unknown): ReadonlyArray<Edge> => {
  const edges = Predicate.isObject(graph) ? getOwn(graph, "edges") : undefined
  if (!Array.isArray(edges)) return []
  return edges.flatMap((edge: unknown): ReadonlyArray<Edge> => {
    if (!Predicate.isObject(edge)) return []
    const from = getOwn(edge, "source")
    const to = getOwn(edge, "destination")
    if (!Predicate.isObject(from) || !Predicate.isObject(to)) return []
    const [source, sourceField, target, targetField] = [
      text(getOwn(from, "node_id")),
      text(getOwn(from, "field")),
      text(getOwn(to, "node_id")),
      text(getOwn(to, "field"))
    ]
    return source !== undefined && sourceField !== undefined && target !== undefined && targetField !== undefined
      ? [{ source, sourceField, target, targetField }]
      : []
  })
}

/** The nodes of a graph by id. Malformed entries are skipped. */
export const nodesOf = (graph: unknown): ReadonlyMap<string, FieldData> => {
  const nodes = Predicate.isObject(graph) ? getOwn(graph, "nodes") : undefined
  const found = new Map<string, FieldData>()
  for (const [id, node] of Object.entries(Predicate.isObject(nodes) ? nodes : {})) {
    if (Predicate.isObject(node)) found.set(id, node)
  }
  return found
}

export const typeOf = (node: FieldData | undefined): string | undefined =>
  node === undefined ? undefined : text(node["type"])

const groupBy = (edges: ReadonlyArray<Edge>, end: "source" | "target"): ReadonlyMap<string, ReadonlyArray<Edge>> => {
  const groups = new Map<string, Array<Edge>>()
  for (const edge of edges) {
    const group = groups.get(edge[end])
    if (group === undefined) groups.set(edge[end], [edge])
    else group.push(edge)
  }
  return groups
}

/** The edges by the node that they lead to. */
export const incomingOf = (edges: ReadonlyArray<Edge>): ReadonlyMap<string, ReadonlyArray<Edge>> =>
  groupBy(edges, "target")

/**
 * The `iterate` nodes that each node of a graph is inside of, the outermost first. An `iterate` node is inside of
 * itself; a `collect` node ends what is before it. Nothing is given for nodes in circles, which no server accepts. The
 * edges, by the node that they lead to, are asked for only where there are iterations.
 */
export const loopsOf = (
  nodes: ReadonlyMap<string, FieldData>,
  edges: () => ReadonlyMap<string, ReadonlyArray<Edge>>
): ReadonlyMap<string, ReadonlyArray<string>> => {
  const loops = new Map<string, ReadonlyArray<string>>()
  if (![...nodes.values()].some((node) => typeOf(node) === "iterate")) {
    for (const id of nodes.keys()) loops.set(id, [])
    return loops
  }
  const incoming = edges()
  const depth = (iterate: string) => loops.get(iterate)?.length ?? 0
  const sourcesOf = (id: string) => (incoming.get(id) ?? []).map((edge) => edge.source).filter((one) => nodes.has(one))
  const loopsAt = (id: string): ReadonlyArray<string> => {
    const type = typeOf(nodes.get(id))
    if (type === "collect") return []
    const around = new Set(sourcesOf(id).flatMap((source) => loops.get(source) ?? []))
    const sorted = [...around].toSorted((a, b) => depth(a) - depth(b))
    return type === "iterate" ? [...sorted, id] : sorted
  }
  // Not by recursion: graphs can be thousands of nodes deep.
  const outgoing = groupBy([...incoming.values()].flat(), "source")
  const missing = new Map([...nodes.keys()].map((id) => [id, sourcesOf(id).length]))
  const ready = [...nodes.keys()].filter((id) => missing.get(id) === 0)
  for (let id = ready.pop(); id !== undefined; id = ready.pop()) {
    loops.set(id, loopsAt(id))
    for (const { target } of outgoing.get(id) ?? []) {
      const left = (missing.get(target) ?? 0) - 1
      missing.set(target, left)
      if (left === 0) ready.push(target)
    }
  }
  return loops
}

/** Notes at each node of a workflow what it is inside of in the graph that was made of the workflow. */
export const withLoops = (
  nodes: ReadonlyMap<string, OutputNode>,
  graph: unknown
): ReadonlyMap<string, OutputNode> => {
  const loops = loopsOf(nodesOf(graph), () => incomingOf(edgesOf(graph)))
  const noted = new Map<string, OutputNode>()
  for (const [id, node] of nodes) {
    const around = loops.get(id)
    noted.set(id, around === undefined ? node : { label: node.label, type: node.type, loops: around })
  }
  return noted
}
