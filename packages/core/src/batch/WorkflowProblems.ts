/**
 * Everything that keeps a workflow from being submitted, by input.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { printableLine } from "../internal/printable.ts"
import { TaggedError } from "../internal/TaggedError.ts"

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
 * One reason why a workflow cannot be submitted.
 *
 * **Details**
 *
 * `code` is stable and meant for programs: the UI's own key where the UI has the rule (`missingInputForField`,
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

/**
 * The workflow cannot be submitted as it is. Nothing was sent.
 *
 * **Details**
 *
 * `problems` holds every reason, not only the first: batch rules, then nodes in file order, then what is missing on the
 * server.
 *
 * @category errors
 * @since 0.1.0
 */
export class WorkflowNotReady extends TaggedError<WorkflowNotReady>()("WorkflowNotReady", {
  problems: Schema.Array(Problem)
}) {
  override get message(): string {
    const count = this.problems.length
    const lines = this.problems.slice(0, 50).map((problem) => `- ${formatProblem(problem)}`)
    const rest = count > 50 ? [`- and ${count - 50} more`] : []
    return [`The workflow is not ready (${count} problem${count === 1 ? "" : "s"}):`, ...lines, ...rest].join("\n")
  }
}

/**
 * What is wrong with a workflow.
 *
 * **Details**
 *
 * `inputs` has the messages by system name, form inputs and other fields alike; `workflow` those that concern a whole
 * node or the whole workflow. `all` has every problem with its data, in order.
 *
 * @category models
 * @since 0.1.0
 */
export interface WorkflowProblems {
  readonly isEmpty: boolean
  readonly inputs: ReadonlyMap<string, ReadonlyArray<string>>
  readonly workflow: ReadonlyArray<string>
  readonly all: ReadonlyArray<Problem>
}

/**
 * Sorts problems by input.
 *
 * @internal
 */
export const make = (all: ReadonlyArray<Problem>): WorkflowProblems => {
  const inputs = new Map<string, Array<string>>()
  const workflow: Array<string> = []
  for (const problem of all) {
    if (problem.systemName === undefined) {
      workflow.push(formatProblem(problem))
      continue
    }
    const messages = inputs.get(problem.systemName) ?? []
    messages.push(printableLine(problem.message))
    inputs.set(problem.systemName, messages)
  }
  return { isEmpty: all.length === 0, inputs, workflow, all }
}

/**
 * All problems as text, one line each: where, then what. Empty if there is none.
 *
 * @category formatting
 * @since 0.1.0
 */
export const format = (problems: WorkflowProblems): string => problems.all.map(formatProblem).join("\n")
