import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { Buffer } from "node:buffer"
import { deflateSync } from "node:zlib"
import * as PngChunks from "../../packages/core/src/definition/internal/pngChunks.ts"
import * as WorkflowSource from "../../packages/core/src/definition/WorkflowSource.ts"
import { chunk, png } from "../workflow/support.ts"

const tEXt = (keyword: string, text: string) => chunk("tEXt", Buffer.from(`${keyword}\0${text}`, "latin1"))
const zTXt = (keyword: string, text: string) =>
  chunk("zTXt", Buffer.concat([Buffer.from(`${keyword}\0\0`, "latin1"), deflateSync(Buffer.from(text, "latin1"))]))
const iTXt = (keyword: string, text: string, compressed: boolean) =>
  chunk(
    "iTXt",
    Buffer.concat([
      Buffer.from(`${keyword}\0`, "latin1"),
      Buffer.from([compressed ? 1 : 0, 0]),
      Buffer.from("en\0\0", "latin1"),
      compressed ? deflateSync(Buffer.from(text)) : Buffer.from(text)
    ])
  )

describe("PngChunks.texts", () => {
  it.effect("reads plain, compressed and international text chunks", () =>
    Effect.gen(function*() {
      const texts = yield* PngChunks.texts(
        png(tEXt("a", "café"), zTXt("b", "x".repeat(10_000)), iTXt("c", "山 😀", false), iTXt("d", "山 😀", true))
      )
      assert.deepStrictEqual([...texts], [["a", "café"], ["b", "x".repeat(10_000)], ["c", "山 😀"], ["d", "山 😀"]])
    }))

  it.effect("keeps the first of several texts with one keyword, and decompresses only the requested texts", () =>
    Effect.gen(function*() {
      const damaged = chunk("zTXt", Buffer.from("broken\0\0not deflate", "latin1"))
      const bytes = png(tEXt("a", "1"), tEXt("a", "2"), damaged, tEXt("__proto__", "3"))
      assert.deepStrictEqual([...(yield* PngChunks.texts(bytes, ["a", "__proto__"]))], [["a", "1"], ["__proto__", "3"]])
      const error = yield* Effect.flip(PngChunks.texts(bytes))
      assert.strictEqual(error.message, "Could not read the PNG image: a compressed text chunk is corrupt")
    }))

  it.effect("rejects bytes that are truncated or not a PNG file", () =>
    Effect.gen(function*() {
      const whole = png(tEXt("a", "1"))
      const reason = (bytes: Uint8Array) => Effect.map(Effect.flip(PngChunks.texts(bytes)), (error) => error.reason)
      assert.strictEqual(yield* reason(new Uint8Array()), "it does not start with a PNG signature")
      assert.strictEqual(yield* reason(Buffer.from("{\"nodes\": []}")), "it does not start with a PNG signature")
      assert.strictEqual(yield* reason(whole.slice(0, whole.length - 4)), "it ends in the middle of a chunk")
      const lying = new Uint8Array(whole)
      new DataView(lying.buffer).setUint32(8, 0xffff_ffff)
      assert.strictEqual(yield* reason(lying), "chunk \"IHDR\" is longer than the file")
    }))

  it.effect("never fails in any other way, whatever the bytes are", () =>
    Effect.gen(function*() {
      const whole = png(tEXt("a", "1"), zTXt("b", "hello"), iTXt("c", "x", true))
      let seed = 1
      const next = (bound: number) => {
        seed = (seed * 48_271) % 2_147_483_647
        return seed % bound
      }
      for (let round = 0; round < 500; round++) {
        const bytes = whole.slice(0, 8 + next(whole.length - 7))
        for (let flips = next(4); flips >= 0; flips--) bytes[8 + next(Math.max(1, bytes.length - 8))] = next(256)
        const exit = yield* Effect.result(PngChunks.texts(bytes))
        if (exit._tag === "Failure") assert.strictEqual(exit.failure._tag, "PngError")
      }
    }))

  it.effect("does not decompress an endless text", () =>
    Effect.gen(function*() {
      const bomb = chunk("zTXt", Buffer.concat([Buffer.from("b\0\0"), deflateSync(Buffer.alloc(65 * 1024 * 1024))]))
      const error = yield* Effect.flip(PngChunks.texts(png(bomb)))
      assert.strictEqual(error.reason, "a text chunk is larger than 67108864 bytes")
    }))
})

describe("WorkflowSource.readPng", () => {
  it.effect("returns the workflow, graph and metadata of an image", () =>
    Effect.gen(function*() {
      const source = yield* WorkflowSource.readPng(
        png(
          tEXt("invokeai_metadata", "{\"seed\":1}"),
          tEXt("invokeai_workflow", "{\"name\":\"w\"}"),
          tEXt("invokeai_graph", "{\"nodes\":{}}")
        )
      )
      assert.deepStrictEqual(source, { workflow: { name: "w" }, graph: { nodes: {} }, metadata: { seed: 1 } })
      assert.deepStrictEqual(yield* WorkflowSource.readPng(png()), {})
    }))

  it.effect("reports why an image is rejected", () =>
    Effect.gen(function*() {
      const message = (bytes: Uint8Array) =>
        Effect.map(Effect.flip(WorkflowSource.readPng(bytes)), (error) => error.message)
      assert.strictEqual(
        yield* message(png(tEXt("invokeai_workflow", "{"))),
        "Could not read the workflow from the PNG image (workflow): it is not JSON: expected a property name in double " +
          "quotes, the text ends too early (line 1, column 2)"
      )
      assert.strictEqual(
        yield* message(new Uint8Array(20)),
        "Could not read the workflow from the PNG image: it does not start with a PNG signature"
      )
    }))
})
