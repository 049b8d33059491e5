/**
 * What became of an item of a run.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * A file that an item made.
 *
 * @category schemas
 * @since 0.1.0
 */
export class FarmFile extends Schema.Opaque<FarmFile>()(Schema.Struct({
  /** The path of the file, or what the function that stores files elsewhere returned. */
  path: Schema.String,
  /** The width in pixels. Absent for files that are not images or videos. */
  width: Schema.optionalKey(Schema.Int),
  /** The height in pixels. Absent for files that are not images or videos. */
  height: Schema.optionalKey(Schema.Int)
})) {}

/**
 * Why an item failed.
 *
 * @category schemas
 * @since 0.1.0
 */
export class FarmFailure extends Schema.Opaque<FarmFailure>()(Schema.Struct({
  /**
   * The tag of the error, or of its reason: `JobFailed`, `InvalidInputValue`, …; or `WorkerLost`: worker after worker ended while
   * it ran this item; or `NotStored`: the job has completed, but again and again its files could not be stored.
   */
  tag: Schema.String,
  /** What failed and where, in one or several lines. */
  message: Schema.String
})) {}

/**
 * What became of an item: each item of a run has at most one.
 *
 * **Details**
 *
 * Times are milliseconds since 1970. Those of the job are by the server's clock; `queuedAt` is by the store's.
 *
 * @category schemas
 * @since 0.1.0
 */
export class FarmResult extends Schema.Opaque<FarmResult>()(Schema.Struct({
  /** The name of the run. */
  run: Schema.String,
  /** The id of the item within its run. */
  item: Schema.String,
  /** The position of the item among those offered, from 0. */
  index: Schema.Int,
  /** Whether the item made its files, failed for good, or was canceled with its run. */
  status: Schema.Literals(["completed", "failed", "canceled"]),
  /** The values of the inputs, by public name, as they were offered. */
  inputs: Schema.Record(Schema.String, Schema.Unknown),
  /** The files, in the order of the outputs. Empty unless the item completed. */
  files: Schema.Array(FarmFile),
  /** The seed. Absent if the workflow has none, or if the item did not run. */
  seed: Schema.optionalKey(Schema.Number),
  /** The URL of the server that ran the item. Absent if none did. */
  server: Schema.optionalKey(Schema.String),
  /** When the item was offered. */
  queuedAt: Schema.Number,
  /** When the server began to run the item. Absent if none did. */
  startedAt: Schema.optionalKey(Schema.Number),
  /** When the server had run the item. Absent if none did. */
  completedAt: Schema.optionalKey(Schema.Number),
  /** How many times the item was submitted to a server. */
  attempts: Schema.Int,
  /** Why the item failed. Absent unless it did. */
  error: Schema.optionalKey(FarmFailure)
})) {}
