/**
 * Images that are held until their last holder lets go, and what becomes of them then.
 */
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type { ImageUse } from "../../job/ImageUse.ts"
import { Images } from "../../server/Images.ts"
import { InvokeAiError } from "../../server/InvokeAiError.ts"
import type { AssetRecord, Ledger } from "../AssetLedger.ts"
import type { Asset, Leftover } from "./asset.ts"
import { deleteUnless, type DeletionOutcome, failed, missing } from "./deletion.ts"

const deletionTimeout: Duration.Input = "10 seconds"
const hurriedTimeout: Duration.Input = "1 second"

interface Held {
  readonly asset: Asset
  readonly record: AssetRecord
  holders: number
}

const notInTime = (imageName: string): InvokeAiError =>
  new InvokeAiError({
    reason: "Transport",
    method: "DELETE",
    path: `/api/v1/images/i/${encodeURIComponent(imageName)}`,
    detail: "the server did not answer in time"
  })

/** The images that one program holds. @internal */
export class HeldImages {
  private readonly held = new Map<string, Held>()
  private readonly undeleted = new Map<string, { readonly record: AssetRecord; readonly error: InvokeAiError }>()
  private patience: Duration.Input = deletionTimeout
  private readonly images: Images["Service"]
  private readonly imageUse: ImageUse["Service"]
  private readonly ledger: Ledger

  constructor(images: Images["Service"], imageUse: ImageUse["Service"], ledger: Ledger) {
    this.images = images
    this.imageUse = imageUse
    this.ledger = ledger
  }

  get assets(): ReadonlyArray<Asset> {
    return Array.from(this.held.values(), ({ asset }) => asset)
  }

  /** What should have been deleted and could not be. */
  get leftovers(): ReadonlyArray<Leftover> {
    return Array.from(this.undeleted, ([image_name, { error }]) => ({ image_name, error }))
  }

  has(imageName: string): boolean {
    return this.held.has(imageName)
  }

  /** One holder more. Gives the asset of the first one. */
  hold(asset: Asset, record: AssetRecord): Effect.Effect<Asset> {
    return Effect.suspend(() => {
      const entry = this.held.get(asset.image_name)
      if (entry !== undefined) {
        entry.holders++
        return Effect.succeed(entry.asset)
      }
      this.undeleted.delete(asset.image_name)
      this.held.set(asset.image_name, { asset, record, holders: 1 })
      return Effect.as(this.ledger.set(record), asset)
    })
  }

  /** One holder less. The image goes with the last one. */
  letGo(imageName: string): Effect.Effect<void> {
    return Effect.suspend(() => {
      const entry = this.held.get(imageName)
      if (entry === undefined) return Effect.void
      entry.holders--
      return entry.holders > 0 ? Effect.void : Effect.asVoid(this.release(imageName))
    })
  }

  /** Deletes an image whoever holds it, or tries again one that could not be deleted. */
  release(imageName: string): Effect.Effect<DeletionOutcome> {
    return Effect.uninterruptible(Effect.gen({ self: this }, function*() {
      const record = this.held.get(imageName)?.record ?? this.undeleted.get(imageName)?.record
      if (record === undefined) return missing
      this.held.delete(imageName)
      this.undeleted.delete(imageName)
      const outcome = yield* this.deleteRecorded(imageName, record)
      if (outcome._tag === "Failed") {
        this.undeleted.set(imageName, { record, error: outcome.error })
        yield* Effect.logWarning(`Image ${imageName} was not deleted: ${outcome.error.message}`)
        return outcome
      }
      if (outcome._tag === "Kept") {
        if (outcome.reason === "Retained") yield* this.imageUse.leave(record.id, [imageName])
        yield* Effect.logInfo(`Image ${imageName} stays on the server: ${outcome.reason.toLowerCase()} since`)
      }
      yield* this.ledger.remove(record.id)
      return outcome
    }))
  }

  /** Deletes an image, unless somebody wants it by now. */
  deleteRecorded(imageName: string, record: AssetRecord): Effect.Effect<DeletionOutcome> {
    return Effect.suspend(() =>
      deleteUnless(
        imageName,
        (image) =>
          Effect.map(this.imageUse.usedByOthers({ sessionId: image.session_id }), (used) => {
            if (used.has(imageName)) return "Retained"
            if (image.starred === true && !record.starred) return "Starred"
            return (image.board_id ?? null) === record.board_id ? undefined : "Moved"
          })
      ).pipe(
        Effect.provideService(Images, this.images),
        Effect.tap(() => Effect.sync(() => this.patience = deletionTimeout)),
        Effect.timeoutOrElse({
          duration: this.patience,
          orElse: () =>
            Effect.sync(() => {
              // A program that ends is not to wait again and again for a server that does not answer.
              this.patience = hurriedTimeout
              return failed(notInTime(imageName))
            })
        })
      )
    )
  }
}
