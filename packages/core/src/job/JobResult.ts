/**
 * How a job ended.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { Images } from "../server/Images.ts"
import type { ItemError, ItemState } from "./internal/ItemState.ts"
import * as LeftImages from "./internal/leftImages.ts"
import type { TrackingError } from "./internal/trackedJob.ts"
import { JobCanceled, JobFailed, JobLost } from "./JobError.ts"
import * as JobState from "./JobState.ts"
import { type FieldValue, type ItemOutput, make as makeOutput, type WorkflowOutput } from "./Outputs.ts"

/**
 * A queue item of a job. Times are those of the server's clock; `executionTime` is from its start to its end.
 *
 * @category models
 * @since 0.1.0
 */
export interface SessionQueueItem {
  readonly itemId: number
  readonly batchId: string
  readonly sessionId: string
  /** The position in the batch, from 0. */
  readonly run: number
  readonly status: string
  readonly createdAt: Option.Option<DateTime.Utc>
  readonly startedAt: Option.Option<DateTime.Utc>
  readonly completedAt: Option.Option<DateTime.Utc>
  readonly executionTime: Duration.Duration
  readonly fieldValues: ReadonlyArray<FieldValue>
  readonly error: Option.Option<ItemError>
  readonly outputs: ItemOutput["outputs"]
}

/**
 * When a job was queued, started and completed, by the server's clock: its first item's creation and start, its last
 * item's end. `elapsed` is from start to end, `queuedFor` from creation to start.
 *
 * @category models
 * @since 0.1.0
 */
export interface JobTiming {
  readonly createdAt: Option.Option<DateTime.Utc>
  readonly startedAt: Option.Option<DateTime.Utc>
  readonly completedAt: Option.Option<DateTime.Utc>
  readonly queuedFor: Duration.Duration
  readonly elapsed: Duration.Duration
}

/**
 * A job that completed.
 *
 * @category models
 * @since 0.1.0
 */
export interface JobResult {
  readonly batchId: string
  readonly status: "completed"
  readonly items: ReadonlyArray<SessionQueueItem>
  readonly timing: JobTiming
  readonly outputs: WorkflowOutput
}

/**
 * Why a job did not complete.
 *
 * @category errors
 * @since 0.1.0
 */
export type JobError = JobFailed | JobCanceled | JobLost | TrackingError

const toTime = (iso: string | null): Option.Option<DateTime.Utc> =>
  iso === null ? Option.none() : Option.map(DateTime.make(iso), DateTime.toUtc)

const between = (from: string | null | undefined, to: string | null | undefined): Duration.Duration =>
  from === null || from === undefined || to === null || to === undefined
    ? Duration.zero
    : Duration.millis(Math.max(0, Date.parse(to) - Date.parse(from)))

/**
 * The queue items of a job, in the order of the batch.
 *
 * @category conversions
 * @since 0.1.0
 */
export const itemsOf = (state: JobState.JobState): ReadonlyArray<SessionQueueItem> =>
  JobState.results(state).map((item) => ({
    itemId: item.itemId,
    batchId: state.batchId,
    sessionId: item.sessionId,
    run: item.run,
    status: item.status,
    createdAt: toTime(item.createdAt),
    startedAt: toTime(item.startedAt),
    completedAt: toTime(item.completedAt),
    executionTime: between(item.startedAt, item.completedAt),
    fieldValues: item.fieldValues,
    error: Option.fromNullishOr(item.error),
    outputs: item.outputs
  }))

/** ISO 8601 times in UTC sort like the times they mean. */
const span = (items: ReadonlyArray<ItemState>) => {
  const sorted = (pick: (item: ItemState) => string | null) =>
    items.map(pick).filter((time) => time !== null).toSorted()
  return {
    created: sorted((item) => item.createdAt)[0] ?? null,
    started: sorted((item) => item.startedAt)[0] ?? null,
    completed: sorted((item) => item.completedAt).at(-1) ?? null
  }
}

/**
 * The times of a job, as far as they are known.
 *
 * @category conversions
 * @since 0.1.0
 */
export const timingOf = (state: JobState.JobState): JobTiming => {
  const { completed, created, started } = span(JobState.results(state))
  const ended = JobState.isEnded(state) ? completed : null
  return {
    createdAt: toTime(created),
    startedAt: toTime(started),
    completedAt: toTime(ended),
    queuedFor: between(created, started),
    elapsed: between(started, ended)
  }
}

/**
 * The outputs of a job, as far as they are known.
 *
 * @category conversions
 * @since 0.1.0
 */
export const outputsOf = (state: JobState.JobState): WorkflowOutput => {
  const results = JobState.results(state)
  return makeOutput({
    batchId: state.batchId,
    status: JobState.status(state),
    executionTime: timingOf(state).elapsed,
    items: results.map((item): ItemOutput => ({
      itemId: item.itemId,
      sessionId: item.sessionId,
      run: item.run,
      status: item.status,
      fieldValues: item.fieldValues,
      executionTime: between(item.startedAt, item.completedAt),
      outputs: item.outputs
    }))
  })
}

const unknownError: ItemError = {
  nodeId: "",
  nodeLabel: "",
  nodeType: "",
  errorType: "",
  message: "the server gives no reason",
  traceback: null
}

/**
 * The result of a job that has ended.
 *
 * @category conversions
 * @since 0.1.0
 */
export const fromState = Effect.fnUntraced(function*(
  state: JobState.JobState
): Effect.fn.Return<JobResult, JobFailed | JobCanceled | JobLost, Images> {
  const batchId = state.batchId
  const results = JobState.results(state)
  const outputs = outputsOf(state)
  const status = JobState.status(state)
  const withStatus = (wanted: string) => results.filter((item) => item.status === wanted)
  switch (status) {
    case "failed": {
      const failures = withStatus("failed").map((item) => ({ itemId: item.itemId, error: item.error ?? unknownError }))
      return yield* new JobFailed({ batchId, failures, outputs })
    }
    case "lost": {
      const lost = withStatus("lost")
      const sessionIds = new Set(lost.map((item) => item.sessionId).filter((id) => id !== ""))
      const left = yield* Effect.orElseSucceed(LeftImages.find(sessionIds, span(lost).created), () => [])
      return yield* new JobLost({
        batchId,
        itemIds: lost.map((item) => item.itemId),
        imageNames: left.map((image) => image.image_name),
        outputs
      })
    }
    case "canceled":
      return yield* new JobCanceled({
        batchId,
        itemIds: withStatus("canceled").map((item) => item.itemId),
        requested: state.cancelRequested,
        outputs
      })
    default:
      return { batchId, status: "completed", items: itemsOf(state), timing: timingOf(state), outputs }
  }
})
