import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import { InvokeAiError } from "../../InvokeAiError.ts"
import type { InvokeAiClient } from "../InvokeAiClient.ts"
import { withReason } from "./errors.ts"

/**
 * Turns `NotFound` into `None`.
 *
 * @internal
 */
export const optional = <A, R>(
  effect: Effect.Effect<A, InvokeAiError, R>
): Effect.Effect<Option.Option<A>, InvokeAiError, R> =>
  effect.pipe(
    Effect.map(Option.some),
    Effect.catchIf((error) => error.reason._tag === "NotFound", () => Effect.succeedNone)
  )

/**
 * Interprets the failed request for one resource. A 404 is `NotFound` only if a list of the server lacks the resource,
 * because the server responds in the same way to a wrong path.
 *
 * @internal
 */
export const confirmed = (
  error: InvokeAiError,
  lacks: Effect.Effect<boolean, InvokeAiError>
): Effect.Effect<never, InvokeAiError> =>
  error.status === 404 && error.fromServer === true && error.reason._tag !== "Unsupported"
    ? Effect.flatMap(Effect.result(lacks), (looked) =>
      Effect.fail(
        Result.isFailure(looked)
          ? withReason(
            error,
            { _tag: "Server" },
            `${error.detail}; whether it is missing is unknown: ${looked.failure.message}`
          )
          : looked.success
          ? withReason(error, { _tag: "NotFound" }, error.detail)
          : withReason(error, { _tag: "Server" }, `${error.detail}, but the server lists it`)
      ))
    : Effect.fail(error)

/**
 * If the failed change of a resource may mean that it is missing, checks that and fails with `NotFound`.
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
        Effect.fail(missing ? withReason(error, { _tag: "NotFound" }, "it does not exist on the server") : error)
      )
    )))

/** A deletion that is repeated after transient failures; `after` learns whether an earlier attempt may have succeeded. */
const repeated = <A>(
  { repeat }: InvokeAiClient["Service"],
  once: Effect.Effect<A, InvokeAiError>,
  after: (attempts: Effect.Effect<A, InvokeAiError>, isUncertain: () => boolean) => Effect.Effect<A, InvokeAiError>
): Effect.Effect<A, InvokeAiError> =>
  Effect.suspend(() => {
    let uncertain = false
    const attempt = Effect.tapError(once, (error) =>
      Effect.sync(() => {
        uncertain ||= error.isAmbiguous && error.reason._tag !== "NotFound"
      }))
    return after(repeat(attempt), () => uncertain)
  })

/**
 * Deletes one resource, and retries after a transient failure. A retry that finds nothing has succeeded if the
 * response to an earlier attempt was lost.
 *
 * @internal
 */
export const deletion = (
  client: InvokeAiClient["Service"],
  once: Effect.Effect<void, InvokeAiError>
): Effect.Effect<void, InvokeAiError> =>
  repeated(
    client,
    once,
    (attempts, isUncertain) =>
      Effect.catchIf(attempts, (error) => isUncertain() && error.reason._tag === "NotFound", () => Effect.void)
  )

/**
 * Deletes several resources, and retries after a transient failure. If the response to an earlier attempt was lost,
 * resources that no longer exist count as deleted. Returns the names of the deleted resources.
 *
 * @internal
 */
export const deletionOfMany = (
  client: InvokeAiClient["Service"],
  names: ReadonlyArray<string>,
  once: Effect.Effect<ReadonlyArray<string>, InvokeAiError>,
  existing: Effect.Effect<ReadonlyArray<string>, InvokeAiError>
): Effect.Effect<ReadonlyArray<string>, InvokeAiError> =>
  repeated(client, once, (attempts, isUncertain) =>
    Effect.flatMap(attempts, (deleted) =>
      isUncertain()
        ? Effect.map(existing, (left) => names.filter((name) => !left.includes(name)))
        : Effect.succeed(deleted)))

/**
 * The server responded to a deletion with 200, but the resource is not among those that it deleted.
 *
 * @internal
 */
export const notDeleted = (server: string, path: string): InvokeAiError =>
  new InvokeAiError({
    reason: { _tag: "Server" },
    method: "DELETE",
    path,
    server,
    status: 200,
    detail: "the server did not delete it and reported no reason"
  })

/**
 * Whether a failed deletion may mean that the resource is missing: servers respond with 403, or as `notDeleted` says.
 *
 * @internal
 */
export const isRefusedDeletion = (error: InvokeAiError): boolean =>
  error.reason._tag === "Forbidden" || (error.reason._tag === "Server" && error.status === 200)
