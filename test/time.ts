/** The test clock, moved while a program runs. */
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as TestClock from "effect/testing/TestClock"

/** Runs an effect while the test clock moves, for at most an hour of its time. */
export const drive = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const fiber = yield* Effect.forkChild(effect)
    for (let step = 0; step < 36_000 && fiber.pollUnsafe() === undefined; step++) {
      yield* TestClock.adjust("100 millis")
    }
    if (fiber.pollUnsafe() === undefined) {
      yield* Effect.forkDetach(Fiber.interrupt(fiber))
      return yield* Effect.die("still running after an hour")
    }
    return yield* Fiber.join(fiber)
  })
