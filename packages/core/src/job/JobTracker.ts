/**
 * Tracks all jobs of a program together.
 *
 * **Details**
 *
 * One event subscription serves all jobs. An item that completed is read over HTTP only if its events do not show every
 * result with certainty: after a gap in the events, if nodes run in iterations, or for a job that another program
 * submitted. All others are read at their end. After every (re)connect and on a slow sweep all open items are asked for in one request
 * (`item_summaries_by_ids`, servers from 6.14 on) or by batch (`b/{batch_id}/status`). Without events the sweep becomes
 * a poll that is quick while something happens and slows down otherwise; results are the same.
 *
 * There is no timer and no fiber per job: events are taken in as they arrive, one fiber sweeps, a few read items. All
 * of them stop when no job is followed.
 *
 * The totals in its events show whether a batch has more items than requested; where events were missing, or the
 * request may have been sent twice, or a failed item may have been retried, the server is asked for the total before
 * the job ends.
 *
 * Memory: per job its state and its events, of which old ones are left out; of events about batches that are not tracked
 * (yet) the newest 256, without progress.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import { Closing, type ClosingTasks } from "../internal/Closing.ts"
import * as Options from "../internal/options.ts"
import type { ServerEvents } from "../server/ServerEvents.ts"
import type { SessionQueue } from "../server/SessionQueue.ts"
import { ImageUsage } from "./internal/ImageUsage.ts"
import * as TrackJobs from "./internal/trackJobs.ts"

/**
 * Intervals and limits for tracking jobs.
 *
 * **Details**
 *
 * No environment variables set these: they suit a program, wherever it runs. `InvokeAiConfig` has those for the limits
 * of requests and of closing.
 *
 * @category models
 * @since 0.1.0
 */
export interface JobTrackerOptions {
  /**
   * The longest time between two polls of all jobs while events arrive. After something happened, polls are 5 seconds
   * apart first.
   *
   * @default 30 seconds
   */
  readonly checkInterval?: Duration.Input | undefined
  /**
   * The shortest and the longest time between two polls without events.
   *
   * @default 250 milliseconds and 5 seconds
   */
  readonly pollInterval?: { readonly min: Duration.Input; readonly max: Duration.Input } | undefined
  /**
   * How long a submission waits for the event connection.
   *
   * @default 2 seconds
   */
  readonly connectTimeout?: Duration.Input | undefined
  /**
   * How many items are read at the same time, at least 1.
   *
   * @default 8
   */
  readonly readConcurrency?: number | undefined
  /**
   * How long nothing must have happened before the queue is examined.
   *
   * @default 10 seconds
   */
  readonly blockedAfter?: Duration.Input | undefined
  /**
   * How long the server must not have responded before jobs fail.
   *
   * @default 10 minutes
   */
  readonly giveUpAfter?: Duration.Input | undefined
  /**
   * How long the event connection is kept after the last job. With 0 it is closed before the scope of the last job is.
   *
   * @default 10 seconds
   */
  readonly disconnectAfter?: Duration.Input | undefined
}

const pollRules: Options.OptionRules<NonNullable<JobTrackerOptions["pollInterval"]>> = {
  min: Options.required(Options.positiveDuration),
  max: Options.required(Options.positiveDuration)
}

const trackerRules: Options.OptionRules<JobTrackerOptions> = {
  checkInterval: Options.positiveDuration,
  pollInterval: Options.record,
  connectTimeout: Options.duration,
  readConcurrency: Options.concurrency,
  blockedAfter: Options.duration,
  giveUpAfter: Options.duration,
  disconnectAfter: Options.duration
}

/**
 * Tracks jobs.
 *
 * @category services
 * @since 0.1.0
 */
export class JobTracker extends Context.Service<JobTracker, {
  /**
   * Tracks a batch until the scope closes. When it returns, the event connection is open, or opening it failed; no
   * event is missed from then on.
   */
  readonly track: TrackJobs.Tracker["track"]
  /** Polls the server for all jobs now. */
  readonly refresh: TrackJobs.Tracker["refresh"]
  /** Returns whether events arrive at the moment. */
  readonly connected: TrackJobs.Tracker["connected"]
  /** The images that are in use, including those of the results of tracked jobs. */
  readonly imageUse: ImageUsage["Service"]
  /** Cancels jobs and deletes their images, within `InvokeAiOptions.closeTimeout` and then in the background. */
  readonly cleanup: ClosingTasks
}>()("@effect-invokeai/core/job/JobTracker") {
  /** Tracks jobs with the default intervals (see `JobTrackerOptions`). */
  static readonly layer: Layer.Layer<JobTracker, never, SessionQueue | ServerEvents> = Layer.effect(
    JobTracker,
    Effect.suspend(() => make({}))
  ).pipe(Layer.provide([ImageUsage.layer, Closing.layer]))

  /** Tracks jobs with other intervals. */
  static readonly layerWith = (
    options: JobTrackerOptions
  ): Layer.Layer<JobTracker, never, SessionQueue | ServerEvents> =>
    Layer.effect(JobTracker, make(options)).pipe(Layer.provide([ImageUsage.layer, Closing.layer]))
}

const make = Effect.fnUntraced(function*(options: JobTrackerOptions): Effect.fn.Return<
  JobTracker["Service"],
  never,
  SessionQueue | ServerEvents | ImageUsage | Closing | Scope.Scope
> {
  yield* Effect.orDie(Options.check(options, trackerRules))
  if (options.pollInterval !== undefined) yield* Effect.orDie(Options.check(options.pollInterval, pollRules))
  const imageUse = yield* ImageUsage
  const cleanup = yield* Effect.flatMap(Closing, (closing) => closing.tasks)
  const millis = (name: string, input: Duration.Input) => Duration.toMillis(Options.durationOption(name, input))
  const { connected, jobs, refresh, track } = yield* TrackJobs.make({
    sweepMax: millis("checkInterval", options.checkInterval ?? "30 seconds"),
    pollMin: millis("pollInterval.min", options.pollInterval?.min ?? "250 millis"),
    pollMax: millis("pollInterval.max", options.pollInterval?.max ?? "5 seconds"),
    connectTimeout: millis("connectTimeout", options.connectTimeout ?? "2 seconds"),
    blockedAfter: millis("blockedAfter", options.blockedAfter ?? "10 seconds"),
    giveUpAfter: millis("giveUpAfter", options.giveUpAfter ?? "10 minutes"),
    idle: millis("disconnectAfter", options.disconnectAfter ?? "10 seconds"),
    readConcurrency: options.readConcurrency ?? 8
  })
  yield* imageUse.follow(jobs)
  return JobTracker.of({ track, refresh, connected, imageUse, cleanup })
})
