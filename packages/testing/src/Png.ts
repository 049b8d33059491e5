/**
 * PNG files for the simulator: pixels in, bytes out, and back, with the text chunks in which InvokeAI keeps metadata,
 * workflow and graph.
 *
 * @since 0.1.0
 */
import * as Bytes from "effect/Bytes"
import * as Result from "effect/Result"
import * as FastPng from "fast-png"
import { crc32 } from "node:zlib"
import type { Raster } from "./Raster.ts"

const textEncoder = new TextEncoder()
const textDecoder = new TextDecoder()

const isLatin1 = (text: string): boolean => {
  for (let index = 0; index < text.length; index++) {
    if (text.charCodeAt(index) > 0xFF) return false
  }
  return true
}

const latin1 = (text: string): Uint8Array => Uint8Array.from(text, (character) => character.charCodeAt(0) & 0xFF)

const chunk = (type: string, data: Uint8Array): Uint8Array => {
  const body = Bytes.concat([latin1(type), data])
  const result = new Uint8Array(body.length + 8)
  const view = new DataView(result.buffer)
  view.setUint32(0, data.length)
  result.set(body, 4)
  view.setUint32(body.length + 4, crc32(body))
  return result
}

/** The server's imaging library writes `tEXt` if Latin-1 suffices, and `iTXt` otherwise. */
const textChunk = (keyword: string, text: string): Uint8Array =>
  isLatin1(text)
    ? chunk("tEXt", Bytes.concat([latin1(keyword), Uint8Array.of(0), latin1(text)]))
    : chunk("iTXt", Bytes.concat([latin1(keyword), Uint8Array.of(0, 0, 0, 0, 0), textEncoder.encode(text)]))

const signatureAndHeaderLength = 8 + 25

/**
 * Encodes pixels as a PNG file.
 *
 * **Details**
 *
 * Always 8 bits per channel: RGBA, or RGB if every pixel is opaque. `text` becomes one text chunk per key.
 *
 * @category encoding
 * @since 0.1.0
 */
export const encode = (
  raster: Raster,
  text: Readonly<Record<string, string>> = {}
): Uint8Array<ArrayBuffer> => {
  const pixels = raster.data
  let opaque = raster.hasAlpha !== true
  for (let index = 3; index < pixels.length && opaque; index += 4) {
    opaque = pixels[index] === 255
  }
  const channels = opaque ? 3 : 4
  const data = opaque ? new Uint8Array(raster.width * raster.height * 3) : pixels
  if (opaque) {
    for (let source = 0, target = 0; source < pixels.length; source += 4, target += 3) {
      data[target] = pixels[source] ?? 0
      data[target + 1] = pixels[source + 1] ?? 0
      data[target + 2] = pixels[source + 2] ?? 0
    }
  }
  const bytes = FastPng.encode({ width: raster.width, height: raster.height, data, channels, depth: 8 })
  const chunks = Object.entries(text).map(([keyword, value]) => textChunk(keyword, value))
  return Bytes.concat([
    bytes.subarray(0, signatureAndHeaderLength),
    ...chunks,
    bytes.subarray(signatureAndHeaderLength)
  ])
}

const scaleSample = (value: number, depth: number): number =>
  depth === 16 ? value >>> 8 : depth === 8 ? value : Math.round(value * 255 / ((1 << depth) - 1))

/** Samples of less than a byte are packed from the high end, each row starting at a byte. */
const unpack = (data: ArrayLike<number>, width: number, height: number, channels: number, depth: number) => {
  if (depth >= 8) return data
  const perRow = Math.ceil(width * channels * depth / 8)
  const result = new Uint8Array(width * height * channels)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width * channels; x++) {
      const bit = x * depth
      const byte = data[y * perRow + (bit >>> 3)] ?? 0
      result[y * width * channels + x] = (byte >>> (8 - depth - (bit & 7))) & ((1 << depth) - 1)
    }
  }
  return result
}

/**
 * Decodes a PNG file to RGBA pixels.
 *
 * **Gotchas**
 *
 * Throws on bytes that are not a PNG or are truncated; use it inside `Effect.try`.
 *
 * @category decoding
 * @since 0.1.0
 */
export const decode = (bytes: Uint8Array): Raster => {
  const png = FastPng.decode(bytes, { checkCrc: true })
  const { channels, depth, height, width } = png
  const samples = unpack(png.data, width, height, png.palette === undefined ? channels : 1, depth)
  const data = new Uint8Array(width * height * 4)
  for (let pixel = 0; pixel < width * height; pixel++) {
    const target = pixel * 4
    if (png.palette !== undefined) {
      const color = png.palette[samples[pixel] ?? 0] ?? [0, 0, 0]
      data[target] = color[0] ?? 0
      data[target + 1] = color[1] ?? 0
      data[target + 2] = color[2] ?? 0
      data[target + 3] = color[3] ?? 255
      continue
    }
    const source = pixel * channels
    const sample = (offset: number): number => scaleSample(samples[source + offset] ?? 0, depth)
    const gray = channels < 3
    data[target] = sample(0)
    data[target + 1] = gray ? sample(0) : sample(1)
    data[target + 2] = gray ? sample(0) : sample(2)
    data[target + 3] = channels === 2 ? sample(1) : channels === 4 ? sample(3) : 255
  }
  return { width, height, data }
}

interface Chunk {
  readonly type: string
  /** The start of its data and the end of the chunk. */
  readonly start: number
  readonly end: number
}

/** The chunks of a PNG file up to the first one that is cut off or damaged. */
const intactChunks = function*(bytes: Uint8Array): Generator<Chunk> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let offset = 8
  while (offset + 12 <= bytes.length) {
    const end = offset + 12 + view.getUint32(offset)
    if (end > bytes.length || crc32(bytes.subarray(offset + 4, end - 4)) !== view.getUint32(end - 4)) return
    yield { type: textDecoder.decode(bytes.subarray(offset + 4, offset + 8)), start: offset + 8, end }
    offset = end
  }
}

/** The intact chunks of a PNG file, and its last chunk, which the server does not require. */
const withEnd = (bytes: Uint8Array): Uint8Array => {
  const chunks = [...intactChunks(bytes)].filter(({ type }) => type !== "IEND")
  return Bytes.concat([bytes.subarray(0, chunks.at(-1)?.end ?? 0), chunk("IEND", new Uint8Array(0))])
}

const attempt = (bytes: Uint8Array): Raster | undefined =>
  Result.getOrElse(Result.try(() => decode(bytes)), () => undefined)

/**
 * Decodes a PNG file to RGBA pixels; `undefined` for bytes that are not a PNG or whose pixels are truncated. As on the
 * server, the last chunk, which has no data, may be missing.
 *
 * @internal
 */
export const decodeOption = (bytes: Uint8Array): Raster | undefined => attempt(bytes) ?? attempt(withEnd(bytes))

/**
 * Whether bytes start with the signature of a PNG file.
 *
 * @internal
 */
export const hasSignature = (bytes: Uint8Array): boolean =>
  bytes[0] === 0x89 && bytes[1] === 0x50 && bytes[2] === 0x4E && bytes[3] === 0x47

/**
 * The size of a PNG file; `undefined` unless all chunks before its pixels are intact and its pixels begin, which is what
 * the server reads before it accepts a file as an image.
 *
 * @internal
 */
export const readHeader = (bytes: Uint8Array): { readonly width: number; readonly height: number } | undefined => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  let size: { readonly width: number; readonly height: number } | undefined = undefined
  let next = 8
  for (const { end, start, type } of intactChunks(bytes)) {
    if (type === "IHDR" && end - start >= 12) size = { width: view.getUint32(start), height: view.getUint32(start + 4) }
    if (type === "IDAT" || type === "IEND") return size
    next = end
  }
  return textDecoder.decode(bytes.subarray(next + 4, next + 8)) === "IDAT" ? size : undefined
}
