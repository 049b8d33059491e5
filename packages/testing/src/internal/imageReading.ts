/**
 * Reads uploaded images: PNG files are decoded; of other formats, only the header is read, and a generated image of that
 * size replaces the file.
 */
import * as Png from "../Png.ts"
import * as Raster from "../Raster.ts"
import * as ImageHeaders from "./imageHeaders.ts"
import * as SeededRandom from "./seededRandom.ts"

/**
 * An upload as the server sees it.
 *
 * - `Decoded`: pixels that can be stored.
 * - `Unstorable`: pixels in a color mode that PNG files do not have. They can be resized, which changes the mode.
 * - `Broken`: a readable header, and unreadable pixels.
 * - `NotAnImage`: no readable header.
 */
type Reading =
  | { readonly _tag: "Decoded"; readonly raster: Raster.Raster }
  | { readonly _tag: "Unstorable"; readonly raster: Raster.Raster }
  | { readonly _tag: "Broken" }
  | { readonly _tag: "NotAnImage" }

/** The server's imaging library treats more pixels than this as an attack. */
const maxPixels = 178_956_970

const isPossible = (width: number, height: number): boolean => width > 0 && height > 0 && width * height <= maxPixels

const decodePng = (bytes: Uint8Array): Reading => {
  const header = Png.readHeader(bytes)
  if (header === undefined || !isPossible(header.width, header.height)) return { _tag: "NotAnImage" }
  const decoded = Png.decodeOption(bytes)
  return decoded === undefined ? { _tag: "Broken" } : { _tag: "Decoded", raster: decoded }
}

/** Reads the bytes of an upload. */
export const read = (bytes: Uint8Array): Reading => {
  if (Png.hasSignature(bytes)) return decodePng(bytes)
  const header = ImageHeaders.read(bytes)
  if (header === undefined || !isPossible(header.width, header.height)) return { _tag: "NotAnImage" }
  if (!header.isComplete) return { _tag: "Broken" }
  const middle = Math.floor(bytes.length / 2)
  const seed = SeededRandom.hashText(
    String.fromCharCode(...bytes.subarray(middle, middle + 256)) + String(bytes.length)
  )
  const raster = Raster.painted(header.width, header.height, String(seed))
  return { _tag: header.isStorable ? "Decoded" : "Unstorable", raster }
}

/** Width and height in pixels, also of a file of which nothing but the header can be read. */
export const size = (bytes: Uint8Array): { readonly width: number; readonly height: number } | undefined =>
  Png.hasSignature(bytes) ? Png.readHeader(bytes) : ImageHeaders.read(bytes)
