/** Properties of a graph that follow from its structure. */
import { type GraphEdge, type SimulatorGraph, topologicalOrder } from "./simulatorGraph.ts"

const none: ReadonlyArray<GraphEdge> = []
const noNodes: ReadonlySet<string> = new Set()

/** For each branch of an `if`, the nodes that only this branch needs. */
interface Branches {
  readonly true: ReadonlySet<string>
  readonly false: ReadonlySet<string>
}

/** The order, the neighbors and the ancestors of the nodes of a graph. */
export class GraphTopology {
  /** Node ids, every node after its predecessors. */
  readonly order: ReadonlyArray<string>
  private readonly edgesTo = new Map<string, Array<GraphEdge>>()
  private readonly edgesFrom = new Map<string, Array<GraphEdge>>()
  private readonly above = new Map<string, ReadonlySet<string>>()
  private readonly iterators = new Map<string, ReadonlyArray<string>>()
  private readonly branches = new Map<string, Branches>()

  constructor(graph: SimulatorGraph) {
    const ids = [...graph.nodes.keys()]
    this.order = topologicalOrder(ids, graph.edges) ?? ids
    for (const id of ids) {
      this.edgesTo.set(id, [])
      this.edgesFrom.set(id, [])
    }
    for (const edge of graph.edges) {
      this.edgesTo.get(edge.destination.node_id)?.push(edge)
      this.edgesFrom.get(edge.source.node_id)?.push(edge)
    }
    for (const id of this.order) {
      const above = new Set<string>()
      const iterators = new Set<string>()
      for (const edge of this.inputs(id)) {
        const parent = edge.source.node_id
        above.add(parent)
        for (const ancestor of this.ancestors(parent)) above.add(ancestor)
        if (graph.nodes.get(id)?.type === "collect") continue
        for (const iterator of this.iteratorsAbove(parent)) iterators.add(iterator)
        if (graph.nodes.get(parent)?.type === "iterate") iterators.add(parent)
      }
      this.above.set(id, above)
      this.iterators.set(id, this.order.filter((other) => iterators.has(other)))
    }
  }

  /** Edges into a node. */
  inputs(id: string): ReadonlyArray<GraphEdge> {
    return this.edgesTo.get(id) ?? none
  }

  /** Edges out of a node. */
  outputs(id: string): ReadonlyArray<GraphEdge> {
    return this.edgesFrom.get(id) ?? none
  }

  /** All nodes from which a path leads to a node. */
  ancestors(id: string): ReadonlySet<string> {
    return this.above.get(id) ?? noNodes
  }

  /** The iterators above a node with no collector in between, outermost first. */
  iteratorsAbove(id: string): ReadonlyArray<string> {
    return this.iterators.get(id) ?? []
  }

  /** The nodes that only one branch of an `if` needs. */
  branchesOf(ifId: string): Branches {
    const known = this.branches.get(ifId)
    if (known !== undefined) return known
    const result = { true: this.onlyFor(ifId, "true_input"), false: this.onlyFor(ifId, "false_input") }
    this.branches.set(ifId, result)
    return result
  }

  private onlyFor(ifId: string, field: string): ReadonlySet<string> {
    const nodes = new Set<string>()
    for (const edge of this.inputs(ifId)) {
      if (edge.destination.field !== field) continue
      nodes.add(edge.source.node_id)
      for (const ancestor of this.ancestors(edge.source.node_id)) nodes.add(ancestor)
    }
    let changed = true
    while (changed) {
      changed = false
      for (const id of nodes) {
        const stays = this.outputs(id).every((edge) =>
          nodes.has(edge.destination.node_id) ||
          (edge.destination.node_id === ifId && edge.destination.field === field)
        )
        if (stays) continue
        nodes.delete(id)
        changed = true
      }
    }
    return nodes
  }
}
