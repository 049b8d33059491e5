/**
 * Many images as one zip file.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { TaggedError } from "../internal/TaggedError.ts"
import type { InvokeAiError } from "../InvokeAiError.ts"
import { Images } from "./Images.ts"
import { type EventsUnavailable, ServerEvents } from "./ServerEvents.ts"

/**
 * The server could not make the zip file, or did not say that it made it.
 *
 * @since 0.1.0
 * @category errors
 */
export class BulkDownloadFailed extends TaggedError<BulkDownloadFailed>()("BulkDownloadFailed", {
  /** The name of the zip file; empty if the server had not named one yet. */
  archiveName: Schema.String,
  /** Why the zip file could not be created. */
  detail: Schema.String
}) {
  override get message(): string {
    return `The server did not create the ZIP file ${this.archiveName}: ${this.detail}`
  }
}

/**
 * A zip file of images (at most 1,000) or of a board, created by the server and streamed.
 *
 * **Details**
 *
 * `POST /api/v1/images/download`, then the socket event `bulk_download_complete`, then
 * `GET /api/v1/images/download/{name}`. The server deletes the file after it has been read, so start over if the stream
 * breaks.
 *
 * **Gotchas**
 *
 * The server reports the end over the event connection only, so one is needed. If the connection is lost in the
 * meantime, the stream fails with `BulkDownloadFailed`.
 *
 * @since 0.1.0
 * @category streams
 */
export const zip = (
  what: { readonly imageNames: ReadonlyArray<string> } | { readonly boardId: string }
): Stream.Stream<
  Uint8Array,
  InvokeAiError | EventsUnavailable | BulkDownloadFailed,
  Images | ServerEvents
> =>
  Stream.unwrap(Effect.gen(function*() {
    const images = yield* Images
    const events = yield* ServerEvents
    const messages = yield* events.subscribe
    yield* events.join("subscribe_bulk_download", { bulk_download_id: "default" })
    let name = Option.none<string>()
    const ready = yield* messages.pipe(
      Stream.mapEffect(
        (message): Effect.Effect<Option.Option<string>, InvokeAiError | EventsUnavailable | BulkDownloadFailed> => {
          switch (message._tag) {
            case "Connected":
              return Option.isSome(name)
                ? Effect.succeed(Option.none())
                : Effect.map(images.startDownload(what), (started) => {
                  name = Option.fromNullishOr(started.bulk_download_item_name)
                  return Option.none<string>()
                })
            case "Unavailable":
              return Effect.fail(message.error)
            case "Disconnected":
              return Option.isNone(name)
                ? Effect.succeed(Option.none())
                : Effect.fail(
                  new BulkDownloadFailed({ archiveName: name.value, detail: "the event connection was lost" })
                )
            default: {
              const { event } = message
              if (event.name !== "bulk_download_complete" && event.name !== "bulk_download_error") {
                return Effect.succeed(Option.none())
              }
              const item = event.payload.bulk_download_item_name
              if (Option.isSome(name) && name.value !== item) return Effect.succeed(Option.none())
              return event.name === "bulk_download_complete"
                ? Effect.succeed(Option.some(item))
                : Effect.fail(new BulkDownloadFailed({ archiveName: item, detail: event.payload.error }))
            }
          }
        }
      ),
      Stream.filter(Option.isSome),
      Stream.runHead,
      Effect.map(Option.flatten)
    )
    return Option.isSome(ready)
      ? images.download(ready.value)
      : yield* new BulkDownloadFailed({ archiveName: "", detail: "the event connection was closed" })
  })).pipe(Stream.withSpan("Downloads.zip"))
