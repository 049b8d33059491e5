/** What the library makes of a vector, in the vector's own terms. */
import type { BatchData, BatchDatum } from "@effect-invokeai/core/batch/WorkflowBatch"
import type { NodeCatalog } from "@effect-invokeai/core/catalog/NodeCatalog"
import * as WorkflowDefinition from "@effect-invokeai/core/definition/WorkflowDefinition"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import * as Batch from "../../packages/core/src/batch/internal/batch.ts"
import * as WorkflowGraph from "../../packages/core/src/batch/WorkflowGraph.ts"
import { readKnown } from "../../packages/core/src/field/internal/fieldValue.ts"
import { withValue } from "../../packages/core/src/workflow/internal/edit.ts"
import { asRead, toFile } from "../../packages/core/src/workflow/internal/toFile.ts"
import type { FormField, LoadedNode, LoadedWorkflow } from "../../packages/core/src/workflow/LoadedWorkflow.ts"
import { asSet, difference, type Json, toJson } from "./compare.ts"
import { reduceWorkflow } from "./embedded.ts"
import { type Fault, isRefused, openAsTheUi, withoutExtraInputs } from "./faults.ts"
import { disabledReasons, nodeReasons, prefixOf, type UiReason } from "./uiReasons.ts"

/** One expectation of a vector file for one version of the server. */
export interface Case {
  readonly name: string
  readonly version: string
  readonly workflow: unknown
  readonly savedWorkflows: ReadonlyMap<string, unknown> | undefined
  /** What was typed into the form before Invoke, by the label of the field. */
  readonly values: ReadonlyMap<string, string>
  readonly expected: { readonly kind: "oracle" | "ui"; readonly value: Json }
}

const parsed = (value: unknown): unknown => typeof value === "string" ? JSON.parse(value) : value

const savedWorkflowsOf = (json: unknown): ReadonlyMap<string, unknown> | undefined =>
  Predicate.isObject(json)
    ? new Map(
      Object.entries(json).map(([id, saved]) => [
        id,
        Predicate.isObject(saved) && Predicate.isObject(saved["workflow"]) ? saved["workflow"] : saved
      ])
    )
    : undefined

const valuesOf = (json: unknown): ReadonlyMap<string, string> =>
  new Map(Object.entries(Predicate.isObject(json) ? json : {}).map(([label, value]) => [label, String(value)]))

/** A workflow with what is typed into fields of its form. */
const withTyped = (loaded: LoadedWorkflow, values: ReadonlyMap<string, string>): LoadedWorkflow => {
  let current = loaded
  for (const [label, text] of values) {
    const field = loaded.formFields.find((each) => labelOf(each) === label)
    if (field === undefined) continue
    const { fieldName, nodeId } = field.element.fieldIdentifier
    const type = field.template?.type.name
    current = withValue(
      current,
      nodeId,
      fieldName,
      type === "IntegerField" || type === "FloatField" ? Number(text) : text
    )
  }
  return current
}

/** The cases of a file; `undefined` if it has no vector form. */
export const casesOf = (name: string, json: unknown): ReadonlyArray<Case> | undefined => {
  if (!Predicate.isObject(json)) {
    return undefined
  }
  const { expected, queueItem, savedWorkflows, ui } = json
  const saved = savedWorkflowsOf(savedWorkflows)
  const workflow = json["workflow"] ??
    (Predicate.isObject(queueItem) ? parsed(queueItem["workflow"]) : undefined)
  if (workflow === undefined) {
    return undefined
  }
  if (Predicate.isObject(ui)) {
    return [{
      name,
      version: typeof json["version"] === "string" ? json["version"] : "6.14.2",
      workflow,
      savedWorkflows: saved ?? new Map(),
      values: valuesOf(json["values"]),
      expected: { kind: "ui", value: ui }
    }]
  }
  return Predicate.isObject(expected)
    ? Object.entries(expected).map(([version, value]) => ({
      name,
      version,
      workflow,
      savedWorkflows: saved,
      values: new Map(),
      expected: { kind: "oracle", value: Predicate.isObject(value) ? value : {} }
    }))
    : undefined
}

/** Whether a generator gives other numbers each time. */
const isUnseeded = ({ node }: LoadedNode): boolean => {
  const generator = node.inputs.get("generator")?.value
  return Predicate.isObject(generator) && String(generator["type"]).endsWith("_random_distribution_uniform") &&
    typeof generator["seed"] !== "number"
}

/** What only the server or chance knows is taken from the vector: the values of the fields that a generator feeds. */
const generatedFrom = (loaded: LoadedWorkflow, data: unknown): ReadonlyMap<string, ReadonlyArray<unknown>> => {
  const found = new Map<string, ReadonlyArray<unknown>>()
  const expected = Array.isArray(data) ? data.flat() : []
  const unseeded = [...loaded.nodes.values()].filter(isUnseeded).map(({ node }) => node.id)
  for (const generatorId of [...Batch.serverGenerators(loaded).keys(), ...unseeded]) {
    const marked = Batch.build(loaded, { generated: new Map([[generatorId, [generatorId]]]) })
    const target = marked.data.flat().find(({ items }) => items[0] === generatorId)
    const items: unknown = expected.find((datum: unknown) =>
      Predicate.isObject(datum) && datum["node_path"] === target?.node_path &&
      datum["field_name"] === target?.field_name
    )?.items
    if (Array.isArray(items)) {
      found.set(generatorId, items)
    }
  }
  return found
}

/** The fault of `batchThroughConnector`: the first connector is named instead of what is behind it. */
const faultyBatchData = (loaded: LoadedWorkflow, batch: Batch.BuiltBatch): BatchData => {
  const data: Array<ReadonlyArray<BatchDatum>> = []
  for (const [groupId, group] of Batch.groups(batch.nodes)) {
    const entries = group.map(({ node, values }) =>
      loaded.edges.filter((edge) =>
        edge.source === node.node.id && edge.sourceHandle === (node.node.nodeType === "image_batch" ? "image" : "value")
      ).map((edge): BatchDatum => ({ node_path: edge.target, field_name: edge.targetHandle, items: values }))
    )
    data.push(...(groupId === "None" ? entries : [entries.flat()]).filter((entry) => entry.length > 0))
  }
  return data
}

/** The UI that made the vectors does not know the model kinds of servers up to 6.7 and takes them for connections. */
const formFieldJson = ({ element, template }: FormField): Json => ({
  ...element.fieldIdentifier,
  ...(element.settings === undefined ? {} : { settings: element.settings }),
  showDescription: element.showDescription,
  ...(template === undefined ? {} : {
    template: {
      type: template.type,
      required: template.required,
      input: /.ModelField$/.test(template.type.name) ? "connection" : template.input
    }
  })
})

const withoutNull = (field: unknown): unknown =>
  Predicate.isObject(field)
    ? Object.fromEntries(Object.entries(field).filter(([, value]) => value !== null))
    : field

const errorJson = (loaded: LoadedWorkflow, reason: UiReason): Json =>
  reason.fieldName === undefined
    ? { type: "node-error", nodeId: reason.nodeId, issue: `parameters.invoke.${reason.code}` }
    : {
      type: "field-error",
      nodeId: reason.nodeId,
      fieldName: reason.fieldName,
      prefix: prefixOf(loaded, reason),
      issue: `parameters.invoke.${reason.code}`
    }

const labelOf = (field: FormField): string =>
  field.template === undefined
    ? `Workflow contains an unknown field "${field.label}". Edit the workflow to fix the issue.`
    : field.label

const graphOf = (loaded: LoadedWorkflow, autoBoard?: string): unknown =>
  toJson(WorkflowGraph.build(loaded, { id: "GRAPH_ID", autoBoard }))

const first = (...checks: ReadonlyArray<() => string | undefined>): string | undefined => {
  for (const check of checks) {
    const found = check()
    if (found !== undefined) {
      return found
    }
  }
  return undefined
}

const has = (expected: Json, key: string, check: (value: unknown) => string | undefined) => () =>
  expected[key] === undefined ? undefined : check(expected[key])

const protoNames = new Set(["constructor", "__proto__", "toString", "valueOf", "hasOwnProperty"])

const hasOddIds = (workflow: unknown): boolean =>
  Predicate.isObject(workflow) && Array.isArray(workflow["nodes"]) &&
  workflow["nodes"].some((node) => Predicate.isObject(node) && protoNames.has(String(node["id"])))

/** The first difference between what the library and the UI make of a vector, with the given faults of the UI on. */
export const run = (test: Case, catalog: NodeCatalog, faults: ReadonlySet<Fault>): string | undefined => {
  const expected = test.expected.value
  const definition = WorkflowDefinition.parse(test.workflow)
  if (faults.has("oddIds") && hasOddIds(test.workflow)) {
    return undefined
  }
  const failed = expected["error"] !== undefined || expected["loaded"] === false
  if (Result.isFailure(definition)) {
    return failed ? undefined : `load: ${definition.failure.message}`
  }
  if (failed) {
    return isRefused(definition.success, faults) ? undefined : "load: expected it to fail, but it was loaded"
  }
  const isUi = test.expected.kind === "ui"
  const opened = openAsTheUi(definition.success, catalog, { savedWorkflows: test.savedWorkflows }, faults, isUi)
  const loaded = withTyped(opened, test.values)
  return isUi ? compareUi(expected, loaded, faults) : compareOracle(expected, loaded, faults)
}

const compareOracle = (expected: Json, loaded: LoadedWorkflow, faults: ReadonlySet<Fault>): string | undefined => {
  const batch = Batch.build(loaded, { generated: generatedFrom(loaded, expected["batchData"]) })
  const data = faults.has("batchThroughConnector") ? faultyBatchData(loaded, batch) : batch.data
  // the UI does not tell what an update of a node loses
  const warnings = loaded.warnings.filter(({ type }) => type !== "resetSavedWorkflowInputs").map((warning) =>
    warning.type === "deletedInvalidEdge"
      ? { message: `nodes.${warning.type}`, issues: warning.problems.map((problem) => `nodes.${problem}`) }
      : { message: `nodes.${warning.type}` }
  )
  return first(
    has(expected, "metaVersion", (value) => difference(loaded.definition.sourceVersion, value, "metaVersion")),
    has(
      expected,
      "warnings",
      (value) => difference(asSet(warnings), asSet(Array.isArray(value) ? value : []), "warnings")
    ),
    has(expected, "formFields", (value) =>
      difference(
        toJson(loaded.formFields.map(formFieldJson)),
        Array.isArray(value) ? value.map(withoutNull) : value,
        "formFields"
      )),
    has(expected, "graph", (value) => difference(graphOf(loaded), value, "graph")),
    has(expected, "graphAutoBoard", (value) => difference(graphOf(loaded, "AUTO_BOARD"), value, "graphAutoBoard")),
    has(expected, "batchData", (value) => difference(toJson(data), value, "batchData")),
    has(
      expected,
      "errors",
      (value) =>
        difference(toJson(nodeReasons(loaded, faults).map((reason) => errorJson(loaded, reason))), value, "errors")
    )
  )
}

/** The fault of `untypedObject`: the UI reads the values once more when it embeds the workflow. */
const readAgain = (json: unknown): unknown =>
  Array.isArray(json)
    ? json.map(readAgain)
    : Predicate.isObject(json)
    ? Object.fromEntries(
      Object.entries(json).map(([key, item]) => [
        key,
        key === "value" && Predicate.isObject(item) ? readKnown(item) ?? item : readAgain(item)
      ])
    )
    : json

/** A graph without the nodes whose ids several nodes have. */
const withoutDuplicates = (loaded: LoadedWorkflow) => {
  const ids = loaded.definition.nodes.map((node) => node.id)
  const duplicates = new Set(ids.filter((id, index) => ids.indexOf(id) !== index))
  return (graph: unknown): unknown =>
    Predicate.isObject(graph) && Predicate.isObject(graph["nodes"])
      ? { ...graph, nodes: Object.fromEntries(Object.entries(graph["nodes"]).filter(([id]) => !duplicates.has(id))) }
      : graph
}

/** The fault of `uncheckedEdges`: a graph whose edges all differ. */
const withDistinctEdges = (graph: unknown): unknown =>
  Predicate.isObject(graph) && Array.isArray(graph["edges"])
    ? { ...graph, edges: [...new Map(graph["edges"].map((edge) => [JSON.stringify(edge), edge])).values()] }
    : graph

/** What the screen shows has no blanks at the ends. */
const trimmed = (value: unknown): unknown =>
  Array.isArray(value) ? value.map((item) => typeof item === "string" ? item.trim() : item) : value

/** Whether the UI submitted nothing, not even with its checks switched off, as it does while it stands. */
const isSilent = (expected: Json): boolean =>
  expected["enqueueRequestBody"] === null && (expected["enqueueRequestBodyWithoutValidation"] ?? null) === null &&
  (expected["graphAutoBoard"] ?? null) === null

const isKind: Readonly<Record<string, (item: unknown) => boolean>> = {
  integer_batch: Number.isSafeInteger,
  float_batch: (item) => typeof item === "number",
  string_batch: (item) => typeof item === "string",
  image_batch: (item) => Predicate.isObject(item) && typeof item["image_name"] === "string"
}

/** Whether the UI gives up on a batch node without a word: its values or those of its generator are of another kind. */
const stopsTheUi = ({ node: { node }, problem }: Batch.BatchNode): boolean => {
  const input = node.inputs.get(`${node.nodeType.slice(0, -"_batch".length)}s`)
  const fits = isKind[node.nodeType] ?? (() => true)
  return problem === "its values must be loaded from the server"
    ? false
    : problem !== undefined || input === undefined ||
      (input.value !== undefined && !(Array.isArray(input.value) && input.value.every(fits)))
}

const compareUi = (expected: Json, loaded: LoadedWorkflow, faults: ReadonlySet<Fault>): string | undefined => {
  const body = expected["enqueueRequestBody"] ?? expected["enqueueRequestBodyWithoutValidation"]
  const batchJson = Predicate.isObject(body) && Predicate.isObject(body["batch"])
    ? body["batch"]
    : undefined
  const batch = Batch.build(loaded, { generated: generatedFrom(loaded, batchJson?.["data"]) })
  const labels = expected["formFieldLabels"]
  if (faults.has("crash") && isSilent(expected) && !(Array.isArray(labels) && labels.length > 0)) {
    return undefined
  }
  if (faults.has("batchKind") && batch.nodes.some(stopsTheUi) && !Array.isArray(batchJson?.["data"])) {
    // What the UI shows then is from before the file was loaded.
    return undefined
  }
  const sent = faults.has("extraInputs") ? withoutExtraInputs(loaded) : loaded
  const reasons = disabledReasons(loaded, batch, faults)
  const data = faults.has("batchThroughConnector") ? faultyBatchData(loaded, batch) : batch.data
  const { id: _id, ...workflow } = toFile(asRead(loaded))
  const isDeleted = loaded.warnings.some(({ type }) => type === "deletedMissingNodeFieldFormElement")
  const unique = faults.has("duplicateIds") ? withoutDuplicates(loaded) : (graph: unknown) => graph
  const compared = (graph: unknown) => faults.has("uncheckedEdges") ? withDistinctEdges(unique(graph)) : unique(graph)
  const reduced = reduceWorkflow(toJson(workflow), faults)
  const embedded = faults.has("deletedElement") && isDeleted
    ? null
    : faults.has("untypedObject")
    ? readAgain(reduced)
    : reduced
  return first(
    has(
      expected,
      "disabledReasons",
      (value) => difference(reasons.map((reason) => reason.trim()), trimmed(value), "disabledReasons")
    ),
    has(expected, "formFieldLabels", (value) => difference(loaded.formFields.map(labelOf), value, "formFieldLabels")),
    has(
      expected,
      "graphAutoBoard",
      (value) =>
        value === null
          ? undefined
          : difference(compared(graphOf(sent, "AUTO_BOARD")), compared(value), "graphAutoBoard")
    ),
    () =>
      batchJson === undefined
        ? undefined
        : difference(compared(graphOf(sent)), compared(batchJson["graph"]), "batch.graph"),
    () => batchJson === undefined ? undefined : difference(toJson(data), batchJson["data"] ?? [], "batch.data"),
    () =>
      batchJson === undefined
        ? undefined
        : difference(embedded, reduceWorkflow(batchJson["workflow"], faults), "batch.workflow")
  )
}
