/**
 * How runs and servers of a farm are.
 *
 * @since 0.1.0
 */

/**
 * How far a run is.
 *
 * @category models
 * @since 0.1.0
 */
export interface RunStatus {
  /** The name of the run. */
  readonly run: string
  /**
   * `running`: workers take its items. `paused`: none is taken, and those that run continue. `canceled`: the items without a
   * result were canceled. `finished`: every item has a result.
   */
  readonly state: "running" | "paused" | "canceled" | "finished"
  /** Of several runs, items of the one with the highest priority are taken first. */
  readonly priority: number
  /** How many items the run has. */
  readonly total: number
  /** How many wait for a server. */
  readonly waiting: number
  /** How many a server has. */
  readonly running: number
  /** How many made their files. */
  readonly completed: number
  /** How many failed for good. */
  readonly failed: number
  /** How many were canceled. */
  readonly canceled: number
  /** Results of the last 60 seconds, per second. */
  readonly perSecond: number
  /** The expected time until every item has a result, in milliseconds. `undefined` if no item ended lately. */
  readonly remaining: number | undefined
  /** How many results are of each server, by URL. */
  readonly servers: Readonly<Record<string, number>>
  /** When the run was offered first, in milliseconds since 1970. */
  readonly createdAt: number
}

/**
 * How a server is.
 *
 * @category models
 * @since 0.1.0
 */
export interface ServerStatus {
  /** The URL of the server. */
  readonly url: string
  /** How many items the server may have at the same time. */
  readonly concurrency: number
  /** How many items it has. */
  readonly running: number
  /**
   * `active`: it gets items. `draining`: it gets none, and finishes those that it has. `failing`: it is left alone until
   * `retryAt`. `removed`: as draining, and the farm forgets it afterwards.
   */
  readonly state: "active" | "draining" | "failing" | "removed"
  /** How many times in a row it failed. */
  readonly failures: number
  /** Since when it fails, in milliseconds since 1970. `undefined` if it does not. */
  readonly failingSince: number | undefined
  /** When it is tried again, in milliseconds since 1970. `undefined` if it does not fail. */
  readonly retryAt: number | undefined
  /** Why it failed last. `undefined` if it does not fail. */
  readonly problem: string | undefined
}
