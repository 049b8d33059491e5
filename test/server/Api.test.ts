import { Images } from "@effect-invokeai/core/server/Images"
import { InvokeAiClient } from "@effect-invokeai/core/server/InvokeAiClient"
import { Models } from "@effect-invokeai/core/server/Models"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as HttpApi from "effect/http-api/HttpApi"
import * as HttpApiBuilder from "effect/http-api/HttpApiBuilder"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpRouter from "effect/http/HttpRouter"
import * as HttpServer from "effect/http/HttpServer"
import * as HttpServerResponse from "effect/http/HttpServerResponse"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { ImagesApi } from "../../packages/core/src/server/api/ImagesApi.ts"
import { ModelsApi } from "../../packages/core/src/server/api/ModelsApi.ts"

// the same groups that the client is made of, implemented by a server of a few lines
const Api = HttpApi.make("part").add(ImagesApi).add(ModelsApi)

const time = DateTime.makeUnsafe("2026-11-22T12:34:56.789Z")

const image = (image_name: string) => ({
  image_name,
  image_url: `api/v1/images/i/${image_name}/full`,
  thumbnail_url: "",
  image_origin: "external",
  image_category: "user",
  width: 4,
  height: 4,
  created_at: time,
  updated_at: time,
  is_intermediate: false,
  board_id: null
})

const fail = (status: number, detail: unknown) => Effect.succeed(HttpServerResponse.jsonUnsafe({ detail }, { status }))
const unexpectedCall = () => fail(501, "not in this test")

interface Uploaded {
  readonly query: unknown
  readonly parts: ReadonlyArray<readonly [string, string, string]>
}

const makeServer = () => {
  const uploads: Array<Uploaded> = []
  const queries: Array<unknown> = []
  const ImagesLive = HttpApiBuilder.group(Api, "images", (handlers) =>
    handlers.handleAll({
      upload: ({ payload, query }) =>
        Effect.gen(function*() {
          const parts = yield* payload.pipe(
            Stream.mapEffect((part): Effect.Effect<readonly [string, string, string], unknown> =>
              part._tag === "Field"
                ? Effect.succeed([part.key, "", part.value] as const)
                : Effect.map(part.contentEffect, (bytes) =>
                  [part.key, `${part.name} ${part.contentType}`, new TextDecoder().decode(bytes)] as const)
            ),
            Stream.runCollect,
            Effect.orDie
          )
          uploads.push({ query, parts })
          return { ...image("new.png"), board_id: query.board_id ?? null }
        }),
      list: ({ query }) => {
        queries.push(query)
        return Effect.succeed({ limit: 10, offset: 0, total: 1, items: [image("a.png")] })
      },
      names: unexpectedCall,
      byNames: ({ payload }) =>
        Effect.succeed(payload.image_names.filter((name) => name !== "b.png").map(image)),
      intermediatesCount: () => Effect.succeed(3),
      clearIntermediates: unexpectedCall,
      deleteUncategorized: unexpectedCall,
      deleteMany: unexpectedCall,
      star: unexpectedCall,
      unstar: unexpectedCall,
      startDownload: () => Effect.succeed({ response: null, bulk_download_item_name: "x.zip" }),
      download: unexpectedCall,
      get: ({ params }) => params.image_name === "a/b.png" ? Effect.succeed(image("a/b.png")) : fail(404, "Not Found"),
      update: ({ payload }) => payload.starred === true ? Effect.succeed(image("a.png")) : fail(400, "no"),
      delete: unexpectedCall,
      metadata: ({ params }) => Effect.succeed(params.image_name === "none.png" ? null : { seed: 1, "__proto__x": 2 }),
      workflow: unexpectedCall,
      urls: unexpectedCall,
      full: () => Effect.succeed(Stream.make(new Uint8Array([1, 2]), new Uint8Array([3]))),
      fullHead: () => Effect.void,
      thumbnail: () => Effect.succeed(Stream.fail("broken"))
    }))
  const ModelsLive = HttpApiBuilder.group(Api, "models", (handlers) =>
    handlers.handleAll({
      list: ({ query }) => {
        queries.push(query)
        return Effect.succeed({
          models: [{ key: "k", hash: "h", name: "n", base: "new-base", type: "main", extra: [1] }]
        })
      },
      get: unexpectedCall,
      update: unexpectedCall,
      delete: () => Effect.void,
      getByHash: unexpectedCall,
      missing: unexpectedCall,
      scanFolder: unexpectedCall,
      stats: () => Effect.succeed(null),
      emptyModelCache: () => Effect.succeed(null),
      install: ({ payload, query }) => {
        queries.push([
          query.source,
          query.access_token === undefined ? null : Redacted.value(query.access_token),
          payload
        ])
        return Effect.succeed({ id: 7, status: "waiting" })
      },
      installJobs: unexpectedCall,
      pruneInstallJobs: unexpectedCall,
      installJob: unexpectedCall,
      cancelInstallJob: unexpectedCall
    }))
  const routes = HttpApiBuilder.layer(Api).pipe(
    Layer.provide([ImagesLive, ModelsLive]),
    Layer.provideMerge(Layer.merge(HttpServer.layerServices, NodeServices.layer))
  )
  const web = HttpRouter.toWebHandler(routes, { disableLogger: true })
  // everything that handlers ask for is provided above
  const fetch: typeof globalThis.fetch = (input, init) => web.handler(new Request(input, init), undefined)
  const layer = Layer.mergeAll(Images.layer, Models.layer).pipe(
    Layer.provideMerge(InvokeAiClient.layer({ url: "http://server.test/", retries: 0 })),
    Layer.provide(FetchHttpClient.layer),
    Layer.provide(Layer.succeed(FetchHttpClient.Fetch, fetch))
  )
  return { layer, uploads, queries }
}

describe("A server built from the declaration", () => {
  it.effect("accepts uploads as a form, and as a form whose file is a stream", () => {
    const { layer, uploads } = makeServer()
    return Effect.gen(function*() {
      const images = yield* Images
      const bytes = (text: string) => new TextEncoder().encode(text)
      const dto = yield* images.upload({ data: bytes("hello"), fileName: "ü.png", boardId: "b", metadata: { a: "ü" } })
      assert.strictEqual(dto.image_name, "new.png")
      assert.strictEqual(DateTime.toEpochMillis(dto.created_at), DateTime.toEpochMillis(time))
      assert.strictEqual(dto.board_id, "b")
      yield* images.upload({
        data: Stream.make(bytes("hel"), bytes("lo")),
        fileName: "s.webp",
        category: "brand-new",
        isIntermediate: true,
        metadata: [1]
      })
      assert.deepStrictEqual(uploads, [
        {
          query: { image_category: "user", is_intermediate: false, board_id: "b" },
          parts: [["metadata", "", "{\"a\":\"ü\"}"], ["file", "ü.png image/png", "hello"]]
        },
        {
          query: { image_category: "brand-new", is_intermediate: true },
          parts: [["metadata", "", "[1]"], ["file", "s.webp image/webp", "hello"]]
        }
      ])
    }).pipe(Effect.provide(layer))
  })

  it.effect("reads query lists of one value and of several", () => {
    const { layer, queries } = makeServer()
    return Effect.gen(function*() {
      const images = yield* Images
      yield* images.page({ offset: 0, limit: 10, categories: ["user"], starredFirst: false })
      yield* images.page({ offset: 5, limit: 10, categories: ["user", "mask"], order: "ASC", search: "a&b=c" })
      assert.deepStrictEqual(queries, [
        { categories: ["user"], starred_first: false, offset: 0, limit: 10 },
        { categories: ["user", "mask"], order_dir: "ASC", search_term: "a&b=c", offset: 5, limit: 10 }
      ])
    }).pipe(Effect.provide(layer))
  })

  it.effect("returns null, numbers, open objects, raw bytes, empty responses and errors", () => {
    const { layer } = makeServer()
    return Effect.gen(function*() {
      const images = yield* Images
      const models = yield* Models
      assert.isTrue(Option.isNone(yield* images.metadata("none.png")))
      assert.deepStrictEqual(Option.getOrThrow(yield* images.metadata("a.png")), { seed: 1, "__proto__x": 2 })
      assert.strictEqual(yield* images.intermediatesCount, 3)
      assert.strictEqual((yield* images.get("a/b.png")).image_name, "a/b.png")
      assert.strictEqual((yield* Effect.flip(images.get("b.png"))).reason._tag, "NotFound")
      assert.strictEqual((yield* images.update("a.png", { starred: true })).image_name, "a.png")
      assert.strictEqual((yield* Effect.flip(images.update("a/b.png", {}))).detail, "no")
      const chunks = yield* Stream.runCollect(images.full("a.png"))
      assert.deepStrictEqual(chunks.flatMap((chunk) => Array.from(chunk)), [1, 2, 3])
      assert.isTrue(yield* images.exists("a.png"))
      assert.strictEqual((yield* images.byNames(["x", "y"])).length, 2)
      assert.strictEqual((yield* images.startDownload({ boardId: "b" })).bulk_download_item_name, "x.zip")
      assert.isTrue(Option.isNone(yield* models.stats))
      yield* models.emptyCache
      yield* models.delete("k")
      assert.deepStrictEqual((yield* models.list())[0]?.["extra"], [1])
    }).pipe(Effect.provide(layer))
  })

  it.effect("fails the stream of a truncated body", () => {
    const { layer } = makeServer()
    return Effect.gen(function*() {
      const images = yield* Images
      const error = yield* images.thumbnail("a.png").pipe(Stream.runDrain, Effect.flip)
      assert.strictEqual(error.reason._tag, "Transport")
      assert.include(error.message, "/api/v1/images/i/a.png/thumbnail")
    }).pipe(Effect.provide(layer))
  })

  it.effect("receives secrets in a query", () => {
    const { layer, queries } = makeServer()
    return Effect.gen(function*() {
      const models = yield* Models
      const job = yield* models.install("org/repo", {
        accessToken: Redacted.make("hf"),
        changes: { name: "n", new_field: 1 }
      })
      assert.strictEqual(job.id, 7)
      assert.deepStrictEqual(queries, [["org/repo", "hf", { name: "n", new_field: 1 }]])
    }).pipe(Effect.provide(layer))
  })
})
