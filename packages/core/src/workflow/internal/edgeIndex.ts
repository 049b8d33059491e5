/** Edges by their ends. */
import { memoized } from "../../internal/memoized.ts"

/** A connection of two fields. */
export interface EdgeLike {
  readonly source: string
  readonly sourceHandle: string
  readonly target: string
  readonly targetHandle: string
}

/** The edges accepted so far, by their ends. */
export class EdgeIndex {
  readonly #out = new Map<string, Array<EdgeLike>>()
  readonly #into = new Map<string, Array<EdgeLike>>()
  /** The targets of a node's collapsed edges, which connect no fields but count for reachability. */
  readonly #collapsed = new Map<string, Array<string>>()

  constructor(edges: Iterable<EdgeLike> = []) {
    for (const edge of edges) {
      this.add(edge)
    }
  }

  add(edge: EdgeLike): void {
    push(this.#out, edge.source, edge)
    push(this.#into, edge.target, edge)
  }

  addCollapsed(source: string, target: string): void {
    push(this.#collapsed, source, target)
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

  #next(nodeId: string): ReadonlyArray<string> {
    const targets = this.from(nodeId).map((edge) => edge.target)
    const collapsed = this.#collapsed.get(nodeId)
    return collapsed === undefined ? targets : [...targets, ...collapsed]
  }

  /** Whether the target can be reached from the source. */
  reaches(source: string, target: string): boolean {
    if (source !== target && this.#collapsed.size === 0 && (!this.#out.has(source) || !this.#into.has(target))) {
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
        stack.push(...this.#next(id))
      }
    }
    return false
  }

  /** Returns a copy without some edges. */
  without(removed: ReadonlySet<EdgeLike>): EdgeIndex {
    const rest = new EdgeIndex()
    for (const edges of this.#out.values()) {
      for (const edge of edges) {
        if (!removed.has(edge)) {
          rest.add(edge)
        }
      }
    }
    for (const [source, targets] of this.#collapsed) {
      for (const target of targets) {
        rest.addCollapsed(source, target)
      }
    }
    return rest
  }
}

const push = <A>(map: Map<string, Array<A>>, key: string, item: A): void => {
  const list = map.get(key)
  if (list === undefined) {
    map.set(key, [item])
  } else {
    list.push(item)
  }
}

const connectionsOf = memoized((edges: ReadonlyArray<EdgeLike>): ReadonlyMap<string, ReadonlySet<string>> => {
  const made = new Map<string, Set<string>>()
  for (const edge of edges) {
    const fields = made.get(edge.target) ?? new Set()
    fields.add(edge.targetHandle)
    made.set(edge.target, fields)
  }
  return made
})

/** Whether an edge goes into an input. Edges from batch nodes count. */
export const isConnected = (
  { edges }: { readonly edges: ReadonlyArray<EdgeLike> },
  nodeId: string,
  fieldName: string
): boolean => connectionsOf(edges).get(nodeId)?.has(fieldName) === true
