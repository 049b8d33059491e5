/**
 * Reads a queue item over HTTP, and returns what that shows.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import type { InvokeAiError } from "../../InvokeAiError.ts"
import type { SessionQueue } from "../../server/SessionQueue.ts"
import { type AwaitError, QueueBlocked, WorkflowNotCompleted } from "../JobError.ts"
import * as JobState from "../JobState.ts"
import { isFinal } from "./ItemState.ts"
import { fromItem, type Observation } from "./Observation.ts"
import { isUnreadableItemError } from "./stalledQueue.ts"

/** The job that an item is read for. Its state moves on while the item is read. */
interface ReadingJob {
  readonly batchId: string
  readonly state: JobState.JobState
}

/** How long a server may take to save the results of an item that was canceled. */
const saveWait = { rounds: 4, pause: Duration.millis(500) }

/**
 * The results of an item that was canceled while it ran are saved when its last node is done, a moment later. If no events
 * were missed, they brought the results.
 */
const readSaved = Effect.fnUntraced(function*(queue: SessionQueue["Service"], job: ReadingJob, itemId: number) {
  let item = yield* queue.item(itemId)
  for (let round = 0; round < saveWait.rounds; round++) {
    const begun = item.status === "canceled" && Predicate.isNotNullish(item.started_at)
    if (!job.state.mayHaveMissedItems || !begun || Object.keys(item.session["results"] ?? {}).length > 0) break
    yield* Effect.sleep(saveWait.pause)
    item = yield* queue.item(itemId)
  }
  return item
})

const notFound = Effect.fnUntraced(function*(
  queue: SessionQueue["Service"],
  job: ReadingJob,
  itemId: number,
  isOtherItem: boolean
): Effect.fn.Return<Observation | undefined, InvokeAiError> {
  const status = yield* queue.batchStatus(job.batchId)
  if (status.batch_id !== job.batchId) return undefined
  return { _tag: "ItemNotFound", itemId, batchTotal: status.total, isOtherItem }
})

const onUnreadable = Effect.fnUntraced(function*(
  queue: SessionQueue["Service"],
  job: ReadingJob,
  itemId: number,
  error: InvokeAiError
): Effect.fn.Return<Observation, AwaitError> {
  const item = JobState.getItem(job.state, itemId)
  if (item?.phase === "ended") return { _tag: "ItemUnreadable", itemId, status: item.status }
  const status = yield* queue.batchStatus(job.batchId)
  if (status.completed + status.failed + status.canceled >= status.total) {
    // The server cannot run what it cannot read, so it can only have been canceled.
    return { _tag: "ItemUnreadable", itemId, status: "canceled" }
  }
  return yield* new WorkflowNotCompleted({
    reason: new QueueBlocked({ batchId: job.batchId, itemIds: [itemId], own: true, detail: error.detail })
  })
})

/**
 * Reads an item, alone: `items_by_ids` has members that are null, which this route leaves out, and in data of any shape no
 * client can tell them from those that a node made. Undefined if there is nothing to observe. `limit` limits how many items
 * are read at the same time.
 *
 * @internal
 */
export const readItem = (
  queue: SessionQueue["Service"],
  job: ReadingJob,
  itemId: number,
  limit: <A, E>(read: Effect.Effect<A, E>) => Effect.Effect<A, E>
): Effect.Effect<Observation | undefined, AwaitError> =>
  limit(Effect.suspend(() => {
    const known = JobState.getItem(job.state, itemId)
    return known !== undefined && isFinal(known) ? Effect.undefined : readSaved(queue, job, itemId)
  })).pipe(
    Effect.flatMap((item): Effect.Effect<Observation | undefined, InvokeAiError> => {
      if (item === undefined) return Effect.undefined
      return item.batch_id === job.batchId
        ? Effect.succeed({ _tag: "ItemRead", item: fromItem(item) })
        // The server lost its database and counts from 1 again.
        : notFound(queue, job, itemId, true)
    }),
    Effect.catchIf((error) => error.reason._tag === "NotFound", () => notFound(queue, job, itemId, false)),
    Effect.catchIf(isUnreadableItemError, (error) => onUnreadable(queue, job, itemId, error))
  )
