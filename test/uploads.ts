/** Image files of many kinds, whole and cut off, and what the server makes of each. */
import { Images } from "@effect-invokeai/core/server/Images"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"

const directory = Path.join(import.meta.dirname, "fixtures", "uploads")

/** How much of the file is uploaded. */
const shares = [1, 0.9, 0.5, 0.1]

/** Uploads each file, whole and cut off, as it is or resized, and returns the statuses and, for a whole file, the size. */
export const outcomes = Effect.gen(function*() {
  const images = yield* Images
  const result: Record<string, string> = {}
  for (const file of Fs.readdirSync(directory)) {
    const bytes = Fs.readFileSync(Path.join(directory, file))
    for (const resizeTo of [undefined, { width: 8, height: 4 }]) {
      const statuses: Array<string> = []
      for (const share of shares) {
        const data = new Uint8Array(bytes.subarray(0, Math.floor(share * bytes.length)))
        const outcome = yield* images.upload({ data, fileName: file, resizeTo }).pipe(
          Effect.flatMap((image) => Effect.as(images.delete(image.image_name), `${image.width}x${image.height}`)),
          Effect.catchTag("InvokeAiError", (error) => Effect.succeed(String(error.status)))
        )
        statuses.push(outcome)
      }
      result[resizeTo === undefined ? file : `${file}, resized`] = statuses.join(" ")
    }
  }
  return result
})

/** What InvokeAI 6.14.2 makes of them. */
export const expected: Readonly<Record<string, string>> = {
  "big.tiff": "16x12 500 500 415",
  "big.tiff, resized": "8x4 500 500 415",
  "cmyk.jpg": "500 500 415 415",
  "cmyk.jpg, resized": "8x4 500 415 415",
  "cmyk.tiff": "500 415 415 415",
  "cmyk.tiff, resized": "8x4 415 415 415",
  "float.tiff": "500 500 415 415",
  "float.tiff, resized": "8x4 500 415 415",
  "gray16.tiff": "16x12 500 415 415",
  "gray16.tiff, resized": "8x4 500 415 415",
  "group4.tiff": "16x12 500 415 415",
  "group4.tiff, resized": "8x4 500 415 415",
  "lzw.tiff": "16x12 415 415 415",
  "lzw.tiff, resized": "8x4 415 415 415",
  "palette.gif": "16x12 500 500 415",
  "palette.gif, resized": "8x4 500 500 415",
  "palette.tiff": "16x12 415 415 415",
  "palette.tiff, resized": "8x4 415 415 415",
  "rgb.bmp": "16x12 500 500 500",
  "rgb.bmp, resized": "8x4 500 500 500",
  "rgb.jpg": "16x12 415 415 415",
  "rgb.jpg, resized": "8x4 415 415 415",
  "rgb.png": "16x12 16x12 500 415",
  "rgb.png, resized": "8x4 8x4 500 415",
  "rgb.tiff": "16x12 500 500 415",
  "rgb.tiff, resized": "8x4 500 500 415",
  "rgb.webp": "16x12 415 415 415",
  "rgb.webp, resized": "8x4 415 415 415"
}
