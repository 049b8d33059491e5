import { InvokeAiClient, type InvokeAiRoutes, type RouteError } from "@effect-invokeai/core/server/InvokeAiClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { json, scriptedHttp } from "./scriptedHttp.ts"

type Call = (api: InvokeAiRoutes) => Effect.Effect<unknown, RouteError>

const queue = { queue_id: "default" }
const names = { payload: { image_names: ["a.png", "b.png"] } }
const videos = { payload: { video_names: ["a.mp4"] } }

/** A call, what a response to it says, and what a response to another one says. */
const cases: ReadonlyArray<readonly [name: string, call: Call, own: unknown, other: unknown]> = [
  [
    "the batch that was sent",
    (api) => api.queue.enqueueBatch({ params: queue, payload: { batch: { batch_id: "mine", graph: {}, runs: 1 } } }),
    { batch: { batch_id: "mine" } },
    { batch: { batch_id: "theirs" } }
  ],
  [
    "the status of a batch",
    (api) => api.queue.batchStatus({ params: { ...queue, batch_id: "mine" } }),
    { batch_id: "mine", total: 0 },
    { batch_id: "theirs", total: 1 }
  ],
  [
    "the queue of a status",
    (api) => api.queue.batchStatus({ params: { ...queue, batch_id: "mine" } }),
    { batch_id: "mine", queue_id: "default" },
    { batch_id: "mine", queue_id: "other" }
  ],
  ["an item", (api) => api.queue.item({ params: { ...queue, item_id: 7 } }), { item_id: 7 }, { item_id: 8 }],
  ["a canceled item", (api) => api.queue.cancelItem({ params: { ...queue, item_id: 7 } }), { item_id: 7 }, {
    item_id: 8
  }],
  [
    "items",
    (api) => api.queue.itemsByIds({ params: queue, payload: { item_ids: [7, 8] } }),
    [{ item_id: 8 }],
    [{ item_id: 7 }, { item_id: 9 }]
  ],
  [
    "summaries of items",
    (api) => api.queue.itemSummariesByIds({ params: queue, payload: { item_ids: [7, 8] } }),
    [],
    [{ item_id: 9 }]
  ],
  [
    "retried items",
    (api) => api.queue.retryItemsById({ params: queue, payload: [7] }),
    { retried_item_ids: [7] },
    { retried_item_ids: [6] }
  ],
  [
    "the counts of a destination",
    (api) => api.queue.countsByDestination({ params: queue, query: { destination: "mine" } }),
    { destination: "mine" },
    { destination: "theirs" }
  ],
  [
    "an image",
    (api) => api.images.get({ params: { image_name: "a.png" } }),
    { image_name: "a.png" },
    { image_name: "b.png" }
  ],
  [
    "a changed image",
    (api) => api.images.update({ params: { image_name: "a.png" }, payload: { starred: true } }),
    { image_name: "a.png" },
    { image_name: "b.png" }
  ],
  ["images by name", (api) => api.images.byNames(names), [{ image_name: "b.png" }], [{ image_name: "c.png" }]],
  [
    "a deleted image",
    (api) => api.images.delete({ params: { image_name: "a.png" } }),
    { deleted_images: ["a.png"] },
    { deleted_images: ["b.png"] }
  ],
  [
    "deleted images",
    (api) => api.images.deleteMany(names),
    { deleted_images: ["a.png"], failed_images: ["b.png"] },
    { deleted_images: ["a.png"], failed_images: ["c.png"] }
  ],
  ["starred images", (api) => api.images.star(names), { starred_images: ["a.png"] }, { starred_images: ["c.png"] }],
  ["unstarred images", (api) => api.images.unstar(names), { unstarred_images: [] }, { unstarred_images: ["c.png"] }],
  ["a board", (api) => api.boards.get({ params: { board_id: "a" } }), { board_id: "a" }, { board_id: "b" }],
  [
    "a new board",
    (api) => api.boards.create({ query: { board_name: "Mine" } }),
    { board_name: "Mine" },
    { board_name: "Theirs" }
  ],
  [
    "a deleted board",
    (api) => api.boards.delete({ params: { board_id: "a" }, query: {} }),
    { board_id: "a", deleted_images: ["c.png"] },
    { board_id: "b" }
  ],
  [
    "images added to a board",
    (api) => api.boardImages.addMany({ payload: { board_id: "a", image_names: ["a.png"] } }),
    { added_images: ["a.png"] },
    { added_images: ["b.png"] }
  ],
  [
    "images removed from boards",
    (api) => api.boardImages.removeMany(names),
    { removed_images: ["a.png"] },
    { removed_images: ["c.png"] }
  ],
  [
    "a workflow",
    (api) => api.workflows.get({ params: { workflow_id: "a" } }),
    { workflow_id: "a" },
    { workflow_id: "b" }
  ],
  ["a model", (api) => api.models.get({ params: { key: "a" } }), { key: "a" }, { key: "b" }],
  [
    "a model by its hash",
    (api) => api.models.getByHash({ query: { hash: "a" } }),
    { hash: "a", key: "k" },
    { hash: "b", key: "k" }
  ],
  ["a style preset", (api) => api.stylePresets.get({ params: { style_preset_id: "a" } }), { id: "a" }, { id: "b" }],
  ["a system prompt", (api) => api.systemPrompts.get({ params: { system_prompt_id: "a" } }), { id: "a" }, { id: "b" }],
  ["a video", (api) => api.videos.get({ params: { video_name: "a" } }), { video_name: "a" }, { video_name: "b" }],
  ["deleted videos", (api) => api.videos.deleteMany(videos), { deleted_videos: [] }, { deleted_videos: ["b.mp4"] }],
  ["a user", (api) => api.auth.user({ params: { user_id: "a" } }), { user_id: "a" }, { user_id: "b" }]
]

/** Makes a call while the pauses before its retries pass. */
const calling = (call: Call) =>
  Effect.gen(function*() {
    const client = yield* InvokeAiClient
    const fiber = yield* Effect.forkChild(Effect.result(client.json(call)))
    yield* TestClock.adjust("1 minute")
    return yield* Fiber.join(fiber)
  })

describe("A response", () => {
  it.effect.each(cases)(
    "is accepted only if it belongs to its request: %s",
    ([, call, own, other]) =>
      Effect.gen(function*() {
        const right = yield* Effect.provide(calling(call), scriptedHttp(() => json(own)).layer())
        assert.deepStrictEqual(right._tag === "Success" ? right.success : right.failure, own)
        const wrong = yield* Effect.provide(calling(call), scriptedHttp(() => json(other)).layer())
        assert.strictEqual(wrong._tag, "Failure")
        if (wrong._tag === "Success") return
        assert.deepInclude(wrong.failure, {
          _tag: "InvokeAiError",
          reason: { _tag: "Decode" },
          code: "ERR_OTHER_REQUEST"
        })
        // A change may have been made, and a read may be repeated.
        assert.strictEqual(wrong.failure.isAmbiguous, wrong.failure.method !== "GET")
        assert.isTrue(wrong.failure.isRetryable)
      })
  )

  it.effect("of a read that belongs to another request is asked for again", () => {
    const server = scriptedHttp((_, index) => json({ item_id: index < 2 ? 8 : 7 }))
    return Effect.gen(function*() {
      const result = yield* calling((api) => api.queue.item({ params: { ...queue, item_id: 7 } }))
      assert.deepInclude(result, { _tag: "Success", success: { item_id: 7 } })
      assert.strictEqual(server.seen.length, 3)
    }).pipe(Effect.provide(server.layer()))
  })

  it.effect("with the bytes of another image is refused by its file name", () => {
    const file = (name: string) => () =>
      new Response(new Uint8Array([1, 2, 3]), {
        headers: { "content-type": "image/png", "content-disposition": `inline; filename="${name}"` }
      })
    const read = Effect.flatMap(InvokeAiClient, (client) =>
      client.bytes(
        (api) => api.images.full({ params: { image_name: "a.png" }, responseMode: "response-only" }),
        { contentType: ["image/png"] }
      ).pipe(Stream.runCollect))
    return Effect.gen(function*() {
      assert.strictEqual((yield* Effect.provide(read, scriptedHttp(file("a.png")).layer())).length, 1)
      const fiber = yield* Effect.forkChild(Effect.flip(Effect.provide(read, scriptedHttp(file("b.png")).layer())))
      yield* TestClock.adjust("1 minute")
      assert.deepInclude(yield* Fiber.join(fiber), { reason: { _tag: "Decode" }, code: "ERR_OTHER_REQUEST" })
    })
  })
})
