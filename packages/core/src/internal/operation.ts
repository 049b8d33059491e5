import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Tracer from "effect/Tracer"

/** Whether nobody traces: only Effect's own spans would be made, which nothing shows. */
export const isUntraced = (fiber: Fiber.Fiber<unknown, unknown>): boolean =>
  fiber.getRef(Tracer.Tracer) === Tracer.nativeTracer

/**
 * A step that the library itself takes for each job: a span where somebody traces, and nothing where nobody does. What users
 * call is `Effect.fn`, which notes the place of the call as well and takes its time for that.
 */
export const operation =
  (name: string, attributes: Readonly<Record<string, string | number>>) =>
  <A, E, R>(effect: Effect.Effect<A, E, R>): Effect.Effect<A, E, R> =>
    Effect.withFiber((fiber) => isUntraced(fiber) ? effect : Effect.withSpan(effect, name, { attributes }))
