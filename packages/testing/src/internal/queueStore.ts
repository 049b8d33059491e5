/** The queue items of the simulated server: expansion of batches, order, statuses, and the JSON of the routes. */
import type { ServerProfile } from "../ServerProfile.ts"
import type { ValidationIssue } from "./fieldValidation.ts"
import type { GraphExecutor } from "./graphExecutor.ts"
import type { GraphNode, SimulatorGraph } from "./simulatorGraph.ts"
import * as SimulatorGraphModule from "./simulatorGraph.ts"
import * as SimulatorTime from "./simulatorTime.ts"
import type * as WorkflowCallState from "./workflowCallState.ts"
import { maxDepth } from "./workflowCallState.ts"

/** The statuses of a queue item. */
export type ItemStatus = "pending" | "in_progress" | "waiting" | "completed" | "failed" | "canceled"

/** One value that a batch sets in an item. */
export interface FieldValue {
  readonly node_path: string
  readonly field_name: string
  readonly value: unknown
}

/** One field of a batch and its values. */
export interface BatchDatum {
  readonly node_path: string
  readonly field_name: string
  readonly items: ReadonlyArray<unknown>
}

/** A batch that the server accepted. */
export interface SimulatorBatch {
  readonly batch_id: string
  readonly origin: string | null
  readonly destination: string | null
  readonly data: ReadonlyArray<ReadonlyArray<BatchDatum>> | null
  readonly graph: SimulatorGraph
  readonly workflow: unknown
  readonly runs: number
}

/** Why an item in the database is unreadable. */
export interface Unreadable {
  /** The part that the server fails to read. */
  readonly model: "GraphExecutionState" | "list[NodeFieldValue]" | "WorkflowWithoutID"
  readonly issue: ValidationIssue
}

/** A call that an item waits for. */
interface WaitingCall {
  /** The prepared node that calls. */
  readonly node: GraphNode
  readonly frame: WorkflowCallState.CallFrame
  readonly execution: WorkflowCallState.CallExecution
  /** The initial session of the only child. */
  readonly childSession: unknown
}

/** An item of the queue. */
export interface QueueItem {
  readonly itemId: number
  readonly queueId: string
  readonly batchId: string
  readonly origin: string | null
  readonly destination: string | null
  readonly sessionId: string
  readonly executionGraphId: string
  readonly priority: number
  readonly userId: string
  readonly fieldValues: ReadonlyArray<FieldValue> | null
  readonly retriedFrom: number | null
  readonly graph: SimulatorGraph
  readonly workflow: unknown
  /** Why the item is unreadable, for example an invalid value of the batch. */
  readonly unreadableReason: Unreadable | undefined
  /** The caller, if the item is a called workflow. */
  readonly place: WorkflowCallState.CallPlace
  readonly callHistory: Array<WorkflowCallState.CallExecution>
  readonly createdAt: number
  status: ItemStatus
  statusSequence: number
  errorType: string | null
  errorMessage: string | null
  errorTraceback: string | null
  updatedAt: number
  startedAt: number | null
  completedAt: number | null
  device: string | null
  session: ReturnType<GraphExecutor["toJson"]> | undefined
  /** The run, once it has started. */
  executor: GraphExecutor | undefined
  waiting: WaitingCall | undefined
}

/** The users whose names an item contains. */
export interface ItemOwner {
  readonly displayName: string | null
  readonly email: string | null
}

/** The number of combinations in a batch. */
export const combinationCount = (data: SimulatorBatch["data"]): number =>
  (data ?? []).reduce((count, [first]) => first === undefined ? count : count * first.items.length, 1)

/**
 * The combinations of a batch, in the order of their items: the last group varies fastest. Each is created on demand,
 * because a small request can describe more than fit into memory.
 */
export const combinations = function*(data: SimulatorBatch["data"]): Generator<ReadonlyArray<FieldValue>> {
  const groups = (data ?? []).filter((group) => group.length > 0)
  const count = combinationCount(data)
  for (let index = 0; index < count; index++) {
    let rest = index
    const values = groups.toReversed().map((group) => {
      const length = group[0]?.items.length ?? 1
      const at = rest % length
      rest = Math.floor(rest / length)
      return group.map(({ field_name, items, node_path }) => ({ node_path, field_name, value: items[at] }))
    })
    yield values.toReversed().flat()
  }
}

const terminal = new Set<ItemStatus>(["completed", "failed", "canceled"])

/** Whether a status is final. */
export const isTerminal = (status: ItemStatus): boolean => terminal.has(status)

/** Drops the keys whose value is null, at every depth, as the single item route does. */
export const withoutNulls = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(withoutNulls)
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).filter(([, inner]) => inner !== null).map(([key, inner]) => [key, withoutNulls(inner)])
  )
}

/** The error and the timestamps of an item, as the server returns them. */
export const historyOf = (item: QueueItem): Readonly<Record<string, unknown>> => ({
  error_type: item.errorType,
  error_message: item.errorMessage,
  error_traceback: item.errorTraceback,
  created_at: SimulatorTime.format(item.createdAt),
  updated_at: SimulatorTime.format(item.updatedAt),
  started_at: item.startedAt === null ? null : SimulatorTime.format(item.startedAt),
  completed_at: item.completedAt === null ? null : SimulatorTime.format(item.completedAt)
})

/** Items by a key, each set oldest first as long as items are added in the order of their ids. */
class ItemIndex<Key> {
  private readonly sets = new Map<Key, Set<QueueItem>>()

  get(key: Key): ReadonlySet<QueueItem> {
    return this.sets.get(key) ?? new Set()
  }

  add(key: Key, item: QueueItem): void {
    const set = this.sets.get(key)
    if (set === undefined) this.sets.set(key, new Set([item]))
    else set.add(item)
  }

  remove(key: Key, item: QueueItem): void {
    const set = this.sets.get(key)
    set?.delete(item)
    if (set?.size === 0) this.sets.delete(key)
  }
}

/**
 * All queue items. What the routes and events need of a batch, a status or a call costs the same, however many other
 * items there are.
 */
export class QueueStore {
  private readonly profile: ServerProfile
  private nextId = 1
  private readonly all = new Map<number, QueueItem>()
  private readonly batches = new ItemIndex<string>()
  private readonly statuses = new ItemIndex<ItemStatus>()
  private readonly callees = new ItemIndex<number | null>()
  /** The number of items of a queue and user with a status. */
  private readonly tally = new Map<string, Map<string, Map<ItemStatus, number>>>()

  constructor(profile: ServerProfile) {
    this.profile = profile
  }

  /** Adds an item, pending. */
  add(
    fields: Pick<
      QueueItem,
      | "queueId"
      | "batchId"
      | "origin"
      | "destination"
      | "sessionId"
      | "executionGraphId"
      | "priority"
      | "userId"
      | "fieldValues"
      | "retriedFrom"
      | "graph"
      | "workflow"
      | "unreadableReason"
      | "place"
    >,
    now: number
  ): QueueItem {
    const item: QueueItem = {
      ...fields,
      itemId: this.nextId++,
      callHistory: [],
      createdAt: now,
      status: "pending",
      statusSequence: 0,
      errorType: null,
      errorMessage: null,
      errorTraceback: null,
      updatedAt: now,
      startedAt: null,
      completedAt: null,
      device: null,
      session: undefined,
      executor: undefined,
      waiting: undefined
    }
    this.all.set(item.itemId, item)
    this.batches.add(item.batchId, item)
    this.callees.add(item.place.parentItemId, item)
    this.statuses.add(item.status, item)
    this.count(item, 1)
    return item
  }

  private count(item: QueueItem, change: 1 | -1): void {
    const users = this.tally.get(item.queueId) ?? new Map<string, Map<ItemStatus, number>>()
    const counts = users.get(item.userId) ?? new Map<ItemStatus, number>()
    counts.set(item.status, (counts.get(item.status) ?? 0) + change)
    this.tally.set(item.queueId, users.set(item.userId, counts))
  }

  /** The item with an id. */
  get(itemId: number): QueueItem | undefined {
    return this.all.get(itemId)
  }

  /** Removes the item with an id. */
  remove(itemId: number): void {
    const item = this.all.get(itemId)
    if (item === undefined) return
    this.all.delete(itemId)
    this.batches.remove(item.batchId, item)
    this.callees.remove(item.place.parentItemId, item)
    this.statuses.remove(item.status, item)
    this.count(item, -1)
  }

  /** The items for which a predicate holds, oldest first. */
  where(test: (item: QueueItem) => boolean): ReadonlyArray<QueueItem> {
    return [...this.all.values()].filter(test)
  }

  /** The items of a batch, oldest first. */
  ofBatch(queueId: string, batchId: string): ReadonlyArray<QueueItem> {
    return [...this.batches.get(batchId)].filter((item) => item.queueId === queueId)
  }

  /** The items with a status, oldest first. */
  withStatus(status: ItemStatus, queueId?: string): ReadonlyArray<QueueItem> {
    return [...this.statuses.get(status)]
      .filter((item) => queueId === undefined || item.queueId === queueId)
      .toSorted((left, right) => left.itemId - right.itemId)
  }

  /** The item that runs next: the highest priority, then the oldest. */
  next(queueId?: string): QueueItem | undefined {
    let best: QueueItem | undefined = undefined
    for (const item of this.statuses.get("pending")) {
      if (queueId !== undefined && item.queueId !== queueId) continue
      const isBetter = best === undefined || item.priority > best.priority ||
        (item.priority === best.priority && item.itemId < best.itemId)
      if (isBetter) best = item
    }
    return best
  }

  /** The item that is running. */
  current(queueId?: string): QueueItem | undefined {
    return this.withStatus("in_progress", queueId)[0]
  }

  /** Changes the status of an item. A terminal status is kept. */
  setStatus(item: QueueItem, status: ItemStatus, now: number): boolean {
    if (terminal.has(item.status) || this.all.get(item.itemId) !== item) return false
    this.count(item, -1)
    this.statuses.remove(item.status, item)
    item.status = status
    this.statuses.add(status, item)
    this.count(item, 1)
    item.statusSequence += 1
    item.updatedAt = now
    if (status === "in_progress") item.startedAt = now
    if (terminal.has(status)) item.completedAt = now
    return true
  }

  private statusCounts(count: (status: ItemStatus) => number, total: number): Readonly<Record<string, number>> {
    return {
      pending: count("pending"),
      in_progress: count("in_progress"),
      ...(this.profile.minor >= 14 ? { waiting: count("waiting") } : {}),
      completed: count("completed"),
      failed: count("failed"),
      canceled: count("canceled"),
      total
    }
  }

  /** The number of items with each status. */
  counts(items: ReadonlyArray<QueueItem>): Readonly<Record<string, number>> {
    return this.statusCounts((status) => items.filter((item) => item.status === status).length, items.length)
  }

  /** The status of a batch: zeros for an unknown one. */
  batchStatus(queueId: string, batchId: string, visible: (item: QueueItem) => boolean = () => true) {
    const items = this.ofBatch(queueId, batchId).filter(visible)
    const [first] = items
    return {
      queue_id: queueId,
      batch_id: batchId,
      origin: first?.origin ?? null,
      destination: first?.destination ?? null,
      ...this.counts(items)
    }
  }

  /** The status of a queue, with the counts of one user if the version has them. */
  queueStatus(queueId: string, userId: string | undefined, showCurrent = true) {
    const users = this.tally.get(queueId) ?? new Map<string, Map<ItemStatus, number>>()
    const counts = [...users.values()]
    const sum = (of: ReadonlyArray<ReadonlyMap<ItemStatus, number>>) => (status: ItemStatus): number =>
      of.reduce((count, one) => count + (one.get(status) ?? 0), 0)
    const total = counts.reduce((count, one) => [...one.values()].reduce((all, some) => all + some, count), 0)
    const current = showCurrent ? this.current(queueId) : undefined
    const own = sum(userId === undefined ? counts : [users.get(userId) ?? new Map<ItemStatus, number>()])
    return {
      queue_id: queueId,
      item_id: current?.itemId ?? null,
      batch_id: current?.batchId ?? null,
      session_id: current?.sessionId ?? null,
      ...this.statusCounts(sum(counts), total),
      ...(this.profile.minor >= 14
        ? { user_pending: own("pending"), user_in_progress: own("in_progress") }
        : this.profile.minor >= 12
        ? { user_pending: null, user_in_progress: null }
        : {})
    }
  }

  /** All items of a call: the callers of an item, the item itself, and everything that the outermost caller calls. */
  chainOf(item: QueueItem): ReadonlyArray<QueueItem> {
    const above: Array<QueueItem> = []
    let upper = item.place.parentItemId
    while (upper !== null) {
      const found = this.all.get(upper)
      if (found !== undefined) above.push(found)
      upper = found?.place.parentItemId ?? null
    }
    const root = above[above.length - 1] ?? item
    const below = [root]
    for (const one of below) below.push(...this.callees.get(one.itemId))
    return [...new Set([...above, item, ...below])]
  }

  /** The complete session of an item. */
  sessionJson(item: QueueItem): unknown {
    return structuredClone(this.session(item))
  }

  /** The session of another user's item, without ids. */
  get emptySession(): Readonly<Record<string, unknown>> {
    return {
      executed: [],
      executed_history: [],
      results: {},
      errors: {},
      ...this.callFields(undefined),
      prepared_source_mapping: {},
      source_prepared_mapping: {},
      ...(this.profile.minor >= 14 ? { prepared_iteration_paths: {} } : {}),
      ...(this.profile.minor >= 10 ? { ready_order: [], indegree: {} } : {})
    }
  }

  private callFields(item: QueueItem | undefined): Readonly<Record<string, unknown>> {
    if (this.profile.minor < 14) return {}
    return {
      workflow_call_stack: item?.place.stack ?? [],
      workflow_call_history: item?.callHistory ?? [],
      workflow_call_parent: item?.place.parent ?? null,
      waiting_workflow_call: item?.waiting?.frame ?? null,
      waiting_workflow_call_execution: item?.waiting?.execution ?? null,
      waiting_workflow_call_child_session: item?.waiting?.childSession ?? null,
      max_workflow_call_depth: maxDepth
    }
  }

  private session(item: QueueItem) {
    const run = item.session
    const { minor } = this.profile
    return {
      id: item.sessionId,
      graph: SimulatorGraphModule.toJson(item.graph),
      execution_graph: run?.execution_graph ?? { id: item.executionGraphId, nodes: {}, edges: [] },
      executed: run?.executed ?? [],
      executed_history: run?.executed_history ?? [],
      results: run?.results ?? {},
      errors: run?.errors ?? {},
      ...this.callFields(item),
      prepared_source_mapping: run?.prepared_source_mapping ?? {},
      source_prepared_mapping: run?.source_prepared_mapping ?? {},
      ...(minor >= 14 ? { prepared_iteration_paths: run?.prepared_iteration_paths ?? {} } : {}),
      ...(minor >= 10 ? { ready_order: [], indegree: run?.indegree ?? {} } : {})
    }
  }

  /** The complete item, including nulls. */
  toJson(item: QueueItem, owner: ItemOwner): Readonly<Record<string, unknown>> {
    const { minor } = this.profile
    return {
      item_id: item.itemId,
      status: item.status,
      ...(minor >= 13 ? { status_sequence: item.statusSequence } : {}),
      priority: item.priority,
      batch_id: item.batchId,
      origin: item.origin,
      destination: item.destination,
      session_id: item.sessionId,
      ...historyOf(item),
      queue_id: item.queueId,
      ...(minor >= 12
        ? { user_id: item.userId, user_display_name: owner.displayName, user_email: owner.email }
        : {}),
      field_values: item.fieldValues,
      retried_from_item_id: item.retriedFrom,
      ...(minor < 9 ? { is_api_validation_run: false, published_workflow_id: null, credits: null } : {}),
      ...(minor >= 14
        ? {
          device: item.device,
          workflow_call_id: item.place.parent?.workflow_call_id ?? null,
          parent_item_id: item.place.parentItemId,
          parent_session_id: item.place.parent?.parent_session_id ?? null,
          root_item_id: item.place.rootItemId,
          workflow_call_depth: item.place.parent?.depth ?? null
        }
        : {}),
      session: this.session(item),
      workflow: item.workflow
    }
  }

  /** The item as the single item route returns it: without nulls. */
  toCompactJson(item: QueueItem, owner: ItemOwner): unknown {
    return withoutNulls(this.toJson(item, owner))
  }

  /** The summary, without the session. */
  toSummary(item: QueueItem, owner: ItemOwner): Readonly<Record<string, unknown>> {
    return {
      item_id: item.itemId,
      created_at: SimulatorTime.format(item.createdAt),
      status: item.status,
      device: item.device,
      started_at: item.startedAt === null ? null : SimulatorTime.format(item.startedAt),
      completed_at: item.completedAt === null ? null : SimulatorTime.format(item.completedAt),
      origin: item.origin,
      destination: item.destination,
      batch_id: item.batchId,
      user_id: item.userId,
      user_display_name: owner.displayName,
      user_email: owner.email,
      field_values: item.fieldValues,
      parent_item_id: item.place.parentItemId
    }
  }
}
