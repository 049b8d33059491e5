/**
 * Resumes the jobs of a process that was killed.
 *
 * **When to use**
 *
 * Use `submitOnce` in programs that are restarted after a crash: the same code submits a job the first time and resumes
 * it the next time. Use `resume` for jobs in the journal that no code requests any more. Use `attachOrSubmit` if several
 * processes or machines share the jobs: it needs no journal, because the server finds the job by its batch id.
 *
 * **Example** (A program that can be killed at any moment)
 *
 * ```ts
 * import * as Assets from "@effect-invokeai/core/assets/Assets"
 * import * as Downloads from "@effect-invokeai/core/assets/Downloads"
 * import * as JobRecovery from "@effect-invokeai/core/job/JobRecovery"
 * import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
 * import * as Effect from "effect/Effect"
 *
 * const render = (order: string, prompt: string) =>
 *   Effect.scoped(Effect.gen(function*() {
 *     const prepare = Effect.flatMap(
 *       Workflow.fromFile("text-to-image.json"),
 *       (workflow) => Workflow.setInput(workflow, "prompt", prompt)
 *     )
 *     const job = yield* JobRecovery.submitOnce(order, prepare)
 *     const { outputs } = yield* job.await
 *     yield* Downloads.outputs(outputs, { directory: `outputs/${order}`, ifExists: "overwrite" })
 *   }))
 *
 * const program = Effect.gen(function*() {
 *   yield* render("order-17", "a lighthouse")
 *   // Now no job needs the uploads of earlier, killed runs of this program.
 *   yield* Assets.recover
 * })
 * ```
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import type { RecordError } from "../files/RecordError.ts"
import * as Options from "../internal/options.ts"
import type { InvalidOption } from "../InvalidOption.ts"
import type { InvokeAiError } from "../InvokeAiError.ts"
import type { Boards } from "../server/Boards.ts"
import { ServerInfo } from "../server/ServerInfo.ts"
import { SessionQueue } from "../server/SessionQueue.ts"
import type { Workflow } from "../workflow/Workflow.ts"
import type { WorkflowResources } from "../workflow/WorkflowResources.ts"
import { type BatchUploads, CurrentBatch } from "./internal/ImageUsage.ts"
import { withLoops } from "./internal/outputs/graph.ts"
import * as Job from "./Job.ts"
import type { JobNotFound, SubmissionError, WorkflowNotCompleted } from "./JobError.ts"
import { forget, JobJournal, type JournalEntry, toSubmission } from "./JobJournal.ts"
import * as JobState from "./JobState.ts"
import { JobTracker } from "./JobTracker.ts"

/**
 * Resumes a job from the journal.
 *
 * **Details**
 *
 * A job that the server accepted is tracked, even if it has ended since. If its acceptance is unknown, the server is
 * asked first, and the job is submitted with the same batch id if the server does not have it. From then on, it is like
 * a job of this program: closing the scope before its end cancels it unless `onScopeClose` is `detach`. It leaves the
 * journal when the scope closes, unless it completed and the scope failed after that.
 *
 * **Errors**
 *
 * Those of `Job.submit`, and `JobNotFound` if the server accepted the job but no longer has it, because it was pruned
 * or the server lost its database. The job is then removed from the journal.
 *
 * **Example** (Resume every job of the journal)
 *
 * ```ts
 * import { JobJournal, type JournalEntry } from "@effect-invokeai/core/job/JobJournal"
 * import * as JobRecovery from "@effect-invokeai/core/job/JobRecovery"
 * import * as Effect from "effect/Effect"
 *
 * export const resumeAll = Effect.gen(function*() {
 *   const journal = yield* JobJournal
 *   const entries = yield* journal.entries
 *   const resume = (entry: JournalEntry) =>
 *     Effect.flatMap(JobRecovery.resume(entry), (job) => job.await).pipe(
 *       Effect.scoped,
 *       Effect.asSome,
 *       Effect.catchTag("JobNotFound", () => Effect.succeedNone)
 *     )
 *   return yield* Effect.forEach(entries, resume, { concurrency: 4 })
 * })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const resume = Effect.fn("JobRecovery.resume")(function*(
  entry: JournalEntry,
  options: Job.JobOptions = {}
): Effect.fn.Return<
  Job.Job,
  SubmissionError | InvokeAiError | JobNotFound | WorkflowNotCompleted | RecordError | InvalidOption,
  Job.JobServices | JobJournal | Scope.Scope
> {
  const { batchId } = entry
  yield* Effect.annotateCurrentSpan({ batchId })
  const submission = toSubmission(entry)
  if (entry.stage === "sending") {
    // A server with receipts has one under the key of the killed program, and detects duplicates by it.
    yield* Effect.ignore((yield* ServerInfo).capabilities)
    return yield* Job.resubmit(submission, options)
  }
  return yield* Job.attach(batchId, {
    onScopeClose: "cancel",
    keepOutputs: false,
    ...options,
    destination: submission.batch.destination ?? undefined,
    nodes: withLoops(submission.nodes, submission.batch.graph),
    size: submission.size
  }).pipe(Effect.tapErrorTag("JobNotFound", () => forget(batchId)))
})

interface Lock {
  readonly semaphore: Semaphore.Semaphore
  users: number
}

const locks = new WeakMap<JobJournal["Service"], Map<string, Lock>>()

/** Runs one effect at a time for each key of a journal. */
const withKeyLock = <A, E, R>(
  journal: JobJournal["Service"],
  key: string,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.suspend(() => {
    const byKey = locks.get(journal) ?? new Map<string, Lock>()
    locks.set(journal, byKey)
    const lock = byKey.get(key) ?? { semaphore: Semaphore.makeUnsafe(1), users: 0 }
    byKey.set(key, lock)
    lock.users++
    const leave = Effect.sync(() => {
      if (--lock.users === 0) byKey.delete(key)
    })
    return Effect.ensuring(lock.semaphore.withPermit(effect), leave)
  })

/**
 * Submits a workflow under a key, or resumes the job that the journal has under this key.
 *
 * **Details**
 *
 * The workflow is an effect that runs only if there is no such job yet, so its uploads happen once. A resumed job keeps
 * the inputs it was submitted with. The job leaves the journal, and its key can be used again, when its scope closes
 * successfully; so record what is done before the scope closes.
 *
 * If the job completed and the scope then fails, for example because a download failed, the job and its images stay:
 * the next call with this key attaches to the completed job, and only what comes after it runs again. A job that failed
 * or was canceled leaves the journal: the next call with this key submits a new one.
 *
 * **Gotchas**
 *
 * Interrupting the program (Ctrl-C) closes the scope, and that cancels a running job unless `onScopeClose` is `detach`.
 * Killing the program does not: the job continues. A job whose request was cut off stays in the journal, because the
 * server may still receive it; the next call with this key looks for it.
 *
 * **Errors**
 *
 * As `resume` and `Job.submit`, and those of the effect that gives the workflow.
 *
 * @category constructors
 * @since 0.1.0
 */
export const submitOnce = Effect.fn("JobRecovery.submitOnce")(function*<E, R>(
  key: string,
  workflow: Effect.Effect<Workflow, E, R>,
  options: Job.SubmitOptions = {}
): Effect.fn.Return<
  Job.Job,
  Job.SubmitError | JobNotFound | E,
  Job.JobServices | Boards | WorkflowResources | JobJournal | Scope.Scope | R
> {
  yield* Options.check(options, Job.submitRules)
  const { batchId: _batchId, board: _board, runs: _runs, seed: _seed, ...batchOptions } = options
  const journal = yield* JobJournal
  return yield* withKeyLock(
    journal,
    key,
    Effect.gen(function*() {
      const known = yield* journal.findByKey(key)
      if (Option.isSome(known)) return yield* resume(known.value, { ...batchOptions, key })
      return yield* Job.submit(yield* workflow, { ...options, key })
    })
  )
})

/**
 * Options for `attachOrSubmit`.
 *
 * @category models
 * @since 0.1.0
 */
export interface AttachOrSubmitOptions extends Omit<Job.SubmitOptions, "batchId" | "key"> {
  /**
   * How many queue items the job makes. With it, items of a batch that was sent twice are recognized and canceled even
   * if the programs that sent them no longer run. Default: all items that the server has.
   */
  readonly size?: number | undefined
}

const { key: _, ...submitRules } = Job.submitRules

const attachOrSubmitRules: Options.OptionRules<AttachOrSubmitOptions & Pick<Job.SubmitOptions, "batchId">> = {
  ...submitRules,
  size: Job.attachRules.size
}

/**
 * Attaches to the job with a batch id, or makes a workflow and submits it under this id if the server has no such batch.
 *
 * **When to use**
 *
 * If several processes or machines work on the same jobs: the server remembers the jobs, and no journal is needed. Derive
 * the id from what the job is for, and add the number of the attempt if a job that failed can run again.
 *
 * **Details**
 *
 * The workflow is an effect that runs only if the server has no such batch, so a second attempt uploads nothing and gets
 * the outputs of the job that the first attempt submitted, with the inputs it was submitted with. If two processes submit
 * it at the same moment, both track the older items; the newer ones are canceled, and each process deletes its own
 * uploads when its scope closes.
 *
 * Images that the effect uploads belong to the batch: they stay if the job keeps running when the scope closes (with
 * `detach`, or if the process is killed). The process that sees the end of the job deletes them if it has the same
 * `AssetLedger`, see `AssetLedger.layerSql`; so does `Assets.recover`.
 *
 * The job is like one that `Job.submit` returns, even if it was attached to: closing the scope before its end cancels it
 * unless `onScopeClose` is `detach`.
 *
 * **Gotchas**
 *
 * A job that failed or was canceled stays so: choose another id to run it again. The server forgets a batch when its queue
 * is cleared or pruned, or the batch is deleted. A request of a killed process can arrive after the lookup; its items are
 * canceled as soon as they are seen, and at the latest before the job ends.
 *
 * **Errors**
 *
 * Those of `Job.submit`, and those of the effect that makes the workflow.
 *
 * **Example** (A job that several workers can take over from each other)
 *
 * ```ts
 * import * as Assets from "@effect-invokeai/core/assets/Assets"
 * import * as JobRecovery from "@effect-invokeai/core/job/JobRecovery"
 * import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
 * import * as Effect from "effect/Effect"
 *
 * export const repaint = (batchId: string, file: string) =>
 *   Effect.scoped(Effect.gen(function*() {
 *     const prepare = Effect.gen(function*() {
 *       const workflow = yield* Workflow.fromFile("image-to-image.json")
 *       return yield* Workflow.setInputs(workflow, { image: yield* Assets.uploadFile(file), prompt: "a lake" })
 *     })
 *     const job = yield* JobRecovery.attachOrSubmit(batchId, prepare, { onScopeClose: "detach" })
 *     return yield* job.await
 *   }))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const attachOrSubmit = Effect.fn("JobRecovery.attachOrSubmit")(function*<E, R>(
  batchId: string,
  workflow: Effect.Effect<Workflow, E, R>,
  options: AttachOrSubmitOptions = {}
): Effect.fn.Return<
  Job.Job,
  Job.SubmitError | E,
  Job.JobServices | Boards | WorkflowResources | Scope.Scope | R
> {
  yield* Effect.annotateCurrentSpan({ batchId })
  yield* Options.check({ ...options, batchId }, attachOrSubmitRules)
  const { board, runs, seed, size, ...jobOptions } = options
  const { imageUse } = yield* JobTracker
  const uploads: BatchUploads = { batchId, isLeftRunning: false }
  let isDetached = options.onScopeClose === "detach"
  let job: Job.Job | undefined
  const hasEnded = Effect.suspend(() =>
    job === undefined ? Effect.succeed(false) : Effect.map(job.state, JobState.isEnded)
  )
  // Finalizers run from the last to the first: the job is closed, then uploads are deleted, then this.
  yield* Effect.addFinalizer(() =>
    Effect.flatMap(hasEnded, (ended) => ended ? imageUse.batchEnded(batchId) : Effect.void).pipe(
      Effect.catch(({ message }) => Effect.logWarning(`Uploads of batch ${batchId} were not deleted yet: ${message}`))
    )
  )
  const attach = Job.attach(batchId, { onScopeClose: "cancel", keepOutputs: false, ...jobOptions, size })
  const submit = Effect.gen(function*() {
    const ready = yield* Effect.provideService(workflow, CurrentBatch, uploads)
    let stage: "submitting" | "unknown" | "absent" = "submitting"
    yield* Effect.addFinalizer(() =>
      Effect.map(hasEnded, (ended) => {
        uploads.isLeftRunning = stage === "unknown" || (stage === "submitting" && isDetached && !ended)
      })
    )
    return yield* Job.submit(ready, { ...jobOptions, board, runs, seed, batchId }).pipe(
      Effect.tapError((error) =>
        Effect.sync(() => {
          stage = Job.mayRun(error) ? "unknown" : "absent"
        })
      )
    )
  })
  const { total } = yield* SessionQueue.use((queue) => queue.batchStatus(batchId))
  // deleted since the lookup
  job = total === 0 ? yield* submit : yield* Effect.catchTag(attach, "JobNotFound", () => submit)
  const { detach } = job
  return {
    ...job,
    detach: Effect.tap(detach, () =>
      Effect.sync(() => {
        isDetached = true
      }))
  }
})

/**
 * Gives up a job with a batch id of your own: cancels what the server has of it, and deletes what was uploaded for it.
 *
 * **When to use**
 *
 * Before or after the same work is submitted under another id or to another server, because this server did not respond or
 * the process that worked on it was killed. The server need not have the batch.
 *
 * **Details**
 *
 * Uploads of other processes are known if they have the same `AssetLedger`, see `AssetLedger.layerSql`. Outputs of items
 * that have completed stay. Doing it again does no harm. Routes: `PUT cancel_by_batch_ids` below
 * `/api/v1/queue/{queue_id}/`, and those of `Assets.recover`.
 *
 * **Gotchas**
 *
 * Make sure that no process submits the batch after this: a killed one does not, a suspended one can.
 *
 * **Errors**
 *
 * - `InvokeAiError`: the server does not respond or rejects a request. Call it again later.
 * - `RecordError`: the ledger could not be read.
 * - `InvalidOption`: the id is not one that `attachOrSubmit` accepts.
 *
 * **Example** (Give up the first attempt)
 *
 * ```ts
 * import * as JobRecovery from "@effect-invokeai/core/job/JobRecovery"
 *
 * export const giveUp = (item: string) => JobRecovery.abandon(`${item}.attempt-1`)
 * ```
 *
 * @category operations
 * @since 0.1.0
 */
export const abandon = Effect.fn("JobRecovery.abandon")(function*(
  batchId: string
): Effect.fn.Return<void, InvokeAiError | RecordError | InvalidOption, SessionQueue | JobTracker> {
  yield* Effect.annotateCurrentSpan({ batchId })
  yield* Options.check({ batchId }, { batchId: Job.submitRules.batchId })
  yield* SessionQueue.use((queue) => queue.cancelByBatchIds([batchId]))
  yield* JobTracker.use(({ imageUse }) => imageUse.batchEnded(batchId))
})
