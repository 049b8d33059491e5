import * as Context from "effect/Context"

/**
 * Marks an endpoint as idempotent, so that it is retried after a transient failure. Reads (`GET` and `HEAD`) are retried
 * without it.
 *
 * @internal
 */
export const Idempotent = Context.Reference<boolean>("@effect-invokeai/core/server/Idempotent", {
  defaultValue: () => false
})

/**
 * Marks an endpoint for which the server has to compute something. A call of it that timed out is not repeated: the server
 * may still be at work, and would be at work twice.
 *
 * @internal
 */
export const Computation = Context.Reference<boolean>("@effect-invokeai/core/server/Computation", {
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

/**
 * What a response repeats of its request, as paths: the values at `response` must be among those at `request`. Lists on the
 * way stand for all their elements.
 *
 * @internal
 */
export interface Echo {
  /** Begins with `params`, `query` or `payload`. */
  readonly request: string
  /** In the JSON of the response; `filename` is that of the header `content-disposition`. */
  readonly response: string
}

/**
 * Marks the parts of its request that the response of an endpoint echoes, in addition to path parameters, which a
 * response repeats under the same name.
 *
 * @internal
 */
export const Echoes = Context.Reference<ReadonlyArray<Echo>>("@effect-invokeai/core/server/Echoes", {
  defaultValue: () => []
})

/** @internal */
export const echoes = (request: string, ...responses: ReadonlyArray<string>): ReadonlyArray<Echo> =>
  responses.map((response) => ({ request, response }))
