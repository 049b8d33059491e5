/**
 * The problems that prevent a workflow from being submitted, by input.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { formatProblem, Problem } from "../field/Problem.ts"
import { printableLine } from "../internal/printable.ts"
import { TaggedError } from "../internal/TaggedError.ts"

export { formatProblem, Problem, ProblemSource } from "../field/Problem.ts"

/**
 * The workflow is not ready to be submitted. Nothing was sent.
 *
 * @category errors
 * @since 0.1.0
 */
export class WorkflowNotReady extends TaggedError<WorkflowNotReady>()("WorkflowNotReady", {
  /** Every problem: first of the batch, then of the nodes in file order, then what is missing on the server. */
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
 * The problems of a workflow, sorted by input.
 *
 * @category models
 * @since 0.1.0
 */
export interface WorkflowProblems {
  /** Whether there are no problems. */
  readonly isEmpty: boolean
  /** The messages by system name, for inputs of the form and for other fields. */
  readonly inputs: ReadonlyMap<string, ReadonlyArray<string>>
  /** The messages that concern a whole node or the whole workflow. */
  readonly workflow: ReadonlyArray<string>
  /** Every problem with its data, in order. */
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
 * Formats all problems as text, one line each: the location, then the reason. `""` if there are none.
 *
 * **Example** (Print what is wrong with a workflow)
 *
 * ```ts
 * import * as WorkflowBatch from "@effect-invokeai/core/batch/WorkflowBatch"
 * import * as WorkflowProblems from "@effect-invokeai/core/batch/WorkflowProblems"
 * import type { Workflow } from "@effect-invokeai/core/workflow/Workflow"
 * import * as Console from "effect/Console"
 *
 * export const printProblems = (workflow: Workflow) =>
 *   Console.log(WorkflowProblems.format(WorkflowBatch.validate(workflow)))
 * ```
 *
 * @category formatting
 * @since 0.1.0
 */
export const format = (problems: WorkflowProblems): string => problems.all.map(formatProblem).join("\n")
