import { InvokeAiClient, type InvokeAiRoutes, type RouteError } from "@effect-invokeai/core/server/InvokeAiClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { readFileSync } from "node:fs"
import type { Entry } from "./replay.ts"
import { imageDto, json, scriptedHttp } from "./scriptedHttp.ts"

type Call = (api: InvokeAiRoutes) => Effect.Effect<unknown, RouteError>

const queue = { queue_id: "default" }
const names = { payload: { image_names: ["a.png", "b.png"] } }
const videos = { payload: { video_names: ["a.mp4"] } }

const samples: ReadonlyArray<Entry> = JSON.parse(
  readFileSync(new URL("../fixtures/transcripts/samples/6.14.2.json", import.meta.url), "utf8")
)

interface Recorded {
  readonly body: object
  readonly status: number
}

/** The recorded response of a real server to a request like this one; the first of several. */
const recorded = (method: string, path: RegExp): Recorded => {
  const entry = samples.find((one) => one.method === method && path.test(one.path ?? "") && (one.status ?? 0) < 300)
  const [body] = [entry?.responseBody].flat()
  if (!Predicate.isObject(body)) throw new Error(`no response to ${method} ${path} was recorded`)
  return { body, status: entry?.status ?? 0 }
}

const ok = (body: object): Recorded => ({ body, status: 200 })

const batchStatus = recorded("GET", /\/b\/nope\/status$/)
const item = recorded("GET", /\/i\/\d+$/)
const image = ok(imageDto("a.png"))
const board = recorded("GET", /\/boards\/[^/?]+$/)
const model = recorded("GET", /\/models\/i\/[^/]+$/)
const preset = ok({ name: "n", preset_data: { positive_prompt: "", negative_prompt: "" }, type: "user" })
const prompt = ok({ name: "n", content: "" })
const video = ok({
  ...imageDto("a.png"),
  video_url: "api/v1/videos/i/a/full",
  video_origin: "external",
  video_category: "user",
  duration: 1
})

/** A call, the rest of a response to it, what one to it says, and what a response to another call says. */
const cases: ReadonlyArray<readonly [name: string, call: Call, rest: Recorded, own: unknown, other: unknown]> = [
  [
    "the batch that was sent",
    (api) => api.queue.enqueueBatch({ params: queue, payload: { batch: { batch_id: "mine", graph: {}, runs: 1 } } }),
    recorded("POST", /\/enqueue_batch$/),
    { batch: { batch_id: "mine" } },
    { batch: { batch_id: "theirs" } }
  ],
  [
    "the status of a batch",
    (api) => api.queue.batchStatus({ params: { ...queue, batch_id: "mine" } }),
    batchStatus,
    { batch_id: "mine", total: 0 },
    { batch_id: "theirs", total: 1 }
  ],
  [
    "the queue of a status",
    (api) => api.queue.batchStatus({ params: { ...queue, batch_id: "mine" } }),
    batchStatus,
    { batch_id: "mine", queue_id: "default" },
    { batch_id: "mine", queue_id: "other" }
  ],
  ["an item", (api) => api.queue.item({ params: { ...queue, item_id: 7 } }), item, { item_id: 7 }, { item_id: 8 }],
  [
    "a canceled item",
    (api) => api.queue.cancelItem({ params: { ...queue, item_id: 7 } }),
    item,
    { item_id: 7 },
    { item_id: 8 }
  ],
  [
    "items",
    (api) => api.queue.itemsByIds({ params: queue, payload: { item_ids: [7, 8] } }),
    item,
    [{ item_id: 8 }],
    [{ item_id: 7 }, { item_id: 9 }]
  ],
  [
    "summaries of items",
    (api) => api.queue.itemSummariesByIds({ params: queue, payload: { item_ids: [7, 8] } }),
    item,
    [],
    [{ item_id: 9 }]
  ],
  [
    "retried items",
    (api) => api.queue.retryItemsById({ params: queue, payload: [7] }),
    recorded("PUT", /\/retry_items_by_id$/),
    { retried_item_ids: [7] },
    { retried_item_ids: [6] }
  ],
  [
    "the counts of a destination",
    (api) => api.queue.countsByDestination({ params: queue, query: { destination: "mine" } }),
    recorded("GET", /\/counts_by_destination/),
    { destination: "mine" },
    { destination: "theirs" }
  ],
  [
    "an image",
    (api) => api.images.get({ params: { image_name: "a.png" } }),
    image,
    { image_name: "a.png" },
    { image_name: "b.png" }
  ],
  [
    "a changed image",
    (api) => api.images.update({ params: { image_name: "a.png" }, payload: { starred: true } }),
    image,
    { image_name: "a.png" },
    { image_name: "b.png" }
  ],
  ["images by name", (api) => api.images.byNames(names), image, [{ image_name: "b.png" }], [{ image_name: "c.png" }]],
  [
    "a deleted image",
    (api) => api.images.delete({ params: { image_name: "a.png" } }),
    recorded("DELETE", /\/images\/i\//),
    { deleted_images: ["a.png"] },
    { deleted_images: ["b.png"] }
  ],
  [
    "deleted images",
    (api) => api.images.deleteMany(names),
    recorded("POST", /\/images\/delete$/),
    { deleted_images: ["a.png"], failed_images: ["b.png"] },
    { deleted_images: ["a.png"], failed_images: ["c.png"] }
  ],
  [
    "starred images",
    (api) => api.images.star(names),
    recorded("POST", /\/images\/star$/),
    { starred_images: ["a.png"] },
    { starred_images: ["c.png"] }
  ],
  [
    "unstarred images",
    (api) => api.images.unstar(names),
    recorded("POST", /\/images\/unstar$/),
    { unstarred_images: [] },
    { unstarred_images: ["c.png"] }
  ],
  ["a board", (api) => api.boards.get({ params: { board_id: "a" } }), board, { board_id: "a" }, { board_id: "b" }],
  [
    "a new board",
    (api) => api.boards.create({ query: { board_name: "Mine" } }),
    recorded("POST", /\/boards\/$|\/boards\/\?/),
    { board_name: "Mine" },
    { board_name: "Theirs" }
  ],
  [
    "a deleted board",
    (api) => api.boards.delete({ params: { board_id: "a" }, query: {} }),
    recorded("DELETE", /\/boards\//),
    { board_id: "a", deleted_images: ["c.png"] },
    { board_id: "b" }
  ],
  [
    "images added to a board",
    (api) => api.boardImages.addMany({ payload: { board_id: "a", image_names: ["a.png"] } }),
    recorded("POST", /\/board_images\/batch$/),
    { added_images: ["a.png"] },
    { added_images: ["b.png"] }
  ],
  [
    "images removed from boards",
    (api) => api.boardImages.removeMany(names),
    recorded("POST", /\/board_images\/batch\/delete$/),
    { removed_images: ["a.png"] },
    { removed_images: ["c.png"] }
  ],
  [
    "a workflow",
    (api) => api.workflows.get({ params: { workflow_id: "a" } }),
    recorded("GET", /\/workflows\/i\/[^/]+$/),
    { workflow_id: "a" },
    { workflow_id: "b" }
  ],
  ["a model", (api) => api.models.get({ params: { key: "a" } }), model, { key: "a" }, { key: "b" }],
  [
    "a model by its hash",
    (api) => api.models.getByHash({ query: { hash: "a" } }),
    model,
    { hash: "a", key: "k" },
    { hash: "b", key: "k" }
  ],
  [
    "a style preset",
    (api) => api.stylePresets.get({ params: { style_preset_id: "a" } }),
    preset,
    { id: "a" },
    { id: "b" }
  ],
  [
    "a system prompt",
    (api) => api.systemPrompts.get({ params: { system_prompt_id: "a" } }),
    prompt,
    { id: "a" },
    { id: "b" }
  ],
  [
    "a video",
    (api) => api.videos.get({ params: { video_name: "a" } }),
    video,
    { video_name: "a" },
    { video_name: "b" }
  ],
  ["deleted videos", (api) => api.videos.deleteMany(videos), ok({}), { deleted_videos: [] }, {
    deleted_videos: ["b.mp4"]
  }],
  [
    "a user",
    (api) => api.auth.user({ params: { user_id: "a" } }),
    recorded("GET", /\/auth\/users$/),
    { user_id: "a" },
    { user_id: "b" }
  ]
]

const complete = (rest: object, part: unknown): unknown =>
  Array.isArray(part) ? part.map((one) => complete(rest, one)) : { ...rest, ...part as object }

const responseWith = ({ body, status }: Recorded, part: unknown) => json(complete(body, part), { status })

/** The fields of a response that a part of one names. */
const fieldsOf = (part: unknown, response: unknown): unknown => {
  if (Array.isArray(part) && Array.isArray(response)) return response.map((one, index) => fieldsOf(part[index], one))
  return Predicate.isObject(part) && Predicate.isObject(response)
    ? Object.fromEntries(Object.keys(part).map((name) => [name, response[name]]))
    : response
}

/** Makes a call while the pauses before its retries pass. */
const calling = (call: Call) =>
  Effect.gen(function*() {
    const client = yield* InvokeAiClient
    const fiber = yield* Effect.forkChild(Effect.result(client.call(call)))
    yield* TestClock.adjust("1 minute")
    return yield* Fiber.join(fiber)
  })

describe("A response", () => {
  it.effect.each(cases)(
    "is accepted only if it belongs to its request: %s",
    ([, call, rest, own, other]) =>
      Effect.gen(function*() {
        const right = yield* Effect.provide(calling(call), scriptedHttp(() => responseWith(rest, own)).layer())
        assert.deepStrictEqual(right._tag === "Success" ? fieldsOf(own, right.success) : right.failure, own)
        const wrong = yield* Effect.provide(calling(call), scriptedHttp(() => responseWith(rest, other)).layer())
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

  it.effect("to a read is requested again if it belongs to another request", () => {
    const server = scriptedHttp((_, index) => responseWith(item, { item_id: index < 2 ? 8 : 7 }))
    return Effect.gen(function*() {
      const result = yield* calling((api) => api.queue.item({ params: { ...queue, item_id: 7 } }))
      assert.nestedInclude(result, { _tag: "Success", "success.item_id": 7 })
      assert.strictEqual(server.seen.length, 3)
    }).pipe(Effect.provide(server.layer()))
  })

  it.effect("with the bytes of another image is rejected because of its file name", () => {
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
