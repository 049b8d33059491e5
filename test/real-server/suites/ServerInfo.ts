import { ServerInfo } from "@effect-invokeai/core/server/ServerInfo"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Support from "../Support.ts"

/** Every method of `ServerInfo`; changing the invocation cache is the administrator's. */
export const serverInfoSuite = (
  who: string,
  layer: Layer.Layer<ServerInfo>,
  options: { readonly admin: boolean }
): void =>
  it.layer(layer, { excludeTestServices: true })(`the server itself, as ${who}`, (it) => {
    it.effect("reports its version and its capabilities", () =>
      Effect.gen(function*() {
        const info = yield* ServerInfo
        assert.strictEqual(info.url.href, `${Support.url}/`)
        assert.strictEqual(yield* info.version, Support.version)
        const capabilities = yield* info.capabilities
        assert.strictEqual(capabilities.version, Support.version)
        assert.strictEqual(
          capabilities.hasRoute("POST", "/api/v1/queue/{queue_id}/item_summaries_by_ids"),
          Support.since("6.14")
        )
        assert.strictEqual(capabilities.hasRoute("GET", "/api/v1/queue/{queue_id}/list"), !Support.since("6.7"))
        assert.strictEqual(
          capabilities.hasParameter("GET", "/api/v1/workflows/", "callable"),
          Support.since("6.14")
        )
        assert.isTrue(capabilities.hasParameter("GET", "/api/v1/workflows/", "tags"))
        assert.strictEqual(capabilities.hasField("SessionQueueItem", "device"), Support.since("6.14"))
        assert.isFalse(capabilities.hasField("Batch", "idempotency_key"))
        const document = yield* info.openApiDocument
        assert.strictEqual(yield* info.openApiDocument, document)
        yield* info.refresh
        assert.notStrictEqual(yield* info.openApiDocument, document)
        assert.isDefined((yield* info.appDeps)["torch"])
      }))

    it.effect("reports its devices", () =>
      Effect.gen(function*() {
        const { generationDevices } = yield* ServerInfo
        yield* Support.needs(
          "GET /api/v1/app/generation_device_options",
          Effect.map(generationDevices, ([first]) => assert.strictEqual(first?.device, "cpu")),
          generationDevices
        )
      }))

    it.effect("has a configuration and an invocation cache", () =>
      Effect.gen(function*() {
        const info = yield* ServerInfo
        if (!options.admin) {
          assert.strictEqual((yield* Effect.flip(info.clearInvocationCache)).reason._tag, "Forbidden")
          return
        }
        assert.strictEqual((yield* info.runtimeConfig).config["device"], "cpu")
        yield* info.clearInvocationCache
        assert.strictEqual((yield* info.invocationCache).size, 0)
        yield* info.disableInvocationCache
        assert.isFalse((yield* info.invocationCache).enabled)
        yield* info.enableInvocationCache
        assert.isTrue((yield* info.invocationCache).enabled)
      }))
  })
