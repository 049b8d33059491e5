/**
 * Everything known about a job, as a plain value that only moves forward.
 *
 * **Details**
 *
 * `reduce` takes one observation and gives the next state and the events that it makes. Observations may be lost,
 * doubled, late or out of order: what an item ended with is taken from the item as read over HTTP, and events only
 * announce it. An item goes through four phases and never back: `open` (not ended as far as we know), `ended` (a
 * message said so), `settled` (the item itself was read) or `lost` (the server does not have it any more).
 *
 * Only `completed`, `failed` and `canceled` are ends. A status that a newer server invents is kept and shown, and the
 * item stays open.
 *
 * @since 0.1.0
 */
import {
  emptyItem,
  isFinal,
  isTerminal,
  type ItemRole,
  type ItemState,
  liveOutputs,
  observeNode,
  settle,
  withFacts
} from "./internal/ItemState.ts"
import type { Observation } from "./internal/Observation.ts"
import type { JobEvent, JobStatus } from "./JobEvent.ts"
import type { OutputNode } from "./Outputs.ts"

/**
 * Everything known about a job.
 *
 * @category models
 * @since 0.1.0
 */
export interface JobState {
  readonly batchId: string
  /** How many items the job consists of, null while that is not known. */
  readonly expected: number | null
  /** Whether the server's list of items is known. */
  readonly known: boolean
  readonly cancelRequested: boolean
  /**
   * The items by id, ascending, which is the order of the batch; see `items`. They are in pages, so that taking in what
   * happens to one of many thousand items copies a page and not the list.
   */
  readonly pages: ReadonlyArray<ReadonlyArray<ItemState>>
}

/**
 * The next state, and what there is to tell.
 *
 * @category models
 * @since 0.1.0
 */
export interface Transition {
  readonly state: JobState
  readonly events: ReadonlyArray<JobEvent>
}

/**
 * The state before anything was seen.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (batchId: string, expected: number | null = null): JobState => ({
  batchId,
  expected,
  known: false,
  cancelRequested: false,
  pages: []
})

const counts = (item: ItemState): boolean => item.role === "member" || item.role === "retry"

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

const withRun = (item: ItemState, role: ItemRole, run: number): ItemState =>
  item.role === role && item.run === run ? item : {
    ...item,
    role,
    run,
    outputs: item.outputs.map((output) => ({ ...output, run }))
  }

/** A state with these items, which are in ascending order; works out which of them are members, and at which position. */
const withItems = (state: JobState, items: ReadonlyArray<ItemState>): JobState => {
  let position = 0
  const runs = new Map<number, number>()
  const assigned = items.map((item) => {
    let next: ItemState
    if (item.parentItemId !== null) next = withRun(item, "child", runs.get(item.parentItemId) ?? 0)
    else if (item.retryOf !== null) next = withRun(item, "retry", runs.get(item.retryOf) ?? 0)
    else if (!state.known) next = withRun(item, "unknown", position++)
    else if (state.expected === null || position < state.expected) next = withRun(item, "member", position++)
    else next = withRun(item, item.read ? "surplus" : "unknown", 0)
    runs.set(item.itemId, next.run)
    return next
  })
  return { ...state, pages: toPages(assigned) }
}

interface Put {
  readonly state: JobState
  /** Whether it changed which items are members, and at which position. */
  readonly moved: boolean
}

const put = (state: JobState, item: ItemState): Put => {
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

/** Children and surplus items are no part of the job; what is not told apart yet may be one of them. */
const isHidden = (state: JobState, item: ItemState): boolean =>
  item.role === "child" || item.role === "surplus" || (state.known && item.role === "unknown")

const isReportedEnd = (item: ItemState): boolean =>
  item.reported !== null && (isTerminal(item.reported) || item.reported === "lost")

/**
 * The events of an item in the order that every reader sees, however it became known: that it runs, what its nodes did,
 * and how it ended. The end waits until the item was read, because results may be found then.
 */
const report = (
  state: JobState,
  item: ItemState,
  nodeEvents: ReadonlyArray<JobEvent>
): { readonly item: ItemState; readonly events: ReadonlyArray<JobEvent> } => {
  if (isHidden(state, item) || isReportedEnd(item)) return { item, events: [] }
  const events: Array<JobEvent> = []
  let reported = item.reported
  const say = (status: string) => {
    if (reported === status) return
    events.push({ _tag: "ItemStatusChanged", itemId: item.itemId, run: item.run, previous: reported, status })
    reported = status
  }
  const isOver = item.phase === "ended" || isFinal(item)
  // An item waits for a workflow that one of its nodes called.
  const hasRun = item.startedAt !== null || item.outputs.length > 0 || nodeEvents.length > 0 ||
    item.status === "completed" || item.status === "waiting"
  if ((reported === null || reported === "pending") && item.status !== "pending" && hasRun) say("in_progress")
  if (!isOver) say(item.status)
  events.push(...nodeEvents)
  if (isFinal(item)) say(item.status)
  return { item: reported === item.reported ? item : { ...item, reported }, events }
}

/** Reports what is open of all items. `JobEnqueued` says of all that they wait, so that needs no event. */
const reportAll = (state: JobState): Transition => {
  const events: Array<JobEvent> = []
  const pages = state.pages.map((page) =>
    page.map((item) => {
      if (item.reported === null && item.status === "pending" && item.phase === "open") {
        return { ...item, reported: item.status }
      }
      const done = report(state, item, [])
      events.push(...done.events)
      return done.item
    })
  )
  return { state: { ...state, pages }, events }
}

const update = (
  state: JobState,
  before: ItemState | undefined,
  after: ItemState,
  nodeEvents: ReadonlyArray<JobEvent> = []
): Transition => {
  if (before === after) return { state, events: [] }
  const next = put(state, after)
  const placed = getItem(next.state, after.itemId)!
  const done = report(next.state, placed, nodeEvents)
  const reported = done.item === placed ? next.state : put(next.state, done.item).state
  if (!next.moved) return { state: reported, events: done.events }
  const others = reportAll(reported)
  return { state: others.state, events: [...done.events, ...others.events] }
}

const setKnown = (state: JobState, expected: number | null, listed: ReadonlyArray<ItemState>): Transition => {
  const merged = new Map(items(state).map((item) => [item.itemId, item]))
  for (const item of listed) merged.set(item.itemId, item)
  const next = withItems(
    { ...state, known: true, expected },
    [...merged.values()].toSorted((a, b) => a.itemId - b.itemId)
  )
  const fresh: JobEvent = {
    _tag: "JobEnqueued",
    batchId: state.batchId,
    itemIds: items(next).filter((item) => item.role === "member").map((item) => item.itemId)
  }
  const reported = reportAll(next)
  return { state: reported.state, events: state.known ? reported.events : [fresh, ...reported.events] }
}

/**
 * Takes one observation in.
 *
 * **Details**
 *
 * `nodes` are the nodes of the workflow by id, for labels. Nothing that arrives twice, late or out of order does harm.
 *
 * @category reducers
 * @since 0.1.0
 */
export const reduce = (
  state: JobState,
  observation: Observation,
  nodes: ReadonlyMap<string, OutputNode>
): Transition => {
  switch (observation._tag) {
    case "Enqueued": {
      const listed = observation.itemIds.map((id) => getItem(state, id) ?? emptyItem(id))
      return setKnown(state, observation.enqueued, listed)
    }
    case "Members": {
      const listed = observation.items.map((listed) => {
        const item = getItem(state, listed.itemId) ?? emptyItem(listed.itemId)
        return {
          ...item,
          parentItemId: listed.parentItemId ?? item.parentItemId,
          retryOf: listed.retriedFromItemId ?? item.retryOf,
          read: item.read || listed.retriedFromItemId !== undefined
        }
      })
      const next = setKnown(state, observation.expected ?? state.expected, listed)
      // The listing is complete: what is not there was deleted, and will not come.
      const there = items(next.state).filter((item) => item.parentItemId === null && item.retryOf === null).length
      const { expected } = next.state
      return expected === null || there >= expected ? next : { ...next, state: { ...next.state, expected: there } }
    }
    case "Status": {
      const before = getItem(state, observation.facts.itemId)
      const item = before ?? emptyItem(observation.facts.itemId)
      const parent = observation.parentItemId ?? item.parentItemId
      const ended = withFacts(item, observation.facts)
      const changed: ItemState = observation.settled === true && ended.phase === "ended"
        ? { ...ended, phase: "settled", read: true }
        : ended
      const values = item.fieldValues.length === 0 ? observation.fieldValues ?? [] : []
      const after = values.length === 0 || isFinal(item) ? changed : { ...changed, fieldValues: values }
      return update(state, before, parent === item.parentItemId ? after : { ...after, parentItemId: parent })
    }
    case "ItemRead": {
      const { item: snapshot } = observation
      const before = getItem(state, snapshot.itemId)
      const known: ItemState = {
        ...before ?? emptyItem(snapshot.itemId),
        parentItemId: snapshot.parentItemId ?? before?.parentItemId ?? null,
        retryOf: snapshot.retriedFromItemId ?? before?.retryOf ?? null,
        read: true
      }
      // A canceled item gets the results of its last nodes a moment after it was canceled.
      const again = known.phase === "settled" && known.status === "canceled" && snapshot.status === "canceled"
      if (isFinal(known) && !again) return update(state, before, known)
      if (!isTerminal(snapshot.status)) return update(state, before, withFacts(known, snapshot))
      const placed = put(state, known)
      const item = getItem(placed.state, snapshot.itemId)!
      const settled = settle(item, snapshot, nodes)
      const next = update(placed.state, item, settled.item, isHidden(placed.state, item) ? [] : settled.events)
      if (!placed.moved) return next
      const others = reportAll(next.state)
      return { state: others.state, events: [...next.events, ...others.events] }
    }
    case "Node": {
      const before = getItem(state, observation.itemId)
      const placed = before === undefined ? put(state, emptyItem(observation.itemId)).state : state
      const item = getItem(placed, observation.itemId)!
      // Until the server's list is known every item is taken for a member; later ones are told apart first.
      if (isFinal(item) || (state.known && !counts(item))) return { state: placed, events: [] }
      const seen = observeNode(item, observation, nodes)
      return update(placed, item, seen.item, seen.events)
    }
    case "ItemMissing": {
      const before = getItem(state, observation.itemId)
      if (before === undefined || isFinal(before)) return { state, events: [] }
      return update(state, before, {
        ...before,
        phase: "lost",
        status: "lost",
        read: true,
        outputs: liveOutputs(before),
        nodes: []
      })
    }
    case "ItemUnreadable": {
      const before = getItem(state, observation.itemId)
      if (before === undefined || isFinal(before) || !isTerminal(observation.status)) return { state, events: [] }
      return update(state, before, {
        ...before,
        phase: "settled",
        status: observation.status,
        read: true,
        outputs: liveOutputs(before),
        nodes: []
      })
    }
    case "ItemsCanceled": {
      let next: Transition = { state, events: [] }
      for (const itemId of observation.itemIds) {
        const before = getItem(next.state, itemId)
        if (before === undefined || before.phase !== "open") continue
        const step = update(next.state, before, { ...before, phase: "ended", status: "canceled" })
        next = { state: step.state, events: [...next.events, ...step.events] }
      }
      return next
    }
    case "CancelRequested":
      break
  }
  return { state: state.cancelRequested ? state : { ...state, cancelRequested: true }, events: [] }
}

/** How many items the server should have, as far as we know. @internal */
export const present = (state: JobState): number => items(state).filter((item) => item.phase !== "lost").length

/**
 * The items that decide the outcome, one for each position of the batch: where an item was retried, the latest retry.
 *
 * @category getters
 * @since 0.1.0
 */
export const results = (state: JobState): ReadonlyArray<ItemState> => {
  const latest = new Map<number, ItemState>()
  for (const item of items(state)) {
    if (counts(item)) latest.set(item.run, item)
  }
  return [...latest.values()].toSorted((a, b) => a.run - b.run)
}

/**
 * Whether nothing will change any more: all items of the job are known, and each was read at its end or is lost.
 *
 * @category guards
 * @since 0.1.0
 */
export const isEnded = (state: JobState): boolean => {
  // Items run in order, so the last one is the last to end.
  const last = state.pages.at(-1)?.at(-1)
  if (!state.known || (last !== undefined && counts(last) && !isFinal(last))) return false
  let members = 0
  for (const item of items(state)) {
    if (item.role === "member") members++
    if (item.role === "unknown" || (counts(item) && !isFinal(item))) return false
  }
  return members > 0 && (state.expected === null || members >= state.expected)
}

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
  const started = items(state).some((item) => counts(item) && item.status !== "pending")
  return started ? "in_progress" : "pending"
}

/**
 * Whether an item must be read over HTTP before the job can go on: it ended, or it is not told apart yet.
 *
 * @category guards
 * @since 0.1.0
 */
export const isUnread = (state: JobState, item: ItemState): boolean =>
  (item.phase === "ended" && item.role !== "child" && item.role !== "surplus") ||
  (state.known && item.role === "unknown")

/**
 * The ids of all items that must be read over HTTP before the job can go on.
 *
 * @category getters
 * @since 0.1.0
 */
export const unread = (state: JobState): ReadonlyArray<number> =>
  items(state).filter((item) => isUnread(state, item)).map((item) => item.itemId)
