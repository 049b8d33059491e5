/**
 * The rules for the nodes of a workflow and their values: what the InvokeAI UI checks before it enables Invoke, what
 * the server enforces in addition, and this library's own rules.
 */
import * as Predicate from "effect/Predicate"
import type { InputTemplate } from "../../catalog/NodeTemplate.ts"
import * as InkField from "../../field/InkField.ts"
import { describeChoices } from "../../field/internal/kind.ts"
import { componentInputs, isComponentInput } from "../../field/internal/rules.ts"
import type { Problem } from "../../field/Problem.ts"
import { describeReceived } from "../../internal/describeReceived.ts"
import { describeIllFormed, type IllFormedText, illFormedText } from "../../internal/wellFormed.ts"
import { systemName } from "../../workflow/InkWorkflowInput.ts"
import { arrivals } from "../../workflow/internal/connections.ts"
import { isConnected } from "../../workflow/internal/edgeIndex.ts"
import { nodeTitle, unsentReason } from "../../workflow/internal/inputs.ts"
import { acceptsExtraInputs, isSavedWorkflowInput } from "../../workflow/internal/nodeTypes.ts"
import type { LoadedNode, LoadedWorkflow } from "../../workflow/LoadedWorkflow.ts"

/** A node and the facts needed to check it. */
export interface CheckedNode extends LoadedNode {
  /** Whether the field is connected: by an edge that ends in it, or by the values of a batch. */
  readonly isConnected: (fieldName: string) => boolean
  /** Whether the editor shows a connection to the field, even from an unconnected connector. */
  readonly looksConnected: (fieldName: string) => boolean
  /** Whether an edge of the graph ends in the field. */
  readonly hasEdge: (fieldName: string) => boolean
}

/** A node of a loaded workflow, to check it. */
export const checkedNode = (loaded: LoadedWorkflow, node: LoadedNode): CheckedNode => ({
  ...node,
  isConnected: (fieldName) => arrivals(loaded).get(node.node.id)?.has(fieldName) === true,
  looksConnected: (fieldName) => isConnected(loaded, node.node.id, node.node.inputs.get(fieldName)?.name ?? fieldName),
  hasEdge: (fieldName) => arrivals(loaded).get(node.node.id)?.get(fieldName) === "edge"
})

/** All nodes of a loaded workflow, to check them. */
export const checkedNodes = (loaded: LoadedWorkflow): ReadonlyArray<CheckedNode> =>
  Array.from(loaded.nodes.values(), (node) => checkedNode(loaded, node))

/** A problem of a field, with its names. */
export const fieldProblem = (
  target: CheckedNode,
  fieldName: string,
  template: InputTemplate | undefined,
  problem: Problem
): Problem => {
  const title = nodeTitle(target.node, target.template)
  const own = target.node.inputs.get(fieldName)?.label ?? ""
  const label = own === "" ? template?.title ?? fieldName : own
  return {
    ...problem,
    nodeId: target.node.id,
    fieldName,
    systemName: systemName(target.node.id, fieldName),
    nodeTitle: title,
    label: `${title} -> ${label}`
  }
}

/**
 * The template of the lists that a field accepts in addition to single values: each item has the bounds of a single
 * value.
 */
const listTemplate = (template: InputTemplate): InputTemplate => {
  const { bounds, type } = template
  const { maxLength, minLength, ...value } = bounds.value ?? {}
  const isText = type.name === "StringField"
  const minItems = bounds.minItems ?? (isText ? undefined : minLength)
  const maxItems = bounds.maxItems ?? (isText ? undefined : maxLength)
  return {
    ...template,
    type: { ...type, cardinality: "COLLECTION" },
    bounds: {
      item: bounds.item ?? (isText ? bounds.value ?? {} : value),
      ...(minItems === undefined ? {} : { minItems }),
      ...(maxItems === undefined ? {} : { maxItems })
    }
  }
}

/**
 * The field of a template with a stored value. If the field accepts one value or a list, a stored list makes it a list
 * field.
 */
export const fieldOf = (template: InputTemplate, stored: unknown): InkField.InkField =>
  InkField.fromTemplate(
    template.type.cardinality === "SINGLE_OR_COLLECTION" && Array.isArray(stored) ? listTemplate(template) : template,
    stored
  )

/** Whether a bound is this library's own: not in the server's document. */
const isOwnRule = (target: CheckedNode, { name }: InputTemplate, stored: unknown, { code }: Problem): boolean => {
  const declared = target.template?.inputs.get(name)
  return declared !== undefined &&
    !InkField.problems(fieldOf(declared, stored), stored).some((problem) => problem.code === code)
}

/**
 * Whether the InvokeAI UI checks the bounds of such values: numbers, and lists of numbers, strings and images.
 */
const isCheckedByInterface = ({ type: { cardinality, name } }: InputTemplate, stored: unknown): boolean => {
  const isItem = (value: unknown): boolean => {
    switch (name) {
      case "IntegerField":
        return Number.isSafeInteger(value)
      case "FloatField":
        return typeof value === "number"
      case "StringField":
        return cardinality === "COLLECTION" && typeof value === "string"
      case "ImageField":
        return cardinality === "COLLECTION" && Predicate.isObject(value) &&
          typeof value["image_name"] === "string"
      default:
        return false
    }
  }
  return cardinality === "COLLECTION" ? Array.isArray(stored) && stored.every(isItem) : isItem(stored)
}

/** Whether the InvokeAI UI also reports a bound: it ignores some in the server's document. */
const isInterfaceRule = (
  target: CheckedNode,
  template: InputTemplate,
  stored: unknown,
  { code }: Problem
): boolean =>
  !target.looksConnected(template.name) && isCheckedByInterface(template, stored) &&
  InkField.problems(InkField.fromTemplate({ ...template, bounds: template.uiBounds }, stored), stored)
    .some((problem) => problem.code === code)

/**
 * Why a value is invalid for an input of a node: one problem about its type, or one per exceeded bound.
 *
 * **Details**
 *
 * `undefined` and `null` are valid here: missing values are checked elsewhere. Values of fields that only accept connections are not checked, because they are not sent.
 */
export const valueProblems = (
  target: CheckedNode,
  template: InputTemplate,
  stored: unknown
): ReadonlyArray<Problem> => {
  if (stored === undefined || stored === null) return []
  const field = fieldOf(template, stored)
  if (field._tag === "InkConnectionField") return []
  const illFormed = illFormedText(stored)
  if (illFormed !== undefined) return [fieldProblem(target, template.name, template, illFormedValue(illFormed))]
  if (field.value === undefined) {
    return [fieldProblem(target, template.name, template, {
      code: "valueHasWrongType",
      source: "server",
      message: `expected ${InkField.expected(field)}, got ${describeReceived(stored)}`
    })]
  }
  return InkField.problems(field, stored).map((problem) =>
    fieldProblem(target, template.name, template, {
      ...problem,
      source: isInterfaceRule(target, template, stored, problem)
        ? "interface"
        : isOwnRule(target, template, stored, problem)
        ? "library"
        : "server"
    })
  )
}

/** The server would store such a value, could not read it again, and would then stop running items. */
const illFormedValue = (found: IllFormedText) => ({
  code: "illFormedText",
  source: "server" as const,
  message: `expected well-formed Unicode text, got ${describeIllFormed(found)}`
})

const missing = { code: "missingInputForField", source: "server", message: "no value" } as const

const inputProblems = (target: CheckedNode, fieldName: string, stored: unknown): ReadonlyArray<Problem> => {
  const template = target.inputTemplate(fieldName)
  if (template === undefined) {
    if (acceptsExtraInputs(target.node.nodeType) || isSavedWorkflowInput(fieldName)) {
      const illFormed = target.isConnected(fieldName) ? undefined : illFormedText({ [fieldName]: stored })
      return illFormed === undefined ? [] : [fieldProblem(target, fieldName, undefined, illFormedValue(illFormed))]
    }
    const message = unsentReason(target, fieldName)
    return message === undefined
      ? []
      : [fieldProblem(target, fieldName, undefined, { code: "missingFieldTemplate", source: "interface", message })]
  }
  if (target.isConnected(fieldName)) return []
  if (stored !== undefined && stored !== null) return valueProblems(target, template, stored)
  if (template.required) {
    const isSeen = stored === undefined && !target.looksConnected(fieldName)
    return [fieldProblem(target, fieldName, template, isSeen ? { ...missing, source: "interface" } : missing)]
  }
  return isComponentInput(target.node.nodeType, fieldName)
    ? [fieldProblem(target, fieldName, template, {
      code: "missingComponentModel",
      source: "library",
      message: "no model (only a complete SDNQ pipeline as the main model includes one)"
    })]
    : []
}

/** Node types that the server rejects unless a connection ends in one of these inputs. */
const neededEdges: ReadonlyMap<string, ReadonlyArray<string>> = new Map([
  ["collect", ["item", "collection"]],
  ["iterate", ["collection"]]
])

const edgeProblems = (target: CheckedNode): ReadonlyArray<Problem> => {
  const { node, template } = target
  const needed = neededEdges.get(node.nodeType)
  if (needed === undefined || needed.some(target.hasEdge)) return []
  const titles = needed.map((name) => template?.inputs.get(name)?.title ?? name)
  return [{
    code: "missingConnection",
    source: "server",
    message: `not connected: connect another node to ${describeChoices(titles)}, or remove the node`,
    nodeId: node.id,
    nodeTitle: nodeTitle(node, template)
  }]
}

/**
 * Every reason why a node cannot run: in the order of the inputs in the file, then for required inputs that are missing
 * in the file.
 */
export const nodeProblems = (target: CheckedNode): ReadonlyArray<Problem> => {
  const { node, template } = target
  if (template === undefined) {
    return [{
      code: "missingNodeTemplate",
      source: "interface",
      message: `the server has no node type ${JSON.stringify(node.nodeType)}`,
      nodeId: node.id,
      nodeTitle: nodeTitle(node, template)
    }]
  }
  const out: Array<Problem> = [...edgeProblems(target)]
  const illFormedId = illFormedText(node.id)
  if (illFormedId !== undefined) {
    out.push({ ...illFormedValue(illFormedId), nodeId: node.id, nodeTitle: nodeTitle(node, template) })
  }
  for (const [fieldName, input] of node.inputs) {
    out.push(...inputProblems(target, fieldName, input.value))
  }
  for (const [fieldName, input] of template.inputs) {
    if (node.inputs.has(fieldName) || target.isConnected(fieldName)) continue
    if (input.required) out.push(fieldProblem(target, fieldName, input, missing))
  }
  const components = componentInputs.get(node.nodeType)
  for (const fieldName of components ?? []) {
    const input = template.inputs.get(fieldName)
    if (input === undefined || input.required || node.inputs.has(fieldName)) continue
    out.push(...inputProblems(target, fieldName, undefined))
  }
  return out
}
