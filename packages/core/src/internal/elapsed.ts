/**
 * Milliseconds for measuring how long something takes, from a clock that only moves forward.
 *
 * The wall clock jumps when the system corrects it; a difference of two of its readings is not a duration.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"

const toMillis = (nanos: bigint): number => Number(nanos) / 1e6

/** @internal */
export const elapsedMillisUnsafe = (clock: Clock.Clock): number => toMillis(clock.monotonicTimeNanosUnsafe())

/** @internal */
export const elapsedMillis: Effect.Effect<number> = Effect.map(Clock.monotonicTimeNanos, toMillis)
