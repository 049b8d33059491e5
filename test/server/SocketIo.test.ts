import { EventTransport, type TransportMessage } from "@effect-invokeai/core/server/EventTransport"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Schedule from "effect/Schedule"
import { createServer } from "node:http"
import type { AddressInfo } from "node:net"
import { Server } from "socket.io"

/** A Socket.IO server like InvokeAI's, below a sub-path, that accepts clients with the token. */
const startServer = (port = 0) =>
  Effect.acquireRelease(
    Effect.callback<{ readonly io: Server; readonly port: number; readonly seen: Array<unknown> }>((resume) => {
      const http = createServer()
      const io = new Server(http, { path: "/invoke/ws/socket.io" })
      const seen: Array<unknown> = []
      io.use((socket, next) => {
        const { token } = socket.handshake.auth as { readonly token?: string }
        seen.push(["token", token])
        next(token === "good" ? undefined : new Error("Connection rejected by server"))
      })
      io.on("connection", (socket) => {
        socket.onAny((event: string, payload: unknown) => seen.push([event, payload]))
        socket.emit("queue_cleared", { queue_id: "default" })
      })
      http.listen(port, "127.0.0.1", () => {
        resume(Effect.succeed({ io, port: (http.address() as AddressInfo).port, seen }))
      })
    }),
    ({ io }) => Effect.promise(() => io.close())
  )

const eventually = (condition: () => boolean) =>
  Effect.suspend(() => condition() ? Effect.void : Effect.fail("not yet")).pipe(
    Effect.retry({ times: 600, schedule: Schedule.spaced("10 millis") }),
    Effect.orDie
  )

const open = (port: number, token: () => string | undefined) =>
  Effect.gen(function*() {
    const transport = yield* EventTransport
    const messages: Array<TransportMessage> = []
    const connection = yield* transport.connect({
      url: new URL(`http://127.0.0.1:${port}/invoke/`),
      token: Effect.sync(() => Option.fromNullishOr(token()).pipe(Option.map((value) => Redacted.make(value)))),
      onMessage: (message) => messages.push(message)
    })
    const count = (tag: TransportMessage["_tag"]) => messages.filter((message) => message._tag === tag).length
    return { connection, messages, count }
  })

describe("The Socket.IO connection", () => {
  it.live("connects, receives, sends, and reconnects after the server closed the connection", () =>
    Effect.gen(function*() {
      const server = yield* startServer()
      const { connection, count, messages } = yield* open(server.port, () => "good")
      yield* eventually(() => count("Received") === 1)
      assert.deepStrictEqual(messages, [
        { _tag: "Connected" },
        { _tag: "Received", name: "queue_cleared", payload: { queue_id: "default" } }
      ])
      connection.emit("subscribe_queue", { queue_id: "default" })
      yield* eventually(() => server.seen.length === 2)
      assert.deepStrictEqual(server.seen[1], ["subscribe_queue", { queue_id: "default" }])
      server.io.disconnectSockets()
      yield* eventually(() => count("Received") === 2)
      assert.deepStrictEqual(messages[2], { _tag: "Disconnected", reason: "io server disconnect" })
      assert.deepStrictEqual(messages[3], { _tag: "Connected" })
    }).pipe(Effect.scoped, Effect.provide(EventTransport.layerSocketIo)))

  it.live("reads the token before every attempt, and distinguishes a refusal from a failed connection", () =>
    Effect.gen(function*() {
      const server = yield* startServer()
      let token: string | undefined = undefined
      const { count, messages } = yield* open(server.port, () => token)
      yield* eventually(() => count("Rejected") === 1)
      assert.deepStrictEqual(messages, [
        { _tag: "Rejected", message: "Connection rejected by server", unauthorized: true }
      ])
      token = "good"
      yield* eventually(() => count("Connected") === 1)
      const nowhere = yield* open(1, () => token)
      yield* eventually(() => nowhere.count("Rejected") >= 1)
      const [first] = nowhere.messages
      assert.strictEqual(first?._tag === "Rejected" && first.unauthorized, false)
    }).pipe(Effect.scoped, Effect.provide(EventTransport.layerSocketIo)))

  it.live("reconnects to a server that was unreachable", () =>
    Effect.gen(function*() {
      const { port } = yield* Effect.scoped(startServer())
      const { connection, count } = yield* open(port, () => "good")
      yield* eventually(() => count("Rejected") >= 2)
      // without a connection this goes nowhere, and does not wait for one either
      connection.emit("subscribe_queue", { queue_id: "lost" })
      const server = yield* startServer(port)
      yield* eventually(() => count("Connected") === 1)
      assert.deepStrictEqual(server.seen, [["token", "good"]])
    }).pipe(Effect.scoped, Effect.provide(EventTransport.layerSocketIo)))

  it.live("closes with its scope", () =>
    Effect.gen(function*() {
      const server = yield* startServer()
      yield* Effect.scoped(
        Effect.flatMap(open(server.port, () => "good"), ({ count }) => eventually(() => count("Connected") === 1))
      )
      yield* eventually(() => server.io.of("/").sockets.size === 0)
    }).pipe(Effect.scoped, Effect.provide(EventTransport.layerSocketIo)))
})
