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
import { findSessionImages } from "./internal/sessionImages.ts"
import { JobCanceled, JobFailed, JobLost, WorkflowNotCompleted } from "./JobError.ts"
import * as JobState from "./JobState.ts"
import { type FieldValue, type ItemOutput, make as makeOutput, type WorkflowOutput } from "./Outputs.ts"

/**
 * A queue item of a job.
 *
 * @category models
 * @since 0.1.0
 */
export interface JobItem {
  /** The id of the item in the server's queue. */
  readonly itemId: number
  /** The id of the batch that the item belongs to. */
  readonly batchId: string
  /** The id of the session in which the server runs the item. */
  readonly sessionId: string
  /** The position in the batch, from 0. */
  readonly itemIndex: number
  /** One of `JobStatus`, or a status that a newer server added. */
  readonly status: string
  /** When the item was enqueued, by the server's clock. */
  readonly createdAt: Option.Option<DateTime.Utc>
  /** When the item began to run, by the server's clock. */
  readonly startedAt: Option.Option<DateTime.Utc>
  /** When the item ended, by the server's clock. */
  readonly completedAt: Option.Option<DateTime.Utc>
  /** The time from the start of the item to its end; zero if one of them is missing. */
  readonly executionTime: Duration.Duration
  /** The values that the batch set for this item. */
  readonly fieldValues: ReadonlyArray<FieldValue>
  /** The error of the node that failed, if the item failed. */
  readonly error: Option.Option<ItemError>
  /** The outputs of the item's nodes. */
  readonly outputs: ItemOutput["outputs"]
}

/**
 * When a job was queued, started and completed, by the server's clock.
 *
 * @category models
 * @since 0.1.0
 */
export interface JobTiming {
  /** When the first item was enqueued, by the server's clock. */
  readonly createdAt: Option.Option<DateTime.Utc>
  /** When the first item began to run, by the server's clock. */
  readonly startedAt: Option.Option<DateTime.Utc>
  /** When the last item ended, by the server's clock; none before the job has ended. */
  readonly completedAt: Option.Option<DateTime.Utc>
  /** The time from `createdAt` to `startedAt`; zero if one of them is missing. */
  readonly queuedFor: Duration.Duration
  /** The time from `startedAt` to `completedAt`; zero if one of them is missing. */
  readonly elapsed: Duration.Duration
}

/**
 * A job that completed.
 *
 * @category models
 * @since 0.1.0
 */
export interface JobResult {
  /** The id of the batch on the server. */
  readonly batchId: string
  /** Always `"completed"`: jobs that end otherwise fail with `WorkflowNotCompleted`. */
  readonly status: "completed"
  /** The queue items, in the order of the batch. */
  readonly items: ReadonlyArray<JobItem>
  /** When the job was queued, started and completed. */
  readonly timing: JobTiming
  /** The outputs of all items. */
  readonly outputs: WorkflowOutput
}

const between = (from: DateTime.Utc | null, to: DateTime.Utc | null): Duration.Duration =>
  from === null || to === null
    ? Duration.zero
    : Duration.millis(Math.max(0, DateTime.toEpochMillis(to) - DateTime.toEpochMillis(from)))

/**
 * The queue items of a job, in the order of the batch.
 *
 * @category conversions
 * @since 0.1.0
 */
export const itemsOf = (state: JobState.JobState): ReadonlyArray<JobItem> =>
  JobState.results(state).map((item) => ({
    itemId: item.itemId,
    batchId: state.batchId,
    sessionId: item.sessionId,
    itemIndex: item.itemIndex,
    status: item.status,
    createdAt: Option.fromNullOr(item.createdAt),
    startedAt: Option.fromNullOr(item.startedAt),
    completedAt: Option.fromNullOr(item.completedAt),
    executionTime: between(item.startedAt, item.completedAt),
    fieldValues: item.fieldValues,
    error: Option.fromNullishOr(item.error),
    outputs: item.outputs
  }))

/** When the first of some items was created and started, and when the last one completed. */
const span = (items: ReadonlyArray<ItemState>) => {
  const sorted = (timeOf: (item: ItemState) => DateTime.Utc | null) =>
    items.map(timeOf).filter((time) => time !== null).toSorted(DateTime.Order)
  return {
    created: sorted((item) => item.createdAt)[0] ?? null,
    started: sorted((item) => item.startedAt)[0] ?? null,
    completed: sorted((item) => item.completedAt).at(-1) ?? null
  }
}

/**
 * The known times of a job.
 *
 * @category conversions
 * @since 0.1.0
 */
export const timingOf = (state: JobState.JobState): JobTiming => {
  const { completed, created, started } = span(JobState.results(state))
  const ended = JobState.isEnded(state) ? completed : null
  return {
    createdAt: Option.fromNullOr(created),
    startedAt: Option.fromNullOr(started),
    completedAt: Option.fromNullOr(ended),
    queuedFor: between(created, started),
    elapsed: between(started, ended)
  }
}

/**
 * The known outputs of a job.
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
      itemIndex: item.itemIndex,
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
  message: "the server reported no reason",
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
): Effect.fn.Return<JobResult, WorkflowNotCompleted, Images> {
  const batchId = state.batchId
  const results = JobState.results(state)
  const outputs = outputsOf(state)
  const status = JobState.status(state)
  const withStatus = (wanted: string) => results.filter((item) => item.status === wanted)
  switch (status) {
    case "failed": {
      const failures = withStatus("failed").map((item) => ({ itemId: item.itemId, error: item.error ?? unknownError }))
      return yield* new WorkflowNotCompleted({ reason: new JobFailed({ batchId, failures, outputs }) })
    }
    case "lost": {
      const lost = withStatus("lost")
      const sessionIds = new Set(lost.map((item) => item.sessionId).filter((id) => id !== ""))
      const left = yield* Effect.orElseSucceed(findSessionImages(sessionIds, span(lost).created), () => [])
      return yield* new WorkflowNotCompleted({
        reason: new JobLost({
          batchId,
          itemIds: lost.map((item) => item.itemId),
          imageNames: left.map((image) => image.image_name),
          outputs
        })
      })
    }
    case "canceled":
      return yield* new WorkflowNotCompleted({
        reason: new JobCanceled({
          batchId,
          itemIds: withStatus("canceled").map((item) => item.itemId),
          requested: state.cancelRequested,
          outputs
        })
      })
    default:
      return { batchId, status: "completed", items: itemsOf(state), timing: timingOf(state), outputs }
  }
})
