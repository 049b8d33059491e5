/** How far a job is, from its events. */
import type { JobEvent } from "@effect-invokeai/core/job/JobEvent"

/** How far a job is. */
export interface Progress {
  /** From 0 to 1; it never decreases. */
  readonly fraction: number
  readonly finished: number
  readonly total: number
  /** The node that runs. */
  readonly node: string | null
  /** What the node is doing. */
  readonly step: string | null
  /** The running nodes of items that have not ended: how many nodes of each are complete. */
  readonly completed: ReadonlyMap<number, number>
  readonly ended: ReadonlySet<number>
}

/** The progress of a job with this many items. */
export const initial = (total: number): Progress => ({
  fraction: 0,
  finished: 0,
  total,
  node: null,
  step: null,
  completed: new Map(),
  ended: new Set()
})

const isEnd = (status: string): boolean =>
  status === "completed" || status === "failed" || status === "canceled" || status === "lost"

const nodeName = (event: { readonly nodeLabel: string; readonly nodeType: string }): string =>
  event.nodeLabel === "" ? event.nodeType : event.nodeLabel

/** The progress after an event. `nodes` is how many nodes an item runs; without it only items that ended count. */
export const next = (progress: Progress, event: JobEvent, nodes: number | undefined): Progress => {
  switch (event._tag) {
    case "JobEnqueued":
      return { ...progress, total: Math.max(progress.total, event.itemIds.length) }
    case "ItemStatusChanged": {
      if (!isEnd(event.status) || progress.ended.has(event.itemId)) return progress
      const ended = new Set([...progress.ended, event.itemId])
      const completed = new Map(progress.completed)
      completed.delete(event.itemId)
      return advance({ ...progress, ended, completed, finished: ended.size, node: null, step: null }, 0, nodes)
    }
    case "InvocationStarted":
      return { ...progress, node: nodeName(event), step: null }
    case "InvocationProgress":
      return advance({ ...progress, node: nodeName(event), step: event.message }, event.fraction ?? 0, nodes)
    case "InvocationComplete": {
      if (progress.ended.has(event.itemId)) return progress
      const completed = new Map(progress.completed)
      completed.set(event.itemId, (completed.get(event.itemId) ?? 0) + 1)
      return advance({ ...progress, completed }, 0, nodes)
    }
    default:
      return progress
  }
}

const advance = (progress: Progress, current: number, nodes: number | undefined): Progress => {
  if (progress.total === 0) return progress
  let done = progress.finished
  if (nodes !== undefined && nodes > 0) {
    let running = current
    for (const count of progress.completed.values()) running += count
    // an iteration runs nodes more than once: what has not ended is not done
    done += Math.min(running / nodes, 0.99 * Math.max(1, progress.completed.size))
  }
  return { ...progress, fraction: Math.max(progress.fraction, Math.min(1, done / progress.total)) }
}
