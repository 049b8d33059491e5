/**
 * Everything known about a job, as a plain value that only moves forward.
 *
 * **Details**
 *
 * `reduce` takes one observation and returns the next state, the events for readers, and the commands for the server.
 * Observations may be lost, doubled, late or out of order. What an item ended with is taken from its events if they have
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
import type { ItemFacts, Observation } from "./internal/Observation.ts"
import { fromSession } from "./internal/outputs/session.ts"
import { reportedEnd, type SubmittedBatch } from "./internal/SubmittedBatch.ts"
import type { JobEvent, JobStatus, JobWarning } from "./JobEvent.ts"
import type { OutputNode } from "./Outputs.ts"

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
 * A request that an observation calls for. Its outcome is another observation.
 *
 * **Details**
 *
 * - `ReadItem`: read the item over HTTP (`ItemRead`, `ItemNotFound`, `ItemUnreadable` or `ReadFailed`).
 * - `CancelExtraItems`: cancel items that were not requested.
 * - `Recount`: ask how many items the batch has, and which ones if there are more than are known (`Listed`, then
 *   `Recounted`).
 *
 * The same command may come again while its outcome is missing.
 *
 * @category models
 * @since 0.1.0
 */
export type Command =
  | {
    readonly _tag: "ReadItem"
    /** The id of the item to read. */
    readonly itemId: number
  }
  | {
    readonly _tag: "CancelExtraItems"
    /** The ids of the items to cancel. */
    readonly itemIds: ReadonlyArray<number>
  }
  | { readonly _tag: "Recount" }

/**
 * What an observation leads to: the next state, the events for the job's readers, and the requests to the server.
 *
 * @category models
 * @since 0.1.0
 */
export interface Transition {
  /** The next state. */
  readonly state: JobState
  /** The events for the readers of the job, in order. */
  readonly events: ReadonlyArray<JobEvent>
  /** The requests to send to the server. */
  readonly commands: ReadonlyArray<Command>
}

/** The part of a transition that concerns items. */
interface Change {
  readonly state: JobState
  readonly events: ReadonlyArray<JobEvent>
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

const withIndex = (item: ItemState, role: ItemRole, itemIndex: number): ItemState =>
  item.role === role && item.itemIndex === itemIndex ? item : {
    ...item,
    role,
    itemIndex,
    outputs: item.outputs.map((output) => ({ ...output, itemIndex }))
  }

/**
 * A state with these items, which are in ascending order; works out which of them are members, and at which position.
 */
const withItems = (state: JobState, items: ReadonlyArray<ItemState>): JobState => {
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

/** Child items and extra items do not belong to the job; items of unknown role can be one of these. */
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
    events.push({
      _tag: "ItemStatusChanged",
      itemId: item.itemId,
      itemIndex: item.itemIndex,
      previous: reported,
      status
    })
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
const reportAll = (state: JobState): Change => {
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
): Change => {
  if (before === after) return { state, events: [] }
  const next = put(state, after)
  const placed = getItem(next.state, after.itemId)!
  const done = report(next.state, placed, nodeEvents)
  const reported = done.item === placed ? next.state : put(next.state, done.item).state
  if (!next.moved) return { state: reported, events: done.events }
  const others = reportAll(reported)
  return { state: others.state, events: [...done.events, ...others.events] }
}

const setKnown = (state: JobState, expected: number | null, listed: ReadonlyArray<ItemState>): Change => {
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

/** How often the server must respond that it does not have an item of a batch that it has. */
const maxNotFoundResponses = 5

const lose = (state: JobState, item: ItemState): Change =>
  update(state, item, { ...item, phase: "lost", status: "lost", read: true, outputs: liveOutputs(item), nodes: [] })

/** What an observation says about items. */
const reduceItems = (
  state: JobState,
  observation: Observation,
  nodes: ReadonlyMap<string, OutputNode>
): Change => {
  switch (observation._tag) {
    case "Enqueued": {
      const listed = observation.itemIds.map((id) => getItem(state, id) ?? emptyItem(id))
      return setKnown(state, observation.enqueued, listed)
    }
    case "Listed": {
      const listed = observation.items.map((listed) => {
        const item = getItem(state, listed.itemId) ?? emptyItem(listed.itemId)
        return {
          ...item,
          parentItemId: listed.parentItemId ?? item.parentItemId,
          retryOf: listed.retriedFromItemId ?? item.retryOf,
          read: item.read || listed.retriedFromItemId !== undefined
        }
      })
      const next = setKnown(state, state.requested ?? state.expected, listed)
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
      const settled = settle(item, snapshot, fromSession(snapshot.session), nodes)
      const next = update(placed.state, item, settled.item, isHidden(placed.state, item) ? [] : settled.events)
      if (!placed.moved) return next
      const others = reportAll(next.state)
      return { state: others.state, events: [...next.events, ...others.events] }
    }
    case "Node": {
      const before = getItem(state, observation.itemId)
      const placed = before === undefined ? put(state, emptyItem(observation.itemId)).state : state
      const item = getItem(placed, observation.itemId)!
      // Until the server's list is known, every item counts as a member; later ones are classified first.
      if (isFinal(item) || (state.known && !counts(item))) return { state: placed, events: [] }
      const seen = observeNode(item, observation, nodes)
      return update(placed, item, seen.item, seen.events)
    }
    case "ItemNotFound": {
      const before = getItem(state, observation.itemId)
      if (before === undefined || isFinal(before)) return { state, events: [] }
      const count = (state.notFoundCounts[before.itemId] ?? 0) + 1
      // A proxy or a malformed response can look the same, so the batch has to lack an item too, or the server has to
      // repeat it.
      const isLost = observation.isOtherItem || observation.batchTotal < countPresent(state) ||
        count >= maxNotFoundResponses
      if (isLost) return lose(state, before)
      return { state: { ...state, notFoundCounts: { ...state.notFoundCounts, [before.itemId]: count } }, events: [] }
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
    default:
      return { state, events: [] }
  }
}

/** Emits a warning, each only once. */
const warn = (state: JobState, warning: Omit<JobWarning, "_tag">): Change => {
  const key = `${warning.reason} ${warning.itemIds.join(",")}`
  if (state.warnings.includes(key) || state.warnings.length > maxWarnings) return { state, events: [] }
  return { state: { ...state, warnings: [...state.warnings, key] }, events: [{ _tag: "JobWarning", ...warning }] }
}

const maxWarnings = 100

/** Warns about items that the caller did not ask for, once the role of every item is known. */
const warnAboutExtraItems = (state: JobState): Change => {
  const all = items(state)
  if (all.some((item) => item.role === "unknown")) return { state, events: [] }
  const idsOf = (role: ItemRole) => all.filter((item) => item.role === role).map((item) => item.itemId)
  const surplus = idsOf("surplus")
  const extra = surplus.length === 0 ? { state, events: [] } : warn(state, {
    reason: "ExtraItems",
    message:
      `The server has more items of batch ${state.batchId} than were requested; unfinished extra items are canceled, and their images are deleted when the job's scope closes`,
    itemIds: surplus
  })
  const retries = idsOf("retry")
  if (retries.length === 0) return extra
  const retried = warn(extra.state, {
    reason: "ItemRetried",
    message: "Items of this job were retried",
    itemIds: retries
  })
  return { state: retried.state, events: [...extra.events, ...retried.events] }
}

/** What an observation says about the certainty of what is known. `next` is the state after `reduceItems`. */
const reduceCertainty = (next: JobState, observation: Observation): Change => {
  const withChanges = (changes: Partial<JobState>): Change => ({ state: { ...next, ...changes }, events: [] })
  const same: Change = { state: next, events: [] }
  switch (observation._tag) {
    case "Enqueued":
      return observation.mayHaveDuplicates === true
        ? withChanges({ mayHaveDuplicates: true, mayHaveMissedItems: true, needsRecount: true })
        : same
    case "Listed":
      return observation.destination === undefined || next.destination !== null
        ? same
        : withChanges({ destination: observation.destination })
    case "Status": {
      const total = observation.batchTotal ?? 0
      if (!next.known || total <= next.maxBatchTotal) return same
      // On a server with many users the total may count items of another user's batch too.
      return total > countPresent(next)
        ? withChanges({ maxBatchTotal: total, mayHaveMissedItems: true, needsRecount: true })
        : withChanges({ maxBatchTotal: total })
    }
    case "ReadFailed": {
      const item = getItem(next, observation.itemId)
      const isKnown = next.unreadableSince[observation.itemId] !== undefined || (item !== undefined && isFinal(item))
      return isKnown
        ? same
        : withChanges({ unreadableSince: { ...next.unreadableSince, [observation.itemId]: observation.at } })
    }
    case "EventConnection": {
      // Nothing is missed before the batch is submitted.
      const mayHaveMissedItems = (next.known && next.mayHaveMissedItems) || !observation.isUp
      return mayHaveMissedItems === next.mayHaveMissedItems ? same : withChanges({ mayHaveMissedItems })
    }
    case "Recounted":
      return withChanges({ needsRecount: false, endedAtRecount: countFinal(next) })
    case "CancelRequested":
      return next.cancelRequested ? same : withChanges({ cancelRequested: true })
    case "Warned":
      // the tracker decides when this one is repeated
      if (observation.reason === "EventsUnavailable") {
        return {
          state: next,
          events: [{ _tag: "JobWarning", reason: observation.reason, message: observation.message, itemIds: [] }]
        }
      }
      return warn(next, { reason: observation.reason, message: observation.message, itemIds: [] })
    default:
      return same
  }
}

/** The facts of an item that completed. */
const endOf = (item: ItemState): ItemFacts => ({
  itemId: item.itemId,
  status: item.status,
  sequence: item.sequence,
  sessionId: item.sessionId,
  createdAt: item.createdAt,
  updatedAt: item.updatedAt,
  startedAt: item.startedAt,
  completedAt: item.completedAt,
  errorType: null,
  errorMessage: null,
  errorTraceback: null
})

/**
 * Settles items whose events have reported everything, so that they need not be read. After a gap in the events an item
 * is read: it may be one that was not asked for.
 */
const settleReported = (
  change: Change,
  observation: Observation,
  nodes: ReadonlyMap<string, OutputNode>,
  submitted: SubmittedBatch | undefined
): Change => {
  const { state } = change
  if (submitted === undefined || !state.known || state.mayHaveMissedItems) return change
  const itemId = itemIdOf(observation)
  const item = itemId === undefined ? undefined : getItem(state, itemId)
  const seen = item !== undefined ? [item] : observation._tag === "Enqueued" ? items(state) : []
  return seen.reduce((before, item) => {
    if (item.phase !== "ended" || item.status !== "completed" || item.role !== "member") return before
    const end = reportedEnd(item, submitted)
    if (end === undefined) return before
    const settled = settle(item, { ...endOf(item), fieldValues: end.fieldValues }, end.results, nodes)
    const after = update(before.state, item, settled.item, settled.events)
    return { state: after.state, events: [...before.events, ...after.events] }
  }, change)
}

/** Forgets that an item could not be read, once the server responded about it or its end is known. */
const withReadableItem = (state: JobState, observation: Observation): JobState => {
  const itemId = itemIdOf(observation)
  if (itemId === undefined || state.unreadableSince[itemId] === undefined) return state
  const item = getItem(state, itemId)
  const isReadable = observation._tag === "ItemRead" || observation._tag === "ItemNotFound" ||
    (item !== undefined && isFinal(item))
  if (!isReadable) return state
  const { [itemId]: _, ...unreadableSince } = state.unreadableSince
  return { ...state, unreadableSince }
}

const countFinal = (state: JobState): number => items(state).filter(isFinal).length

/** Whether the number of items has to be asked for before a job whose items have all ended can end itself. */
const withRecount = (state: JobState): JobState => {
  if (!isEnded(state)) return state
  const ended = status(state)
  // Another client may have retried it. Servers say that only when the retry starts, or not at all.
  const retriable = ended === "failed" || (ended === "canceled" && !state.cancelRequested)
  const needsRecount = (state.mayHaveDuplicates || state.mayHaveMissedItems || retriable) &&
    state.endedAtRecount !== countFinal(state)
  return needsRecount === state.needsRecount ? state : { ...state, needsRecount }
}

/** Whether an observation can have shown which items were asked for and which were not. */
const assignsRoles = (observation: Observation, state: JobState): boolean => {
  if (observation._tag === "Enqueued" || observation._tag === "Listed") return true
  return observation._tag === "ItemRead" && getItem(state, observation.item.itemId)?.role !== "member"
}

/** The item that an observation is about; undefined for observations about several. */
const itemIdOf = (observation: Observation): number | undefined => {
  switch (observation._tag) {
    case "Status":
      return observation.facts.itemId
    case "ItemRead":
      return observation.item.itemId
    case "Node":
    case "ItemNotFound":
    case "ItemUnreadable":
      return observation.itemId
    default:
      return undefined
  }
}

/** Only by its session can the images of an item be found, should the item be deleted. */
const lacksSession = (item: ItemState): boolean =>
  counts(item) && item.phase === "open" && item.startedAt !== null && item.sessionId === ""

const commandsOf = (before: JobState, after: JobState, observation: Observation): ReadonlyArray<Command> => {
  const commands: Array<Command> = []
  const itemId = itemIdOf(observation)
  const item = itemId === undefined ? undefined : getItem(after, itemId)
  if (isProgress(before, after)) {
    const unreadIds = item === undefined ? unread(after) : isUnread(after, item) ? [item.itemId] : []
    for (const unreadId of unreadIds) commands.push({ _tag: "ReadItem", itemId: unreadId })
    if (assignsRoles(observation, after)) {
      const extra = items(after).filter((one) => one.role === "surplus" && one.phase === "open")
      if (extra.length > 0) commands.push({ _tag: "CancelExtraItems", itemIds: extra.map((one) => one.itemId) })
    }
  }
  if (observation._tag === "Status" && item !== undefined && lacksSession(item)) {
    commands.push({ _tag: "ReadItem", itemId: item.itemId })
  }
  if (after.needsRecount) commands.push({ _tag: "Recount" })
  return commands
}

/**
 * Takes one observation in, and returns the next state, the events for readers and the commands for the server.
 *
 * **Details**
 *
 * `nodes` are the nodes of the workflow by id, for labels. `submitted` is the batch if this program submitted it: then
 * an item whose events have reported everything is not read. Nothing that arrives twice, late or out of order does harm.
 *
 * @category reducers
 * @since 0.1.0
 */
export const reduce = (
  state: JobState,
  observation: Observation,
  nodes: ReadonlyMap<string, OutputNode>,
  submitted?: SubmittedBatch
): Transition => {
  const items = reduceItems(state, observation, nodes)
  const certainty = reduceCertainty(items.state, observation)
  const change = settleReported(
    {
      state: certainty.state,
      events: certainty.events.length === 0 ? items.events : [...items.events, ...certainty.events]
    },
    observation,
    nodes,
    submitted
  )
  let next = change.state
  let events = change.events
  if (isProgress(state, next) && assignsRoles(observation, next)) {
    const warned = warnAboutExtraItems(next)
    next = warned.state
    events = [...events, ...warned.events]
  }
  next = withReadableItem(next, observation)
  if (next !== state) next = withRecount(next)
  return { state: next, events, commands: commandsOf(state, next, observation) }
}

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
  items(state).filter((item) => item.phase === "open" && counts(item))

/** How many items the server should have. @internal */
export const countPresent = (state: JobState): number => items(state).filter((item) => item.phase !== "lost").length

/**
 * The items that decide the outcome, one for each position of the batch: where an item was retried, the latest retry.
 *
 * @category getters
 * @since 0.1.0
 */
export const results = (state: JobState): ReadonlyArray<ItemState> => {
  const latest = new Map<number, ItemState>()
  for (const item of items(state)) {
    if (counts(item)) latest.set(item.itemIndex, item)
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
  if (!state.known || (last !== undefined && counts(last) && !isFinal(last))) return false
  let members = 0
  for (const item of items(state)) {
    if (item.role === "member") members++
    if (item.role === "unknown" || (counts(item) && !isFinal(item))) return false
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
  const started = items(state).some((item) => counts(item) && item.status !== "pending")
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
