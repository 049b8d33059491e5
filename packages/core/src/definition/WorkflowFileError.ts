/**
 * Errors of reading a workflow file.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { TaggedError } from "../internal/TaggedError.ts"

/**
 * The given file, text or value is not a readable workflow.
 *
 * **Details**
 *
 * `source` is where it came from (a path, `JSON text`, `PNG image`), `reason` is what is wrong, and `path` is where in the document, as keys from its root.
 *
 * @category errors
 * @since 0.1.0
 */
export class WorkflowParseError extends TaggedError<WorkflowParseError>()("WorkflowParseError", {
  /** Why the workflow cannot be read. */
  reason: Schema.String,
  /** Where the workflow came from, such as a path or the name of an image. */
  source: Schema.optionalKey(Schema.String),
  /** Where in the document the problem is, as keys from the root. */
  path: Schema.optionalKey(Schema.Array(Schema.String)),
  /** The error that led to this one, if there is one. */
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    const source = this.source === undefined
      ? "Could not read the workflow"
      : `Could not read the workflow from ${this.source}`
    const path = this.path === undefined || this.path.length === 0 ? "" : ` (at ${this.path.join(".")})`
    return `${source}: ${this.reason}${path}`
  }
}

/**
 * The workflow does not exist: the file, the entry in the server's library or the image is missing, or the image was
 * not created by a workflow.
 *
 * **Details**
 *
 * `source` is the place that was searched, `reason` is what is missing. A workflow that exists but cannot be read fails with `WorkflowParseError`.
 *
 * @category errors
 * @since 0.1.0
 */
export class WorkflowNotFound extends TaggedError<WorkflowNotFound>()("WorkflowNotFound", {
  /** The place that was searched. */
  source: Schema.String,
  /** What does not exist there. */
  reason: Schema.String,
  /** The error that led to this one, if there is one. */
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `No workflow found in ${this.source}: ${this.reason}`
  }
}
