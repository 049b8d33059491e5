import * as Assets from "@effect-invokeai/core/assets/Assets"
import { Images } from "@effect-invokeai/core/server/Images"
import * as Fault from "@effect-invokeai/testing/Fault"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import { Simulator } from "@effect-invokeai/testing/Simulator"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { png } from "../media.ts"
import { drive } from "../time.ts"

const whole = png(64, 48, {}, [10, 20, 30])

const changed = Uint8Array.from(whole)
changed[changed.length - 20]! ^= 0xff

const bytes = (...all: ReadonlyArray<ReadonlyArray<number>>) => Uint8Array.from(all.flat())
/** A JPEG of 8 by 8 pixels up to its scan; the simulator reads no further. */
const jpeg = bytes(
  [0xff, 0xd8, 0xff, 0xe0, 0, 4, 0, 0],
  [0xff, 0xc0, 0, 11, 8, 0, 8, 0, 8, 1, 1, 0x11, 0],
  [0xff, 0xda, 0, 8, 1, 1, 0, 0, 63, 0],
  Array.from({ length: 100 }, (_, index) => index)
)
const end = bytes([0xff, 0xd9])

const uploads = Effect.map(
  Simulator.use((simulator) => simulator.requests),
  (requests) => requests.filter(({ path }) => path === "/api/v1/images/upload").length
)

describe("An upload of a damaged image", () => {
  for (
    const [what, data, detail] of [
      ["a PNG that is cut off", whole.subarray(0, whole.length - 20), /the PNG is cut off after \d+ bytes/],
      ["a PNG with a changed byte", changed, /chunk IDAT has a wrong checksum/],
      ["a JPEG that is cut off", jpeg, /the JPEG is cut off after \d+ bytes/]
    ] as const
  ) {
    it.effect(`fails immediately, and says why, for ${what}`, () =>
      Effect.gen(function*() {
        const began = yield* Clock.currentTimeMillis
        const error = yield* Effect.flip(Effect.scoped(Assets.uploadBytes(data, { name: "photo" })))
        assert.instanceOf(error, Assets.UploadError)
        assert.strictEqual(error.reason, "Damaged")
        assert.match(error.message, detail)
        assert.isFalse(error.isRetryable)
        assert.strictEqual(yield* Clock.currentTimeMillis, began)
        assert.strictEqual(yield* uploads, 1)
        yield* InvokeAiTest.assertClean
      }).pipe(Effect.provide(InvokeAiTest.layer())))
  }

  for (const version of ["6.3.0", "6.8.1", "6.13.8"] as const) {
    it.effect(`leaves no record of an image without a file on ${version}`, () =>
      Effect.gen(function*() {
        const damaged = whole.subarray(0, whole.length - 20)
        const error = yield* Effect.flip(Effect.scoped(Assets.uploadBytes(damaged, { name: "photo" })))
        assert.strictEqual("reason" in error ? error.reason : error, "Damaged")
        assert.deepStrictEqual((yield* Images.use((images) => images.names())).image_names, [])
        yield* InvokeAiTest.assertClean
      }).pipe(Effect.provide(InvokeAiTest.layer({ version }))))
  }

  it.effect("says so for a stream as well, and not when the server fails with an intact image", () =>
    drive(
      Effect.gen(function*() {
        const data = whole.subarray(0, 100)
        const assets = yield* Assets.Assets
        const source = { name: "stream", data: Stream.make(data.subarray(0, 50), data.subarray(50)), length: 100 }
        const error = yield* Effect.flip(Effect.scoped(assets.upload(source)))
        assert.strictEqual("reason" in error ? error.reason : error, "Damaged")
        const simulator = yield* Simulator
        for (const intact of [whole, bytes([...jpeg], [...end])]) {
          yield* simulator.inject(Fault.http({ path: "/api/v1/images/upload" }, Fault.status(500)))
          const other = yield* Effect.flip(Effect.scoped(Assets.uploadBytes(intact)))
          assert.strictEqual("reason" in other ? other.reason : other, "Server")
        }
      }).pipe(Effect.provide(InvokeAiTest.layer()))
    ))

  it.effect("does not happen for files that the server can read although they are not intact", () =>
    Effect.scoped(Effect.gen(function*() {
      const padded = bytes([...whole], [0, 0, 0, 0])
      for (const data of [whole.subarray(0, whole.length - 12), padded, bytes([...jpeg], [...end], [0, 0])]) {
        yield* Assets.uploadBytes(data)
      }
      assert.strictEqual(yield* uploads, 3)
    })).pipe(Effect.provide(InvokeAiTest.layer())))
})
