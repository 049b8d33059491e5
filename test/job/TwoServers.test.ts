import * as InvokeAi from "@effect-invokeai/core/InvokeAi"
import { EventTransport } from "@effect-invokeai/core/server/EventTransport"
import { InvokeAiClient } from "@effect-invokeai/core/server/InvokeAiClient"
import { ServerInfo } from "@effect-invokeai/core/server/ServerInfo"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as HttpClient from "effect/http/HttpClient"
import * as Layer from "effect/Layer"

const platform = Layer.merge(
  Layer.succeed(HttpClient.HttpClient, HttpClient.make(() => Effect.never)),
  Layer.succeed(EventTransport, { connect: () => Effect.never })
)

const server = (name: string) =>
  InvokeAi.layer({ url: `http://${name}.example`, queueId: name }).pipe(Layer.provide(platform))

/** Which server a program speaks to, asked of several services. */
const where = Effect.gen(function*() {
  const client = yield* InvokeAiClient
  const queue = yield* SessionQueue
  const info = yield* ServerInfo
  return [client.url.host, queue.queueId, info.url.host]
})

describe("two servers in one program", () => {
  it.effect("stay separate if one program runs inside another", () =>
    Effect.gen(function*() {
      const inner = yield* where.pipe(Effect.provide(server("inner")))
      assert.deepStrictEqual(inner, ["inner.example", "inner", "inner.example"])
      assert.deepStrictEqual(yield* where, ["outer.example", "outer", "outer.example"])
    }).pipe(Effect.provide(server("outer"))))

  it.effect("share no state, while each server is built once", () =>
    Effect.gen(function*() {
      const layer = server("one")
      yield* Effect.gen(function*() {
        const queue = yield* SessionQueue
        assert.strictEqual(yield* SessionQueue.pipe(Effect.provide(layer)), queue)
        assert.notStrictEqual(yield* SessionQueue.pipe(Effect.provide(server("one"))), queue)
      }).pipe(Effect.provide(layer))
    }))
})
