/**
 * Submits a workflow, tracks it, and returns its outputs.
 *
 * **Details**
 *
 * A job is one submission: one batch of one or more queue items. It lives in a scope; closing the scope cancels
 * unfinished items (see `onScopeClose`) and deletes images that a failed or canceled job left behind.
 *
 * **Example** (Running a workflow)
 *
 * ```ts
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 * import * as Job from "@effect-invokeai/core/job/Job"
 * import type { Workflow } from "@effect-invokeai/core/workflow/Workflow"
 *
 * const run = (workflow: Workflow) =>
 *   Effect.gen(function*() {
 *     const job = yield* Job.submit(workflow, { board: "samples" })
 *     yield* job.events.pipe(
 *       Stream.runForEach((event) =>
 *         event._tag === "InvocationComplete" ? Effect.log(`${event.nodeType} is done`) : Effect.void
 *       )
 *     )
 *     return yield* job.outputs
 *   })
 * ```
 *
 * @since 0.1.0
 */
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import { dual } from "effect/Function"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as WorkflowBatch from "../batch/WorkflowBatch.ts"
import type { WorkflowNotReady } from "../batch/WorkflowProblems.ts"
import type { RecordError } from "../files/RecordError.ts"
import * as Options from "../internal/options.ts"
import type { InvalidOption } from "../InvalidOption.ts"
import type { InvokeAiError } from "../InvokeAiError.ts"
import type { Batch } from "../server/api/QueueSchemas.ts"
import type { Boards } from "../server/Boards.ts"
import type { Images } from "../server/Images.ts"
import type { ServerInfo } from "../server/ServerInfo.ts"
import type { SessionQueue } from "../server/SessionQueue.ts"
import * as Workflow from "../workflow/Workflow.ts"
import type { WorkflowResources } from "../workflow/WorkflowResources.ts"
import {
  awaitWithin,
  batchIdRule,
  cancelJob,
  close,
  jobRules,
  type Lifecycle,
  timeoutRules
} from "./internal/lifecycle.ts"
import { nodesOf, withLoops } from "./internal/outputs/graph.ts"
import { withBoard } from "./internal/resolveBoard.ts"
import { removeUnreadable } from "./internal/stalledQueue.ts"
import * as SubmittedBatch from "./internal/SubmittedBatch.ts"
import * as TimeLimit from "./internal/timeLimit.ts"
import {
  type AwaitError,
  JobNotEnded,
  type JobNotFound,
  type SubmissionError,
  WorkflowNotCompleted
} from "./JobError.ts"
import type { JobEvent } from "./JobEvent.ts"
import * as Journal from "./JobJournal.ts"
import type { Cancellation, CancelResult, JobOptions } from "./JobOptions.ts"
import * as JobProgress from "./JobProgress.ts"
import * as JobResult from "./JobResult.ts"
import * as JobState from "./JobState.ts"
import { JobTracker } from "./JobTracker.ts"
import type { InkOutput, OutputNode, WorkflowOutput } from "./Outputs.ts"
import * as Submission from "./Submission.ts"

export type { AwaitError } from "./JobError.ts"
export type { Cancellation, CancelResult, JobOptions } from "./JobOptions.ts"
export type { JobProgress, RunningNode } from "./JobProgress.ts"
export type { JobItem, JobResult, JobTiming } from "./JobResult.ts"
export type { JobState } from "./JobState.ts"
export type { JobTracker, JobTrackerOptions } from "./JobTracker.ts"
export type { SubmissionResult } from "./Submission.ts"

/**
 * The batch of a job, ready for the server.
 *
 * @category models
 * @since 0.1.0
 */
export interface JobBatch {
  /** The graph that the server runs, as `WorkflowBatch.make` builds it. */
  readonly graph: Batch["graph"]
  /** Lists of values for fields of nodes: each combination makes a queue item. Null or absent if there are none. */
  readonly data: Batch["data"]
  /** The workflow file, which the server stores in the images. Null or absent to store none. */
  readonly workflow: Batch["workflow"]
  /** How many times the batch runs, at least 1. */
  readonly runs: number
  /** How many queue items the batch makes: its combinations of values times `runs`. */
  readonly size: number
  /** The nodes of the workflow by id, for the names in events, outputs and errors. */
  readonly nodes: ReadonlyMap<string, OutputNode>
}

/**
 * A job on the server, and the tracking of it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Job {
  /** The id of the batch on the server. `Job.attach` attaches to the job by it. */
  readonly batchId: string
  /** What the server accepted; null for a job that was attached to. */
  readonly enqueued: Submission.SubmissionResult | null
  /**
   * Emits every event of the job to each subscriber, starting with `JobEnqueued`.
   *
   * **Details**
   *
   * Of every item come its start, what its nodes do, their results, and its end, in this order, whether the client
   * learned of them by events or by polling. Old progress is dropped. Of more than 4,096 events that only report the
   * start of a node or an item, the oldest are dropped, with one `EventsDropped` in their place; results, errors and
   * terminal events are never dropped. Ends when the job has ended and its outputs are known. Never fails: use `await`
   * or `outputs` to find out whether the job completed.
   */
  readonly events: Stream.Stream<JobEvent>
  /** Returns the current state of the job, without a request. */
  readonly state: Effect.Effect<JobState.JobState>
  /**
   * Emits the current state, and the new state after each change; a slow subscriber sees only the newest. Ends with the
   * job.
   */
  readonly changes: Stream.Stream<JobState.JobState>
  /**
   * Emits how far the job is, and again after each change; a slow subscriber sees only the newest. The fraction never
   * decreases. Ends with the job, and never fails.
   */
  readonly progress: Stream.Stream<JobProgress.JobProgress>
  /**
   * Waits for the end of the job.
   *
   * **Errors**
   *
   * - `WorkflowNotCompleted`, with the reasons
   *   - `JobFailed`, `JobCanceled`, `JobLost`: the job ended without completing; each has the outputs that exist.
   *   - `JobTimeout`: the job has a `timeout`, and it has passed.
   *   - `QueueBlocked`: the server cannot read an item of the job.
   * - `InvokeAiError`: the job cannot be tracked any more.
   */
  readonly await: Effect.Effect<JobResult.JobResult, AwaitError>
  /**
   * Returns the outputs of a job that has ended, without waiting.
   *
   * **Errors**
   *
   * - `WorkflowNotCompleted` with the reason `JobNotEnded`: use `await` to wait for the end of the job.
   * - The errors of `await`, except `JobTimeout`.
   */
  readonly outputs: Effect.Effect<WorkflowOutput, AwaitError>
  /**
   * Emits each output as its node finishes, to each subscriber from the first output on. Complete, even after lost
   * connections. Ends with the job, and never fails.
   */
  readonly outputStream: Stream.Stream<InkOutput>
  /** Returns the queue items that are known so far, in the order of the batch, without a request. */
  readonly items: Effect.Effect<ReadonlyArray<JobResult.JobItem>>
  /**
   * Cancels the items that have not ended, and waits until the server has done it, at most for
   * `InvokeAiOptions.closeTimeout`.
   *
   * **Details**
   *
   * Interrupting the wait does not stop the cancellation.
   *
   * **Errors**
   *
   * - `InvokeAiError`: the server could not be reached or failed.
   */
  readonly cancel: Effect.Effect<CancelResult, InvokeAiError>
  /** Returns when the job was queued, started and completed, as known so far, without a request. */
  readonly timing: Effect.Effect<JobResult.JobTiming>
  /** Detaches the job: from now on, closing the scope leaves it running. */
  readonly detach: Effect.Effect<void>
}

/**
 * The services that jobs need. `InvokeAi.layer` provides them.
 *
 * @category models
 * @since 0.1.0
 */
export type JobServices = JobTracker | SessionQueue | Images | ServerInfo | SecureRandom.SecureRandom

const makeJob = Effect.fnUntraced(function*(
  context: Lifecycle,
  enqueued: Submission.SubmissionResult | null,
  limit: TimeLimit.TimeLimit,
  progress: JobProgress.ProgressContext
): Effect.fn.Return<Job, never, JobServices> {
  const services = yield* Effect.context<JobServices>()
  const { options, tracked } = context
  const attributes = { batchId: tracked.batchId }
  const { cleanup } = yield* JobTracker
  const cancel = Effect.flatMap(cleanup.fork(Effect.provideContext(cancelJob(tracked), services)), Fiber.join).pipe(
    Effect.withSpan("Job.cancel", { attributes })
  )
  const finished = tracked.result.pipe(
    Effect.flatMap(JobResult.fromState),
    Effect.provideContext(services)
  )
  const state = Effect.sync(() => tracked.state)
  return {
    batchId: tracked.batchId,
    enqueued,
    events: tracked.events,
    state,
    changes: tracked.changes,
    progress: JobProgress.stream(tracked.changes, progress),
    await: Effect.suspend(() =>
      // The result of an ended job is always available.
      tracked.isDone
        ? finished
        : awaitWithin(finished, options, { batchId: tracked.batchId, state, cancel }, TimeLimit.left(limit))
    ).pipe(
      Effect.withSpan("Job.await", { attributes })
    ),
    outputs: Effect.suspend((): Effect.Effect<WorkflowOutput, AwaitError> =>
      tracked.isDone
        ? Effect.map(finished, (result) => result.outputs)
        : Effect.fail(
          new WorkflowNotCompleted({
            reason: new JobNotEnded({
              batchId: tracked.batchId,
              status: JobState.status(tracked.state),
              outputs: [...tracked.outputs.current]
            })
          })
        )
    ),
    outputStream: tracked.outputs.stream,
    items: Effect.sync(() => JobResult.itemsOf(tracked.state)),
    cancel,
    timing: Effect.sync(() => JobResult.timingOf(tracked.state)),
    detach: Effect.sync(() => {
      context.stage.detached = true
    })
  }
})

/** The body of `submitBatch`, without a span and a timeout of its own. */
const enqueueJob = Effect.fnUntraced(function*(
  batch: JobBatch,
  options: SubmitBatchOptions,
  limit: TimeLimit.TimeLimit
): Effect.fn.Return<Job, SubmissionError | InvokeAiError | RecordError, JobServices | Scope.Scope> {
  const random = yield* SecureRandom.SecureRandom
  const batchId = options.batchId ?? (yield* random.uuidV4())
  const destination = options.destination ?? batchId
  yield* Effect.annotateCurrentSpan({ batchId })
  return yield* send(
    {
      batchId,
      batch: {
        batch_id: batchId,
        origin: options.origin ?? "effect-invokeai",
        destination,
        data: batch.data ?? null,
        graph: batch.graph,
        workflow: batch.workflow ?? null,
        runs: batch.runs
      },
      size: batch.size,
      prepend: options.prepend ?? false,
      nodes: batch.nodes
    },
    options,
    limit,
    { mayExist: options.batchId !== undefined }
  )
})

/**
 * Options for submitting a batch and for closing its job.
 *
 * @category models
 * @since 0.1.0
 */
export interface SubmitBatchOptions extends JobOptions {
  /**
   * The id of the batch: 1 to 128 letters, digits, `.`, `_` or `-`, such as a UUIDv5 of what the job is for. Default: a
   * random UUID.
   *
   * **Details**
   *
   * With an id of your own, the server remembers the job: submitting it again attaches to the batch that the server
   * has, or sends it if the server has none. The server is asked before the batch is sent. If two programs send it at
   * the same moment, the older items are kept, and the newer ones are canceled and their images deleted.
   *
   * The batch that the server has keeps the inputs it was submitted with, and a job that failed or was canceled stays
   * so: to run it again, choose another id. The server forgets a batch when its queue is cleared or pruned, or the
   * batch is deleted.
   *
   * `JobRecovery.attachOrSubmit` looks for the batch before it uploads images and builds the workflow.
   */
  readonly batchId?: string | undefined
}

/** @internal */
export const submitBatchRules: Options.OptionRules<SubmitBatchOptions> = { ...jobRules, batchId: batchIdRule }

/**
 * Submits a batch that is ready for the server. For a workflow, use `submit`.
 *
 * **Errors**
 *
 * See `submit`.
 *
 * **Example** (Build a batch once and submit it twice)
 *
 * ```ts
 * import * as WorkflowBatch from "@effect-invokeai/core/batch/WorkflowBatch"
 * import * as Job from "@effect-invokeai/core/job/Job"
 * import type { Workflow } from "@effect-invokeai/core/workflow/Workflow"
 * import * as Effect from "effect/Effect"
 *
 * export const runTwice = (workflow: Workflow) =>
 *   Effect.scoped(Effect.gen(function*() {
 *     const batch = yield* WorkflowBatch.make(workflow)
 *     const first = yield* Job.submitBatch(batch)
 *     const second = yield* Job.submitBatch(batch)
 *     return [yield* first.await, yield* second.await]
 *   }))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const submitBatch: (
  batch: JobBatch,
  options?: SubmitBatchOptions
) => Effect.Effect<
  Job,
  SubmissionError | InvokeAiError | WorkflowNotCompleted | RecordError | InvalidOption,
  JobServices | Scope.Scope
> = Effect.fn("Job.submitBatch")((batch: JobBatch, options: SubmitBatchOptions = {}) =>
  Effect.andThen(
    Options.check(options, submitBatchRules),
    TimeLimit.submitWithin(options, (limit) => enqueueJob(batch, options, limit))
  )
)

/** Whether the server certainly does not have the batch and will not receive it later. */
const isCertainlyAbsent = (error: SubmissionError | InvokeAiError): boolean =>
  error._tag === "InvokeAiError"
    ? !error.isAmbiguous
    : error.reason._tag !== "SubmissionUnknown" &&
      !(error.reason._tag === "QueueBlocked" && error.reason.removed !== true)

/** Whether the job may run although submitting it failed. @internal */
export const mayRun = (error: SubmitError): boolean =>
  error._tag === "SubmissionError" || error._tag === "InvokeAiError"
    ? !isCertainlyAbsent(error)
    : error._tag === "WorkflowNotCompleted"

/** Tracks a batch and sends it, unless the server has it. */
const send = Effect.fnUntraced(function*(
  submission: Submission.Submission,
  options: JobOptions,
  limit: TimeLimit.TimeLimit,
  before: Pick<Submission.SubmissionContext, "maybeSent" | "mayExist"> = {}
): Effect.fn.Return<Job, SubmissionError | InvokeAiError | RecordError, JobServices | Scope.Scope> {
  const tracker = yield* JobTracker
  const { batchId } = submission
  const tracked = yield* tracker.track({
    batchId,
    expected: submission.size,
    destination: submission.batch.destination ?? undefined,
    nodes: withLoops(submission.nodes, submission.batch.graph),
    submitted: SubmittedBatch.make(submission.batch)
  })
  const context: Lifecycle = { tracked, options, stage: { current: "new", detached: false, sending: undefined } }
  limit.context = context
  yield* Effect.addFinalizer((exit) => close(context, exit))

  const record = Journal.sending(submission, options.key)
  const sending = Submission.submit(submission, options, { ...before, beforeResending: record }).pipe(
    Effect.tap((result) =>
      Effect.sync(() => {
        context.stage.current = "accepted"
        tracked.observe({
          _tag: "Enqueued",
          itemIds: result.itemIds,
          enqueued: result.enqueued,
          mayHaveDuplicates: !result.itemsConfirmed
        })
      })
    ),
    Effect.tap(() => Journal.accepted(batchId)),
    Effect.tap(() => Submission.acknowledge(batchId)),
    Effect.tapError((error) =>
      Effect.gen(function*() {
        // Do not cancel here: the job may be running, and `Job.attach` may be about to attach to it.
        // If the server accepted only part of a batch, closing makes sure that nothing of it runs.
        const reason = error._tag === "SubmissionError" ? error.reason : undefined
        context.stage.current = reason?._tag === "SubmissionIncomplete" && reason.enqueued > 0 ? "accepted" : "over"
        if (reason?._tag === "QueueBlocked") tracked.fail(new WorkflowNotCompleted({ reason }))
        if (context.stage.current === "over" && isCertainlyAbsent(error)) yield* Journal.forget(batchId)
        if (reason?._tag === "SubmissionIncomplete") yield* Submission.acknowledge(batchId)
      })
    )
  )
  // An interruption must not cut off the request: it gets a moment to finish, and then its job is canceled.
  const enqueued = yield* Effect.uninterruptibleMask((restore) =>
    Effect.gen(function*() {
      if (before.maybeSent !== true) yield* record
      context.stage.current = "sending"
      const fiber = yield* Effect.forkDetach(restore(sending), { startImmediately: true })
      context.stage.sending = fiber
      return yield* restore(Fiber.join(fiber))
    })
  )
  // With events, no request is needed: the subscription started before the job was sent.
  if (!enqueued.itemsConfirmed || !(yield* tracker.connected)) yield* tracker.refresh
  const { batch, nodes } = submission
  return yield* makeJob(context, enqueued, limit, { nodes, nodeCount: nodesOf(batch.graph).size })
})

/** Submits a batch of which the journal does not know whether the server has it. @internal */
export const resubmit = (
  submission: Submission.Submission,
  options: JobOptions
): Effect.Effect<
  Job,
  SubmissionError | InvokeAiError | WorkflowNotCompleted | RecordError | InvalidOption,
  JobServices | Scope.Scope
> =>
  Effect.andThen(
    Options.check(options, jobRules),
    TimeLimit.submitWithin(options, (limit) => send(submission, options, limit, { maybeSent: true }))
  )

/**
 * Options for submitting a workflow and for closing its job.
 *
 * @category models
 * @since 0.1.0
 */
export interface SubmitOptions extends SubmitBatchOptions {
  /**
   * The id or name of the board for every kept image whose node names no board of its own, or `auto`; `none` for no
   * board. Default: the board of each node, if it names one.
   */
  readonly board?: string | undefined
  /**
   * How many times the workflow runs, at least 1.
   *
   * @default 1
   */
  readonly runs?: number | undefined
  /** Which seeds the runs use, see `WorkflowBatch.BatchOptions`. */
  readonly seed?: WorkflowBatch.BatchOptions["seed"]
}

/** @internal */
export const submitRules: Options.OptionRules<SubmitOptions> = {
  ...submitBatchRules,
  board: Options.text,
  // the checks of the workflow report these two, together with everything else that is wrong
  runs: Options.unchecked,
  seed: Options.unchecked
}

/**
 * Why a workflow could not be submitted.
 *
 * @category errors
 * @since 0.1.0
 */
export type SubmitError =
  | SubmissionError
  | InvokeAiError
  | WorkflowNotReady
  | WorkflowNotCompleted
  | RecordError
  | InvalidOption

/** The workflow to submit, or the error for another value. */
const checkWorkflow = (workflow: unknown): Effect.Effect<void, InvalidOption> =>
  Workflow.isWorkflow(workflow)
    ? Effect.void
    : Effect.fail(
      Options.invalidArgument("workflow", "a workflow, such as Workflow.fromFile or client.workflow returns", workflow)
    )

/**
 * Submits a workflow and returns a job that tracks it.
 *
 * **Details**
 *
 * Checks everything first, then subscribes to the server's events, then submits, once. When it returns the server has
 * the job. The job lives in the scope: see `JobOptions` for what closing it does.
 *
 * **Errors**
 *
 * - `WorkflowNotReady`: a value is missing or invalid; nothing was submitted.
 * - `SubmissionError`, with the reasons
 *   - `BoardNotFound`: nothing was submitted.
 *   - `SubmissionRejected`: the server rejected the batch, with nodes and fields; nothing was enqueued.
 *   - `SubmissionIncomplete`: the server accepted only some items; they are canceled unless `onIncomplete` is `keep`.
 *   - `SubmissionUnknown`: the connection failed and the job may be running; call `attach` later.
 *   - `QueueBlocked`: the server accepted the batch but cannot read it; it is removed from the queue.
 * - `InvokeAiError`: the server could not be reached or failed; nothing was enqueued.
 * - `WorkflowNotCompleted` with the reason `JobTimeout`: the server did not accept it before the job's `timeout`, which counts from the call.
 * - `RecordError`: the job could not be recorded in the `JobJournal`; nothing was submitted.
 * - `InvalidOption`: an option has an invalid value or an unknown name, or the first argument is not a workflow;
 *   nothing was submitted.
 *
 * @category constructors
 * @since 0.1.0
 */
export const submit = Effect.fn("Job.submit")(function*(
  workflow: Workflow.Workflow,
  options: SubmitOptions = {}
): Effect.fn.Return<Job, SubmitError, JobServices | Boards | WorkflowResources | Scope.Scope> {
  yield* checkWorkflow(workflow)
  yield* Options.check(options, submitRules)
  const job = yield* TimeLimit.submitWithin(options, (limit) =>
    Effect.gen(function*() {
      const { runs, seed } = options
      const batch = yield* withBoard(options.board, (board) => WorkflowBatch.make(workflow, { runs, seed, board }))
      for (const warning of batch.warnings) yield* Effect.logDebug(warning)
      return yield* Effect.withSpan(enqueueJob(batch, options, limit), "Job.submitBatch")
    }))
  yield* Effect.annotateCurrentSpan({ batchId: job.batchId })
  return job
})

/**
 * How one of many workflows ended.
 *
 * @category models
 * @since 0.1.0
 */
export interface Outcome {
  /** The position of the workflow in the input, from 0. */
  readonly index: number
  /** The id of the batch; null if the server did not accept it. */
  readonly batchId: string | null
  /** The outputs of the job, or the error with which submitting or waiting failed. */
  readonly result: Result.Result<WorkflowOutput, SubmitError | AwaitError>
}

/**
 * Options for submitting many workflows, for each of them.
 *
 * @category models
 * @since 0.1.0
 */
export interface SubmitAllOptions extends Omit<SubmitOptions, "batchId"> {
  /**
   * How many jobs are on the server's queue at the same time, at least 1; `Infinity` for no limit.
   *
   * @default 16
   */
  readonly concurrency?: number | undefined
}

const { batchId: _, ...eachRules } = submitRules

const submitAllRules: Options.OptionRules<SubmitAllOptions> = { ...eachRules, concurrency: Options.concurrency }

/**
 * Runs many workflows and emits their outcomes as they arrive.
 *
 * **Details**
 *
 * At most `concurrency` (by default 16) of them are on the server's queue at the same time. Each has its own scope,
 * which is closed when it has ended. A failure does not stop the others. All share one event connection.
 *
 * **Example** (Many workflows, four at the same time)
 *
 * ```ts
 * import * as Job from "@effect-invokeai/core/job/Job"
 * import type * as Workflow from "@effect-invokeai/core/workflow/Workflow"
 * import * as Stream from "effect/Stream"
 *
 * export const runAll = (workflows: ReadonlyArray<Workflow.Workflow>) =>
 *   Job.submitAll(workflows, { concurrency: 4 }).pipe(
 *     Stream.filter((outcome) => outcome.result._tag === "Failure"),
 *     Stream.runCollect
 *   )
 * ```
 *
 * @category operations
 * @since 0.1.0
 */
export const submitAll = (
  workflows: Iterable<Workflow.Workflow>,
  options: SubmitAllOptions = {}
): Stream.Stream<Outcome, never, JobServices | Boards | WorkflowResources> => {
  const { concurrency = 16, ...submitOptions } = options
  const checked = Options.checkResult(options, submitAllRules)
  return Stream.fromIterable([...workflows].entries()).pipe(
    Stream.mapEffect(([index, workflow]) => {
      let batchId: string | null = null
      return Effect.andThen(Effect.fromResult(checked), submit(workflow, submitOptions)).pipe(
        Effect.tap((job) =>
          Effect.sync(() => {
            batchId = job.batchId
          })
        ),
        Effect.flatMap((job) => job.await),
        Effect.map((result) => result.outputs),
        Effect.scoped,
        Effect.result,
        Effect.map((result): Outcome => ({ index, batchId, result }))
      )
    }, { concurrency: Result.isSuccess(checked) ? concurrency : 1, unordered: true })
  )
}

/**
 * Options for attaching to a job and for closing it.
 *
 * @category models
 * @since 0.1.0
 */
export interface AttachOptions extends JobOptions {
  /**
   * How many queue items the job asked for. Default: all items that the batch has. Items that were deleted since are
   * not waited for.
   */
  readonly size?: number | undefined
  /**
   * The nodes of the workflow by id, for the names in events, outputs and errors. Default: labels are read from the
   * workflow that the server has.
   */
  readonly nodes?: ReadonlyMap<string, OutputNode> | undefined
}

/** @internal */
export const attachRules: Options.OptionRules<AttachOptions> = {
  ...jobRules,
  size: Options.integer(1),
  nodes: Options.map
}

/**
 * Attaches to a batch that was submitted earlier, by this program or another one.
 *
 * **Details**
 *
 * Closing the scope leaves the job running unless `onScopeClose` is `cancel`.
 *
 * **Errors**
 *
 * `JobNotFound` if the server has no such batch: it was never accepted, or has been deleted since. `InvalidOption` if an
 * option has an invalid value or an unknown name.
 *
 * **Example** (Wait for a batch that another program submitted)
 *
 * ```ts
 * import * as Job from "@effect-invokeai/core/job/Job"
 * import * as Effect from "effect/Effect"
 *
 * export const waitFor = (batchId: string) =>
 *   Effect.scoped(Effect.flatMap(Job.attach(batchId), (job) => job.await))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const attach = Effect.fn("Job.attach")(function*(
  batchId: string,
  options: AttachOptions = {}
): Effect.fn.Return<Job, JobNotFound | InvokeAiError | InvalidOption, JobServices | Scope.Scope> {
  yield* Effect.annotateCurrentSpan({ batchId })
  yield* Options.check(options, attachRules)
  const limit = yield* TimeLimit.begin(options)
  const tracker = yield* JobTracker
  const tracked = yield* tracker.track({
    batchId,
    expected: options.size ?? null,
    destination: options.destination,
    nodes: options.nodes ?? new Map()
  })
  yield* tracked.search
  yield* Submission.acknowledge(batchId)
  const context: Lifecycle = {
    tracked,
    options: { keepOutputs: true, ...options },
    stage: { current: "accepted", detached: options.onScopeClose !== "cancel", sending: undefined }
  }
  yield* Effect.addFinalizer((exit) => close(context, exit))
  return yield* makeJob(context, null, limit, { nodes: options.nodes ?? new Map(), nodeCount: undefined })
})

/**
 * How long to wait for a job, and what happens to it then.
 *
 * @category models
 * @since 0.1.0
 */
export type TimeoutOptions = Pick<JobOptions, "timeout" | "onTimeout">

const awaitJob: {
  (
    options?: TimeoutOptions
  ): (self: Job) => Effect.Effect<JobResult.JobResult, AwaitError | InvalidOption>
  (
    self: Job,
    options?: TimeoutOptions
  ): Effect.Effect<JobResult.JobResult, AwaitError | InvalidOption>
} = dual(
  (args) => args[0] !== undefined && "batchId" in args[0],
  (
    self: Job,
    options: TimeoutOptions = {}
  ): Effect.Effect<JobResult.JobResult, AwaitError | InvalidOption> =>
    Effect.andThen(
      Options.check(options, timeoutRules),
      Effect.suspend(() => awaitWithin(self.await, options, self))
    )
)

export {
  /**
   * Waits until a job ends, up to a time limit.
   *
   * **Details**
   *
   * After the time limit, the job is canceled (default) or keeps running (`detach`), and the wait fails with
   * `WorkflowNotCompleted` and the reason `JobTimeout`. If the job ends on its own at that moment, its own outcome is returned.
   *
   * @category operations
   * @since 0.1.0
   */
  awaitJob as await
}

/**
 * Unblocks the queue: cancels a batch that the server cannot read, and deletes its items if their destination is the
 * batch id, which is the default.
 *
 * **When to use**
 *
 * After `QueueBlocked` with `own`, from another program than the one that submitted the batch. Closing the job's scope
 * does the same. Takes at most 15 seconds.
 *
 * **Example** (Unblock the queue after another program)
 *
 * ```ts
 * import * as Job from "@effect-invokeai/core/job/Job"
 * import * as Effect from "effect/Effect"
 *
 * export const unblock = (batchId: string) =>
 *   Effect.gen(function*() {
 *     const { active } = yield* Job.unblockQueue(batchId)
 *     yield* Effect.log(active === 0 ? "The batch is canceled" : `${active} items are still active`)
 *   })
 * ```
 *
 * @category operations
 * @since 0.1.0
 */
export const unblockQueue = Effect.fn("Job.unblockQueue")(
  (batchId: string): Effect.Effect<Cancellation, InvokeAiError, SessionQueue> =>
    Effect.andThen(Effect.annotateCurrentSpan({ batchId }), removeUnreadable(batchId))
)
