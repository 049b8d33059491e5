/** What older servers do differently with images and boards, on the simulator that plays them. */
import * as Assets from "@effect-invokeai/core/assets/Assets"
import { Boards } from "@effect-invokeai/core/server/Boards"
import { Images } from "@effect-invokeai/core/server/Images"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import { picture } from "../media.ts"

const users = [
  { email: "admin@example.com", password: "Admin-password-1", isAdmin: true },
  { email: "user@example.com", password: "User-password-1" }
]

const multiUser = InvokeAiTest.layer({
  version: "6.13.8",
  users,
  client: { email: "user@example.com", password: Redacted.make("User-password-1") }
}).pipe(Layer.merge(NodeServices.layer))

const upload = (boardId?: string) =>
  Images.use((images) => images.upload({ data: picture(8, 8), ...(boardId === undefined ? {} : { boardId }) }))

describe("a multi-user server before 6.14", () => {
  it.effect("responds with 403 for a missing image, which is reported as missing anyway", () =>
    Effect.gen(function*() {
      const images = yield* Images
      assert.isTrue(Option.isNone(yield* images.find("missing.png")))
      assert.isFalse(yield* images.exists("missing.png"))
      for (const attempt of [images.get("missing.png"), images.metadata("missing.png"), images.delete("missing.png")]) {
        assert.strictEqual((yield* Effect.flip(Effect.asVoid(attempt))).reason._tag, "NotFound")
      }
      const error = yield* Effect.flip(Effect.scoped(Assets.adopt("missing.png")))
      assert.strictEqual(error._tag, "UploadError")
    }).pipe(Effect.provide(multiUser)))

  it.effect("changes the other images although it rejects a request because of one name", () =>
    Effect.gen(function*() {
      const images = yield* Images
      const boards = yield* Boards
      const [a, b, c] = (yield* Effect.all([upload(), upload(), upload()])).map((image) => image.image_name)
      assert(a !== undefined && b !== undefined && c !== undefined)
      assert.deepStrictEqual(yield* images.star([a, "missing.png", b]), {
        succeeded: [a, b],
        failed: ["missing.png"]
      })
      assert.deepStrictEqual(yield* images.unstar([b, "missing.png"]), { succeeded: [b], failed: ["missing.png"] })
      const { board_id } = yield* boards.create("study")
      assert.deepStrictEqual(yield* boards.addImages(board_id, ["missing.png", c]), {
        succeeded: [c],
        failed: ["missing.png"]
      })
      // which of them was deleted before the server rejected the request is unknown: neither exists
      assert.deepStrictEqual(yield* images.deleteMany([a, "missing.png", b]), {
        succeeded: [a, "missing.png", b],
        failed: []
      })
      assert.deepStrictEqual(yield* images.deleteMany(["missing.png"]), { succeeded: [], failed: ["missing.png"] })
      assert.deepStrictEqual((yield* images.names()).image_names, [c])
    }).pipe(Effect.provide(multiUser)))
})

describe("a server before 6.12", () => {
  for (const version of ["6.3.0", "6.8.1"] as const) {
    it.effect(`keeps no image of an upload to a missing board (${version})`, () =>
      Effect.gen(function*() {
        const error = yield* Effect.flip(upload("missing"))
        assert.strictEqual(error.reason._tag, "NotFound")
        assert.include(error.message, "\"missing\"")
        assert.deepStrictEqual((yield* Images.use((images) => images.names())).image_names, [])
        const { board_id } = yield* Boards.use((boards) => boards.create("study"))
        assert.strictEqual((yield* upload(board_id)).board_id, board_id)
      }).pipe(Effect.provide(InvokeAiTest.layer({ version }))))
  }
})
