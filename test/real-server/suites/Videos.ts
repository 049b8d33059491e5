import { Boards } from "@effect-invokeai/core/server/Boards"
import { Videos } from "@effect-invokeai/core/server/Videos"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Support from "../Support.ts"

/** Eight frames of 48 × 32 pixels, one second. */
const clip = new Uint8Array(Fs.readFileSync(Path.join(import.meta.dirname, "../clip.mp4")))

const uploaded = Effect.acquireRelease(
  Videos.use((videos) => videos.upload({ data: clip, fileName: "clip.mp4" })),
  ({ video_name }) => Effect.ignore(Videos.use((videos) => videos.delete(video_name)))
)

const bytesOf = <E, R>(stream: Stream.Stream<Uint8Array, E, R>) =>
  Effect.map(Stream.runCollect(stream), (parts) => new Uint8Array(Buffer.concat(parts)))

/** Every method of `Videos`. */
export const videosSuite = (who: string, layer: Layer.Layer<Boards | Videos>): void =>
  it.layer(layer, { excludeTestServices: true })(`videos, as ${who}`, (it) => {
    if (!Support.has("POST /api/v1/videos/upload")) {
      it.effect("are unsupported, whatever is asked", () =>
        Effect.gen(function*() {
          const videos = yield* Videos
          const name = "clip.mp4"
          yield* Support.unsupported(
            videos.upload({ data: clip, fileName: name }),
            Stream.runDrain(videos.full(name)),
            Stream.runDrain(videos.thumbnail(name)),
            videos.metadata(name),
            videos.workflow(name),
            videos.get(name),
            videos.find(name),
            Stream.runDrain(videos.list()),
            videos.page({ offset: 0, limit: 1 }),
            videos.names(),
            videos.star([name]),
            videos.unstar([name]),
            videos.update(name, { starred: true }),
            videos.addToBoard("board", name),
            videos.removeFromBoard(name),
            videos.delete(name),
            videos.deleteMany([name])
          )
        }))
      return
    }

    it.effect("are uploaded and downloaded, even from the middle on", () =>
      Effect.gen(function*() {
        const videos = yield* Videos
        const { video_name } = yield* uploaded
        const full = yield* bytesOf(videos.full(video_name))
        assert.isAbove(full.length, 500)
        assert.deepStrictEqual(yield* bytesOf(videos.full(video_name, { from: 300 })), full.subarray(300))
        assert.isAbove((yield* bytesOf(videos.thumbnail(video_name))).length, 0)
        assert.isTrue(Option.isOption(yield* videos.metadata(video_name)))
        assert.deepStrictEqual(yield* videos.workflow(video_name), { workflow: null, graph: null })
      }).pipe(Effect.scoped))

    it.effect("are listed, starred, put on boards, changed and deleted", () =>
      Effect.gen(function*() {
        const videos = yield* Videos
        const boards = yield* Boards
        const { video_name } = yield* uploaded
        assert.strictEqual((yield* videos.get(video_name)).video_name, video_name)
        assert.isTrue(Option.isSome(yield* videos.find(video_name)))
        assert.isTrue(Option.isNone(yield* videos.find("missing.mp4")))
        assert.include(
          (yield* Stream.runCollect(videos.list({ pageSize: 1 }))).map((one) => one.video_name),
          video_name
        )
        assert.isAtLeast((yield* videos.page({ offset: 0, limit: 1 })).total, 1)
        assert.include((yield* videos.names()).video_names, video_name)
        assert.deepStrictEqual((yield* videos.star([video_name, "missing.mp4"])).succeeded, [video_name])
        assert.deepStrictEqual((yield* videos.unstar([video_name])).succeeded, [video_name])
        assert.isTrue((yield* videos.update(video_name, { starred: true })).starred)
        const board = yield* boards.create("clips")
        yield* videos.addToBoard(board.board_id, video_name)
        assert.strictEqual((yield* videos.get(video_name)).board_id, board.board_id)
        yield* videos.removeFromBoard(video_name)
        assert.isTrue(Option.isNone(Option.fromNullishOr((yield* videos.get(video_name)).board_id)))
        yield* boards.delete(board.board_id)
        yield* videos.delete(video_name)
        assert.isTrue(Option.isNone(yield* videos.find(video_name)))
        assert.strictEqual((yield* Effect.flip(videos.delete(video_name))).reason._tag, "NotFound")
        assert.strictEqual((yield* Effect.flip(videos.update(video_name, { starred: true }))).reason._tag, "NotFound")
        const second = yield* uploaded
        const deleted = yield* videos.deleteMany([second.video_name, video_name])
        assert.deepStrictEqual(deleted, { succeeded: [second.video_name], failed: [video_name] })
      }).pipe(Effect.scoped))
  })
