/**
 * Reads what the server tells about one executed graph: which node gave which result, in which iteration.
 *
 * **Details**
 *
 * Results are keyed by the ids of prepared nodes. `prepared_source_mapping` leads back to the node of the workflow.
 * Servers from 6.14 on name the iteration themselves (`prepared_iteration_paths`); for older ones it is read from the
 * `iterate` nodes upstream, up to the next `collect`.
 */
import * as Predicate from "effect/Predicate"
import type { FieldData } from "./fields.ts"

/** One executed node. */
export interface ExecutedNode {
  readonly preparedId: string
  readonly nodeId: string
  readonly iteration: ReadonlyArray<number>
  readonly result: FieldData
  /** The node as it ran, with the values that came over its connections; null where the server does not tell. */
  readonly invocation: FieldData | null
}

/** What remains of a session: its results in order, and what went wrong. */
export interface SessionResults {
  readonly executed: ReadonlyArray<ExecutedNode>
  /** The nodes of the graph as it was submitted, by id. */
  readonly nodes: ReadonlyMap<string, FieldData>
  readonly errors: ReadonlyArray<{ readonly preparedId: string; readonly nodeId: string; readonly message: string }>
}

interface Edge {
  readonly source: string
  readonly sourceField: string
  readonly target: string
  readonly targetField: string
}

const isData = (value: unknown): value is FieldData => Predicate.isObject(value) && !Array.isArray(value)

const own = (data: FieldData, key: string): unknown => Object.hasOwn(data, key) ? data[key] : undefined

const entries = (value: unknown): ReadonlyArray<readonly [string, unknown]> =>
  isData(value) ? Object.entries(value) : []

const text = (value: unknown): string | undefined => typeof value === "string" ? value : undefined

const edgesOf = (graph: unknown): ReadonlyArray<Edge> => {
  const edges = isData(graph) ? own(graph, "edges") : undefined
  if (!Array.isArray(edges)) return []
  return edges.flatMap((edge: unknown): ReadonlyArray<Edge> => {
    if (!isData(edge)) return []
    const from = own(edge, "source")
    const to = own(edge, "destination")
    if (!isData(from) || !isData(to)) return []
    const [source, sourceField, target, targetField] = [
      text(own(from, "node_id")),
      text(own(from, "field")),
      text(own(to, "node_id")),
      text(own(to, "field"))
    ]
    return source !== undefined && sourceField !== undefined && target !== undefined && targetField !== undefined
      ? [{ source, sourceField, target, targetField }]
      : []
  })
}

const nodesOf = (graph: unknown): ReadonlyMap<string, FieldData> =>
  new Map(
    entries(isData(graph) ? own(graph, "nodes") : undefined).flatMap(([id, node]) =>
      isData(node) ? [[id, node] as const] : []
    )
  )

const typeOf = (node: FieldData | undefined): string | undefined => node === undefined ? undefined : text(node["type"])

const compareNumbers = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): number => {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const difference = a[i]! - b[i]!
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

/** The iteration of each prepared node, read from the `iterate` nodes before it. */
const walkIterations = (
  prepared: ReadonlyArray<string>,
  nodes: ReadonlyMap<string, FieldData>,
  incoming: ReadonlyMap<string, ReadonlyArray<Edge>>,
  results: ReadonlyMap<string, FieldData>
): ReadonlyMap<string, ReadonlyArray<number>> => {
  const known = new Map<string, ReadonlySet<string>>()
  const isIterate = (id: string) => typeOf(nodes.get(id)) === "iterate"
  const visiting = new Set<string>()
  const before = (id: string): ReadonlySet<string> => {
    const cached = known.get(id)
    if (cached !== undefined) return cached
    const found = new Set<string>()
    if (typeOf(nodes.get(id)) !== "collect" && !visiting.has(id)) {
      visiting.add(id)
      for (const edge of incoming.get(id) ?? []) {
        for (const ancestor of before(edge.source)) found.add(ancestor)
      }
      visiting.delete(id)
      if (isIterate(id)) found.add(id)
    }
    known.set(id, found)
    return found
  }
  return new Map(prepared.map((id) => {
    const around = [...before(id)]
    const depth = (iterate: string) => before(iterate).size
    around.sort((a, b) => depth(a) - depth(b))
    return [
      id,
      around.map((iterate) => {
        const index = results.get(iterate)?.["index"] ?? nodes.get(iterate)?.["index"]
        return typeof index === "number" ? index : 0
      })
    ]
  }))
}

const sameJson = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/** The collection of a `collect` node in iteration order; undefined where it cannot be told for certain. */
const orderedCollection = (
  collection: ReadonlyArray<unknown>,
  edges: ReadonlyArray<Edge>,
  iterations: ReadonlyMap<string, ReadonlyArray<number>>,
  results: ReadonlyMap<string, FieldData>
): ReadonlyArray<unknown> | undefined => {
  if (edges.length !== collection.length || edges.some((edge) => edge.targetField !== "item")) return undefined
  const parts: Array<{ readonly path: ReadonlyArray<number>; readonly value: unknown }> = []
  for (const edge of edges) {
    const result = results.get(edge.source)
    const path = iterations.get(edge.source)
    if (result === undefined || path === undefined || !Object.hasOwn(result, edge.sourceField)) return undefined
    parts.push({ path, value: result[edge.sourceField] })
  }
  const rest = [...collection]
  for (const { value } of parts) {
    const at = rest.findIndex((candidate) => sameJson(candidate, value))
    if (at === -1) return undefined
    rest.splice(at, 1)
  }
  const sorted = parts.toSorted((a, b) => compareNumbers(a.path, b.path))
  for (let i = 1; i < sorted.length; i++) {
    if (compareNumbers(sorted[i - 1]!.path, sorted[i]!.path) === 0) return undefined
  }
  return sorted.map((part) => part.value)
}

/**
 * Reads the `session` of a queue item. Anything that is not what it should be is left out.
 *
 * **Details**
 *
 * Results are in the order in which their nodes first finished; those of one node in iteration order. The collection
 * of a `collect` node is put into iteration order too, which servers up to 6.8 do not do.
 */
export const fromSession = (session: unknown): SessionResults => {
  const data: FieldData = isData(session) ? session : {}
  const results = new Map(
    entries(own(data, "results")).flatMap(([id, result]) => isData(result) ? [[id, result] as const] : [])
  )
  const sources = new Map(
    entries(own(data, "prepared_source_mapping")).flatMap(([id, source]) =>
      typeof source === "string" ? [[id, source] as const] : []
    )
  )
  const submitted = nodesOf(own(data, "graph"))
  const execution = own(data, "execution_graph")
  const invocations = nodesOf(execution)
  const incoming = new Map<string, Array<Edge>>()
  for (const edge of edgesOf(execution)) {
    const list = incoming.get(edge.target)
    if (list === undefined) incoming.set(edge.target, [edge])
    else list.push(edge)
  }
  const walked = walkIterations([...results.keys()], invocations, incoming, results)
  const paths = own(data, "prepared_iteration_paths")
  const iterations = new Map(
    [...results.keys()].map((id) => {
      const told = isData(paths) ? own(paths, id) : undefined
      const path = Array.isArray(told) && told.every((step): step is number => typeof step === "number")
        ? told
        : walked.get(id) ?? []
      return [id, path] as const
    })
  )
  const order = new Map<string, number>()
  for (const id of results.keys()) {
    const nodeId = sources.get(id) ?? id
    if (!order.has(nodeId)) order.set(nodeId, order.size)
  }
  const executed = [...results].map(([preparedId, result]): ExecutedNode => {
    const invocation = invocations.get(preparedId) ?? null
    const collection = result["collection"]
    const ordered = invocation !== null && typeOf(invocation) === "collect" && Array.isArray(collection)
      ? orderedCollection(collection, incoming.get(preparedId) ?? [], iterations, results)
      : undefined
    return {
      preparedId,
      nodeId: sources.get(preparedId) ?? preparedId,
      iteration: iterations.get(preparedId) ?? [],
      result: ordered === undefined ? result : { ...result, collection: ordered },
      invocation
    }
  }).toSorted((a, b) =>
    (order.get(a.nodeId) ?? 0) - (order.get(b.nodeId) ?? 0) || compareNumbers(a.iteration, b.iteration)
  )
  return {
    executed,
    nodes: submitted,
    errors: entries(own(data, "errors")).map(([preparedId, message]) => ({
      preparedId,
      nodeId: sources.get(preparedId) ?? preparedId,
      message: typeof message === "string" ? message : JSON.stringify(message)
    }))
  }
}
