/**
 * One job in the tracker: its state, and what it tells its readers.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import type * as Tracer from "effect/Tracer"
import type { InvokeAiError } from "../../server/InvokeAiError.ts"
import type { QueueBlocked } from "../JobError.ts"
import type { JobEvent, JobWarning } from "../JobEvent.ts"
import * as JobState from "../JobState.ts"
import type { InkOutput, OutputNode } from "../Outputs.ts"
import { EventLog } from "./eventLog.ts"
import { isFinal, type ItemRole } from "./ItemState.ts"
import type { Observation } from "./Observation.ts"
import { Changing, Growing } from "./readable.ts"

/**
 * Why a job cannot be followed to its end.
 *
 * @category errors
 * @since 0.1.0
 */
export type TrackingError = QueueBlocked | InvokeAiError

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

/** Whether an observation can have told apart what was asked for and what was not. @internal */
export const reveals = (observation: Observation, state: JobState.JobState): boolean => {
  if (observation._tag === "Enqueued" || observation._tag === "Members") return true
  return observation._tag === "ItemRead" && JobState.getItem(state, observation.item.itemId)?.role !== "member"
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
 * Everything happens at once and in order: `observe` takes an observation in, `onChange` is called if it changed anything, and
 * readers are woken.
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
  /** Whether the batch may have been sent twice: then it must be known how many items it has before the job can end. */
  uncertain = false
  /** Whether items may have come without a word: the job was followed without events, or there were signs of more. */
  unheard = false
  /** Whether the server has to be asked now how many items the batch has. */
  unconfirmed = false
  /** How many items had ended when the server was asked last. */
  private confirmed = 0
  /** The most items that the batch had by its events. */
  private heard = 0
  /** When something was last seen of the job, in milliseconds. */
  lastSeen = 0
  /** The ids of items that are being read. */
  readonly reading = new Set<number>()
  /** How often the server said that it does not have an item, by item id. */
  readonly denials = new Map<number, number>()
  /** Since when an item cannot be read, by item id, in milliseconds. */
  readonly failing = new Map<number, number>()
  private readonly warned = new Set<string>()
  private unreadable: QueueBlocked | undefined
  /** What happened before the items were known: it is told after `JobEnqueued`. */
  private early: Array<JobEvent> | undefined = []
  /** What is to be taken in, in order; the first one is being taken in. */
  private readonly seen: Array<Observation> = []
  private nodes: ReadonlyMap<string, OutputNode>
  private readonly observer: JobObserver
  private readonly onChange: (job: TrackedJob, observation: Observation) => void

  constructor(options: {
    readonly batchId: string
    readonly expected: number | null
    readonly destination: string | undefined
    readonly nodes: ReadonlyMap<string, OutputNode>
    readonly observer: JobObserver
    readonly onChange: (job: TrackedJob, observation: Observation) => void
  }) {
    this.batchId = options.batchId
    this.expected = options.expected
    this.destination = options.destination
    this.nodes = options.nodes
    this.observer = options.observer
    this.onChange = options.onChange
    this.states = new Changing(JobState.make(options.batchId, options.expected))
  }

  get state(): JobState.JobState {
    return this.states.current
  }

  /** Work of the tracker's fibers for this job: these work for all jobs, and it belongs to the trace of this one. */
  traced<A, E>(work: Effect.Effect<A, E>): Effect.Effect<A, E> {
    const { span } = this.observer
    return span === undefined ? work : Effect.withParentSpan(work, span)
  }

  get isDone(): boolean {
    return Deferred.isDoneUnsafe(this.result)
  }

  /** Whether the server has items of this job that it cannot read and that have not been removed. */
  get isUnreadable(): boolean {
    const result = this.unreadable
    return result !== undefined && result.removed !== true
  }

  get hasNodes(): boolean {
    return this.nodes.size > 0
  }

  setNodes(nodes: ReadonlyMap<string, OutputNode>): void {
    this.nodes = nodes
  }

  /** Takes an observation in; what is seen in the middle of that is taken in afterwards. */
  observe(observation: Observation): void {
    this.seen.push(observation)
    if (this.seen.length > 1) return
    for (let next: Observation | undefined = observation; next !== undefined; next = this.seen[0]) {
      this.take(next)
      this.seen.shift()
    }
  }

  private take(observation: Observation): void {
    if (this.isDone) return
    const { events, state } = JobState.reduce(this.state, observation, this.nodes)
    if (state === this.state) return
    // What follows from it is on its way before readers are told, who may take their time.
    this.states.set(state)
    this.onChange(this, observation)
    for (const event of events) this.tell(event)
    this.states.notify()
    if (reveals(observation, state)) this.tellStrangers()
    if (decides.has(observation._tag)) this.finishIfEnded()
  }

  private tellStrangers(): void {
    const items = JobState.items(this.state)
    // One warning when all are told apart, and not one for each.
    if (items.some((item) => item.role === "unknown")) return
    const ids = (role: ItemRole) => items.filter((item) => item.role === role).map((item) => item.itemId)
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

  /** An event said how many items the batch has. On a server of many users it may count those of another's batch too. */
  hear(total: number): void {
    if (!this.state.known || total <= this.heard) return
    this.heard = total
    if (total > JobState.present(this.state)) this.doubt()
  }

  /** There may be items that are not known. */
  doubt(): void {
    this.unheard = true
    this.unconfirmed = true
  }

  /** The server has been asked how many items there are, and its answer was taken in. */
  confirm(): void {
    this.unconfirmed = false
    this.confirmed = this.final
    this.finishIfEnded()
  }

  private finishIfEnded(): void {
    if (!JobState.isEnded(this.state)) return
    const status = JobState.status(this.state)
    // Somebody may have retried it. That is told only when the retry starts, or not at all.
    const retriable = status === "failed" || (status === "canceled" && !this.state.cancelRequested)
    this.unconfirmed = (this.uncertain || this.unheard || retriable) && this.confirmed !== this.final
    if (!this.unconfirmed) this.finish(Exit.succeed(this.state))
  }

  /** Ends the job for all readers. */
  finish(result: Exit.Exit<JobState.JobState, TrackingError>): void {
    if (this.isDone) return
    const error = Option.getOrUndefined(Exit.findErrorOption(result))
    // Before the result: a waiting fiber may close the scope in the same moment.
    if (error?._tag === "QueueBlocked" && error.own) this.unreadable = error
    Deferred.doneUnsafe(this.result, result)
    this.observer.ended(this.state, result)
    this.tellEarly()
    this.log.end()
    this.outputs.end()
    this.states.end()
  }

  private tell(event: JobEvent): void {
    this.observer.told(event)
    if (event._tag === "InvocationComplete") this.outputs.push(event.output)
    if (this.early !== undefined && event._tag !== "JobEnqueued") {
      this.early.push(event)
    } else {
      this.log.push(event)
      this.tellEarly()
    }
  }

  private tellEarly(): void {
    for (const event of this.early ?? []) this.log.push(event)
    this.early = undefined
  }
}
