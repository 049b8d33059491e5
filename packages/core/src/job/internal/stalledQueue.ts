/**
 * Recognizes a queue that does not move, and says why.
 *
 * **Details**
 *
 * A batch value that does not fit its field is accepted by the server and then blocks the whole queue: the item cannot
 * be read, neither by clients (500) nor by the server's own worker.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { InvokeAiError } from "../../InvokeAiError.ts"
import { SessionQueue } from "../../server/SessionQueue.ts"
import { QueueBlocked, WorkflowNotCompleted } from "../JobError.ts"
import type { Cancellation } from "../JobOptions.ts"
import * as JobState from "../JobState.ts"
import { cancelBatch, cancelTimeout } from "./cancellation.ts"
import type { Observation } from "./Observation.ts"

/**
 * Whether an error says that the server cannot read an item of its own queue.
 *
 * @category guards
 * @since 0.1.0
 */
export const isUnreadableItemError = (error: InvokeAiError): boolean =>
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
export const removeUnreadable = Effect.fn("StalledQueue.removeUnreadable")(function*(
  batchId: string
): Effect.fn.Return<Cancellation, InvokeAiError, SessionQueue> {
  yield* Effect.annotateCurrentSpan({ batchId })
  const queue = yield* SessionQueue
  const canceled = yield* cancelBatch(batchId, cancelTimeout)
  if (canceled.active === 0) yield* Effect.ignore(queue.deleteByDestination(batchId))
  return canceled
})

/** Removes a batch that the server cannot read, and says whether nothing of it is left to run. @internal */
export const tryRemoveUnreadable = (batchId: string): Effect.Effect<boolean, never, SessionQueue> =>
  Effect.match(removeUnreadable(batchId), { onFailure: () => false, onSuccess: ({ active }) => active === 0 })

/**
 * The first item that waits, if nothing of the job runs. Items that ended before say nothing about what comes next.
 *
 * @internal
 */
export const firstPendingItem = (state: JobState.JobState): number | undefined => {
  const open = JobState.openItems(state)
  return open.every((item) => item.status === "pending") ? open[0]?.itemId : undefined
}

/** A job that waits although nothing happens. */
interface StalledJob {
  readonly batchId: string
  readonly state: JobState.JobState
}

/**
 * Why jobs wait. `signature` describes the state of the server, undefined if that explains the wait.
 *
 * @internal
 */
export interface Diagnosis<Job> {
  readonly signature: string | undefined
  readonly findings: ReadonlyArray<
    { readonly job: Job; readonly finding: Result.Result<Observation, WorkflowNotCompleted> }
  >
}

const workerBusy: Observation = {
  _tag: "Warned",
  reason: "WorkerBusy",
  message: "Nothing runs: the server is still busy with an item that is no longer in progress"
}

const blockedByAnother: Observation = {
  _tag: "Warned",
  reason: "QueueBlocked",
  message:
    "Nothing runs: the server cannot read the item at the front of its queue, which belongs to another job. Cancel that job, " +
    "or clear the queue in InvokeAI"
}

/**
 * Finds out why jobs wait although nothing happens. `before` is the signature of the last diagnosis: a busy server has
 * nothing in progress for a moment between two items, so that only counts if it is still the same.
 *
 * @internal
 */
export const diagnoseStall = Effect.fnUntraced(function*<Job extends StalledJob>(
  queue: SessionQueue["Service"],
  stalled: ReadonlyArray<Job>,
  before: string | undefined
): Effect.fn.Return<Diagnosis<Job>, InvokeAiError> {
  const { processor, queue: counts } = yield* queue.status
  if (counts.in_progress > 0) return { signature: undefined, findings: [] }
  const next = yield* Effect.result(queue.next)
  if (next._tag === "Success") {
    if (!processor.is_processing) return { signature: undefined, findings: [] }
    const nextId = Option.match(next.success, { onNone: () => "", onSome: ({ item_id }) => item_id })
    const signature = `${nextId} ${counts.completed} ${counts.failed} ${counts.canceled}`
    if (signature !== before) return { signature, findings: [] }
    return { signature, findings: stalled.map((job) => ({ job, finding: Result.succeed(workerBusy) })) }
  }
  if (!isUnreadableItemError(next.failure)) return { signature: undefined, findings: [] }
  const findings = yield* Effect.forEach(stalled, (job) =>
    Effect.gen(function*() {
      const itemId = firstPendingItem(job.state)
      if (itemId === undefined) return []
      const read = yield* Effect.result(queue.item(itemId))
      const isOwn = read._tag === "Failure" && isUnreadableItemError(read.failure)
      const finding: Result.Result<Observation, WorkflowNotCompleted> = isOwn
        ? Result.fail(
          new WorkflowNotCompleted({
            reason: new QueueBlocked({
              batchId: job.batchId,
              itemIds: [itemId],
              own: true,
              detail: read.failure.detail
            })
          })
        )
        : Result.succeed(blockedByAnother)
      return [{ job, finding }]
    }))
  return { signature: undefined, findings: findings.flat() }
})
