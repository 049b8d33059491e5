/**
 * Everything known about one queue item, as a plain value that only moves forward.
 *
 * **Details**
 *
 * An item goes through four phases and never back: `open` (not known to have ended), `ended` (a message reported it),
 * `settled` (its results are known) or `lost` (the server does not have it any more).
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import type { InvocationComplete, InvocationError, JobEvent, NodeReference } from "../JobEvent.ts"
import { decode, type FieldValue, fromResults, type InkOutput, originOf, type OutputNode } from "../Outputs.ts"
import type { FieldData } from "../outputs/OutputOrigin.ts"
import type { ItemFacts, NodeObservation } from "./Observation.ts"
import type { SessionResults } from "./outputs/session.ts"

/**
 * The role of an item in the job.
 *
 * **Details**
 *
 * `member`: one of those that were asked for. `child`: made by the server for a called workflow. `retry`: a repetition
 * of another item. `surplus`: more than requested. `unknown`: seen, but not classified yet.
 *
 * @category models
 * @since 0.1.0
 */
export type ItemRole = "unknown" | "member" | "child" | "retry" | "surplus"

/**
 * Why an item failed. `nodeId` is "" where the server does not name the node.
 *
 * @category models
 * @since 0.1.0
 */
export interface ItemError {
  readonly nodeId: string
  readonly nodeLabel: string
  readonly nodeType: string
  readonly errorType: string
  readonly message: string
  readonly traceback: string | null
}

/**
 * A node of an item that has not settled yet.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeRun {
  readonly preparedId: string
  readonly nodeId: string
  readonly status: "running" | "complete" | "error"
  readonly message: string
  readonly fraction: number | null
  readonly previewed: boolean
  readonly output: InkOutput | null
  /** The node as it ran, with the values that came over its connections; null until it has completed. */
  readonly invocation: FieldData | null
}

/**
 * Everything known about one queue item.
 *
 * @category models
 * @since 0.1.0
 */
export interface ItemState {
  readonly itemId: number
  readonly role: ItemRole
  /** The position in the batch, from 0. A retry has that of the item it repeats. */
  readonly itemIndex: number
  readonly parentItemId: number | null
  readonly retryOf: number | null
  /** Whether the whole item was read at least once, so that its role is certain. */
  readonly read: boolean
  readonly phase: "open" | "ended" | "settled" | "lost"
  readonly status: string
  /** The status that the last event reported, null before the first one. An end is reported after all results. */
  readonly reported: string | null
  readonly sequence: number | null
  readonly sessionId: string
  readonly createdAt: DateTime.Utc | null
  readonly updatedAt: DateTime.Utc | null
  readonly startedAt: DateTime.Utc | null
  readonly completedAt: DateTime.Utc | null
  readonly fieldValues: ReadonlyArray<FieldValue>
  readonly error: ItemError | null
  readonly outputs: ReadonlyArray<InkOutput>
  readonly nodes: ReadonlyArray<NodeRun>
}

/** How final an end is when messages disagree: a canceled item does not become completed by a late message. */
const terminalRank: ReadonlyMap<string, number> = new Map([["completed", 1], ["failed", 2], ["canceled", 3]])

/**
 * Whether a status is terminal. Unknown statuses are not.
 *
 * @category guards
 * @since 0.1.0
 */
export const isTerminal = (status: string): boolean => terminalRank.has(status)

/** Whether nothing about the item will change any more. @internal */
export const isFinal = (item: ItemState): boolean => item.phase === "settled" || item.phase === "lost"

/** @internal */
export const emptyItem = (itemId: number): ItemState => ({
  itemId,
  role: "unknown",
  itemIndex: 0,
  parentItemId: null,
  retryOf: null,
  read: false,
  phase: "open",
  status: "pending",
  reported: null,
  sequence: null,
  sessionId: "",
  createdAt: null,
  updatedAt: null,
  startedAt: null,
  completedAt: null,
  fieldValues: [],
  error: null,
  outputs: [],
  nodes: []
})

/** Whether a status that is not an end is newer than the one we have. */
const isNewer = (item: ItemState, facts: ItemFacts): boolean => {
  if (item.sequence !== null && facts.sequence !== null) return facts.sequence > item.sequence
  if (item.updatedAt !== null && facts.updatedAt !== null && !DateTime.Equivalence(item.updatedAt, facts.updatedAt)) {
    return DateTime.isGreaterThan(facts.updatedAt, item.updatedAt)
  }
  const rank = (status: string) => status === "pending" ? 0 : 1
  const difference = rank(facts.status) - rank(item.status)
  return difference > 0 || (difference === 0 && item.sequence === null && facts.sequence !== null)
}

const timesOf = (item: ItemState, facts: ItemFacts) => ({
  sessionId: facts.sessionId ?? item.sessionId,
  createdAt: facts.createdAt ?? item.createdAt,
  startedAt: facts.startedAt ?? item.startedAt,
  completedAt: facts.completedAt ?? item.completedAt
})

/** Applies a report about an item. @internal */
export const withFacts = (item: ItemState, facts: ItemFacts): ItemState => {
  if (isFinal(item)) return item
  if (isTerminal(facts.status)) {
    if (item.phase === "ended" && terminalRank.get(item.status)! >= terminalRank.get(facts.status)!) {
      return { ...item, ...timesOf(item, facts) }
    }
    return {
      ...item,
      ...timesOf(item, facts),
      phase: "ended",
      status: facts.status,
      sequence: facts.sequence ?? item.sequence,
      updatedAt: facts.updatedAt ?? item.updatedAt
    }
  }
  if (item.phase !== "open" || !isNewer(item, facts)) {
    return item.sessionId === "" && facts.sessionId !== null ? { ...item, sessionId: facts.sessionId } : item
  }
  return {
    ...item,
    ...timesOf(item, facts),
    status: facts.status,
    sequence: facts.sequence ?? item.sequence,
    updatedAt: facts.updatedAt ?? item.updatedAt
  }
}

const errorOf = (
  snapshot: ItemEnd,
  results: SessionResults,
  nodes: ReadonlyMap<string, OutputNode>
): ItemError | null => {
  const [first] = results.errors
  if (snapshot.status !== "failed" && snapshot.errorType === null && first === undefined) return null
  const type = first === undefined ? undefined : results.nodes.get(first.nodeId)?.["type"]
  const colon = first?.message.indexOf(": ") ?? -1
  return {
    nodeId: first?.nodeId ?? "",
    nodeLabel: first === undefined ? "" : nodes.get(first.nodeId)?.label ?? "",
    nodeType: typeof type === "string" ? type : "",
    errorType: snapshot.errorType ?? (colon > 0 ? first!.message.slice(0, colon) : ""),
    message: snapshot.errorMessage ?? (colon > 0 ? first!.message.slice(colon + 2) : first?.message ?? ""),
    traceback: snapshot.errorTraceback
  }
}

/** The event that a node began to run, for one of which more is known already. */
const started = (about: NodeReference): JobEvent => ({
  _tag: "InvocationStarted",
  itemId: about.itemId,
  itemIndex: about.itemIndex,
  sessionId: about.sessionId,
  nodeId: about.nodeId,
  nodeLabel: about.nodeLabel,
  nodeType: about.nodeType,
  preparedId: about.preparedId
})

const completion = (item: ItemState, output: InkOutput): InvocationComplete => ({
  _tag: "InvocationComplete",
  itemId: item.itemId,
  itemIndex: item.itemIndex,
  sessionId: output.sessionId,
  nodeId: output.nodeId,
  nodeLabel: output.nodeLabel,
  nodeType: output.nodeType,
  preparedId: output.preparedId,
  output
})

/** The outputs that were announced and not yet read. @internal */
export const liveOutputs = (item: ItemState): ReadonlyArray<InkOutput> =>
  item.nodes.flatMap((node) => node.output === null ? [] : [node.output])

/** What an item ended with, whether it was read or its events reported everything. */
interface ItemEnd extends ItemFacts {
  readonly fieldValues: ReadonlyArray<FieldValue>
}

/** Applies what an item ended with, and returns the events not emitted before. @internal */
export const settle = (
  item: ItemState,
  snapshot: ItemEnd,
  results: SessionResults,
  nodes: ReadonlyMap<string, OutputNode>
): { readonly item: ItemState; readonly events: ReadonlyArray<JobEvent> } => {
  const sessionId = snapshot.sessionId ?? item.sessionId
  const reportedOutputs = fromResults(results, { itemId: item.itemId, sessionId, itemIndex: item.itemIndex, nodes })
  const known = new Set(reportedOutputs.map((output) => output.preparedId))
  // A server that was killed, or that stopped a node in the middle, has fewer results than it announced.
  const announced = snapshot.status === "completed"
    ? []
    : [...item.outputs, ...liveOutputs(item)].filter((output) => !known.has(output.preparedId))
  const error = errorOf(snapshot, results, nodes)
  const done = new Set([
    ...item.nodes.filter((node) => node.status !== "running").map((node) => node.preparedId),
    ...item.outputs.map((output) => output.preparedId)
  ])
  const next: ItemState = {
    ...item,
    ...timesOf(item, snapshot),
    phase: "settled",
    status: snapshot.status,
    sequence: snapshot.sequence,
    updatedAt: snapshot.updatedAt,
    startedAt: snapshot.startedAt,
    completedAt: snapshot.completedAt,
    fieldValues: snapshot.fieldValues,
    error,
    outputs: [...reportedOutputs, ...announced],
    nodes: []
  }
  const startedNodes = new Set(item.nodes.map((node) => node.preparedId))
  const withStart = (event: NodeReference & JobEvent): ReadonlyArray<JobEvent> =>
    startedNodes.has(event.preparedId) ? [event] : [started(event), event]
  const completes = reportedOutputs.filter((output) => !done.has(output.preparedId)).map((output) =>
    completion(next, output)
  )
  const failures = results.errors.filter((failure) => !done.has(failure.preparedId)).map((
    failure
  ): InvocationError => ({
    _tag: "InvocationError",
    itemId: next.itemId,
    itemIndex: next.itemIndex,
    sessionId,
    nodeId: failure.nodeId,
    nodeLabel: nodes.get(failure.nodeId)?.label ?? "",
    nodeType: error?.nodeId === failure.nodeId ? error.nodeType : "",
    preparedId: failure.preparedId,
    errorType: error?.errorType ?? "",
    message: error?.message ?? failure.message,
    traceback: error?.traceback ?? null
  }))
  return { item: next, events: [...completes, ...failures].flatMap(withStart) }
}

/** The iteration of an execution, if known before the item has ended. */
const iterationOf = (node: OutputNode | undefined, nodeId: string, result: FieldData): ReadonlyArray<number> | null => {
  if (node?.loops === undefined) return null
  if (node.loops.length === 0) return []
  const index = result["index"]
  return node.loops.length === 1 && node.loops[0] === nodeId && typeof index === "number" ? [index] : null
}

/** Takes in an event about a node of the item. @internal */
export const observeNode = (
  item: ItemState,
  seen: NodeObservation,
  nodes: ReadonlyMap<string, OutputNode>
): { readonly item: ItemState; readonly events: ReadonlyArray<JobEvent> } => {
  const none = { item, events: [] }
  const at = item.nodes.findIndex((node) => node.preparedId === seen.preparedId)
  const before = item.nodes[at]
  if (before !== undefined && before.status !== "running") return none
  const origin = originOf(
    { itemId: item.itemId, sessionId: seen.sessionId, itemIndex: item.itemIndex, nodes },
    { nodeId: seen.nodeId, preparedId: seen.preparedId, iteration: null, index: 0, submitted: seen.invocation }
  )
  const run: NodeRun = before ?? {
    preparedId: seen.preparedId,
    nodeId: seen.nodeId,
    status: "running",
    message: "",
    fraction: null,
    previewed: false,
    output: null,
    invocation: null
  }
  const save = (node: NodeRun): ItemState => ({
    ...item,
    // What a node does is proof that its item runs, should the message that said so be lost or late.
    status: item.phase === "open" && item.status === "pending" ? "in_progress" : item.status,
    sessionId: item.sessionId === "" ? seen.sessionId : item.sessionId,
    nodes: at === -1 ? [...item.nodes, node] : item.nodes.with(at, node)
  })
  const about: NodeReference = {
    itemId: item.itemId,
    itemIndex: item.itemIndex,
    sessionId: seen.sessionId,
    nodeId: seen.nodeId,
    nodeLabel: origin.nodeLabel,
    nodeType: origin.nodeType,
    preparedId: seen.preparedId
  }
  const start = before === undefined ? [started(about)] : []
  const change = seen.change
  switch (change._tag) {
    case "Started":
      return before === undefined ? { item: save(run), events: start } : none
    case "Progress": {
      // servers of 6.12 and 6.13 send a single user everything twice
      const same = run.message === change.message && run.fraction === change.fraction &&
        (run.previewed || change.preview === null)
      if (item.phase !== "open" || same) return none
      const percentage = change.fraction === null ? null : change.fraction * 100
      return {
        item: save({
          ...run,
          message: change.message,
          fraction: change.fraction,
          previewed: change.preview !== null
        }),
        events: [...start, {
          _tag: "InvocationProgress",
          ...about,
          message: change.message,
          fraction: change.fraction,
          percentage,
          preview: change.preview
        }]
      }
    }
    case "Complete": {
      const iteration = iterationOf(nodes.get(seen.nodeId), seen.nodeId, change.result)
      const earlier = item.nodes.filter((node) => node.nodeId === seen.nodeId && node.status === "complete").length
      const index = iteration === null ? earlier : iteration[0] ?? 0
      const output = decode(change.result, { ...origin, iteration, index }, seen.invocation)
      return {
        item: save({ ...run, status: "complete", output, invocation: seen.invocation }),
        events: [...start, { _tag: "InvocationComplete", ...about, output }]
      }
    }
    case "Error":
      break
  }
  return {
    item: save({ ...run, status: "error" }),
    events: [...start, {
      _tag: "InvocationError",
      ...about,
      errorType: change.errorType,
      message: change.message,
      traceback: change.traceback
    }]
  }
}
