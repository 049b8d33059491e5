/**
 * Deleting what a job left on the server: its inputs, its outputs, its queue items.
 *
 * **Details**
 *
 * Cleaning up tries everything and tells what happened to each thing; only with `strict` it fails, with the list of
 * what could not be deleted. Missing things are not failures. Images that are still needed are kept, see
 * `KeptReason`.
 *
 * **Example** (Outputs were downloaded, nothing is to stay)
 *
 * ```ts
 * import * as Cleanup from "@effect-invokeai/core/assets/Cleanup"
 * import type { WorkflowOutput } from "@effect-invokeai/core/job/Outputs"
 * import * as Effect from "effect/Effect"
 *
 * const tidy = (outputs: WorkflowOutput) =>
 *   Effect.gen(function*() {
 *     const images = yield* Cleanup.outputs(outputs)
 *     yield* Effect.log(`${images.deletedCount} images deleted, ${images.failedDeletions.size} could not be`)
 *     yield* Cleanup.queueItems(outputs, { strict: true })
 *   })
 * ```
 *
 * **Example** (Clean up after many jobs)
 *
 * ```ts
 * import * as Cleanup from "@effect-invokeai/core/assets/Cleanup"
 * import type { WorkflowOutput } from "@effect-invokeai/core/job/Outputs"
 * import * as Effect from "effect/Effect"
 *
 * export const tidyAll = (jobs: ReadonlyArray<WorkflowOutput>) =>
 *   Effect.gen(function*() {
 *     const result = yield* Cleanup.many(jobs.map((outputs) => ({ outputs })), { outputs: true })
 *     yield* Effect.log(`${result.outputsDeleted} images and ${result.queueItemsDeleted} queue items deleted`)
 *   })
 * ```
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import { isRetryableCause, TaggedError } from "../internal/TaggedError.ts"
import { InvokeAiError } from "../InvokeAiError.ts"
import { deleted, deleteImages, failed, kept, missing } from "../job/internal/deleteImages.ts"
import { imageNames, type WorkflowOutput } from "../job/Outputs.ts"
import { Images } from "../server/Images.ts"
import { SessionQueue } from "../server/SessionQueue.ts"
import type { DeletionOutcome, KeptReason } from "./Asset.ts"
import { Assets } from "./Assets.ts"
import type { ImageReference } from "./DownloadOptions.ts"
import { imageName } from "./internal/ImageTransfer.ts"

export type { KeptReason } from "./Asset.ts"

/**
 * What was cleaned up. Names are image names, or ids of queue items.
 *
 * @category models
 * @since 0.1.0
 */
export interface CleanupResult {
  /** How many images and queue items were deleted. */
  readonly deletedCount: number
  /** The names of the deleted images, or the ids of the deleted queue items. */
  readonly deleted: ReadonlyArray<string>
  /** What was gone already. */
  readonly missing: ReadonlyArray<string>
  /** The images and queue items that were left on the server, with the reason for each. */
  readonly kept: ReadonlyMap<string, KeptReason>
  /** The images and queue items whose deletion failed, with the error of each. */
  readonly failedDeletions: ReadonlyMap<string, InvokeAiError>
}

/**
 * Something could not be deleted, and the cleanup was to be strict. Everything else was deleted all the same.
 *
 * @category errors
 * @since 0.1.0
 */
export class CleanupError extends TaggedError<CleanupError>()("CleanupError", {
  /** How many images and queue items were deleted. */
  deletedCount: Schema.Number,
  /** The names of those whose deletion failed, each with its error. */
  failures: Schema.Array(Schema.Struct({ name: Schema.String, cause: Schema.Defect() }))
}) {
  override get message(): string {
    const shown = this.failures.slice(0, 5).map(({ cause, name }) =>
      `${name}: ${cause instanceof Error ? cause.message : String(cause)}`
    )
    const more = this.failures.length > shown.length ? `; and ${this.failures.length - shown.length} more` : ""
    return `Could not delete ${this.failures.length} of ${
      this.failures.length + this.deletedCount
    } images and queue items (${shown.join("; ")}${more})`
  }

  /** True if every deletion that failed may succeed in a moment. */
  override get isRetryable(): boolean {
    return this.failures.every(({ cause }) => isRetryableCause(cause))
  }
}

/**
 * How to clean up.
 *
 * @category models
 * @since 0.1.0
 */
export interface CleanupOptions {
  /** Whether anything that could not be deleted is a `CleanupError`. Default: `false`. */
  readonly strict?: boolean | undefined
}

const resultOf = (outcomes: ReadonlyMap<string, DeletionOutcome>): CleanupResult => {
  const gone: Array<string> = []
  const absent: Array<string> = []
  const stays = new Map<string, KeptReason>()
  const failures = new Map<string, InvokeAiError>()
  for (const [name, outcome] of outcomes) {
    switch (outcome._tag) {
      case "Deleted":
        gone.push(name)
        break
      case "Missing":
        absent.push(name)
        break
      case "Kept":
        stays.set(name, outcome.reason)
        break
      case "Failed":
        failures.set(name, outcome.error)
        break
    }
  }
  return { deletedCount: gone.length, deleted: gone, missing: absent, kept: stays, failedDeletions: failures }
}

const checkStrict = <Result extends Pick<CleanupResult, "deletedCount" | "failedDeletions">>(
  result: Result,
  options: CleanupOptions | undefined
): Effect.Effect<Result, CleanupError> =>
  options?.strict === true && result.failedDeletions.size > 0
    ? Effect.fail(
      new CleanupError({
        deletedCount: result.deletedCount,
        failures: Array.from(result.failedDeletions, ([name, cause]) => ({ name, cause }))
      })
    )
    : Effect.succeed(result)

/**
 * Deletes uploaded images before their scope closes; when none are named, all that are held
 * now or could not be deleted before.
 *
 * **Details**
 *
 * Images that are not held (never uploaded here, or deleted already) count as missing and are not touched.
 *
 * **Example** (Delete uploads before their scope closes)
 *
 * ```ts
 * import * as Cleanup from "@effect-invokeai/core/assets/Cleanup"
 *
 * export const early = (imageName: string) => Cleanup.inputs([imageName])
 * ```
 *
 * @category cleanup
 * @since 0.1.0
 */
export const inputs = Effect.fn("Cleanup.inputs")(
  function*(
    assets?: Iterable<ImageReference>,
    options?: CleanupOptions
  ): Effect.fn.Return<CleanupResult, CleanupError, Assets> {
    const service = yield* Assets
    const all = [...yield* service.held, ...yield* service.leftovers]
    const names = new Set(Array.from(assets ?? all, imageName))
    const outcomes = yield* Effect.forEach(
      names,
      (name) => Effect.map(service.release(name), (outcome) => [name, outcome] as const),
      { concurrency: 4 }
    )
    return yield* checkStrict(resultOf(new Map(outcomes)), options)
  }
)

/**
 * Which outputs to delete.
 *
 * @category models
 * @since 0.1.0
 */
export interface OutputsCleanupOptions extends CleanupOptions {
  /** Only images that are on this board now. `none` means those on no board. */
  readonly board?: string | undefined
  /** `all`, the default, is every image the job made; `final` is only what the InvokeAI UI would show. */
  readonly images?: "all" | "final" | undefined
  /** Also images with a star. Default: `false`. */
  readonly starred?: boolean | undefined
}

const outputOutcomes = Effect.fnUntraced(
  function*(
    outputs: WorkflowOutput,
    options: OutputsCleanupOptions,
    /** The jobs that are cleaned up together: what only they share is deleted. */
    together: ReadonlyArray<WorkflowOutput> = [outputs]
  ): Effect.fn.Return<
    ReadonlyMap<string, DeletionOutcome>,
    never,
    Images | Assets
  > {
    const images = yield* Images
    const { imageUse } = yield* Assets
    const sessionIds = new Set(together.flatMap((job) => job.sessionIds))
    const names = options.images === "final"
      ? outputs.finalImages.map((image) => image.imageName)
      : imageNames(outputs.all)
    const outcomes = new Map<string, DeletionOutcome>(names.map((name) => [name, missing]))
    if (names.length === 0) return outcomes
    const present = yield* Effect.result(images.byNames(names))
    if (Result.isFailure(present)) return new Map(names.map((name) => [name, failed(present.failure)]))
    const inherited = yield* imageUse.claim(outputs.batchId, names)
    const cleaned = yield* deleteImages(present.success, {
      reasonToKeep: ({ board_id, image_name, session_id, starred }) =>
        !sessionIds.has(session_id ?? "") && !inherited.has(image_name)
          ? "OtherRun"
          : options.board !== undefined && (board_id ?? "none") !== options.board
          ? "OtherBoard"
          : starred === true && options.starred !== true
          ? "Starred"
          : undefined,
      used: yield* imageUse.usedByOthers({ batchIds: new Set(together.map((job) => job.batchId)) }),
      by: outputs.batchId,
      imageUse
    })
    for (const [name, outcome] of cleaned) outcomes.set(name, outcome)
    // The next cleanup of this job deletes what this one could not.
    yield* imageUse.transfer("", [...inherited].filter((name) => outcomes.get(name)?._tag === "Failed"))
    return outcomes
  }
)

/**
 * Deletes the images that a job made.
 *
 * **Details**
 *
 * Only images that this job's own sessions made: inputs that its nodes handed on, and images that came from the
 * server's invocation cache, belong to others and stay (`OtherRun`). Images with a star stay, and images that another
 * run's result refers to (`Retained`): the results of this program's jobs as long as their scopes are open, and what
 * `Assets.retain` names. These are left to that run: cleaning up its outputs deletes them. Routes: `POST images_by_names`, `POST delete` below `/api/v1/images/`, in chunks of
 * 1,000 names; what the server silently leaves is found out and reported.
 *
 * @category cleanup
 * @since 0.1.0
 */
export const outputs = Effect.fn("Cleanup.outputs")(
  function*(outputs: WorkflowOutput, options: OutputsCleanupOptions = {}): Effect.fn.Return<
    CleanupResult,
    CleanupError,
    Images | Assets
  > {
    yield* Effect.annotateCurrentSpan({ batchId: outputs.batchId })
    return yield* checkStrict(resultOf(yield* outputOutcomes(outputs, options)), options)
  }
)

const ended: ReadonlySet<string> = new Set(["completed", "failed", "canceled"])

/** Batch and status of the items that exist. Servers before 6.14 tell them only with the whole item. */
const describeItems = (itemIds: ReadonlyArray<number>) =>
  Effect.gen(function*() {
    const queue = yield* SessionQueue
    type Described = Map<number, { readonly batch_id: string; readonly status: string } | InvokeAiError>
    const described: Described = new Map()
    const summaries = yield* queue.itemSummariesByIds(itemIds).pipe(
      Effect.catchIf(({ reason }) => reason._tag === "Unsupported", () => Effect.undefined)
    )
    if (summaries !== undefined) {
      for (const summary of summaries) described.set(summary.item_id, summary)
      return described
    }
    yield* Effect.forEach(itemIds, (id) =>
      queue.item(id).pipe(
        Effect.map((item) => described.set(id, item)),
        Effect.catch((error) =>
          Effect.sync(() => {
            if (error.reason._tag !== "NotFound") described.set(id, error)
          })
        )
      ), { concurrency: 4, discard: true })
    return described
  })

const itemOutcomes = Effect.fnUntraced(
  function*(job: JobItems): Effect.fn.Return<ReadonlyMap<string, DeletionOutcome>, never, SessionQueue> {
    const queue = yield* SessionQueue
    const outcomes = new Map<string, DeletionOutcome>()
    if (job.itemIds.length === 0) return outcomes
    const described = yield* Effect.result(describeItems(job.itemIds))
    if (described._tag === "Failure") {
      return new Map(job.itemIds.map((id) => [String(id), failed(described.failure)]))
    }
    yield* Effect.forEach(job.itemIds, (id) => {
      const item = described.success.get(id)
      const outcome: Effect.Effect<DeletionOutcome> = item === undefined
        ? Effect.succeed(missing)
        : item instanceof InvokeAiError
        ? Effect.succeed(failed(item))
        // After a restart, a server can reuse an old id for another user's item.
        : item.batch_id !== job.batchId
        ? Effect.succeed(missing)
        : !ended.has(item.status)
        ? Effect.succeed(kept("Running"))
        : queue.deleteItem(id).pipe(
          Effect.as(deleted),
          Effect.catch((error) => Effect.succeed(error.reason._tag === "NotFound" ? missing : failed(error)))
        )
      return Effect.map(outcome, (each) => outcomes.set(String(id), each))
    }, { concurrency: 4, discard: true })
    return outcomes
  }
)

/**
 * The queue items of a job: its outputs, or the job itself.
 *
 * @category models
 * @since 0.1.0
 */
export interface JobItems {
  /** The id of the batch. */
  readonly batchId: string
  /** The ids of the queue items of the job. */
  readonly itemIds: ReadonlyArray<number>
}

/**
 * Deletes the queue items of a job that have ended. Never touches items of others, and never prunes the queue.
 *
 * **Details**
 *
 * Items that have not ended stay (`Running`), for deleting would cancel them. Routes: `POST item_summaries_by_ids` or
 * `GET i/{item_id}`, and `DELETE i/{item_id}` below `/api/v1/queue/{queue_id}/`.
 *
 * @category cleanup
 * @since 0.1.0
 */
export const queueItems = Effect.fn("Cleanup.queueItems")(
  function*(job: JobItems, options?: CleanupOptions): Effect.fn.Return<CleanupResult, CleanupError, SessionQueue> {
    yield* Effect.annotateCurrentSpan({ batchId: job.batchId })
    return yield* checkStrict(resultOf(yield* itemOutcomes(job)), options)
  }
)

/**
 * What to clean up of many jobs.
 *
 * @category models
 * @since 0.1.0
 */
export interface ManyOptions extends OutputsCleanupOptions {
  /** The uploaded images. Default true. */
  readonly inputs?: boolean | undefined
  /** The images that the jobs made. Default: `false`. */
  readonly outputs?: boolean | undefined
  /** The jobs' queue items. Default true. */
  readonly queueItems?: boolean | undefined
}

/**
 * The outputs of one job, and what was uploaded for it.
 *
 * @category models
 * @since 0.1.0
 */
export interface FinishedJob {
  /** The outputs of the job. */
  readonly outputs: WorkflowOutput
  /** The images that were uploaded for the job. Default: none. */
  readonly assets?: Iterable<ImageReference> | undefined
}

/**
 * What was deleted of many jobs, in total.
 *
 * @category models
 * @since 0.1.0
 */
export interface BatchCleanupResult extends Omit<CleanupResult, "deleted" | "missing"> {
  /** How many jobs were cleaned up. */
  readonly workflows: number
  /** How many uploaded images were deleted. */
  readonly inputsDeleted: number
  /** How many images and videos of jobs were deleted. */
  readonly outputsDeleted: number
  /** How many queue items were deleted. */
  readonly queueItemsDeleted: number
}

/**
 * Cleans up after many jobs.
 *
 * **Details**
 *
 * Images that only these jobs share, through the server's invocation cache, are deleted with them. With `strict` it
 * fails at the very end, after everything was tried.
 *
 * @category cleanup
 * @since 0.1.0
 */
export const many = Effect.fn("Cleanup.many")(
  function*(jobs: Iterable<FinishedJob>, options: ManyOptions = {}): Effect.fn.Return<
    BatchCleanupResult,
    CleanupError,
    Assets | Images | SessionQueue
  > {
    const all = Array.from(jobs)
    const finished = all.map((job) => job.outputs)
    const lenient: CleanupOptions = { strict: false }
    const ofInputs = (options.inputs ?? true)
      ? yield* inputs(all.flatMap((job) => Array.from(job.assets ?? [])), lenient)
      : resultOf(new Map())
    const ofOutputs = options.outputs === true
      ? yield* Effect.forEach(all, (job) => Effect.map(outputOutcomes(job.outputs, options, finished), resultOf))
      : []
    const ofItems = (options.queueItems ?? true)
      ? yield* Effect.forEach(all, (job) => queueItems(job.outputs, lenient))
      : []
    const count = (results: ReadonlyArray<CleanupResult>) =>
      results.reduce((sum, result) => sum + result.deletedCount, 0)
    const results = [ofInputs, ...ofOutputs, ...ofItems]
    return yield* checkStrict({
      workflows: all.length,
      deletedCount: count(results),
      inputsDeleted: ofInputs.deletedCount,
      outputsDeleted: count(ofOutputs),
      queueItemsDeleted: count(ofItems),
      kept: new Map(results.flatMap((result) => Array.from(result.kept))),
      failedDeletions: new Map(results.flatMap((result) => Array.from(result.failedDeletions)))
    }, options)
  }
)
