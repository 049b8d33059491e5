/** The headers of JPEG, WebP, GIF, BMP and TIFF files, read to the same extent as by the server's imaging library. */
import * as Result from "effect/Result"

/** The properties of an image in a readable file. */
export interface ImageHeader {
  readonly width: number
  readonly height: number
  /** Whether the pixels that the header announces are in the file. */
  readonly isComplete: boolean
  /** Whether its color mode exists in PNG files, in which the server stores images. CMYK, for example, does not. */
  readonly isStorable: boolean
}

const ascii = (bytes: Uint8Array, start: number, length: number): string =>
  String.fromCharCode(...bytes.subarray(start, start + length))

// The readers throw a `RangeError` if the file ends within the header.

const jpeg = (bytes: Uint8Array, view: DataView): ImageHeader | undefined => {
  let frame: Omit<ImageHeader, "isComplete"> | undefined = undefined
  for (let offset = 2;;) {
    if (view.getUint8(offset) !== 0xFF) return undefined
    const marker = view.getUint8(offset + 1)
    if (marker === 0xFF) {
      offset += 1
      continue
    }
    if (marker >= 0xC0 && marker <= 0xCF && marker !== 0xC4 && marker !== 0xC8 && marker !== 0xCC) {
      frame = {
        height: view.getUint16(offset + 5),
        width: view.getUint16(offset + 7),
        isStorable: view.getUint8(offset + 9) !== 4
      }
    }
    if (marker === 0xDA) {
      const end = bytes.lastIndexOf(0xD9)
      return frame === undefined ? undefined : { ...frame, isComplete: end > offset && bytes[end - 1] === 0xFF }
    }
    offset += 2 + view.getUint16(offset + 2)
  }
}

/** A WebP file is decoded when it is opened, so a truncated one cannot be opened. */
const webp = (bytes: Uint8Array, view: DataView): ImageHeader | undefined => {
  if (view.getUint32(4, true) + 8 > bytes.length) return undefined
  const header = (width: number, height: number) => ({ width, height, isComplete: true, isStorable: true })
  switch (ascii(bytes, 12, 4)) {
    case "VP8L": {
      const bits = view.getUint32(21, true)
      return header((bits & 0x3FFF) + 1, ((bits >>> 14) & 0x3FFF) + 1)
    }
    case "VP8X":
      return header((view.getUint32(24, true) & 0xFFFFFF) + 1, (view.getUint32(26, true) >>> 8) + 1)
    case "VP8 ":
      return header(view.getUint16(26, true) & 0x3FFF, view.getUint16(28, true) & 0x3FFF)
    default:
      return undefined
  }
}

/** The end of a chain of GIF data blocks; `undefined` if the file ends earlier. */
const afterBlocks = (bytes: Uint8Array, start: number): number | undefined => {
  let offset = start
  for (;;) {
    const length = bytes[offset]
    if (length === undefined) return undefined
    offset += 1 + length
    if (length === 0) return offset
  }
}

const colorTableLength = (flags: number): number => (flags & 0x80) === 0 ? 0 : 3 * 2 ** ((flags & 7) + 1)

const gif = (bytes: Uint8Array, view: DataView): ImageHeader | undefined => {
  let offset = 13 + colorTableLength(view.getUint8(10))
  while (view.getUint8(offset) === 0x21) {
    const next = afterBlocks(bytes, offset + 2)
    if (next === undefined) return undefined
    offset = next
  }
  if (view.getUint8(offset) !== 0x2C) return undefined
  const data = offset + 10 + colorTableLength(view.getUint8(offset + 9)) + 1
  return {
    width: view.getUint16(6, true),
    height: view.getUint16(8, true),
    isComplete: afterBlocks(bytes, data) !== undefined,
    isStorable: true
  }
}

const bmp = (bytes: Uint8Array, view: DataView): ImageHeader => {
  const isOld = view.getUint32(14, true) === 12
  const width = isOld ? view.getUint16(18, true) : view.getInt32(18, true)
  const height = isOld ? view.getUint16(20, true) : Math.abs(view.getInt32(22, true))
  const bits = view.getUint16(isOld ? 24 : 28, true)
  const isPacked = !isOld && [1, 2].includes(view.getUint32(30, true))
  const length = isPacked ? 1 : Math.ceil(width * bits / 32) * 4 * height
  return { width, height, isComplete: view.getUint32(10, true) + length <= bytes.length, isStorable: true }
}

/** The bytes of one integer value of a TIFF directory, by the number of its type. */
const tiffIntegers: ReadonlyMap<number, number> = new Map([[1, 1], [3, 2], [4, 4], [16, 8]])

const tiffTags = {
  width: 256,
  height: 257,
  bitsPerSample: 258,
  compression: 259,
  photometric: 262,
  stripOffsets: 273,
  samplesPerPixel: 277,
  stripLengths: 279,
  colorMap: 320,
  tileOffsets: 324,
  tileLengths: 325,
  sampleFormat: 339
}

const tiffCompressions = new Set([1, 2, 3, 4, 5, 6, 7, 8, 32771, 32773, 32946, 34676, 34677, 34925, 50000, 50001])
const jpegCompressions = new Set([6, 7])

/** Whether the pixels of a TIFF file fit into a PNG file; `undefined` for unreadable files. */
const isTiffStorable = (numbers: (tag: number) => ReadonlyArray<number>): boolean | undefined => {
  const [samples = 1] = numbers(tiffTags.samplesPerPixel)
  const [bits = 1] = numbers(tiffTags.bitsPerSample)
  const isUnsigned = (numbers(tiffTags.sampleFormat)[0] ?? 1) === 1
  switch (numbers(tiffTags.photometric)[0] ?? 0) {
    case 0:
    case 1:
      return isUnsigned && bits <= 16
    case 2:
      return true
    case 3:
      return numbers(tiffTags.colorMap).length === 0 ? undefined : samples === 1
    case 5:
    case 8:
      return false
    case 6:
      return jpegCompressions.has(numbers(tiffTags.compression)[0] ?? 1)
    default:
      return undefined
  }
}

/** The first directory of a TIFF or BigTIFF file. */
const tiff = (bytes: Uint8Array, view: DataView): ImageHeader | undefined => {
  const little = bytes[0] === 0x49
  const isBig = view.getUint16(2, little) === 43
  const uint = (offset: number, size: number): number => {
    switch (size) {
      case 1:
        return view.getUint8(offset)
      case 2:
        return view.getUint16(offset, little)
      case 4:
        return view.getUint32(offset, little)
      default:
        return Number(view.getBigUint64(offset, little))
    }
  }
  const wordSize = isBig ? 8 : 4
  const directory = uint(wordSize, wordSize)
  const countSize = isBig ? 8 : 2
  const entrySize = isBig ? 20 : 12
  const entries = new Map<number, number>()
  const firstEntry = directory + countSize
  const end = firstEntry + uint(directory, countSize) * entrySize
  // A truncated directory counts up to its end.
  for (let entry = firstEntry; entry + entrySize <= Math.min(end, bytes.length); entry += entrySize) {
    entries.set(uint(entry, 2), entry)
  }
  const numbers = (tag: number): ReadonlyArray<number> => {
    const entry = entries.get(tag)
    const size = entry === undefined ? undefined : tiffIntegers.get(uint(entry + 2, 2))
    if (entry === undefined || size === undefined) return []
    const count = uint(entry + 4, wordSize)
    const value = entry + 4 + wordSize
    const start = count * size <= wordSize ? value : uint(value, wordSize)
    if (start + count * size > bytes.length) throw new RangeError("The values are outside the file")
    return Array.from({ length: count }, (_, index) => uint(start + index * size, size))
  }
  const [width = 0] = numbers(tiffTags.width)
  const [height = 0] = numbers(tiffTags.height)
  const isStorable = isTiffStorable(numbers)
  const isTiled = entries.has(tiffTags.tileOffsets)
  const offsets = numbers(isTiled ? tiffTags.tileOffsets : tiffTags.stripOffsets)
  const lengths = numbers(isTiled ? tiffTags.tileLengths : tiffTags.stripLengths)
  const isKnown = tiffCompressions.has(numbers(tiffTags.compression)[0] ?? 1)
  if (isStorable === undefined || !isKnown || offsets.length === 0) return undefined
  const isComplete = end <= bytes.length &&
    offsets.every((offset, index) => offset + (lengths[index] ?? 0) <= bytes.length)
  return { width, height, isComplete, isStorable }
}

const isTiff = (bytes: Uint8Array): boolean => {
  const mark = ascii(bytes, 0, 4)
  return mark === "II*\0" || mark === "MM\0*" || mark === "II+\0" || mark === "MM\0+"
}

const readerOf = (bytes: Uint8Array) => {
  if (bytes[0] === 0xFF && bytes[1] === 0xD8) return jpeg
  if (ascii(bytes, 0, 3) === "GIF") return gif
  if (ascii(bytes, 0, 2) === "BM") return bmp
  if (ascii(bytes, 0, 4) === "RIFF" && ascii(bytes, 8, 4) === "WEBP") return webp
  return isTiff(bytes) ? tiff : undefined
}

/** The header of a file in one of these formats; `undefined` if it has another format or ends within the header. */
export const read = (bytes: Uint8Array): ImageHeader | undefined => {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Result.getOrElse(Result.try(() => readerOf(bytes)?.(bytes, view)), () => undefined)
}
