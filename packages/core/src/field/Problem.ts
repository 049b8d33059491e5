/**
 * The one representation of problems: of a value, a field, a node or a whole workflow.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { printableLine } from "../internal/printable.ts"

/**
 * Which rule a `Problem` comes from.
 *
 * **Details**
 *
 * - `interface`: the InvokeAI UI disables its Invoke button for the same reason
 * - `server`: the UI would send it, but the server rejects it, fails on it, or (batch values) is blocked by it
 * - `resource`: something that the workflow refers to does not exist on the server, or is ambiguous
 * - `library`: this library's own rule, such as step counts greater than 0
 *
 * @category models
 * @since 0.1.0
 */
export const ProblemSource = Schema.Literals(["interface", "server", "resource", "library"])

/**
 * Which rule a `Problem` comes from.
 *
 * @category models
 * @since 0.1.0
 */
export type ProblemSource = typeof ProblemSource.Type

/**
 * A problem of a workflow or a value: one reason why the workflow cannot be submitted.
 *
 * @category models
 * @since 0.1.0
 */
export class Problem extends Schema.Opaque<Problem>()(Schema.Struct({
  /**
   * The rule, as a stable code for programs: the UI's own key if the UI has the rule (`missingInputForField`,
   * `collectionNumberLTMin`, `batchNodeNotConnected`, …).
   */
  code: Schema.String,
  /** Which rules the problem comes from. */
  source: ProblemSource,
  /** The human-readable reason, without the location. */
  message: Schema.String,
  /** The id of the node. Absent if the problem concerns the workflow as a whole. */
  nodeId: Schema.optionalKey(Schema.String),
  /** The name of the field. Absent if the problem concerns a node as a whole. */
  fieldName: Schema.optionalKey(Schema.String),
  /** The system name of the field, `{node id}.{field}`. Absent if the problem concerns a node as a whole. */
  systemName: Schema.optionalKey(Schema.String),
  /** The label of the node, or else the title of its type. */
  nodeTitle: Schema.optionalKey(Schema.String),
  /** The location as the UI shows it before the reason (`Node -> Field`). */
  label: Schema.optionalKey(Schema.String),
  /** The values in the reason, with the UI's names: `value`, `minimum`, `maxItems`, `batchGroupId`, …. */
  parameters: Schema.optionalKey(Schema.Record(Schema.String, Schema.Union([Schema.String, Schema.Number]))),
  /** Keys or names of matching or similar things on the server. */
  candidates: Schema.optionalKey(Schema.Array(Schema.String))
})) {}

/**
 * Formats a problem as one line: the location, then the reason.
 *
 * @category formatting
 * @since 0.1.0
 */
export const formatProblem = (problem: Problem): string => {
  const where = problem.label ?? problem.nodeTitle ?? problem.nodeId
  return printableLine(where === undefined ? problem.message : `${where}: ${problem.message}`)
}
