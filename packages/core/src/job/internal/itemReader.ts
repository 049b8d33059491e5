/**
 * Reads queue items over HTTP: each once at a time, a few at the same time.
 *
 * @since 0.1.0
 */
import type * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Predicate from "effect/Predicate"
import * as Semaphore from "effect/Semaphore"
import { elapsedMillis } from "../../internal/elapsed.ts"
import type { InvokeAiError } from "../../server/InvokeAiError.ts"
import type { Queue } from "../../server/Queue.ts"
import { QueueBlocked } from "../JobError.ts"
import * as JobState from "../JobState.ts"
import { isFinal } from "./ItemState.ts"
import { fromItem, type Observation } from "./Observation.ts"
import { withLoops } from "./outputs/graph.ts"
import { isPoisoned } from "./poison.ts"
import { nodesOfWorkflow, type TrackedJob } from "./trackedJob.ts"

/** An item that has to be read. @internal */
export interface ReadTask {
  readonly job: TrackedJob
  readonly itemId: number
}

/** What reading needs of the tracker. @internal */
interface ReaderOptions {
  readonly queue: Queue["Service"]
  readonly observe: (job: TrackedJob, observation: Observation) => void
  /** Starts a piece of work at once. */
  readonly fork: (work: Effect.Effect<void>) => void
  /** How many items are read at the same time. */
  readonly concurrency: number
  /** The server answered something. */
  readonly answered: () => void
  /** A request failed; `since` is when it failed for the first time in a row. */
  readonly failed: (job: TrackedJob, error: InvokeAiError, since: number) => void
  /** A defect, or an interruption. */
  readonly broken: (job: TrackedJob, cause: Cause.Cause<never>) => void
}

/**
 * - `request`: has an item read.
 * - `schedule`: has all items of a job read that have to be.
 * - `cancelSurplus`: cancels the items that are more than a job asked for.
 *
 * @internal
 */
export interface ItemReader {
  readonly request: (task: ReadTask) => void
  readonly schedule: (job: TrackedJob) => void
  readonly cancelSurplus: (job: TrackedJob) => void
}

/** How often the server must deny an item of a batch that it has. */
const denialsThatCount = 5

/** How long a server may take to save the results of an item that was canceled. */
const savedWithin = { rounds: 4, pause: Duration.millis(500) }

/** @internal */
export const make = (options: ReaderOptions): ItemReader => {
  const { answered, broken, failed, fork, observe, queue } = options
  const permits = Semaphore.makeUnsafe(options.concurrency)

  const cancelSurplus = (job: TrackedJob) => {
    const open = JobState.items(job.state).filter((item) => item.role === "surplus" && item.phase === "open")
    if (open.length === 0) return
    fork(Effect.forEach(open, (item) => Effect.ignore(queue.cancelItem(item.itemId)), { discard: true }))
  }

  /**
   * The server says that it does not have the item. A proxy or an answer that is none can look the same, so the batch
   * has to lack an item too, or the server has to say it again and again.
   */
  const confirmMissing = Effect.fnUntraced(function*({ itemId, job }: ReadTask, certain: boolean) {
    const status = yield* queue.batchStatus(job.batchId)
    if (status.batch_id !== job.batchId) return
    const denials = (job.denials.get(itemId) ?? 0) + 1
    job.denials.set(itemId, denials)
    const fewer = status.total < JobState.present(job.state)
    if (certain || fewer || denials >= denialsThatCount) observe(job, { _tag: "ItemMissing", itemId })
  })

  const onPoisoned = Effect.fnUntraced(function*({ itemId, job }: ReadTask, error: InvokeAiError) {
    const item = JobState.getItem(job.state, itemId)
    if (item?.phase === "ended") {
      observe(job, { _tag: "ItemUnreadable", itemId, status: item.status })
      return
    }
    const status = yield* queue.batchStatus(job.batchId)
    if (status.completed + status.failed + status.canceled >= status.total) {
      // The server cannot run what it cannot read, so it can only have been canceled.
      observe(job, { _tag: "ItemUnreadable", itemId, status: "canceled" })
      return
    }
    job.finish(
      Exit.fail(new QueueBlocked({ batchId: job.batchId, itemIds: [itemId], own: true, detail: error.detail }))
    )
  })

  /**
   * The results of an item that was canceled while it ran are saved when its last node is done, a moment later. Where
   * events were heard they have told the results.
   */
  const readSaved = Effect.fnUntraced(function*({ itemId, job }: ReadTask) {
    let item = yield* queue.rawItem(itemId)
    for (let round = 0; round < savedWithin.rounds; round++) {
      const begun = item.status === "canceled" && Predicate.isNotNullish(item["started_at"])
      if (!job.unheard || !begun || Object.keys(item.session["results"] ?? {}).length > 0) break
      yield* Effect.sleep(savedWithin.pause)
      item = yield* queue.rawItem(itemId)
    }
    return item
  })

  const read = Effect.fnUntraced(function*(task: ReadTask) {
    const { itemId, job } = task
    const known = JobState.getItem(job.state, itemId)
    if (job.isDone || (known !== undefined && isFinal(known))) return
    const item = yield* readSaved(task)
    answered()
    const snapshot = item.batch_id === job.batchId ? fromItem(item) : undefined
    if (snapshot === undefined) {
      // An id that names something else now: the server lost its database and counts from 1 again.
      yield* confirmMissing(task, true)
      return
    }
    if (!job.hasNodes) job.setNodes(withLoops(nodesOfWorkflow(item["workflow"]), item.session["graph"]))
    observe(job, { _tag: "ItemRead", item: snapshot })
  })

  const onFailure = Effect.fnUntraced(function*({ itemId, job }: ReadTask, error: InvokeAiError) {
    const since = job.failing.get(itemId) ?? (yield* elapsedMillis)
    job.failing.set(itemId, since)
    failed(job, error, since)
  })

  const readSafely = (task: ReadTask) =>
    task.job.traced(permits.withPermits(1)(read(task))).pipe(
      Effect.catchIf((error) => error.status === 404, () => confirmMissing(task, false)),
      Effect.catchIf(isPoisoned, (error) => onPoisoned(task, error)),
      Effect.andThen(Effect.sync(() => void task.job.failing.delete(task.itemId))),
      Effect.catch((error) => onFailure(task, error)),
      Effect.tapCause((cause) => Effect.sync(() => broken(task.job, cause))),
      Effect.ensuring(Effect.sync(() => task.job.reading.delete(task.itemId)))
    )

  const request = (task: ReadTask) => {
    if (task.job.reading.has(task.itemId)) return
    task.job.reading.add(task.itemId)
    fork(readSafely(task))
  }

  return {
    request,
    schedule: (job) => {
      for (const itemId of JobState.unread(job.state)) request({ job, itemId })
    },
    cancelSurplus
  }
}
