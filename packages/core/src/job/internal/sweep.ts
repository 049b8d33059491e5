/**
 * Asks the server about all open items of all jobs.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { InvokeAiError } from "../../server/InvokeAiError.ts"
import type { Queue } from "../../server/Queue.ts"
import * as JobState from "../JobState.ts"
import type { ReadTask } from "./itemReader.ts"
import type { ItemState } from "./ItemState.ts"
import { factsOf, fieldValuesOf, type Observation } from "./Observation.ts"
import type { TrackedJob } from "./trackedJob.ts"

type Observe = (job: TrackedJob, observation: Observation) => void

/** The items of a job that have not ended as far as we know. @internal */
export const openItems = (job: TrackedJob): ReadonlyArray<ItemState> =>
  JobState.items(job.state).filter((item) => item.phase === "open" && (item.role === "member" || item.role === "retry"))

/**
 * One request for up to 1,000 items of all jobs. Gives the items that have to be read one by one: those that the server
 * did not mention, and, once, those that run and of which nothing but that is known.
 *
 * @internal
 */
export const bySummaries = Effect.fnUntraced(function*(
  queue: Queue["Service"],
  jobs: ReadonlyArray<TrackedJob>,
  observe: Observe
): Effect.fn.Return<ReadonlyArray<ReadTask>, InvokeAiError> {
  const open = new Map<number, Array<TrackedJob>>()
  for (const job of jobs) {
    for (const item of openItems(job)) {
      const followers = open.get(item.itemId)
      if (followers === undefined) open.set(item.itemId, [job])
      else followers.push(job)
    }
  }
  if (open.size === 0) return []
  const summaries = yield* queue.itemSummariesByIds([...open.keys()])
  const unnamed: Array<ReadTask> = []
  for (const summary of summaries) {
    const facts = factsOf(summary)
    const followers = open.get(summary.item_id) ?? []
    if (facts === undefined || followers.some((job) => job.batchId !== summary.batch_id)) continue
    open.delete(summary.item_id)
    for (const job of followers) {
      observe(job, {
        _tag: "Status",
        facts,
        parentItemId: summary.parent_item_id ?? null,
        fieldValues: fieldValuesOf(summary.field_values),
        settled: facts.status === "canceled" && facts.startedAt === null
      })
      // Only by its session can the images of an item be found, should it be deleted.
      const item = JobState.getItem(job.state, facts.itemId)
      if (item?.phase === "open" && item.startedAt !== null && item.sessionId === "") {
        unnamed.push({ job, itemId: item.itemId })
      }
    }
  }
  const unmentioned = [...open].flatMap(([itemId, followers]) => followers.map((job): ReadTask => ({ job, itemId })))
  return [...unnamed, ...unmentioned]
})

/**
 * One request for each job. Gives the items that may have changed.
 *
 * **Details**
 *
 * The counts do not name items. Items of a batch run in order, so as many as have ended, and those that run, are read
 * from the first on; a batch without items has lost them.
 *
 * @internal
 */
export const byBatch = Effect.fnUntraced(function*(
  queue: Queue["Service"],
  jobs: ReadonlyArray<TrackedJob>
): Effect.fn.Return<ReadonlyArray<ReadTask>, InvokeAiError> {
  const tasks = yield* Effect.forEach(jobs, (job) =>
    Effect.gen(function*() {
      const open = openItems(job)
      if (open.length === 0) return []
      const status = yield* queue.batchStatus(job.batchId)
      const finished = status.completed + status.failed + status.canceled
      const seen = JobState.items(job.state).filter((item) => item.phase === "settled" || item.phase === "ended").length
      const gone = status.total < JobState.present(job.state)
      const changed = gone ? open.length : Math.max(0, finished - seen)
      const begun = status.in_progress > 0 && open.every((item) => item.status === "pending") ? 1 : 0
      return open.slice(0, changed + begun).map((item): ReadTask => ({ job, itemId: item.itemId }))
    }), { concurrency: 4 })
  return tasks.flat()
})
