/**
 * Runs an InvokeAI workflow as a step of a durable workflow (`effect/workflow`).
 *
 * **When to use**
 *
 * For business processes around images that take days and survive restarts: render, wait for a person's approval, scale up,
 * publish. For many images, use `Farm`.
 *
 * **Details**
 *
 * The engine can run an activity more than once, for example after its process was killed. The batch id is made of the
 * activity's idempotency key, so the server runs the job once: every other attempt attaches to it.
 *
 * A job that a restart of its server canceled or lost is submitted again. If the process stops, the job continues, and the
 * process that resumes the workflow gets its outputs. If the workflow is interrupted or fails, the job is canceled.
 *
 * **Example** (Render, wait for approval, then publish)
 *
 * ```ts
 * import * as RenderActivity from "@effect-invokeai/farm/RenderActivity"
 * import * as Effect from "effect/Effect"
 * import * as Layer from "effect/Layer"
 * import * as Schema from "effect/Schema"
 * import * as DurableDeferred from "effect/workflow/DurableDeferred"
 * import * as Workflow from "effect/workflow/Workflow"
 * import * as WorkflowEngine from "effect/workflow/WorkflowEngine"
 *
 * const Order = Workflow.make("Order", {
 *   payload: { id: Schema.String, prompt: Schema.String },
 *   idempotencyKey: ({ id }) => id,
 *   success: Schema.Array(Schema.String),
 *   error: RenderActivity.RenderFailed
 * })
 *
 * const Approval = DurableDeferred.make("Approval", { success: Schema.Boolean })
 *
 * export const orders = (file: string) => {
 *   const render = RenderActivity.make(file, { directory: "outputs" })
 *   return Order.toLayer(Effect.fn(function*({ prompt }) {
 *     const { files } = yield* render("render", { prompt })
 *     const isApproved = yield* DurableDeferred.await(Approval)
 *     return isApproved ? files : []
 *   })).pipe(Layer.provideMerge(WorkflowEngine.layerMemory))
 * }
 * ```
 *
 * @since 0.1.0
 */
import type { Job } from "@effect-invokeai/core/job/Job"
import type { JobNotFound } from "@effect-invokeai/core/job/JobError"
import * as JobRecovery from "@effect-invokeai/core/job/JobRecovery"
import * as RetryAdvice from "@effect-invokeai/core/run/RetryAdvice"
import * as Run from "@effect-invokeai/core/run/Run"
import type { TypedWorkflow, WorkflowChanged } from "@effect-invokeai/core/run/TypedWorkflow"
import type * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as WorkflowInterface from "@effect-invokeai/core/workflow/WorkflowInterface"
import * as Cause from "effect/Cause"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Activity from "effect/workflow/Activity"
import * as DurableDeferred from "effect/workflow/DurableDeferred"
import * as DurableWorkflow from "effect/workflow/Workflow"
import * as WorkflowEngine from "effect/workflow/WorkflowEngine"

/**
 * An activity could not render.
 *
 * @category errors
 * @since 0.1.0
 */
export class RenderFailed extends Schema.TaggedError<RenderFailed>()("RenderFailed", {
  /** The name of the activity. */
  activity: Schema.String,
  /** The tag of the error, or of its reason: `JobFailed`, `InvalidInputValue`, … */
  tag: Schema.String,
  /** What failed, where and why. */
  detail: Schema.String,
  /** Where it can run again, see `RetryAdvice`. `Activity.retry` makes a new job for each attempt. */
  advice: Schema.Literals(["never", "elsewhere", "later"])
}) {
  override get message(): string {
    return `Could not render ${JSON.stringify(this.activity)}: ${this.detail}`
  }

  /** Whether a new job can succeed later: unless `advice` is `never`. */
  get isRetryable(): boolean {
    return this.advice !== "never"
  }
}

/**
 * What an activity made, as the engine stores it.
 *
 * @category models
 * @since 0.1.0
 */
export interface Rendered<Outputs> {
  /** The id of the batch on the server. */
  readonly batchId: string
  /** The outputs by public name, as `Run.run` returns them. */
  readonly outputs: Outputs
  /** The images that the InvokeAI UI shows in its gallery. An image input of another workflow accepts each. */
  readonly images: ReadonlyArray<WorkflowInterface.ImageData>
  /** The paths of the files that were downloaded; empty without `directory`. */
  readonly files: ReadonlyArray<string>
}

/**
 * Options of all jobs of an activity.
 *
 * @category models
 * @since 0.1.0
 */
export interface RenderOptions
  extends
    Pick<Run.RunOptions, "directory" | "template" | "format" | "quality" | "metadata">,
    Pick<Run.RunOptions, "board" | "seed" | "prepend" | "timeout" | "onProgress" | "onEvent">
{
  /**
   * What to do if a file exists. An activity that ran twice wrote the same file before.
   *
   * @default "overwrite"
   */
  readonly ifExists?: Run.RunOptions["ifExists"]
}

/**
 * Runs a workflow as the activity with a name, which no other activity of the same durable workflow has.
 *
 * @category models
 * @since 0.1.0
 */
export type Render<Inputs, Outputs> = (
  name: string,
  ...inputs: {} extends Inputs ? [inputs?: Inputs] : [inputs: Inputs]
) => Effect.Effect<
  Rendered<Outputs>,
  RenderFailed,
  Run.RunServices | WorkflowEngine.WorkflowEngine | WorkflowEngine.WorkflowInstance
>

/** How many jobs an attempt makes if servers keep losing them. */
const maxJobs = 5

/** How often an attempt looks whether its workflow was interrupted. */
const interruptInterval = "2 seconds"

/**
 * Under this name, the engine of the cluster stores that a workflow was interrupted. It takes effect when the workflow
 * suspends, which one that waits for a job does not do. An engine without it cancels the job when the workflow ends.
 */
const interruptSignal = DurableDeferred.make("Workflow/InterruptSignal")

type RenderError = Run.RunError | JobNotFound | WorkflowChanged

/** What can be done about an error: ask for the same job again, or submit another one. */
const remedyOf = (error: RenderError): "same" | "another" | undefined => {
  const tag = "reason" in error && Predicate.hasProperty(error.reason, "_tag") ? error.reason._tag : undefined
  const advice = RetryAdvice.fromError(error)
  if (tag === "Transport") return advice === "never" ? undefined : "same"
  if (advice !== "later") return undefined
  return tag === "JobCanceled" || tag === "JobLost" || tag === "SubmissionIncomplete" ? "another" : "same"
}

const failureOf = (activity: string) => (error: RenderError): RenderFailed => {
  const reason = "reason" in error && error.reason instanceof Error ? error.reason : error
  return new RenderFailed({
    activity,
    tag: "_tag" in reason && typeof reason._tag === "string" ? reason._tag : error._tag,
    detail: error.message,
    advice: RetryAdvice.fromError(error)
  })
}

const batchIdOf = (key: string, job: number): string => job === 1 ? key : `${key}.${job}`

/** Cancels what runs of the jobs of an attempt, and deletes their uploads. */
const cancelJobs = Effect.fnUntraced(function*(key: string) {
  for (let job = 1; job <= maxJobs; job++) {
    const attached = yield* Effect.option(
      Effect.scoped(
        JobRecovery.attachOrSubmit(batchIdOf(key, job), Effect.fail("absent"), { onScopeClose: "cancel" })
      )
    )
    if (Option.isNone(attached)) return
  }
})

const isTyped = (
  workflow: TypedWorkflow<object, object> | Run.RunSource
): workflow is TypedWorkflow<object, object> =>
  Predicate.hasProperty(workflow, "outputSchema") && Predicate.hasProperty(workflow, "signature")

/** What `make` needs of a workflow, typed or not. */
interface Renderable {
  readonly outputSchema: Schema.Codec<object>
  readonly run: (
    inputs: Workflow.InputValues,
    options: Run.RunOptions
  ) => Effect.Effect<Run.RunResult, Run.RunError | WorkflowChanged, Run.RunServices>
}

const renderable = (workflow: TypedWorkflow<object, object> | Run.RunSource): Renderable =>
  isTyped(workflow)
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- without its types, it takes any inputs by name
    ? workflow as unknown as Renderable
    : {
      outputSchema: Schema.Record(Schema.String, Schema.Json),
      run: (inputs, options) => Run.run(workflow, inputs, options)
    }

/** Asks for the same job again for about five minutes while its server is unavailable. */
const patience = Schedule.exponential("1 second").pipe(
  Schedule.modifyDelay(({ duration }) => Effect.succeed(Duration.min(duration, Duration.seconds(30)))),
  Schedule.upTo({ times: 14 })
)

/** Runs the job of an attempt, or another one where servers lose it, until one ends. */
const renderOnce = Effect.fnUntraced(function*(
  { run }: Renderable,
  inputs: Workflow.InputValues,
  options: RenderOptions,
  key: string
): Effect.fn.Return<
  Run.RunResult,
  RenderError,
  Run.RunServices | Scope.Scope | WorkflowEngine.WorkflowEngine | WorkflowEngine.WorkflowInstance
> {
  const engine = yield* WorkflowEngine.WorkflowEngine
  const instance = yield* WorkflowEngine.WorkflowInstance
  let running: Job | undefined
  let isInterrupted = false

  const watch = Effect.gen(function*() {
    isInterrupted ||= Option.isSome(yield* engine.deferredResult(interruptSignal))
    if (isInterrupted && running !== undefined) yield* Effect.ignore(running.cancel)
  }).pipe(Effect.delay(interruptInterval), Effect.forever)
  yield* Effect.forkScoped(watch)

  const jobNumber = (job: number): Effect.Effect<Run.RunResult, RenderError, Run.RunServices> =>
    run(inputs, {
      ...(options.directory === undefined ? {} : { ifExists: "overwrite" }),
      ...options,
      batchId: batchIdOf(key, job),
      // the process that resumes the workflow attaches to the job
      onScopeClose: "detach",
      onSubmitted: (submitted) =>
        Effect.sync(() => {
          running = submitted
        })
    }).pipe(
      Effect.retry({ schedule: patience, while: (error) => !isInterrupted && remedyOf(error) === "same" }),
      Effect.catchIf(
        (error) => !isInterrupted && job < maxJobs && remedyOf(error) === "another",
        (error) =>
          Effect.andThen(
            Effect.logInfo(`Submitting the job of batch ${batchIdOf(key, job)} again: ${error.message}`),
            jobNumber(job + 1)
          )
      )
    )
  return yield* Effect.tapError(jobNumber(1), () =>
    // the engine applies the interruption to a workflow that suspends
    isInterrupted ? DurableWorkflow.suspend(instance) : Effect.void)
})

/**
 * Makes a step for durable workflows of an InvokeAI workflow: a file, an opened workflow, or the `TypedWorkflow` of a
 * generated module.
 *
 * **Details**
 *
 * The result is a function of a name and of the values of the inputs by public name; images are paths, URLs, or images of
 * another step. Its effect runs in the handler of a durable workflow. For attempts after a failure, wrap it in
 * `Activity.retry`: each attempt makes a new job. While the server is unavailable, an attempt waits for up to about five
 * minutes.
 *
 * Provide `AssetLedger.layerSql` on the database of the engine, so that uploads of a process that was killed are deleted.
 *
 * **Gotchas**
 *
 * The cluster's engine notices within 2 seconds that a workflow was interrupted while it renders. With
 * `WorkflowEngine.layerMemory`, an interruption takes effect when the job has ended.
 *
 * **Errors**
 *
 * `RenderFailed`, with the tag of the error of `Run.run`, and where it can run again.
 *
 * **Example** (Up to three jobs, as long as another one can help)
 *
 * ```ts
 * import * as RenderActivity from "@effect-invokeai/farm/RenderActivity"
 * import * as Layer from "effect/Layer"
 * import * as Activity from "effect/workflow/Activity"
 * import * as Workflow from "effect/workflow/Workflow"
 * import * as WorkflowEngine from "effect/workflow/WorkflowEngine"
 *
 * const Sketch = Workflow.make("Sketch", { payload: {}, idempotencyKey: () => "sketch", error: RenderActivity.RenderFailed })
 *
 * export const sketches = (file: string) => {
 *   const render = RenderActivity.make(file)
 *   return Sketch.toLayer(() =>
 *     Activity.retry(render("render"), { times: 2, while: (error) => error.advice !== "never" })
 *   ).pipe(Layer.provideMerge(WorkflowEngine.layerMemory))
 * }
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const make: {
  /** From a `TypedWorkflow`: inputs and outputs have its types. */
  <Inputs extends object, Outputs extends object>(
    workflow: TypedWorkflow<Inputs, Outputs>,
    options?: RenderOptions
  ): Render<Inputs, Outputs>
  /** From a file or an opened workflow: inputs are checked when the activity runs. */
  (workflow: Run.RunSource, options?: RenderOptions): Render<Workflow.InputValues, Readonly<Record<string, unknown>>>
} = (
  workflow: TypedWorkflow<object, object> | Run.RunSource,
  options: RenderOptions = {}
): Render<object, never> => {
  const target = renderable(workflow)
  const success = Schema.Struct({
    batchId: Schema.String,
    outputs: target.outputSchema,
    images: Schema.Array(WorkflowInterface.ImageData),
    files: Schema.Array(Schema.String)
  })
  const render = Effect.fnUntraced(function*(name: string, inputs: Workflow.InputValues = {}) {
    const key = yield* Activity.idempotencyKey(name, { includeAttempt: true })
    const instance = yield* WorkflowEngine.WorkflowInstance
    yield* DurableWorkflow.addFinalizer((exit) =>
      // a process that stops leaves its jobs to the one that resumes the workflow
      Exit.isFailure(exit) && (instance.interrupted || !Cause.hasInterruptsOnly(exit.cause))
        ? cancelJobs(key)
        : Effect.void
    )
    return yield* Activity.make({
      name,
      success,
      error: RenderFailed,
      execute: renderOnce(target, inputs, options, key).pipe(
        Effect.map(({ batchId, files, images, outputs }) => ({
          batchId,
          outputs,
          images,
          files: files.map(({ path }) => path)
        })),
        Effect.mapError(failureOf(name))
      )
    })
  })
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the overloads give it the types of the workflow
  return render as Render<object, never>
}
