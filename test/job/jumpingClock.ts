/** A wall clock that is corrected while a program runs; its monotonic clock and its timers go on as they should. */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

/** The clock of the test, whose wall time is `offset(elapsed)` milliseconds off. */
export const withJumps = <A, E, R>(
  offset: (elapsed: number) => number,
  effect: Effect.Effect<A, E, R>
): Effect.Effect<A, E, R> =>
  Effect.flatMap(Clock.Clock, (clock) => {
    const began = clock.currentTimeMillisUnsafe()
    const millis = () => {
      const now = clock.currentTimeMillisUnsafe()
      return now + offset(now - began)
    }
    const nanos = () => BigInt(Math.round(millis())) * 1_000_000n
    const jumping: Clock.Clock = Object.assign(Object.create(clock), {
      currentTimeMillisUnsafe: millis,
      currentTimeMillis: Effect.sync(millis),
      currentTimeNanosUnsafe: nanos,
      currentTimeNanos: Effect.sync(nanos)
    })
    return Effect.provideService(effect, Clock.Clock, jumping)
  })
