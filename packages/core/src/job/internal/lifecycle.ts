/**
 * What becomes of a job when it is canceled, when it takes too long, and when its scope closes.
 *
 * @since 0.1.0
 */
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import { checkChoice, durationOption } from "../../internal/options.ts"
import type { InvokeAiError } from "../../server/InvokeAiError.ts"
import { Queue } from "../../server/Queue.ts"
import type { ItemState } from "../ItemState.ts"
import { JobTimeout } from "../JobError.ts"
import * as Journal from "../JobJournal.ts"
import * as JobState from "../JobState.ts"
import { JobTracker } from "../JobTracker.ts"
import { imageNames } from "../Outputs.ts"
import type { SubmissionPolicy } from "../Submission.ts"
import * as Cancellation from "./cancellation.ts"
import * as LeftImages from "./leftImages.ts"
import { tryRemoveUnreadable } from "./poison.ts"
import type { TrackedJob } from "./trackedJob.ts"

/**
 * How a job is handed in and what becomes of it.
 *
 * **Details**
 *
 * - `prepend`: put it in front of the queue.
 * - `timeout`, `onTimeout`: how long `job.await` waits, and whether the job is canceled then (default) or goes on
 *   (`detach`). Without a timeout it waits as long as the job takes.
 * - `onInterrupt`: what happens to a job that has not ended when its scope closes: `cancel` (default) or `detach`.
 * - `keepOutputs`: keep the images of a failed or canceled job. By default they are deleted when the scope closes.
 * - `deleteOutputs`: delete the images of a completed job as well when the scope closes. With a `JobJournal` they stay if
 *   the scope fails after the job completed, for the next start of the program.
 * - `onIncomplete`, `settle`, `quiet`, `attempts`: see `Submission.SubmissionPolicy`.
 * - `origin`, `destination`: marks that the server keeps with the items. The destination is the batch id unless given;
 *   servers before 6.14 can list the items of one destination.
 * - `key`: the name of the job in the `JobJournal`; `JobRecovery.submitOnce` sets it.
 *
 * @category models
 * @since 0.1.0
 */
export interface BatchOptions extends SubmissionPolicy {
  readonly prepend?: boolean | undefined
  readonly timeout?: Duration.Input | undefined
  readonly onTimeout?: "cancel" | "detach" | undefined
  readonly onInterrupt?: "cancel" | "detach" | undefined
  readonly keepOutputs?: boolean | undefined
  readonly deleteOutputs?: boolean | undefined
  readonly origin?: string | undefined
  readonly destination?: string | undefined
  readonly key?: string | undefined
}

/**
 * What cancelling did.
 *
 * **Details**
 *
 * Ids of items that are canceled, of those that had ended before, and of those that could not be canceled in time.
 *
 * @category models
 * @since 0.1.0
 */
export interface CancelResult {
  readonly batchId: string
  readonly canceled: ReadonlyArray<number>
  readonly finished: ReadonlyArray<number>
  readonly remaining: ReadonlyArray<number>
}

/** How long an interrupted submission may still take to be answered. */
const sendGrace = Duration.seconds(5)

const endings = ["cancel", "detach"] as const

/** Makes sure that the options are valid, before anything is sent. Throws `InvalidOption`. @internal */
export const checkOptions = (options: BatchOptions): void => {
  for (const name of ["timeout", "settle", "quiet"] as const) {
    const duration = options[name]
    if (duration !== undefined) durationOption(name, duration)
  }
  checkChoice("onTimeout", endings, options.onTimeout)
  checkChoice("onInterrupt", endings, options.onInterrupt)
  checkChoice("onIncomplete", ["fail", "keep"], options.onIncomplete)
}

/** A job with what it needs to be closed. @internal */
export interface Lifecycle {
  readonly tracked: TrackedJob
  readonly options: BatchOptions
  readonly stage: {
    current: "new" | "sending" | "accepted" | "over"
    detached: boolean
    sending: Fiber.Fiber<unknown, unknown> | undefined
  }
}

const idsWhere = (state: JobState.JobState, keep: (item: ItemState) => boolean) =>
  JobState.results(state).filter(keep).map((item) => item.itemId)

const isOpen = (item: ItemState): boolean => item.phase === "open"

const isActive = (state: JobState.JobState) => JobState.results(state).some(isOpen)

/** Cancels what has not ended. @internal */
export const cancelJob = Effect.fnUntraced(function*(tracked: TrackedJob, appear?: Duration.Duration): Effect.fn.Return<
  CancelResult,
  InvokeAiError,
  Queue | JobTracker
> {
  const tracker = yield* JobTracker
  const before = new Set(idsWhere(tracked.state, (item) => item.phase !== "open"))
  let active = 0
  if (!tracked.isDone || isActive(tracked.state)) {
    tracker.observe(tracked, { _tag: "CancelRequested" })
    active = (yield* Cancellation.cancelBatch(tracked.batchId, Cancellation.cancelWithin, appear)).active
    yield* tracker.refresh
    if (active === 0 && tracked.state.known) {
      yield* Effect.ignore(Effect.timeoutOption(Deferred.await(tracked.result), Cancellation.cancelWithin))
    }
  }
  const state = tracked.state
  return {
    batchId: tracked.batchId,
    canceled: idsWhere(
      state,
      (item) => !before.has(item.itemId) && (item.status === "canceled" || (active === 0 && isOpen(item)))
    ),
    finished: idsWhere(
      state,
      (item) => item.phase !== "open" && (item.status !== "canceled" || before.has(item.itemId))
    ),
    remaining: active === 0 ? [] : idsWhere(state, isOpen)
  }
})

/** The parts of a job that waiting for it needs. */
interface Awaited {
  readonly batchId: string
  readonly state: Effect.Effect<JobState.JobState>
  readonly cancel: Effect.Effect<CancelResult, InvokeAiError>
}

/** Waits for the end of a job, at most for a time. @internal */
export const awaitWithin = <A, E>(
  wait: Effect.Effect<A, E>,
  { onTimeout = "cancel", timeout }: Pick<BatchOptions, "timeout" | "onTimeout">,
  job: Awaited
): Effect.Effect<A, E | JobTimeout> => {
  if (timeout === undefined) return wait
  const giveUp = Effect.gen(function*() {
    const status = JobState.status(yield* job.state)
    const canceled = onTimeout === "cancel" ? yield* Effect.result(job.cancel) : undefined
    const state = yield* job.state
    // It may have come to its own end in this moment, and then that is what is to be told.
    if (onTimeout === "cancel" && JobState.isEnded(state) && JobState.status(state) !== "canceled") return yield* wait
    return yield* new JobTimeout({
      batchId: job.batchId,
      timeout: Duration.toMillis(durationOption("timeout", timeout)),
      status,
      onTimeout,
      remaining: canceled?._tag === "Success" ? canceled.success.remaining : idsWhere(state, isOpen)
    })
  })
  return Effect.suspend(() => {
    checkChoice("onTimeout", endings, onTimeout)
    return Effect.timeoutOrElse(wait, { duration: durationOption("timeout", timeout), orElse: () => giveUp })
  })
}

/** A worker that was stopped in the middle of a node may still write the image it works on. */
const awaitWorker = Effect.gen(function*() {
  const queue = yield* Queue
  for (let round = 0; round < 10; round++) {
    const { processor, queue: counts } = yield* queue.status
    if (counts.in_progress > 0 || !processor.is_processing) return
    yield* Effect.sleep("200 millis")
  }
})

/** What an earlier job left to this one stays for good, as its own images do. */
const keepImages = Effect.fnUntraced(function*({ batchId }: TrackedJob, items: ReadonlyArray<ItemState>) {
  const { imageUse } = yield* JobTracker
  yield* imageUse.inherit(batchId, imageNames(items.flatMap((item) => item.outputs)))
})

const removeImages = Effect.fnUntraced(function*({ options, tracked }: Lifecycle) {
  const state = tracked.state
  const items = JobState.items(state).filter((item) => item.sessionId !== "")
  const bad = items.filter((item) => item.status !== "completed")
  const all = options.deleteOutputs === true
  const doomed = all ? items : options.keepOutputs === true ? [] : bad
  yield* keepImages(tracked, items.filter((item) => !doomed.includes(item)))
  const begun = doomed.filter((item) => item.startedAt !== null || item.outputs.length > 0 || item.nodes.length > 0)
  if (begun.length === 0) return
  if (begun.some((item) => item.status === "canceled")) yield* Effect.ignore(awaitWorker)
  const failed = yield* LeftImages.remove({
    sessionIds: new Set(begun.map((item) => item.sessionId)),
    outputs: begun.flatMap((item) => item.outputs),
    since: begun.map((item) => item.createdAt).find((time) => time !== null) ?? null,
    search: begun.some((item) => item.status !== "completed"),
    batchId: tracked.batchId,
    imageUse: (yield* JobTracker).imageUse
  })
  if (failed.length > 0) {
    yield* Effect.logWarning(`Images of batch ${tracked.batchId} could not be deleted: ${failed.join(", ")}`)
  }
})

/**
 * Whether the next start of the program needs the job: it completed, and the caller failed after that, for example in a
 * download. Its journal entry and its images stay, so that nothing runs twice.
 */
const isNeeded = Effect.fnUntraced(function*(
  { tracked }: Lifecycle,
  exit: Exit.Exit<unknown, unknown>
): Effect.fn.Return<boolean> {
  if (Exit.isSuccess(exit) || JobState.status(tracked.state) !== "completed") return false
  return Option.isSome(yield* Effect.serviceOption(Journal.JobJournal))
})

/**
 * A batch that the server cannot read never runs, and while it is on the queue nothing of other users runs either. So it is
 * removed, even for a job that was detached.
 */
const removeBlocking = Effect.fnUntraced(function*(tracked: TrackedJob) {
  if (!tracked.isUnreadable) return
  if (yield* tryRemoveUnreadable(tracked.batchId)) return yield* Journal.forget(tracked.batchId)
  yield* Effect.logWarning(
    `Batch ${tracked.batchId} blocks the server's queue and could not be removed. Run Job.heal("${tracked.batchId}")`
  )
})

/** Whether the server has a batch whose request was cut off. If it cannot tell, it may still receive the request. */
const hasArrived = (batchId: string): Effect.Effect<boolean, never, Queue> =>
  Queue.use((queue) => queue.batchStatus(batchId)).pipe(
    Effect.map((status) => status.total > 0),
    Effect.orElseSucceed(() => false)
  )

/**
 * Closes the scope of a job. The job leaves the journal only when the server certainly has nothing more to do for it and
 * the caller succeeded.
 *
 * @internal
 */
export const close = Effect.fnUntraced(function*(context: Lifecycle, exit: Exit.Exit<unknown, unknown>) {
  const { options, stage, tracked } = context
  yield* removeBlocking(tracked)
  if (stage.current === "new" || stage.current === "over") return
  if (stage.detached) {
    yield* keepImages(tracked, JobState.items(tracked.state))
    if (tracked.isDone && !isActive(tracked.state) && !(yield* isNeeded(context, exit))) {
      yield* Journal.forget(tracked.batchId)
    }
    return
  }
  if (stage.current === "sending" && stage.sending !== undefined) {
    yield* Effect.timeoutOption(Fiber.await(stage.sending), sendGrace)
    yield* Fiber.interrupt(stage.sending)
  }
  const ended = tracked.isDone && !isActive(tracked.state)
  if (!ended) {
    if (options.onInterrupt === "detach") return yield* keepImages(tracked, JobState.items(tracked.state))
    const unanswered = stage.current === "sending" ? sendGrace : undefined
    const cancelled = yield* Effect.result(cancelJob(tracked, unanswered))
    if (cancelled._tag === "Failure") {
      yield* Effect.logWarning(`Batch ${tracked.batchId} could not be canceled: ${cancelled.failure.message}`)
      return
    }
    if (cancelled.success.remaining.length > 0) {
      yield* Effect.logWarning(`Some items of batch ${tracked.batchId} are not canceled yet`)
    }
    if (unanswered !== undefined && !(yield* hasArrived(tracked.batchId))) return
  }
  if (yield* isNeeded(context, exit)) return yield* keepImages(tracked, JobState.items(tracked.state))
  const removed = yield* Effect.result(removeImages(context))
  if (removed._tag === "Failure") {
    yield* Effect.logWarning(`Images of batch ${tracked.batchId} could not be deleted: ${removed.failure.message}`)
  }
  if (!isActive(tracked.state)) yield* Journal.forget(tracked.batchId)
})
