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
import { getOwn } from "../../../internal/json.ts"
import type { FieldData } from "../../outputs/OutputOrigin.ts"
import { type Edge, edgesOf, incomingOf, loopsOf, nodesOf, typeOf } from "./graph.ts"
import { seedOf } from "./seed.ts"

/** One executed node. */
interface ExecutedNode {
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
  /** The seed that an executed node's result was made with. */
  readonly seedOf: (preparedId: string) => number | null
}

const entries = (value: unknown): ReadonlyArray<readonly [string, unknown]> =>
  Predicate.isObject(value) ? Object.entries(value) : []

const compareNumbers = (a: ReadonlyArray<number>, b: ReadonlyArray<number>): number => {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const difference = a[i]! - b[i]!
    if (difference !== 0) return difference
  }
  return a.length - b.length
}

/** The iteration of each prepared node, read from the `iterate` nodes before it. */
const walkIterations = (
  nodes: ReadonlyMap<string, FieldData>,
  incoming: ReadonlyMap<string, ReadonlyArray<Edge>>,
  results: ReadonlyMap<string, FieldData>
): ReadonlyMap<string, ReadonlyArray<number>> => {
  const iterations = new Map<string, ReadonlyArray<number>>()
  for (const [id, loops] of loopsOf(nodes, () => incoming)) {
    iterations.set(
      id,
      loops.map((iterate) => {
        const index = results.get(iterate)?.["index"] ?? nodes.get(iterate)?.["index"]
        return typeof index === "number" ? index : 0
      })
    )
  }
  return iterations
}

const sameJson = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

/** The collection of a `collect` node in iteration order; undefined if it is uncertain. */
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
  const data: FieldData = Predicate.isObject(session) ? session : {}
  const results = new Map(
    entries(getOwn(data, "results")).flatMap(([id, result]) => Predicate.isObject(result) ? [[id, result] as const] : [])
  )
  const sources = new Map(
    entries(getOwn(data, "prepared_source_mapping")).flatMap(([id, source]) =>
      typeof source === "string" ? [[id, source] as const] : []
    )
  )
  const submitted = nodesOf(getOwn(data, "graph"))
  const execution = getOwn(data, "execution_graph")
  const invocations = nodesOf(execution)
  const incoming = incomingOf(edgesOf(execution))
  const paths = getOwn(data, "prepared_iteration_paths")
  const told = (id: string): ReadonlyArray<number> | undefined => {
    const path = Predicate.isObject(paths) ? getOwn(paths, id) : undefined
    return Array.isArray(path) && path.every((step): step is number => typeof step === "number") ? path : undefined
  }
  const ids = [...results.keys()]
  const walked = ids.every((id) => told(id) !== undefined)
    ? undefined
    : walkIterations(invocations, incoming, results)
  const iterations = new Map(ids.map((id) => [id, told(id) ?? walked?.get(id) ?? []]))
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
  const graph = {
    nodes: invocations,
    incoming,
    valueOf: (id: string, field: string) => getOwn(invocations.get(id) ?? {}, field),
    resultOf: (id: string, field: string) => getOwn(results.get(id) ?? {}, field)
  }
  return {
    executed,
    nodes: submitted,
    seedOf: (preparedId) => seedOf(graph, preparedId) ?? null,
    errors: entries(getOwn(data, "errors")).map(([preparedId, message]) => ({
      preparedId,
      nodeId: sources.get(preparedId) ?? preparedId,
      message: typeof message === "string" ? message : JSON.stringify(message)
    }))
  }
}
