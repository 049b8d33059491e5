import { Boards } from "@effect-invokeai/core/server/Boards"
import { Images } from "@effect-invokeai/core/server/Images"
import { InvokeAiApi } from "@effect-invokeai/core/server/InvokeAiClient"
import { Models } from "@effect-invokeai/core/server/Models"
import { ServerEvents } from "@effect-invokeai/core/server/ServerEvents"
import { ServerInfo } from "@effect-invokeai/core/server/ServerInfo"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import { WorkflowLibrary } from "@effect-invokeai/core/server/WorkflowLibrary"
import * as Fault from "@effect-invokeai/testing/Fault"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import { Simulator } from "@effect-invokeai/testing/Simulator"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpApi from "effect/http-api/HttpApi"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import { routes } from "../../packages/testing/src/internal/router.ts"
import { at, graph, send, settle } from "./support.ts"

describe("The client on the simulator", () => {
  it("has every route that it declares", () => {
    const simulated = new Set(routes.map((route) => `${route.method} ${route.path.replace(/\{[^}]+\}/g, "{}")}`))
    const declared: Array<string> = []
    HttpApi.reflect(InvokeAiApi, {
      onGroup: () => {},
      onEndpoint: ({ endpoint }) => {
        declared.push(`${endpoint.method} ${endpoint.path.replace(/:[^/]+/g, "{}")}`)
      }
    })
    assert.deepStrictEqual(declared.filter((name) => !simulated.has(name)), [])
    assert.isAbove(declared.length, 50)
  })

  it.effect("reads the paths of the emulated version from the OpenAPI document", () =>
    Effect.gen(function*() {
      const paths = (version: "6.3.0" | "6.14.2") =>
        Effect.map(send("GET", "/openapi.json"), ({ body }) => Object.keys(at(body, "paths") ?? {})).pipe(
          Effect.provide(Simulator.layer({ version }))
        )
      const summaries = "/api/v1/queue/{queue_id}/item_summaries_by_ids"
      assert.include(yield* paths("6.14.2"), summaries)
      assert.notInclude(yield* paths("6.3.0"), summaries)
    }))

  it.effect("reads boards, models, images, workflows and the version", () =>
    Effect.gen(function*() {
      const info = yield* ServerInfo
      assert.strictEqual(yield* info.version, "6.14.2")
      const boards = yield* Boards
      const board = yield* boards.create("samples")
      assert.strictEqual((yield* boards.get(board.board_id)).board_name, "samples")
      const models = yield* Models
      assert.include((yield* models.list()).map((model) => model.name), "FLUX Dev (Quantized)")
      const images = yield* Images
      const simulator = yield* Simulator
      const name = yield* simulator.addImage({ width: 30, height: 20 })
      assert.strictEqual((yield* images.get(name)).width, 30)
      const library = yield* WorkflowLibrary
      assert.isDefined(library)
    }).pipe(Effect.provide(InvokeAiTest.layer())))

  it.effect("receives events over its own event stream, even after the server was unavailable", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator
      const events = yield* ServerEvents
      const queue = yield* SessionQueue
      const messages = yield* events.subscribe
      const tags: Array<string> = []
      const fiber = yield* messages.pipe(
        Stream.runForEach((message) =>
          Effect.sync(() => void tags.push(message._tag === "Event" ? message.event.name : message._tag))
        ),
        Effect.forkChild
      )
      yield* TestClock.adjust("1 second")
      yield* queue.enqueueBatch({ graph: graph({ sum: { type: "add" } }), runs: 1 })
      yield* settle
      yield* simulator.restart({ downFor: "3 seconds" })
      yield* TestClock.adjust("1 minute")
      yield* Fiber.interrupt(fiber)
      assert.deepStrictEqual(tags.slice(0, 2), ["Connected", "batch_enqueued"])
      assert.include(tags, "invocation_complete")
      const end = tags.slice(tags.indexOf("Disconnected"))
      assert.strictEqual(end.at(-1), "Connected")
    }).pipe(Effect.scoped, Effect.provide(InvokeAiTest.layer())))

  it.effect("fails when a response is lost, although the server did the work", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator
      yield* simulator.inject(Fault.http({ method: "POST", path: "/api/v1/boards/" }, Fault.dropResponse))
      const boards = yield* Boards
      const error = yield* Effect.flip(boards.create("once"))
      assert.strictEqual(error._tag, "InvokeAiError")
      const state = yield* InvokeAiTest.state
      assert.deepStrictEqual(state.boards.map((board) => board.name), ["once"])
      yield* boards.create("twice")
      assert.strictEqual((yield* InvokeAiTest.state).boards.length, 2)
    }).pipe(Effect.provide(InvokeAiTest.layer())))

  it.effect("reports the names of leftovers", () =>
    Effect.gen(function*() {
      yield* InvokeAiTest.assertClean
      const simulator = yield* Simulator
      const queue = yield* SessionQueue
      yield* queue.pause
      yield* queue.enqueueBatch({ graph: graph({ sum: { type: "add" } }), runs: 1 })
      const error = yield* Effect.flip(InvokeAiTest.assertClean)
      assert.deepStrictEqual(error.unfinishedItems, [1])
      assert.match(error.message, /unfinished queue items 1/)
      assert.deepStrictEqual((yield* simulator.requests).map((request) => request.status), [200, 200])
    }).pipe(Effect.provide(InvokeAiTest.layer())))

  it.effect("needs credentials for a multi-user server, which shows users only their own images", () =>
    Effect.gen(function*() {
      const images = yield* Images
      const simulator = yield* Simulator
      const name = yield* simulator.addImage({})
      const error = yield* Effect.flip(images.get(name))
      assert.strictEqual(error.reason._tag, "Forbidden")
    }).pipe(Effect.provide(InvokeAiTest.layer({
      users: [
        { email: "admin@example.com", password: "Passw0rd-admin", isAdmin: true },
        { email: "user@example.com", password: "Passw0rd-user" }
      ],
      client: { email: "user@example.com", password: Redacted.make("Passw0rd-user") }
    }))))

  it.effect("gets the same bytes in every run of a test", () => {
    const once = Effect.gen(function*() {
      const simulator = yield* Simulator
      const queue = yield* SessionQueue
      yield* queue.enqueueBatch({
        batch_id: "b",
        graph: graph({ a: { type: "blank_image", width: 8, height: 8 } }),
        runs: 2
      })
      yield* settle
      return JSON.stringify([yield* simulator.events, yield* simulator.state])
    })
    return Effect.gen(function*() {
      const first = yield* Effect.provide(once, InvokeAiTest.layer())
      for (let turn = 0; turn < 5; turn++) {
        assert.strictEqual(yield* Effect.provide(once, InvokeAiTest.layer()), first)
      }
    })
  })
})
