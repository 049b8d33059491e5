/**
 * The `timeout` of a job, from the call that submits it on.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { elapsedMillis } from "../../internal/elapsed.ts"
import { durationOption } from "../../internal/options.ts"
import type { SessionQueue } from "../../server/SessionQueue.ts"
import { JobTimeout, WorkflowNotCompleted } from "../JobError.ts"
import type { JobOptions } from "../JobOptions.ts"
import { JobTracker } from "../JobTracker.ts"
import { cancelUnanswered, confirmWithin, type Lifecycle } from "./lifecycle.ts"

/** When the timeout of a job is over, and the job, once it is known. @internal */
export interface TimeLimit {
  /** On the monotonic clock, in milliseconds; undefined for a job without a timeout. */
  readonly until: number | undefined
  context: Lifecycle | undefined
}

/** When the work began whose end is a job, on the monotonic clock in milliseconds; undefined if submitting is its beginning. */
const Began = Context.Reference<number | undefined>("@effect-invokeai/core/job/timeLimit/Began", {
  defaultValue: () => undefined
})

/** The limit of a job whose submission begins now. @internal */
export const begin = Effect.fnUntraced(function*({ timeout }: JobOptions): Effect.fn.Return<TimeLimit> {
  const began = (yield* Began) ?? (yield* elapsedMillis)
  return {
    until: timeout === undefined ? undefined : began + Duration.toMillis(durationOption("timeout", timeout)),
    context: undefined
  }
})

/**
 * Makes the `timeout` of a job count its preparation too, from now on: `prepare` is for the preparation, which fails when the
 * time is over, and `submit` for all of it.
 *
 * @internal
 */
export const withPreparation = Effect.fnUntraced(function*({ timeout }: Pick<JobOptions, "timeout">) {
  const began = yield* elapsedMillis
  const late = Effect.suspend(() =>
    Effect.fail(
      new WorkflowNotCompleted({
        reason: new JobTimeout({
          batchId: "",
          timeout: Duration.toMillis(durationOption("timeout", timeout ?? Duration.infinity)),
          status: "unsent",
          onTimeout: "cancel",
          canceled: true,
          remaining: []
        })
      })
    )
  )
  return {
    prepare: <A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E | WorkflowNotCompleted, R> =>
      timeout === undefined
        ? work
        : Effect.timeoutOrElse(work, { duration: durationOption("timeout", timeout), orElse: () => late }),
    submit: <A, E, R>(work: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> => Effect.provideService(work, Began, began)
  }
})

/** Cancels what may be on its way to the server, and says whether the server has confirmed that nothing runs. */
const cancelSubmission = Effect.fnUntraced(function*(
  { stage, tracked }: Lifecycle
): Effect.fn.Return<boolean, never, JobTracker | SessionQueue> {
  const { cleanup } = yield* JobTracker
  // A batch that is canceled must not be sent again.
  if (stage.sending !== undefined) yield* Effect.forkDetach(Fiber.interrupt(stage.sending))
  const services = yield* Effect.context<JobTracker | SessionQueue>()
  const canceling = yield* cleanup.fork(Effect.provideContext(cancelUnanswered(tracked), services))
  const canceled = yield* Effect.timeoutOption(Effect.option(Fiber.join(canceling)), confirmWithin)
  return Option.exists(Option.flatten(canceled), ({ active, total }) => total > 0 && active === 0)
})

/** Submits a job, at most until its timeout is over. @internal */
export const submitWithin = <A, E, R>(
  options: JobOptions,
  submit: (limit: TimeLimit) => Effect.Effect<A, E, R>
): Effect.Effect<A, E | WorkflowNotCompleted, R | JobTracker | SessionQueue> =>
  Effect.flatMap(begin(options), (limit) => {
    const { onTimeout = "cancel", timeout = Duration.infinity } = options
    if (limit.until === undefined) return submit(limit)
    const late = Effect.gen(function*() {
      const { context } = limit
      const isSent = context !== undefined && context.stage.current !== "new" && context.stage.current !== "over"
      const canceled = isSent && onTimeout === "cancel" && (yield* cancelSubmission(context))
      return yield* new WorkflowNotCompleted({
        reason: new JobTimeout({
          batchId: context?.tracked.batchId ?? "",
          timeout: Duration.toMillis(durationOption("timeout", timeout)),
          status: isSent ? "sending" : "unsent",
          onTimeout,
          canceled: canceled || !isSent,
          remaining: []
        })
      })
    })
    return Effect.flatMap(
      left(limit),
      (duration) => Effect.timeoutOrElse(submit(limit), { duration: duration ?? Duration.infinity, orElse: () => late })
    )
  })

/** How much time is left of a limit, in milliseconds. @internal */
export const left = ({ until }: TimeLimit): Effect.Effect<number | undefined> =>
  Effect.map(elapsedMillis, (now) => until === undefined ? undefined : Math.max(0, until - now))
