/**
 * What becomes of a job when it is canceled, when it takes too long, and when its scope closes.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Schedule from "effect/Schedule"
import { unfinishedCode } from "../../internal/Closing.ts"
import { elapsedMillis } from "../../internal/elapsed.ts"
import * as Options from "../../internal/options.ts"
import { waiting } from "../../internal/progress.ts"
import { InvokeAiError } from "../../InvokeAiError.ts"
import type { Images } from "../../server/Images.ts"
import { SessionQueue } from "../../server/SessionQueue.ts"
import { JobTimeout, WorkflowNotCompleted } from "../JobError.ts"
import * as Journal from "../JobJournal.ts"
import type { Cancellation, CancelResult, JobOptions } from "../JobOptions.ts"
import * as JobState from "../JobState.ts"
import { JobTracker } from "../JobTracker.ts"
import { imageNames } from "../Outputs.ts"
import { findBatchItems } from "./batchItems.ts"
import { cancelBatch } from "./cancellation.ts"
import { deleteRequest } from "./deleteImages.ts"
import { isFinal, type ItemState } from "./ItemState.ts"
import { fromItem } from "./Observation.ts"
import { reduce } from "./reduceJob.ts"
import { deleteSessionImages } from "./sessionImages.ts"
import { isUnreadableItemError, removeUnreadable } from "./stalledQueue.ts"
import type { TrackedJob } from "./trackedJob.ts"

const isOver = (stage: Lifecycle["stage"]): boolean => stage.current === "over"

/** How long an interrupted submission may take to get its response. */
const enqueueGracePeriod = Duration.seconds(5)

/** How long after its timeout a wait for a job may still take to confirm the cancellation. @internal */
export const confirmWithin = Duration.millis(500)

const ending = Options.choice("cancel", "detach")

/** @internal */
export const timeoutRules: Options.OptionRules<Pick<JobOptions, "timeout" | "onTimeout">> = {
  timeout: Options.duration,
  onTimeout: ending
}

/** @internal */
export const jobRules: Options.OptionRules<JobOptions> = {
  ...timeoutRules,
  onIncomplete: Options.choice("fail", "keep"),
  lookupTimeout: Options.duration,
  resendAfter: Options.duration,
  maxAttempts: Options.integer(1),
  prepend: Options.boolean,
  onScopeClose: ending,
  keepOutputs: Options.boolean,
  deleteOutputs: Options.boolean,
  origin: Options.text,
  destination: Options.text,
  key: Options.text
}

/**
 * An id that every route of the server accepts. The server stores any string, but an id is a part of paths, where `/`, `.`
 * and `..` have a meaning, and `redacted` stands for the ids of other users.
 *
 * @internal
 */
export const batchIdRule: Options.OptionRule = {
  expected: "1 to 128 letters, digits, \".\", \"_\" or \"-\" that begin with a letter or a digit, except \"redacted\"",
  accepts: (value) =>
    typeof value === "string" && /^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(value) && value !== "redacted"
}

/** A job with what it needs to be closed. @internal */
export interface Lifecycle {
  readonly tracked: TrackedJob
  readonly options: JobOptions
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

const hasEnded = (tracked: TrackedJob): boolean => tracked.isDone && !isActive(tracked.state)

/** Cancels what has not ended, within `closeTimeout`, and lets the tracker see the end. */
const cancelTracked = Effect.fnUntraced(function*(tracked: TrackedJob, appear?: Duration.Duration): Effect.fn.Return<
  Cancellation,
  InvokeAiError,
  SessionQueue | JobTracker
> {
  const tracker = yield* JobTracker
  const { timeout } = tracker.cleanup
  tracked.observe({ _tag: "CancelRequested" })
  const began = yield* elapsedMillis
  const cancellation = yield* cancelBatch(tracked.batchId, timeout, appear)
  yield* tracker.refresh
  if (cancellation.active === 0 && tracked.state.known) {
    const left = began + Duration.toMillis(timeout) - (yield* elapsedMillis)
    yield* Effect.ignore(Effect.timeoutOption(tracked.result, Math.max(0, left)))
  }
  return cancellation
})

/** Cancels what has not ended, within `closeTimeout`. @internal */
export const cancelJob = Effect.fnUntraced(function*(tracked: TrackedJob): Effect.fn.Return<
  CancelResult,
  InvokeAiError,
  SessionQueue | JobTracker
> {
  const before = new Set(idsWhere(tracked.state, (item) => item.phase !== "open"))
  const { active } = hasEnded(tracked) ? { active: 0 } : yield* cancelTracked(tracked)
  const state = tracked.state
  return {
    batchId: tracked.batchId,
    confirmed: active === 0,
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

/** Cancels a job whose enqueue request has no response, and waits a moment for it to arrive. @internal */
export const cancelUnanswered = (
  tracked: TrackedJob
): Effect.Effect<Cancellation, InvokeAiError, SessionQueue | JobTracker> => cancelTracked(tracked, enqueueGracePeriod)

/** The parts of a job that waiting for it needs. */
interface AwaitableJob {
  readonly batchId: string
  readonly state: Effect.Effect<JobState.JobState>
  readonly cancel: Effect.Effect<CancelResult, InvokeAiError>
}

/**
 * Waits for the end of a job, at most for a time (`left` if a part of `timeout` is over); `JobTimeout` is less than a second
 * later.
 *
 * @internal
 */
export const awaitWithin = <A, E>(
  wait: Effect.Effect<A, E>,
  { onTimeout = "cancel", timeout }: Pick<JobOptions, "timeout" | "onTimeout">,
  job: AwaitableJob,
  left: Effect.Effect<number | undefined> = Effect.undefined
): Effect.Effect<A, E | WorkflowNotCompleted> => {
  if (timeout === undefined) return wait
  const onElapsed = Effect.gen(function*() {
    const status = JobState.status(yield* job.state)
    const result = onTimeout === "cancel"
      ? yield* Effect.timeoutOption(Effect.option(job.cancel), confirmWithin)
      : Option.none()
    const canceled = Option.flatten(result)
    const state = yield* job.state
    const error = new WorkflowNotCompleted({
      reason: new JobTimeout({
        batchId: job.batchId,
        timeout: Duration.toMillis(Options.durationOption("timeout", timeout)),
        status,
        onTimeout,
        canceled: Option.exists(canceled, ({ confirmed }) => confirmed),
        remaining: Option.getOrElse(Option.map(canceled, ({ remaining }) => remaining), () => idsWhere(state, isOpen))
      })
    })
    // It may have ended by itself in this moment, and then that is the result.
    return onTimeout === "cancel" && JobState.isEnded(state) && JobState.status(state) !== "canceled"
      ? yield* Effect.timeoutOrElse(wait, { duration: confirmWithin, orElse: () => error })
      : yield* error
  })
  return Effect.flatMap(left, (millis) =>
    Effect.timeoutOrElse(wait, {
      duration: millis ?? Options.durationOption("timeout", timeout),
      orElse: () => onElapsed
    }))
}

/** Whether the worker is done with a canceled item: one that was stopped in a node may still write the image it works on. */
const isWorkerDone = Effect.gen(function*() {
  const queue = yield* SessionQueue
  const { processor, queue: counts } = yield* queue.status
  return counts.in_progress > 0 || !processor.is_processing
})

/** Waits for the worker for at most 5 seconds. */
const waitForProcessor = isWorkerDone.pipe(
  Effect.repeat({ until: (done) => done, schedule: Schedule.spaced("200 millis") }),
  Effect.timeoutOption("5 seconds"),
  Effect.map(Option.isSome),
  waiting
)

/** What an earlier job left to this one stays for good, as its own images do. */
const keepImages = Effect.fnUntraced(function*({ batchId }: TrackedJob, items: ReadonlyArray<ItemState>) {
  const { imageUse } = yield* JobTracker
  yield* imageUse.claim(batchId, imageNames(items.flatMap((item) => item.outputs)))
})

const cancelRequest = Effect.map(SessionQueue, ({ queueId }) => ({
  method: "PUT",
  path: `/api/v1/queue/${queueId}/cancel_by_batch_ids`
}))

/** The server did what a request asked for, but is not done with the job. */
const unfinished = (request: { readonly method: string; readonly path: string }, detail: string): InvokeAiError =>
  new InvokeAiError({ reason: { _tag: "Conflict" }, ...request, detail, code: unfinishedCode, sent: true })

/** Whether an item is one that was not asked for. */
const isExtra = (item: ItemState): boolean => item.role === "surplus"

/** Which of some items never ran, if the server can say so in one request. */
const neverStarted = Effect.fnUntraced(function*(itemIds: ReadonlyArray<number>) {
  const queue = yield* SessionQueue
  const summaries = yield* queue.itemSummariesByIds(itemIds).pipe(
    Effect.catchIf(({ reason }) => reason._tag === "Unsupported", () => Effect.succeed([]))
  )
  return new Set(summaries.filter((item) => Predicate.isNullish(item.started_at)).map((item) => item.item_id))
})

/**
 * The state of a job with all that closing has to know and the tracker has not seen: items that were not asked for, and
 * those that ended after the tracker stopped. Extra items that run are canceled. `total` is how many items the batch has.
 */
const withAllItems = Effect.fnUntraced(function*(tracked: TrackedJob, total: number) {
  const queue = yield* SessionQueue
  let state = tracked.state
  if (total > JobState.items(state).length) {
    const listed = yield* findBatchItems(tracked.batchId, total, state.destination ?? undefined)
    state = reduce(state, { _tag: "Listed", items: listed }, new Map()).state
  }
  const read = Effect.fnUntraced(function*(itemId: number) {
    const item = yield* queue.item(itemId).pipe(
      Effect.asSome,
      Effect.catchIf(
        (error) => error.reason._tag === "NotFound" || isUnreadableItemError(error),
        () => Effect.succeedNone
      )
    )
    if (Option.isNone(item) || item.value.batch_id !== tracked.batchId) return
    state = reduce(state, { _tag: "ItemRead", item: fromItem(item.value) }, new Map()).state
  })
  const unread = JobState.items(state).filter((item) => item.role !== "child" && !isFinal(item))
  if (unread.length === 0) return state
  const unstarted = yield* neverStarted(unread.map((item) => item.itemId))
  const toRead = unread.filter((item) => item.role === "unknown" || !unstarted.has(item.itemId))
  yield* Effect.forEach(toRead, ({ itemId }) => read(itemId), { concurrency: 8, discard: true })
  for (const { itemId } of JobState.items(state).filter((item) => isExtra(item) && item.phase === "open")) {
    yield* queue.cancelItem(itemId)
    yield* read(itemId)
    if (JobState.getItem(state, itemId)?.phase === "open") {
      return yield* unfinished(
        { method: "PUT", path: `/api/v1/queue/${queue.queueId}/i/${itemId}/cancel` },
        "the item is not canceled yet"
      )
    }
  }
  return state
})

/** Whether the images of an item are to be deleted. */
const isUnwanted = (options: JobOptions, item: ItemState): boolean =>
  isExtra(item) || options.deleteOutputs === true || (options.keepOutputs !== true && item.status !== "completed")

/** Whether the job ended and nothing of it has to be read, canceled or deleted. */
const isTidy = ({ options, tracked }: Lifecycle): boolean =>
  hasEnded(tracked) &&
  JobState.items(tracked.state).every((item) => item.role === "child" || (isFinal(item) && !isUnwanted(options, item)))

/** Deletes the images that the caller does not want. False if the server may still make one. */
const removeImages = Effect.fnUntraced(function*(
  { options, tracked }: Lifecycle,
  state: JobState.JobState,
  inherited: Set<string>
) {
  const items = JobState.items(state).filter((item) => item.sessionId !== "")
  const itemsToDelete = items.filter((item) => isUnwanted(options, item))
  const kept = items.filter((item) => !isUnwanted(options, item))
  yield* keepImages(tracked, kept)
  const started = itemsToDelete.filter((item) =>
    item.startedAt !== null || item.outputs.length > 0 || item.nodes.length > 0
  )
  if (started.length === 0) return true
  const done = started.some((item) => item.status === "canceled") ? yield* waitForProcessor : true
  yield* deleteSessionImages({
    sessionIds: new Set(started.map((item) => item.sessionId)),
    outputs: started.flatMap((item) => item.outputs),
    since: started.map((item) => item.createdAt).find((time) => time !== null) ?? null,
    search: started.some((item) => item.status !== "completed"),
    keep: new Set(imageNames(kept.flatMap((item) => item.outputs))),
    batchId: tracked.batchId,
    inherited,
    imageUse: (yield* JobTracker).imageUse
  })
  return done
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
const removeBlocking = Effect.fnUntraced(function*({ batchId, isUnreadable }: TrackedJob) {
  if (!isUnreadable) return
  const { cleanup } = yield* JobTracker
  const services = yield* Effect.context<SessionQueue>()
  const request = yield* cancelRequest
  const attempt = Effect.gen(function*() {
    const { active } = yield* removeUnreadable(batchId)
    if (active > 0) return yield* unfinished(request, `${active} items of batch ${batchId} are not canceled yet`)
    yield* Journal.forget(batchId)
  })
  const removed = yield* cleanup.run({
    subject: `Unreadable batch ${batchId}`,
    attempt: Effect.provideContext(attempt, services),
    request
  })
  if (Result.isSuccess(removed)) return
  yield* Effect.logWarning(
    `Batch ${batchId} blocks the server's queue and could not be removed yet. The removal will be retried; or call Job.unblockQueue("${batchId}")`
  )
})

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
  if (isTidy(context)) {
    yield* keepImages(tracked, JobState.items(tracked.state))
    return (yield* isNeeded(context, exit)) ? undefined : yield* Journal.forget(tracked.batchId)
  }
  const { cleanup } = yield* JobTracker
  const services = yield* Effect.context<JobTracker | SessionQueue | Images>()
  const request = yield* cancelRequest
  const { batchId } = tracked
  const inherited = new Set<string>()
  const uncertain = stage.current === "sending"

  const finish = Effect.fnUntraced(function*(total: number) {
    if (yield* isNeeded(context, exit)) return yield* keepImages(tracked, JobState.items(tracked.state))
    const state = yield* withAllItems(tracked, total)
    const done = yield* removeImages(context, state, inherited)
    yield* Journal.forget(batchId)
    if (done) return
    const attempt = Effect.gen(function*() {
      if (yield* isWorkerDone) return yield* removeImages(context, state, inherited)
      return yield* new InvokeAiError({
        reason: { _tag: "Conflict" },
        ...deleteRequest,
        detail: "the server is still running a canceled item, which may create an image"
      })
    })
    yield* cleanup.defer({
      subject: `Images of batch ${batchId}`,
      attempt: Effect.provideContext(attempt, services),
      request: deleteRequest
    })
  })

  const afterCancel = ({ active, total }: Cancellation) => {
    if (active > 0) {
      return Effect.fail(unfinished(request, `${active} items of batch ${batchId} are not canceled yet`))
    }
    // A request that was cut off and has not arrived may still do so: the journal keeps the job.
    return uncertain && total === 0 ? Effect.void : finish(total)
  }

  const attempt = Effect.gen(function*() {
    const { sending } = stage
    if (stage.current === "sending" && sending !== undefined) {
      const cut = Fiber.interrupt(sending)
      yield* Effect.timeoutOption(Fiber.await(sending), enqueueGracePeriod).pipe(Effect.onInterrupt(() => cut))
      yield* cut
    }
    if (isOver(stage)) return
    if (hasEnded(tracked)) return yield* finish(0)
    if (options.onScopeClose === "detach") return yield* keepImages(tracked, JobState.items(tracked.state))
    const isUnanswered = stage.current === "sending"
    yield* afterCancel(yield* cancelTracked(tracked, isUnanswered ? enqueueGracePeriod : undefined))
  })

  // The tracker follows the job only until its scope is closed.
  const again = Effect.flatMap(
    cancelBatch(batchId, cleanup.timeout, uncertain ? enqueueGracePeriod : undefined),
    afterCancel
  )

  const closed = yield* cleanup.run({
    subject: `Batch ${batchId}`,
    attempt: Effect.provideContext(attempt, services),
    again: Effect.provideContext(again, services),
    request
  })
  if (Result.isFailure(closed)) {
    yield* Effect.logWarning(
      `Batch ${batchId} could not be cleaned up yet; the cleanup will be retried: ${closed.failure.message}`
    )
  }
})
