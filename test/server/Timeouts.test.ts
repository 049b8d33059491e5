import { InvokeAiClient } from "@effect-invokeai/core/server/InvokeAiClient"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import type * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as HttpClient from "effect/http/HttpClient"
import * as HttpClientResponse from "effect/http/HttpClientResponse"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import { withJumps } from "../job/jumpingClock.ts"
import { json } from "./scriptedHttp.ts"

/** A client with a timeout of 5 seconds, whose server does this before it responds. */
const layer = (before: () => Effect.Effect<unknown>) =>
  InvokeAiClient.layer({ url: "http://server.test:9090", timeout: "5 seconds", retries: 0 }).pipe(
    Layer.provide(Layer.succeed(
      HttpClient.HttpClient,
      HttpClient.make((request) =>
        Effect.map(
          Effect.suspend(before),
          () => HttpClientResponse.fromWeb(request, json({ version: "6.14.2" }))
        )
      )
    ))
  )

const call = Effect.flatMap(InvokeAiClient, (client) => client.call((api) => api.app.version({})))

/** How a call ends. */
const outcome = Effect.match(call, { onFailure: (error) => error.code, onSuccess: () => "done" })

describe("the timeout of a call", () => {
  it.effect("starts with each call", () => {
    const takes = [60, 1, 4.5, 60, 5.5, 60]
    const begin = Effect.forkChild(
      Effect.flatMap(outcome, (how) => Effect.map(Clock.currentTimeMillis, (now) => [how, now] as const))
    )
    return Effect.gen(function*() {
      const fibers: Array<Fiber.Fiber<readonly [string | undefined, number]>> = []
      for (let index = 0; index < 5; index++) {
        fibers.push(yield* begin)
        yield* TestClock.adjust("300 millis")
      }
      yield* TestClock.adjust("10 minutes")
      fibers.push(yield* begin)
      yield* TestClock.adjust("6 seconds")
      assert.deepStrictEqual(yield* Fiber.joinAll(fibers), [
        ["ETIMEDOUT", 5000],
        ["done", 1300],
        ["done", 5100],
        ["ETIMEDOUT", 5900],
        ["ETIMEDOUT", 6200],
        ["ETIMEDOUT", 606_500]
      ])
    }).pipe(Effect.provide(layer(() => Effect.sleep(`${takes.shift() ?? 0} seconds`))))
  })

  it.effect("interrupts the request before the call fails", () => {
    let isInterrupted = false
    const request = Effect.onInterrupt(Effect.never, () =>
      Effect.andThen(
        Effect.sleep("2 seconds"),
        Effect.sync(() => {
          isInterrupted = true
        })
      ))
    return Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(outcome)
      yield* TestClock.adjust("6 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("2 seconds")
      assert.strictEqual(yield* Fiber.join(fiber), "ETIMEDOUT")
      assert.isTrue(isInterrupted)
    }).pipe(Effect.provide(layer(() => request)))
  })

  it.effect("lets an interrupted call end only after its request has ended", () => {
    let hasEnded = false
    const request = Effect.onInterrupt(Effect.never, () =>
      Effect.sync(() => {
        hasEnded = true
      }))
    return Effect.gen(function*() {
      const fiber = yield* Effect.forkChild(outcome)
      yield* Effect.yieldNow
      yield* Fiber.interrupt(fiber)
      assert.isTrue(hasEnded)
    }).pipe(Effect.provide(layer(() => request)))
  })

  it.effect("fires on time when the wall clock jumps", () =>
    Effect.gen(function*() {
      for (const jump of [-3_600_000, 3_600_000]) {
        yield* Effect.gen(function*() {
          const fiber = yield* Effect.forkChild(outcome)
          yield* TestClock.adjust("4900 millis")
          assert.isUndefined(fiber.pollUnsafe())
          yield* TestClock.adjust("200 millis")
          assert.strictEqual(yield* Fiber.join(fiber), "ETIMEDOUT")
        }).pipe(
          Effect.provide(layer(() => Effect.never)),
          (program) => withJumps((elapsed) => elapsed > 1000 ? jump : 0, program)
        )
      }
    }))

  it.effect("leaves no timer after the call has ended", () =>
    Effect.gen(function*() {
      const clock = yield* Clock.Clock
      let sleeping = 0
      const seen: Array<number> = []
      const count = (by: number) =>
        Effect.sync(() => {
          sleeping += by
        })
      const counting: Clock.Clock = Object.assign(Object.create(clock), {
        sleep: (time: Duration.Duration) => Effect.ensuring(Effect.andThen(count(1), clock.sleep(time)), count(-1))
      })
      const request = Effect.andThen(Effect.yieldNow, Effect.sync(() => seen.push(sleeping)))
      yield* call.pipe(Effect.provide(layer(() => request)), Effect.provideService(Clock.Clock, counting))
      assert.deepStrictEqual([seen, sleeping], [[1], 0])
    }))
})
