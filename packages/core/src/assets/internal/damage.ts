/**
 * Finds out why a server could not store an image.
 */
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { dispose } from "./disposable.ts"
import * as ImageType from "./ImageType.ts"
import { PngInspector } from "./pngInspector.ts"

/** How many of the last bytes show whether an image ends there. Some programs write a few bytes behind its end. */
const tailLength = 64

/** What shows that an image is cut off, apart from a PNG, which is read chunk by chunk. */
const isCutOff = (type: ImageType.ImageType, head: Uint8Array, tail: Uint8Array, length: number): boolean => {
  switch (type) {
    case "jpeg":
      return !tail.some((byte, index) => byte === 0xff && tail[index + 1] === 0xd9)
    case "gif":
      return !tail.includes(0x3b)
    case "bmp":
      return length < new DataView(head.buffer).getUint32(2, true)
    default:
      return false
  }
}

/**
 * What is wrong with the bytes of an image, if that can be seen. Only what no server can read counts; reading all bytes
 * takes time, so look only after a server failed.
 *
 * @internal
 */
export const find = <E>(
  content: Stream.Stream<Uint8Array, E>,
  type: ImageType.ImageType
): Effect.Effect<Option.Option<string>, E> =>
  Effect.suspend(() => {
    const png = new PngInspector()
    const head = new Uint8Array(ImageType.headLength)
    let tail: ReadonlyArray<number> = []
    let length = 0
    return Stream.runForEach(content, (chunk) =>
      Effect.sync(() => {
        if (type === "png") png.push(chunk)
        if (length < head.length) head.set(chunk.subarray(0, head.length - length), length)
        length += chunk.length
        tail = [...tail, ...chunk.subarray(-tailLength)].slice(-tailLength)
        dispose(chunk)
      })).pipe(
        Effect.map(() => {
          if (type === "png") return Option.fromUndefinedOr(png.damage)
          return isCutOff(type, head, Uint8Array.from(tail), length)
            ? Option.some(`the ${type.toUpperCase()} is cut off after ${length} bytes`)
            : Option.none()
        })
      )
  })
