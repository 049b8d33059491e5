/** WebP files (lossless, uncompressed inside), for thumbnails. */
import type { Raster } from "../Raster.ts"

const reversed: Uint8Array = Uint8Array.from({ length: 256 }, (_, value) => {
  let result = 0
  for (let bit = 0; bit < 8; bit++) result |= ((value >>> bit) & 1) << (7 - bit)
  return result
})

/** Position of the length 8 in the format's own order of code lengths, plus one. */
const lengthsUpToEight = 12

/** Encodes pixels as a WebP file. Every channel gets a prefix code in which all values have eight bits. */
export const encode = (raster: Raster): Uint8Array<ArrayBuffer> => {
  const { data, height, width } = raster
  const body = new Uint8Array(64 + width * height * 4)
  let position = 0
  let pending = 0
  let count = 0
  const write = (value: number, bits: number): void => {
    pending += value * 2 ** count
    count += bits
    while (count >= 8) {
      body[position++] = pending & 0xFF
      pending = Math.floor(pending / 256)
      count -= 8
    }
  }
  const flatCode = (limited: boolean): void => {
    write(0, 1)
    write(lengthsUpToEight - 4, 4)
    for (let index = 0; index < lengthsUpToEight; index++) write(index === lengthsUpToEight - 1 ? 1 : 0, 3)
    if (limited) {
      write(1, 1)
      write(3, 3)
      write(254, 8)
    } else {
      write(0, 1)
    }
  }
  write(0x2F, 8)
  write(width - 1, 14)
  write(height - 1, 14)
  write(1, 1)
  write(0, 3)
  write(0, 3)
  flatCode(true)
  flatCode(false)
  flatCode(false)
  flatCode(false)
  write(1, 1)
  write(0, 3)
  for (let index = 0; index < data.length; index += 4) {
    write(reversed[data[index + 1] ?? 0] ?? 0, 8)
    write(reversed[data[index] ?? 0] ?? 0, 8)
    write(reversed[data[index + 2] ?? 0] ?? 0, 8)
    write(reversed[data[index + 3] ?? 0] ?? 0, 8)
  }
  if (count > 0) body[position++] = pending & 0xFF
  const padded = position + position % 2
  const file = new Uint8Array(20 + padded)
  const view = new DataView(file.buffer)
  const ascii = (offset: number, text: string): void => {
    for (let index = 0; index < text.length; index++) file[offset + index] = text.charCodeAt(index)
  }
  ascii(0, "RIFF")
  view.setUint32(4, 12 + padded, true)
  ascii(8, "WEBPVP8L")
  view.setUint32(16, position, true)
  file.set(body.subarray(0, position), 20)
  return file
}
