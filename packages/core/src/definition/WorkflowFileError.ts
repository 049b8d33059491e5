/**
 * Errors of reading a workflow file.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { TaggedError } from "../internal/TaggedError.ts"

/**
 * The given file, text or value is not a workflow that can be read.
 *
 * **Details**
 *
 * `source` says where it came from (a path, `JSON text`, `PNG image`), `reason` what is wrong, `path` where in the
 * document, as keys from its root.
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
 * There is no workflow where one was looked for: no such file, no such entry in the server's library, no such image, or
 * an image that was not made by a workflow.
 *
 * **Details**
 *
 * `source` says where it was looked for, `reason` what is not there. A workflow that is there but cannot be read is a
 * `WorkflowParseError`.
 *
 * @category errors
 * @since 0.1.0
 */
export class WorkflowNotFound extends TaggedError<WorkflowNotFound>()("WorkflowNotFound", {
  /** Where the workflow was looked for. */
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
