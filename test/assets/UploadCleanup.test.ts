/** Uploads that are interrupted, and deletions that fail, on the test clock. */
import * as AssetLedger from "@effect-invokeai/core/assets/AssetLedger"
import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as Cleanup from "@effect-invokeai/core/assets/Cleanup"
import { CloseTimeout } from "@effect-invokeai/core/InvokeAi"
import { InvokeAiError } from "@effect-invokeai/core/InvokeAiError"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Deferred from "effect/Deferred"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { png } from "../media.ts"
import { drive } from "../time.ts"
import { apiError, FakeServer } from "./fakes.ts"

const picture = png(16, 8)

/** A ledger in memory. */
const makeLedger = () => {
  const records = new Map<string, AssetLedger.AssetRecord>()
  const ledger: AssetLedger.Ledger = {
    set: (record) => Effect.sync(() => void records.set(record.id, record)),
    remove: (id) => Effect.sync(() => void records.delete(id)),
    abandon: () => Effect.void,
    previousRecords: Effect.sync(() => [...records.values()]),
    recordsOf: (batchId) => Effect.sync(() => [...records.values()].filter((each) => each.batch_id === batchId)),
    isShared: false,
    useDirectory: () => Effect.void,
    deleteTemporaryFiles: Effect.void
  }
  return { records, layer: Layer.succeed(AssetLedger.AssetLedger, ledger) }
}

/** How long an effect takes on the test clock, in milliseconds. */
const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const began = yield* Clock.currentTimeMillis
    yield* effect
    return (yield* Clock.currentTimeMillis) - began
  })

/** Runs a program with the asset service, which is open until the program closes it. */
const withAssets = <A, E>(
  server: FakeServer,
  use: (context: {
    readonly close: Effect.Effect<number>
    readonly provide: <B, E2>(effect: Effect.Effect<B, E2, Assets.Assets>) => Effect.Effect<B, E2>
    readonly records: ReadonlyMap<string, AssetLedger.AssetRecord>
  }) => Effect.Effect<A, E>,
  closeTimeout: Duration.Input = "15 seconds"
) =>
  drive(Effect.gen(function*() {
    const { layer, records } = makeLedger()
    const scope = yield* Scope.make()
    const context = yield* Layer.buildWithScope(
      server.layer.pipe(Layer.provide([layer, Layer.succeed(CloseTimeout, closeTimeout)])),
      scope
    )
    return yield* use({
      close: timed(Scope.close(scope, Exit.void)),
      provide: (effect) => Effect.provideContext(effect, context),
      records
    })
  }))

/** Uploads in a scope, and how long closing that takes: hashing takes real time, so it is left out. */
const timedClose = Effect.fnUntraced(function*<A, E>(
  provide: <B, E2>(effect: Effect.Effect<B, E2, Assets.Assets>) => Effect.Effect<B, E2>,
  uploads: Effect.Effect<A, E, Assets.Assets | Scope.Scope>
) {
  const scope = yield* Scope.make()
  yield* provide(Scope.provide(uploads, scope))
  return yield* timed(Scope.close(scope, Exit.void))
})

/** What a proxy, a busy server and a broken connection make of a request that a service retried in vain. */
const transient: ReadonlyArray<readonly [string, InvokeAiError]> = [
  ["503", apiError("Server", 503, "DELETE")],
  ["502", apiError("Server", 502, "DELETE")],
  ["429", apiError("Server", 429, "DELETE")],
  ["500", apiError("Server", 500, "DELETE")],
  ["a dropped connection", apiError("Transport", undefined, "DELETE")],
  [
    "a web page with status 200",
    new InvokeAiError({
      reason: { _tag: "Decode" },
      method: "DELETE",
      path: "/api/v1/images",
      status: 200,
      detail: "",
      code: "ERR_HTML"
    })
  ]
]

describe("Deleting an upload when its scope closes", () => {
  for (const [name, error] of transient) {
    it.effect(`retries the deletion after ${name}`, () => {
      const server = new FakeServer()
      let failures = 3
      server.faults.delete = () => failures-- > 0 ? Effect.fail(error) : undefined
      return withAssets(server, ({ close, provide, records }) =>
        Effect.gen(function*() {
          yield* provide(Effect.scoped(Assets.uploadBytes(picture)))
          assert.strictEqual(server.images.size, 0)
          assert.strictEqual(records.size, 0)
          assert.isAtMost(yield* close, 1000)
        }))
    })
  }

  it.effect("retries the lookup before the deletion after a transient failure", () => {
    const server = new FakeServer()
    let failures = 3
    server.faults.find = () => failures-- > 0 ? Effect.fail(apiError("Server", 503)) : undefined
    return withAssets(server, ({ provide }) =>
      Effect.gen(function*() {
        yield* provide(Effect.scoped(Assets.uploadBytes(picture)))
        assert.strictEqual(server.images.size, 0)
      }))
  })

  it.effect("waits for a server that restarts for four seconds", () => {
    const server = new FakeServer()
    return withAssets(server, ({ provide }) =>
      Effect.gen(function*() {
        yield* provide(Effect.scoped(Effect.gen(function*() {
          yield* Assets.uploadBytes(picture)
          const back = (yield* Clock.currentTimeMillis) + 4000
          server.faults.find = () =>
            Effect.flatMap(Clock.currentTimeMillis, (now) => {
              if (now >= back) server.faults.find = undefined
              return Effect.fail(apiError("Transport"))
            })
        })))
        assert.strictEqual(server.images.size, 0)
      }))
  })

  it.effect("waits at most closeTimeout in total, for all images, if the server does not respond", () => {
    const server = new FakeServer()
    server.faults.delete = () => Effect.never
    return withAssets(server, ({ close, provide, records }) =>
      Effect.gen(function*() {
        const millis = yield* timedClose(
          provide,
          Effect.forEach([1, 2, 3], (height) => Assets.uploadBytes(png(1, height)))
        )
        assert.isAtLeast(millis, 15_000)
        assert.isAtMost(millis, 16_000)
        const leftovers = yield* provide(Assets.Assets.use((assets) => assets.leftovers))
        assert.deepStrictEqual(leftovers.map((each) => each.error.reason._tag), ["Transport", "Transport", "Transport"])
        assert.isAtMost(yield* close, 1000)
        assert.strictEqual(records.size, 3)
      }))
  })

  it.effect("takes closeTimeout from the configuration of the client", () => {
    const server = new FakeServer()
    server.faults.delete = () => Effect.never
    return withAssets(server, ({ provide }) =>
      Effect.gen(function*() {
        const millis = yield* timedClose(provide, Assets.uploadBytes(picture))
        assert.isAtLeast(millis, 2000)
        assert.isAtMost(millis, 3000)
      }), "2 seconds")
  })

  it.effect("retries in the background, and deletes the image and its record as soon as the server allows it", () => {
    const server = new FakeServer()
    server.faults.delete = () => Effect.fail(apiError("Server", 503, "DELETE"))
    return withAssets(server, ({ provide, records }) =>
      Effect.gen(function*() {
        yield* provide(Effect.scoped(Assets.uploadBytes(picture)))
        assert.strictEqual(server.images.size, 1)
        assert.strictEqual(records.size, 1)
        yield* Effect.sleep("1 minute")
        assert.strictEqual(server.images.size, 1)
        server.faults.delete = undefined
        yield* Effect.sleep("1 minute")
        assert.strictEqual(server.images.size, 0)
        assert.strictEqual(records.size, 0)
        assert.deepStrictEqual(yield* provide(Assets.Assets.use((assets) => assets.leftovers)), [])
      }))
  })

  it.effect("makes a last attempt when the layer closes, and keeps the record of an image that still exists", () => {
    const server = new FakeServer()
    server.faults.delete = (name) => name === "upload-1.png" ? Effect.never : undefined
    return withAssets(server, ({ close, provide, records }) =>
      Effect.gen(function*() {
        yield* provide(Effect.scoped(Effect.andThen(Assets.uploadBytes(png(1, 1)), Assets.uploadBytes(png(1, 2)))))
        assert.deepStrictEqual([...server.images.keys()], ["upload-1.png"])
        assert.isAtMost(yield* close, 1000)
        assert.deepStrictEqual([...records.values()].map((record) => record.image_name), ["upload-1.png"])
      }))
  })

  it.effect("returns immediately if deleting it early is interrupted, and deletes it in the background", () => {
    const server = new FakeServer()
    server.faults.delete = () => Effect.never
    return withAssets(server, ({ provide }) =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        yield* provide(Scope.provide(Assets.uploadBytes(picture), scope))
        const fiber = yield* Effect.forkChild(provide(Cleanup.inputs()))
        yield* Effect.sleep("1 second")
        assert.strictEqual(yield* timed(Fiber.interrupt(fiber)), 0)
        const leftovers = yield* provide(Assets.Assets.use((assets) => assets.leftovers))
        assert.deepStrictEqual(leftovers.map((each) => each.imageName), ["upload-1.png"])
        server.faults.delete = undefined
        yield* Effect.sleep("1 minute")
        assert.strictEqual(server.images.size, 0)
        assert.deepStrictEqual(yield* provide(Assets.Assets.use((assets) => assets.leftovers)), [])
        yield* Scope.close(scope, Exit.void)
      }))
  })

  it.effect("does not delete an image in the background that has been adopted since then", () => {
    const server = new FakeServer()
    server.faults.delete = () => Effect.fail(apiError("Server", 503, "DELETE"))
    return withAssets(server, ({ provide }) =>
      Effect.gen(function*() {
        yield* provide(Effect.scoped(Assets.uploadBytes(picture)))
        yield* provide(Effect.scoped(Effect.gen(function*() {
          yield* Assets.adopt("upload-1.png")
          server.faults.delete = undefined
          yield* Effect.sleep("5 minutes")
          assert.isTrue(server.images.has("upload-1.png"))
        })))
        assert.isFalse(server.images.has("upload-1.png"))
      }))
  })
})

describe("Interrupting an upload", () => {
  /** Begins an upload, and goes on one second after the server got the request: hashing takes real time. */
  const begin = Effect.fnUntraced(function*<A, E>(server: FakeServer, upload: Effect.Effect<A, E>) {
    const received = yield* Deferred.make<void>()
    const { upload: fault } = server.faults
    server.faults.upload = (store) => Effect.andThen(Deferred.succeed(received, undefined), fault?.(store) ?? store)
    const fiber = yield* Effect.forkChild(upload)
    yield* Deferred.await(received)
    yield* Effect.sleep("1 second")
    return fiber
  })

  const interrupt = Effect.fnUntraced(function*<A, E>(server: FakeServer, upload: Effect.Effect<A, E>) {
    const fiber = yield* begin(server, upload)
    assert.strictEqual(yield* timed(Fiber.interrupt(fiber)), 0)
  })

  const upload = Effect.scoped(Assets.uploadBytes(picture))

  it.effect("returns immediately, and deletes the image if the request finishes soon", () => {
    const server = new FakeServer()
    server.faults.upload = (store) => Effect.delay(store, "2 seconds")
    return withAssets(server, ({ provide, records }) =>
      Effect.gen(function*() {
        yield* interrupt(server, provide(upload))
        yield* Effect.sleep("3 seconds")
        assert.strictEqual(server.uploads.length, 1)
        assert.strictEqual(server.images.size, 0)
        assert.strictEqual(records.size, 0)
      }))
  })

  it.effect("aborts a request that hangs, and keeps its record because the server may still receive it", () => {
    const server = new FakeServer()
    let cut = false
    server.faults.upload = () =>
      Effect.onInterrupt(Effect.never, () =>
        Effect.sync(() => {
          cut = true
        }))
    return withAssets(server, ({ close, provide, records }) =>
      Effect.gen(function*() {
        yield* interrupt(server, provide(upload))
        assert.isFalse(cut)
        yield* Effect.sleep("3 seconds")
        assert.isTrue(cut)
        yield* Effect.sleep("1 minute")
        assert.strictEqual(records.size, 1)
        assert.isAtMost(yield* close, 1000)
      }))
  })

  it.effect("finds and deletes an image that arrives after its request was aborted", () => {
    const server = new FakeServer()
    server.faults.upload = (store) => Effect.andThen(Effect.forkDetach(Effect.delay(store, "5 seconds")), Effect.never)
    return withAssets(server, ({ provide, records }) =>
      Effect.gen(function*() {
        yield* interrupt(server, provide(upload))
        yield* Effect.sleep("20 seconds")
        assert.strictEqual(server.uploads.length, 1)
        assert.strictEqual(server.images.size, 0)
        assert.strictEqual(records.size, 0)
      }))
  })

  it.effect("deletes its image even if the server fails for a minute after the interruption", () => {
    const server = new FakeServer()
    server.faults.upload = (store) => Effect.andThen(store, Effect.never)
    return withAssets(server, ({ provide, records }) =>
      Effect.gen(function*() {
        server.faults.list = () => Effect.fail(apiError("Transport"))
        yield* interrupt(server, provide(upload))
        yield* Effect.sleep("1 minute")
        assert.strictEqual(server.images.size, 1)
        server.faults.list = undefined
        yield* Effect.sleep("2 minutes")
        assert.strictEqual(server.images.size, 0)
        assert.strictEqual(records.size, 0)
      }))
  })

  it.effect("leaves no image and no record if the layer closes right after it", () => {
    const server = new FakeServer()
    server.faults.upload = (store) => Effect.andThen(store, Effect.never)
    return withAssets(server, ({ close, provide, records }) =>
      Effect.gen(function*() {
        yield* interrupt(server, provide(upload))
        assert.isAtMost(yield* close, 3000)
        assert.strictEqual(server.images.size, 0)
        assert.strictEqual(records.size, 0)
      }))
  })

  it.effect("lets the layer close in time even if no request gets a response", () => {
    const server = new FakeServer()
    server.faults.upload = () => Effect.never
    server.faults.list = () => Effect.never
    return withAssets(server, ({ close, provide, records }) =>
      Effect.gen(function*() {
        yield* interrupt(server, provide(upload))
        assert.isAtMost(yield* close, 16_000)
        assert.strictEqual(records.size, 1)
      }))
  })

  it.effect("happens on a timeout: the upload fails in time, and its image is deleted", () => {
    const server = new FakeServer()
    server.faults.upload = (store) => Effect.andThen(store, Effect.never)
    server.faults.list = () => Effect.never
    return withAssets(server, ({ provide }) =>
      Effect.gen(function*() {
        let reason: string | undefined
        const impatient = Effect.scoped(Assets.uploadBytes(picture, { timeout: "1 minute" })).pipe(
          Effect.catch((error) =>
            Effect.sync(() => {
              reason = error._tag === "UploadError" ? error.reason : error._tag
            })
          )
        )
        const fiber = yield* begin(server, provide(impatient))
        const millis = yield* timed(Fiber.join(fiber))
        assert.strictEqual(reason, "Timeout")
        assert.isAtMost(millis, 60_000)
        server.faults.list = undefined
        yield* Effect.sleep("2 minutes")
        assert.strictEqual(server.images.size, 0)
      }))
  })

  it.effect("returns immediately from adopting an image if the server does not respond", () => {
    const server = new FakeServer()
    const hanging = { ...server.service, get: () => Effect.never }
    Object.assign(server.service, hanging)
    return withAssets(server, ({ provide }) =>
      Effect.gen(function*() {
        const fiber = yield* Effect.forkChild(provide(Effect.scoped(Assets.adopt("a.png"))))
        yield* Effect.sleep("1 second")
        assert.strictEqual(yield* timed(Fiber.interrupt(fiber)), 0)
      }))
  })
})
