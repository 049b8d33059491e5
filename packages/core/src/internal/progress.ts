/**
 * Observes the requests of an effect, for time limits that only count waiting for the server.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import { elapsedMillisUnsafe } from "./elapsed.ts"

/**
 * A request: `path` and `sent` are up to date when they are read.
 *
 * @internal
 */
export interface Request {
  readonly server: string | undefined
  readonly method: string
  readonly path: string
  readonly sent: boolean
}

/**
 * The client reports its requests here: each that begins, and each that succeeds.
 *
 * @internal
 */
export const Progress = Context.Reference<{
  readonly began: (request: Request) => void
  readonly succeeded: () => void
}>("@effect-invokeai/core/internal/Progress", {
  defaultValue: () => ({ began: () => {}, succeeded: () => {} })
})

/**
 * The requests of an effect so far.
 *
 * - `latest`: the one that started last.
 * - `productive`: how long the effect had run at its last successful request, in milliseconds.
 *
 * @internal
 */
export interface Observed {
  latest: Request | undefined
  productive: number
}

/**
 * Interrupts an effect and returns `None` if no request of it succeeds for `millis` milliseconds.
 *
 * @internal
 */
export const whileProgressing = <A, E, R>(
  effect: Effect.Effect<A, E, R>,
  millis: number,
  observed: Observed = { latest: undefined, productive: 0 }
): Effect.Effect<Option.Option<A>, E, R> =>
  Effect.gen(function*() {
    const clock = yield* Clock.Clock
    const outer = yield* Progress
    const began = elapsedMillisUnsafe(clock)
    const elapsed = () => elapsedMillisUnsafe(clock) - began
    observed.productive = 0
    const cut: Effect.Effect<Option.Option<A>> = Effect.suspend(() => {
      const left = observed.productive + millis - elapsed()
      return left <= 0 ? Effect.succeedNone : Effect.andThen(Effect.sleep(left), cut)
    })
    return yield* Effect.raceFirst(
      Effect.asSome(Effect.provideService(effect, Progress, {
        began: (request) => {
          observed.latest = request
          outer.began(request)
        },
        succeeded: () => {
          observed.productive = elapsed()
          outer.succeeded()
        }
      })),
      cut
    )
  })

/**
 * Marks an effect whose requests only poll: they do not count as progress, but the end of the effect does.
 *
 * @internal
 */
export const waiting = <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
  Effect.flatMap(Progress, ({ began, succeeded }) =>
    effect.pipe(
      Effect.provideService(Progress, { began, succeeded: () => {} }),
      Effect.tap(() => Effect.sync(succeeded))
    ))
