import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FiberSet from "effect/FiberSet"
import type * as Scope from "effect/Scope"
import { elapsedMillisUnsafe } from "../../internal/elapsed.ts"

/**
 * Interrupts what takes too long, and fails with what `late` says then; it is given the time that was allowed, in
 * milliseconds.
 *
 * @internal
 */
export type Deadline = <A, E, E2, R>(
  effect: Effect.Effect<A, E, R>,
  late: (millis: number) => E2
) => Effect.Effect<A, E | E2, R>

interface Running {
  readonly until: number
  readonly expire: () => void
}

/** For how long the watch goes on when there is nothing to watch over, in milliseconds. */
const longestSleep = 1000

/**
 * One deadline for many effects.
 *
 * **Details**
 *
 * A single fiber watches over all of them: who began first is the first to be late. `Effect.timeoutOrElse` makes a timer and
 * two fibers for each, and takes them away again, also where the answer comes at once.
 *
 * @internal
 */
export const make = Effect.fnUntraced(function*(limit: Duration.Input): Effect.fn.Return<
  Deadline,
  never,
  Scope.Scope
> {
  const millis = Duration.toMillis(Duration.fromInputUnsafe(limit))
  const clock = yield* Clock.Clock
  const fork = yield* FiberSet.makeRuntime()
  const running = new Set<Running>()
  let isWatched = false

  const watch = Effect.gen(function*() {
    for (let [first] = running; first !== undefined; [first] = running) {
      const left = first.until - elapsedMillisUnsafe(clock)
      if (left > 0) yield* Effect.sleep(Math.min(left, longestSleep))
      else first.expire()
    }
    isWatched = false
  })

  return <A, E, E2, R>(effect: Effect.Effect<A, E, R>, late: (millis: number) => E2): Effect.Effect<A, E | E2, R> =>
    Effect.contextWith((context) =>
      Effect.callback<A, E | E2>((resume) => {
        const work = Effect.runForkWith(context)(effect)
        const end = () => running.delete(one)
        const one: Running = {
          until: elapsedMillisUnsafe(clock) + millis,
          expire: () => {
            end()
            resume(Effect.andThen(Fiber.interrupt(work), Effect.failSync(() => late(millis))))
          }
        }
        running.add(one)
        work.addObserver((exit) => {
          end()
          resume(exit)
        })
        if (!isWatched && running.size > 0) {
          isWatched = true
          fork(watch)
        }
        return Effect.andThen(Effect.sync(end), Fiber.interrupt(work))
      })
    )
})
