/** Which seed an image was made with: found in the graph that ran, upstream of the image's node. */
import { isSeedName, randomNumberNodes } from "../../../internal/seedFields.ts"
import type { FieldData } from "../../outputs/OutputOrigin.ts"
import { type Edge, typeOf } from "./graph.ts"

/** A graph that ran, with the known values. */
export interface SeedGraph {
  readonly nodes: ReadonlyMap<string, FieldData>
  readonly incoming: ReadonlyMap<string, ReadonlyArray<Edge>>
  /** The value that a field without a connection had. */
  readonly valueOf: (nodeId: string, field: string) => unknown
  /** A value that a node returned; `undefined` if it is unknown. */
  readonly resultOf: (nodeId: string, field: string) => unknown
}

/** Visits a node and those upstream of it, the nearest first; not beyond a node for which `visit` returns false. */
const walk = (graph: SeedGraph, start: string, visit: (nodeId: string) => boolean): void => {
  const seen = new Set([start])
  // grows while it is read
  const waiting = [start]
  for (const nodeId of waiting) {
    if (!visit(nodeId)) continue
    for (const { source } of graph.incoming.get(nodeId) ?? []) {
      if (!seen.has(source)) {
        seen.add(source)
        waiting.push(source)
      }
    }
  }
}

interface SeedField {
  readonly name: string
  readonly connection: Edge | undefined
}

/** The seed fields of a node, `seed` itself first. */
const seedFields = (graph: SeedGraph, nodeId: string): ReadonlyArray<SeedField> => {
  const node = graph.nodes.get(nodeId)
  if (node === undefined || typeOf(node) === "core_metadata") return []
  const connections = new Map((graph.incoming.get(nodeId) ?? []).map((edge) => [edge.targetField, edge]))
  return [...new Set([...Object.keys(node), ...connections.keys()])]
    .filter(isSeedName)
    .toSorted((a, b) => a.length - b.length)
    .map((name) => ({ name, connection: connections.get(name) }))
}

/** The number that a node drew; `undefined` for other nodes, `null` if it is unknown. */
const drawnBy = (graph: SeedGraph, nodeId: string): number | null | undefined => {
  const drawn = randomNumberNodes.get(typeOf(graph.nodes.get(nodeId)) ?? "")
  if (drawn === undefined) return undefined
  const value = graph.resultOf(nodeId, "value")
  if (typeof value === "number") return value
  const isConnected = (graph.incoming.get(nodeId) ?? []).length > 0
  const [low, high] = [graph.valueOf(nodeId, "low"), graph.valueOf(nodeId, "high")]
  return !isConnected && typeof low === "number" && high === low + drawn.span ? low : null
}

const asNumber = (value: unknown): number | null => typeof value === "number" ? value : null

/**
 * The seed behind a connection: the one that was set or drawn upstream of it. If there are several, or none, it is the
 * number that arrived.
 */
const throughConnection = (graph: SeedGraph, connection: Edge): number | null => {
  const sources = new Set<number | null>()
  walk(graph, connection.source, (nodeId) => {
    const drawn = drawnBy(graph, nodeId)
    const values = drawn === undefined
      ? seedFields(graph, nodeId).flatMap(({ connection, name }) => {
        const value = connection === undefined ? graph.valueOf(nodeId, name) : undefined
        return typeof value === "number" ? [value] : []
      })
      : [drawn]
    for (const value of values) sources.add(value)
    return drawn === undefined
  })
  const [only] = sources
  return sources.size === 1 && only !== undefined
    ? only
    : asNumber(graph.resultOf(connection.source, connection.sourceField))
}

/**
 * The seed of the node nearest upstream that has one, the node itself included: the number to pass as `seed` to make
 * the same again. `null` if the nearest one is unknown, `undefined` if there is none.
 */
export const seedOf = (graph: SeedGraph, nodeId: string): number | null | undefined => {
  let found: number | null | undefined
  walk(graph, nodeId, (at) => {
    if (found !== undefined) return false
    for (const { connection, name } of seedFields(graph, at)) {
      const value = connection === undefined ? graph.valueOf(at, name) : throughConnection(graph, connection)
      // An unknown seed must not be mistaken for one farther up.
      if (connection !== undefined || typeof value === "number") {
        found = asNumber(value)
        return false
      }
    }
    return true
  })
  return found
}
