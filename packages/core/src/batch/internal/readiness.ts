/**
 * Whether a workflow can be submitted: every rule of the InvokeAI UI, the stricter ones of the server, and this
 * library's own, as one list of problems.
 */
import type { Problem } from "../../field/Problem.ts"
import { describeReceived } from "../../internal/describeReceived.ts"
import { inputOf, nodeTitle, unambiguousNames } from "../../workflow/internal/inputs.ts"
import { batchValuesField, isExecutable } from "../../workflow/internal/nodeTypes.ts"
import type { LoadedWorkflow } from "../../workflow/LoadedWorkflow.ts"
import type { SweptInput } from "../../workflow/WorkflowValue.ts"
import * as Batch from "./batch.ts"
import { type CheckedNode, checkedNode, fieldProblem, nodeProblems, valueProblems } from "./nodeChecks.ts"

/** Maximum number of values of one input that are reported individually. */
const maxReportedValues = 5

const keyOf = (...parts: ReadonlyArray<string | undefined>): string => JSON.stringify(parts)

/** Problems of the whole batch, which the InvokeAI UI also reports, before those of the nodes. */
export const batchProblems = (loaded: LoadedWorkflow, batch: Batch.BuiltBatch): ReadonlyArray<Problem> => {
  const out: Array<Problem> = []
  const add = (code: string, message: string, parameters: NonNullable<Problem["parameters"]> = {}): void => {
    out.push({ code, source: "interface", message, parameters })
  }
  if (![...loaded.nodes.values()].some(({ node }) => isExecutable(node.nodeType))) {
    add("noNodesInGraph", "the workflow has no nodes to run")
  }
  for (const { isConnected, node: { node, template } } of batch.nodes) {
    if (!isConnected) {
      out.push({
        code: "batchNodeNotConnected",
        source: "interface",
        message: "the batch node is not connected to any input",
        parameters: { label: node.label },
        nodeId: node.id,
        nodeTitle: nodeTitle(node, template)
      })
    }
  }
  let isEmpty = false
  for (const [groupId, group] of Batch.groups(batch.nodes)) {
    const sizes = group.map(({ values }) => values.length)
    if (groupId === "None") {
      isEmpty ||= sizes.includes(0)
      continue
    }
    if (sizes.some((size) => size !== sizes[0])) {
      const who = groupId === undefined ? "the ungrouped batch nodes" : `the batch nodes of ${groupId}`
      add("batchNodeCollectionSizeMismatch", `${who} have collections of different sizes`, {
        batchGroupId: String(groupId)
      })
    }
    isEmpty ||= sizes[0] === 0
  }
  if (isEmpty) add("batchNodeEmptyCollection", "a batch node has no values")
  return out
}

/**
 * Why batch values are invalid for the field they go into.
 *
 * **Details**
 *
 * The server would accept such a batch and then run nothing, for any user, until the batch is canceled. So each value
 * is checked against its field. The problems refer to the given owner: the input that has the values.
 */
const batchValueProblems = (
  target: CheckedNode,
  fieldName: string,
  values: ReadonlyArray<unknown>,
  owner?: { readonly node: CheckedNode; readonly fieldName: string }
): ReadonlyArray<Problem> => {
  const template = target.inputTemplate(fieldName)
  const at = owner ?? { node: target, fieldName }
  const problem = (message: string): Problem =>
    fieldProblem(at.node, at.fieldName, at.node.inputTemplate(at.fieldName), {
      code: "batchValueDoesNotFit",
      source: "server",
      message
    })
  if (template === undefined) {
    return [problem(`the values are for field ${JSON.stringify(fieldName)}, which the node does not have`)]
  }
  const where = `${template.title} of ${nodeTitle(target.node, target.template)}`
  const wrong = values.flatMap((value, index) => {
    const [first] = value === undefined || value === null
      ? [{ message: `expected a value, got ${describeReceived(value)}` }]
      : valueProblems(target, template, value)
    return first === undefined
      ? []
      : [`value ${index + 1} of ${values.length} is invalid for ${where}: ${first.message}`]
  })
  return wrong.length <= maxReportedValues
    ? wrong.map(problem)
    : [
      ...wrong.slice(0, maxReportedValues).map(problem),
      problem(`and ${wrong.length - maxReportedValues} more invalid values`)
    ]
}

/** What is known about a workflow's batch when it is checked. */
interface ReadinessOptions {
  /** Groups of inputs that the program varies. Each counts as having a value. */
  readonly sweeps?: ReadonlyArray<ReadonlyArray<SweptInput>>
  /** False if the values of generators that need the server are unknown; then sizes are not checked. */
  readonly isGenerated?: boolean
}

const needsValues = new Set(["batchNodeCollectionSizeMismatch", "batchNodeEmptyCollection"])

/**
 * Every reason why a workflow cannot be submitted: batch reasons first, then nodes in file order, then batch values.
 */
export const problems = (
  loaded: LoadedWorkflow,
  batch: Batch.BuiltBatch,
  options?: ReadinessOptions
): ReadonlyArray<Problem> => {
  const sweeps = (options?.sweeps ?? []).flat()
  const swept = new Set(sweeps.map(({ fieldName, nodeId }) => keyOf(nodeId, fieldName)))
  const checked = (nodeId: string): CheckedNode | undefined => {
    const node = loaded.nodes.get(nodeId)
    return node === undefined ? undefined : checkedNode(loaded, node)
  }
  const out: Array<Problem> = batchProblems(loaded, batch)
    .filter(({ code }) => options?.isGenerated !== false || !needsValues.has(code))
  for (const node of loaded.nodes.values()) {
    const target = checkedNode(loaded, node)
    const isGiven = (fieldName: string): boolean =>
      target.isConnected(fieldName) || swept.has(keyOf(node.node.id, fieldName))
    out.push(...nodeProblems({ ...target, isConnected: isGiven }))
  }
  for (const { node, problem, targets, values } of batch.nodes) {
    const self = checkedNode(loaded, node)
    const fieldName = batchValuesField(node.node.nodeType)
    if (problem !== undefined) {
      out.push(fieldProblem(self, fieldName, node.inputTemplate(fieldName), {
        code: "batchNodeHasNoValues",
        source: "library",
        message: problem
      }))
    }
    for (const { fieldName: field, nodeId } of targets) {
      const target = checked(nodeId)
      if (target !== undefined) out.push(...batchValueProblems(target, field, values, { node: self, fieldName }))
    }
  }
  for (const { fieldName, nodeId, values } of sweeps) {
    const target = checked(nodeId)
    if (target !== undefined) out.push(...batchValueProblems(target, fieldName, values))
  }
  out.push(...duplicateTargets(batch, sweeps, checked))
  return out.some(isMissingValue) ? out.map(withRemedy(loaded)) : out
}

const isMissingValue = ({ code }: Problem): boolean =>
  code === "missingInputForField" || code === "missingComponentModel"

/** Describes how to set a missing value: by the name of the input, or else as a field. */
const withRemedy = (loaded: LoadedWorkflow) => {
  const inputs = loaded.formFields.map((field) => inputOf(loaded, field.node, field.fieldName, field))
  const names = unambiguousNames(inputs)
  return (problem: Problem): Problem => {
    if (!isMissingValue(problem)) return problem
    const input = inputs.find(({ systemName }) => systemName === problem.systemName)
    const name = input === undefined ? undefined : names.get(input)
    const remedy = name === undefined
      ? `set the field ${JSON.stringify(problem.systemName)} (Workflow.setField)`
      : `set the input ${JSON.stringify(name)}`
    return Object.assign({}, problem, { message: `${problem.message}; ${remedy}` })
  }
}

/** The server rejects a batch that has a field twice. */
const duplicateTargets = (
  batch: Batch.BuiltBatch,
  sweeps: ReadonlyArray<SweptInput>,
  checked: (nodeId: string) => CheckedNode | undefined
): ReadonlyArray<Problem> => {
  const seen = new Set<string>()
  const out: Array<Problem> = []
  const targets = [...batch.nodes.flatMap((node) => node.targets), ...sweeps]
  for (const { fieldName, nodeId } of targets) {
    const key = keyOf(nodeId, fieldName)
    const target = checked(nodeId)
    if (seen.has(key) && target !== undefined) {
      out.push(fieldProblem(target, fieldName, target.inputTemplate(fieldName), {
        code: "fieldVariedTwice",
        source: "server",
        message: "several batch nodes or sweeps set its value"
      }))
    }
    seen.add(key)
  }
  return out
}
