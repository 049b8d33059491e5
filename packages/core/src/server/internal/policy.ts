import * as Context from "effect/Context"

/**
 * Marks an endpoint whose repetition changes nothing more, so that it is repeated after a transient failure. Reads
 * (`GET` and `HEAD`) are repeated without it.
 *
 * @internal
 */
export const Idempotent = Context.Reference<boolean>("@effect-invokeai/core/server/Idempotent", {
  defaultValue: () => false
})

/**
 * Marks an endpoint with large bodies, which gets the longer timeout.
 *
 * @internal
 */
export const Transfer = Context.Reference<boolean>("@effect-invokeai/core/server/Transfer", {
  defaultValue: () => false
})
