/** ZIP files without compression, for bulk downloads of pictures. */
import * as Bytes from "effect/Bytes"
import { crc32 } from "./crc32.ts"

const textEncoder = new TextEncoder()
/** 1 January 1980, the first day that the format knows. */
const firstDay = 0x0021

const record = (fields: ReadonlyArray<readonly [value: number, bytes: 2 | 4]>): Uint8Array => {
  const result = new Uint8Array(fields.reduce((total, [, size]) => total + size, 0))
  const view = new DataView(result.buffer)
  let offset = 0
  for (const [value, size] of fields) {
    if (size === 2) view.setUint16(offset, value, true)
    else view.setUint32(offset, value, true)
    offset += size
  }
  return result
}

/** Packs files by their paths. */
export const pack = (files: ReadonlyArray<readonly [path: string, bytes: Uint8Array]>): Uint8Array<ArrayBuffer> => {
  const parts: Array<Uint8Array> = []
  const directory: Array<Uint8Array> = []
  let offset = 0
  for (const [path, bytes] of files) {
    const name = textEncoder.encode(path)
    const common = [
      [20, 2],
      [0x0800, 2],
      [0, 2],
      [0, 2],
      [firstDay, 2],
      [crc32(bytes), 4],
      [bytes.length, 4],
      [bytes.length, 4],
      [name.length, 2],
      [0, 2]
    ] as const
    const local = Bytes.concat([record([[0x04034B50, 4], ...common]), name, bytes])
    directory.push(
      record([[0x02014B50, 4], [20, 2], ...common, [0, 2], [0, 2], [0, 2], [0, 4], [offset, 4]]),
      name
    )
    parts.push(local)
    offset += local.length
  }
  const list = Bytes.concat(directory)
  const end = record([
    [0x06054B50, 4],
    [0, 2],
    [0, 2],
    [files.length, 2],
    [files.length, 2],
    [list.length, 4],
    [offset, 4],
    [0, 2]
  ])
  return Bytes.concat([...parts, list, end])
}
