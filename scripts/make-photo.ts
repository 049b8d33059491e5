/** `node scripts/make-photo.ts`: draws examples/mountain.png, the picture that the examples start from. */
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Zlib from "node:zlib"
import { root } from "./lib/run.ts"

const width = 512
const height = 384

type Color = readonly [red: number, green: number, blue: number]

const mix = (from: Color, to: Color, at: number): Color => [
  from[0] + (to[0] - from[0]) * at,
  from[1] + (to[1] - from[1]) * at,
  from[2] + (to[2] - from[2]) * at
]

/** Height of a ridge at `x` (0..1), as a part of the picture's height from the top. */
const ridge = (x: number, base: number, size: number, shift: number): number =>
  base - size * (0.55 * Math.sin(x * 5 + shift) + 0.3 * Math.sin(x * 13 + 2 * shift) + 0.15 * Math.sin(x * 29 + shift))

const ridges: ReadonlyArray<readonly [base: number, size: number, shift: number, color: Color]> = [
  [0.5, 0.16, 0.4, [146, 104, 140]],
  [0.64, 0.12, 2.1, [98, 72, 112]],
  [0.8, 0.08, 4, [48, 40, 70]]
]

const colorAt = (x: number, y: number): Color => {
  const front = ridges.findLast(([base, size, shift]) => y > ridge(x, base, size, shift))
  if (front !== undefined) return mix(front[3], [24, 20, 40], Math.max(0, y - front[0]) * 1.2)
  const sun = Math.hypot((x - 0.68) * (width / height), y - 0.36)
  const sky = mix([70, 78, 140], [250, 172, 110], Math.min(1, y * 1.9))
  return sun < 0.06 ? [255, 238, 196] : mix([255, 220, 160], sky, Math.min(1, sun * 2.6))
}

const rows = Buffer.alloc((width * 3 + 1) * height)
for (let y = 0; y < height; y++) {
  for (let x = 0; x < width; x++) {
    const at = y * (width * 3 + 1) + 1 + x * 3
    colorAt(x / width, y / height).forEach((value, channel) => rows.writeUInt8(Math.round(value), at + channel))
  }
}

const chunk = (type: string, data: Buffer): Buffer => {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data])
  const out = Buffer.alloc(body.length + 8)
  out.writeUInt32BE(data.length, 0)
  body.copy(out, 4)
  out.writeUInt32BE(Zlib.crc32(body), body.length + 4)
  return out
}

const header = Buffer.alloc(13)
header.writeUInt32BE(width, 0)
header.writeUInt32BE(height, 4)
header.set([8, 2, 0, 0, 0], 8) // 8 bits a channel, RGB
const file = Path.join(root, "examples/mountain.png")
Fs.writeFileSync(
  file,
  Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("IDAT", Zlib.deflateSync(rows, { level: 9 })),
    chunk("IEND", Buffer.alloc(0))
  ])
)
console.log(`${file}: ${width} x ${height}, ${Fs.statSync(file).size} bytes`)
