/**
 * The result of a request about several things.
 *
 * @since 0.1.0
 */

/**
 * What became of a request about several things: the names it was done for, and those it was not done for.
 *
 * The server ignores names that do not exist or belong to another user, and does not say so; they are in `failed`.
 *
 * @since 0.1.0
 * @category models
 */
export interface BulkResult {
  /** The names that the request succeeded for. */
  readonly succeeded: ReadonlyArray<string>
  /** The names that it did not succeed for, for example because they do not exist or belong to another user. */
  readonly failed: ReadonlyArray<string>
}
