/** Makes the thumbnails of a report. */
import type { ImageCodecError } from "@effect-invokeai/core/assets/Downloads"
import { ImageCodec } from "@effect-invokeai/core/assets/Downloads"
import * as Effect from "effect/Effect"
import * as Base64 from "effect/encoding/Base64"
import * as FileSystem from "effect/FileSystem"
import type { FarmFile } from "../../FarmResult.ts"
import type { Thumbnail } from "../../ReportItem.ts"

/** From the best to the smallest: the longest side in pixels, and the quality of WebP. */
const attempts = [
  { maxSide: 256, quality: 70 },
  { maxSide: 256, quality: 45 },
  { maxSide: 192, quality: 40 },
  { maxSide: 128, quality: 35 },
  { maxSide: 96, quality: 25 }
] as const

/** The size of an image within a square. */
const fit = (file: FarmFile, maxSide: number): { readonly width: number; readonly height: number } => {
  const { height = maxSide, width = maxSide } = file
  const scale = Math.min(1, maxSide / Math.max(width, height, 1))
  return { width: Math.max(1, Math.round(width * scale)), height: Math.max(1, Math.round(height * scale)) }
}

/** The largest thumbnail of a file that has at most so many bytes; `undefined` if the file is not an image or is gone. */
export const thumbnailOf = Effect.fnUntraced(function*(
  file: FarmFile,
  path: string,
  maxBytes: number
): Effect.fn.Return<Thumbnail | undefined, never, ImageCodec | FileSystem.FileSystem> {
  const fs = yield* FileSystem.FileSystem
  const codec = yield* ImageCodec
  const image = yield* Effect.option(fs.readFile(path))
  if (image._tag === "None") return undefined
  for (const attempt of attempts) {
    const encode: Effect.Effect<Uint8Array, ImageCodecError> = codec.encode(image.value, {
      format: "webp",
      metadata: false,
      ...attempt
    })
    const encoded = yield* Effect.option(encode)
    if (encoded._tag === "None") return undefined
    if (encoded.value.length > maxBytes) continue
    return { url: `data:image/webp;base64,${Base64.encode(encoded.value)}`, ...fit(file, attempt.maxSide) }
  }
  return undefined
})
