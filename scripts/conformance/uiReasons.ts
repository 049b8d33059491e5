/** What the official UI shows as reasons why a workflow cannot be invoked: its rules for nodes and values, in its words. */
import type { Problem } from "@effect-invokeai/core/batch/WorkflowProblems"
import type { InputTemplate, ValueBounds } from "@effect-invokeai/core/catalog/NodeCatalog"
import type { FieldInput } from "@effect-invokeai/core/definition/WorkflowDefinition"
import * as Predicate from "effect/Predicate"
import type { BuiltBatch } from "../../packages/core/src/batch/internal/batch.ts"
import { batchProblems } from "../../packages/core/src/batch/internal/readiness.ts"
import { acceptsExtraInputs } from "../../packages/core/src/workflow/internal/nodeTypes.ts"
import type { LoadedNode, LoadedWorkflow } from "../../packages/core/src/workflow/LoadedWorkflow.ts"
import type { Fault } from "./faults.ts"

/** A reason of the UI. `code` is the key of its message, `parameters` the values in it. */
export type UiReason = Pick<Problem, "code" | "nodeId" | "fieldName" | "parameters">

const noFaults: ReadonlySet<Fault> = new Set()

/**
 * Reasons that concern single nodes and fields, in node order. Of several nodes with one id each has those of the first.
 *
 * **Details**
 *
 * The UI checks that required fields have a value or a connection, the lengths of lists, and the bounds that it sees of
 * numbers and of the items of lists; nothing else.
 */
export const nodeReasons = (loaded: LoadedWorkflow, faults: ReadonlySet<Fault> = noFaults): ReadonlyArray<UiReason> => {
  const connected = new Set(loaded.edges.map((edge) => JSON.stringify([edge.target, edge.targetHandle])))
  return loaded.definition.nodes.flatMap(({ id, type }) => {
    const node = type === "invocation" ? loaded.nodes.get(id) : undefined
    return node === undefined ? [] : reasonsOfNode(node, connected, faults)
  })
}

const reasonsOfNode = (
  loaded: LoadedNode,
  connected: ReadonlySet<string>,
  faults: ReadonlySet<Fault> = noFaults
): ReadonlyArray<UiReason> => {
  const { node, template } = loaded
  if (template === undefined) {
    return [{ code: "missingNodeTemplate", nodeId: node.id, parameters: {} }]
  }
  const reasons: Array<UiReason> = []
  for (const [fieldName, input] of node.inputs) {
    const inputTemplate = loaded.inputTemplate(fieldName)
    if (inputTemplate === undefined) {
      if (faults.has("extraInputs") || !acceptsExtraInputs(node.nodeType)) {
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

type FieldReason = Required<Pick<UiReason, "code" | "parameters">>

/** Numbers that are of no use for the type are not looked at. */
const isNumberOf = (type: string, value: unknown): value is number =>
  typeof value === "number" && (type === "FloatField" || Number.isSafeInteger(value))

const isNumbersOf = (type: string, value: unknown): value is ReadonlyArray<number> =>
  Array.isArray(value) && value.every((item) => isNumberOf(type, item))

const isStrings = (value: unknown): value is ReadonlyArray<string> =>
  Array.isArray(value) && value.every((item) => typeof item === "string")

const isImages = (value: unknown): value is ReadonlyArray<unknown> =>
  Array.isArray(value) && value.every((item) => Predicate.isObject(item) && typeof item["image_name"] === "string")

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

/** English texts of the UI's messages, by key. `missingInputForField` is shown as its key. */
const texts: ReadonlyMap<string, (parameters: Readonly<Record<string, string | number>>) => string> = new Map<
  string,
  (parameters: Readonly<Record<string, string | number>>) => string
>([
  ["noNodesInGraph", () => "No nodes in graph"],
  ["batchNodeNotConnected", ({ label }) => `Batch node not connected: ${label}`],
  ["batchNodeCollectionSizeMismatch", ({ batchGroupId }) => `Collection size mismatch on Batch ${batchGroupId}`],
  ["batchNodeEmptyCollection", () => "Some batch nodes have empty collections"],
  ["missingNodeTemplate", () => "Missing node template"],
  ["missingFieldTemplate", () => "Missing field template"],
  ["collectionEmpty", () => "empty collection"],
  ["collectionTooFewItems", ({ minItems }) => `too few items, minimum ${minItems}`],
  ["collectionTooManyItems", ({ maxItems }) => `too many items, maximum ${maxItems}`],
  ["collectionStringTooLong", ({ maxLength }) => `too long, max ${maxLength}`],
  ["collectionStringTooShort", ({ minLength }) => `too short, min ${minLength}`],
  ["collectionNumberGTMax", ({ maximum, value }) => `${value} > ${maximum} (inc max)`],
  ["collectionNumberLTMin", ({ minimum, value }) => `${value} < ${minimum} (inc min)`],
  ["collectionNumberGTExclusiveMax", ({ exclusiveMaximum, value }) => `${value} >= ${exclusiveMaximum} (exc max)`],
  ["collectionNumberLTExclusiveMin", ({ exclusiveMinimum, value }) => `${value} <= ${exclusiveMinimum} (exc min)`],
  ["collectionNumberNotMultipleOf", ({ multipleOf, value }) => `${value} not multiple of ${multipleOf}`]
])

/** What the UI shows before a reason: `Node -> Field`. */
export const prefixOf = (loaded: LoadedWorkflow, { fieldName, nodeId }: UiReason): string | undefined => {
  const node = loaded.nodes.get(nodeId ?? "")
  if (node === undefined || fieldName === undefined) {
    return undefined
  }
  const title = node.node.label || node.template?.title
  const label = node.node.inputs.get(fieldName)?.label || node.inputTemplate(fieldName)?.title
  return `${title} -> ${label}`
}

/** All reasons in the UI's order and words: those of the batch, then those of the nodes. */
export const disabledReasons = (
  loaded: LoadedWorkflow,
  batch: BuiltBatch,
  faults: ReadonlySet<Fault> = noFaults
): ReadonlyArray<string> =>
  [...batchProblems(loaded, batch), ...nodeReasons(loaded, faults)].map((reason) => {
    const text = texts.get(reason.code)?.(reason.parameters ?? {}) ?? `parameters.invoke.${reason.code}`
    const prefix = prefixOf(loaded, reason)
    return prefix === undefined ? text : `${prefix}: ${text}`
  })
