/**
 * JPEG and WebP for downloads, through `sharp`.
 *
 * @since 0.1.0
 */
import {
  type EncodeOptions,
  ImageCodec as CoreImageCodec,
  ImageCodecError
} from "@effect-invokeai/core/assets/Downloads"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Result from "effect/Result"
import type { Sharp, SharpOptions } from "sharp"

/** The order in which texts are left out when they do not all fit: the last one first. */
const keywords = ["invokeai_metadata", "invokeai_workflow", "invokeai_graph"] as const

/** An EXIF block is at most 64 kB, with its own headers. */
const maxCommentLength = 64_000

const parseJson = (text: string): unknown => Result.getOrElse(Result.try((): unknown => JSON.parse(text)), () => text)

// EXIF user comments hold plain ASCII here, so everything else is written as JSON escapes.
const toAscii = (json: string): string =>
  json.replace(/[\u007f-\uffff]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`)

const userComment = (comments: ReadonlyArray<{ readonly keyword: string; readonly text: string }>): string => {
  const kept: Array<readonly [string, unknown]> = []
  let comment = ""
  for (const keyword of keywords) {
    const found = comments.find((each) => each.keyword === keyword)
    if (found === undefined) continue
    const text = toAscii(JSON.stringify(Object.fromEntries([...kept, [keyword, parseJson(found.text)]])))
    if (text.length > maxCommentLength) continue
    kept.push([keyword, parseJson(found.text)])
    comment = text
  }
  return comment
}

/**
 * Provides the `ImageCodec` of `@effect-invokeai/core` with `sharp`.
 *
 * **Details**
 *
 * `sharp` is loaded when the first image is encoded. Transparent parts become white in JPEG and stay transparent in
 * WebP. InvokeAI's metadata, workflow and graph go along as one JSON object in the EXIF user comment, under the names
 * they have in the PNG (`invokeai_metadata`, `invokeai_workflow`, `invokeai_graph`); what does not fit into the 64 kB
 * of EXIF is left out, the graph first.
 *
 * **Gotchas**
 *
 * Encoding cannot be interrupted: an interrupted download waits for the image at hand.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer: Layer.Layer<CoreImageCodec> = Layer.effect(
  CoreImageCodec,
  Effect.gen(function*() {
    const load = yield* Effect.cached(Effect.promise(() => import("sharp")))

    const encoder = Effect.fnUntraced(function*<A>(
      input: string | Uint8Array,
      options: EncodeOptions,
      finish: (image: Sharp) => Promise<A>
    ): Effect.fn.Return<A, ImageCodecError> {
      const { default: sharp } = yield* load
      const settings: SharpOptions = { failOn: "error", sequentialRead: true }
      const attempt = <B>(evaluate: () => Promise<B>) =>
        Effect.tryPromise({
          try: evaluate,
          catch: (cause) => new ImageCodecError({ format: options.format, cause })
        })
      const comment = options.metadata
        ? userComment((yield* attempt(() => sharp(input, settings).metadata())).comments ?? [])
        : ""
      return yield* attempt(() => {
        const opened = sharp(input, settings)
        const image = options.maxSide === undefined
          ? opened
          : opened.resize({ width: options.maxSide, height: options.maxSide, fit: "inside", withoutEnlargement: true })
        const encoded = options.format === "jpeg"
          ? image.flatten({ background: "#ffffff" }).jpeg({ quality: options.quality })
          : image.webp({ quality: options.quality })
        return finish(comment === "" ? encoded : encoded.withExif({ IFD2: { UserComment: comment } }))
      })
    }, Effect.uninterruptible)

    return CoreImageCodec.of({
      encode: (png, options) => encoder(png, options, (image) => image.toBuffer()),
      encodeFile: (from, to, options) => Effect.asVoid(encoder(from, options, (image) => image.toFile(to)))
    })
  })
)
