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
  /** Where the collapsed edges of a node lead, which connect no fields but count as ways. */
  readonly #ways = new Map<string, Array<string>>()

  constructor(edges: Iterable<EdgeLike> = []) {
    for (const edge of edges) {
      this.add(edge)
    }
  }

  add(edge: EdgeLike): void {
    push(this.#out, edge.source, edge)
    push(this.#into, edge.target, edge)
  }

  addWay(source: string, target: string): void {
    push(this.#ways, source, target)
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

  /** Whether any node can be reached from itself. */
  hasLoop(): boolean {
    const done = new Set<string>()
    const above = new Set<string>()
    const stack: Array<{ readonly id: string; readonly rest: Array<string> }> = []
    for (const start of [...this.#out.keys(), ...this.#ways.keys()]) {
      let next: string | undefined = done.has(start) ? undefined : start
      while (next !== undefined || stack.length > 0) {
        if (next !== undefined) {
          above.add(next)
          stack.push({ id: next, rest: [...this.#next(next)] })
        }
        const top = stack.at(-1)
        next = top?.rest.pop()
        if (next !== undefined && above.has(next)) {
          return true
        }
        if (next === undefined && top !== undefined) {
          stack.pop()
          above.delete(top.id)
          done.add(top.id)
        } else if (next !== undefined && done.has(next)) {
          next = undefined
        }
      }
    }
    return false
  }

  #next(nodeId: string): ReadonlyArray<string> {
    const targets = this.from(nodeId).map((edge) => edge.target)
    const ways = this.#ways.get(nodeId)
    return ways === undefined ? targets : [...targets, ...ways]
  }

  /** Whether the target can be reached from the source. */
  reaches(source: string, target: string): boolean {
    if (source !== target && this.#ways.size === 0 && (!this.#out.has(source) || !this.#into.has(target))) {
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
    for (const [source, targets] of this.#ways) {
      for (const target of targets) {
        rest.addWay(source, target)
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
