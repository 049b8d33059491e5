/**
 * Images that are held until their last holder lets go, and what becomes of them then.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type { ClosingTasks } from "../../internal/Closing.ts"
import { printable } from "../../internal/printable.ts"
import { InvokeAiError } from "../../InvokeAiError.ts"
import { deleteImages, deleteRequest, failed, missing, orFail } from "../../job/internal/deleteImages.ts"
import { CurrentBatch, type ImageUsage } from "../../job/internal/ImageUsage.ts"
import { imagesOfJournaledJobs } from "../../job/JobJournal.ts"
import type { ImageDTO } from "../../server/api/ImagesApi.ts"
import { Images } from "../../server/Images.ts"
import type { Asset, DeletionOutcome, Leftover } from "../Asset.ts"
import type { AssetRecord, Ledger } from "../AssetLedger.ts"

interface Held {
  readonly asset: Asset
  readonly record: AssetRecord
  holders: number
}

const subjectOf = (imageName: string): string => `Image ${imageName}`

const interrupted = (): InvokeAiError =>
  new InvokeAiError({
    reason: { _tag: "Transport" },
    ...deleteRequest,
    detail: "the wait was interrupted; the deletion continues in the background"
  })

/** The images that one program holds. @internal */
export class HeldImages {
  private readonly held = new Map<string, Held>()
  private readonly undeleted = new Map<string, { readonly record: AssetRecord; readonly error: InvokeAiError }>()
  private readonly images: Images["Service"]
  private readonly imageUse: ImageUsage["Service"]
  private readonly ledger: Ledger
  private readonly cleanup: ClosingTasks

  constructor(images: Images["Service"], imageUse: ImageUsage["Service"], ledger: Ledger, cleanup: ClosingTasks) {
    this.images = images
    this.imageUse = imageUse
    this.ledger = ledger
    this.cleanup = cleanup
  }

  get assets(): ReadonlyArray<Asset> {
    return Array.from(this.held.values(), ({ asset }) => asset)
  }

  /** What should have been deleted and could not be. */
  get leftovers(): ReadonlyArray<Leftover> {
    return Array.from(this.undeleted, ([imageName, { error }]) => ({ imageName, image_name: imageName, error }))
  }

  has(imageName: string): boolean {
    return this.held.has(imageName)
  }

  /** One holder more. Gives the asset of the first one. */
  addHolder(asset: Asset, record: AssetRecord): Effect.Effect<Asset> {
    return Effect.suspend(() => {
      const entry = this.held.get(asset.imageName)
      if (entry !== undefined) {
        entry.holders++
        return Effect.succeed(entry.asset)
      }
      this.undeleted.delete(asset.imageName)
      this.cleanup.cancel(subjectOf(asset.imageName))
      this.held.set(asset.imageName, { asset, record, holders: 1 })
      // without the name the image is found by the id of the record
      return Effect.as(Effect.catch(this.ledger.set(record), (error) => Effect.logWarning(error.message)), asset)
    })
  }

  /**
   * Removes a holder. Without holders the image is deleted, unless a job in the journal needs it, or a batch that continues
   * without this program: then it stays, and `Assets.recover` or the end of the batch deletes it.
   */
  removeHolder(imageName: string): Effect.Effect<void> {
    return Effect.gen({ self: this }, function*() {
      const entry = this.held.get(imageName)
      if (entry === undefined) return
      entry.holders--
      if (entry.holders > 0) return
      const isLeftRunning = (yield* CurrentBatch)?.isLeftRunning === true
      const isAwaited = isLeftRunning || (yield* Effect.match(imagesOfJournaledJobs, {
        onFailure: () => true,
        onSuccess: (names) => names.has(imageName)
      }))
      if (!isAwaited) return yield* this.release(imageName)
      this.held.delete(imageName)
      yield* this.ledger.abandon(entry.record.id)
      yield* Effect.logDebug(
        `Image ${imageName} stays on the server: a job that continues without this program needs it`
      )
    }).pipe(Effect.asVoid, Effect.uninterruptible)
  }

  /** Deletes an image even if it has holders, or tries again to delete one of `leftovers`. */
  release(imageName: string): Effect.Effect<DeletionOutcome> {
    return Effect.suspend(() => {
      const record = this.held.get(imageName)?.record ?? this.undeleted.get(imageName)?.record
      if (record === undefined) return Effect.succeed(missing)
      this.held.delete(imageName)
      this.undeleted.delete(imageName)
      return this.deleteRecorded(imageName, record)
    })
  }

  /** Deletes an image that is in use no more. What fails is in `leftovers` until a retry succeeds. */
  deleteRecorded(imageName: string, record: AssetRecord): Effect.Effect<DeletionOutcome> {
    return Effect.flatMap(
      this.cleanup.run({
        subject: subjectOf(imageName),
        attempt: this.deleteOnce(imageName, record),
        request: deleteRequest
      }).pipe(
        Effect.onInterrupt(() =>
          Effect.sync(() => void this.undeleted.set(imageName, { record, error: interrupted() }))
        )
      ),
      (result) => {
        if (Result.isSuccess(result)) return Effect.succeed(result.success)
        const error = result.failure
        this.undeleted.set(imageName, { record, error })
        return Effect.as(
          Effect.logWarning(
            printable(`Image ${imageName} could not be deleted yet; the deletion will be retried: ${error.message}`)
          ),
          failed(error)
        )
      }
    )
  }

  /** One attempt to delete an image, with all that follows from it. */
  deleteOnce(imageName: string, record: AssetRecord): Effect.Effect<DeletionOutcome, InvokeAiError> {
    return Effect.gen({ self: this }, function*() {
      const found = yield* this.images.find(imageName)
      const outcome: DeletionOutcome = Option.isNone(found) ? missing : yield* this.deleteFound(found.value, record)
      this.undeleted.delete(imageName)
      if (outcome._tag === "Kept") {
        yield* Effect.logInfo(
          printable(`Image ${imageName} stays on the server: ${outcome.reason.toLowerCase()} since`)
        )
      }
      yield* this.ledger.remove(record.id)
      return outcome
    })
  }

  private deleteFound(image: ImageDTO, record: AssetRecord): Effect.Effect<DeletionOutcome, InvokeAiError> {
    const name = image.image_name
    return Effect.gen({ self: this }, function*() {
      const outcomes = yield* deleteImages([image], {
        reasonToKeep: ({ board_id = null, starred }) =>
          this.held.has(name)
            ? "Retained"
            : starred === true && !record.starred
            ? "Starred"
            : board_id === record.board_id
            ? undefined
            : "Moved",
        used: yield* this.imageUse.usedByOthers({ sessionId: image.session_id }),
        by: record.id,
        imageUse: this.imageUse
      })
      return (yield* orFail(outcomes)).get(name) ?? missing
    }).pipe(Effect.provideService(Images, this.images))
  }
}
