/**
 * A job in the tracker: its state, and what its subscribers see.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import type * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type * as Stream from "effect/Stream"
import type * as Tracer from "effect/Tracer"
import type { InvokeAiError } from "../../InvokeAiError.ts"
import type { AwaitError, JobNotFound } from "../JobError.ts"
import type { JobEvent } from "../JobEvent.ts"
import type * as JobState from "../JobState.ts"
import type { InkOutput } from "../Outputs.ts"
import { EventLog } from "./eventLog.ts"
import { ObservableValue, ReplayList } from "./observable.ts"
import type { Observation } from "./Observation.ts"

/**
 * A job in the tracker.
 *
 * @category models
 * @since 0.1.0
 */
export interface TrackedJob {
  /** The id of the batch on the server. */
  readonly batchId: string
  /** Everything known about the job now. */
  readonly state: JobState.JobState
  /** Emits the current state, and the newest state after each change. */
  readonly changes: Stream.Stream<JobState.JobState>
  /** Emits what happened, from the beginning, to each subscriber. */
  readonly events: Stream.Stream<JobEvent>
  /** The outputs so far, and a stream of them from the beginning, for each subscriber. */
  readonly outputs: { readonly current: ReadonlyArray<InkOutput>; readonly stream: Stream.Stream<InkOutput> }
  /** Waits for the end of the job, and returns its last state. */
  readonly result: Effect.Effect<JobState.JobState, AwaitError>
  /** Whether the result of the job is known. */
  readonly isDone: boolean
  /** Whether the server has items of this job that it cannot read and that have not been removed. */
  readonly isUnreadable: boolean
  /** Records what the caller saw of the job. */
  readonly observe: (observation: Observation) => void
  /** Ends the job for all subscribers. */
  readonly fail: (error: AwaitError) => void
  /** Finds the items of the batch by its id. */
  readonly search: Effect.Effect<void, JobNotFound | InvokeAiError>
}

/** Spans, metrics and logs of one job; `span` is the job's span, undefined without a tracer. @internal */
export interface JobTelemetry {
  readonly span: Tracer.Span | undefined
  readonly onJobEvent: (event: JobEvent) => void
  readonly ended: (state: JobState.JobState, exit: Exit.Exit<JobState.JobState, AwaitError>) => void
}

/** What the subscribers of a job see. @internal */
export class JobFeed {
  readonly states: ObservableValue<JobState.JobState>
  readonly log = new EventLog()
  readonly outputs = new ReplayList<InkOutput>()
  readonly result: Deferred.Deferred<JobState.JobState, AwaitError> = Deferred.makeUnsafe()
  private readonly telemetry: JobTelemetry
  private exit: Exit.Exit<JobState.JobState, AwaitError> | undefined
  /** What happened before the items were known: subscribers see it after `JobEnqueued`. */
  private pendingEvents: Array<JobEvent> | undefined = []

  constructor(state: JobState.JobState, telemetry: JobTelemetry) {
    this.states = new ObservableValue(state)
    this.telemetry = telemetry
  }

  get state(): JobState.JobState {
    return this.states.current
  }

  get isDone(): boolean {
    return this.exit !== undefined
  }

  get isUnreadable(): boolean {
    if (this.exit === undefined) return false
    const error = Option.getOrUndefined(Exit.findErrorOption(this.exit))
    const reason = error?._tag === "WorkflowNotCompleted" ? error.reason : undefined
    return reason?._tag === "QueueBlocked" && reason.own && reason.removed !== true
  }

  /** Shows the subscribers what happened. They see the state that it led to, which is set before. */
  emit(events: ReadonlyArray<JobEvent>): void {
    for (const event of events) this.emitEvent(event)
    this.states.notify()
  }

  /** Ends the job for all subscribers. */
  end(exit: Exit.Exit<JobState.JobState, AwaitError>): void {
    if (this.isDone) return
    this.exit = exit
    Deferred.doneUnsafe(this.result, exit)
    this.telemetry.ended(this.state, exit)
    this.flushPendingEvents()
    this.log.end()
    this.outputs.end()
    this.states.end()
  }

  private emitEvent(event: JobEvent): void {
    this.telemetry.onJobEvent(event)
    if (event._tag === "InvocationComplete") this.outputs.push(event.output)
    if (this.pendingEvents !== undefined && event._tag !== "JobEnqueued") {
      this.pendingEvents.push(event)
    } else {
      this.log.push(event)
      this.flushPendingEvents()
    }
  }

  private flushPendingEvents(): void {
    for (const event of this.pendingEvents ?? []) this.log.push(event)
    this.pendingEvents = undefined
  }
}
