/**
 * Executes one graph: prepares its nodes, orders them, and keeps their inputs and outputs.
 *
 * **Details**
 *
 * Follows the server's execution state: every node of the graph becomes one *prepared* node per iteration, with a new
 * id; `iterate` multiplies the nodes after it, `collect` joins them again, `if` runs only the chosen branch. A state is
 * changed in place by `GraphExecutor.next` and `GraphExecutor.complete`, and belongs to one queue item.
 */
import { GraphTopology } from "./graphTopology.ts"
import { comparePaths, deepest, distinctPaths, type Path, samePath, startsWith } from "./iterationPath.ts"
import type { GraphEdge, GraphNode, SimulatorGraph } from "./simulatorGraph.ts"
import type * as SimulatorGraphModule from "./simulatorGraph.ts"

/** The output of a node: an object with its `type`. */
export interface NodeOutput {
  readonly type: string
  readonly [field: string]: unknown
}

/** A node that is ready to run, its connected inputs filled in. */
export interface PreparedNode {
  readonly sourceId: string
  readonly node: GraphNode
}

interface Prepared {
  readonly id: string
  readonly sourceId: string
  node: Record<string, unknown> & { id: string; type: string }
  /** Which prepared iterator of each iterator above this node it belongs to. */
  readonly iterators: ReadonlyMap<string, string>
  readonly path: ReadonlyArray<number>
  state: "pending" | "ready" | "executed" | "skipped"
  indegree: number
}

/** The order of execution: since 6.10, all ready nodes of one type before the next type; before 6.10, depth first. */
type Scheduling = "byType" | "depthFirst"

/** The state of one run. */
export class GraphExecutor {
  readonly graph: SimulatorGraph
  readonly executionGraphId: string
  private readonly newId: () => string
  private readonly scheduling: Scheduling
  private readonly keepsCollections: boolean
  private readonly topology: GraphTopology
  private readonly prepared = new Map<string, Prepared>()
  private readonly preparedOf = new Map<string, Array<Prepared>>()
  private readonly preparedEdges = new Set<GraphEdge>()
  private readonly edgesFrom = new Map<string, Array<GraphEdge>>()
  private readonly edgesTo = new Map<string, Array<GraphEdge>>()
  private readonly taken = new Map<string, "true_input" | "false_input">()
  private readonly ready = new Map<string, Array<Prepared>>()
  private activeType: string | undefined = undefined
  private readonly executed = new Set<string>()
  private readonly history: Array<string> = []
  private readonly results = new Map<string, NodeOutput>()
  private readonly errors = new Map<string, string>()
  private readonly typeKey: (type: string) => string

  constructor(options: {
    readonly graph: SimulatorGraph
    readonly newId: () => string
    /** Id of the graph of prepared nodes; items of one batch share it. */
    readonly executionGraphId: string
    readonly scheduling?: Scheduling | undefined
    /** Whether iterators and collectors keep their collections and cache settings, as before 6.14. */
    readonly keepsCollections?: boolean | undefined
    /** The name by which node types are ordered; the server uses that of its class. */
    readonly typeKey?: ((type: string) => string) | undefined
  }) {
    this.graph = options.graph
    this.newId = options.newId
    this.scheduling = options.scheduling ?? "byType"
    this.keepsCollections = options.keepsCollections ?? false
    this.typeKey = options.typeKey ?? ((type) => type)
    this.executionGraphId = options.executionGraphId
    this.topology = new GraphTopology(options.graph)
  }

  /**
   * The next node to run, or `undefined` if no node is ready.
   */
  next(): PreparedNode | undefined {
    let found = this.takeReady()
    if (found === undefined) {
      let more = this.prepareOne()
      while (more) {
        more = this.prepareOne()
        found ??= this.takeReady()
      }
    }
    if (found === undefined) return undefined
    this.fillInputs(found)
    return { sourceId: found.sourceId, node: found.node }
  }

  /**
   * Records the output of a prepared node, and releases the nodes that waited for it.
   */
  complete(preparedId: string, output: NodeOutput): void {
    const done = this.prepared.get(preparedId)
    if (done === undefined) return
    done.state = "executed"
    this.executed.add(preparedId)
    this.results.set(preparedId, output)
    if (!this.keepsCollections && (done.node.type === "iterate" || done.node.type === "collect")) {
      done.node = { ...done.node, collection: [] }
    }
    this.finishSource(done.sourceId)
    for (const edge of this.edgesFrom.get(preparedId) ?? []) {
      if (!this.preparedEdges.has(edge)) continue
      const child = this.prepared.get(edge.destination.node_id)
      if (child === undefined) continue
      child.indegree -= 1
      this.resolveIf(child)
      this.enqueue(child)
    }
  }

  /**
   * Records the failure of a prepared node, as `Type: message`.
   */
  fail(preparedId: string, error: string): void {
    this.errors.set(preparedId, error)
  }

  /**
   * Whether all nodes have run.
   */
  get isComplete(): boolean {
    return this.errors.size > 0 || [...this.graph.nodes.keys()].every((id) => this.executed.has(id))
  }

  /**
   * The fields of the session that describe the run.
   */
  toJson(): {
    readonly execution_graph: ReturnType<typeof SimulatorGraphModule.toJson>
    readonly executed: ReadonlyArray<string>
    readonly executed_history: ReadonlyArray<string>
    readonly results: Readonly<Record<string, NodeOutput>>
    readonly errors: Readonly<Record<string, string>>
    readonly prepared_source_mapping: Readonly<Record<string, string>>
    readonly source_prepared_mapping: Readonly<Record<string, ReadonlyArray<string>>>
    readonly prepared_iteration_paths: Readonly<Record<string, ReadonlyArray<number>>>
    readonly indegree: Readonly<Record<string, number>>
  } {
    const all = [...this.prepared.values()]
    return {
      execution_graph: {
        id: this.executionGraphId,
        nodes: Object.fromEntries(all.map((one) => [one.id, one.node])),
        edges: [...this.preparedEdges]
      },
      executed: [...this.executed],
      executed_history: [...this.history],
      results: Object.fromEntries(this.results),
      errors: Object.fromEntries(this.errors),
      prepared_source_mapping: Object.fromEntries(all.map((one) => [one.id, one.sourceId])),
      source_prepared_mapping: Object.fromEntries(
        [...this.preparedOf].map(([id, list]) => [id, list.map((one) => one.id)])
      ),
      prepared_iteration_paths: Object.fromEntries(all.map((one) => [one.id, one.path])),
      indegree: Object.fromEntries(all.map((one) => [one.id, one.indegree]))
    }
  }

  private typeOf(id: string): string | undefined {
    return this.graph.nodes.get(id)?.type
  }

  private finishSource(sourceId: string): void {
    const all = this.preparedOf.get(sourceId) ?? []
    if (!this.executed.has(sourceId) && all.every((one) => this.executed.has(one.id))) {
      this.executed.add(sourceId)
      this.history.push(sourceId)
    }
  }

  private takeReady(): Prepared | undefined {
    if (this.scheduling === "depthFirst") return this.takeDepthFirst()
    for (;;) {
      if (this.activeType !== undefined) {
        const next = this.ready.get(this.activeType)?.shift()
        if (next !== undefined) return next
        this.activeType = undefined
      }
      const [type] = [...this.ready].filter(([, list]) => list.length > 0).map(([key]) => key).toSorted()
      if (type === undefined) return undefined
      this.activeType = type
    }
  }

  private takeDepthFirst(): Prepared | undefined {
    const seen = new Set<string>()
    const visit = (one: Prepared): Prepared | undefined => {
      if (seen.has(one.id)) return undefined
      seen.add(one.id)
      if (one.state === "ready") return one
      for (const edge of this.edgesFrom.get(one.id) ?? []) {
        const child = this.prepared.get(edge.destination.node_id)
        const found = child === undefined ? undefined : visit(child)
        if (found !== undefined) return found
      }
      return undefined
    }
    for (const one of this.prepared.values()) {
      const found = visit(one)
      if (found === undefined) continue
      const list = this.ready.get(this.typeKey(found.node.type)) ?? []
      list.splice(list.indexOf(found), 1)
      return found
    }
    return undefined
  }

  private enqueue(one: Prepared): void {
    if (one.indegree !== 0 || one.state !== "pending" || this.waitsForIf(one)) return
    one.state = "ready"
    const key = this.typeKey(one.node.type)
    const list = this.ready.get(key) ?? []
    const index = list.findIndex((other) => comparePaths(other.path, one.path) > 0)
    if (index < 0) list.push(one)
    else list.splice(index, 0, one)
    this.ready.set(key, list)
  }

  private prepareOne(): boolean {
    const sourceId = this.topology.order.find((id) =>
      !this.preparedOf.has(id) &&
      (this.typeOf(id) !== "iterate" ||
        this.topology.inputs(id).every((edge) => this.executed.has(edge.source.node_id))) &&
      [...this.topology.ancestors(id)].every((ancestor) =>
        this.typeOf(ancestor) !== "iterate" || this.executed.has(ancestor)
      )
    )
    if (sourceId === undefined) return false
    this.preparedOf.set(sourceId, [])
    if (this.typeOf(sourceId) === "collect") this.prepareCollect(sourceId)
    else this.prepareOrdinary(sourceId)
    if (this.preparedOf.get(sourceId)?.length === 0) {
      this.executed.add(sourceId)
      this.history.push(sourceId)
    }
    return true
  }

  private usable(sourceId: string): ReadonlyArray<Prepared> {
    return (this.preparedOf.get(sourceId) ?? []).filter((one) => one.state !== "skipped")
      .toSorted((left, right) => comparePaths(left.path, right.path))
  }

  private prepareCollect(sourceId: string): void {
    const edges = this.topology.inputs(sourceId)
    const keys: Array<Path> = []
    for (const edge of edges) {
      const list = this.usable(edge.source.node_id)
      const depth = Math.max(0, ...list.map((one) => one.path.length))
      for (const one of list) {
        keys.push(edge.destination.field === "item" ? one.path.slice(0, Math.max(depth - 1, 0)) : one.path)
      }
    }
    const groups = deepest(distinctPaths(keys.length === 0 ? [[]] : keys))
    for (const group of groups) {
      const parents: Array<readonly [string, Prepared]> = []
      const known = new Set<string>()
      for (const edge of edges) {
        for (const one of this.usable(edge.source.node_id)) {
          const belongs = startsWith(group, one.path) ||
            (edge.destination.field === "item" && startsWith(one.path, group))
          if (!belongs || known.has(one.id)) continue
          known.add(one.id)
          parents.push([edge.source.node_id, one])
        }
      }
      this.create(sourceId, parents, new Map(), group, undefined)
    }
  }

  private prepareOrdinary(sourceId: string): void {
    const parents = [...new Set(this.topology.inputs(sourceId).map((edge) => edge.source.node_id))]
    for (const { iterators, mapping, path } of this.parentMappings(sourceId, parents)) {
      const count = this.iterations(sourceId, mapping)
      if (count === undefined) this.create(sourceId, mapping, iterators, path, undefined)
      else {for (let index = 0; index < count; index++) {
          this.create(sourceId, mapping, iterators, [...path, index], index)
        }}
    }
  }

  private iterations(sourceId: string, mapping: ReadonlyArray<readonly [string, Prepared]>): number | undefined {
    if (this.typeOf(sourceId) !== "iterate") return undefined
    const edge = this.topology.inputs(sourceId).find((one) => one.destination.field === "collection")
    const parent = mapping.find(([id]) => id === edge?.source.node_id)?.[1]
    const collection = this.results.get(parent?.id ?? "")?.[edge?.source.field ?? ""]
    return Array.isArray(collection) ? collection.length : 0
  }

  private parentMappings(sourceId: string, parents: ReadonlyArray<string>): ReadonlyArray<{
    readonly mapping: ReadonlyArray<readonly [string, Prepared]>
    readonly iterators: ReadonlyMap<string, string>
    readonly path: Path
  }> {
    const above = this.topology.iteratorsAbove(sourceId)
    if (above.length === 0) {
      const paths = parents.flatMap((id) => this.usable(id).map((one) => one.path)).filter((path) => path.length > 0)
      const wanted = deepest(distinctPaths(paths))
      return (wanted.length === 0 ? [[]] : wanted).flatMap((path) => {
        const mapping = parents.flatMap((id) => {
          const fits = this.usable(id).filter((one) => startsWith(path, one.path))
          const best = fits[fits.length - 1]
          return best === undefined ? [] : [[id, best] as const]
        })
        return mapping.length === parents.length ? [{ mapping, iterators: new Map(), path }] : []
      })
    }
    let combinations: Array<ReadonlyArray<Prepared>> = [[]]
    for (const iterator of above) {
      combinations = combinations.flatMap((list) => this.usable(iterator).map((one) => list.concat(one)))
    }
    return combinations.flatMap((combination) => {
      const chosen = new Map(combination.map((one) => [one.sourceId, one.id]))
      const mapping = parents.flatMap((id) => {
        const fits = this.usable(id).filter((one) =>
          (chosen.get(id) ?? one.id) === one.id &&
          [...one.iterators].every(([iterator, preparedId]) => (chosen.get(iterator) ?? preparedId) === preparedId)
        )
        const path = combination.map((one) => one.path).toSorted((left, right) => right.length - left.length)[0] ?? []
        const best = fits.find((one) => startsWith(path, one.path)) ?? fits[0]
        return best === undefined ? [] : [[id, best] as const]
      })
      const consistent = combination.every((one) =>
        [...one.iterators].every(([iterator, preparedId]) => (chosen.get(iterator) ?? preparedId) === preparedId)
      )
      if (mapping.length !== parents.length || !consistent) return []
      return [{ mapping, iterators: chosen, path: this.joinPaths(mapping, combination) }]
    })
  }

  private joinPaths(mapping: ReadonlyArray<readonly [string, Prepared]>, combination: ReadonlyArray<Prepared>): Path {
    const paths = distinctPaths(mapping.map(([, one]) => one.path).filter((path) => path.length > 0))
    const [only] = paths
    const axes = new Set(
      mapping.filter(([, one]) => one.path.length > 0).map(([, one]) =>
        [...one.iterators.keys(), ...(one.node.type === "iterate" ? [one.sourceId] : [])].join(",")
      )
    )
    if (paths.length === 1 && only !== undefined && axes.size <= 1) return only
    return combination.map((one) => {
      const index = one.node["index"]
      return typeof index === "number" ? index : 0
    })
  }

  private create(
    sourceId: string,
    parents: ReadonlyArray<readonly [string, Prepared]>,
    iterators: ReadonlyMap<string, string>,
    path: Path,
    index: number | undefined
  ): void {
    const source = this.graph.nodes.get(sourceId)
    if (source === undefined) return
    const id = this.newId()
    const one: Prepared = {
      id,
      sourceId,
      node: {
        ...structuredClone(source),
        id,
        ...(index === undefined ? {} : { index }),
        ...(!this.keepsCollections && (index !== undefined || source.type === "collect") ? { use_cache: false } : {})
      },
      iterators,
      path,
      state: "pending",
      indegree: 0
    }
    this.prepared.set(id, one)
    this.preparedOf.get(sourceId)?.push(one)
    for (const edge of this.topology.inputs(sourceId)) {
      for (const [parentId, parent] of parents) {
        if (parentId !== edge.source.node_id) continue
        const prepared = {
          source: { node_id: parent.id, field: edge.source.field },
          destination: { node_id: id, field: edge.destination.field }
        }
        this.preparedEdges.add(prepared)
        this.edgesFrom.set(parent.id, [...this.edgesFrom.get(parent.id) ?? [], prepared])
        this.edgesTo.set(id, [...this.edgesTo.get(id) ?? [], prepared])
        if (!this.executed.has(parent.id)) one.indegree += 1
      }
    }
    this.resolveIf(one)
    this.enqueue(one)
  }

  private edgesInto(one: Prepared): ReadonlyArray<GraphEdge> {
    return (this.edgesTo.get(one.id) ?? []).filter((edge) => this.preparedEdges.has(edge))
  }

  private valueOf(edge: GraphEdge): unknown {
    return structuredClone(this.results.get(edge.source.node_id)?.[edge.source.field])
  }

  private fillInputs(one: Prepared): void {
    const edges = this.edgesInto(one)
    if (one.node.type === "collect") {
      const sorted = (field: string): ReadonlyArray<GraphEdge> =>
        edges.filter((edge) => edge.destination.field === field).toSorted((left, right) =>
          comparePaths(
            this.prepared.get(left.source.node_id)?.path ?? [],
            this.prepared.get(right.source.node_id)?.path ?? []
          )
        )
      one.node = {
        ...one.node,
        collection: [
          ...sorted("collection").flatMap((edge) => this.valueOf(edge)),
          ...sorted("item").map((edge) => this.valueOf(edge))
        ]
      }
      return
    }
    const branch = this.taken.get(one.id)
    const node = { ...one.node }
    for (const edge of edges) {
      const { field } = edge.destination
      if (one.node.type === "if" && branch !== undefined && field !== "condition" && field !== branch) continue
      Object.defineProperty(node, field, {
        value: this.valueOf(edge),
        enumerable: true,
        configurable: true,
        writable: true
      })
    }
    one.node = node
  }

  private waitsForIf(one: Prepared): boolean {
    for (const [ifId, node] of this.graph.nodes) {
      if (node.type !== "if") continue
      const branches = this.topology.branchesOf(ifId)
      if (!branches.true.has(one.sourceId) && !branches.false.has(one.sourceId)) continue
      const matching = (this.preparedOf.get(ifId) ?? []).filter((other) => samePath(other.path, one.path))
      if (matching.length === 0 || matching.some((other) => !this.taken.has(other.id))) return true
    }
    return false
  }

  private resolveIf(one: Prepared): void {
    if (one.node.type !== "if" || this.taken.has(one.id)) return
    const conditions = this.edgesInto(one).filter((edge) => edge.destination.field === "condition")
    if (conditions.some((edge) => !this.executed.has(edge.source.node_id))) return
    for (const edge of conditions) one.node = { ...one.node, condition: this.valueOf(edge) }
    const holds = one.node["condition"] === true
    this.taken.set(one.id, holds ? "true_input" : "false_input")
    const left = holds ? "false_input" : "true_input"
    for (const edge of this.edgesInto(one)) {
      if (edge.destination.field !== left) continue
      if (!this.executed.has(edge.source.node_id)) one.indegree -= 1
      this.preparedEdges.delete(edge)
    }
    const branches = this.topology.branchesOf(one.sourceId)
    const selected = holds ? branches.true : branches.false
    const dropped = holds ? branches.false : branches.true
    for (const other of this.prepared.values()) {
      if (this.executed.has(other.id) || !samePath(other.path, one.path)) continue
      if (selected.has(other.sourceId)) this.enqueue(other)
      else if (dropped.has(other.sourceId)) this.skip(other)
    }
    this.enqueue(one)
  }

  private skip(one: Prepared): void {
    if (one.state === "executed" || one.state === "skipped") return
    for (const list of this.ready.values()) {
      const index = list.indexOf(one)
      if (index >= 0) list.splice(index, 1)
    }
    one.state = "skipped"
    this.executed.add(one.id)
    this.finishSource(one.sourceId)
  }
}
