import { Boards } from "@effect-invokeai/core/server/Boards"
import { Images, type ImageUpload } from "@effect-invokeai/core/server/Images"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { expected, outcomes } from "../../uploads.ts"
import { createdBoard } from "../boards.ts"
import { hasFault } from "../serverFaults.ts"
import * as Support from "../Support.ts"

const uploaded = (image: ImageUpload) =>
  Effect.acquireRelease(
    Images.use((images) => images.upload(image)),
    ({ image_name }) => Effect.ignore(Images.use((images) => images.delete(image_name)))
  )

const bytesOf = <E, R>(stream: Stream.Stream<Uint8Array, E, R>) =>
  Effect.map(Stream.runCollect(stream), (parts) => new Uint8Array(Buffer.concat(parts)))

/** Every method of `Images`; clearing all intermediates is the administrator's. */
export const imagesSuite = (who: string, layer: Layer.Layer<Boards | Images>, options: { readonly admin: boolean }) =>
  it.layer(layer, { excludeTestServices: true })(`images, as ${who}`, (it) => {
    it.effect("are uploaded as bytes, as a Blob and as a stream, and returned as PNG", () =>
      Effect.gen(function*() {
        const images = yield* Images
        const png = Support.picture(40, 24)
        const ways: ReadonlyArray<ImageUpload["data"]> = [
          png,
          new File([new Uint8Array(png)], "photo.png", { type: "image/png" }),
          Stream.make(png.subarray(0, 100), png.subarray(100))
        ]
        for (const data of ways) {
          const image = yield* uploaded({ data, fileName: "my \"photo\".png" })
          assert.strictEqual(image.width, 40)
          assert.strictEqual(image.height, 24)
          assert.strictEqual(image.image_category, "user")
          assert.isFalse(image.is_intermediate)
          const full = yield* bytesOf(images.full(image.image_name))
          assert.deepStrictEqual(Support.pngSize(full), { width: 40, height: 24 })
          const thumbnail = yield* bytesOf(images.thumbnail(image.image_name))
          assert.strictEqual(Buffer.from(thumbnail.subarray(8, 12)).toString("latin1"), "WEBP")
        }
      }).pipe(Effect.scoped))

    it.effect("are uploaded with category, board, metadata and size", () =>
      Effect.gen(function*() {
        const images = yield* Images
        const target = yield* createdBoard("uploads")
        const image = yield* uploaded({
          data: Support.picture(64, 64),
          category: "control",
          isIntermediate: true,
          boardId: target.board_id,
          metadata: { prompt: "é ☀", seed: 3 },
          resizeTo: { width: 16, height: 8 }
        })
        assert.strictEqual(image.image_category, "control")
        assert.isTrue(image.is_intermediate)
        assert.strictEqual(image.board_id, target.board_id)
        assert.deepStrictEqual([image.width, image.height], [16, 8])
        assert.deepStrictEqual(yield* images.metadata(image.image_name), Option.some({ prompt: "é ☀", seed: 3 }))
        assert.deepStrictEqual(yield* images.workflow(image.image_name), { workflow: null, graph: null })
        yield* Boards.use((boards) => boards.delete(target.board_id, { includeImages: true }))
        assert.isFalse(yield* images.exists(image.image_name))
      }).pipe(Effect.scoped))

    it.effect("are accepted and rejected by format and color mode, complete or truncated", () =>
      Effect.gen(function*() {
        assert.deepStrictEqual(yield* outcomes, expected)
      }))

    it.effect("are rejected if they are not images, or if the board is missing", () =>
      Effect.gen(function*() {
        const images = yield* Images
        const text = yield* Effect.flip(images.upload({ data: new TextEncoder().encode("no image") }))
        assert.strictEqual(text.reason._tag, "Validation")
        assert.strictEqual(text.status, 415)
        const board = yield* Effect.flip(images.upload({ data: Support.picture(8, 8), boardId: "missing" }))
        assert.strictEqual(board.reason._tag, "NotFound")
      }))

    it.effect("are listed, found, starred, changed and deleted", () =>
      Effect.gen(function*() {
        const images = yield* Images
        const made = yield* Effect.forEach(
          [10, 20, 30],
          (shade) => uploaded({ data: Support.picture(8, 8, shade), category: "mask" })
        )
        const names = made.map((image) => image.image_name)
        const filter = { categories: ["mask"], isIntermediate: false, boardId: "none", order: "ASC" } as const
        const listed = yield* Stream.runCollect(images.list({ ...filter, pageSize: 2 }))
        assert.includeMembers(listed.map((image) => image.image_name), names)
        const page = yield* images.page({ ...filter, offset: 1, limit: 1 })
        assert.strictEqual(page.items.length, 1)
        assert.isAtLeast(page.total, 3)
        assert.includeMembers([...(yield* images.names(filter)).image_names], names)
        const byNames = yield* images.byNames([...names, "missing.png"])
        assert.sameMembers(byNames.map((image) => image.image_name), names)

        assert.deepStrictEqual(yield* images.find("missing.png"), Option.none())
        assert.isFalse(yield* images.exists("missing.png"))
        assert.strictEqual((yield* images.get(names[0]!)).image_name, names[0])
        assert.isTrue((yield* images.urls(names[0]!)).image_url.startsWith(Support.url))

        const starred = yield* images.star([names[0]!, "missing.png"])
        assert.deepStrictEqual(starred, { succeeded: [names[0]!], failed: ["missing.png"] })
        assert.isTrue((yield* images.get(names[0]!)).starred)
        assert.deepStrictEqual((yield* images.unstar([names[0]!])).succeeded, [names[0]!])
        assert.strictEqual(
          (yield* images.update(names[0]!, { image_category: "general" })).image_category,
          "general"
        )

        yield* images.delete(names[0]!)
        assert.strictEqual((yield* Effect.flip(images.delete(names[0]!))).reason._tag, "NotFound")
        assert.strictEqual((yield* Effect.flip(images.update(names[0]!, { starred: true }))).reason._tag, "NotFound")
        // where the server rejects all because of a missing one, what is gone afterwards counts as deleted
        const isForbidden = !options.admin && hasFault("forbidsMissingImages")
        assert.deepStrictEqual(yield* images.deleteMany([names[1]!, names[0]!]), {
          succeeded: isForbidden ? [names[1]!, names[0]!] : [names[1]!],
          failed: isForbidden ? [] : [names[0]!]
        })
        assert.include((yield* images.deleteUncategorized).succeeded, names[2])
        assert.isFalse(yield* images.exists(names[2]!))
        assert.strictEqual((yield* Effect.flip(bytesOf(images.full(names[2]!)))).reason._tag, "NotFound")
      }).pipe(Effect.scoped))

    it.effect("that are intermediate are counted, and cleared only by the administrator", () =>
      Effect.gen(function*() {
        const images = yield* Images
        const image = yield* uploaded({ data: Support.picture(8, 8), isIntermediate: true })
        if (options.admin) {
          assert.isAtLeast(yield* images.intermediatesCount, 1)
          assert.isAtLeast(yield* images.clearIntermediates, 1)
          assert.isFalse(yield* images.exists(image.image_name))
        } else {
          assert.strictEqual((yield* Effect.flip(images.clearIntermediates)).reason._tag, "Forbidden")
          assert.isTrue(yield* images.exists(image.image_name))
        }
      }).pipe(Effect.scoped))
  })
