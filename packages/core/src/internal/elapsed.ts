/**
 * A monotonic clock in milliseconds, for measuring durations.
 *
 * The wall clock can be adjusted at any time, so the difference of two readings is not a duration.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

const toMillis = (nanos: bigint): number => Number(nanos) / 1e6

/** @internal */
export const elapsedMillisUnsafe = (clock: Clock.Clock): number => toMillis(clock.monotonicTimeNanosUnsafe())

/** @internal */
export const elapsedMillis: Effect.Effect<number> = Effect.map(Clock.monotonicTimeNanos, toMillis)
