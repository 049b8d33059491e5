/**
 * Polls the server for all open items of all jobs.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { InvokeAiError } from "../../InvokeAiError.ts"
import type { SessionQueue } from "../../server/SessionQueue.ts"
import * as JobState from "../JobState.ts"
import { factsOf, fieldValuesOf, type Observation } from "./Observation.ts"

/** A job whose items are asked for. */
interface PolledJob {
  readonly batchId: string
  readonly state: JobState.JobState
}

/** What a poll shows: observations, and the items that have to be read one by one. @internal */
export interface Poll<Job> {
  readonly observations: ReadonlyArray<{ readonly job: Job; readonly observation: Observation }>
  readonly reads: ReadonlyArray<{ readonly job: Job; readonly itemId: number }>
}

/**
 * One request for up to 1,000 items of all jobs. Items that the server does not mention have to be read.
 *
 * @internal
 */
export const pollSummaries = Effect.fnUntraced(function*<Job extends PolledJob>(
  queue: SessionQueue["Service"],
  jobs: ReadonlyArray<Job>
): Effect.fn.Return<Poll<Job>, InvokeAiError> {
  const open = new Map<number, Array<Job>>()
  for (const job of jobs) {
    for (const item of JobState.openItems(job.state)) {
      const followers = open.get(item.itemId)
      if (followers === undefined) open.set(item.itemId, [job])
      else followers.push(job)
    }
  }
  if (open.size === 0) return { observations: [], reads: [] }
  const summaries = yield* queue.itemSummariesByIds([...open.keys()])
  const observations: Array<Poll<Job>["observations"][number]> = []
  for (const summary of summaries) {
    const facts = factsOf(summary)
    const followers = open.get(summary.item_id) ?? []
    if (followers.some((job) => job.batchId !== summary.batch_id)) continue
    open.delete(summary.item_id)
    const observation: Observation = {
      _tag: "Status",
      facts,
      parentItemId: summary.parent_item_id ?? null,
      fieldValues: fieldValuesOf(summary.field_values),
      settled: facts.status === "canceled" && facts.startedAt === null
    }
    for (const job of followers) observations.push({ job, observation })
  }
  const reads = [...open].flatMap(([itemId, followers]) => followers.map((job) => ({ job, itemId })))
  return { observations, reads }
})

/**
 * One request for each job. The items that may have changed have to be read.
 *
 * **Details**
 *
 * The counts do not name items. Items of a batch run in order, so as many as have ended, and those that run, are read
 * from the first on; a batch without items has lost them.
 *
 * @internal
 */
export const pollBatches = Effect.fnUntraced(function*<Job extends PolledJob>(
  queue: SessionQueue["Service"],
  jobs: ReadonlyArray<Job>
): Effect.fn.Return<Poll<Job>, InvokeAiError> {
  const reads = yield* Effect.forEach(jobs, (job) =>
    Effect.gen(function*() {
      const open = JobState.openItems(job.state)
      if (open.length === 0) return []
      const status = yield* queue.batchStatus(job.batchId)
      const finished = status.completed + status.failed + status.canceled
      const seen = JobState.items(job.state).filter((item) => item.phase === "settled" || item.phase === "ended").length
      const gone = status.total < JobState.countPresent(job.state)
      const changed = gone ? open.length : Math.max(0, finished - seen)
      const begun = status.in_progress > 0 && open.every((item) => item.status === "pending") ? 1 : 0
      return open.slice(0, changed + begun).map((item) => ({ job, itemId: item.itemId }))
    }), { concurrency: 4 })
  return { observations: [], reads: reads.flat() }
})
