import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"
import * as Deadline from "../../packages/core/src/server/internal/deadline.ts"
import { withJumps } from "../job/jumpingClock.ts"

const seconds = (count: number) => Duration.seconds(count)

describe("one deadline for many", () => {
  it.effect("each is late at its own time, and only those that are not done", () =>
    Effect.gen(function*() {
      const within = yield* Deadline.make(seconds(5))
      const begin = (takes: number) =>
        Effect.forkChild(
          within(Effect.as(Effect.sleep(seconds(takes)), "done"), () => "late").pipe(
            Effect.catch(Effect.succeed),
            Effect.flatMap((how) => Effect.map(Clock.currentTimeMillis, (now) => [how, now] as const))
          )
        )
      const fibers: Array<Fiber.Fiber<readonly [string, number]>> = []
      for (const takes of [60, 1, 4.5, 60, 5.5]) {
        fibers.push(yield* begin(takes))
        yield* TestClock.adjust("300 millis")
      }
      yield* TestClock.adjust("10 minutes")
      // after a pause in which there was nothing to watch over
      fibers.push(yield* begin(60))
      yield* TestClock.adjust("6 seconds")
      assert.deepStrictEqual(yield* Fiber.joinAll(fibers), [
        ["late", 5000],
        ["done", 1300],
        ["done", 5100],
        ["late", 5900],
        ["late", 6200],
        ["late", 606_500]
      ])
    }).pipe(Effect.scoped))

  it.effect("what is late is interrupted before that is told", () =>
    Effect.gen(function*() {
      const within = yield* Deadline.make(seconds(5))
      const told: Array<string> = []
      const work = Effect.onInterrupt(Effect.never, () => Effect.as(Effect.sleep(seconds(2)), told.push("interrupted")))
      const fiber = yield* Effect.forkChild(Effect.flip(within(work, () => told.push("late"))))
      yield* TestClock.adjust("6 seconds")
      assert.isUndefined(fiber.pollUnsafe())
      yield* TestClock.adjust("2 seconds")
      yield* Fiber.join(fiber)
      assert.deepStrictEqual(told, ["interrupted", "late"])
    }).pipe(Effect.scoped))

  it.effect("who is interrupted waits until the work has ended", () =>
    Effect.gen(function*() {
      const within = yield* Deadline.make(seconds(5))
      let ended = false
      const work = Effect.onInterrupt(Effect.never, () =>
        Effect.sync(() => {
          ended = true
        }))
      const fiber = yield* Effect.forkChild(within(work, () => "late"))
      yield* Effect.yieldNow
      yield* Fiber.interrupt(fiber)
      assert.isTrue(ended)
    }).pipe(Effect.scoped))

  it.effect("fires on time when the wall clock jumps", () =>
    Effect.gen(function*() {
      for (const jump of [-3_600_000, 3_600_000]) {
        yield* Effect.gen(function*() {
          const within = yield* Deadline.make(seconds(5))
          const fiber = yield* Effect.forkChild(Effect.flip(within(Effect.never, () => "late")))
          yield* TestClock.adjust("4900 millis")
          assert.isUndefined(fiber.pollUnsafe())
          yield* TestClock.adjust("200 millis")
          assert.strictEqual(yield* Fiber.join(fiber), "late")
        }).pipe(Effect.scoped, (program) => withJumps((elapsed) => elapsed > 1000 ? jump : 0, program))
      }
    }))

  it.effect("the watch ends with its scope, and soon when there is nothing to watch over", () =>
    Effect.gen(function*() {
      const clock = yield* Clock.Clock
      let sleeping = 0
      const count = (by: number) => Effect.sync(() => void (sleeping += by))
      const counting: Clock.Clock = Object.assign(Object.create(clock), {
        sleep: (time: Duration.Duration) => Effect.ensuring(Effect.andThen(count(1), clock.sleep(time)), count(-1))
      })
      yield* Effect.gen(function*() {
        const within = yield* Deadline.make(seconds(60))
        yield* within(Effect.yieldNow, () => "late")
        assert.strictEqual(sleeping, 1)
        yield* TestClock.adjust("1 second")
        assert.strictEqual(sleeping, 0)
        yield* within(Effect.yieldNow, () => "late")
        assert.strictEqual(sleeping, 1)
      }).pipe(Effect.scoped, Effect.provideService(Clock.Clock, counting))
      assert.strictEqual(sleeping, 0)
    }))
})
