/** Small images and videos. */
import * as Zlib from "node:zlib"

const chunk = (type: string, data: Uint8Array): Buffer => {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data])
  const bytes = Buffer.alloc(body.length + 8)
  bytes.writeUInt32BE(data.length, 0)
  body.copy(bytes, 4)
  bytes.writeUInt32BE(Zlib.crc32(body), body.length + 4)
  return bytes
}

/** A PNG of one color, with texts as InvokeAI stores them. */
export const png = (
  width: number,
  height: number,
  texts: Readonly<Record<string, string>> = {},
  color: readonly [number, number, number] = [200, 30, 60]
): Uint8Array => {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 2, 0, 0, 0], 8)
  const row = Buffer.concat([Buffer.from([0]), ...Array.from({ length: width }, () => Buffer.from(color))])
  const pixels = Buffer.concat(Array.from({ length: height }, () => row))
  return new Uint8Array(Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    ...Object.entries(texts).map(([keyword, text]) =>
      chunk("iTXt", Buffer.concat([Buffer.from(`${keyword}\0\0\0\0\0`, "latin1"), Buffer.from(text)]))
    ),
    chunk("IDAT", Zlib.deflateSync(pixels, { level: 1 })),
    chunk("IEND", new Uint8Array(0))
  ]))
}

/** A PNG of the given size: a color gradient that begins with `shade`, so that two images differ. */
export const picture = (width: number, height: number, shade = 0): Uint8Array => {
  const rows = Buffer.alloc((width * 3 + 1) * height)
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      rows.set([(shade + x * 2) % 256, (shade + y * 2) % 256, (x + y) % 256], y * (width * 3 + 1) + 1 + x * 3)
    }
  }
  const header = Buffer.alloc(13)
  header.writeUInt32BE(width, 0)
  header.writeUInt32BE(height, 4)
  header.set([8, 2, 0, 0, 0], 8)
  return new Uint8Array(Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("IDAT", Zlib.deflateSync(rows)),
    chunk("IEND", new Uint8Array(0))
  ]))
}

/** An MP4 of nothing: a file type box and one with this many bytes of data. */
export const mp4 = (bytes: number): Uint8Array => {
  const box = (type: string, data: Uint8Array) => {
    const head = Buffer.alloc(8)
    head.writeUInt32BE(data.length + 8, 0)
    head.write(type, 4, "latin1")
    return Buffer.concat([head, data])
  }
  const data = Uint8Array.from({ length: bytes }, (_, index) => index % 251)
  return new Uint8Array(Buffer.concat([box("ftyp", Buffer.from("isomiso2")), box("mdat", data), box("moov", data)]))
}
