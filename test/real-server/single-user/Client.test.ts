import type { InvokeAiError } from "@effect-invokeai/core/InvokeAiError"
import { Auth } from "@effect-invokeai/core/server/Auth"
import { Images } from "@effect-invokeai/core/server/Images"
import { InvokeAiClient } from "@effect-invokeai/core/server/InvokeAiClient"
import { ServerInfo } from "@effect-invokeai/core/server/ServerInfo"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { createServer } from "node:http"
import { fromError } from "../../../packages/core/src/job/internal/enqueueErrors.ts"
import type { Batch } from "../../../packages/core/src/server/api/QueueSchemas.ts"
import { hasFault } from "../serverFaults.ts"
import * as Support from "../Support.ts"

const client = (options: Parameters<typeof InvokeAiClient.layer>[0]) =>
  InvokeAiClient.layer({ url: Support.url, retries: 0, ...options }).pipe(Layer.provide(Support.httpClient))

const version = InvokeAiClient.use((client) => client.call((api) => api.app.version({})))

const failure = <A, R>(effect: Effect.Effect<A, InvokeAiError, R>) => Effect.flip(effect)

/** A port on which nothing listens. */
const closedPort = Effect.callback<number>((resume) => {
  const server = createServer()
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    const port = typeof address === "object" && address !== null ? address.port : 0
    server.close(() => resume(Effect.succeed(port)))
  })
})

/** A web server that is not InvokeAI: it answers everything with a page. */
const someWebsite = Effect.acquireRelease(
  Effect.callback<{ readonly url: string; readonly close: () => void }>((resume) => {
    const server = createServer((_, response) => {
      response.writeHead(200, { "content-type": "text/html" }).end("<!doctype html><title>Welcome</title>")
    })
    server.listen(0, "127.0.0.1", () => {
      const address = server.address()
      const port = typeof address === "object" && address !== null ? address.port : 0
      resume(Effect.succeed({ url: `http://127.0.0.1:${port}`, close: () => server.close() }))
    })
  }),
  (site) => Effect.sync(site.close)
)

describe("the client and the real server", () => {
  it.live("returns the version", () =>
    Effect.gen(function*() {
      assert.deepStrictEqual(yield* version, { version: Support.version })
    }).pipe(Effect.provide(client({}))))

  it.live("needs no credentials on a single-user server, and accepts an invalid token", () =>
    Effect.gen(function*() {
      const { call } = yield* InvokeAiClient
      assert.isFalse((yield* Auth.use((auth) => auth.status)).multiuser_enabled)
      assert.isArray(yield* call((api) => api.boards.list({ query: { all: true } })))
    }).pipe(Effect.provide(Auth.layer.pipe(
      Layer.provideMerge(client({ token: Redacted.make("not-a-token") }))
    ))))

  it.live("does not log in if no login is needed", () =>
    Effect.gen(function*() {
      const { call } = yield* InvokeAiClient
      assert.isArray(yield* call((api) => api.boards.list({ query: { all: true } })))
    }).pipe(Effect.provide(client({ email: "someone@example.com", password: Redacted.make("secret") }))))

  it.live("names the node of a rejected batch, whatever its id looks like, and keeps a token out of the error", () => {
    const token = "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyIjoiYW5uIn0.c2lnbmF0dXJl"
    const enqueue = (
      nodes: NonNullable<Batch["graph"]["nodes"]>,
      edges: NonNullable<Batch["graph"]["edges"]> = []
    ) =>
      InvokeAiClient.use(({ call }) =>
        call((api) =>
          api.queue.enqueueBatch({
            params: { queue_id: "default" },
            payload: { batch: { graph: { id: "refused", nodes, edges }, runs: 1 } }
          })
        )
      ).pipe(failure)
    return Effect.gen(function*() {
      const sum = (id: string) => ({ id, type: "add", a: 1, b: 1 })
      const ids = ["in", "1", "node", "my node"]
      const nodes = new Map(ids.map((id) => [id, { label: id, type: "add" }]))
      for (const id of ids) {
        const graph = Object.fromEntries(ids.map((id) => [id, sum(id)]))
        const edge = { source: { node_id: id, field: "nothing" }, destination: { node_id: "my node", field: "a" } }
        const refused = yield* enqueue(graph, [edge])
        assert.strictEqual(fromError("batch", refused, nodes).problems[0]?.nodeId, id, refused.message)
      }
      const echoed = yield* enqueue({ [token]: { ...sum(token), a: "x" } })
      assert.isTrue(echoed.issues[0]?.loc.includes("<redacted>"), echoed.message)
      assert.notInclude(JSON.stringify(echoed), token.slice(0, 12))
    }).pipe(Effect.provide(client({ token: Redacted.make(token) })))
  })

  it.live("stops reading a response that is larger than the limit", () =>
    Effect.gen(function*() {
      const error = yield* failure(InvokeAiClient.use(({ call }) => call((api) => api.app.openApi({}))))
      assert.strictEqual(error.reason._tag, "Decode")
      assert.include(error.message, "larger than 0.1 MiB")
      assert.deepStrictEqual(yield* version, { version: Support.version })
    }).pipe(Effect.provide(client({ maxResponseSize: 100 * 1024 }))))

  it.live("reports that the server has no TLS if the URL begins with https", () =>
    Effect.gen(function*() {
      const error = yield* failure(version)
      assert.include(error.message, "use a URL that begins with http://")
      assert.isFalse(error.sent)
    }).pipe(Effect.provide(client({ url: Support.url.replace("http:", "https:") }))))

  it.live("reports an image as missing if its name leads to no route of the server", () =>
    Effect.gen(function*() {
      const images = yield* Images
      const { call, bytes } = yield* InvokeAiClient
      // an encoded slash makes the parameter match no route
      const name = "../x"
      const errors = [yield* failure(images.get(name)), yield* failure(Stream.runDrain(images.full(name)))]
      for (const error of errors) assert.strictEqual(error.reason._tag, "NotFound", error.message)
      // up to 6.11 the response is the 404 of every wrong path, which shows nothing by itself
      if (!Support.since("6.12")) return
      // from then on the web page answers with 200
      const image = { params: { image_name: name } }
      const dto = yield* failure(call((api) => api.images.get(image)))
      assert.strictEqual(dto.reason._tag, "NotFound")
      const full = yield* failure(Stream.runDrain(bytes(
        (api) => api.images.full({ ...image, responseMode: "response-only" }),
        { contentType: ["image/"] }
      )))
      assert.strictEqual(full.reason._tag, "NotFound")
    }).pipe(Effect.provide(Images.layer.pipe(Layer.provideMerge(client({}))))))

  it.live("reports a missing image, board, model, workflow and queue item", () =>
    Effect.gen(function*() {
      const { call } = yield* InvokeAiClient
      const errors = yield* Effect.all([
        // the route itself responds as for a wrong path: the service looks the image up in the list
        failure(Images.use((images) => images.get("missing.png"))),
        failure(Images.use((images) => images.delete("missing.png"))),
        failure(call((api) => api.boards.get({ params: { board_id: "missing" } }))),
        failure(call((api) => api.models.get({ params: { key: "missing" } }))),
        failure(call((api) => api.workflows.get({ params: { workflow_id: "missing" } }))),
        failure(call((api) => api.queue.item({ params: { queue_id: "default", item_id: 1_000_000 } })))
      ])
      assert.deepStrictEqual(
        errors.map((error) => error.status),
        [404, hasFault("deletesMissingImages") ? 200 : 404, 404, 404, 404, 404]
      )
      for (const error of errors) {
        assert.strictEqual(error.reason._tag, "NotFound", error.message)
        assert.isFalse(error.isRetryable)
        assert.isFalse(error.isAmbiguous)
      }
    }).pipe(Effect.provide(Images.layer.pipe(Layer.provideMerge(client({}))))))

  it.live("reports where and what is wrong in a rejected graph, without the graph itself", () =>
    Effect.gen(function*() {
      const { call } = yield* InvokeAiClient
      const prompt = "x".repeat(100_000)
      const refused = yield* failure(call((api) =>
        api.queue.enqueueBatch({
          params: { queue_id: "default" },
          payload: {
            batch: {
              batch_id: "refused",
              graph: {
                id: "refused",
                nodes: {
                  text: { id: "text", type: "string", value: prompt },
                  blur: { id: "blur", type: "img_blur", radius: -1, blur_type: "strong" }
                },
                edges: []
              },
              runs: 1
            }
          }
        })
      ))
      assert.strictEqual(refused.reason._tag, "Validation")
      assert.strictEqual(refused.status, 422)
      assert.isFalse(refused.isAmbiguous)
      const places = refused.issues.map((issue) => issue.loc.join("."))
      assert.include(places, "body.batch.graph.nodes.blur.img_blur.radius")
      assert.include(places, "body.batch.graph.nodes.blur.img_blur.blur_type")
      assert.isBelow(JSON.stringify(refused).length, 10_000)
    }).pipe(Effect.provide(client({}))))

  it.live("reports an unreachable server", () =>
    Effect.gen(function*() {
      const port = yield* closedPort
      const error = yield* failure(version).pipe(Effect.provide(client({ url: `http://127.0.0.1:${port}` })))
      assert.strictEqual(error.reason._tag, "Transport")
      assert.isTrue(error.isRetryable)
      assert.include(error.message, `127.0.0.1:${port}`)
    }))

  it.live("distinguishes a website from an InvokeAI server", () =>
    Effect.gen(function*() {
      const site = yield* someWebsite
      const error = yield* failure(ServerInfo.use((info) => info.version)).pipe(
        Effect.provide(ServerInfo.layer.pipe(Layer.provide(client({ url: site.url }))))
      )
      assert.strictEqual(error.reason._tag, "Decode")
      assert.include(error.message, "not an InvokeAI server")
    }))
})
