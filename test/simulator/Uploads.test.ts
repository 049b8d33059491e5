import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { expected, outcomes } from "../uploads.ts"
import { send } from "./support.ts"

/** A TIFF header that announces an image of this size. */
const tiffHeader = (width: number, height: number): Uint8Array<ArrayBuffer> => {
  const entries = [[256, width], [257, height], [258, 8], [259, 1], [262, 1], [273, 8], [277, 1], [279, 1]]
  const view = new DataView(new ArrayBuffer(14 + entries.length * 12))
  view.setUint32(0, 0x49492A00)
  view.setUint32(4, 8, true)
  view.setUint16(8, entries.length, true)
  entries.forEach(([tag = 0, value = 0], index) => {
    view.setUint16(10 + index * 12, tag, true)
    view.setUint16(12 + index * 12, 4, true)
    view.setUint32(14 + index * 12, 1, true)
    view.setUint32(18 + index * 12, value, true)
  })
  return new Uint8Array(view.buffer)
}

const status = (bytes: Uint8Array<ArrayBuffer>) =>
  Effect.gen(function*() {
    const form = new FormData()
    form.append("file", new Blob([bytes], { type: "image/tiff" }), "a.tiff")
    const response = yield* send("POST", "/api/v1/images/upload?image_category=user&is_intermediate=false", form)
    return response.status
  })

describe("uploads to the simulator", () => {
  it.effect("are accepted and rejected as on the server, complete or truncated", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* outcomes, expected)
    }).pipe(Effect.provide(InvokeAiTest.layer())))

  it.effect("are rejected if they announce more pixels than the server decodes", () =>
    Effect.gen(function*() {
      assert.strictEqual(yield* status(tiffHeader(1, 1)), 201)
      assert.strictEqual(yield* status(tiffHeader(100_000, 100_000)), 415)
      assert.strictEqual(yield* status(tiffHeader(0, 1)), 415)
    }).pipe(Effect.provide(InvokeAiTest.layer())))
})
