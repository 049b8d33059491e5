/**
 * Finds and deletes the images that a job left on the server.
 *
 * @since 0.1.0
 */
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import type { InvokeAiError } from "../../InvokeAiError.ts"
import type { ImageDTO } from "../../server/api/ImagesApi.ts"
import { Images } from "../../server/Images.ts"
import { imageNames, type InkOutput } from "../Outputs.ts"
import { deleteImages, orFail } from "./deleteImages.ts"
import type { ImageUsage } from "./ImageUsage.ts"

const pageSize = 200
const pages = 10

/** Clocks of the database and of the program that writes it may differ by this much, in milliseconds. */
const clockSkewMillis = 5000

/**
 * The newest images that belong to some sessions.
 *
 * **Details**
 *
 * The server cannot be asked for them, so the newest 2,000 images are looked through, back to the time when the job
 * was created (null if unknown).
 *
 * @category operations
 * @since 0.1.0
 */
export const findSessionImages = Effect.fn("SessionImages.findSessionImages")(function*(
  sessionIds: ReadonlySet<string>,
  since: DateTime.Utc | null
): Effect.fn.Return<ReadonlyArray<ImageDTO>, InvokeAiError, Images> {
  const images = yield* Images
  const found: Array<ImageDTO> = []
  if (sessionIds.size === 0) return found
  const oldest = since === null ? 0 : DateTime.toEpochMillis(since) - clockSkewMillis
  for (let page = 0; page < pages; page++) {
    const { items } = yield* images.page({
      order: "DESC",
      starredFirst: false,
      offset: page * pageSize,
      limit: pageSize
    })
    for (const image of items) {
      if (typeof image.session_id === "string" && sessionIds.has(image.session_id)) found.push(image)
    }
    const last = items.at(-1)
    if (last === undefined || items.length < pageSize || DateTime.toEpochMillis(last.created_at) < oldest) break
  }
  return found
})

/**
 * Deletes the images that some sessions made.
 *
 * **Details**
 *
 * Only images of these sessions: an image that the server took from its cache belongs to the run that made it, and to
 * this one only if that run left it. Starred images stay, and those that others use; they are left to them. Fails if one
 * could not be deleted, after trying all.
 *
 * @category operations
 * @since 0.1.0
 */
export const deleteSessionImages = Effect.fn("SessionImages.deleteSessionImages")(function*(options: {
  readonly sessionIds: ReadonlySet<string>
  readonly outputs: ReadonlyArray<InkOutput>
  readonly since: DateTime.Utc | null
  /** Whether to look for images that no output names. */
  readonly search: boolean
  /** Images that stay even if these sessions made them. */
  readonly keep: ReadonlySet<string>
  readonly batchId: string
  /** Collects the images that other jobs left to this one. For repeated attempts, pass the same set. */
  readonly inherited: Set<string>
  readonly imageUse: ImageUsage["Service"]
}): Effect.fn.Return<void, InvokeAiError, Images> {
  const images = yield* Images
  const names = imageNames(options.outputs)
  const named = names.length === 0 ? [] : yield* images.byNames(names)
  const found = options.search ? yield* findSessionImages(options.sessionIds, options.since) : []
  const { inherited } = options
  for (const name of yield* options.imageUse.claim(options.batchId, names)) inherited.add(name)
  const candidates = new Map([...named, ...found].map((image) => [image.image_name, image]))
  const outcomes = yield* deleteImages([...candidates.values()], {
    reasonToKeep: ({ image_name, session_id, starred }) => {
      if (starred === true) return "Starred"
      if (options.keep.has(image_name)) return "Wanted"
      const isOwn = typeof session_id === "string" && options.sessionIds.has(session_id)
      return isOwn || inherited.has(image_name) ? undefined : "OtherRun"
    },
    used: yield* options.imageUse.usedByOthers({ batchIds: new Set([options.batchId]) }),
    by: options.batchId,
    imageUse: options.imageUse
  })
  yield* orFail(outcomes)
})
