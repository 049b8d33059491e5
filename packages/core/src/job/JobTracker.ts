/**
 * Follows all jobs of a program at once.
 *
 * **Details**
 *
 * One event subscription serves all jobs. What an item ended with is always read over HTTP; events only tell when to
 * look. After every (re)connect and on a slow sweep all open items are asked for in one request
 * (`item_summaries_by_ids`, servers from 6.14 on) or by batch (`b/{batch_id}/status`). Without events the sweep becomes
 * a poll that is quick while something happens and slows down otherwise; results are the same.
 *
 * There is no timer and no fiber per job: events are taken in as they arrive, one fiber sweeps, a few read items. All of
 * them stop when no job is followed.
 *
 * Whether a batch has more items than were asked for is told by the totals in its events; where events were missing, or
 * the request may have been sent twice, or a failed item may have been retried, the server is asked for the total before
 * the job ends.
 *
 * Memory: per job its state and its events, of which old ones are left out; of events about batches that nobody follows
 * (yet) the newest 256, without progress.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FiberSet from "effect/FiberSet"
import * as Layer from "effect/Layer"
import * as WorkQueue from "effect/Queue"
import * as Result from "effect/Result"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { type CleanupTasks, Closing } from "../internal/Closing.ts"
import { elapsedMillis, elapsedMillisUnsafe } from "../internal/elapsed.ts"
import { durationOption } from "../internal/options.ts"
import type { InvokeAiError } from "../server/InvokeAiError.ts"
import { Queue } from "../server/Queue.ts"
import { ServerEvents, type ServerMessage } from "../server/ServerEvents.ts"
import { ImageUse } from "./internal/ImageUse.ts"
import * as ItemReader from "./internal/itemReader.ts"
import * as JobObserver from "./internal/jobObserver.ts"
import { findMembers } from "./internal/members.ts"
import { fromEvent, type Observation } from "./internal/Observation.ts"
import { diagnose, isStuck } from "./internal/poison.ts"
import { Changing } from "./internal/readable.ts"
import * as Sweep from "./internal/sweep.ts"
import { reveals, TrackedJob } from "./internal/trackedJob.ts"
import { JobNotFound } from "./JobError.ts"
import * as JobState from "./JobState.ts"
import type { OutputNode } from "./Outputs.ts"

export type { TrackedJob } from "./internal/trackedJob.ts"

/**
 * How jobs are followed.
 *
 * **Details**
 *
 * - `sweepInterval`: how often everything is asked for while events arrive, by default every 30 seconds (5 seconds after
 *   something happened).
 * - `pollInterval`: the shortest and the longest time between two polls without events, by default 250 milliseconds
 *   and 5 seconds.
 * - `connectTimeout`: how long a submission waits for the event connection, by default 2 seconds.
 * - `readConcurrency`: how many items are read at the same time, by default 8.
 * - `blockedAfter`: after how long without any progress the queue is examined, by default 10 seconds.
 * - `giveUpAfter`: after how long without any answer of the server jobs fail, by default 10 minutes.
 * - `idle`: how long the event connection is kept after the last job, by default 10 seconds. With 0 it is closed before
 *   the scope of the last job is.
 *
 * No environment variables set these: they suit a program, wherever it runs. `InvokeAiConfig` has those for the limits of
 * requests and of closing.
 *
 * @category models
 * @since 0.1.0
 */
export interface JobTrackerOptions {
  readonly sweepInterval?: Duration.Input | undefined
  readonly pollInterval?: { readonly min: Duration.Input; readonly max: Duration.Input } | undefined
  readonly connectTimeout?: Duration.Input | undefined
  readonly readConcurrency?: number | undefined
  readonly blockedAfter?: Duration.Input | undefined
  readonly giveUpAfter?: Duration.Input | undefined
  readonly idle?: Duration.Input | undefined
}

/**
 * What to follow.
 *
 * @category models
 * @since 0.1.0
 */
export interface TrackOptions {
  readonly batchId: string
  /** How many items are asked for, null to take all there are. */
  readonly expected: number | null
  readonly destination?: string | undefined
  readonly nodes: ReadonlyMap<string, OutputNode>
}

/**
 * Follows jobs.
 *
 * **Details**
 *
 * - `track`: follows a batch until the scope closes. The event connection is there when it returns, or it was tried in
 *   vain; no event is missed from then on.
 * - `observe`: takes in what the caller saw of a tracked batch.
 * - `search`: looks for the items of a tracked batch by its id.
 * - `refresh`: asks the server about all jobs now.
 * - `connected`: whether events arrive at the moment.
 * - `imageUse`: the images that are needed, those of the results of followed jobs among them.
 * - `cleanup`: cancels jobs and deletes their images, within `InvokeAiOptions.closeTimeout` and then in the background.
 *
 * @category services
 * @since 0.1.0
 */
export class JobTracker extends Context.Service<JobTracker, {
  readonly track: (options: TrackOptions) => Effect.Effect<TrackedJob, never, Scope.Scope>
  readonly observe: (job: TrackedJob, observation: Observation) => void
  readonly search: (job: TrackedJob) => Effect.Effect<void, JobNotFound | InvokeAiError>
  readonly refresh: Effect.Effect<void>
  readonly connected: Effect.Effect<boolean>
  readonly imageUse: ImageUse["Service"]
  readonly cleanup: CleanupTasks
}>()("@effect-invokeai/core/job/JobTracker") {
  /** Follows jobs with the usual timing. */
  static readonly layer: Layer.Layer<JobTracker, never, Queue | ServerEvents> = Layer.effect(
    JobTracker,
    Effect.suspend(() => make({}))
  ).pipe(Layer.provide([ImageUse.layer, Closing.layer]))

  /** Follows jobs with other timing. */
  static readonly layerWith = (options: JobTrackerOptions): Layer.Layer<JobTracker, never, Queue | ServerEvents> =>
    Layer.effect(JobTracker, make(options)).pipe(Layer.provide([ImageUse.layer, Closing.layer]))
}

interface Foreign {
  readonly batchId: string
  readonly observation: Observation
}

/** Events about batches that are not followed, newest last. */
const foreignLimit = 256

type Link = "unknown" | "up" | "down"

/** What there is while jobs are followed. */
interface Running {
  readonly scope: Scope.Closeable
  readonly wake: WorkQueue.Queue<void>
  readonly fork: (work: Effect.Effect<void>) => void
}

/** The one item that an observation is about; none for those about many. */
const itemOf = (observation: Observation): number | undefined => {
  switch (observation._tag) {
    case "Status":
      return observation.facts.itemId
    case "ItemRead":
      return observation.item.itemId
    case "Node":
    case "ItemMissing":
    case "ItemUnreadable":
      return observation.itemId
    default:
      return undefined
  }
}

const make = Effect.fnUntraced(function*(options: JobTrackerOptions): Effect.fn.Return<
  JobTracker["Service"],
  never,
  Queue | ServerEvents | ImageUse | Closing | Scope.Scope
> {
  const queue = yield* Queue
  const events = yield* ServerEvents
  const imageUse = yield* ImageUse
  const cleanup = yield* Effect.flatMap(Closing, (closing) => closing.tasks)
  const scope = yield* Effect.scope
  const millis = (name: string, input: Duration.Input) => Duration.toMillis(durationOption(name, input))
  const sweepMax = millis("sweepInterval", options.sweepInterval ?? "30 seconds")
  const pollMin = millis("pollInterval.min", options.pollInterval?.min ?? "250 millis")
  const pollMax = millis("pollInterval.max", options.pollInterval?.max ?? "5 seconds")
  const connectTimeout = durationOption("connectTimeout", options.connectTimeout ?? "2 seconds")
  const blockedAfter = millis("blockedAfter", options.blockedAfter ?? "10 seconds")
  const giveUpAfter = millis("giveUpAfter", options.giveUpAfter ?? "10 minutes")
  const idle = millis("idle", options.idle ?? "10 seconds")

  const jobs = new Map<string, Set<TrackedJob>>()
  const followed = (): ReadonlyArray<TrackedJob> => [...jobs.values()].flatMap((set) => Array.from(set))
  const active = (): ReadonlyArray<TrackedJob> => followed().filter((job) => !job.isDone)
  yield* imageUse.follow(followed)
  const link = new Changing<Link>("unknown")
  const foreign: Array<Foreign> = []
  let lastAnswer = 0
  let lastActivity = 0
  let lastDiagnosis = 0
  let stalledAt: string | undefined
  /** That of who follows the first job, as are those of the fibers that work for all jobs. */
  let clock = yield* Clock.Clock
  let running: Running | undefined
  let summaries = true
  let told = false

  const answered = () => {
    lastAnswer = elapsedMillisUnsafe(clock)
  }

  const lookNow = () => {
    if (running !== undefined) WorkQueue.offerUnsafe(running.wake, undefined)
  }

  /** What an observation leads to. */
  const onChange = (job: TrackedJob, observation: Observation) => {
    job.lastSeen = lastActivity = elapsedMillisUnsafe(clock)
    const itemId = itemOf(observation)
    const item = itemId === undefined ? undefined : JobState.getItem(job.state, itemId)
    if (item === undefined) reader.schedule(job)
    else if (JobState.isUnread(job.state, item)) reader.request({ job, itemId: item.itemId })
    if (reveals(observation, job.state)) reader.cancelSurplus(job)
    if (observation._tag === "Status" && typeof observation.batchTotal === "number") job.hear(observation.batchTotal)
  }

  const observe = (job: TrackedJob, observation: Observation) => {
    job.observe(observation)
    if (job.unconfirmed && !job.isDone) lookNow()
  }

  /** A defect must not leave anybody waiting. */
  const broken = (affected: ReadonlyArray<TrackedJob>, cause: Cause.Cause<never>) => {
    if (Cause.hasInterruptsOnly(cause)) return
    for (const job of affected) job.finish(Exit.failCause(cause))
  }

  /** A request failed, for the first time at `since`. What can be helped by waiting is tried again by the next sweep. */
  const failed = (affected: ReadonlyArray<TrackedJob>, error: InvokeAiError, since = lastAnswer) => {
    const hopeless = error.reason._tag === "Unauthorized" || error.reason._tag === "Forbidden"
    if (!hopeless && elapsedMillisUnsafe(clock) - since <= giveUpAfter) return
    for (const job of affected) job.finish(Exit.fail(error))
  }

  const reader = ItemReader.make({
    queue,
    observe,
    fork: (work) => running?.fork(work),
    concurrency: options.readConcurrency ?? 8,
    answered,
    failed: (job, error, since) => failed([job], error, Math.min(since, lastAnswer)),
    broken: (job, cause) => broken([job], cause)
  })

  const search = Effect.fnUntraced(function*(job: TrackedJob) {
    const status = yield* queue.batchStatus(job.batchId)
    answered()
    if (status.total === 0 && job.state.pages.length === 0) return yield* new JobNotFound({ batchId: job.batchId })
    job.destination ??= status.destination ?? undefined
    const members = yield* findMembers(job.batchId, status.total, job.destination)
    observe(job, { _tag: "Members", expected: job.expected, items: members })
    lookNow()
  }, Effect.provideService(Queue, queue))

  /** Asks how many items a batch has, and for these where there are more than are known. */
  const confirm = Effect.fnUntraced(function*(job: TrackedJob) {
    const status = yield* queue.batchStatus(job.batchId)
    answered()
    if (status.total > JobState.present(job.state)) {
      yield* Effect.catchTag(search(job), "JobNotFound", () => Effect.void)
    }
    job.confirm()
  })

  const confirmSafely = (job: TrackedJob) =>
    job.traced(confirm(job)).pipe(
      // Only what may have been sent twice has to be known; the rest is a courtesy.
      Effect.catch((error) => Effect.sync(() => job.uncertain ? failed([job], error) : job.confirm()))
    )

  const examine = Effect.fnUntraced(function*(now: number) {
    const stuck = active().filter((job) => isStuck(job, now - blockedAfter))
    if (stuck.length === 0 || now - lastDiagnosis < blockedAfter) return
    lastDiagnosis = now
    stalledAt = yield* diagnose(queue, stuck, stalledAt)
  })

  const sweep = Effect.gen(function*() {
    const now = yield* elapsedMillis
    yield* Effect.forEach(active().filter((job) => job.unconfirmed), confirmSafely, { concurrency: 8, discard: true })
    for (const job of active()) reader.schedule(job)
    const open = active().filter((job) => job.state.known && Sweep.openItems(job).length > 0)
    if (open.length > 0) {
      const byBatch = Sweep.byBatch(queue, open)
      const asked = yield* Effect.result(
        summaries
          // One item that the server cannot read makes it fail for all.
          ? Effect.catchIf(Sweep.bySummaries(queue, open, observe), (error) => error.status === 500, () => byBatch)
          : byBatch
      )
      if (asked._tag === "Success") {
        answered()
        for (const task of asked.success) reader.request(task)
      } else if (summaries && asked.failure.isUnknownRoute) {
        summaries = false
        lookNow()
      } else failed(open, asked.failure)
    }
    yield* Effect.ignore(examine(now))
  }).pipe(Effect.withSpan("JobTracker.sweep", { root: true }))

  const interval = (now: number): number => {
    const quietFor = now - lastActivity
    const waiting = active().some((job) => job.unconfirmed || JobState.unread(job.state).length > 0)
    return link.current === "up" && !waiting
      ? Math.min(sweepMax, Math.max(5000, quietFor))
      : Math.min(pollMax, Math.max(pollMin, quietFor / 2))
  }

  const sweeper = Effect.fnUntraced(function*(wake: WorkQueue.Queue<void>) {
    let emptySince: number | undefined
    while (true) {
      const now = yield* elapsedMillis
      if (jobs.size === 0) {
        emptySince ??= now
        if (now - emptySince >= idle) {
          // At once, so that a job that comes now starts anew.
          running = undefined
          return
        }
      } else emptySince = undefined
      const wait = jobs.size === 0 ? Math.min(idle, interval(now)) : interval(now)
      yield* WorkQueue.take(wake).pipe(Effect.timeoutOption(Duration.millis(wait)))
      yield* WorkQueue.clear(wake)
      if (jobs.size > 0) yield* sweep
    }
  })

  const onEvent = (name: string, payload: unknown) => {
    if (name === "queue_cleared") return lookNow()
    const seen = fromEvent(name, payload)
    if (seen === undefined) return
    const { batchId, observation } = seen
    const concerned = batchId === null ? active() : [...jobs.get(batchId) ?? []]
    for (const job of concerned) observe(job, observation)
    if (concerned.length > 0 || batchId === null || batchId === "redacted" || name === "invocation_progress") return
    foreign.push({ batchId, observation })
    if (foreign.length > foreignLimit) foreign.shift()
  }

  const onMessage = (message: ServerMessage) => {
    if (message._tag === "Event") return onEvent(message.name, message.payload)
    link.set(message._tag === "Connected" ? "up" : "down")
    link.notify()
    if (message._tag === "Connected") {
      // The server may be another one now.
      summaries = true
      told = false
    } else {
      for (const job of active()) job.unheard = true
    }
    if (message._tag === "Unavailable") {
      for (const job of active()) {
        job.warn({ reason: "EventsUnavailable", message: message.error.message, itemIds: [] })
      }
      // Attempts go on for as long as there are jobs: saying it once is enough.
      if (!told) running?.fork(Effect.logWarning(`${message.error.message}; jobs are followed by polling`))
      told = true
    }
    lookNow()
  }

  const start = Effect.gen(function*() {
    const own = yield* Scope.fork(scope)
    const wake = yield* WorkQueue.sliding<void>(1)
    running = { scope: own, wake, fork: yield* Scope.provide(FiberSet.makeRuntime(), own) }
    clock = yield* Clock.Clock
    lastAnswer = lastActivity = elapsedMillisUnsafe(clock)
    link.set("unknown")
    const heard = (message: ServerMessage) => {
      const taken = Result.try(() => onMessage(message))
      if (Result.isFailure(taken)) broken(active(), Cause.die(taken.failure))
    }
    yield* Scope.provide(events.listen(heard), own)
    const stop = Effect.suspend(() => {
      if (running?.scope === own) running = undefined
      foreign.length = 0
      return Effect.forkIn(Scope.close(own, Exit.void), scope)
    })
    const guarded = Effect.tapCause(sweeper(wake), (cause) => Effect.sync(() => broken(active(), cause)))
    yield* Effect.forkIn(Effect.ensuring(guarded, stop), own)
  }).pipe(Effect.uninterruptible)

  const awaitLink = link.stream.pipe(
    Stream.filter((state) => state !== "unknown"),
    Stream.runHead,
    Effect.timeoutOption(connectTimeout)
  )

  const release = (job: TrackedJob) =>
    Effect.suspend(() => {
      const set = jobs.get(job.batchId)
      set?.delete(job)
      if (set?.size === 0) jobs.delete(job.batchId)
      if (jobs.size > 0 || idle > 0 || running === undefined) return Effect.void
      const own = running.scope
      running = undefined
      return Scope.close(own, Exit.void)
    })

  return JobTracker.of({
    track: Effect.fnUntraced(function*(target) {
      const job = new TrackedJob({
        batchId: target.batchId,
        expected: target.expected,
        destination: target.destination,
        nodes: target.nodes,
        observer: yield* JobObserver.make(target.batchId),
        onChange
      })
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          const set = jobs.get(target.batchId)
          if (set === undefined) jobs.set(target.batchId, new Set([job]))
          else set.add(job)
        }),
        () => release(job)
      )
      if (running === undefined) yield* start
      for (const seen of foreign) {
        if (seen.batchId === target.batchId) observe(job, seen.observation)
      }
      if (link.current === "unknown") yield* awaitLink
      job.lastSeen = elapsedMillisUnsafe(clock)
      job.unheard = link.current !== "up"
      return job
    }),
    observe,
    search,
    refresh: Effect.sync(lookNow),
    connected: Effect.sync(() => link.current === "up"),
    imageUse,
    cleanup
  })
})
