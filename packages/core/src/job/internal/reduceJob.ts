/**
 * Takes observations into the state of a job.
 *
 * @since 0.1.0
 */
import type { JobEvent, JobWarning } from "../JobEvent.ts"
import * as JobState from "../JobState.ts"
import type { OutputNode } from "../Outputs.ts"
import { type Change, itemIdOf, reduceItems, settleReported } from "./itemChanges.ts"
import { isFinal, type ItemRole, type ItemState } from "./ItemState.ts"
import type { Observation } from "./Observation.ts"
import type { SubmittedBatch } from "./SubmittedBatch.ts"

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
  readonly state: JobState.JobState
  /** The events for the readers of the job, in order. */
  readonly events: ReadonlyArray<JobEvent>
  /** The requests to send to the server. */
  readonly commands: ReadonlyArray<Command>
}

/** Emits a warning, each only once. */
const warn = (state: JobState.JobState, warning: Omit<JobWarning, "_tag">): Change => {
  const key = `${warning.reason} ${warning.itemIds.join(",")}`
  if (state.warnings.includes(key) || state.warnings.length > maxWarnings) return { state, events: [] }
  return { state: { ...state, warnings: [...state.warnings, key] }, events: [{ _tag: "JobWarning", ...warning }] }
}

const maxWarnings = 100

/** Warns about items that the caller did not ask for, once the role of every item is known. */
const warnAboutExtraItems = (state: JobState.JobState): Change => {
  const all = JobState.items(state)
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
const reduceCertainty = (next: JobState.JobState, observation: Observation): Change => {
  const withChanges = (changes: Partial<JobState.JobState>): Change => ({ state: { ...next, ...changes }, events: [] })
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
      return total > JobState.countPresent(next)
        ? withChanges({ maxBatchTotal: total, mayHaveMissedItems: true, needsRecount: true })
        : withChanges({ maxBatchTotal: total })
    }
    case "ReadFailed": {
      const item = JobState.getItem(next, observation.itemId)
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

/** Forgets that an item could not be read, once the server responded about it or its end is known. */
const withReadableItem = (state: JobState.JobState, observation: Observation): JobState.JobState => {
  const itemId = itemIdOf(observation)
  if (itemId === undefined || state.unreadableSince[itemId] === undefined) return state
  const item = JobState.getItem(state, itemId)
  const isReadable = observation._tag === "ItemRead" || observation._tag === "ItemNotFound" ||
    (item !== undefined && isFinal(item))
  if (!isReadable) return state
  const { [itemId]: _, ...unreadableSince } = state.unreadableSince
  return { ...state, unreadableSince }
}

const countFinal = (state: JobState.JobState): number => JobState.items(state).filter(isFinal).length

/** Whether the number of items has to be asked for before a job whose items have all ended can end itself. */
const withRecount = (state: JobState.JobState): JobState.JobState => {
  if (!JobState.isEnded(state)) return state
  const ended = JobState.status(state)
  // Another client may have retried it. Servers say that only when the retry starts, or not at all.
  const retriable = ended === "failed" || (ended === "canceled" && !state.cancelRequested)
  const needsRecount = (state.mayHaveDuplicates || state.mayHaveMissedItems || retriable) &&
    state.endedAtRecount !== countFinal(state)
  return needsRecount === state.needsRecount ? state : { ...state, needsRecount }
}

/** Whether an observation can have shown which items were asked for and which were not. */
const assignsRoles = (observation: Observation, state: JobState.JobState): boolean => {
  if (observation._tag === "Enqueued" || observation._tag === "Listed") return true
  return observation._tag === "ItemRead" && JobState.getItem(state, observation.item.itemId)?.role !== "member"
}

/** Only by its session can the images of an item be found, should the item be deleted. */
const lacksSession = (item: ItemState): boolean =>
  JobState.isCounted(item) && item.phase === "open" && item.startedAt !== null && item.sessionId === ""

const commandsOf = (
  before: JobState.JobState,
  after: JobState.JobState,
  observation: Observation
): ReadonlyArray<Command> => {
  const commands: Array<Command> = []
  const itemId = itemIdOf(observation)
  const item = itemId === undefined ? undefined : JobState.getItem(after, itemId)
  if (JobState.isProgress(before, after)) {
    const unreadIds = item === undefined ? JobState.unread(after) : JobState.isUnread(after, item) ? [item.itemId] : []
    for (const unreadId of unreadIds) commands.push({ _tag: "ReadItem", itemId: unreadId })
    if (assignsRoles(observation, after)) {
      const extra = JobState.items(after).filter((one) => one.role === "surplus" && one.phase === "open")
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
  state: JobState.JobState,
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
  if (JobState.isProgress(state, next) && assignsRoles(observation, next)) {
    const warned = warnAboutExtraItems(next)
    next = warned.state
    events = [...events, ...warned.events]
  }
  next = withReadableItem(next, observation)
  if (next !== state) next = withRecount(next)
  return { state: next, events, commands: commandsOf(state, next, observation) }
}
