/**
 * Everything that keeps a workflow from being submitted, by input.
 *
 * @since 0.1.0
 */
import { printableLine } from "../internal/printable.ts"
import { formatProblem, type Problem } from "./WorkflowError.ts"

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
