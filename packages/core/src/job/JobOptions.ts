/**
 * How a job is submitted and closed, and what canceling it did.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"

/**
 * Options for submitting a batch and for closing its job.
 *
 * @category models
 * @since 0.1.0
 */
export interface JobOptions extends SubmissionPolicy {
  /**
   * Whether the job is put in front of the queue.
   *
   * @default false
   */
  readonly prepend?: boolean | undefined
  /**
   * How long the job may take, from the call of `submit` (or `attach`) to its end. Default: as long as it takes.
   *
   * **Details**
   *
   * `submit` and `job.await` fail with `WorkflowNotCompleted` (reason `JobTimeout`) less than a second later, whatever the server does; a cancellation
   * that is not confirmed by then continues. No environment variable sets the timeout: it belongs to a job.
   */
  readonly timeout?: Duration.Input | undefined
  /**
   * Whether the job is canceled or continues when `timeout` has passed.
   *
   * @default "cancel"
   */
  readonly onTimeout?: "cancel" | "detach" | undefined
  /**
   * What happens to a job that has not ended when its scope closes. `InvokeAiOptions.closeTimeout` limits how long
   * canceling takes. Default: `"cancel"`; `"detach"` for jobs that were attached to.
   */
  readonly onScopeClose?: "cancel" | "detach" | undefined
  /**
   * Whether the images of a failed or canceled job are kept. Otherwise they are deleted when the scope closes. Default:
   * false; true for jobs that were attached to.
   */
  readonly keepOutputs?: boolean | undefined
  /**
   * Whether the images of a completed job are deleted when the scope closes. With a `JobJournal` they stay if the scope
   * fails after the job completed, for the next start of the program.
   *
   * @default false
   */
  readonly deleteOutputs?: boolean | undefined
  /**
   * A mark that the server keeps with the queue items.
   *
   * @default "effect-invokeai"
   */
  readonly origin?: string | undefined
  /**
   * A second mark that the server keeps with the queue items. Servers before 6.14 can list the items of one
   * destination. Default: the batch id.
   */
  readonly destination?: string | undefined
  /** The name of the job in the `JobJournal`, for `JobRecovery`. `JobRecovery.submitOnce` sets it. */
  readonly key?: string | undefined
}

/**
 * What canceling a job did.
 *
 * @category models
 * @since 0.1.0
 */
export interface CancelResult {
  /** The id of the batch. */
  readonly batchId: string
  /** Whether the server has confirmed that nothing of the job runs or waits any more. */
  readonly confirmed: boolean
  /** The ids of the queue items that are canceled. */
  readonly canceled: ReadonlyArray<number>
  /** The ids of the queue items that had ended before. */
  readonly finished: ReadonlyArray<number>
  /** The ids of the queue items that were not canceled in time. */
  readonly remaining: ReadonlyArray<number>
}

/**
 * How many items of a canceled batch are still active.
 *
 * @category models
 * @since 0.1.0
 */
export interface Cancellation {
  /** The id of the batch. */
  readonly batchId: string
  /** How many of its queue items have not ended. */
  readonly active: number
  /** How many queue items the batch has. */
  readonly total: number
}

/**
 * Options for a submission that the server does not confirm, or does not accept completely.
 *
 * **Details**
 *
 * No environment variable sets these: they belong to a job, and not to the place where the program runs.
 *
 * @category models
 * @since 0.1.0
 */
export interface SubmissionPolicy {
  /**
   * What to do if the server accepts fewer items than requested: cancel them and fail with `SubmissionError` (reason `SubmissionIncomplete`)
   * (`"fail"`), or continue with them (`"keep"`).
   *
   * @default "fail"
   */
  readonly onIncomplete?: "fail" | "keep" | undefined
  /**
   * How long to look for the outcome of one request while the server does not respond. The request itself may take as
   * long as the client's `transferTimeout`.
   *
   * @default 30 seconds
   */
  readonly lookupTimeout?: Duration.Input | undefined
  /**
   * How long the server must have said that it has no such batch before the batch is sent again. Under load a request
   * can be in flight that long.
   *
   * @default 15 seconds
   */
  readonly resendAfter?: Duration.Input | undefined
  /**
   * The maximum number of times that the batch is sent, at least 1.
   *
   * @default 3
   */
  readonly maxAttempts?: number | undefined
}
