import type { InvokeAiError } from "@effect-invokeai/core/InvokeAiError"
import { Auth } from "@effect-invokeai/core/server/Auth"
import { Boards } from "@effect-invokeai/core/server/Boards"
import { Images } from "@effect-invokeai/core/server/Images"
import { Models } from "@effect-invokeai/core/server/Models"
import { StylePresets, Utilities } from "@effect-invokeai/core/server/Prompts"
import { ServerInfo } from "@effect-invokeai/core/server/ServerInfo"
import { isRedacted, SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import { Videos } from "@effect-invokeai/core/server/Videos"
import { WorkflowLibrary } from "@effect-invokeai/core/server/WorkflowLibrary"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import {
  html,
  imageDto,
  json,
  networkError,
  scriptedHttp,
  type ScriptedResponse,
  type Seen,
  selfDescription,
  timestamps
} from "./scriptedHttp.ts"

const services = Layer.mergeAll(
  Auth.layer,
  Boards.layer,
  Images.layer,
  Models.layer,
  SessionQueue.layer,
  ServerInfo.layer,
  StylePresets.layer,
  Utilities.layer,
  Videos.layer,
  WorkflowLibrary.layer
)

const withServer = (answer: (request: Seen, index: number) => ScriptedResponse) => {
  const server = scriptedHttp(answer)
  return { seen: server.seen, layer: services.pipe(Layer.provide(server.layer({ retries: 0 }))) }
}

const queryOf = (request: Seen) => [...request.url.searchParams]

const refused = (status: number) => () => json({ detail: "no" }, { status })

/** A response to a request for the image or video `x` by its name; the lists of the server have it or lack it. */
const listing = (there: boolean, respond: (request: Seen) => ScriptedResponse) => (request: Seen): ScriptedResponse => {
  if (request.path.endsWith("/images_by_names")) return json(there ? [imageDto("x")] : [])
  if (request.path.endsWith("/videos/names")) {
    return json({ video_names: there ? ["x"] : [], starred_count: 0, total_count: there ? 1 : 0 })
  }
  return respond(request)
}

const names = (count: number) => Array.from({ length: count }, (_, i) => `image-${i}.png`)

describe("Images", () => {
  it.effect("list reads page by page, and passes the filter", () => {
    const all = names(5)
    const { layer, seen } = withServer(({ url }) => {
      const offset = Number(url.searchParams.get("offset"))
      const limit = Number(url.searchParams.get("limit"))
      return json({ limit, offset, total: all.length, items: all.slice(offset, offset + limit).map(imageDto) })
    })
    return Effect.gen(function*() {
      const images = yield* Images
      const list = images.list({ pageSize: 2, categories: ["user", "general"], isIntermediate: false, boardId: "none" })
      assert.strictEqual((yield* Stream.runCollect(Stream.take(list, 1))).length, 1)
      assert.strictEqual(seen.splice(0).length, 1, "no page is read before it is needed")
      const listed = yield* Stream.runCollect(list)
      assert.deepStrictEqual(listed.map((image) => image.image_name), all)
      assert.strictEqual(seen.length, 3)
      assert.strictEqual(seen[0]!.path, "/api/v1/images/")
      assert.deepStrictEqual(queryOf(seen[1]!), [
        ["categories", "user"],
        ["categories", "general"],
        ["is_intermediate", "false"],
        ["board_id", "none"],
        ["offset", "2"],
        ["limit", "2"]
      ])
      const first = yield* Stream.runCollect(Stream.take(images.list({ pageSize: 1 }), 1))
      assert.strictEqual(first.length, 1)
      assert.strictEqual(seen.length, 4)
    }).pipe(Effect.provide(layer))
  })

  it.effect("list ends if images are deleted in the meantime, and a page is never longer than the server allows", () => {
    const { layer, seen } = withServer(() => json({ limit: 1, offset: 0, total: 100, items: [] }))
    return Effect.gen(function*() {
      const images = yield* Images
      assert.deepStrictEqual(yield* Stream.runCollect(images.list({ pageSize: 9999 })), [])
      assert.strictEqual(seen[0]!.url.searchParams.get("limit"), "1000")
    }).pipe(Effect.provide(layer))
  })

  it.effect("sends names in chunks of 1,000, and reports those that the server skips", () => {
    const { layer, seen } = withServer((request) => {
      const { image_names } = request.body as { readonly image_names: ReadonlyArray<string> }
      const done = image_names.filter((name) => name !== "image-7.png")
      return json({ affected_boards: [], deleted_images: done, starred_images: done, failed_images: [] })
    })
    return Effect.gen(function*() {
      const images = yield* Images
      const result = yield* images.deleteMany([...names(2500), "image-1.png"])
      assert.deepStrictEqual(
        seen.map((request) => (request.body as { image_names: Array<string> }).image_names.length),
        [
          1000,
          1000,
          500
        ]
      )
      assert.strictEqual(result.succeeded.length, 2499)
      assert.deepStrictEqual(result.failed, ["image-7.png"])
      const starred = yield* images.star(["image-7.png", "image-8.png"])
      assert.deepStrictEqual(starred, { succeeded: ["image-8.png"], failed: ["image-7.png"] })
      const nothing = yield* images.deleteMany([])
      assert.deepStrictEqual(nothing, { succeeded: [], failed: [] })
      assert.strictEqual(seen.length, 4)
    }).pipe(Effect.provide(layer))
  })

  it.effect("reports the images that remain after deleting all uncategorized images", () => {
    const { layer } = withServer(() => json({ deleted_images: ["a"], affected_boards: ["none"], failed_images: ["b"] }))
    return Effect.gen(function*() {
      assert.deepStrictEqual(yield* (yield* Images).deleteUncategorized, { succeeded: ["a"], failed: ["b"] })
    }).pipe(Effect.provide(layer))
  })

  const nothing = () => json({ deleted_images: [], deleted_videos: [], affected_boards: [], failed_images: ["x"] })
  const there = () => json({ ...imageDto("x"), video_name: "x", video_url: "", duration: 1 })
  it.effect.each(
    [
      ["does nothing, although the resource exists", nothing, there, "Server", 200],
      ["does nothing, because the resource is missing", nothing, refused(404), "NotFound", 200],
      ["does nothing, while a web page hides whether the resource exists", nothing, () => html(), "Server", 200],
      ["is rejected, although the resource exists", refused(403), there, "Forbidden", 403],
      ["is rejected, because the resource belongs to another user", refused(403), refused(403), "Forbidden", 403],
      ["is rejected, because the resource is missing", refused(403), refused(404), "NotFound", 403],
      ["gets 404", refused(404), () => networkError("ECONNRESET"), "NotFound", 404]
    ] as const
  )("fails a deletion that %s", ([, answer, look, reason, status]) => {
    const { layer } = withServer(listing(look === there, ({ method }) => method === "GET" ? look() : answer()))
    return Effect.gen(function*() {
      const images = yield* Images
      const videos = yield* Videos
      for (const remove of [images.delete("x"), videos.delete("x")]) {
        const error = yield* Effect.flip(remove)
        assert.strictEqual(error.reason._tag, reason)
        assert.strictEqual(error.status, status)
        assert.strictEqual(error.method, "DELETE")
      }
    }).pipe(Effect.provide(layer))
  })

  it.effect("fails to change a missing resource with NotFound, whatever the server responds", () => {
    const { layer } = withServer(listing(false, ({ method }) => method === "GET" ? refused(404)() : refused(400)()))
    return Effect.gen(function*() {
      const images = yield* Images
      const videos = yield* Videos
      assert.strictEqual((yield* Effect.flip(images.update("x", { starred: true }))).reason._tag, "NotFound")
      assert.strictEqual((yield* Effect.flip(videos.update("x", { starred: true }))).reason._tag, "NotFound")
    }).pipe(Effect.provide(layer))
  })

  it.effect.each(
    [
      ["plain text", () => new Response("404 page not found\n", { status: 404 })],
      ["a web page", () => html(404)],
      ["foreign JSON", () => json({ error: "no such service" }, { status: 404 })],
      ["an empty body", () => new Response(null, { status: 404 })],
      ["the server's response for a wrong path", () => json({ detail: "Not Found" }, { status: 404 })],
      ["the server's response for a wrong method", () => json({ detail: "Method Not Allowed" }, { status: 405 })]
    ] as const
  )("does not take %s with a status of a missing resource for a missing resource", ([, respond]) => {
    const { layer } = withServer(respond)
    return Effect.gen(function*() {
      const images = yield* Images
      const videos = yield* Videos
      const workflows = yield* WorkflowLibrary
      const queue = yield* SessionQueue
      const looks: ReadonlyArray<Effect.Effect<unknown, InvokeAiError>> = [
        images.get("x"),
        images.find("x"),
        images.exists("x"),
        images.delete("x"),
        Stream.runDrain(images.full("x")),
        videos.find("x"),
        videos.delete("x"),
        (yield* Models).find("x"),
        workflows.find("x"),
        workflows.delete("x"),
        queue.item(1),
        queue.deleteItem(1),
        queue.enqueueReceipt("x")
      ]
      for (const look of looks) {
        const error = yield* Effect.flip(look)
        assert.strictEqual(error.reason._tag, "Server", error.message)
      }
    }).pipe(Effect.provide(layer))
  })

  it.effect("does not report a listed image as missing, whatever its own request returns", () => {
    const { layer } = withServer(listing(true, refused(404)))
    return Effect.gen(function*() {
      const images = yield* Images
      const looks: ReadonlyArray<Effect.Effect<unknown, InvokeAiError>> = [
        images.find("x"),
        images.exists("x"),
        images.delete("x"),
        (yield* Videos).find("x")
      ]
      for (const look of looks) {
        const error = yield* Effect.flip(look)
        assert.strictEqual(error.reason._tag, "Server")
        assert.isTrue(error.isRetryable)
      }
    }).pipe(Effect.provide(layer))
  })

  it.effect("does not take a web page for a missing resource", () => {
    const { layer } = withServer(() => html())
    return Effect.gen(function*() {
      const images = yield* Images
      const looks: ReadonlyArray<Effect.Effect<unknown, InvokeAiError>> = [
        images.find("x"),
        images.exists("x"),
        (yield* Videos).find("x"),
        (yield* Models).find("x"),
        (yield* WorkflowLibrary).find("x")
      ]
      for (const look of looks) {
        const error = yield* Effect.flip(look)
        assert.strictEqual(error.reason._tag, "Decode")
        assert.include(error.message, "HTML page")
      }
    }).pipe(Effect.provide(layer))
  })

  it.effect("uploads bytes, blobs and files with the parts that the server requires", () => {
    const { layer, seen } = withServer(() => json(imageDto("new.png"), { status: 201 }))
    return Effect.gen(function*() {
      const images = yield* Images
      const bytes = new Uint8Array([137, 80, 78, 71])
      yield* images.upload({
        data: bytes,
        fileName: "photo.JPG",
        category: "mask",
        isIntermediate: true,
        boardId: "b",
        metadata: { a: 1 },
        resizeTo: { width: 8, height: 4 }
      })
      yield* images.upload({ data: new File([bytes], "own.webp", { type: "image/webp" }) })
      yield* images.upload({ data: new Blob([bytes], { type: "text/plain" }), contentType: "image/gif" })
      const forms = seen.map((request) => request.body as FormData)
      const files = forms.map((form) => form.get("file") as File)
      assert.deepStrictEqual(files.map((file) => [file.name, file.type, file.size]), [
        ["photo.JPG", "image/jpeg", 4],
        ["own.webp", "image/webp", 4],
        ["image.png", "image/gif", 4]
      ])
      assert.strictEqual(forms[0]!.get("metadata"), "{\"a\":1}")
      assert.strictEqual(forms[0]!.get("resize_to"), "{\"width\":8,\"height\":4}")
      assert.deepStrictEqual(queryOf(seen[0]!), [["image_category", "mask"], ["is_intermediate", "true"], [
        "board_id",
        "b"
      ]])
      assert.deepStrictEqual(queryOf(seen[1]!), [["image_category", "user"], ["is_intermediate", "false"]])
      assert.isFalse(forms[1]!.has("metadata"))
    }).pipe(Effect.provide(layer))
  })

  it.effect("reads metadata, provenance and URLs", () => {
    const { layer } = withServer(listing(false, ({ path }) =>
      path.endsWith("/metadata")
        ? json(null)
        : path.endsWith("/workflow")
        ? json({ workflow: "{\"name\":\"w\"}", graph: "not JSON" })
        : path.endsWith("/urls")
        ? json({ image_name: "x", image_url: "api/v1/images/i/x/full", thumbnail_url: "api/v1/images/i/x/thumbnail" })
        : json({ detail: "Not Found" }, { status: 404 })))
    return Effect.gen(function*() {
      const images = yield* Images
      assert.isTrue(Option.isNone(yield* images.metadata("x")))
      assert.deepStrictEqual(yield* images.workflow("x"), { workflow: { name: "w" }, graph: "not JSON" })
      assert.strictEqual((yield* images.urls("x")).image_url, "http://server.test:9090/api/v1/images/i/x/full")
      assert.isTrue(Option.isNone(yield* images.find("x")))
      assert.isFalse(yield* images.exists("x"))
    }).pipe(Effect.provide(layer))
  })
})

describe("Boards", () => {
  const board = (id: string, name: string, archived = false) => ({
    board_id: id,
    board_name: name,
    cover_image_name: null,
    image_count: 3,
    archived,
    ...timestamps
  })

  it.effect("fails for a name that two boards share, and creates a board for an unused name", () => {
    const { layer, seen } = withServer((request) =>
      request.method === "POST"
        ? json(board("new", request.url.searchParams.get("board_name")!), { status: 201 })
        : json([board("1", "samples"), board("2", "twice"), board("3", "twice", true)])
    )
    return Effect.gen(function*() {
      const boards = yield* Boards
      const found = yield* boards.find("samples")
      assert.strictEqual(Option.getOrThrow(found).board_id, "1")
      assert.isTrue(Option.isNone(yield* boards.find("Samples")))
      const error = yield* Effect.flip(boards.findOrCreate("twice"))
      assert.strictEqual(error._tag, "AmbiguousName")
      assert.include(error.message, "2 (3 images), 3 (3 images, archived)")
      assert.strictEqual((yield* boards.findOrCreate("a & b")).board_name, "a & b")
      assert.strictEqual(seen[0]!.url.searchParams.get("include_archived"), "true")
      assert.strictEqual(seen.filter((request) => request.method === "POST").length, 1)
    }).pipe(Effect.provide(layer))
  })

  it.effect("returns a board that the server created although it reported a failure", () => {
    let created = false
    const { layer, seen } = withServer((request) => {
      if (request.method !== "POST") return json(created ? [board("new", "samples")] : [])
      created = true
      return json({ detail: "Failed to create board" }, { status: 500 })
    })
    return Effect.gen(function*() {
      const boards = yield* Boards
      assert.strictEqual((yield* boards.findOrCreate("samples")).board_id, "new")
      assert.strictEqual(seen.filter((request) => request.method === "POST").length, 1)
    }).pipe(Effect.provide(layer))
  })

  it.effect("fails to delete a missing board on every version", () => {
    const { layer, seen } = withServer((request) =>
      request.method === "GET" ? json({ detail: "Board not found" }, { status: 404 }) : json(null)
    )
    return Effect.gen(function*() {
      const boards = yield* Boards
      assert.strictEqual((yield* Effect.flip(boards.delete("x"))).reason._tag, "NotFound")
      assert.strictEqual(seen.length, 1)
    }).pipe(Effect.provide(layer))
  })

  it.effect("deletes a board with its images, and reports the images that remain", () => {
    const { layer } = withServer((request) =>
      request.method === "GET"
        ? json(board("1", "b"))
        : json({ board_id: "1", deleted_board_images: [], deleted_images: [], failed_images: ["y.png"] })
    )
    return Effect.gen(function*() {
      const boards = yield* Boards
      assert.include((yield* Effect.flip(boards.delete("1", { includeImages: true }))).message, "y.png")
      assert.strictEqual((yield* boards.delete("1")).board_id, "1")
    }).pipe(Effect.provide(layer))
  })

  it.effect("reads a page and the whole list from the same route", () => {
    const { layer } = withServer(({ url }) => {
      const offset = Number(url.searchParams.get("offset"))
      return url.searchParams.get("all") === "true"
        ? json([board("1", "a"), board("2", "b")])
        : json({ limit: 1, offset, total: 2, items: [board(String(offset + 1), "x")] })
    })
    return Effect.gen(function*() {
      const boards = yield* Boards
      assert.strictEqual((yield* boards.all()).length, 2)
      const listed = yield* Stream.runCollect(boards.list({ pageSize: 1 }))
      assert.deepStrictEqual(listed.map((board) => board.board_id), ["1", "2"])
    }).pipe(Effect.provide(layer))
  })
})

describe("Models", () => {
  const model = (key: string, name: string, type = "main") => ({
    key,
    name,
    type,
    hash: `h-${key}`,
    base: "sd-1",
    x: key
  })
  const job = (status: string) => ({ id: 1, status, config_out: null })

  it.effect("keeps the fields that are specific to a model type", () => {
    const { layer } = withServer(() => json({ models: [model("1", "a", "brand-new-type")] }))
    return Effect.gen(function*() {
      const [found] = yield* (yield* Models).list()
      assert.strictEqual(found?.["x"], "1")
      assert.strictEqual(found?.type, "brand-new-type")
    }).pipe(Effect.provide(layer))
  })

  it.effect("finds a model by hash if the server cannot", () => {
    const { layer, seen } = withServer((request) =>
      selfDescription("6.11.1", request) ??
        (request.path.endsWith("get_by_hash") ? html() : json({ models: [model("1", "a"), model("2", "b")] }))
    )
    return Effect.gen(function*() {
      const models = yield* Models
      assert.strictEqual(Option.getOrThrow(yield* models.findByHash("h-2")).key, "2")
      assert.isTrue(Option.isNone(yield* models.findByHash("h-3")))
      assert.strictEqual(seen.filter(({ path }) => path.includes("/models/")).length, 4)
      assert.strictEqual(seen.length, 6)
    }).pipe(Effect.provide(layer))
  })

  it.effect("fails for a name that two models share, unless the type distinguishes them", () => {
    const { layer } = withServer(() => json({ models: [model("1", "a"), model("2", "a", "vae"), model("3", "a2")] }))
    return Effect.gen(function*() {
      const models = yield* Models
      const error = yield* Effect.flip(models.findByName("a"))
      assert.include(error.message, "1 (main, sd-1), 2 (vae, sd-1)")
      assert.strictEqual(Option.getOrThrow(yield* models.findByName("a", { type: "vae" })).key, "2")
    }).pipe(Effect.provide(layer))
  })

  it.effect.each([[404, true], [200, false]] as const)(
    "looks up a model after the response to its deletion was lost (then %s)",
    ([status, done]) => {
      const { layer, seen } = withServer((request) =>
        request.method === "DELETE"
          ? new Response("Internal Server Error", { status: 500 })
          : json(status === 404 ? { detail: "model not found" } : model("1", "a"), { status })
      )
      return Effect.gen(function*() {
        const result = yield* Effect.result((yield* Models).delete("1"))
        assert.strictEqual(result._tag, done ? "Success" : "Failure")
        assert.deepStrictEqual(seen.map((request) => request.method), ["DELETE", "GET"])
      }).pipe(Effect.provide(layer))
    }
  )

  it.effect("fails to delete a missing model", () => {
    const { layer, seen } = withServer(() => json({ detail: "model not found" }, { status: 404 }))
    return Effect.gen(function*() {
      assert.strictEqual((yield* Effect.flip((yield* Models).delete("1"))).reason._tag, "NotFound")
      assert.strictEqual(seen.length, 1)
    }).pipe(Effect.provide(layer))
  })

  it.effect.each(["completed", "error", "cancelled"])(
    "polls an installation once a second until it ends (%s), and again from the start",
    (end) => {
      const states = ["waiting", "downloading", "paused", end]
      const { layer, seen } = withServer((_request, index) => json(job(states[index % 4]!)))
      return Effect.gen(function*() {
        const stream = (yield* Models).follow(1)
        for (const before of [0, 4]) {
          const fiber = yield* Effect.forkChild(Stream.runCollect(stream))
          yield* TestClock.adjust("1500 millis")
          assert.strictEqual(seen.length, before + 2)
          yield* TestClock.adjust("5 seconds")
          assert.deepStrictEqual((yield* Fiber.join(fiber)).map((job) => job.status), states)
        }
        assert.strictEqual(seen.length, 8)
      }).pipe(Effect.provide(layer))
    }
  )

  it.effect("ends the stream with an error if the server forgets an installation", () => {
    const { layer } = withServer((_request, index) => index === 0 ? json(job("running")) : refused(404)())
    return Effect.gen(function*() {
      const models = yield* Models
      const fiber = yield* Effect.forkChild(Effect.flip(Stream.runDrain(models.follow(1))))
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual((yield* Fiber.join(fiber)).reason._tag, "NotFound")
    }).pipe(Effect.provide(layer))
  })

  it.effect("fails with NotFound to cancel a missing installation", () => {
    const { layer } = withServer(({ method }) => refused(method === "GET" ? 404 : 415)())
    return Effect.gen(function*() {
      assert.strictEqual((yield* Effect.flip((yield* Models).cancelInstall(7))).reason._tag, "NotFound")
    }).pipe(Effect.provide(layer))
  })
})

describe("SessionQueue", () => {
  const summary = (item_id: number) => ({
    item_id,
    status: "completed",
    batch_id: "b",
    created_at: timestamps.created_at
  })

  it.effect("reads receipts of enqueued batches by their key, and acknowledges them", () => {
    const receipt = { batch_id: "b", enqueued: 2, requested: 2, item_ids: [11, 10] }
    const { layer, seen } = withServer(({ method, url }) =>
      method === "POST"
        ? json(null)
        : url.searchParams.get("idempotency_key") === "a key"
        ? json(receipt)
        : json({ detail: "Enqueue receipt not found" }, { status: 404 })
    )
    return Effect.gen(function*() {
      const queue = yield* SessionQueue
      assert.deepStrictEqual(yield* queue.enqueueReceipt("a key"), Option.some(receipt))
      assert.deepStrictEqual(yield* queue.enqueueReceipt("another"), Option.none())
      yield* queue.acknowledgeEnqueue("a key")
      assert.deepStrictEqual(seen.map(({ body, method, path }) => [method, path, body]), [
        ["GET", "/api/v1/queue/default/enqueue_batch/receipt", undefined],
        ["GET", "/api/v1/queue/default/enqueue_batch/receipt", undefined],
        ["POST", "/api/v1/queue/default/enqueue_batch/acknowledge", { idempotency_key: "a key" }]
      ])
    }).pipe(Effect.provide(layer))
  })

  it.effect("reads summaries in chunks, newest first", () => {
    const { layer, seen } = withServer((request) =>
      request.method === "GET"
        ? json({ item_ids: [1, 2, 3, 4, 5], total_count: 5 })
        : json((request.body as { readonly item_ids: ReadonlyArray<number> }).item_ids.map(summary))
    )
    return Effect.gen(function*() {
      const queue = yield* SessionQueue
      const items = yield* Stream.runCollect(queue.summaries({ chunkSize: 2 }))
      assert.deepStrictEqual(items.map((item) => item.item_id), [5, 4, 3, 2, 1])
      assert.strictEqual(seen.length, 4)
      const ascending = yield* Stream.runCollect(queue.summaries({ order: "ASC" }))
      assert.deepStrictEqual(ascending.map((item) => item.item_id), [1, 2, 3, 4, 5])
    }).pipe(Effect.provide(layer))
  })

  it.effect("requests at most 1,000 ids at a time", () => {
    const { layer, seen } = withServer(() => json([]))
    return Effect.gen(function*() {
      yield* (yield* SessionQueue).itemSummariesByIds(Array.from({ length: 1001 }, (_, i) => i))
      assert.deepStrictEqual(seen.map((request) => (request.body as { item_ids: Array<number> }).item_ids.length), [
        1000,
        1
      ])
    }).pipe(Effect.provide(layer))
  })

  it.effect("returns no item if there is no current or next one", () => {
    const { layer } = withServer(() => json(null))
    return Effect.gen(function*() {
      const queue = yield* SessionQueue
      assert.isTrue(Option.isNone(yield* queue.current))
      assert.isTrue(Option.isNone(yield* queue.next))
    }).pipe(Effect.provide(layer))
  })

  it.effect("sends a batch unchanged, with the client's own id", () => {
    const batch = {
      batch_id: "mine",
      graph: { id: "g", nodes: { n: { id: "n", type: "add", board: null } }, edges: [] },
      workflow: { name: "w", nodes: [{ x: [1, null] }] },
      data: [[{ node_path: "n", field_name: "a", items: [1, "two", { image_name: "i" }] }]],
      runs: 2
    }
    const { layer, seen } = withServer(() =>
      json({ queue_id: "default", enqueued: 1, requested: 2, priority: 0, item_ids: [2, 1], batch })
    )
    return Effect.gen(function*() {
      const result = yield* (yield* SessionQueue).enqueueBatch(batch)
      assert.deepStrictEqual(seen[0]!.body, { batch, prepend: false })
      assert.deepStrictEqual([result.enqueued, result.batch?.batch_id], [1, "mine"])
      assert.strictEqual(seen[0]!.path, "/api/v1/queue/default/enqueue_batch")
    }).pipe(Effect.provide(layer))
  })

  it("distinguishes items of another batch", () => {
    assert.isTrue(isRedacted({ batch_id: "redacted" }))
    assert.isFalse(isRedacted({ batch_id: "b" }))
  })
})

describe("ServerInfo", () => {
  it.effect("keeps the document until the version changes", () => {
    let version = "6.14.2"
    const document = {
      paths: { "/a/{b}": { get: { parameters: [{ name: "limit", in: "query" }] } } },
      components: { schemas: { Batch: { properties: { runs: {} } } } }
    }
    const { layer, seen } = withServer(({ path }) => path === "/openapi.json" ? json(document) : json({ version }))
    const documents = () => seen.filter((request) => request.path === "/openapi.json").length
    return Effect.gen(function*() {
      const info = yield* ServerInfo
      assert.isTrue(Option.isNone(yield* info.knownCapabilities))
      assert.strictEqual(seen.length, 0)
      yield* Effect.all([info.capabilities, info.openApiDocument, info.capabilities], { concurrency: 3 })
      assert.strictEqual(documents(), 1)
      const capabilities = yield* info.capabilities
      assert.isTrue(capabilities.hasRoute("GET", "/a/{b}"))
      assert.isFalse(capabilities.hasRoute("POST", "/a/{b}"))
      assert.isFalse(capabilities.hasRoute("GET", "constructor"))
      assert.isTrue(capabilities.hasParameter("GET", "/a/{b}", "limit"))
      assert.isTrue(capabilities.hasField("Batch", "runs"))
      assert.isFalse(capabilities.hasField("Batch", "idempotency_key"))
      assert.isFalse(capabilities.hasField("__proto__", "toString"))
      version = "6.15.0"
      assert.strictEqual((yield* info.capabilities).version, "6.15.0")
      assert.strictEqual(documents(), 2)
      yield* info.refresh
      yield* info.openApiDocument
      assert.strictEqual(documents(), 3)
    }).pipe(Effect.provide(layer))
  })
})

describe("WorkflowLibrary", () => {
  const record = (id: string, workflow: object) => ({ workflow_id: id, name: "w", workflow, ...timestamps })

  it.effect("lists page by page", () => {
    const { layer } = withServer(({ url }) => {
      const page = Number(url.searchParams.get("page"))
      const items = page < 3 ? [{ workflow_id: String(page), name: "w", ...timestamps }] : []
      return json({ page, pages: 3, per_page: 1, total: 3, items })
    })
    return Effect.gen(function*() {
      const listed = yield* Stream.runCollect((yield* WorkflowLibrary).list({ pageSize: 1, tags: ["a", "b"] }))
      assert.deepStrictEqual(listed.map((item) => item.workflow_id), ["0", "1", "2"])
    }).pipe(Effect.provide(layer))
  })

  it.effect("writes the id into the document of an update", () => {
    const { layer, seen } = withServer(() => json(record("w1", {})))
    return Effect.gen(function*() {
      yield* (yield* WorkflowLibrary).update("w1", { id: "other", name: "n" })
      assert.deepStrictEqual(seen[0]!.body, { workflow: { id: "w1", name: "n" } })
    }).pipe(Effect.provide(layer))
  })

  it.effect.each([[404, "NotFound"], [200, "Server"]] as const)(
    "treats a 500 on delete as a missing workflow on old servers, if it is missing (%s)",
    ([status, reason]) => {
      const { layer } = withServer((request) =>
        request.method === "DELETE"
          ? new Response("Internal Server Error", { status: 500 })
          : json(status === 200 ? record("w", {}) : { detail: "Workflow not found" }, { status })
      )
      return Effect.gen(function*() {
        assert.strictEqual((yield* Effect.flip((yield* WorkflowLibrary).delete("w"))).reason._tag, reason)
      }).pipe(Effect.provide(layer))
    }
  )

  it.effect("reads and writes files", () => {
    const { layer, seen } = withServer((request) =>
      json(record("w", request.method === "POST" ? {} : { name: "from server", nodes: [1] }))
    )
    return Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const directory = yield* fs.makeTempDirectoryScoped()
      const file = (name: string) => path.join(directory, name)
      yield* fs.writeFileString(file("in.json"), "{\"name\":\"from file\"}")
      yield* fs.writeFileString(file("bad.json"), "[1")
      yield* fs.makeDirectory(file("taken"))
      const library = yield* WorkflowLibrary
      yield* library.uploadFile(file("in.json"))
      assert.deepStrictEqual(seen[0]!.body, { workflow: { name: "from file" } })
      yield* library.downloadFile("w", file("out.json"))
      assert.deepStrictEqual(JSON.parse(yield* fs.readFileString(file("out.json"))), {
        name: "from server",
        nodes: [1]
      })
      assert.strictEqual((yield* Effect.flip(library.downloadFile("w", file("taken"))))._tag, "PlatformError")
      assert.deepStrictEqual((yield* fs.readDirectory(directory)).toSorted(), [
        "bad.json",
        "in.json",
        "out.json",
        "taken"
      ])
      const invalid = yield* Effect.flip(library.uploadFile(file("bad.json")))
      assert.strictEqual(invalid._tag, "SchemaError")
      assert.include(invalid.message, "expected ',' or ']', the text ends too early (line 1, column 3)")
    }).pipe(Effect.scoped, Effect.provide([layer, NodeServices.layer]))
  })
})

describe("The other services", () => {
  it.effect("treat a server without the login routes as one without user accounts", () => {
    const { layer } = withServer((request) => selfDescription("6.11.1", request) ?? html())
    return Effect.gen(function*() {
      assert.deepStrictEqual(yield* (yield* Auth).status, { setup_required: false, multiuser_enabled: false })
    }).pipe(Effect.provide(layer))
  })

  it.effect("skip the start of a video that the server sends from its beginning", () => {
    const { layer, seen } = withServer((_request, index) =>
      new Response(new Uint8Array(index === 0 ? [1, 2, 3, 4, 5] : [4, 5]), {
        status: index === 0 ? 200 : 206,
        headers: { "content-type": "video/mp4" }
      })
    )
    return Effect.gen(function*() {
      const videos = yield* Videos
      for (let i = 0; i < 2; i++) {
        const chunks = yield* Stream.runCollect(videos.full("v.mp4", { from: 3 }))
        assert.deepStrictEqual(chunks.flatMap((chunk) => Array.from(chunk)), [4, 5])
      }
      assert.strictEqual(seen[0]!.headers["range"], "bytes=3-")
    }).pipe(Effect.provide(layer))
  })

  it.effect("send style presets as a form", () => {
    const preset = { id: "p", name: "n", preset_data: { positive_prompt: "a", negative_prompt: "b" }, type: "user" }
    const { layer, seen } = withServer(() => json(preset))
    return Effect.gen(function*() {
      yield* (yield* StylePresets).create({ name: "n", presetData: preset.preset_data })
      const form = seen[0]!.body as FormData
      assert.deepStrictEqual(JSON.parse(form.get("data") as string), {
        name: "n",
        positive_prompt: "a",
        negative_prompt: "b",
        type: "user"
      })
      assert.isFalse(form.has("image"))
    }).pipe(Effect.provide(layer))
  })

  it.effect("return a syntax error of a dynamic prompt as a value", () => {
    const { layer } = withServer(() => json({ prompts: ["a {b"], error: "Expected }" }))
    return Effect.gen(function*() {
      const result = yield* (yield* Utilities).dynamicPrompts({ prompt: "a {b" })
      assert.strictEqual(result.error, "Expected }")
    }).pipe(Effect.provide(layer))
  })
})
