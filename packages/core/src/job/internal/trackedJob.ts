/**
 * One job in the tracker: its state, and what it tells its readers.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import type * as Tracer from "effect/Tracer"
import type { InvokeAiError } from "../../server/InvokeAiError.ts"
import { isFinal, type ItemRole } from "../ItemState.ts"
import type { JobNotFound, QueueBlocked } from "../JobError.ts"
import type { JobEvent, JobWarning } from "../JobEvent.ts"
import * as JobState from "../JobState.ts"
import type { Observation } from "../Observation.ts"
import type { InkOutput, OutputNode } from "../Outputs.ts"
import { Changing, EventLog, Growing } from "./eventLog.ts"

/**
 * Why a job cannot be followed to its end.
 *
 * @category errors
 * @since 0.1.0
 */
export type TrackingError = QueueBlocked | JobNotFound | InvokeAiError

const isData = (value: unknown): value is Readonly<Record<string, unknown>> =>
  Predicate.isObject(value) && !Array.isArray(value)

/**
 * The nodes of an embedded workflow by id, for labels.
 *
 * @category conversions
 * @since 0.1.0
 */
export const nodesOfWorkflow = (workflow: unknown): ReadonlyMap<string, OutputNode> => {
  const nodes = new Map<string, OutputNode>()
  const list = isData(workflow) ? workflow["nodes"] : undefined
  if (!Array.isArray(list)) return nodes
  for (const node of list) {
    if (!isData(node) || typeof node["id"] !== "string") continue
    const data = isData(node["data"]) ? node["data"] : {}
    nodes.set(node["id"], {
      label: typeof data["label"] === "string" ? data["label"] : "",
      type: typeof data["type"] === "string" ? data["type"] : ""
    })
  }
  return nodes
}

/** Listens to one job; `span` is the job's, where somebody traces. @internal */
export interface JobObserver {
  readonly span: Tracer.Span | undefined
  readonly told: (event: JobEvent) => void
  readonly ended: (state: JobState.JobState, exit: Exit.Exit<JobState.JobState, TrackingError>) => void
}

/** Whether an observation can have shown items which were not asked for. */
const reveals = (observation: Observation, state: JobState.JobState): boolean => {
  if (observation._tag === "Enqueued" || observation._tag === "Members") return true
  if (observation._tag !== "ItemRead") return false
  const role = JobState.getItem(state, observation.item.itemId)?.role
  return role === "surplus" || role === "retry"
}

/** Observations that can be the last one. */
const decides: ReadonlySet<Observation["_tag"]> = new Set([
  "Enqueued",
  "Members",
  "Status",
  "ItemRead",
  "ItemMissing",
  "ItemUnreadable"
])

/**
 * One job in the tracker.
 *
 * **Details**
 *
 * Everything happens at once and in order: `observe` takes an observation in, and readers are woken.
 *
 * @category models
 * @since 0.1.0
 */
export class TrackedJob {
  readonly batchId: string
  readonly states: Changing<JobState.JobState>
  readonly log = new EventLog()
  readonly outputs = new Growing<InkOutput>()
  readonly result: Deferred.Deferred<JobState.JobState, TrackingError> = Deferred.makeUnsafe()
  /** Where the items of the batch can be listed on old servers. */
  destination: string | undefined
  /** How many items this job asked for, null if it did not. */
  readonly expected: number | null
  /** Whether the items still have to be found by the batch id. */
  searching = false
  /** Whether there may be more items than are known. */
  suspect = false
  /** Whether the server still has to be asked if somebody retried what failed: the retry may not have been told. */
  unconfirmed = false
  /** How many items had ended when the server was asked for retries. */
  private confirmed = 0
  /** When something was last seen of the job, in milliseconds. */
  lastSeen = 0
  readonly warned = new Set<string>()
  /** How often the server said that it does not have an item, by item id. */
  readonly denials = new Map<number, number>()
  private nodes: ReadonlyMap<string, OutputNode>
  private readonly observer: JobObserver

  constructor(options: {
    readonly batchId: string
    readonly expected: number | null
    readonly destination: string | undefined
    readonly nodes: ReadonlyMap<string, OutputNode>
    readonly observer: JobObserver
  }) {
    this.batchId = options.batchId
    this.expected = options.expected
    this.destination = options.destination
    this.nodes = options.nodes
    this.observer = options.observer
    this.states = new Changing(JobState.make(options.batchId, options.expected))
  }

  get state(): JobState.JobState {
    return this.states.current
  }

  get span(): Tracer.Span | undefined {
    return this.observer.span
  }

  get isDone(): boolean {
    return Deferred.isDoneUnsafe(this.result)
  }

  get hasNodes(): boolean {
    return this.nodes.size > 0
  }

  setNodes(nodes: ReadonlyMap<string, OutputNode>): void {
    this.nodes = nodes
  }

  /** Takes an observation in. Gives whether anything changed. */
  observe(observation: Observation): boolean {
    if (this.isDone) return false
    const { events, state } = JobState.reduce(this.state, observation, this.nodes)
    for (const event of events) this.tell(event)
    const changed = state !== this.state
    if (changed) {
      this.states.set(state)
      if (reveals(observation, state)) this.tellStrangers()
      if (!this.suspect && decides.has(observation._tag)) this.finishIfEnded()
    }
    return changed
  }

  private tellStrangers(): void {
    const ids = (role: ItemRole) =>
      JobState.items(this.state).filter((item) => item.role === role).map((item) => item.itemId)
    const surplus = ids("surplus")
    if (surplus.length > 0) {
      this.warn({
        reason: "SurplusItems",
        message: `The server has more items of batch ${this.batchId} than were asked for; these are canceled`,
        itemIds: surplus
      })
    }
    const retries = ids("retry")
    if (retries.length > 0) {
      this.warn({ reason: "ItemRetried", message: "Items of this job were retried", itemIds: retries })
    }
  }

  /** Tells a warning, each only once. */
  warn(warning: Omit<JobWarning, "_tag">): void {
    const key = `${warning.reason} ${warning.itemIds.join(",")}`
    if (this.warned.has(key) || this.warned.size > 100) return
    this.warned.add(key)
    this.tell({ _tag: "JobWarning", ...warning })
  }

  private get final(): number {
    return JobState.items(this.state).filter(isFinal).length
  }

  /** The server has been asked for retries, and its answer was taken in. */
  confirm(): void {
    this.unconfirmed = false
    this.confirmed = this.final
    this.finishIfEnded()
  }

  finishIfEnded(): void {
    if (!JobState.isEnded(this.state)) return
    const status = JobState.status(this.state)
    const retriable = status === "failed" || (status === "canceled" && !this.state.cancelRequested)
    this.unconfirmed = retriable && this.confirmed !== this.final
    if (!this.unconfirmed) this.finish(Exit.succeed(this.state))
  }

  /** Ends the job for all readers. */
  finish(result: Exit.Exit<JobState.JobState, TrackingError>): void {
    if (!Deferred.doneUnsafe(this.result, result)) return
    this.observer.ended(this.state, result)
    this.log.end()
    this.outputs.end()
    this.states.end()
  }

  private tell(event: JobEvent): void {
    if (event._tag === "InvocationComplete") this.outputs.push(event.output)
    this.log.push(event)
    this.observer.told(event)
  }
}
