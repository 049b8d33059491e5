/** The cache of node outputs, shared by all items. */
import type { NodeOutput } from "./graphExecutor.ts"
import type { GraphNode } from "./simulatorGraph.ts"

/** The key of a node: all its fields except its id. */
export const keyOf = (node: GraphNode): string => JSON.stringify({ ...node, id: undefined })

/** Outputs by key; the least recently used are dropped first. */
export class InvocationCache {
  private readonly maxSize: number
  private readonly entries = new Map<string, NodeOutput>()
  private hits = 0
  private misses = 0
  enabled = true

  constructor(maxSize: number) {
    this.maxSize = maxSize
  }

  /** The output for a key. */
  get(key: string): NodeOutput | undefined {
    if (!this.enabled || this.maxSize === 0) return undefined
    const found = this.entries.get(key)
    if (found === undefined) {
      this.misses += 1
      return undefined
    }
    this.hits += 1
    this.entries.delete(key)
    this.entries.set(key, found)
    return found
  }

  /** Stores an output. */
  put(key: string, output: NodeOutput): void {
    if (!this.enabled || this.maxSize === 0 || this.entries.has(key)) return
    const [oldest] = this.entries.keys()
    if (this.entries.size >= this.maxSize && oldest !== undefined) this.entries.delete(oldest)
    this.entries.set(key, output)
  }

  /** Removes the outputs in which a name occurs. */
  evict(name: string): void {
    for (const [key, output] of this.entries) if (JSON.stringify(output).includes(name)) this.entries.delete(key)
  }

  /** Removes all outputs. */
  clear(): void {
    this.entries.clear()
  }

  /** The response of the status route. */
  get status(): Readonly<Record<string, unknown>> {
    return {
      size: this.entries.size,
      hits: this.hits,
      misses: this.misses,
      enabled: this.enabled && this.maxSize > 0,
      max_size: this.maxSize
    }
  }
}
