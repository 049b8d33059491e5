/**
 * Which images of the server this program still needs, and for what.
 *
 * **Details**
 *
 * The server's invocation cache can return an image of one run to another, so before deleting an image, check whether
 * another run's outputs refer to it. Results count as long as their jobs are followed; what else must stay is named by
 * `Assets.retain`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import type { RecordError } from "../../files/RecordError.ts"
import type { InvokeAiError } from "../../InvokeAiError.ts"
import * as JobState from "../JobState.ts"

/** The batch that uploads are made for, if `JobRecovery.attachOrSubmit` makes them. */
export interface BatchUploads {
  readonly batchId: string
  /** Whether the batch may run when this program has closed it, so that it still needs the images. */
  isLeftRunning: boolean
}

/** @internal */
export const CurrentBatch = Context.Reference<BatchUploads | undefined>(
  "@effect-invokeai/core/job/internal/ImageUsage/CurrentBatch",
  { defaultValue: () => undefined }
)

/**
 * A job whose results refer to images.
 *
 * @category models
 * @since 0.1.0
 */
export interface ReferencingJob {
  readonly batchId: string
  readonly state: JobState.JobState
}

/**
 * Whose own needs do not count: those of some batches, or those of the job with a session.
 *
 * @category models
 * @since 0.1.0
 */
export interface ImageOwners {
  readonly batchIds?: ReadonlySet<string> | undefined
  readonly sessionId?: string | null | undefined
}

/**
 * Deletes what was uploaded for a batch. Fails if something could not be looked for or deleted.
 *
 * @category models
 * @since 0.1.0
 */
export type CleanBatch = (batchId: string) => Effect.Effect<void, InvokeAiError | RecordError>

/**
 * Which images of the server this program still needs.
 *
 * **Details**
 *
 * - `follow`: the jobs whose results count. `JobTracker` names those that it tracks.
 * - `retain`: keeps images for an owner, as long as the scope is open.
 * - `usedByOthers`: the images that others than the owners need. Images that a node only passed through do not count as
 *   results.
 * - `transfer`: leaves images to the jobs whose results refer to them, because `by` is done with them.
 * - `claim`: those of some images that others transferred. The caller then deletes them, transfers them again, or keeps
 *   them.
 * - `onBatchEnd`: registers what happens when a batch with an id of the caller has ended.
 * - `batchEnded`: says that such a batch has ended, or will never be submitted again.
 *
 * @category services
 * @since 0.1.0
 */
export class ImageUsage extends Context.Service<ImageUsage, {
  readonly follow: (jobs: () => Iterable<ReferencingJob>) => Effect.Effect<void, never, Scope.Scope>
  readonly retain: (owner: string, imageNames: Iterable<string>) => Effect.Effect<void, never, Scope.Scope>
  readonly usedByOthers: (owners: ImageOwners) => Effect.Effect<ReadonlySet<string>>
  readonly transfer: (by: string, imageNames: Iterable<string>) => Effect.Effect<void>
  readonly claim: (by: string, imageNames: Iterable<string>) => Effect.Effect<ReadonlySet<string>>
  readonly onBatchEnd: (clean: CleanBatch) => Effect.Effect<void, never, Scope.Scope>
  readonly batchEnded: CleanBatch
}>()("@effect-invokeai/core/job/internal/ImageUsage") {
  /** Remembers in memory. `JobTracker` and `Assets` share it: their layers bring this one. */
  static readonly layer: Layer.Layer<ImageUsage> = Layer.sync(ImageUsage, () => make())
}

const make = (): ImageUsage["Service"] => {
  const sources = new Set<() => Iterable<ReferencingJob>>()
  const retained = new Set<{ readonly owner: string; readonly names: ReadonlyArray<string> }>()
  const left = new Map<string, ReadonlySet<string>>()
  const cleaners = new Set<CleanBatch>()

  const addWhile = <A>(set: Set<A>, value: A): Effect.Effect<void, never, Scope.Scope> =>
    Effect.asVoid(Effect.acquireRelease(
      Effect.sync(() => set.add(value)),
      () => Effect.sync(() => set.delete(value))
    ))

  return ImageUsage.of({
    follow: (jobs) => addWhile(sources, jobs),
    retain: (owner, imageNames) => addWhile(retained, { owner, names: [...imageNames] }),
    usedByOthers: ({ batchIds, sessionId }) =>
      Effect.sync(() => {
        const used = new Set<string>()
        for (const { names, owner } of retained) {
          if (batchIds?.has(owner) === true) continue
          for (const name of names) used.add(name)
        }
        for (const job of [...sources].flatMap((source) => Array.from(source()))) {
          const items = JobState.items(job.state)
          if (batchIds?.has(job.batchId) === true || items.some((item) => item.sessionId === sessionId)) continue
          for (const output of items.flatMap((item) => item.outputs)) {
            if (output._tag === "InkImageOutput" && !output.isPassthrough) used.add(output.imageName)
          }
        }
        return used
      }),
    transfer: (by, imageNames) =>
      Effect.sync(() => {
        for (const name of imageNames) left.set(name, new Set(left.get(name)).add(by))
      }),
    claim: (by, imageNames) =>
      Effect.sync(() => {
        const names = [...imageNames].filter((name) => left.get(name)?.has(by) === false)
        for (const name of names) left.delete(name)
        return new Set(names)
      }),
    onBatchEnd: (clean) => addWhile(cleaners, clean),
    batchEnded: (batchId) =>
      Effect.suspend(() => Effect.forEach([...cleaners], (clean) => clean(batchId), { discard: true }))
  })
}
