/**
 * Deletes images that nothing needs any more: uploads, outputs, and what a canceled job left.
 */
import * as Effect from "effect/Effect"
import { InvokeAiError } from "../../InvokeAiError.ts"
import type { ImageDTO } from "../../server/api/ImagesApi.ts"
import { Images } from "../../server/Images.ts"
import type { ImageUsage } from "./ImageUsage.ts"

/** What became of an image. `Reason` is why it was kept. @internal */
export type Outcome<Reason> =
  | { readonly _tag: "Deleted" }
  | { readonly _tag: "Missing" }
  | { readonly _tag: "Kept"; readonly reason: Reason }
  | { readonly _tag: "Failed"; readonly error: InvokeAiError }

/** @internal */
export const deleted: Outcome<never> = { _tag: "Deleted" }

/** @internal */
export const missing: Outcome<never> = { _tag: "Missing" }

/** @internal */
export const kept = <const Reason extends string>(reason: Reason): Outcome<Reason> => ({ _tag: "Kept", reason })

/** @internal */
export const failed = (error: InvokeAiError): Outcome<never> => ({ _tag: "Failed", error })

/** The request that deletes images, for errors if none was sent. @internal */
export const deleteRequest = { method: "POST", path: "/api/v1/images/delete" }

const notDeleted = (imageName: string): InvokeAiError =>
  new InvokeAiError({
    reason: { _tag: "Server" },
    ...deleteRequest,
    status: 200,
    detail: `the server did not delete the image ${imageName}`
  })

/**
 * Deletes images that exist, and returns what became of each. Never fails: images that could not be deleted have the error.
 *
 * - `reasonToKeep`: why an image stays, as it is now on the server; `undefined` if it need not.
 * - `used`: the images that others need, as `ImageUsage` knows them. They are kept, and transferred to the others by `by`.
 *
 * @internal
 */
export const deleteImages = Effect.fnUntraced(function*<Reason extends string>(
  existing: ReadonlyArray<ImageDTO>,
  options: {
    readonly reasonToKeep: (image: ImageDTO) => Reason | undefined
    readonly used: ReadonlySet<string>
    readonly by: string
    readonly imageUse: ImageUsage["Service"]
  }
): Effect.fn.Return<ReadonlyMap<string, Outcome<Reason | "Retained">>, never, Images> {
  const images = yield* Images
  const outcomes = new Map<string, Outcome<Reason | "Retained">>()
  const unneeded: Array<string> = []
  for (const image of existing) {
    const name = image.image_name
    const reason = options.reasonToKeep(image) ?? (options.used.has(name) ? "Retained" : undefined)
    if (reason === undefined) unneeded.push(name)
    else outcomes.set(name, kept(reason))
    if (reason === "Retained") yield* options.imageUse.transfer(options.by, [name])
  }
  if (unneeded.length === 0) return outcomes
  const steps = Effect.gen(function*() {
    const result = yield* images.deleteMany(unneeded)
    for (const name of result.succeeded) outcomes.set(name, deleted)
    if (result.failed.length === 0) return
    // another client may have deleted it first
    const left = new Set((yield* images.byNames(result.failed)).map((image) => image.image_name))
    for (const name of result.failed) outcomes.set(name, left.has(name) ? failed(notDeleted(name)) : missing)
  })
  yield* Effect.catch(steps, (error) =>
    Effect.sync(() => {
      for (const name of unneeded) if (!outcomes.has(name)) outcomes.set(name, failed(error))
    }))
  return outcomes
})

/** Fails with the first error among outcomes, so that the deletion is tried again. @internal */
export const orFail = <Outcomes extends ReadonlyMap<string, Outcome<string>>>(
  outcomes: Outcomes
): Effect.Effect<Outcomes, InvokeAiError> => {
  for (const outcome of outcomes.values()) if (outcome._tag === "Failed") return Effect.fail(outcome.error)
  return Effect.succeed(outcomes)
}
