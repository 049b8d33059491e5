/** Every time limit holds, whatever the server does: it may accept requests and never respond to them. */
import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as InvokeAi from "@effect-invokeai/core/InvokeAi"
import * as Job from "@effect-invokeai/core/job/Job"
import { JobJournal } from "@effect-invokeai/core/job/JobJournal"
import * as Fault from "@effect-invokeai/testing/Fault"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import { Simulator } from "@effect-invokeai/testing/Simulator"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HttpClient from "effect/http/HttpClient"
import type * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as Scope from "effect/Scope"
import * as SimulatorEventTransport from "../../packages/testing/src/internal/SimulatorEventTransport.ts"
import * as SimulatorHttpClient from "../../packages/testing/src/internal/SimulatorHttpClient.ts"
import { png } from "../media.ts"
import { drive } from "../time.ts"
import { batchOf } from "./server.ts"

/** Which requests get no response now. */
interface Network {
  hangs: (request: HttpClientRequest.HttpClientRequest) => boolean
  /** How long the others take to arrive. */
  delay: Duration.Input
}

const everything = () => true
const nothing = () => false

/** The client of a simulated server, behind a network that can stop to deliver requests. */
const layer = (network: Network, options: InvokeAi.Options = {}) =>
  InvokeAi.layer({ ...options, url: InvokeAiTest.url }).pipe(
    Layer.provide([
      Layer.effect(
        HttpClient.HttpClient,
        Effect.map(
          HttpClient.HttpClient,
          (client) =>
            HttpClient.transform(
              client,
              (response, request) =>
                Effect.suspend(() => network.hangs(request) ? Effect.never : Effect.delay(response, network.delay))
            )
        )
      ).pipe(Layer.provide(SimulatorHttpClient.layer())),
      SimulatorEventTransport.layer({ reconnectDelay: "1 second" })
    ])
  )

const elapsed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const began = yield* Clock.currentTimeMillis
    const exit = yield* Effect.exit(effect)
    return { exit, millis: (yield* Clock.currentTimeMillis) - began }
  })

type Services = InvokeAi.Services | Simulator | JobJournal

/** Runs a program on a simulated server whose node takes a minute; says how long closing the client takes. */
const withNetwork = <A, E>(
  program: (network: Network, close: Effect.Effect<number>) => Effect.Effect<A, E, Services>,
  options?: InvokeAi.Options
) =>
  drive(
    Effect.gen(function*() {
      const network: Network = { hangs: nothing, delay: 0 }
      const scope = yield* Scope.make()
      const context = yield* Layer.buildWithScope(layer(network, options), scope)
      const close = Effect.map(elapsed(Scope.close(scope, Exit.void)), ({ millis }) => millis)
      return yield* Effect.provideContext(program(network, close), context)
    }).pipe(
      Effect.provide([Simulator.layer({ nodeDuration: "1 minute" }), JobJournal.layerMemory])
    )
  )

/** A job that runs, and the scope that it belongs to. */
const begin = (options?: Job.JobOptions) =>
  Effect.gen(function*() {
    const scope = yield* Scope.make()
    const job = yield* Scope.provide(Job.submitBatch(batchOf(2), options), scope)
    yield* Effect.sleep("1 second")
    return { job, close: Scope.close(scope, Exit.void) }
  })

const statuses = Effect.map(
  Simulator.use((simulator) => simulator.state),
  ({ items }) => items.map((item) => item.status)
)

describe("On a slow server that serves every request", () => {
  for (const delay of [2500, 4000, 10_000]) {
    it.effect(`closing cancels the job and deletes the upload with ${delay} ms for each request`, () =>
      withNetwork((network, close) =>
        Effect.gen(function*() {
          const scope = yield* Scope.make()
          yield* Scope.provide(
            Effect.andThen(Assets.uploadBytes(png(8, 8)), Job.submitBatch(batchOf(20))),
            scope
          )
          yield* Effect.sleep("1 second")
          network.delay = delay
          yield* Scope.close(scope, Exit.void)
          yield* close
          const state = yield* Simulator.use((simulator) => simulator.state)
          assert.isTrue(state.items.every((item) => item.status === "canceled"))
          assert.deepStrictEqual(state.images.map((image) => image.name), [])
        })
      ))
  }
})

describe("On a server that accepts requests and never responds", () => {
  it.effect("closing the scope of a job takes at most closeTimeout, and less than a second more", () =>
    withNetwork((network, close) =>
      Effect.gen(function*() {
        const { close: closeScope } = yield* begin()
        network.hangs = everything
        const { millis } = yield* elapsed(closeScope)
        assert.isAtLeast(millis, 15_000)
        assert.isBelow(millis, 16_000)
        assert.isBelow(yield* close, 1000)
        assert.strictEqual((yield* (yield* JobJournal).entries).length, 1, "the journal knows the job")
      })
    ))

  it.effect("closing reports an upload as not tried if closeTimeout leaves no time for it", () =>
    withNetwork((network) =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        yield* Scope.provide(Effect.andThen(Assets.uploadBytes(png(8, 8)), Job.submitBatch(batchOf())), scope)
        network.hangs = everything
        yield* Scope.close(scope, Exit.void)
        const [leftover] = yield* Assets.Assets.use((assets) => assets.leftovers)
        assert.include(leftover?.error.message, "not attempted: closeTimeout had passed")
        assert.isFalse(leftover?.error.sent)
      })
    ))

  it.effect("a completed job has nothing to clean up, however little time is left", () =>
    withNetwork((network) =>
      Effect.gen(function*() {
        const warnings: Array<string> = []
        const logger = Logger.make(({ logLevel, message }) => {
          if (logLevel === "Warn") warnings.push(String(message))
        })
        const scope = yield* Scope.make()
        const completed = yield* Scope.provide(Job.submitBatch(batchOf(1)), scope)
        yield* completed.await
        yield* Scope.provide(Job.submitBatch(batchOf()), scope)
        network.hangs = everything
        yield* Scope.close(scope, Exit.void).pipe(Effect.provide(Logger.layer([logger])))
        assert.isNotEmpty(warnings)
        assert.notInclude(warnings.join(), completed.batchId)
      })
    ))

  it.effect("closing takes no longer than closeTimeout", () =>
    withNetwork((network) =>
      Effect.gen(function*() {
        const { close } = yield* begin()
        network.hangs = everything
        const { millis } = yield* elapsed(close)
        assert.isAtLeast(millis, 3000)
        assert.isBelow(millis, 4000)
      }), { closeTimeout: "3 seconds" }))

  it.effect("jobs and uploads of a scope share closeTimeout", () =>
    withNetwork((network) =>
      Effect.gen(function*() {
        const scope = yield* Scope.make()
        yield* Scope.provide(
          Effect.gen(function*() {
            yield* Assets.uploadBytes(png(8, 8))
            yield* Assets.uploadBytes(png(8, 9))
            yield* Job.submitBatch(batchOf())
            yield* Job.submitBatch(batchOf())
          }),
          scope
        )
        network.hangs = everything
        const { millis } = yield* elapsed(Scope.close(scope, Exit.void))
        assert.isBelow(millis, 16_000)
      })
    ))

  it.effect("job.await fails less than a second after its timeout, and does not claim a cancellation", () =>
    withNetwork((network) =>
      Effect.gen(function*() {
        const { job } = yield* begin()
        network.hangs = everything
        const { exit, millis } = yield* elapsed(Effect.flip(Job.await(job, { timeout: "2 seconds" })))
        assert.isAtLeast(millis, 2000)
        assert.isBelow(millis, 3000)
        assert(Exit.isSuccess(exit))
        const error = exit.value
        assert(error._tag === "WorkflowNotCompleted")
        assert.deepInclude(error.reason, { _tag: "JobTimeout", canceled: false, remaining: [1, 2] })
        assert.include(error.message, "has not confirmed the cancellation")
        assert.notInclude(error.message, "was canceled")
        network.hangs = nothing
        yield* job.cancel
        assert.deepStrictEqual(yield* statuses, ["canceled", "canceled"])
      })
    ))

  it.effect("job.cancel fails after closeTimeout", () =>
    withNetwork((network) =>
      Effect.gen(function*() {
        const { job } = yield* begin()
        network.hangs = everything
        const { exit, millis } = yield* elapsed(job.cancel)
        assert.isTrue(Exit.isFailure(exit))
        assert.isBelow(millis, 16_000)
      })
    ))

  it.effect("a program that awaits the enqueue request ends in time", () =>
    withNetwork((network) =>
      Effect.gen(function*() {
        network.hangs = ({ url }) => url.includes("enqueue_batch")
        const fiber = yield* Effect.forkChild(Effect.scoped(Job.submitBatch(batchOf())))
        yield* Effect.sleep("5 seconds")
        const { millis } = yield* elapsed(Fiber.interrupt(fiber))
        assert.isBelow(millis, 16_000)
      })
    ))
})

describe("Canceling", () => {
  it.effect("is confirmed in a JobTimeout only if the server confirmed it", () =>
    withNetwork(() =>
      Effect.gen(function*() {
        const { job } = yield* begin()
        const error = yield* Effect.flip(Job.await(job, { timeout: "2 seconds" }))
        assert(error._tag === "WorkflowNotCompleted")
        assert.deepInclude(error.reason, { _tag: "JobTimeout", canceled: true, remaining: [] })
        assert.include(error.message, "It was canceled")
        assert.deepStrictEqual(yield* statuses, ["canceled", "canceled"])
      })
    ))

  it.effect("continues if the wait for it is interrupted", () =>
    withNetwork((network) =>
      Effect.gen(function*() {
        const { job } = yield* begin()
        network.delay = "2 seconds"
        const fiber = yield* Effect.forkChild(job.cancel)
        yield* Effect.sleep("1 second")
        assert.strictEqual((yield* elapsed(Fiber.interrupt(fiber))).millis, 0)
        assert.deepStrictEqual(yield* statuses, ["in_progress", "pending"])
        yield* Effect.sleep("2 seconds")
        assert.deepStrictEqual(yield* statuses, ["canceled", "canceled"])
      })
    ))

  it.effect("is retried in the background after the scope closed, together with deleting images and the journal", () =>
    withNetwork((network) =>
      Effect.gen(function*() {
        const { close } = yield* begin()
        network.hangs = everything
        yield* close
        assert.deepStrictEqual(yield* statuses, ["in_progress", "pending"])
        network.hangs = nothing
        yield* Effect.sleep("3 minutes")
        const state = yield* Simulator.use((simulator) => simulator.state)
        assert.isTrue(state.items.every((item) => item.status === "canceled" || item.status === "completed"))
        assert.deepStrictEqual(state.images.map((image) => image.name), [])
        assert.deepStrictEqual(yield* (yield* JobJournal).entries, [])
      })
    ))

  it.effect("is tried once more when the client closes", () =>
    withNetwork((network, close) =>
      Effect.gen(function*() {
        const { close: closeScope } = yield* begin()
        network.hangs = everything
        yield* closeScope
        network.hangs = nothing
        assert.isBelow(yield* close, 1000)
        assert.deepStrictEqual(yield* statuses, ["canceled", "canceled"])
      })
    ))

  it.effect("succeeds even if a proxy responds to the first requests with web pages", () =>
    drive(
      Effect.gen(function*() {
        const { close, job } = yield* begin()
        const result = yield* job.cancel
        assert.deepInclude(result, { confirmed: true, canceled: [1, 2], remaining: [] })
        yield* close
      }).pipe(
        Effect.provide([
          InvokeAiTest.layer({
            nodeDuration: "1 minute",
            faults: [
              Fault.http({ method: "PUT", path: /cancel_by_batch_ids$/, times: 2 }, Fault.corruptBody()),
              Fault.http({ method: "GET", path: /\/b\/[^/]+\/status$/, times: 2 }, Fault.corruptBody())
            ]
          }),
          JobJournal.layerMemory
        ])
      )
    ))
})
