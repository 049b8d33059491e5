import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { InvokeAiError } from "../InvokeAiError.ts"
import { retold } from "./failures.ts"

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
    Effect.catchIf((error) => error.reason === "NotFound", () => Effect.succeedNone)
  )

/**
 * A failed change of one thing, where the server's answer may mean that there is no such thing: looks, and says so.
 *
 * @internal
 */
export const orNotFound = <A, B>(
  change: Effect.Effect<A, InvokeAiError>,
  find: Effect.Effect<Option.Option<B>, InvokeAiError>,
  mayBeMissing: (error: InvokeAiError) => boolean
): Effect.Effect<A, InvokeAiError> =>
  change.pipe(Effect.catchIf(mayBeMissing, (error) =>
    find.pipe(
      Effect.map(Option.isNone),
      Effect.orElseSucceed(() => false),
      Effect.flatMap((missing) =>
        Effect.fail(missing ? retold(error, "NotFound", "there is no such thing on the server") : error)
      )
    )))

/**
 * The server answered a deletion with 200, but the thing is not among those that it deleted.
 *
 * @internal
 */
export const notDeleted = (server: string, path: string): InvokeAiError =>
  new InvokeAiError({
    reason: "Server",
    method: "DELETE",
    path,
    server,
    status: 200,
    detail: "the server did not delete it, and does not say why"
  })
