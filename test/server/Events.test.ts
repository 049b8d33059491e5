import {
  type EventConnectOptions,
  EventTransport,
  type TransportMessage
} from "@effect-invokeai/core/server/EventTransport"
import { Images } from "@effect-invokeai/core/server/Images"
import { InvokeAiClient } from "@effect-invokeai/core/server/InvokeAiClient"
import { ServerEvents, type ServerMessage } from "@effect-invokeai/core/server/ServerEvents"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as BulkDownload from "../../packages/core/src/server/BulkDownload.ts"
import { json, scriptedHttp, type ScriptedResponse, type Seen, user } from "./scriptedHttp.ts"

/** A transport whose messages are said by the test. */
const makeTransport = () => {
  const opened: Array<{
    readonly options: EventConnectOptions
    readonly emitted: Array<readonly [string, unknown]>
    closed: boolean
  }> = []
  const layer = Layer.succeed(EventTransport, {
    connect: (options) =>
      Effect.gen(function*() {
        const connection = { options, emitted: [] as Array<readonly [string, unknown]>, closed: false }
        opened.push(connection)
        yield* Effect.addFinalizer(() =>
          Effect.sync(() => {
            connection.closed = true
          })
        )
        return {
          emit: (event: string, payload: unknown) => void connection.emitted.push([event, payload])
        }
      })
  })
  const say = (...messages: ReadonlyArray<TransportMessage>) =>
    Effect.suspend(() => {
      messages.forEach(opened.at(-1)!.options.onMessage)
      return settle
    })
  return { opened, layer, say }
}

/** Lets all fibers that can do something do it. */
const settle = Effect.forEach(Array.from({ length: 20 }), () => Effect.yieldNow, { discard: true })

const received = (name: string, payload: unknown): TransportMessage => ({ _tag: "Received", name, payload })
const connected: TransportMessage = { _tag: "Connected" }
const progress = (message: string): TransportMessage =>
  received("invocation_progress", {
    queue_id: "default",
    item_id: 1,
    batch_id: "b",
    session_id: "s",
    invocation: { id: "p", type: "t" },
    invocation_source_id: "n",
    message,
    percentage: null
  })
const cleared = (queue_id: string): TransportMessage => received("queue_cleared", { queue_id })

const collect = (stream: Stream.Stream<ServerMessage>) => {
  const messages: Array<ServerMessage> = []
  return Effect.as(
    Effect.forkScoped(Stream.runForEach(stream, (message) => Effect.sync(() => messages.push(message)))),
    messages
  )
}

const describeMessage = (message: ServerMessage): string => {
  switch (message._tag) {
    case "Connected":
      return "Connected"
    case "Disconnected":
      return `Disconnected ${message.reason}`
    case "Unavailable":
      return `Unavailable ${message.error.attempts}`
    default: {
      const { event } = message
      if (event.name === "invocation_progress") return String(event.payload.message)
      return event.name === "queue_cleared" ? event.payload.queue_id : event.name
    }
  }
}

const setup = (answer: (request: Seen) => ScriptedResponse = () => json({}), options = {}) => {
  const transport = makeTransport()
  const server = scriptedHttp(answer)
  const layer = ServerEvents.layer.pipe(
    Layer.provideMerge(server.layer({ queueId: "mine", ...options })),
    Layer.provide(transport.layer)
  )
  return { ...transport, server, layer }
}

describe("ServerEvents", () => {
  it.effect("misses no event between subscribing and reading", () => {
    const { layer, say } = setup()
    return Effect.gen(function*() {
      const events = yield* ServerEvents
      const stream = yield* events.subscribe
      yield* say(connected, cleared("1"), cleared("2"), received("brand_new", { x: 1 }))
      const messages = yield* collect(stream)
      yield* settle
      assert.deepStrictEqual(messages.map(describeMessage), ["Connected", "1", "2", "unknown"])
      assert.deepStrictEqual(messages.at(-1), {
        _tag: "Event",
        name: "brand_new",
        payload: { x: 1 },
        event: { name: "unknown", wireName: "brand_new", payload: { x: 1 } }
      })
    }).pipe(Effect.scoped, Effect.provide(layer))
  })

  it.effect("emits the state of the connection first, then its changes until the scope closes", () => {
    const { layer, opened, say } = setup()
    return Effect.gen(function*() {
      const events = yield* ServerEvents
      const early: Array<ServerMessage> = []
      const late: Array<ServerMessage> = []
      yield* events.listen((message) => early.push(message))
      yield* say(connected)
      const scope = yield* Scope.make()
      yield* Scope.provide(events.listen((message) => late.push(message)), scope)
      opened[0]!.options.onMessage(cleared("1"))
      assert.deepStrictEqual(early.map(describeMessage), ["Connected", "1"])
      assert.deepStrictEqual(late.map(describeMessage), ["Connected", "1"])
      yield* Scope.close(scope, Exit.void)
      opened[0]!.options.onMessage(cleared("2"))
      assert.deepStrictEqual(early.map(describeMessage), ["Connected", "1", "2"])
      assert.strictEqual(late.length, 2)
      assert.strictEqual(opened.length, 1)
    }).pipe(Effect.scoped, Effect.provide(layer))
  })

  it.effect("shares one connection between all subscribers, and closes it with the last one", () => {
    const { layer, opened, say } = setup()
    return Effect.gen(function*() {
      const events = yield* ServerEvents
      assert.strictEqual(opened.length, 0)
      const first = yield* Scope.make()
      const second = yield* Scope.make()
      const a = yield* Scope.provide(events.subscribe, first)
      yield* say(connected)
      const b = yield* Scope.provide(events.subscribe, second)
      const fromA = yield* collect(a)
      const fromB = yield* collect(b)
      yield* say(cleared("1"))
      assert.deepStrictEqual(fromA.map(describeMessage), ["Connected", "1"])
      assert.deepStrictEqual(fromB.map(describeMessage), ["Connected", "1"])
      assert.strictEqual(opened.length, 1)
      yield* Scope.close(first, Exit.void)
      yield* say(cleared("2"))
      assert.deepStrictEqual(fromA.map(describeMessage), ["Connected", "1"])
      assert.deepStrictEqual(fromB.map(describeMessage), ["Connected", "1", "2"])
      assert.isFalse(opened[0]!.closed)
      yield* Scope.close(second, Exit.void)
      yield* settle
      assert.isTrue(opened[0]!.closed)
      yield* Effect.scoped(events.subscribe)
      assert.strictEqual(opened.length, 2)
    }).pipe(Effect.scoped, Effect.provide(layer))
  })

  it.effect("ends the stream with its scope", () => {
    const { layer } = setup()
    return Effect.gen(function*() {
      const events = yield* ServerEvents
      const scope = yield* Scope.make()
      const stream = yield* Scope.provide(events.subscribe, scope)
      const fiber = yield* Effect.forkChild(Stream.runCollect(stream))
      yield* settle
      yield* Scope.close(scope, Exit.void)
      assert.deepStrictEqual(yield* Fiber.join(fiber), [])
    }).pipe(Effect.scoped, Effect.provide(layer))
  })

  it.effect("subscribes to the queue on every connect, before it emits Connected", () => {
    const { layer, opened, say } = setup()
    return Effect.gen(function*() {
      const events = yield* ServerEvents
      const messages = yield* collect(yield* events.subscribe)
      const joined = yield* Scope.make()
      yield* Scope.provide(events.join("subscribe_bulk_download", { bulk_download_id: "default" }), joined)
      assert.deepStrictEqual(opened[0]!.emitted, [])
      yield* say(connected)
      yield* say({ _tag: "Disconnected", reason: "transport close" })
      yield* say(
        { _tag: "Rejected", message: "websocket error", unauthorized: false },
        { _tag: "Rejected", message: "websocket error", unauthorized: false },
        connected
      )
      yield* Scope.close(joined, Exit.void)
      yield* say(connected)
      const queue = ["subscribe_queue", { queue_id: "mine" }] as const
      const bulk = ["subscribe_bulk_download", { bulk_download_id: "default" }] as const
      const leave = ["unsubscribe_bulk_download", { bulk_download_id: "default" }] as const
      assert.deepStrictEqual(opened[0]!.emitted, [queue, bulk, queue, bulk, leave, queue])
      assert.deepStrictEqual(messages.map(describeMessage).filter((text) => !text.startsWith("Unavailable")), [
        "Connected",
        "Disconnected transport close",
        "Connected",
        "Connected"
      ])
      const unavailable = messages.findLast((message) => message._tag === "Unavailable")
      assert.include(unavailable?._tag === "Unavailable" ? unavailable.error.message : "", "after 2 attempts")
    }).pipe(Effect.scoped, Effect.provide(layer))
  })

  it.effect("removes the token from the reason of a failed connection", () => {
    const token = "token-of-ann-1234"
    const transport = makeTransport()
    const layer = ServerEvents.layer.pipe(
      Layer.provideMerge(scriptedHttp(() => json({})).layer({ token: Redacted.make(token) })),
      Layer.provide(transport.layer)
    )
    return Effect.gen(function*() {
      const events = yield* ServerEvents
      const messages = yield* collect(yield* events.subscribe)
      yield* transport.say({ _tag: "Rejected", message: `bad ${token}`, unauthorized: true })
      const [unavailable] = messages
      assert.strictEqual(unavailable?._tag === "Unavailable" ? unavailable.error.detail : "", "bad <redacted>")
    }).pipe(Effect.scoped, Effect.provide(layer))
  })

  it.effect("logs in again if the server closes or refuses the connection", () => {
    let logins = 0
    const transport = makeTransport()
    const server = scriptedHttp((request) =>
      request.path.endsWith("/auth/status")
        ? json({ setup_required: false, multiuser_enabled: true })
        : json({ token: `token-${++logins}`, user, expires_in: 1 })
    )
    const layer = ServerEvents.layer.pipe(
      Layer.provideMerge(server.layer({ email: "a@b.c", password: Redacted.make("pw-secret") })),
      Layer.provide(transport.layer)
    )
    return Effect.gen(function*() {
      const events = yield* ServerEvents
      yield* events.subscribe
      const { options } = transport.opened[0]!
      const token = Effect.map(options.token, (token) => Redacted.value(Option.getOrThrow(token)))
      assert.strictEqual(options.url.href, "http://server.test:9090/")
      assert.strictEqual(yield* token, "token-1")
      assert.strictEqual(yield* token, "token-1")
      yield* transport.say(connected, { _tag: "Disconnected", reason: "transport close" })
      assert.strictEqual(yield* token, "token-1")
      yield* transport.say(connected, { _tag: "Disconnected", reason: "io server disconnect" })
      assert.strictEqual(yield* token, "token-2")
      yield* transport.say({ _tag: "Rejected", message: "no", unauthorized: true })
      assert.strictEqual(yield* token, "token-3")
      assert.strictEqual(yield* token, "token-3")
    }).pipe(Effect.scoped, Effect.provide(layer))
  })

  it.effect("buffers only the newest 64 progress events, and all other events", () => {
    const { layer, say } = setup()
    return Effect.gen(function*() {
      const events = yield* ServerEvents
      const stream = yield* events.subscribe
      yield* say(connected)
      for (let i = 0; i < 300; i++) yield* say(progress(`p${i}`), cleared(`c${i}`))
      const messages = (yield* Effect.flatMap(collect(stream), (messages) => Effect.as(settle, messages))).map(
        describeMessage
      )
      assert.deepStrictEqual(
        messages.filter((text) => text.startsWith("p")),
        Array.from({ length: 64 }, (_, i) => `p${i + 236}`)
      )
      assert.deepStrictEqual(
        messages.filter((text) => text.startsWith("c")),
        Array.from({ length: 300 }, (_, i) => `c${i}`)
      )
      assert.isBelow(messages.indexOf("p236"), messages.indexOf("c236"))
    }).pipe(Effect.scoped, Effect.provide(layer))
  })

  it.effect("makes a subscriber that reads nothing start over, instead of filling the memory", () => {
    const { layer, say } = setup()
    return Effect.gen(function*() {
      const events = yield* ServerEvents
      const slow = yield* events.subscribe
      const quick = yield* collect(yield* events.subscribe)
      yield* say(connected)
      const many = Array.from({ length: 17_000 }, (_, i) => cleared(`c${i}`))
      yield* say(...many)
      yield* settle
      const messages = (yield* Effect.flatMap(collect(slow), (messages) => Effect.as(settle, messages))).map(
        describeMessage
      )
      assert.deepStrictEqual(messages.slice(0, 2), ["Disconnected slow subscriber", "Connected"])
      assert.isBelow(messages.length, 1000)
      assert.strictEqual(messages.at(-1), "c16999")
      assert.strictEqual(quick.length, 17_001)
    }).pipe(Effect.scoped, Effect.provide(layer))
  })

  it.effect("shares a single client between requests and events", () => {
    const { layer } = setup(() => json({ version: "6.14.2" }))
    return Effect.gen(function*() {
      const client = yield* InvokeAiClient
      assert.strictEqual((yield* client.call((api) => api.app.version({}))).version, "6.14.2")
    }).pipe(Effect.provide(layer))
  })
})

describe("BulkDownload", () => {
  const item = (name: string) => ({
    bulk_download_id: "default",
    bulk_download_item_id: name,
    bulk_download_item_name: name
  })
  const zipServer = () =>
    setup((request) =>
      request.method === "POST"
        ? json({ response: "…", bulk_download_item_name: "mine.zip" }, { status: 202 })
        : new Response(new Uint8Array([80, 75]), { headers: { "content-type": "application/zip" } })
    )

  it.effect("waits for its own file, then streams it", () => {
    const { layer, opened, say, server } = zipServer()
    return Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Stream.runCollect(BulkDownload.zip({ imageNames: ["a.png"] })))
      yield* settle
      assert.strictEqual(server.seen.length, 0)
      yield* say(connected)
      assert.deepStrictEqual(opened[0]!.emitted.map(([event]) => event), ["subscribe_queue", "subscribe_bulk_download"])
      assert.deepStrictEqual(server.seen[0]!.body, { image_names: ["a.png"] })
      yield* say(
        received("bulk_download_complete", item("other.zip")),
        received("bulk_download_complete", item("mine.zip"))
      )
      const chunks = yield* Fiber.join(fiber)
      assert.deepStrictEqual(chunks.flatMap((chunk) => Array.from(chunk)), [80, 75])
      assert.strictEqual(server.seen.at(-1)!.path, "/api/v1/images/download/mine.zip")
      assert.isTrue(opened[0]!.closed)
    }).pipe(Effect.provide(Layer.provideMerge(Images.layer, layer)))
  })

  it.effect.each(
    [
      ["the server fails", received("bulk_download_error", { ...item("mine.zip"), error: "disk full" }), "disk full"],
      ["the connection is lost", { _tag: "Disconnected", reason: "transport close" } as const, "connection was lost"]
    ] as const
  )("fails if %s", ([, message, text]) => {
    const { layer, say } = zipServer()
    return Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Effect.flip(Stream.runDrain(BulkDownload.zip({ boardId: "b" }))))
      yield* settle
      yield* say(connected)
      yield* say(message)
      assert.include((yield* Fiber.join(fiber)).message, text)
    }).pipe(Effect.provide(Layer.provideMerge(Images.layer, layer)))
  })

  it.effect("fails if no connection is available", () => {
    const { layer, say } = zipServer()
    return Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(Effect.flip(Stream.runDrain(BulkDownload.zip({ boardId: "b" }))))
      yield* settle
      yield* say({ _tag: "Rejected", message: "websocket error", unauthorized: false })
      assert.strictEqual((yield* Fiber.join(fiber))._tag, "EventsUnavailable")
    }).pipe(Effect.provide(Layer.provideMerge(Images.layer, layer)))
  })
})
