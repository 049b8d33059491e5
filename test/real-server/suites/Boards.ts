import { Boards } from "@effect-invokeai/core/server/Boards"
import { Images } from "@effect-invokeai/core/server/Images"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { createdBoard } from "../boards.ts"
import * as Support from "../Support.ts"

/** Every method of `Boards`. */
export const boardsSuite = (who: string, layer: Layer.Layer<Boards | Images>): void =>
  it.layer(layer, { excludeTestServices: true })(`boards, as ${who}`, (it) => {
    it.effect("are created, listed, found by name, renamed, archived and deleted", () =>
      Effect.gen(function*() {
        const boards = yield* Boards
        const made = yield* createdBoard("a board of mine")
        assert.strictEqual(made.board_name, "a board of mine")
        assert.strictEqual(made.image_count, 0)

        assert.include((yield* boards.all()).map((board) => board.board_id), made.board_id)
        const listed = yield* Stream.runCollect(boards.list({ pageSize: 1 }))
        assert.include(listed.map((board) => board.board_id), made.board_id)
        assert.deepStrictEqual((yield* boards.get(made.board_id)).board_id, made.board_id)

        assert.deepStrictEqual(
          Option.map(yield* boards.find("a board of mine"), (board) => board.board_id),
          Option.some(made.board_id)
        )
        assert.deepStrictEqual(yield* boards.find("A BOARD OF MINE"), Option.none())
        assert.strictEqual((yield* boards.findOrCreate("a board of mine")).board_id, made.board_id)

        assert.strictEqual((yield* boards.rename(made.board_id, "renamed")).board_name, "renamed")
        assert.isTrue((yield* boards.archive(made.board_id)).archived)
        assert.notInclude((yield* boards.all()).map((board) => board.board_id), made.board_id)
        assert.include((yield* boards.all({ includeArchived: true })).map((board) => board.board_id), made.board_id)
        assert.isFalse((yield* boards.archive(made.board_id, false)).archived)
        assert.strictEqual((yield* boards.update(made.board_id, { board_name: "again" })).board_name, "again")

        assert.strictEqual((yield* boards.delete(made.board_id)).board_id, made.board_id)
        assert.strictEqual((yield* Effect.flip(boards.get(made.board_id))).reason._tag, "NotFound")
        assert.strictEqual((yield* Effect.flip(boards.delete(made.board_id))).reason._tag, "NotFound")
      }).pipe(Effect.scoped))

    it.effect("that share a name are ambiguous, and found or created once", () =>
      Effect.gen(function*() {
        const boards = yield* Boards
        const one = yield* createdBoard("twins")
        const two = yield* createdBoard("twins")
        const error = yield* Effect.flip(boards.find("twins"))
        assert.strictEqual(error._tag, "AmbiguousName")
        assert.sameMembers(
          error._tag === "AmbiguousName" ? error.candidates.map((candidate) => candidate.id) : [],
          [one.board_id, two.board_id]
        )
        const created = yield* boards.findOrCreate("made on demand")
        assert.strictEqual((yield* boards.findOrCreate("made on demand")).board_id, created.board_id)
        yield* boards.delete(created.board_id)
      }).pipe(Effect.scoped))

    it.effect("accept images and release them", () =>
      Effect.gen(function*() {
        const boards = yield* Boards
        const images = yield* Images
        const { board_id } = yield* createdBoard("with images")
        const names = yield* Effect.forEach([1, 2, 3], (shade) =>
          Effect.map(images.upload({ data: Support.picture(8, 8, shade) }), (image) => image.image_name))
        const added = yield* boards.addImages(board_id, [...names, "missing.png"])
        assert.sameMembers([...added.succeeded], names)
        assert.deepStrictEqual(added.failed, ["missing.png"])
        assert.sameMembers([...yield* boards.imageNames(board_id)], names)
        assert.deepStrictEqual(yield* boards.imageNames(board_id, { categories: ["general"] }), [])
        assert.strictEqual((yield* boards.get(board_id)).board_id, board_id)

        const removed = yield* boards.removeImages(names.slice(0, 1))
        assert.deepStrictEqual(removed, { succeeded: names.slice(0, 1), failed: [] })
        assert.include(yield* boards.imageNames("none"), names[0])
        assert.isFalse(Option.fromNullishOr((yield* images.get(names[0]!)).board_id).pipe(Option.isSome))

        const deleted = yield* boards.delete(board_id, { includeImages: true })
        assert.sameMembers([...deleted.deleted_images], names.slice(1))
        assert.isFalse(yield* images.exists(names[1]!))
        assert.isTrue(yield* images.exists(names[0]!))
        yield* images.delete(names[0]!)
      }).pipe(Effect.scoped))
  })
