/**
 * Tracks all jobs of a program: applies observations to their states, and runs the commands that result.
 *
 * **Details**
 *
 * Data flows one way. Events and responses become observations, `reduce` makes states, events and commands of
 * them, subscribers get states and events, and the commands become requests whose outcomes are observations again.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Predicate from "effect/Predicate"
import * as WorkQueue from "effect/Queue"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import * as Stream from "effect/Stream"
import { elapsedMillis, elapsedMillisUnsafe } from "../../internal/elapsed.ts"
import type { InvokeAiError } from "../../InvokeAiError.ts"
import { ServerEvents, type ServerMessage } from "../../server/ServerEvents.ts"
import { SessionQueue } from "../../server/SessionQueue.ts"
import { JobNotFound } from "../JobError.ts"
import * as JobState from "../JobState.ts"
import type { OutputNode } from "../Outputs.ts"
import { findBatchItems } from "./batchItems.ts"
import * as JobTelemetry from "./jobTelemetry.ts"
import { ObservableValue } from "./observable.ts"
import { batchIdOf, fromEvent, type Observation } from "./Observation.ts"
import { withLoops } from "./outputs/graph.ts"
import { pollBatches, pollSummaries } from "./pollItems.ts"
import { readItem } from "./readItem.ts"
import { type Command, reduce } from "./reduceJob.ts"
import { diagnoseStall, firstPendingItem } from "./stalledQueue.ts"
import type { SubmittedBatch } from "./SubmittedBatch.ts"
import { JobFeed, type TrackedJob } from "./trackedJob.ts"
import { nodesOfWorkflow } from "./workflowNodes.ts"

/** How jobs are tracked; times are in milliseconds. See `JobTrackerOptions`. @internal */
export interface Timing {
  readonly sweepMax: number
  readonly pollMin: number
  readonly pollMax: number
  readonly connectTimeout: number
  readonly blockedAfter: number
  readonly giveUpAfter: number
  readonly idle: number
  readonly readConcurrency: number
}

/** The batch to track. @internal */
export interface TrackOptions {
  readonly batchId: string
  /** How many items are asked for, null to take all there are. */
  readonly expected: number | null
  readonly destination?: string | undefined
  readonly nodes: ReadonlyMap<string, OutputNode>
  /** The batch, if this program submits it. */
  readonly submitted?: SubmittedBatch | undefined
}

/** Tracks jobs; see `JobTracker`. @internal */
export interface Tracker {
  readonly track: (options: TrackOptions) => Effect.Effect<TrackedJob, never, Scope.Scope>
  readonly refresh: Effect.Effect<void>
  readonly connected: Effect.Effect<boolean>
  readonly jobs: () => ReadonlyArray<{ readonly batchId: string; readonly state: JobState.JobState }>
}

/** A job while it is tracked. */
interface JobEntry {
  readonly batchId: string
  readonly state: JobState.JobState
  readonly feed: JobFeed
  /** Work of the fibers for this job belongs to the job's trace, although they work for all jobs. */
  readonly traced: <A, E>(work: Effect.Effect<A, E>) => Effect.Effect<A, E>
  nodes: ReadonlyMap<string, OutputNode>
  readonly submitted: SubmittedBatch | undefined
  /** The observations to process, in order; the first one is being processed. */
  readonly observationQueue: Array<Observation>
  /** The ids of items that are being read. */
  readonly reading: Set<number>
  /** When the job moved for the last time, in milliseconds. */
  lastActivityAt: number
  readonly warnUnavailable: RepeatedWarning
}

/**
 * When a warning about an unavailable event connection is due: with the first failed attempt, and again 1, 2, 4, 8 and then
 * every 10 minutes later.
 */
class RepeatedWarning {
  #pause = 60_000
  #next = 0

  /** Whether it is due at `now`, in milliseconds. If so, the next one is due later. */
  isDue(now: number): boolean {
    if (now < this.#next) return false
    this.#pause = this.#next === 0 ? 60_000 : Math.min(600_000, this.#pause * 2)
    this.#next = now + this.#pause
    return true
  }

  /** The connection is open: the next failed attempt is the first one. */
  reset(): void {
    this.#next = 0
  }
}

/** An event about a batch that is not tracked. It is decoded if the batch is tracked later. */
interface UntrackedEvent {
  readonly batchId: string
  readonly message: EventMessage
}

/** How many of them are kept, the newest. */
const maxUntrackedEvents = 256

type EventMessage = ServerMessage & { readonly _tag: "Event" }

type ConnectionStatus = "unknown" | "up" | "down"

/** Exists while jobs are tracked. */
interface Running {
  readonly scope: Scope.Closeable
  readonly wake: WorkQueue.Queue<void>
  readonly fork: (work: Effect.Effect<void>) => void
}

/** @internal */
export const make = Effect.fnUntraced(function*(timing: Timing): Effect.fn.Return<
  Tracker,
  never,
  SessionQueue | ServerEvents | Scope.Scope
> {
  const { blockedAfter, connectTimeout, giveUpAfter, idle, pollMax, pollMin, sweepMax } = timing
  const queue = yield* SessionQueue
  const events = yield* ServerEvents
  const scope = yield* Effect.scope
  const limitReads = Semaphore.makeUnsafe(timing.readConcurrency).withPermits(1)

  const jobs = new Map<string, Set<JobEntry>>()
  const trackedJobs = (): ReadonlyArray<JobEntry> => [...jobs.values()].flatMap((set) => Array.from(set))
  const active = (): ReadonlyArray<JobEntry> => trackedJobs().filter((job) => !job.feed.isDone)
  const connectionStatus = new ObservableValue<ConnectionStatus>("unknown")
  const untrackedEvents: Array<UntrackedEvent> = []
  let lastResponse = 0
  let lastActivity = 0
  let lastDiagnosis = 0
  let stallSignature: string | undefined
  /** The clock of the caller who tracks the first job, like those of the fibers that work for all jobs. */
  let clock = yield* Clock.Clock
  let running: Running | undefined
  let hasSummaries = true
  const logUnavailable = new RepeatedWarning()

  const onResponse = () => {
    lastResponse = elapsedMillisUnsafe(clock)
  }

  const wake = () => {
    if (running !== undefined) WorkQueue.offerUnsafe(running.wake, undefined)
  }

  /** A defect must not leave a subscriber waiting. */
  const onDefect = (affected: ReadonlyArray<JobEntry>, cause: Cause.Cause<never>) => {
    if (Cause.hasInterruptsOnly(cause)) return
    for (const { feed } of affected) feed.end(Exit.failCause(cause))
  }

  /** A request failed, for the first time at `since`. The next sweep repeats what waiting can help. */
  const onRequestFailed = (affected: ReadonlyArray<JobEntry>, error: InvokeAiError, since = lastResponse) => {
    const isPermanent = error.reason._tag === "Unauthorized" || error.reason._tag === "Forbidden"
    if (!isPermanent && elapsedMillisUnsafe(clock) - since <= giveUpAfter) return
    for (const { feed } of affected) feed.end(Exit.fail(error))
  }

  /** Applies an observation. A subscriber that runs while events are emitted can observe something: applied afterwards. */
  const observe = (job: JobEntry, observation: Observation): void => {
    const waiting = job.observationQueue
    waiting.push(observation)
    if (waiting.length > 1) return
    for (let next: Observation | undefined = observation; next !== undefined; next = waiting[0]) {
      if (!job.feed.isDone) applyObservation(job, next)
      waiting.shift()
    }
  }

  const applyObservation = (job: JobEntry, observation: Observation): void => {
    const { feed } = job
    const before = feed.state
    if (observation._tag === "ItemRead" && job.nodes.size === 0) job.nodes = nodesIn(observation.item)
    const { commands, events, state } = reduce(before, observation, job.nodes, job.submitted)
    if (state !== before) feed.states.set(state)
    if (JobState.isProgress(before, state)) job.lastActivityAt = lastActivity = elapsedMillisUnsafe(clock)
    // Requests are on their way before subscribers see what happened, which may take them time.
    for (const command of commands) run(job, command)
    if (state === before && events.length === 0) return
    feed.emit(events)
    if (JobState.isDone(state)) feed.end(Exit.succeed(state))
  }

  const run = (job: JobEntry, command: Command): void => {
    switch (command._tag) {
      case "ReadItem":
        return read(job, command.itemId)
      case "CancelExtraItems":
        return running?.fork(
          Effect.forEach(command.itemIds, (itemId) => Effect.ignore(queue.cancelItem(itemId)), { discard: true })
        )
      case "Recount":
        // The sweep counts all jobs that need it.
        return wake()
    }
  }

  const read = (job: JobEntry, itemId: number): void => {
    if (running === undefined || job.reading.has(itemId)) return
    job.reading.add(itemId)
    const reading = Effect.suspend(() => job.feed.isDone ? Effect.undefined : readItem(queue, job, itemId, limitReads))
    running.fork(
      job.traced(reading).pipe(
        Effect.map((observation) => {
          onResponse()
          if (observation !== undefined) observe(job, observation)
        }),
        Effect.catchTag("WorkflowNotCompleted", (error) => Effect.sync(() => job.feed.end(Exit.fail(error)))),
        Effect.catch((error) =>
          Effect.map(elapsedMillis, (now) => {
            observe(job, { _tag: "ReadFailed", itemId, at: now })
            onRequestFailed([job], error, Math.min(job.state.unreadableSince[itemId] ?? now, lastResponse))
          })
        ),
        Effect.tapCause((cause) => Effect.sync(() => onDefect([job], cause))),
        Effect.ensuring(Effect.sync(() => job.reading.delete(itemId)))
      )
    )
  }

  const search = Effect.fnUntraced(function*(job: JobEntry) {
    const status = yield* queue.batchStatus(job.batchId)
    onResponse()
    if (status.total === 0 && job.state.pages.length === 0) return yield* new JobNotFound({ batchId: job.batchId })
    const destination = job.state.destination ?? status.destination ?? null
    const items = yield* findBatchItems(job.batchId, status.total, destination ?? undefined)
    observe(job, { _tag: "Listed", items, destination })
    wake()
  }, Effect.provideService(SessionQueue, queue))

  /** Asks how many items a batch has, and for these if there are more than are known. */
  const recount = Effect.fnUntraced(function*(job: JobEntry) {
    const status = yield* queue.batchStatus(job.batchId)
    onResponse()
    if (status.total > JobState.countPresent(job.state)) {
      yield* Effect.catchTag(search(job), "JobNotFound", () => Effect.void)
    }
    observe(job, { _tag: "Recounted" })
  })

  const recountSafely = (job: JobEntry) =>
    job.traced(recount(job)).pipe(
      Effect.catch((error) =>
        Effect.sync(() => {
          if (job.state.mayHaveDuplicates) return onRequestFailed([job], error)
          // Only if the batch may have been sent twice, the number has to be known.
          observe(job, { _tag: "Recounted" })
        })
      )
    )

  const examine = Effect.fnUntraced(function*(now: number) {
    const stalled = active().filter((job) =>
      job.state.known && job.lastActivityAt <= now - blockedAfter && firstPendingItem(job.state) !== undefined
    )
    if (stalled.length === 0 || now - lastDiagnosis < blockedAfter) return
    lastDiagnosis = now
    const { findings, signature } = yield* diagnoseStall(queue, stalled, stallSignature)
    stallSignature = signature
    for (const { finding, job } of findings) {
      if (Result.isSuccess(finding)) observe(job, finding.success)
      else job.feed.end(Exit.fail(finding.failure))
    }
  })

  const poll = Effect.fnUntraced(function*(open: ReadonlyArray<JobEntry>) {
    const byBatch = pollBatches(queue, open)
    const result = yield* Effect.result(
      hasSummaries
        // One item that the server cannot read makes it fail for all.
        ? Effect.catchIf(pollSummaries(queue, open), (error) => error.status === 500, () => byBatch)
        : byBatch
    )
    if (Result.isSuccess(result)) {
      onResponse()
      for (const { job, observation } of result.success.observations) observe(job, observation)
      for (const { itemId, job } of result.success.reads) read(job, itemId)
    } else if (hasSummaries && result.failure.reason._tag === "Unsupported") {
      hasSummaries = false
      wake()
    } else onRequestFailed(open, result.failure)
  })

  const sweep = Effect.gen(function*() {
    const now = yield* elapsedMillis
    yield* Effect.forEach(active().filter((job) => job.state.needsRecount), recountSafely, {
      concurrency: 8,
      discard: true
    })
    for (const job of active()) {
      for (const itemId of JobState.unread(job.state)) read(job, itemId)
    }
    const open = active().filter((job) => job.state.known && JobState.openItems(job.state).length > 0)
    if (open.length > 0) yield* poll(open)
    yield* Effect.ignore(examine(now))
  }).pipe(Effect.withSpan("JobTracker.sweep", { root: true }))

  const interval = (now: number): number => {
    const inactiveFor = now - lastActivity
    const waiting = active().some(({ state }) => state.needsRecount || JobState.unread(state).length > 0)
    return connectionStatus.current === "up" && !waiting
      ? Math.min(sweepMax, Math.max(5000, inactiveFor))
      : Math.min(pollMax, Math.max(pollMin, inactiveFor / 2))
  }

  const sweeper = Effect.fnUntraced(function*(awake: WorkQueue.Queue<void>) {
    let emptySince: number | undefined
    while (true) {
      const now = yield* elapsedMillis
      if (jobs.size === 0) {
        emptySince ??= now
        if (now - emptySince >= idle) {
          // Immediately, so that a job that comes now starts again.
          running = undefined
          return
        }
      } else emptySince = undefined
      const wait = jobs.size === 0 ? Math.min(idle, interval(now)) : interval(now)
      yield* WorkQueue.take(awake).pipe(Effect.timeoutOption(Duration.millis(wait)))
      yield* WorkQueue.clear(awake)
      if (jobs.size > 0) yield* sweep
    }
  })

  const onEvent = (message: EventMessage) => {
    // These can be about thousands of items, which one poll reads.
    if (message.name === "queue_cleared" || message.name === "queue_items_canceled") return wake()
    // Most events on a busy server are about other batches, or about models: they are not decoded.
    const batchId = batchIdOf(message)
    if (batchId === undefined || batchId === "redacted") return
    const matchingJobs = jobs.get(batchId)
    if (matchingJobs !== undefined) return observeEvent([...matchingJobs], message)
    if (message.name === "invocation_progress") return
    untrackedEvents.push({ batchId, message })
    if (untrackedEvents.length > maxUntrackedEvents) untrackedEvents.shift()
  }

  const observeEvent = (matchingJobs: ReadonlyArray<JobEntry>, message: EventMessage) => {
    const observation = fromEvent(message.event)
    if (observation === undefined) return
    for (const job of matchingJobs) observe(job, observation)
  }

  const onMessage = (message: ServerMessage) => {
    if (message._tag === "Event") return onEvent(message)
    connectionStatus.set(message._tag === "Connected" ? "up" : "down")
    connectionStatus.notify()
    if (message._tag === "Connected") {
      // The server may be another one now.
      hasSummaries = true
      logUnavailable.reset()
      for (const job of trackedJobs()) job.warnUnavailable.reset()
    } else {
      for (const job of active()) observe(job, { _tag: "EventConnection", isUp: false })
    }
    if (message._tag === "Unavailable") {
      const { error } = message
      const now = elapsedMillisUnsafe(clock)
      for (const job of active()) {
        if (!job.warnUnavailable.isDue(now)) continue
        observe(job, { _tag: "Warned", reason: "EventsUnavailable", message: error.message })
      }
      if (logUnavailable.isDue(now)) running?.fork(Effect.logWarning(`${error.message}; tracking jobs by polling`))
    }
    wake()
  }

  const start = Effect.gen(function*() {
    const own = yield* Scope.fork(scope)
    const awake = yield* WorkQueue.sliding<void>(1)
    running = { scope: own, wake: awake, fork: yield* Scope.provide(FiberSet.makeRuntime(), own) }
    clock = yield* Clock.Clock
    lastResponse = lastActivity = elapsedMillisUnsafe(clock)
    connectionStatus.set("unknown")
    const listener = (message: ServerMessage) => {
      const taken = Result.try(() => onMessage(message))
      if (Result.isFailure(taken)) onDefect(active(), Cause.die(taken.failure))
    }
    yield* Scope.provide(events.listen(listener), own)
    const stop = Effect.suspend(() => {
      if (running?.scope === own) running = undefined
      untrackedEvents.length = 0
      return Effect.forkIn(Scope.close(own, Exit.void), scope)
    })
    const guarded = Effect.tapCause(sweeper(awake), (cause) => Effect.sync(() => onDefect(active(), cause)))
    yield* Effect.forkIn(Effect.ensuring(guarded, stop), own)
  }).pipe(Effect.uninterruptible)

  const awaitConnection = connectionStatus.stream.pipe(
    Stream.filter((state) => state !== "unknown"),
    Stream.runHead,
    Effect.timeoutOption(connectTimeout)
  )

  const release = (job: JobEntry) =>
    Effect.suspend(() => {
      const set = jobs.get(job.batchId)
      set?.delete(job)
      if (set?.size === 0) jobs.delete(job.batchId)
      if (jobs.size > 0 || idle > 0 || running === undefined) return Effect.void
      const own = running.scope
      running = undefined
      return Scope.close(own, Exit.void)
    })

  const track = Effect.fnUntraced(function*(target: TrackOptions) {
    const telemetry = yield* JobTelemetry.make(target.batchId)
    const { span } = telemetry
    const feed = new JobFeed(
      JobState.make(target.batchId, target.expected, target.destination ?? null),
      telemetry
    )
    const job: JobEntry = {
      batchId: target.batchId,
      get state() {
        return feed.state
      },
      feed,
      traced: (work) => span === undefined ? work : Effect.withParentSpan(work, span),
      nodes: target.nodes,
      submitted: target.submitted,
      observationQueue: [],
      reading: new Set(),
      lastActivityAt: 0,
      warnUnavailable: new RepeatedWarning()
    }
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        const set = jobs.get(job.batchId)
        if (set === undefined) jobs.set(job.batchId, new Set([job]))
        else set.add(job)
      }),
      () => release(job)
    )
    if (running === undefined) yield* start
    for (const seen of untrackedEvents) {
      if (seen.batchId === job.batchId) observeEvent([job], seen.message)
    }
    if (connectionStatus.current === "unknown") yield* awaitConnection
    job.lastActivityAt = elapsedMillisUnsafe(clock)
    observe(job, { _tag: "EventConnection", isUp: connectionStatus.current === "up" })
    return toTrackedJob(job, (observation) => observe(job, observation), search(job))
  })

  return {
    track,
    refresh: Effect.sync(wake),
    connected: Effect.sync(() => connectionStatus.current === "up"),
    jobs: trackedJobs
  }
})

/** The nodes of the workflow that an item embeds. */
const nodesIn = (item: (Observation & { readonly _tag: "ItemRead" })["item"]): ReadonlyMap<string, OutputNode> =>
  withLoops(
    nodesOfWorkflow(item.workflow),
    Predicate.hasProperty(item.session, "graph") ? item.session.graph : undefined
  )

const toTrackedJob = (
  { batchId, feed }: JobEntry,
  observe: TrackedJob["observe"],
  search: TrackedJob["search"]
): TrackedJob => ({
  batchId,
  get state() {
    return feed.state
  },
  get isDone() {
    return feed.isDone
  },
  get isUnreadable() {
    return feed.isUnreadable
  },
  changes: feed.states.stream,
  events: feed.log.stream,
  outputs: feed.outputs,
  result: Deferred.await(feed.result),
  observe,
  fail: (error) => feed.end(Exit.fail(error)),
  search
})
