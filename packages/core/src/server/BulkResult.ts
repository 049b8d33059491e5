/**
 * The result of a request about several resources.
 *
 * @since 0.1.0
 */

/**
 * The result of a request about several resources: the names for which it succeeded, and those for which it failed.
 *
 * The server silently ignores names that do not exist or belong to another user; they are in `failed`.
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
