/**
 * Deletes images, but only those that are no longer needed.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { InvokeAiError } from "../../InvokeAiError.ts"
import type { ImageDTO } from "../../server/api/ImagesApi.ts"
import { Images } from "../../server/Images.ts"
import type { DeletionOutcome, KeptReason } from "../Asset.ts"

/** @internal */
export const missing: DeletionOutcome = { _tag: "Missing" }

/** @internal */
export const deleted: DeletionOutcome = { _tag: "Deleted" }

/** @internal */
export const failed = (error: InvokeAiError): DeletionOutcome => ({ _tag: "Failed", error })

/** @internal */
export const kept = (reason: KeptReason): DeletionOutcome => ({ _tag: "Kept", reason })

/**
 * Deletes an image unless the check, which sees the image as it is now, gives a reason to keep it.
 *
 * **Details**
 *
 * An image that still exists after the server reported its deletion is a failure. Routes: `GET` and
 * `DELETE /api/v1/images/i/{image_name}`.
 *
 * @category combinators
 * @since 0.1.0
 */
export const deleteUnless = (
  imageName: string,
  check: (image: ImageDTO) => Effect.Effect<KeptReason | undefined>
): Effect.Effect<DeletionOutcome, InvokeAiError, Images> =>
  Effect.gen(function*() {
    const images = yield* Images
    const found = yield* images.find(imageName)
    if (Option.isNone(found)) return missing
    const reason = yield* check(found.value)
    if (reason !== undefined) return kept(reason)
    // another client may have deleted it first
    return yield* images.delete(imageName).pipe(
      Effect.as(deleted),
      Effect.catchIf((error) => error.reason._tag === "NotFound", () => Effect.succeed(missing))
    )
  })
