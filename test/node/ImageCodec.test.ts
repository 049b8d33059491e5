import { ImageCodec } from "@effect-invokeai/core/assets/Downloads"
import * as NodeImageCodec from "@effect-invokeai/node/ImageCodec"
import * as NodeFileSystem from "@effect/platform-node/NodeFileSystem"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as ImageType from "../../packages/core/src/assets/internal/ImageType.ts"
import { png } from "../media.ts"

/** The JSON of the EXIF user comment. */
const comment = (bytes: Uint8Array): unknown => {
  const text = new TextDecoder("latin1").decode(bytes)
  const start = text.indexOf("ASCII\0\0\0{")
  if (start < 0) return null
  let depth = 0
  for (let index = start + 8; index < text.length; index++) {
    if (text[index] === "{") depth++
    else if (text[index] === "}" && --depth === 0) return JSON.parse(text.slice(start + 8, index + 1))
  }
  return null
}

const metadata = { seed: 7, positive_prompt: "Żółta łódź 🛶" }
const workflow = { name: "w", nodes: [] }
const source = png(40, 20, {
  invokeai_metadata: JSON.stringify(metadata),
  invokeai_workflow: JSON.stringify(workflow),
  invokeai_graph: JSON.stringify({ id: "g" })
})

describe("ImageCodec", () => {
  it.live("scales a larger image down to maxSide, and leaves a smaller one as it is", () =>
    Effect.gen(function*() {
      const codec = yield* ImageCodec
      const sizeOf = (bytes: Uint8Array) => {
        // the frame header of JPEG: its marker, length and precision, then height and width
        const at = bytes.findIndex((byte, index) =>
          byte === 0xff && (bytes[index + 1] === 0xc0 || bytes[index + 1] === 0xc2)
        )
        const view = new DataView(bytes.buffer, bytes.byteOffset)
        return [view.getUint16(at + 7), view.getUint16(at + 5)]
      }
      const options = { format: "jpeg", quality: 80, metadata: false } as const
      assert.deepStrictEqual(sizeOf(yield* codec.encode(source, { ...options, maxSide: 10 })), [10, 5])
      assert.deepStrictEqual(sizeOf(yield* codec.encode(source, { ...options, maxSide: 100 })), [40, 20])
    }).pipe(Effect.provide(NodeImageCodec.layer)))

  it.live.each(["jpeg", "webp"] as const)(
    "encodes %s, with the metadata in the EXIF user comment",
    (format) =>
      Effect.gen(function*() {
        const codec = yield* ImageCodec
        const best = yield* codec.encode(source, { format, quality: 95, metadata: true })
        assert.deepStrictEqual(ImageType.detect(best), Option.some(format))
        assert.deepStrictEqual(comment(best), {
          invokeai_metadata: metadata,
          invokeai_workflow: workflow,
          invokeai_graph: { id: "g" }
        })
        const bare = yield* codec.encode(source, { format, quality: 95, metadata: false })
        assert.strictEqual(comment(bare), null)
        assert.isBelow(bare.length, best.length)
      }).pipe(Effect.provide(NodeImageCodec.layer))
  )

  it.live("omits the graph, then the workflow, if they do not fit", () =>
    Effect.gen(function*() {
      const codec = yield* ImageCodec
      const large = png(8, 8, {
        invokeai_metadata: JSON.stringify(metadata),
        invokeai_workflow: JSON.stringify(workflow),
        invokeai_graph: JSON.stringify({ id: "g".repeat(70_000) })
      })
      const bytes = yield* codec.encode(large, { format: "jpeg", quality: 50, metadata: true })
      assert.deepStrictEqual(comment(bytes), { invokeai_metadata: metadata, invokeai_workflow: workflow })
    }).pipe(Effect.provide(NodeImageCodec.layer)))

  it.live("encodes smaller files at lower quality, from files and from bytes", () =>
    Effect.scoped(Effect.gen(function*() {
      const codec = yield* ImageCodec
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped()
      const noise = new Uint8Array(source)
      yield* fs.writeFile(`${folder}/in.png`, noise)
      yield* fs.writeFile(`${folder}/out.part`, new Uint8Array(0))
      yield* codec.encodeFile(`${folder}/in.png`, `${folder}/out.part`, { format: "webp", quality: 80, metadata: true })
      assert.deepStrictEqual(
        new Uint8Array(yield* fs.readFile(`${folder}/out.part`)),
        new Uint8Array(yield* codec.encode(source, { format: "webp", quality: 80, metadata: true }))
      )
    })).pipe(Effect.provide([NodeImageCodec.layer, NodeFileSystem.layer])))

  it.live("fails with a typed error for what is not an image", () =>
    Effect.gen(function*() {
      const codec = yield* ImageCodec
      const error = yield* Effect.flip(
        codec.encode(new TextEncoder().encode("text"), { format: "jpeg", quality: 90, metadata: true })
      )
      assert.strictEqual(error._tag, "ImageCodecError")
      assert.instanceOf(error.cause, Error)
      const truncated = yield* Effect.flip(
        codec.encode(source.subarray(0, source.length - 40), { format: "jpeg", quality: 90, metadata: false })
      )
      assert.match(truncated.message, /^Could not encode the image as jpeg: /)
    }).pipe(Effect.provide(NodeImageCodec.layer)))
})
