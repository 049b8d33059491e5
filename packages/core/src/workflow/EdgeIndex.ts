/** Edges by their ends. */

/** @internal */
export interface EdgeLike {
  readonly source: string
  readonly sourceHandle: string
  readonly target: string
  readonly targetHandle: string
}

/** The edges accepted so far, by their ends. @internal */
export class EdgeIndex {
  readonly #out = new Map<string, Array<EdgeLike>>()
  readonly #into = new Map<string, Array<EdgeLike>>()

  constructor(edges: Iterable<EdgeLike> = []) {
    for (const edge of edges) {
      this.add(edge)
    }
  }

  add(edge: EdgeLike): void {
    push(this.#out, edge.source, edge)
    push(this.#into, edge.target, edge)
  }

  from(nodeId: string): ReadonlyArray<EdgeLike> {
    return this.#out.get(nodeId) ?? []
  }

  to(nodeId: string): ReadonlyArray<EdgeLike> {
    return this.#into.get(nodeId) ?? []
  }

  into(nodeId: string, handle: string): EdgeLike | undefined {
    return this.to(nodeId).find((edge) => edge.targetHandle === handle)
  }

  sources(): ReadonlyArray<string> {
    return [...this.#out.keys()]
  }

  /** Whether the target can be reached from the source. */
  reaches(source: string, target: string): boolean {
    if (source !== target && (!this.#out.has(source) || !this.#into.has(target))) {
      return false
    }
    const seen = new Set<string>()
    const stack = [source]
    for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
      if (id === target) {
        return true
      }
      if (!seen.has(id)) {
        seen.add(id)
        for (const edge of this.from(id)) {
          stack.push(edge.target)
        }
      }
    }
    return false
  }

  /** A copy without some edges. */
  without(removed: ReadonlySet<EdgeLike>): EdgeIndex {
    const rest = new EdgeIndex()
    for (const edges of this.#out.values()) {
      for (const edge of edges) {
        if (!removed.has(edge)) {
          rest.add(edge)
        }
      }
    }
    return rest
  }
}

const push = (map: Map<string, Array<EdgeLike>>, key: string, edge: EdgeLike): void => {
  const list = map.get(key)
  if (list === undefined) {
    map.set(key, [edge])
  } else {
    list.push(edge)
  }
}
