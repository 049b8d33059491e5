import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { crc32 } from "../../internal/crc32.ts"
import { DownloadError } from "../DownloadError.ts"
import * as ImageType from "./ImageType.ts"

interface Size {
  readonly width: number
  readonly height: number
}

const typeName = (type: Uint8Array): string =>
  /^[A-Za-z]{4}$/.test(String.fromCharCode(...type)) ? String.fromCharCode(...type) : "unknown"

/** How many bytes each part of a PNG has, apart from the data of a chunk. */
const lengths = { signature: 8, header: 8, checksum: 4 }

/**
 * Looks at the bytes of a PNG as they pass by: whether every chunk is whole, by its length and its checksum, and whether
 * the last one ends the image.
 *
 * @internal
 */
export class PngInspector {
  /** How many bytes have passed. */
  length = 0
  private readonly head = new Uint8Array(24)
  private part: "signature" | "header" | "data" | "checksum" | "end" = "signature"
  /** The part that is being gathered, unless it is data. */
  private readonly gathered = new Uint8Array(8)
  private filled = 0
  private type = ""
  /** How many bytes of data are still to come. */
  private left = 0
  private crc = 0
  private problem: string | undefined = undefined
  private hasMore = false

  push(chunk: Uint8Array): void {
    if (this.length < this.head.length) this.head.set(chunk.subarray(0, this.head.length - this.length), this.length)
    for (let at = 0; at < chunk.length && this.problem === undefined;) {
      at += this.part === "data" ? this.pushData(chunk.subarray(at)) : this.gather(chunk.subarray(at))
    }
    this.length += chunk.length
  }

  private pushData(bytes: Uint8Array): number {
    const data = bytes.subarray(0, this.left)
    this.crc = crc32(data, this.crc)
    this.left -= data.length
    if (this.left === 0) this.part = "checksum"
    return data.length
  }

  private gather(bytes: Uint8Array): number {
    if (this.part === "data" || this.part === "end") {
      this.hasMore = true
      return bytes.length
    }
    const missing = bytes.subarray(0, lengths[this.part] - this.filled)
    this.gathered.set(missing, this.filled)
    this.filled += missing.length
    if (this.filled === lengths[this.part]) {
      this.filled = 0
      this.take()
    }
    return missing.length
  }

  private take(): void {
    const view = new DataView(this.gathered.buffer)
    if (this.part === "signature") {
      this.part = "header"
      // `check` says what it is instead.
      if (!ImageType.isPng(this.gathered)) this.problem = "not a PNG"
    } else if (this.part === "header") {
      const type = this.gathered.subarray(4)
      this.type = typeName(type)
      this.left = view.getUint32(0)
      this.crc = crc32(type)
      this.part = this.left === 0 ? "checksum" : "data"
    } else {
      if (view.getUint32(0) !== this.crc) this.problem = `chunk ${this.type} has a wrong checksum`
      this.part = this.type === "IEND" ? "end" : "header"
    }
  }

  /** Why the bytes so far are not a whole PNG. Data behind its end does not count. */
  get damage(): string | undefined {
    if (this.problem !== undefined) return `after ${this.length} bytes: ${this.problem}`
    return this.part === "end" ? undefined : `the PNG is cut off after ${this.length} bytes`
  }

  check(imageName: string, expected: Size | undefined): Result.Result<Size, DownloadError> {
    const fail = (reason: "Truncated" | "InvalidImage", detail: string) =>
      Result.fail(new DownloadError({ reason, imageName, detail }))
    if (this.length === 0) return fail("Truncated", "received no content")
    const seen = this.head.subarray(0, this.length)
    const size = ImageType.pngSize(seen)
    if (Option.isNone(size)) {
      return ImageType.isPng(seen) || this.length < 8
        ? fail("Truncated", `received only ${this.length} bytes`)
        : fail("InvalidImage", `expected a PNG, got ${ImageType.describe(seen)}`)
    }
    if (this.damage !== undefined) return fail("Truncated", this.damage)
    if (this.hasMore) return fail("Truncated", `after ${this.length} bytes: there is data after the end of the PNG`)
    const { height, width } = size.value
    return expected !== undefined && (expected.width !== width || expected.height !== height)
      ? fail("InvalidImage", `expected ${expected.width}x${expected.height} pixels, got ${width}x${height}`)
      : Result.succeed(size.value)
  }
}
