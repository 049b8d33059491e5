import { EventTransport } from "@effect-invokeai/core/server/EventTransport"
import { InvokeAiClient } from "@effect-invokeai/core/server/InvokeAiClient"
import { ServerEvents, type ServerMessage } from "@effect-invokeai/core/server/ServerEvents"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import * as Support from "../Support.ts"

/** The first message of the event connection. */
const first = (options: Parameters<typeof InvokeAiClient.layer>[0]): Effect.Effect<Option.Option<ServerMessage>> =>
  Effect.gen(function*() {
    const events = yield* ServerEvents
    const messages = yield* events.subscribe
    return yield* Stream.runHead(messages)
  }).pipe(
    Effect.scoped,
    Effect.provide(
      ServerEvents.layer.pipe(
        Layer.provide([
          InvokeAiClient.layer({ url: Support.url, ...options }).pipe(Layer.provide(Support.httpClient)),
          EventTransport.layerSocketIo
        ])
      ),
      { local: true }
    )
  )

describe("The events of a multi-user server", () => {
  it.live("are received with credentials", () =>
    Effect.gen(function*() {
      const { email, password } = Support.accounts[1]!
      const message = yield* first({ email, password: Redacted.make(password) })
      assert.deepStrictEqual(message, Option.some({ _tag: "Connected" }))
    }))

  it.live("are not received without credentials or with a wrong token, which no message shows", () =>
    Effect.gen(function*() {
      const secret = "not-a-token-of-this-server"
      for (const options of [{}, { token: Redacted.make(secret) }]) {
        const message = Option.getOrThrow(yield* first(options))
        assert.strictEqual(message._tag, "Unavailable")
        assert.isTrue(message._tag === "Unavailable" && message.error.unauthorized)
        assert.notInclude(JSON.stringify(message), secret)
      }
    }))
})
