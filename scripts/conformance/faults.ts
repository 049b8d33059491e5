/**
 * Known faults of the official UI, which the library does not copy: with them on, `openAsTheUi` opens a workflow as the
 * UI does. Only the conformance check uses them, to distinguish a known fault from a difference.
 */
import type { NodeCatalog } from "@effect-invokeai/core/catalog/NodeCatalog"
import type { InvocationNode, WorkflowDefinition } from "@effect-invokeai/core/definition/WorkflowDefinition"
import * as Predicate from "effect/Predicate"
import { readKnown, readValue, type ValueField } from "../../packages/core/src/field/internal/fieldValue.ts"
import { generatorRules, readGenerator } from "../../packages/core/src/field/internal/generatorRules.ts"
import { acceptEdges, bind, open } from "../../packages/core/src/workflow/internal/bind.ts"
import { type ConnectionScope, scopeOf } from "../../packages/core/src/workflow/internal/connections.ts"
import { EdgeIndex, type EdgeLike } from "../../packages/core/src/workflow/internal/edgeIndex.ts"
import { withValue } from "../../packages/core/src/workflow/internal/edit.ts"
import { acceptsExtraInputs } from "../../packages/core/src/workflow/internal/nodeTypes.ts"
import { canUpdate, needsUpdate } from "../../packages/core/src/workflow/internal/nodeUpdate.ts"
import { persistedTemplates } from "../../packages/core/src/workflow/internal/savedWorkflowInputs.ts"
import type {
  ConnectionProblemCode,
  LoadedWorkflow,
  LoadOptions,
  LoadWarning
} from "../../packages/core/src/workflow/LoadedWorkflow.ts"

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
  oddIds: "ids such as constructor or __proto__ crash the UI",
  extraInputs: "additional inputs of core_metadata are dropped (up to 6.13)",
  loraList: "LoRA lists lose their value (up to 6.13)",
  uncheckedEdges: "edges whose ends exist are kept whatever their types, with cycles and duplicates (up to 6.11)",
  connectors: "files with connectors do not open (up to 6.11)",
  shuffle: "settings.showShuffle is dropped (6.3)"
} as const

export type Fault = keyof typeof faults

/** The minor releases of InvokeAI 6, first and last, whose UI has a fault. The others are in all that were recorded. */
const releases: { readonly [Name in Fault]?: readonly [first: number, last: number] } = {
  connectorLoop: [13, Infinity],
  batchThroughConnector: [13, Infinity],
  extraInputs: [3, 13],
  loraList: [3, 13],
  uncheckedEdges: [3, 11],
  connectors: [3, 11],
  shuffle: [3, 3]
}

const isFault = (name: string): name is Fault => name in faults

/** The faults that the UI of a version such as `6.8` or `6.13.8` has. */
export const faultsOf = (version: string): ReadonlyArray<Fault> => {
  const minor = Number(version.split(".")[1])
  return Object.keys(faults).filter(isFault).filter((fault) => {
    const [first, last] = releases[fault] ?? [0, Infinity]
    return first <= minor && minor <= last
  })
}

/** A value as the UI reads it. It drops models that are named incompletely. */
const readAsTheUi = (value: unknown, field: ValueField, faults: ReadonlySet<Fault>): unknown => {
  const known = readKnown(value, field.vocabulary)
  if (known === undefined && Predicate.isObject(value) && value["type"] === undefined && faults.has("untypedObject")) {
    for (const kind of generatorRules.keys()) {
      const generator = readGenerator(kind, value)
      if (generator !== undefined) {
        return generator
      }
    }
  }
  const isLost = Array.isArray(value) && !field.extras && (
    (field.type?.name === "BooleanField" && known === undefined && faults.has("booleanList")) ||
    (field.type?.name === "VideoField" && known === undefined && faults.has("videoList")) ||
    (field.type?.name === "LoRAField" && value.length > 0 && faults.has("loraList"))
  )
  return isLost ? undefined : readValue(value, field)
}

/** A node with its values as the UI reads them. */
const nodeAsTheUi = (node: InvocationNode, catalog: NodeCatalog, faults: ReadonlySet<Fault>): InvocationNode => {
  const template = catalog.templates.get(node.nodeType)
  const dynamic = persistedTemplates(node)
  const inputs = Array.from(node.inputs, ([name, input]) => {
    const own = dynamic.get(name) ?? template?.inputs.get(name)
    const value = readAsTheUi(input.value, {
      type: own?.type,
      extras: acceptsExtraInputs(node.nodeType) && !faults.has("extraInputs"),
      vocabulary: catalog.models
    }, faults)
    return [name, { ...input, value }] as const
  })
  return { ...node, inputs: new Map(inputs) }
}

/** The fault of `untypedObject`: an update of a node fills objects with the parts of their defaults. */
const withFilledObjects = (loaded: LoadedWorkflow, definition: WorkflowDefinition): LoadedWorkflow => {
  let filled = loaded
  for (const [id, { node, template }] of loaded.nodes) {
    const given = definition.nodes.find((other) => other.id === id)
    const isUpdated = given?.type === "invocation" && template !== undefined && needsUpdate(given, template) &&
      canUpdate(given, template)
    if (!isUpdated) {
      continue
    }
    for (const [name, { value }] of node.inputs) {
      const initial = template.inputs.get(name)?.default
      if (Predicate.isObject(value) && Predicate.isObject(initial)) {
        filled = withValue(filled, id, name, { ...initial, ...value })
      }
    }
  }
  return filled
}

/** The fault of `connectorLoop`: what leads to a connector is never a cycle, and a loop is one wherever it is. */
class LoopingEdges extends EdgeIndex {
  readonly #scope: ConnectionScope
  #all: ReadonlyArray<EdgeLike> = []
  #collapsed: ReadonlyArray<{ readonly source: string; readonly target: string }> = []

  constructor(scope: ConnectionScope) {
    super()
    this.#scope = scope
  }

  override add(edge: EdgeLike): void {
    super.add(edge)
    this.#all = [...this.#all, edge]
  }

  override addCollapsed(source: string, target: string): void {
    super.addCollapsed(source, target)
    this.#collapsed = [...this.#collapsed, { source, target }]
  }

  override reaches(source: string, target: string): boolean {
    return this.#scope.node(source)?.type !== "connector" && (
      super.reaches(source, target) ||
      [...this.#all, ...this.#collapsed].some((edge) => super.reaches(edge.target, edge.source))
    )
  }

  override without(removed: ReadonlySet<EdgeLike>): EdgeIndex {
    const rest = new LoopingEdges(this.#scope)
    for (const edge of this.#all) {
      if (!removed.has(edge)) rest.add(edge)
    }
    for (const { source, target } of this.#collapsed) rest.addCollapsed(source, target)
    return rest
  }
}

const withLoops = (loaded: LoadedWorkflow, definition: WorkflowDefinition): LoadedWorkflow => {
  const scope = scopeOf(loaded)
  const warnings: Array<LoadWarning> = loaded.warnings.filter(({ type }) => type !== "deletedInvalidEdge")
  const edges = acceptEdges(definition.edges, scope, new LoopingEdges(scope), warnings)
  return {
    ...loaded,
    definition: { ...loaded.definition, edges },
    edges: edges.filter((edge) => edge.type === "default"),
    warnings
  }
}

const missingEnds: ReadonlySet<ConnectionProblemCode> = new Set([
  "sourceNodeDoesNotExist",
  "targetNodeDoesNotExist",
  "sourceNodeFieldDoesNotExist",
  "targetNodeFieldDoesNotExist",
  "missingTemplate"
])

/** The fault of `uncheckedEdges`: of an edge only its ends are checked. */
const withUncheckedEdges = (loaded: LoadedWorkflow, definition: WorkflowDefinition): LoadedWorkflow => {
  const warnings = loaded.warnings.filter((warning) =>
    warning.type !== "deletedInvalidEdge" || warning.problems.some((problem) => missingEnds.has(problem))
  )
  const deleted = new Set(warnings.flatMap((warning) => warning.type === "deletedInvalidEdge" ? [warning.edge] : []))
  const edges = definition.edges.filter((edge) => !deleted.has(edge))
  return {
    ...loaded,
    definition: { ...loaded.definition, edges },
    edges: edges.filter((edge) => edge.type === "default"),
    warnings
  }
}

/** The fault of `extraInputs`: a workflow whose nodes send only what their type declares. */
export const withoutExtraInputs = (loaded: LoadedWorkflow): LoadedWorkflow => ({
  ...loaded,
  nodes: new Map(Array.from(loaded.nodes, ([id, { inputTemplate, node, template }]) => {
    const inputs = Array.from(node.inputs).filter(([name]) => inputTemplate(name) !== undefined)
    return [id, { inputTemplate, node: { ...node, inputs: new Map(inputs) }, template }] as const
  }))
})

/** The fault of `connectors`: whether the UI refuses to open the file. */
export const isRefused = ({ nodes }: WorkflowDefinition, faults: ReadonlySet<Fault>): boolean =>
  faults.has("connectors") && nodes.some((node) => node.type === "connector")

/**
 * A workflow as the UI opens it, without its faults but for those that are on. While the form is empty the editor shows
 * the nodes; the vectors that were made without an editor show nothing.
 */
export const openAsTheUi = (
  definition: WorkflowDefinition,
  catalog: NodeCatalog,
  options: LoadOptions,
  faults: ReadonlySet<Fault>,
  isShown: boolean
): LoadedWorkflow => {
  const read: WorkflowDefinition = {
    ...definition,
    nodes: definition.nodes.map((node) => node.type === "invocation" ? nodeAsTheUi(node, catalog, faults) : node)
  }
  const opened = (isShown ? open : bind)(read, catalog, options)
  const loaded = faults.has("untypedObject") ? withFilledObjects(opened, read) : opened
  const checked = faults.has("uncheckedEdges") ? withUncheckedEdges(loaded, read) : loaded
  return faults.has("connectorLoop") ? withLoops(checked, read) : checked
}
