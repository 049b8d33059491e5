import { assert, describe, it } from "@effect/vitest"
import * as Option from "effect/Option"
import * as ImageType from "../../packages/core/src/assets/internal/ImageType.ts"

const text = (value: string) => new TextEncoder().encode(value)
const bytes = (...values: ReadonlyArray<number>) => Uint8Array.from(values)

// The first bytes of real files, written by libvips and Pillow.
const heads: ReadonlyArray<readonly [ImageType.ImageType, Uint8Array]> = [
  ["png", Uint8Array.from(Buffer.from("89504e470d0a1a0a0000000d4948445200000040000000200802000000", "hex"))],
  ["jpeg", bytes(0xff, 0xd8, 0xff, 0xe0, 0, 0x10, 0x4a, 0x46, 0x49, 0x46)],
  ["jpeg", bytes(0xff, 0xd8, 0xff, 0xdb)],
  ["webp", Uint8Array.from([...text("RIFF"), 0x24, 0, 0, 0, ...text("WEBPVP8 ")])],
  ["gif", text("GIF87a")],
  ["gif", text("GIF89a")],
  ["bmp", Uint8Array.from(Buffer.from("424d460000000000000036000000280000000200000002000000", "hex"))],
  ["tiff", bytes(0x49, 0x49, 0x2a, 0, 8, 0, 0, 0)],
  ["tiff", bytes(0x4d, 0x4d, 0, 0x2a, 0, 0, 0, 8)]
]

describe("ImageType", () => {
  it.each(heads)("recognizes %s by its content", (type, head) => {
    assert.deepStrictEqual(ImageType.detect(head), Option.some(type))
    assert.deepStrictEqual(ImageType.detect(head.subarray(0, 2)), Option.none())
  })

  it.each<readonly [string, Uint8Array, string]>([
    ["nothing", bytes(), "an empty file"],
    ["text", text("BM is how this text starts, and it goes on"), "text"],
    ["JSON", text("{\"nodes\": []}"), "text, perhaps JSON"],
    ["a Git LFS pointer", text("version https://git-lfs.github.com/spec/v1"), "a Git LFS pointer; run `git lfs pull`"],
    ["SVG", text("<?xml version=\"1.0\"?><svg xmlns=\"http://www.w3.org/2000/svg\"/>"), "an SVG drawing"],
    ["HTML", text("<!doctype html><title>x</title>"), "an HTML page"],
    ["PDF", text("%PDF-1.7"), "a PDF document"],
    ["ZIP", bytes(0x50, 0x4b, 3, 4, 20, 0), "a ZIP archive"],
    ["noise", bytes(1, 2, 3, 4, 5), "an unknown type of file"],
    ["GIF of no known version", text("GIF88a"), "text"]
  ])("rejects %s", (_, head, description) => {
    assert.deepStrictEqual(ImageType.detect(head), Option.none())
    assert.strictEqual(ImageType.describe(head), description)
  })

  it("reads the size of a PNG, even from a view into a larger buffer", () => {
    const head = heads[0]![1]
    const buffer = new Uint8Array(100)
    buffer.set(head, 13)
    assert.deepStrictEqual(
      ImageType.pngSize(buffer.subarray(13, 13 + head.length)),
      Option.some({ width: 64, height: 32 })
    )
    assert.deepStrictEqual(ImageType.pngSize(head.subarray(0, 20)), Option.none())
  })
})
