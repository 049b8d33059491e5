/**
 * What observations change about the items of a job, and what its readers see of that.
 *
 * @since 0.1.0
 */
import type { JobEvent } from "../JobEvent.ts"
import { countPresent, getItem, isCounted, items, type JobState, put, withItems } from "../JobState.ts"
import type { OutputNode } from "../Outputs.ts"
import {
  emptyItem,
  isFinal,
  isTerminal,
  type ItemState,
  liveOutputs,
  observeNode,
  settle,
  withFacts
} from "./ItemState.ts"
import type { ItemFacts, Observation } from "./Observation.ts"
import { fromSession } from "./outputs/session.ts"
import { reportedEnd, type SubmittedBatch } from "./SubmittedBatch.ts"

/** A next state, and the events for the readers of the job. @internal */
export interface Change {
  readonly state: JobState
  readonly events: ReadonlyArray<JobEvent>
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

/** Applies what an observation says about items. @internal */
export const reduceItems = (
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
      if (isFinal(item) || (state.known && !isCounted(item))) return { state: placed, events: [] }
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

/** The item that an observation is about; undefined for observations about several. @internal */
export const itemIdOf = (observation: Observation): number | undefined => {
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
 *
 * @internal
 */
export const settleReported = (
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
