/** Uploads that are interrupted, and deletions that fail, on the test clock. */
import * as AssetLedger from "@effect-invokeai/core/assets/AssetLedger"
import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as Cleanup from "@effect-invokeai/core/assets/Cleanup"
import type { Services } from "@effect-invokeai/core/InvokeAi"
import * as Fault from "@effect-invokeai/testing/Fault"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import { Simulator } from "@effect-invokeai/testing/Simulator"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Scope from "effect/Scope"
import { png } from "../media.ts"
import { client, observeUploads } from "../simulatedClient.ts"
import { drive } from "../time.ts"

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

/** Provides the client. */
type Provide = <A, E>(effect: Effect.Effect<A, E, Services | Simulator>) => Effect.Effect<A, E, Simulator>

/** Runs a program with a client that retries nothing by itself and is open until the program closes it. */
const withAssets = <A, E>(
  use: (context: {
    readonly close: Effect.Effect<number>
    readonly provide: Provide
    readonly records: ReadonlyMap<string, AssetLedger.AssetRecord>
    /** What the server has seen of uploads. */
    readonly uploads: { readonly forms: ReadonlyArray<FormData>; readonly aborted: number }
  }) => Effect.Effect<A, E, Simulator>,
  closeTimeout: Duration.Input = "15 seconds"
) =>
  drive(
    Effect.gen(function*() {
      const { layer, records } = makeLedger()
      const uploads = { forms: [], aborted: 0 }
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(
        client({ retries: 0, closeTimeout }).pipe(Layer.provide([layer, observeUploads(uploads)])),
        scope
      )
      return yield* use({
        close: timed(Scope.close(scope, Exit.void)),
        provide: (effect) => Effect.provideContext(effect, context),
        records,
        uploads
      })
    }).pipe(Effect.provide(Simulator.layer({})))
  )

const inject = (...faults: ReadonlyArray<Fault.Fault>) => Simulator.use((simulator) => simulator.inject(...faults))

const clearFaults = Simulator.use((simulator) => simulator.clearFaults)

const always = { times: Number.POSITIVE_INFINITY }
const deletion = { method: "POST", path: "/api/v1/images/delete" }
const lookup = { method: "GET", path: "/api/v1/images/i/{image_name}" }
const list = { method: "GET", path: "/api/v1/images/" }
const sending = { method: "POST", path: "/api/v1/images/upload" }

/** The server does nothing, and does not respond. */
const hang = Fault.delay("1 day")

/** The server does what is requested, and does not respond. */
const hangAfterwards = Fault.delay("1 day", "after")

/** The names of the images on the server. */
const names = Effect.map(InvokeAiTest.state, (state) => state.images.map((image) => image.name))

/** How many deletions the server has responded to, or lost. */
const deletions = Effect.map(
  Simulator.use((simulator) => simulator.requests),
  (requests) => requests.filter(({ path }) => path === deletion.path).length
)

/** Uploads in a scope, and how long closing that takes: hashing takes real time, so it is left out. */
const timedClose = Effect.fnUntraced(function*<A, E>(
  provide: Provide,
  uploads: Effect.Effect<A, E, Assets.Assets | Scope.Scope>
) {
  const scope = yield* Scope.make()
  yield* provide(Scope.provide(uploads, scope))
  return yield* timed(Scope.close(scope, Exit.void))
})

/** What a proxy, a busy server and a broken connection make of a request. */
const transient: ReadonlyArray<readonly [string, Fault.HttpAction]> = [
  ["503", Fault.status(503)],
  ["502", Fault.status(502)],
  ["429", Fault.status(429)],
  ["500", Fault.status(500)],
  ["a dropped connection", Fault.dropRequest],
  ["a web page with status 200", Fault.corruptBody()]
]

describe("Deleting an upload when its scope closes", () => {
  for (const [name, action] of transient) {
    it.effect(`retries the deletion after ${name}`, () =>
      withAssets(({ close, provide, records }) =>
        Effect.gen(function*() {
          yield* inject(Fault.http({ ...deletion, times: 3 }, action))
          yield* provide(Effect.scoped(Assets.uploadBytes(picture)))
          assert.deepStrictEqual(yield* names, [])
          assert.strictEqual(yield* deletions, 4)
          assert.strictEqual(records.size, 0)
          assert.isAtMost(yield* close, 1000)
        })
      ))
  }

  it.effect.each<readonly [string, Fault.HttpAction]>([
    ["503", Fault.status(503)],
    ["a web page with status 200", Fault.corruptBody()]
  ])(
    "retries the lookup before the deletion after %s",
    ([, action]) =>
      withAssets(({ provide }) =>
        Effect.gen(function*() {
          const simulator = yield* Simulator
          yield* inject(Fault.http({ ...lookup, times: 3 }, action))
          yield* provide(Effect.scoped(Assets.uploadBytes(picture)))
          assert.deepStrictEqual(yield* names, [])
          const lookups = (yield* simulator.requests).filter(({ method, path }) =>
            method === "GET" && path.startsWith("/api/v1/images/i/")
          )
          assert.strictEqual(lookups.length, 4)
        })
      )
  )

  it.effect("waits for a server that restarts for four seconds", () =>
    withAssets(({ provide }) =>
      Effect.gen(function*() {
        const simulator = yield* Simulator
        yield* provide(Effect.scoped(Effect.gen(function*() {
          yield* Assets.uploadBytes(picture)
          yield* simulator.restart({ downFor: "4 seconds" })
        })))
        assert.deepStrictEqual(yield* names, [])
      })
    ))

  it.effect("waits at most closeTimeout in total, for all images, if the server does not respond", () =>
    withAssets(({ close, provide, records }) =>
      Effect.gen(function*() {
        yield* inject(Fault.http({ ...deletion, ...always }, hang))
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
      })
    ))

  it.effect("takes closeTimeout from the configuration of the client", () =>
    withAssets(({ provide }) =>
      Effect.gen(function*() {
        yield* inject(Fault.http({ ...deletion, ...always }, hang))
        const millis = yield* timedClose(provide, Assets.uploadBytes(picture))
        assert.isAtLeast(millis, 2000)
        assert.isAtMost(millis, 3000)
      }), "2 seconds"))

  it.effect("retries in the background, and deletes the image and its record as soon as the server allows it", () =>
    withAssets(({ provide, records }) =>
      Effect.gen(function*() {
        yield* inject(Fault.http({ ...deletion, ...always }, Fault.status(503)))
        yield* provide(Effect.scoped(Assets.uploadBytes(picture)))
        assert.strictEqual((yield* names).length, 1)
        assert.strictEqual(records.size, 1)
        yield* Effect.sleep("1 minute")
        assert.strictEqual((yield* names).length, 1)
        yield* clearFaults
        yield* Effect.sleep("1 minute")
        assert.deepStrictEqual(yield* names, [])
        assert.strictEqual(records.size, 0)
        assert.deepStrictEqual(yield* provide(Assets.Assets.use((assets) => assets.leftovers)), [])
      })
    ))

  it.effect("makes a last attempt when the layer closes, and keeps the record of an image that still exists", () =>
    withAssets(({ close, provide, records }) =>
      Effect.gen(function*() {
        // the second upload is deleted first
        yield* inject(Fault.http({ ...deletion, ...always, nth: 2 }, hang))
        const first = yield* provide(Effect.scoped(Effect.gen(function*() {
          const { imageName } = yield* Assets.uploadBytes(png(1, 1))
          yield* Assets.uploadBytes(png(1, 2))
          return imageName
        })))
        assert.deepStrictEqual(yield* names, [first])
        assert.isAtMost(yield* close, 1000)
        assert.deepStrictEqual([...records.values()].map((record) => record.image_name), [first])
      })
    ))

  it.effect("returns immediately if deleting it early is interrupted, and deletes it in the background", () =>
    withAssets(({ provide }) =>
      Effect.gen(function*() {
        yield* inject(Fault.http({ ...deletion, ...always }, hang))
        const scope = yield* Scope.make()
        const { imageName } = yield* provide(Scope.provide(Assets.uploadBytes(picture), scope))
        const fiber = yield* Effect.forkChild(provide(Cleanup.inputs()))
        yield* Effect.sleep("1 second")
        assert.strictEqual(yield* timed(Fiber.interrupt(fiber)), 0)
        const leftovers = yield* provide(Assets.Assets.use((assets) => assets.leftovers))
        assert.deepStrictEqual(leftovers.map((each) => each.imageName), [imageName])
        yield* clearFaults
        yield* Effect.sleep("1 minute")
        assert.deepStrictEqual(yield* names, [])
        assert.deepStrictEqual(yield* provide(Assets.Assets.use((assets) => assets.leftovers)), [])
        yield* Scope.close(scope, Exit.void)
      })
    ))

  it.effect("does not delete an image in the background that has been adopted since then", () =>
    withAssets(({ provide }) =>
      Effect.gen(function*() {
        yield* inject(Fault.http({ ...deletion, ...always }, Fault.status(503)))
        const { imageName } = yield* provide(Effect.scoped(Assets.uploadBytes(picture)))
        yield* provide(Effect.scoped(Effect.gen(function*() {
          yield* Assets.adopt(imageName)
          yield* clearFaults
          yield* Effect.sleep("5 minutes")
          assert.deepStrictEqual(yield* names, [imageName])
        })))
        assert.deepStrictEqual(yield* names, [])
      })
    ))
})

describe("Interrupting an upload", () => {
  /** Begins an upload, and continues one second after the server got the request: hashing takes real time. */
  const begin = Effect.fnUntraced(function*<A, E, R>(
    uploads: { readonly forms: ReadonlyArray<FormData> },
    upload: Effect.Effect<A, E, R>
  ) {
    const fiber = yield* Effect.forkChild(upload)
    yield* Effect.repeat(Effect.sleep("100 millis"), { until: () => uploads.forms.length > 0 })
    yield* Effect.sleep("1 second")
    return fiber
  })

  const interrupt = Effect.fnUntraced(function*<A, E, R>(
    uploads: { readonly forms: ReadonlyArray<FormData> },
    upload: Effect.Effect<A, E, R>
  ) {
    const fiber = yield* begin(uploads, upload)
    assert.strictEqual(yield* timed(Fiber.interrupt(fiber)), 0)
  })

  const upload = Effect.scoped(Assets.uploadBytes(picture))

  it.effect("returns immediately, and deletes the image if the request finishes soon", () =>
    withAssets(({ provide, records, uploads }) =>
      Effect.gen(function*() {
        yield* inject(Fault.http(sending, Fault.delay("2 seconds")))
        yield* interrupt(uploads, provide(upload))
        yield* Effect.sleep("3 seconds")
        assert.strictEqual(uploads.forms.length, 1)
        assert.deepStrictEqual(yield* names, [])
        assert.strictEqual(yield* deletions, 1)
        assert.strictEqual(records.size, 0)
      })
    ))

  it.effect("aborts a request that hangs, and keeps its record because the server may still receive it", () =>
    withAssets(({ close, provide, records, uploads }) =>
      Effect.gen(function*() {
        yield* inject(Fault.http(sending, hang))
        yield* interrupt(uploads, provide(upload))
        assert.strictEqual(uploads.aborted, 0)
        yield* Effect.sleep("3 seconds")
        assert.strictEqual(uploads.aborted, 1)
        yield* Effect.sleep("1 minute")
        assert.strictEqual(records.size, 1)
        assert.isAtMost(yield* close, 1000)
      })
    ))

  it.effect("finds and deletes an image that arrives after its request was aborted", () =>
    withAssets(({ provide, records, uploads }) =>
      Effect.gen(function*() {
        yield* inject(Fault.http(sending, Fault.arriveLate("5 seconds")))
        yield* interrupt(uploads, provide(upload))
        yield* Effect.sleep("20 seconds")
        assert.strictEqual(uploads.forms.length, 1)
        assert.deepStrictEqual(yield* names, [])
        assert.strictEqual(yield* deletions, 1)
        assert.strictEqual(records.size, 0)
      })
    ))

  it.effect("deletes its image even if the server fails for a minute after the interruption", () =>
    withAssets(({ provide, records, uploads }) =>
      Effect.gen(function*() {
        yield* inject(Fault.http(sending, hangAfterwards))
        yield* inject(Fault.http({ ...list, ...always }, Fault.dropRequest))
        yield* interrupt(uploads, provide(upload))
        yield* Effect.sleep("1 minute")
        assert.strictEqual((yield* names).length, 1)
        yield* clearFaults
        yield* Effect.sleep("2 minutes")
        assert.deepStrictEqual(yield* names, [])
        assert.strictEqual(yield* deletions, 1)
        assert.strictEqual(records.size, 0)
      })
    ))

  it.effect("leaves no image and no record if the layer closes right after it", () =>
    withAssets(({ close, provide, records, uploads }) =>
      Effect.gen(function*() {
        yield* inject(Fault.http(sending, hangAfterwards))
        yield* interrupt(uploads, provide(upload))
        assert.isAtMost(yield* close, 3000)
        assert.deepStrictEqual(yield* names, [])
        assert.strictEqual(yield* deletions, 1)
        assert.strictEqual(records.size, 0)
      })
    ))

  it.effect("lets the layer close in time even if no request gets a response", () =>
    withAssets(({ close, provide, records, uploads }) =>
      Effect.gen(function*() {
        yield* inject(Fault.http(sending, hang), Fault.http({ ...list, ...always }, hang))
        yield* interrupt(uploads, provide(upload))
        assert.isAtMost(yield* close, 16_000)
        assert.strictEqual(records.size, 1)
      })
    ))

  it.effect("happens on a timeout: the upload fails in time, and its image is deleted", () =>
    withAssets(({ provide, uploads }) =>
      Effect.gen(function*() {
        yield* inject(Fault.http(sending, hangAfterwards), Fault.http({ ...list, ...always }, hang))
        let reason: string | undefined
        const impatient = Effect.scoped(Assets.uploadBytes(picture, { timeout: "1 minute" })).pipe(
          Effect.catch((error) =>
            Effect.sync(() => {
              reason = error._tag === "UploadError" ? error.reason : error._tag
            })
          )
        )
        const fiber = yield* begin(uploads, provide(impatient))
        const millis = yield* timed(Fiber.join(fiber))
        assert.strictEqual(reason, "Timeout")
        assert.isAtMost(millis, 60_000)
        yield* clearFaults
        yield* Effect.sleep("2 minutes")
        assert.deepStrictEqual(yield* names, [])
        assert.strictEqual(yield* deletions, 1)
      })
    ))

  it.effect("returns immediately from adopting an image if the server does not respond", () =>
    withAssets(({ provide }) =>
      Effect.gen(function*() {
        yield* inject(Fault.http(lookup, hang))
        const fiber = yield* Effect.forkChild(provide(Effect.scoped(Assets.adopt("a.png"))))
        yield* Effect.sleep("1 second")
        assert.strictEqual(yield* timed(Fiber.interrupt(fiber)), 0)
      })
    ))
})
