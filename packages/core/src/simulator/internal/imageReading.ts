/**
 * What an uploaded picture becomes: PNG files are decoded; of other formats only the size is read, and a painted picture
 * of that size takes their place.
 */
import * as SeededRandom from "../../internal/seededRandom.ts"
import * as Png from "../Png.ts"
import * as Raster from "../Raster.ts"

/** A decoded upload: pixels; or a header that can be read and a body that cannot; or nothing that is a picture. */
type Reading =
  | { readonly _tag: "Decoded"; readonly raster: Raster.Raster }
  | { readonly _tag: "Broken" }
  | { readonly _tag: "NotAnImage" }

const ascii = (bytes: Uint8Array, start: number, length: number): string =>
  String.fromCharCode(...bytes.subarray(start, start + length))

const jpegSize = (view: DataView): readonly [number, number] | undefined => {
  let offset = 2
  while (offset + 9 < view.byteLength) {
    if (view.getUint8(offset) !== 0xFF) return undefined
    const marker = view.getUint8(offset + 1)
    const isFrame = marker >= 0xC0 && marker <= 0xCF && marker !== 0xC4 && marker !== 0xC8 && marker !== 0xCC
    if (isFrame) return [view.getUint16(offset + 7), view.getUint16(offset + 5)]
    offset += 2 + view.getUint16(offset + 2)
  }
  return undefined
}

const webpSize = (bytes: Uint8Array, view: DataView): readonly [number, number] | undefined => {
  if (bytes.length < 30) return undefined
  switch (ascii(bytes, 12, 4)) {
    case "VP8L": {
      const bits = view.getUint32(21, true)
      return [(bits & 0x3FFF) + 1, ((bits >>> 14) & 0x3FFF) + 1]
    }
    case "VP8X":
      return [(view.getUint32(24, true) & 0xFFFFFF) + 1, (view.getUint32(26, true) >>> 8) + 1]
    case "VP8 ":
      return [view.getUint16(26, true) & 0x3FFF, view.getUint16(28, true) & 0x3FFF]
    default:
      return undefined
  }
}

const otherSize = (bytes: Uint8Array): readonly [number, number] | undefined => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  if (bytes.length < 26) return undefined
  if (bytes[0] === 0xFF && bytes[1] === 0xD8) return jpegSize(view)
  if (ascii(bytes, 0, 3) === "GIF") return [view.getUint16(6, true), view.getUint16(8, true)]
  if (ascii(bytes, 0, 2) === "BM") return [view.getInt32(18, true), Math.abs(view.getInt32(22, true))]
  if (ascii(bytes, 0, 4) === "RIFF" && ascii(bytes, 8, 4) === "WEBP") return webpSize(bytes, view)
  return undefined
}

const decodePng = (bytes: Uint8Array): Reading => {
  const decoded = Png.decodeOption(bytes)
  return decoded === undefined ? { _tag: "Broken" } : { _tag: "Decoded", raster: decoded }
}

/** Reads the bytes of an upload. */
export const read = (bytes: Uint8Array): Reading => {
  if (Png.hasHeader(bytes)) return decodePng(bytes)
  const size = otherSize(bytes)
  if (size === undefined || size[0] < 1 || size[1] < 1) return { _tag: "NotAnImage" }
  const seed = SeededRandom.hashText(ascii(bytes, Math.floor(bytes.length / 2), 256) + String(bytes.length))
  return { _tag: "Decoded", raster: Raster.painted(size[0], size[1], String(seed)) }
}
