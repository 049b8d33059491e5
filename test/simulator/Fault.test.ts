import { EventTransport } from "@effect-invokeai/core/server/EventTransport"
import { Images } from "@effect-invokeai/core/server/Images"
import * as Fault from "@effect-invokeai/testing/Fault"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import { NodeSimulator } from "@effect-invokeai/testing/NodeSimulator"
import { Simulator } from "@effect-invokeai/testing/Simulator"
import { assert, describe, it } from "@effect/vitest"
import * as Bytes from "effect/Bytes"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import * as TestClock from "effect/testing/TestClock"
import * as SimulatorEventTransport from "../../packages/testing/src/internal/SimulatorEventTransport.ts"
import { at, enqueue, graph, send, settle } from "./support.ts"

const board = (name: string) => send("POST", `/api/v1/boards/?board_name=${name}`)

const test = (name: string, effect: Effect.Effect<void, unknown, Simulator>) =>
  it.effect(name, () => effect.pipe(Effect.provide(Simulator.layer())))

const inject = (...faults: ReadonlyArray<Fault.Fault>) => Simulator.use((simulator) => simulator.inject(...faults))

const boardNames = Effect.map(
  Simulator.use((simulator) => simulator.state),
  (state) => state.boards.map((one) => one.name)
)

/** What a socket hears while one item runs. */
const heard = (...faults: ReadonlyArray<Fault.Fault>) =>
  Effect.gen(function*() {
    const transport = yield* EventTransport
    const messages: Array<string> = []
    yield* transport.connect({
      url: new URL(InvokeAiTest.url),
      token: Effect.succeed(Option.none()),
      onMessage: (message) => messages.push(message._tag === "Received" ? message.name : message._tag)
    })
    yield* TestClock.adjust("10 millis")
    yield* inject(...faults)
    yield* enqueue({ graph: graph({ sum: { type: "add" } }) })
    yield* settle
    yield* TestClock.adjust("10 seconds")
    return messages
  }).pipe(
    Effect.scoped,
    Effect.provide(SimulatorEventTransport.layer().pipe(Layer.provideMerge(Simulator.layer())))
  )

const item = "queue_item_status_changed"
const usual = ["Connected", "batch_enqueued", item, "invocation_started", "invocation_complete", item]

describe("faults of requests", () => {
  test(
    "drop a request before the server acts, and a response after it",
    Effect.gen(function*() {
      const path = "/api/v1/boards/"
      yield* inject(Fault.http({ path }, Fault.dropRequest), Fault.http({ path, nth: 2 }, Fault.dropResponse))
      assert.strictEqual((yield* Effect.flip(board("first")))._tag, "ConnectionLost")
      assert.strictEqual((yield* Effect.flip(board("second")))._tag, "ConnectionLost")
      assert.strictEqual((yield* board("third")).status, 201)
      assert.deepStrictEqual(yield* boardNames, ["second", "third"])
      const simulator = yield* Simulator
      assert.deepStrictEqual((yield* simulator.requests).map((one) => one.status), [undefined, undefined, 201])
    })
  )

  test(
    "deliver a request late, even if its client no longer waits",
    Effect.gen(function*() {
      yield* inject(Fault.http({ method: "POST", path: /boards/ }, Fault.arriveLate("10 seconds")))
      const fiber = yield* Effect.forkChild(board("late"))
      yield* TestClock.adjust("1 second")
      yield* Fiber.interrupt(fiber)
      yield* TestClock.adjust("8 seconds")
      assert.deepStrictEqual(yield* boardNames, [])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(yield* boardNames, ["late"])
    })
  )

  test(
    "rewrite the JSON of a response, and leave other responses alone",
    Effect.gen(function*() {
      yield* inject(
        Fault.http({ path: /./, times: 2 }, Fault.rewrite((body) => Object.assign({}, body, { board_name: "changed" })))
      )
      assert.strictEqual(at((yield* board("a")).body, "board_name"), "changed")
      assert.match(String((yield* send("GET", "/")).body), /^<!doctype html>/i)
      assert.deepStrictEqual(yield* boardNames, ["a"])
    })
  )

  test(
    "restart the server after the work and before the response",
    Effect.gen(function*() {
      yield* inject(
        Fault.http({ method: "POST", path: /boards/ }, Fault.restart({ downFor: "3 seconds" })),
        Fault.http({ method: "POST", path: /boards/, nth: 2 }, Fault.restart({ database: false }))
      )
      assert.strictEqual((yield* Effect.flip(board("a")))._tag, "ConnectionLost")
      assert.strictEqual((yield* Effect.flip(board("down")))._tag, "ConnectionLost")
      yield* TestClock.adjust("3 seconds")
      assert.deepStrictEqual(yield* boardNames, ["a"])
      assert.strictEqual((yield* Effect.flip(board("b")))._tag, "ConnectionLost")
      assert.deepStrictEqual(yield* boardNames, [])
    })
  )

  test(
    "return a status instead of the work, or after it, up to the given number of times",
    Effect.gen(function*() {
      yield* inject(Fault.http({ method: "POST", path: /boards/, times: 2 }, Fault.status(503, "busy")))
      assert.deepStrictEqual([(yield* board("a")).status, (yield* board("b")).status, (yield* board("c")).status], [
        503,
        503,
        201
      ])
      yield* inject(Fault.http({ path: /boards/ }, Fault.status(500, "late", { handled: true })))
      assert.strictEqual((yield* board("d")).status, 500)
      assert.deepStrictEqual(yield* boardNames, ["c", "d"])
    })
  )

  test(
    "delay a request by the time of the clock",
    Effect.gen(function*() {
      yield* inject(Fault.http({ path: "/api/v1/app/version" }, Fault.delay("5 seconds")))
      const fiber = yield* Effect.forkChild(send("GET", "/api/v1/app/version"))
      yield* TestClock.adjust("4 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("1 second")
      assert.strictEqual((yield* Fiber.join(fiber)).status, 200)
    })
  )

  test(
    "make a restarting server unreachable, and keep its items only with a database",
    Effect.gen(function*() {
      const simulator = yield* Simulator
      yield* simulator.setDurations({ node: "1 minute" })
      yield* enqueue({ graph: graph({ sum: { type: "add" } }), runs: 2 })
      yield* TestClock.adjust("1 second")
      yield* simulator.restart({ downFor: "10 seconds" })
      assert.strictEqual((yield* Effect.flip(board("x")))._tag, "ConnectionLost")
      yield* TestClock.adjust("2 minutes")
      const items = (yield* simulator.state).items.map((one) => one.status)
      assert.deepStrictEqual(items, ["canceled", "completed"])
      yield* simulator.restart({ database: false })
      assert.deepStrictEqual((yield* simulator.state).items, [])
      const again = yield* enqueue({ graph: graph({ sum: { type: "add" } }) })
      assert.deepStrictEqual(at(again.body, "item_ids"), [1])
    })
  )

  it.effect("fail the download of an image that is truncated", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator
      const images = yield* Images
      const name = yield* simulator.addImage({ width: 50, height: 50 })
      yield* simulator.inject(Fault.http({ path: "/api/v1/images/i/{image_name}/full" }, Fault.truncate(100)))
      const error = yield* Effect.flip(Stream.runCollect(images.full(name)))
      assert.strictEqual(error._tag, "InvokeAiError")
    }).pipe(Effect.provide(InvokeAiTest.layer())))

  it.effect("let a body arrive in pieces, with pauses between them", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator
      const images = yield* Images
      const path = "/api/v1/images/i/{image_name}/full"
      const name = yield* simulator.addImage({ width: 50, height: 50 })
      const whole = Bytes.concat(yield* Stream.runCollect(images.full(name)))
      yield* simulator.inject(Fault.http({ path }, Fault.inPieces(100)))
      const pieces = yield* Stream.runCollect(images.full(name))
      assert.deepStrictEqual(Bytes.concat(pieces), whole)
      assert.deepStrictEqual(pieces.map((piece) => piece.length), [
        ...Array.from({ length: Math.floor(whole.length / 100) }, () => 100),
        ...(whole.length % 100 === 0 ? [] : [whole.length % 100])
      ])

      yield* simulator.inject(Fault.http({ path }, Fault.inPieces(100, "30 seconds")))
      const arrived: Array<number> = []
      const fiber = yield* Effect.forkChild(
        Stream.runForEach(images.full(name), (piece) => Effect.sync(() => void arrived.push(piece.length)))
      )
      yield* TestClock.adjust("29 seconds")
      assert.deepStrictEqual(arrived, [100])
      yield* TestClock.adjust("1 second")
      assert.deepStrictEqual(arrived, [100, 100])
      yield* Fiber.interrupt(fiber)
    }).pipe(Effect.provide(InvokeAiTest.layer())))

  it.live("are the same on a port: pieces with pauses between them", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator
      const { url } = yield* NodeSimulator
      const path = "/api/v1/images/i/{image_name}/full"
      const name = yield* simulator.addImage({ width: 50, height: 50 })
      const client = yield* HttpClient.HttpClient
      const read = Effect.flatMap(
        client.get(new URL(`api/v1/images/i/${name}/full`, url)),
        (response) => Stream.runCollect(response.stream)
      )
      const whole = Bytes.concat(yield* read)
      yield* simulator.inject(Fault.http({ path }, Fault.inPieces(100, "5 millis")))
      const pieces = yield* read
      assert.isAbove(pieces.length, 1)
      assert.deepStrictEqual(Bytes.concat(pieces), whole)
    }).pipe(Effect.provide([NodeSimulator.layer(), FetchHttpClient.layer])))
})

describe("faults of events", () => {
  it.effect("do not change the events if no fault is set", () =>
    Effect.map(heard(), (names) => assert.deepStrictEqual(names, usual)))

  it.effect("drop an event", () =>
    Effect.map(
      heard(Fault.event({ name: "invocation_started" }, Fault.dropEvent)),
      (names) => assert.deepStrictEqual(names, usual.filter((name) => name !== "invocation_started"))
    ))

  it.effect("duplicate an event", () =>
    Effect.map(
      heard(Fault.event({ name: item, nth: 2 }, Fault.duplicate)),
      (names) => assert.deepStrictEqual(names, [...usual, item])
    ))

  it.effect("delay an event until later ones", () =>
    Effect.map(
      heard(Fault.event({ name: "invocation_started" }, Fault.reorder(2))),
      (names) => assert.deepStrictEqual(names.slice(-3), ["invocation_complete", item, "invocation_started"])
    ))

  it.effect("close the connection, and the client reconnects automatically", () =>
    Effect.map(
      heard(Fault.event({ name: "invocation_started" }, Fault.disconnect)),
      (names) => assert.deepStrictEqual(names, ["Connected", "batch_enqueued", item, "Disconnected", "Connected"])
    ))
})

describe("faults of event connections", () => {
  it.effect("refuse a connection until they end", () =>
    Effect.gen(function*() {
      const transport = yield* EventTransport
      const messages: Array<string> = []
      yield* inject(Fault.refuseConnection({ times: 2 }))
      yield* transport.connect({
        url: new URL(InvokeAiTest.url),
        token: Effect.succeed(Option.none()),
        onMessage: (message) => messages.push(message._tag)
      })
      yield* TestClock.adjust("10 seconds")
      assert.deepStrictEqual(messages, ["Rejected", "Rejected", "Connected"])
      const state = yield* Simulator.use((simulator) => simulator.state)
      assert.deepStrictEqual([state.sockets, state.socketsOpened], [1, 1])
    }).pipe(
      Effect.scoped,
      Effect.provide(SimulatorEventTransport.layer().pipe(Layer.provideMerge(Simulator.layer())))
    ))
})
