/**
 * Known faults of the official UI, which the library does not copy, as rules: with them on, the library gives what the
 * UI gives. Only the conformance check uses them, to tell a known fault from a difference.
 */
import { readKnown, readValue } from "../../packages/core/src/field/internal/fieldValue.ts"
import { generatorRules, readGenerator } from "../../packages/core/src/field/internal/generatorRules.ts"
import { type LoadRules, ownRules } from "../../packages/core/src/workflow/internal/load.ts"

/** The faults, each with where it is documented. */
export const faults = {
  untypedObject: "an untyped object value becomes a float generator",
  booleanList: "values of boolean lists are lost",
  videoList: "values of video lists are lost",
  batchKind: "batch values, or a generator, of another kind than the batch node's stop the UI's checks",
  connectorLoop: "a connector loop is accepted and then every later edge is deleted",
  batchThroughConnector: "a batch output routed through a connector names the connector as node_path",
  deletedElement: "batch.workflow is null once a form element was deleted on load",
  crash: "the UI crashes while it shows the loaded workflow, so that it submits nothing whatever is checked",
  duplicateIds: "while the form is shown, the last of several nodes with one id is sent, else the first",
  oddIds: "ids such as constructor or __proto__ crash the UI"
} as const

export type Fault = keyof typeof faults

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value)

const fillDeep = (value: unknown, initial: unknown): unknown => {
  if (value === undefined) {
    return initial
  }
  return isRecord(value) && isRecord(initial) ? { ...initial, ...value } : value
}

/** The rules of the UI, without its faults but for those that are on. It drops models that are named incompletely. */
export const rulesWith = (on: ReadonlySet<Fault>, showsNodes: boolean): LoadRules => ({
  showsNodes,
  keepsUnknown: false,
  fillDefault: on.has("untypedObject") ? fillDeep : ownRules.fillDefault,
  connectorLoops: on.has("connectorLoop") ? "accept" : ownRules.connectorLoops,
  readValue: (value, field) => {
    const known = readKnown(value, field.vocabulary)
    if (known === undefined && isRecord(value) && value["type"] === undefined && on.has("untypedObject")) {
      for (const kind of generatorRules.keys()) {
        const generator = readGenerator(kind, value)
        if (generator !== undefined) {
          return generator
        }
      }
    }
    const isLost = known === undefined && Array.isArray(value) && !field.extras &&
      ((field.type?.name === "BooleanField" && on.has("booleanList")) ||
        (field.type?.name === "VideoField" && on.has("videoList")))
    return isLost ? undefined : readValue(value, field)
  }
})
