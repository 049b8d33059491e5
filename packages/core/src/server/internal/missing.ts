import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { InvokeAiError } from "../InvokeAiError.ts"

/**
 * `None` for what is not there.
 *
 * @internal
 */
export const optional = <A, R>(
  effect: Effect.Effect<A, InvokeAiError, R>
): Effect.Effect<Option.Option<A>, InvokeAiError, R> =>
  effect.pipe(
    Effect.map(Option.some),
    Effect.catchIf((error) => error.reason === "NotFound", () => Effect.succeed(Option.none<A>()))
  )
