/**
 * How far a job is: all of its items together, not only the node that runs.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { elapsedMillisUnsafe } from "../internal/elapsed.ts"
import { isFinal, type ItemState } from "./internal/ItemState.ts"
import * as JobState from "./JobState.ts"
import type { OutputNode } from "./outputs/OutputOrigin.ts"

/**
 * How far a job is.
 *
 * @category models
 * @since 0.1.0
 */
export interface JobProgress {
  /**
   * How much of the job is done, from 0 to 1. It never decreases, and is 1 only when all items have ended.
   *
   * **Details**
   *
   * Every item counts the same, and within an item every node of the graph; a node that reports steps counts in part.
   */
  readonly fraction: number
  /** How many queue items the job has; null while that is unknown. */
  readonly total: number | null
  /** How many of them have ended, whether they completed or not. It never decreases. */
  readonly finished: number
  /** How many of them have not ended; null while the total is unknown. */
  readonly remaining: number | null
  /**
   * The estimated time until the job has ended, from the pace so far; null before there is any, which is while the job
   * waits in the queue. Time in the queue before the first item does not count.
   */
  readonly estimatedRemaining: Duration.Duration | null
  /** The node that runs now; null if none is known to. Of several items, that of the last one that began. */
  readonly node: RunningNode | null
}

/**
 * A node that runs.
 *
 * @category models
 * @since 0.1.0
 */
export interface RunningNode {
  /** The id of the node in the workflow file. */
  readonly nodeId: string
  /** The author's label of the node, or else the title of its type; `""` if both are unknown. */
  readonly label: string
  /** What the node is doing, in the server's words; `""` if it does not say. */
  readonly message: string
  /** The progress of the node from 0 to 1; null if the node does not report it. */
  readonly fraction: number | null
}

/** What is known about the graph of a job. @internal */
export interface ProgressContext {
  /** How many nodes the graph has; undefined if unknown. */
  readonly nodeCount: number | undefined
  /** The nodes of the workflow by id, for their labels. */
  readonly nodes: ReadonlyMap<string, OutputNode>
}

/** What a page of items adds up to. A page that did not change is the same object, and is not counted again. */
interface PageSum {
  readonly page: ReadonlyArray<ItemState>
  readonly finished: number
  /** The finished items and the fractions of the others. */
  readonly work: number
  readonly running: ItemState | undefined
}

/** The progress so far, and what the next step needs. @internal */
export interface Tracked {
  readonly progress: JobProgress
  readonly pages: ReadonlyArray<PageSum>
  /** When work was seen first, in milliseconds of the monotonic clock, and how much was done by then. */
  readonly start: { readonly at: number; readonly fraction: number } | undefined
}

/** Before anything was seen. @internal */
export const initial: Tracked = {
  progress: { fraction: 0, total: null, finished: 0, remaining: null, estimatedRemaining: null, node: null },
  pages: [],
  start: undefined
}

/** How much of an item is done, if it has not ended. */
const itemFraction = (item: ItemState, nodeCount: number | undefined): number => {
  if (nodeCount === undefined || nodeCount === 0) return 0
  const byNode = new Map<string, number>()
  for (const { nodeId } of item.outputs) byNode.set(nodeId, 1)
  for (const node of item.nodes) {
    const done = node.status === "running" ? Math.min(1, Math.max(0, node.fraction ?? 0)) : 1
    byNode.set(node.nodeId, Math.max(byNode.get(node.nodeId) ?? 0, done))
  }
  let sum = 0
  for (const done of byNode.values()) sum += done
  return Math.min(1, sum / nodeCount)
}

const sumOf = (page: ReadonlyArray<ItemState>, nodeCount: number | undefined): PageSum => {
  let finished = 0
  let work = 0
  let running: ItemState | undefined
  for (const item of page) {
    // retries, surplus items and those of called workflows are not part of what was asked for
    if (item.role !== "member" && item.role !== "unknown") continue
    if (isFinal(item) || item.phase === "ended") {
      finished++
      work++
    } else {
      work += itemFraction(item, nodeCount)
      if (item.nodes.some((node) => node.status === "running")) running = item
    }
  }
  return { page, finished, work, running }
}

/** An item that has not been read at its end, or a job whose items are not all known, keeps the fraction below 1. */
const almostDone = 0.999

/**
 * The progress after the next state. States may be skipped; the fraction does not decrease.
 *
 * @internal
 */
export const next = (
  { pages, progress: before, start }: Tracked,
  state: JobState.JobState,
  now: number,
  { nodeCount, nodes }: ProgressContext
): Tracked => {
  const sums = state.pages.map((page, index) => pages[index]?.page === page ? pages[index] : sumOf(page, nodeCount))
  const count = (pick: (sum: PageSum) => number) => sums.reduce((all, sum) => all + pick(sum), 0)
  const isEnded = JobState.isEnded(state)
  const items = count(({ page }) => page.filter(({ role }) => role === "member").length)
  const total = isEnded ? items : state.expected ?? (state.known ? items : before.total)
  const finished = Math.max(before.finished, total === null ? 0 : Math.min(total, count((sum) => sum.finished)))
  const done = total === null || total === 0 ? 0 : Math.min(almostDone, count(({ work }) => work) / total)
  const fraction = isEnded ? 1 : Math.max(before.fraction, done)
  const hasBegun = () => fraction > 0 || JobState.items(state).some(({ status }) => status !== "pending")
  const began = start ?? (hasBegun() ? { at: now, fraction } : undefined)
  const gained = began === undefined ? 0 : fraction - began.fraction
  const running = sums.findLast((sum) => sum.running !== undefined)?.running
  const node = running?.nodes.findLast(({ status }) => status === "running")
  return {
    pages: sums,
    start: began,
    progress: {
      fraction,
      total,
      finished,
      remaining: total === null ? null : Math.max(0, total - finished),
      estimatedRemaining: isEnded
        ? Duration.zero
        : began === undefined || gained <= 0
        ? null
        : Duration.millis(Math.round((now - began.at) * (1 - fraction) / gained)),
      node: node === undefined || isEnded ? null : {
        nodeId: node.nodeId,
        label: nodes.get(node.nodeId)?.label ?? "",
        message: node.message,
        fraction: node.fraction
      }
    }
  }
}

/** The progress of a job whose states are given. @internal */
export const stream = (
  states: Stream.Stream<JobState.JobState>,
  context: ProgressContext
): Stream.Stream<JobProgress> =>
  Stream.unwrap(Effect.map(Clock.Clock, (clock) =>
    states.pipe(
      Stream.mapAccum(() => initial, (tracked, state) => {
        const after = next(tracked, state, elapsedMillisUnsafe(clock), context)
        return [after, [after.progress]] as const
      })
    )))
