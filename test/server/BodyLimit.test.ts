import { InvokeAiClient } from "@effect-invokeai/core/server/InvokeAiClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { json, scriptedHttp } from "./scriptedHttp.ts"

const kibibyte = 1024

const version = Effect.flatMap(InvokeAiClient, (client) => client.call((api) => api.app.version({})))

/** A body that never ends; `sent` counts what was taken of it, and says whether the rest was given up. */
const endless = (sent: { bytes: number; isCanceled?: boolean }) =>
  new ReadableStream<Uint8Array>({
    cancel: () => {
      sent.isCanceled = true
    },
    pull: (controller) => {
      sent.bytes += 16 * kibibyte
      controller.enqueue(new Uint8Array(16 * kibibyte).fill(32))
    }
  })

describe("the size of a JSON response", () => {
  it.effect("has a limit, which also ends an endless body", () => {
    const sent = { bytes: 0, isCanceled: false }
    const server = scriptedHttp(() => new Response(endless(sent), { headers: { "content-type": "application/json" } }))
    return Effect.gen(function*() {
      const error = yield* Effect.flip(version)
      assert.strictEqual(error.reason._tag, "Decode")
      assert.include(
        error.detail,
        "the response is larger than 1 MiB; the option maxResponseSize (INVOKEAI_MAX_RESPONSE_SIZE) sets this limit"
      )
      assert.isFalse(error.isRetryable)
      assert.strictEqual(server.seen.length, 1)
      assert.isBelow(sent.bytes, 1200 * kibibyte)
      assert.isTrue(sent.isCanceled)
    }).pipe(Effect.provide(server.layer({ maxResponseSize: "1 MiB" })))
  })

  it.effect("has a limit in errors too", () => {
    const sent = { bytes: 0, isCanceled: false }
    const server = scriptedHttp(() => new Response(endless(sent), { status: 403 }))
    return Effect.gen(function*() {
      assert.strictEqual((yield* Effect.flip(version)).reason._tag, "Forbidden")
      assert.isBelow(sent.bytes, 1200 * kibibyte)
      assert.isTrue(sent.isCanceled)
    }).pipe(Effect.provide(server.layer({ maxResponseSize: "1 MiB" })))
  })

  it.effect("is compared with the announced length before the body is read", () => {
    const sent = { bytes: 0, isCanceled: false }
    const server = scriptedHttp(() =>
      new Response(endless(sent), { headers: { "content-type": "application/json", "content-length": "5000000" } })
    )
    return Effect.gen(function*() {
      assert.strictEqual((yield* Effect.flip(version)).reason._tag, "Decode")
      assert.isAtMost(sent.bytes, 64 * kibibyte)
      assert.isTrue(sent.isCanceled)
    }).pipe(Effect.provide(server.layer({ maxResponseSize: "1 MiB" })))
  })

  it.effect("is that of the decompressed body, whatever length is announced", () => {
    const sent = { bytes: 0, isCanceled: false }
    const headers = { "content-type": "application/json", "content-encoding": "gzip", "content-length": "50" }
    const server = scriptedHttp(() => new Response(endless(sent), { headers }))
    return Effect.gen(function*() {
      assert.strictEqual((yield* Effect.flip(version)).reason._tag, "Decode")
      assert.isBelow(sent.bytes, 1200 * kibibyte)
      assert.isTrue(sent.isCanceled)
    }).pipe(Effect.provide(server.layer({ maxResponseSize: "1 MiB" })))
  })

  it.effect("can be that of a session with thousands of nodes by default", () => {
    const big = "x".repeat(40 * kibibyte * kibibyte)
    const server = scriptedHttp(() => json({ version: big }))
    return Effect.gen(function*() {
      assert.strictEqual((yield* version).version.length, big.length)
    }).pipe(Effect.provide(server.layer()))
  })

  it.effect("is not limited for images, which are streamed", () => {
    const server = scriptedHttp(() =>
      new Response(new Uint8Array(3 * kibibyte * kibibyte), { headers: { "content-type": "image/png" } })
    )
    return Effect.gen(function*() {
      const client = yield* InvokeAiClient
      const bytes = client.bytes(
        (api) => api.images.full({ params: { image_name: "a.png" }, responseMode: "response-only" }),
        {
          contentType: ["image/"]
        }
      )
      const length = yield* Stream.runFold(bytes, () => 0, (sum, chunk) => sum + chunk.length)
      assert.strictEqual(length, 3 * kibibyte * kibibyte)
    }).pipe(Effect.provide(server.layer({ maxResponseSize: "1 MiB" })))
  })
})
