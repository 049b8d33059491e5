/**
 * Which release of InvokeAI introduced a route.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"

/**
 * The oldest release that the library supports.
 *
 * @since 0.1.0
 * @category constants
 */
export const oldestRelease = "6.3"

/**
 * The releases that have a route and its inputs.
 *
 * @since 0.1.0
 * @category models
 */
export interface Availability {
  /** The first release that has the route, such as `"6.14"`; `undefined` if no release has it yet. */
  readonly since: string | undefined
  /**
   * The first releases of inputs that servers without them ignore or reject, by their place in the request, such as
   * `query.callable` or `payload.batch.idempotency_key`. The value has the meaning of `since`.
   */
  readonly inputs: Readonly<Record<string, string | undefined>>
}

/**
 * The annotation of an endpoint that says which releases have it. Without one, all supported releases do.
 *
 * **Example** (The first release with videos)
 *
 * ```ts
 * import { InvokeAiApi, Since } from "@effect-invokeai/core/server/InvokeAiClient"
 * import * as Context from "effect/Context"
 *
 * const { upload } = InvokeAiApi.groups.videos.endpoints
 * export const release = Context.get(upload.annotations, Since).since
 * ```
 *
 * @since 0.1.0
 * @category annotations
 */
export const Since = Context.Reference<Availability>("@effect-invokeai/core/server/Since", {
  defaultValue: () => ({ since: oldestRelease, inputs: {} })
})

/**
 * The value of `Since` for a route, and for its inputs that came later.
 *
 * @since 0.1.0
 * @category constructors
 */
export const since = (
  release: string | undefined,
  inputs: Readonly<Record<string, string | undefined>> = {}
): Availability => ({ since: release, inputs })
