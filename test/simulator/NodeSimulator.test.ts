import { NodeSimulator } from "@effect-invokeai/testing/NodeSimulator"
import { Simulator } from "@effect-invokeai/testing/Simulator"
import { assert, describe, it } from "@effect/vitest"
import * as Deferred from "effect/Deferred"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Http from "node:http"
import { io } from "socket.io-client"
import { at, graph } from "./support.ts"

/** Names of the events that a real Socket.IO client gets, until one of a name. */
const listen = (url: URL, transport: "websocket" | "polling", last: string) =>
  Effect.gen(function*() {
    const names: Array<string> = []
    const socket = yield* Effect.acquireRelease(
      Effect.callback<ReturnType<typeof io>, Error>((resume) => {
        const client = io(url.origin, {
          path: "/ws/socket.io",
          transports: [transport],
          forceNew: true,
          reconnection: false
        })
        client.on("connect", () => resume(Effect.succeed(client)))
        client.on("connect_error", (error) => resume(Effect.fail(error)))
      }),
      (client) => Effect.sync(() => client.disconnect())
    )
    const done = yield* Deferred.make<ReadonlyArray<string>>()
    socket.onAny((name: string, payload: unknown) => {
      names.push(name)
      if (name === last && at(payload, "status") !== "in_progress") Deferred.doneUnsafe(done, Effect.succeed(names))
    })
    socket.emit("subscribe_queue", { queue_id: "default" })
    return Deferred.await(done)
  })

const test = (name: string, effect: Effect.Effect<void, unknown, NodeSimulator | Simulator | HttpClient.HttpClient>) =>
  it.live(name, () =>
    effect.pipe(
      Effect.provide([NodeSimulator.layer({ nodeDuration: 1, stepDuration: 1 }), FetchHttpClient.layer]),
      Effect.timeout("10 seconds")
    ))

describe("the simulator on a port", () => {
  for (const transport of ["websocket", "polling"] as const) {
    test(
      `sends a Socket.IO client over ${transport} the events of an item from the batch to the end`,
      Effect.scoped(Effect.gen(function*() {
        const { url } = yield* NodeSimulator
        const events = yield* listen(url, transport, "queue_item_status_changed")
        const response = yield* HttpClientRequest.post(new URL("api/v1/queue/default/enqueue_batch", url)).pipe(
          HttpClientRequest.bodyJsonUnsafe({ batch: { graph: graph({ sum: { type: "add", a: 1, b: 2 } }), runs: 1 } }),
          HttpClient.execute
        )
        assert.strictEqual(response.status, 200)
        assert.deepStrictEqual(yield* events, [
          "batch_enqueued",
          "queue_item_status_changed",
          "invocation_started",
          "invocation_complete",
          "queue_item_status_changed"
        ])
      }))
    )
  }

  test(
    "stores an upload, and returns its pixels unchanged",
    Effect.gen(function*() {
      const { url } = yield* NodeSimulator
      const simulator = yield* Simulator
      const name = yield* simulator.addImage({ width: 20, height: 10 })
      const full = yield* HttpClient.get(new URL(`api/v1/images/i/${name}/full`, url))
      assert.strictEqual(full.headers["content-type"], "image/png")
      const form = new FormData()
      form.append("file", new Blob([yield* full.arrayBuffer], { type: "image/png" }), "a.png")
      const uploaded = yield* HttpClientRequest.post(
        new URL("api/v1/images/upload?image_category=user&is_intermediate=false", url)
      ).pipe(HttpClientRequest.bodyFormData(form), HttpClient.execute)
      assert.strictEqual(uploaded.status, 201)
      const dto = yield* uploaded.json
      assert.deepStrictEqual([at(dto, "width"), at(dto, "height")], [20, 10])
    })
  )

  test(
    "responds to unknown paths with the page of the web UI, as a real server does",
    Effect.gen(function*() {
      const { url } = yield* NodeSimulator
      const page = yield* HttpClient.get(new URL("api/v1/nope", url))
      assert.strictEqual(page.status, 200)
      assert.match(page.headers["content-type"] ?? "", /^text\/html/)
    })
  )

  test(
    "responds to every request, whatever its target looks like",
    Effect.gen(function*() {
      const { url } = yield* NodeSimulator
      const status = (method: string, target: string) =>
        Effect.callback<number | undefined, Error>((resume) => {
          const request = Http.request({ host: url.hostname, port: url.port, method, path: target }, (response) => {
            response.resume()
            resume(Effect.succeed(response.statusCode))
          })
          request.on("error", (error) => resume(Effect.fail(error)))
          request.end()
        })
      assert.strictEqual(yield* status("GET", "//"), 200)
      assert.strictEqual(yield* status("GET", "//api/v1/app/version"), 200)
      assert.strictEqual(yield* status("POST", "//"), 405)
      assert.strictEqual(yield* status("GET", "/%ff"), 200)
      assert.strictEqual(yield* status("GET", `${url.href}api/v1/app/version`), 200)
      assert.strictEqual(yield* status("OPTIONS", "*"), 400)
    })
  )

  it.live("fails with the number of a port that is in use, and closes everything with its scope", () =>
    Effect.gen(function*() {
      const { failure, port } = yield* Effect.gen(function*() {
        const { url } = yield* NodeSimulator
        const taken = Number(url.port)
        const error = yield* Effect.flip(Effect.provide(NodeSimulator, NodeSimulator.layer({ port: taken })))
        return { failure: error, port: taken }
      }).pipe(Effect.provide(NodeSimulator.layer()))
      assert.include(failure.message, String(port))
      // the port is free again
      const again = yield* Effect.map(NodeSimulator, ({ url }) => url.port).pipe(
        Effect.provide(NodeSimulator.layer({ port }))
      )
      assert.strictEqual(again, String(port))
    }))
})
