/** What the official UI shows as reasons why a workflow cannot be invoked. */
import type { LoadedWorkflow } from "@effect-invokeai/core/workflow/LoadedWorkflow"
import type { BuiltBatch } from "../../packages/core/src/batch/internal/batch.ts"
import { batchReasons, nodeReasons, type UiReason } from "../../packages/core/src/batch/internal/uiReadiness.ts"

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
export const disabledReasons = (loaded: LoadedWorkflow, batch: BuiltBatch): ReadonlyArray<string> =>
  [...batchReasons(loaded, batch), ...nodeReasons(loaded)].map((reason) => {
    const text = texts.get(reason.code)?.(reason.parameters) ?? `parameters.invoke.${reason.code}`
    const prefix = prefixOf(loaded, reason)
    return prefix === undefined ? text : `${prefix}: ${text}`
  })
