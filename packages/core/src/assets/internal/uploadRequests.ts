/**
 * The request of an upload, and the search for its image if its response is missing.
 */
import * as DateTime from "effect/DateTime"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import type { InvokeAiError } from "../../InvokeAiError.ts"
import type { ImageDTO } from "../../server/api/ImagesApi.ts"
import type { Images } from "../../server/Images.ts"
import type { AssetContent, UploadOptions, UploadSource } from "../Asset.ts"
import type { AssetRecord } from "../AssetLedger.ts"
import { fromApi, UploadError } from "../UploadError.ts"
import * as Damage from "./damage.ts"
import * as ImageType from "./ImageType.ts"
import { contentOf } from "./uploadContent.ts"

/** By how much the clocks of server and client may differ, in milliseconds. */
const maxClockDifference = 24 * 60 * 60 * 1000

/** How long the server must say that it has no image of an upload whose response is missing. */
const absentFor: Duration.Input = "5 seconds"

/** How long an upload whose response is lost waits for the server to say whether it has the image. */
const lookupTimeout: Duration.Input = "15 seconds"

/**
 * Why there is no image for an upload, and what the server has: nothing because it refused it (`refused`), nothing as
 * far as it can tell (`absent`), or perhaps an image (`unknown`).
 *
 * @internal
 */
export interface NotUploaded {
  readonly stored: "refused" | "absent" | "unknown"
  readonly error: UploadError
}

/**
 * - `receive`: uploads, and returns the image even if the response to the request is lost.
 * - `findLater`: the image of one upload. Looks for it until the server has denied it for some time.
 * - `findRecorded`: the images of uploads that a ledger has without their names, by the ids that were sent with them.
 *
 * @internal
 */
export const uploadRequests = (images: Images["Service"]) => {
  /**
   * The images of uploads whose names are unknown, by the ids that were sent with them, among the images since then.
   */
  const find = (records: ReadonlyArray<AssetRecord>): Effect.Effect<ReadonlyMap<string, ImageDTO>, InvokeAiError> => {
    const ids = new Set<string | null | undefined>(records.map(({ id }) => id))
    const since = Math.min(...records.map(({ recorded_at = 0 }) => recorded_at)) - maxClockDifference
    return images.list({ order: "DESC", starredFirst: false }).pipe(
      Stream.takeWhile((image) => DateTime.toEpochMillis(image.created_at) > since),
      Stream.filter((image) => ids.has(image.session_id)),
      Stream.take(records.length),
      Stream.runCollect,
      Effect.map((found) => new Map(found.map((image) => [image.session_id ?? "", image])))
    )
  }

  /** Looks for the image until the server has denied it for some time: it may still be busy storing it. */
  const findLater = (record: AssetRecord): Effect.Effect<Option.Option<ImageDTO>, InvokeAiError> =>
    find([record]).pipe(
      Effect.map((found) => Option.fromUndefinedOr(found.get(record.id))),
      Effect.repeat({
        until: Option.isSome,
        schedule: Schedule.spaced("1 second").pipe(Schedule.upTo({ duration: absentFor }))
      })
    )

  // The process may have been killed a moment ago, with the upload on its way.
  const findRecorded = (records: ReadonlyArray<AssetRecord>) =>
    find(records).pipe(
      Effect.repeat({
        until: (found) => found.size === records.length,
        schedule: Schedule.spaced("1 second").pipe(Schedule.upTo({ times: 1 }))
      })
    )

  const send = (source: UploadSource, { length, type }: AssetContent, id: string, options: UploadOptions) =>
    images.upload({
      data: source.data,
      size: length,
      fileName: `upload.${ImageType.extension(type)}`,
      contentType: ImageType.mediaType(type),
      category: options.category ?? "user",
      isIntermediate: options.isIntermediate ?? options.board === undefined,
      boardId: options.board,
      sessionId: id,
      metadata: options.metadata,
      resizeTo: options.resizeTo
    })

  /** Why the server could not store the content, if its bytes show it: such an upload need not be looked for again and again. */
  const damageOf = (source: UploadSource, { type }: AssetContent): Effect.Effect<Option.Option<string>> =>
    Effect.orElseSucceed(Damage.find(contentOf(source), type), () => Option.none())

  /**
   * `None` if a server that failed kept the record of an image without its file, as servers up to 6.13 do with an image
   * that they cannot read; the record is deleted.
   */
  const withFile = Effect.fnUntraced(function*(image: ImageDTO) {
    const hasFile = yield* Effect.catchIf(
      images.exists(image.image_name),
      (error) => error.status === 404,
      () => Effect.succeed(false)
    )
    if (hasFile) return Option.some(image)
    yield* images.delete(image.image_name)
    return Option.none<ImageDTO>()
  })

  /** The image of an upload, also if the response to it is lost. */
  const receive = (source: UploadSource, content: AssetContent, record: AssetRecord, options: UploadOptions) =>
    send(source, content, record.id, options).pipe(
      Effect.catch((error) =>
        Effect.gen(function*() {
          const fail = (
            stored: NotUploaded["stored"],
            reason = fromApi(source.name, error, "BoardMissing", options.board)
          ) => Effect.fail<NotUploaded>({ stored, error: reason })
          if (!error.isAmbiguous) return yield* fail("refused")
          const damage = error.status === 500 ? yield* damageOf(source, content) : Option.none<string>()
          const lookup = Option.isSome(damage)
            ? Effect.map(find([record]), (found) => Option.fromUndefinedOr(found.get(record.id)))
            : findLater(record)
          const stored = Effect.flatMap(lookup, (found) =>
            error.status === 500 && Option.isSome(found) ? withFile(found.value) : Effect.succeed(found))
          const found = Option.flatten(yield* Effect.timeoutOption(Effect.option(stored), lookupTimeout))
          if (Option.isNone(found)) {
            return yield* fail("unknown")
          }
          if (Option.isSome(found.value)) {
            return found.value.value
          }
          if (Option.isNone(damage)) {
            return yield* fail("absent")
          }
          return yield* fail(
            "absent",
            new UploadError({ reason: "Damaged", source: source.name, detail: damage.value, cause: error })
          )
        })
      )
    )

  return { findLater, findRecorded, receive }
}
