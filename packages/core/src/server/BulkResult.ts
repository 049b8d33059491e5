/**
 * The result of a request about several things.
 *
 * @since 0.1.0
 */

/**
 * What became of a request about several things: the names it was done for, and those it was not done for.
 *
 * The server passes over names that do not exist or belong to someone else without a word; they are in `failed`.
 *
 * @since 0.1.0
 * @category models
 */
export interface BulkResult {
  readonly done: ReadonlyArray<string>
  readonly failed: ReadonlyArray<string>
}
