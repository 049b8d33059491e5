/**
 * Everything known about a job, as a plain value that only moves forward.
 *
 * **Details**
 *
 * `reduce` (`internal/reduceJob.ts`) takes one observation and returns the next state, the events for readers, and the
 * commands for the server. Observations may be lost, doubled, late or out of order. What an item ended with is taken from its events if they have
 * reported everything with certainty (see `SubmittedBatch`), and else from the item as read over HTTP. An item goes through
 * four phases and never back: `open` (no end is known), `ended` (a message said so), `settled` (its results are known) or
 * `lost` (the server does not have it any more).
 *
 * A job is done when all its items are final and it is certain that these are all. Where events were missing, the
 * request may have been sent twice, or a failed item may have been retried, the server is asked for the number of items
 * first (`needsRecount`).
 *
 * Only `completed`, `failed` and `canceled` are ends. A status that a newer server invents is kept and shown, and the
 * item stays open.
 *
 * @since 0.1.0
 */
import { isFinal, type ItemRole, type ItemState } from "./internal/ItemState.ts"
import type { JobStatus } from "./JobEvent.ts"

/**
 * Everything known about a job.
 *
 * @category models
 * @since 0.1.0
 */
export interface JobState {
  /** The id of the batch on the server. */
  readonly batchId: string
  /** How many items the caller asked for, null if it takes all there are. */
  readonly requested: number | null
  /** How many items the job consists of, null while that is not known. */
  readonly expected: number | null
  /** Where the server can list the items of the batch, null while that is not known. */
  readonly destination: string | null
  /** Whether the server's list of items is known. */
  readonly known: boolean
  /** Whether this program requested the cancellation of the job. */
  readonly cancelRequested: boolean
  /** Whether the batch may have been sent twice, so that it may have more items than were asked for. */
  readonly mayHaveDuplicates: boolean
  /** Whether items may exist of which no event arrived: events were missing, or the server mentioned more items. */
  readonly mayHaveMissedItems: boolean
  /** Whether the server has to say how many items the batch has before the job can end. */
  readonly needsRecount: boolean
  /** How many items were final at the last recount. */
  readonly endedAtRecount: number
  /** The largest number of items that an event gave for the batch. */
  readonly maxBatchTotal: number
  /** By item id, how often the server responded that it has no such item. */
  readonly notFoundCounts: Readonly<Record<string, number>>
  /** By item id, since when every read of it failed, in milliseconds of the monotonic clock. */
  readonly unreadableSince: Readonly<Record<string, number>>
  /** The warnings that were emitted, so that each is emitted once. */
  readonly warnings: ReadonlyArray<string>
  /**
   * The items by id, ascending, which is the order of the batch; see `items`. They are in pages, so that taking in what
   * happens to one of many thousand items copies a page and not the list.
   */
  readonly pages: ReadonlyArray<ReadonlyArray<ItemState>>
}

/**
 * The state before anything was seen. `requested` is how many items the caller asks for, `destination` where the server
 * can list them.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (
  batchId: string,
  requested: number | null = null,
  destination: string | null = null
): JobState => ({
  batchId,
  requested,
  expected: requested,
  destination,
  known: false,
  cancelRequested: false,
  mayHaveDuplicates: false,
  mayHaveMissedItems: false,
  needsRecount: false,
  endedAtRecount: 0,
  maxBatchTotal: 0,
  notFoundCounts: {},
  unreadableSince: {},
  warnings: [],
  pages: []
})

/** Whether an item decides the outcome of the job. @internal */
export const isCounted = (item: ItemState): boolean => item.role === "member" || item.role === "retry"

const pageSize = 64

const toPages = (items: ReadonlyArray<ItemState>): JobState["pages"] => {
  const pages: Array<ReadonlyArray<ItemState>> = []
  for (let at = 0; at < items.length; at += pageSize) pages.push(items.slice(at, at + pageSize))
  return pages
}

/**
 * All items that were seen, by id, ascending.
 *
 * @category getters
 * @since 0.1.0
 */
export const items = ({ pages }: JobState): ReadonlyArray<ItemState> => pages.length === 1 ? pages[0]! : pages.flat()

/** How many things of an ascending list come before an id. */
const countBefore = <A>(list: ReadonlyArray<A>, id: number, idOf: (thing: A) => number): number => {
  let low = 0
  let high = list.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (idOf(list[middle]!) < id) low = middle + 1
    else high = middle
  }
  return low
}

/** The page and the place in it where an item is; undefined if it was never seen. */
const locate = ({ pages }: JobState, itemId: number): { readonly page: number; readonly at: number } | undefined => {
  const page = countBefore(pages, itemId, (items) => items.at(-1)!.itemId)
  const items = pages[page]
  if (items === undefined) return undefined
  const at = countBefore(items, itemId, (item) => item.itemId)
  return items[at]?.itemId === itemId ? { page, at } : undefined
}

/**
 * The item with an id.
 *
 * @category getters
 * @since 0.1.0
 */
export const getItem = (state: JobState, itemId: number): ItemState | undefined => {
  const place = locate(state, itemId)
  return place === undefined ? undefined : state.pages[place.page]![place.at]
}

const withIndex = (item: ItemState, role: ItemRole, itemIndex: number): ItemState =>
  item.role === role && item.itemIndex === itemIndex ? item : {
    ...item,
    role,
    itemIndex,
    outputs: item.outputs.map((output) => ({ ...output, itemIndex }))
  }

/**
 * A state with these items, which are in ascending order; works out which of them are members, and at which position.
 *
 * @internal
 */
export const withItems = (state: JobState, items: ReadonlyArray<ItemState>): JobState => {
  let position = 0
  const indexes = new Map<number, number>()
  const assigned = items.map((item) => {
    let next: ItemState
    if (item.parentItemId !== null) next = withIndex(item, "child", indexes.get(item.parentItemId) ?? 0)
    else if (item.retryOf !== null) next = withIndex(item, "retry", indexes.get(item.retryOf) ?? 0)
    else if (!state.known) next = withIndex(item, "unknown", position++)
    else if (state.expected === null || position < state.expected) next = withIndex(item, "member", position++)
    else next = withIndex(item, item.read ? "surplus" : "unknown", 0)
    indexes.set(item.itemId, next.itemIndex)
    return next
  })
  return { ...state, pages: toPages(assigned) }
}

/** A state with an item in it. @internal */
export interface Put {
  readonly state: JobState
  /** Whether it changed which items are members, and at which position. */
  readonly moved: boolean
}

/** Adds an item to a state, or replaces it. @internal */
export const put = (state: JobState, item: ItemState): Put => {
  const place = locate(state, item.itemId)
  if (place === undefined) {
    return { state: withItems(state, [...items(state), item].toSorted((a, b) => a.itemId - b.itemId)), moved: true }
  }
  const page = state.pages[place.page]!
  const before = page[place.at]!
  const next = { ...state, pages: state.pages.with(place.page, page.with(place.at, item)) }
  // Reading tells an item apart only where that was open; who is read as a member changes nothing for the others.
  const moved = (before.read !== item.read && before.role === "unknown") ||
    before.parentItemId !== item.parentItemId || before.retryOf !== item.retryOf
  return { state: moved ? withItems(next, items(next)) : next, moved }
}

/** How many items the server should have. @internal */
export const countPresent = (state: JobState): number => items(state).filter((item) => item.phase !== "lost").length

/**
 * Whether a transition shows that the job itself moved, and not only how certain its state is.
 *
 * @category guards
 * @since 0.1.0
 */
export const isProgress = (before: JobState, after: JobState): boolean =>
  before.pages !== after.pages || before.cancelRequested !== after.cancelRequested

/** The items of a job of which no end is known. @internal */
export const openItems = (state: JobState): ReadonlyArray<ItemState> =>
  items(state).filter((item) => item.phase === "open" && isCounted(item))

/**
 * The items that decide the outcome, one for each position of the batch: where an item was retried, the latest retry.
 *
 * @category getters
 * @since 0.1.0
 */
export const results = (state: JobState): ReadonlyArray<ItemState> => {
  const latest = new Map<number, ItemState>()
  for (const item of items(state)) {
    if (isCounted(item)) latest.set(item.itemIndex, item)
  }
  return [...latest.values()].toSorted((a, b) => a.itemIndex - b.itemIndex)
}

/**
 * Whether nothing will change any more: all items of the job are known, and each has settled or is lost.
 *
 * @category guards
 * @since 0.1.0
 */
export const isEnded = (state: JobState): boolean => {
  // Items run in order, so the last one is the last to end.
  const last = state.pages.at(-1)?.at(-1)
  if (!state.known || (last !== undefined && isCounted(last) && !isFinal(last))) return false
  let members = 0
  for (const item of items(state)) {
    if (item.role === "member") members++
    if (item.role === "unknown" || (isCounted(item) && !isFinal(item))) return false
  }
  return members > 0 && (state.expected === null || members >= state.expected)
}

/**
 * Whether the job is done: all its items have ended, and it is certain that these are all.
 *
 * @category guards
 * @since 0.1.0
 */
export const isDone = (state: JobState): boolean => !state.needsRecount && isEnded(state)

/**
 * The status of the job as a whole.
 *
 * **Details**
 *
 * While it runs: `in_progress` if any item is, else `waiting`, else `pending`. At its end: `failed` if any item failed,
 * else `lost`, else `canceled`, else `completed`.
 *
 * @category getters
 * @since 0.1.0
 */
export const status = (state: JobState): JobStatus => {
  const statuses = new Set(results(state).map((item) => item.status))
  const order: ReadonlyArray<JobStatus> = isEnded(state)
    ? ["failed", "lost", "canceled"]
    : ["in_progress", "waiting"]
  const found = order.find((candidate) => statuses.has(candidate))
  if (found !== undefined) return found
  if (isEnded(state)) return "completed"
  const started = items(state).some((item) => isCounted(item) && item.status !== "pending")
  return started ? "in_progress" : "pending"
}

/**
 * Whether an item must be read over HTTP before the job can continue: it ended, or its role is unknown. None before the
 * list of items is known: until then it is uncertain what their events show.
 *
 * @category guards
 * @since 0.1.0
 */
export const isUnread = (state: JobState, item: ItemState): boolean =>
  state.known &&
  (item.role === "unknown" || (item.phase === "ended" && item.role !== "child" && item.role !== "surplus"))

/**
 * The ids of all items that must be read over HTTP before the job can continue.
 *
 * @category getters
 * @since 0.1.0
 */
export const unread = (state: JobState): ReadonlyArray<number> =>
  items(state).filter((item) => isUnread(state, item)).map((item) => item.itemId)
