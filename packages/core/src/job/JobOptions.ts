/**
 * How a job is submitted and closed, and what canceling it did.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"

/**
 * How a job is handed in and what becomes of it.
 *
 * **Details**
 *
 * - `prepend`: put it in front of the queue.
 * - `timeout`, `onTimeout`: how long the job may take, from the call of `submit` (or `attach`) to its end, and whether it
 *   is canceled then (default) or continues (`detach`). `submit` and `job.await` fail with `JobTimeout` less than a second
 *   later, whatever the server does; a cancellation that is not confirmed by then continues. Without a timeout they wait
 *   as long as the job takes. No environment variable sets it: it belongs to a job.
 * - `onInterrupt`: what happens to a job that has not ended when its scope closes: `cancel` (default) or `detach`.
 *   `InvokeAiOptions.closeTimeout` limits how long that takes.
 * - `keepOutputs`: keep the images of a failed or canceled job. By default they are deleted when the scope closes.
 * - `deleteOutputs`: delete the images of a completed job as well when the scope closes. With a `JobJournal` they stay if
 *   the scope fails after the job completed, for the next start of the program.
 * - `onIncomplete`, `settle`, `quiet`, `attempts`: see `SubmissionPolicy`.
 * - `origin`, `destination`: marks that the server keeps with the items. The destination is the batch id unless given;
 *   servers before 6.14 can list the items of one destination.
 * - `key`: the name of the job in the `JobJournal`; `JobRecovery.submitOnce` sets it.
 *
 * @category models
 * @since 0.1.0
 */
export interface JobOptions extends SubmissionPolicy {
  readonly prepend?: boolean | undefined
  readonly timeout?: Duration.Input | undefined
  readonly onTimeout?: "cancel" | "detach" | undefined
  readonly onInterrupt?: "cancel" | "detach" | undefined
  readonly keepOutputs?: boolean | undefined
  readonly deleteOutputs?: boolean | undefined
  readonly origin?: string | undefined
  readonly destination?: string | undefined
  readonly key?: string | undefined
}

/**
 * What canceling did.
 *
 * **Details**
 *
 * - `confirmed`: whether the server has confirmed that nothing of the job runs or waits any more.
 * - `canceled`, `finished`, `remaining`: the ids of the items that are canceled, of those that had ended before, and of
 *   those that were not canceled in time.
 *
 * @category models
 * @since 0.1.0
 */
export interface CancelResult {
  readonly batchId: string
  readonly confirmed: boolean
  readonly canceled: ReadonlyArray<number>
  readonly finished: ReadonlyArray<number>
  readonly remaining: ReadonlyArray<number>
}

/**
 * What is left of a batch that was canceled: how many of its items have not ended.
 *
 * @category models
 * @since 0.1.0
 */
export interface Cancellation {
  readonly batchId: string
  readonly active: number
  readonly total: number
}

/**
 * How to behave when things go wrong.
 *
 * **Details**
 *
 * - `onIncomplete`: what to do when the server takes fewer items than were asked for: cancel these and fail (`fail`),
 *   or go on with them (`keep`).
 * - `settle`: how long to ask about the outcome of one request while the server does not respond. Default 30 seconds.
 * - `quiet`: for how long the server must have said that there is no such batch before it is sent again. Default 15
 *   seconds: under load a request can be in flight that long.
 * - `attempts`: how often to send at most. Default 3.
 *
 * The request itself may take as long as the client's `transferTimeout`. No environment variable sets these: they belong to
 * a job, and not to the place where the program runs.
 *
 * @category models
 * @since 0.1.0
 */
export interface SubmissionPolicy {
  readonly onIncomplete?: "fail" | "keep" | undefined
  readonly settle?: Duration.Input | undefined
  readonly quiet?: Duration.Input | undefined
  readonly attempts?: number | undefined
}
