/** The reasons for which the official UI keeps its Invoke button disabled. */
import type { InputTemplate, ValueBounds } from "../../catalog/NodeTemplate.ts"
import type { FieldInput } from "../../definition/WorkflowDefinition.ts"
import { isRecord } from "../../internal/json.ts"
import { acceptsExtraInputs, isExecutable } from "../../workflow/internal/nodeTypes.ts"
import type { LoadedNode, LoadedWorkflow } from "../../workflow/LoadedWorkflow.ts"
import * as Batch from "./batch.ts"

/** A reason of the UI. `code` is the key of its message. */
export interface UiReason {
  readonly code: string
  readonly nodeId?: string
  readonly fieldName?: string
  /** The values in the message. */
  readonly parameters: Readonly<Record<string, string | number>>
}

/** Reasons that concern the batch, which the UI shows before those of the nodes. */
export const batchReasons = (
  loaded: LoadedWorkflow,
  batch: Batch.BuiltBatch
): ReadonlyArray<UiReason> => {
  const reasons: Array<UiReason> = []
  if (![...loaded.nodes.values()].some(({ node }) => isExecutable(node.nodeType))) {
    reasons.push({ code: "noNodesInGraph", parameters: {} })
  }
  for (const { isConnected, node } of batch.nodes) {
    if (!isConnected) {
      reasons.push({
        code: "batchNodeNotConnected",
        nodeId: node.node.id,
        parameters: { label: node.node.label }
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
      reasons.push({ code: "batchNodeCollectionSizeMismatch", parameters: { batchGroupId: String(groupId) } })
    }
    isEmpty ||= sizes[0] === 0
  }
  if (isEmpty) {
    reasons.push({ code: "batchNodeEmptyCollection", parameters: {} })
  }
  return reasons
}

/**
 * Reasons that concern single nodes and fields, in node order. Of several nodes with one id each has those of the first.
 *
 * **Details**
 *
 * The UI checks that required fields have a value or a connection, the lengths of lists, and the bounds that it sees of
 * numbers and of the items of lists; nothing else.
 */
export const nodeReasons = (loaded: LoadedWorkflow): ReadonlyArray<UiReason> => {
  const connected = new Set(loaded.edges.map((edge) => JSON.stringify([edge.target, edge.targetHandle])))
  return loaded.definition.nodes.flatMap(({ id, type }) => {
    const node = type === "invocation" ? loaded.nodes.get(id) : undefined
    return node === undefined ? [] : reasonsOfNode(node, connected)
  })
}

const reasonsOfNode = (loaded: LoadedNode, connected: ReadonlySet<string>): ReadonlyArray<UiReason> => {
  const { node, template } = loaded
  if (template === undefined) {
    return [{ code: "missingNodeTemplate", nodeId: node.id, parameters: {} }]
  }
  const reasons: Array<UiReason> = []
  for (const [fieldName, input] of node.inputs) {
    const inputTemplate = loaded.inputTemplate(fieldName)
    if (inputTemplate === undefined) {
      if (!acceptsExtraInputs(node.nodeType)) {
        reasons.push({ code: "missingFieldTemplate", nodeId: node.id, parameters: {} })
      }
      continue
    }
    // An input's own name counts here, which only in odd files is not the name it is listed under.
    if (connected.has(JSON.stringify([node.id, input.name]))) {
      continue
    }
    for (const { code, parameters } of reasonsOfField(input, inputTemplate)) {
      reasons.push({ code, parameters, nodeId: node.id, fieldName })
    }
  }
  return reasons
}

type FieldReason = Pick<UiReason, "code" | "parameters">

/** Numbers that are of no use for the type are not looked at. */
const isNumberOf = (type: string, value: unknown): value is number =>
  typeof value === "number" && (type === "FloatField" || Number.isSafeInteger(value))

const isNumbersOf = (type: string, value: unknown): value is ReadonlyArray<number> =>
  Array.isArray(value) && value.every((item) => isNumberOf(type, item))

const isStrings = (value: unknown): value is ReadonlyArray<string> =>
  Array.isArray(value) && value.every((item) => typeof item === "string")

const isImages = (value: unknown): value is ReadonlyArray<unknown> =>
  Array.isArray(value) && value.every((item) => isRecord(item) && typeof item["image_name"] === "string")

const reasonsOfField = (input: FieldInput, template: InputTemplate): ReadonlyArray<FieldReason> => {
  const { value } = input
  if (value === undefined) {
    return template.required ? [{ code: "missingInputForField", parameters: {} }] : []
  }
  const { cardinality, name } = template.type
  if (cardinality !== "COLLECTION") {
    return (name === "IntegerField" || name === "FloatField") && isNumberOf(name, value)
      ? numberReasons(value, value, template.uiBounds.value)
      : []
  }
  switch (name) {
    case "ImageField":
      return isImages(value) ? lengthReasons(value.length, template) : []
    case "StringField":
      return isStrings(value)
        ? [...lengthReasons(value.length, template), ...value.flatMap((item) => stringReasons(item, value, template))]
        : []
    case "IntegerField":
    case "FloatField":
      return isNumbersOf(name, value)
        ? [
          ...lengthReasons(value.length, template),
          ...value.flatMap((item) => numberReasons(item, value.join(), template.uiBounds.item))
        ]
        : []
    default:
      return []
  }
}

const lengthReasons = (count: number, template: InputTemplate): ReadonlyArray<FieldReason> => {
  const { maxItems, minItems } = template.uiBounds
  if (minItems !== undefined && minItems > 0 && count === 0) {
    return [{ code: "collectionEmpty", parameters: {} }]
  }
  const reasons: Array<FieldReason> = []
  if (minItems !== undefined && count < minItems) {
    reasons.push({ code: "collectionTooFewItems", parameters: { count, minItems } })
  }
  if (maxItems !== undefined && count > maxItems) {
    reasons.push({ code: "collectionTooManyItems", parameters: { count, maxItems } })
  }
  return reasons
}

const stringReasons = (
  text: string,
  all: ReadonlyArray<string>,
  template: InputTemplate
): ReadonlyArray<FieldReason> => {
  const { maxLength, minLength } = template.uiBounds.item ?? {}
  const reasons: Array<FieldReason> = []
  if (maxLength !== undefined && text.length > maxLength) {
    reasons.push({ code: "collectionStringTooLong", parameters: { value: all.join(), maxLength } })
  }
  if (minLength !== undefined && text.length < minLength) {
    reasons.push({ code: "collectionStringTooShort", parameters: { value: all.join(), minLength } })
  }
  return reasons
}

const numberReasons = (
  number: number,
  value: string | number,
  bounds: ValueBounds | undefined
): ReadonlyArray<FieldReason> => {
  const { exclusiveMaximum, exclusiveMinimum, maximum, minimum, multipleOf } = bounds ?? {}
  const reasons: Array<FieldReason> = []
  if (maximum !== undefined && number > maximum) {
    reasons.push({ code: "collectionNumberGTMax", parameters: { value, maximum } })
  }
  if (minimum !== undefined && number < minimum) {
    reasons.push({ code: "collectionNumberLTMin", parameters: { value, minimum } })
  }
  if (exclusiveMaximum !== undefined && number >= exclusiveMaximum) {
    reasons.push({ code: "collectionNumberGTExclusiveMax", parameters: { value, exclusiveMaximum } })
  }
  if (exclusiveMinimum !== undefined && number <= exclusiveMinimum) {
    reasons.push({ code: "collectionNumberLTExclusiveMin", parameters: { value, exclusiveMinimum } })
  }
  if (multipleOf !== undefined && number % multipleOf !== 0) {
    reasons.push({ code: "collectionNumberNotMultipleOf", parameters: { value, multipleOf } })
  }
  return reasons
}
