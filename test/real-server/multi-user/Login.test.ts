import { InvokeAiClient } from "@effect-invokeai/core/server/InvokeAiClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Redacted from "effect/Redacted"
import * as Support from "../Support.ts"

const client = (options: Parameters<typeof InvokeAiClient.layer>[0]) =>
  InvokeAiClient.layer({ url: Support.url, retries: 0, ...options }).pipe(Layer.provide(Support.httpClient))

const boards = InvokeAiClient.use((client) => client.call((api) => api.boards.list({ query: { all: true } })))

const login = (index: number) => {
  const account = Support.accounts[index]!
  return { email: account.email, password: Redacted.make(account.password) }
}

describe("logging in to a multi-user server", () => {
  it.live("is required: requests without a token or with a wrong one are rejected", () =>
    Effect.gen(function*() {
      const secret = "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VyIjoibm9ib2R5In0.c2lnbmF0dXJl"
      const without = yield* Effect.flip(boards).pipe(Effect.provide(client({})))
      assert.strictEqual(without.reason._tag, "Unauthorized")
      assert.strictEqual(without.status, 401)
      const wrong = yield* Effect.flip(boards).pipe(Effect.provide(client({ token: Redacted.make(secret) })))
      assert.strictEqual(wrong.reason._tag, "Unauthorized")
      assert.notInclude(wrong.message, secret)
      assert.notInclude(JSON.stringify(wrong), secret)
    }))

  it.live("fails with a wrong password, which no message shows", () =>
    Effect.gen(function*() {
      const password = "Wrong-password-1"
      const error = yield* Effect.flip(boards).pipe(
        Effect.provide(client({ ...login(1), password: Redacted.make(password) }))
      )
      assert.strictEqual(error.reason._tag, "Unauthorized")
      assert.notInclude(error.message, password)
    }))

  it.live("works for an administrator and for a user", () =>
    Effect.gen(function*() {
      for (const [index, isAdmin] of [[0, true], [1, false]] as const) {
        const me = yield* InvokeAiClient.use((client) => client.call((api) => api.auth.me({}))).pipe(
          Effect.provide(client(login(index)))
        )
        assert.strictEqual(me.email, Support.accounts[index]!.email)
        assert.strictEqual(me.is_admin, isAdmin)
      }
    }))

  it.live("does not give a user the permissions of the administrator", () =>
    Effect.gen(function*() {
      const error = yield* InvokeAiClient.use((client) =>
        client.call((api) => api.queue.pause({ params: { queue_id: "default" } }))
      ).pipe(Effect.flip, Effect.provide(client(login(1))))
      assert.strictEqual(error.reason._tag, "Forbidden")
      assert.strictEqual(error.status, 403)
    }))
})
