/**
 * The one vocabulary for what is wrong: with a value, a field, a node or a whole workflow.
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
 * - `interface`: the official UI keeps its Invoke button disabled for the same reason
 * - `server`: the UI would send it, the server refuses it, fails on it, or (batch values) is blocked by it
 * - `resource`: something the workflow names is not on the server, or not only once
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
 * One thing that is wrong with a workflow or a value: one reason why the workflow cannot be submitted.
 *
 * @category models
 * @since 0.1.0
 */
export class Problem extends Schema.Opaque<Problem>()(Schema.Struct({
  /**
   * The rule, stable and meant for programs: the UI's own key if the UI has the rule (`missingInputForField`,
   * `collectionNumberLTMin`, `batchNodeNotConnected`, …).
   */
  code: Schema.String,
  /** Which rules the problem comes from. */
  source: ProblemSource,
  /** The reason for people, without the place. */
  message: Schema.String,
  /** The id of the node. Absent if the problem concerns the workflow as a whole. */
  nodeId: Schema.optionalKey(Schema.String),
  /** The name of the field. Absent if the problem concerns a node as a whole. */
  fieldName: Schema.optionalKey(Schema.String),
  /** The system name of the field, `{node id}.{field}`. Absent if the problem concerns a node as a whole. */
  systemName: Schema.optionalKey(Schema.String),
  /** The label of the node, or else the title of its type. */
  nodeTitle: Schema.optionalKey(Schema.String),
  /** What the UI shows before the reason (`Node -> Field`). */
  label: Schema.optionalKey(Schema.String),
  /** The values in the reason: `value`, `minimum`, `maxItems`, `batchGroupId`, … named as the UI names them. */
  parameters: Schema.optionalKey(Schema.Record(Schema.String, Schema.Union([Schema.String, Schema.Number]))),
  /** Keys or names of the things on the server that could have been meant. */
  candidates: Schema.optionalKey(Schema.Array(Schema.String))
})) {}

/**
 * A problem as one line: where, then what.
 *
 * @category formatting
 * @since 0.1.0
 */
export const formatProblem = (problem: Problem): string => {
  const where = problem.label ?? problem.nodeTitle ?? problem.nodeId
  return printableLine(where === undefined ? problem.message : `${where}: ${problem.message}`)
}
