/**
 * Recognises a queue that does not move, and says why.
 *
 * **Details**
 *
 * A batch value that does not fit its field is accepted by the server and then blocks the whole queue: the item cannot
 * be read, neither by clients (500) nor by the server's own worker.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import type { InvokeAiError } from "../../server/InvokeAiError.ts"
import { Queue } from "../../server/Queue.ts"
import { QueueBlocked } from "../JobError.ts"
import { cancelBatch, type Cancellation, cancelWithin } from "./cancellation.ts"
import { openItems } from "./sweep.ts"
import type { TrackedJob } from "./trackedJob.ts"

/**
 * Whether an error says that the server cannot read an item of its own queue.
 *
 * @category guards
 * @since 0.1.0
 */
export const isPoisoned = (error: InvokeAiError): boolean =>
  error.status === 500 && error.detail.includes("validation error")

/**
 * Cancels a batch that the server cannot read, and deletes its items where they are the only ones of their destination.
 *
 * **Details**
 *
 * Canceled items block nothing any more, but as long as they exist the server fails to list the items of its queue. Deleting
 * them one by one fails like reading them.
 *
 * @category operations
 * @since 0.1.0
 */
export const removeUnreadable = Effect.fn("Poison.removeUnreadable")(function*(
  batchId: string
): Effect.fn.Return<Cancellation, InvokeAiError, Queue> {
  yield* Effect.annotateCurrentSpan({ batchId })
  const queue = yield* Queue
  const canceled = yield* cancelBatch(batchId, cancelWithin)
  if (canceled.active === 0) yield* Effect.ignore(queue.deleteByDestination(batchId))
  return canceled
})

/** Removes a batch that the server cannot read, and says whether nothing of it is left to run. @internal */
export const tryRemoveUnreadable = (batchId: string): Effect.Effect<boolean, never, Queue> =>
  Effect.match(removeUnreadable(batchId), { onFailure: () => false, onSuccess: ({ active }) => active === 0 })

/** The first item that waits, if nothing of the job runs. What ended before says nothing about what comes next. */
const firstWaiting = (job: TrackedJob): number | undefined => {
  const open = openItems(job)
  return open.every((item) => item.status === "pending") ? open[0]?.itemId : undefined
}

/** Whether nothing of a job runs although something waits, and nothing was seen of it for a while. @internal */
export const isStuck = (job: TrackedJob, since: number): boolean =>
  job.state.known && job.lastSeen <= since && firstWaiting(job) !== undefined

/**
 * Looks why jobs wait although nothing happens, and tells them. `before` is what the last look returned: a busy server
 * has nothing in progress for a moment between two items, so that only counts if it is still the same.
 *
 * @internal
 */
export const diagnose = Effect.fnUntraced(function*(
  queue: Queue["Service"],
  stuck: ReadonlyArray<TrackedJob>,
  before: string | undefined
): Effect.fn.Return<string | undefined, InvokeAiError> {
  const { processor, queue: counts } = yield* queue.status
  if (counts.in_progress > 0) return undefined
  const next = yield* Effect.result(queue.next)
  if (next._tag === "Success") {
    if (!processor.is_processing) return undefined
    const seen = `${
      Option.match(next.success, { onNone: () => "", onSome: ({ item_id }) => item_id })
    } ${counts.completed} ${counts.failed} ${counts.canceled}`
    if (seen !== before) return seen
    for (const job of stuck) {
      job.warn({
        reason: "WorkerBusy",
        message: "Nothing runs: the server is still busy with something that is not in progress any more",
        itemIds: []
      })
    }
    return seen
  }
  if (!isPoisoned(next.failure)) return undefined
  for (const job of stuck) {
    const itemId = firstWaiting(job)
    if (itemId === undefined) continue
    const read = yield* Effect.result(queue.rawItem(itemId))
    if (read._tag === "Failure" && isPoisoned(read.failure)) {
      job.finish(
        Exit.fail(new QueueBlocked({ batchId: job.batchId, itemIds: [itemId], own: true, detail: read.failure.detail }))
      )
    } else {
      job.warn({
        reason: "QueueBlocked",
        message: "Nothing runs: the server cannot read the item in front of its queue, which is not of this job",
        itemIds: []
      })
    }
  }
  return undefined
})
