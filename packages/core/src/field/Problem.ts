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
 * **Details**
 *
 * `message` is for people, and does not say where. `code` is stable and meant for programs: the UI's own key where the UI has the rule (`missingInputForField`,
 * `collectionNumberLTMin`, `batchNodeNotConnected`, …). A problem without `nodeId` concerns the workflow as a whole; one
 * without `systemName` a node as a whole. `label` is what the UI shows before the reason (`Node -> Field`).
 *
 * @category models
 * @since 0.1.0
 */
export class Problem extends Schema.Opaque<Problem>()(Schema.Struct({
  code: Schema.String,
  source: ProblemSource,
  message: Schema.String,
  nodeId: Schema.optionalKey(Schema.String),
  fieldName: Schema.optionalKey(Schema.String),
  systemName: Schema.optionalKey(Schema.String),
  nodeTitle: Schema.optionalKey(Schema.String),
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
