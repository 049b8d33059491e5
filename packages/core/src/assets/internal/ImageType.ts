/**
 * Detects the format of an image from its bytes.
 *
 * **When to use**
 *
 * Before an upload: the name of a file says nothing reliable about its content, and InvokeAI responds to a wrong media type
 * or a file that is no image with an error that names neither.
 *
 * @since 0.1.0
 */
import * as Option from "effect/Option"

/**
 * The image formats that can be uploaded. InvokeAI stores every one of them as PNG.
 *
 * @category models
 * @since 0.1.0
 */
export type ImageType = "png" | "jpeg" | "webp" | "gif" | "bmp" | "tiff"

/**
 * How many leading bytes `detect`, `describe` and `pngSize` look at.
 *
 * @category constants
 * @since 0.1.0
 */
export const headLength = 512

const startsWith = (bytes: Uint8Array, signature: ReadonlyArray<number>, offset = 0): boolean =>
  bytes.length >= offset + signature.length && signature.every((byte, index) => bytes[offset + index] === byte)

const pngSignature: ReadonlyArray<number> = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]
const riff: ReadonlyArray<number> = [0x52, 0x49, 0x46, 0x46]
const webp: ReadonlyArray<number> = [0x57, 0x45, 0x42, 0x50]
const ihdr: ReadonlyArray<number> = [0x49, 0x48, 0x44, 0x52]
/**
 * Whether the bytes start like a PNG.
 *
 * @category PNG
 * @since 0.1.0
 */
export const isPng = (head: Uint8Array): boolean => startsWith(head, pngSignature)

/**
 * Width and height in pixels from the head of a PNG; none when the head is shorter than 24 bytes or is no PNG.
 *
 * @category PNG
 * @since 0.1.0
 */
export const pngSize = (head: Uint8Array): Option.Option<{ readonly width: number; readonly height: number }> => {
  if (!isPng(head) || head.length < 24 || !startsWith(head, ihdr, 12)) return Option.none()
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  return Option.some({ width: view.getUint32(16), height: view.getUint32(20) })
}

/**
 * The format of an image from its first bytes; none when they are the start of no image that can be uploaded.
 *
 * @category detection
 * @since 0.1.0
 */
export const detect = (head: Uint8Array): Option.Option<ImageType> => {
  if (isPng(head)) return Option.some("png")
  if (startsWith(head, [0xff, 0xd8, 0xff])) return Option.some("jpeg")
  if (startsWith(head, riff) && startsWith(head, webp, 8)) return Option.some("webp")
  if (startsWith(head, [0x47, 0x49, 0x46, 0x38]) && (head[4] === 0x37 || head[4] === 0x39) && head[5] === 0x61) {
    return Option.some("gif")
  }
  if (startsWith(head, [0x49, 0x49, 0x2a, 0x00]) || startsWith(head, [0x4d, 0x4d, 0x00, 0x2a])) {
    return Option.some("tiff")
  }
  return isBmp(head) ? Option.some("bmp") : Option.none()
}

// "BM" alone also starts many a text, so the sizes in the headers are looked at too.
const isBmp = (head: Uint8Array): boolean => {
  if (!startsWith(head, [0x42, 0x4d]) || head.length < 18) return false
  const view = new DataView(head.buffer, head.byteOffset, head.byteLength)
  const pixels = view.getUint32(10, true)
  const header = view.getUint32(14, true)
  return (header === 12 || (header >= 16 && header <= 256)) && pixels >= 14 + header && view.getUint32(6, true) === 0
}

/**
 * The media type of a format, as sent with an upload.
 *
 * @category formats
 * @since 0.1.0
 */
export const mediaType = (type: ImageType): string => `image/${type}`

/**
 * The usual file extension of a format, without a dot.
 *
 * @category formats
 * @since 0.1.0
 */
export const extension = (type: ImageType): string => type === "jpeg" ? "jpg" : type

/**
 * What some bytes look like, in a few words for an error message: `an empty file`, `text`, `an SVG drawing`, …
 *
 * **Details**
 *
 * Never quotes the bytes: they may be anything, secrets too.
 *
 * @category detection
 * @since 0.1.0
 */
export const describe = (head: Uint8Array): string => {
  const type = detect(head)
  if (Option.isSome(type)) return `${type.value === "tiff" ? "a TIFF" : `a ${type.value.toUpperCase()}`} image`
  if (head.length === 0) return "an empty file"
  if (startsWith(head, [0x25, 0x50, 0x44, 0x46])) return "a PDF document"
  if (startsWith(head, [0x50, 0x4b, 0x03, 0x04])) return "a ZIP archive"
  if (startsWith(head, [0x66, 0x74, 0x79, 0x70], 4)) return "an AVIF, HEIC or MP4 file"
  const sample = head.subarray(0, headLength)
  if (sample.some((byte) => byte < 9 || (byte > 13 && byte < 32 && byte !== 27))) return "an unknown type of file"
  const text = new TextDecoder().decode(sample)
  if (/<svg[\s>]/i.test(text)) return "an SVG drawing"
  if (/^\s*<(?:!doctype html|html)/i.test(text)) return "an HTML page"
  if (text.startsWith("version https://git-lfs")) return "a Git LFS pointer; run `git lfs pull`"
  return /^\s*[[{]/.test(text) ? "text, perhaps JSON" : "text"
}
