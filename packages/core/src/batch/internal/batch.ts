/** Builds the batch data of a workflow from its batch and generator nodes. */
import * as Predicate from "effect/Predicate"
import { type ConnectionScope, resolveConnector, scopeOf } from "../../workflow/internal/connections.ts"
import { EdgeIndex, type EdgeLike } from "../../workflow/internal/edgeIndex.ts"
import {
  batchNodeTypes,
  batchValuesField,
  generatorNodeTypes,
  isExecutable
} from "../../workflow/internal/nodeTypes.ts"
import type { LoadedNode, LoadedWorkflow } from "../../workflow/LoadedWorkflow.ts"
import type { BatchData, BatchDatum } from "../BatchData.ts"
import * as Generators from "./generators.ts"

/** A batch node with its values and the fields that they go into. */
export interface BatchNode {
  readonly node: LoadedNode
  /** `None`, `Group 1` … `Group 5`; `undefined` if the file has none: all such nodes are one group. */
  readonly groupId: string | undefined
  readonly values: ReadonlyArray<unknown>
  /** The fields that the values go into, past connectors. */
  readonly targets: ReadonlyArray<{ readonly nodeId: string; readonly fieldName: string }>
  /** Whether any edge leaves the node, including a collapsed one. */
  readonly isConnected: boolean
  /** Why the node's generator has no values, if it fails. */
  readonly problem: string | undefined
}

/** The batch data from the batch and generator nodes of a workflow. */
export interface BuiltBatch {
  readonly data: BatchData
  readonly nodes: ReadonlyArray<BatchNode>
}

/** Options for building batch data. */
interface BuildOptions {
  /**
   * Values by the id of a generator node. Required for nodes that need the server (see `serverGenerators`); used for
   * all others that have an entry.
   */
  readonly generated?: ReadonlyMap<string, ReadonlyArray<unknown>> | undefined
  /**
   * Returns numbers from 0 (inclusive) to 1 (exclusive) for random generators without a seed. Without it, they use 0.
   */
  readonly random?: (() => number) | undefined
}

const zero = (): number => 0

/** The output handle of a batch node's values. */
const valueHandle = (nodeType: string): string => nodeType === "image_batch" ? "image" : "value"

const generatorOf = (
  scope: ConnectionScope,
  edges: EdgeIndex,
  node: LoadedNode
): LoadedNode | "connected" | undefined => {
  const edge = edges.into(node.node.id, batchValuesField(node.node.nodeType))
  if (edge === undefined) {
    return undefined
  }
  const source = scope.node(edge.source)?.type === "connector"
    ? resolveConnector(scope, edges, edge.source)?.node
    : scope.loaded(edge.source)
  return source !== undefined && generatorNodeTypes.has(source.node.nodeType) ? source : "connected"
}

/** The values of a generator node; `undefined` if its generator has another type than the node. */
const generatedBy = ({ node }: LoadedNode, random: () => number): Generators.Generated => {
  const value = node.inputs.get("generator")?.value
  const isOwn = Predicate.isObject(value) && typeof value["type"] === "string" &&
    value["type"].startsWith(`${node.nodeType}_`)
  return Generators.resolve(isOwn ? value : undefined, random)
}

const batchNodes = (loaded: LoadedWorkflow): ReadonlyArray<LoadedNode> =>
  [...loaded.nodes.values()].filter(({ node }) => batchNodeTypes.has(node.nodeType))

/** The generators of a workflow that need the server, by node id. */
export const serverGenerators = (loaded: LoadedWorkflow): ReadonlyMap<string, Generators.ServerGenerator> => {
  const found = new Map<string, Generators.ServerGenerator>()
  const edges = new EdgeIndex(loaded.edges)
  const scope = scopeOf(loaded)
  for (const node of batchNodes(loaded)) {
    const source = generatorOf(scope, edges, node)
    if (source === undefined || source === "connected") {
      continue
    }
    const generated = generatedBy(source, zero)
    if (generated._tag === "Server") {
      found.set(source.node.id, generated.generator)
    }
  }
  return found
}

const valuesOf = (
  scope: ConnectionScope,
  edges: EdgeIndex,
  node: LoadedNode,
  options: BuildOptions | undefined
): { readonly values: ReadonlyArray<unknown>; readonly problem: string | undefined } => {
  const source = generatorOf(scope, edges, node)
  if (source === undefined) {
    const own = node.node.inputs.get(batchValuesField(node.node.nodeType))?.value
    return { values: Array.isArray(own) ? own : [], problem: undefined }
  }
  if (source === "connected") {
    return { values: [], problem: "it is connected to a node that is not a generator" }
  }
  const given = options?.generated?.get(source.node.id)
  if (given !== undefined) {
    return { values: given, problem: undefined }
  }
  const generated = generatedBy(source, options?.random ?? zero)
  switch (generated._tag) {
    case "Values":
      return { values: generated.values, problem: undefined }
    case "Invalid":
      return { values: [], problem: generated.reason }
    default:
      return { values: [], problem: "its values must be loaded from the server" }
  }
}

const targetsOf = (scope: ConnectionScope, edges: EdgeIndex, node: LoadedNode): BatchNode["targets"] => {
  const targets: Array<{ nodeId: string; fieldName: string }> = []
  const seen = new Set<string>()
  const leaving = (id: string, handle: string): ReadonlyArray<EdgeLike> =>
    edges.from(id).filter((edge) => edge.sourceHandle === handle).toReversed()
  const stack = [...leaving(node.node.id, valueHandle(node.node.nodeType))]
  for (let edge = stack.pop(); edge !== undefined; edge = stack.pop()) {
    if (scope.node(edge.target)?.type === "connector") {
      if (!seen.has(edge.target)) {
        seen.add(edge.target)
        stack.push(...leaving(edge.target, "out"))
      }
      continue
    }
    const target = scope.loaded(edge.target)
    if (target !== undefined && isExecutable(target.node.nodeType)) {
      targets.push({ nodeId: edge.target, fieldName: edge.targetHandle })
    }
  }
  return targets
}

/**
 * The batch data of a workflow.
 *
 * Mirrors the InvokeAI UI: ungrouped batch nodes are combined, nodes of a group vary in lockstep, and there is one
 * datum per field that a node's values go into. Nodes without targets are ignored. Unlike in the UI, values also go
 * through connectors. Pure: values from the server are passed in `generated`, random numbers in `random`.
 */
export const build = (loaded: LoadedWorkflow, options?: BuildOptions): BuiltBatch => {
  const edges = new EdgeIndex(loaded.edges)
  const scope = scopeOf(loaded)
  const sources = new Set(loaded.definition.edges.map((edge) => edge.source))
  const nodes = batchNodes(loaded).map((node): BatchNode => {
    const groupId = node.node.inputs.get("batch_group_id")?.value
    const { problem, values } = valuesOf(scope, edges, node, options)
    return {
      node,
      groupId: groupIdOf(groupId),
      values,
      problem,
      targets: targetsOf(scope, edges, node),
      isConnected: sources.has(node.node.id)
    }
  })
  const data: Array<ReadonlyArray<BatchDatum>> = []
  for (const [groupId, group] of groups(nodes)) {
    const entries = group.map((batchNode) =>
      batchNode.targets.map(({ fieldName, nodeId }): BatchDatum => ({
        node_path: nodeId,
        field_name: fieldName,
        items: batchNode.values
      }))
    )
    for (const entry of groupId === "None" ? entries : [entries.flat()]) {
      if (entry.length > 0) {
        data.push(entry)
      }
    }
  }
  return { data, nodes }
}

const groupIdOf = (value: unknown): string | undefined =>
  typeof value === "number" || typeof value === "string" || typeof value === "boolean" ? String(value) : undefined

/** Names of groups that are integers, which come before all others. */
const isIndex = (groupId: string | undefined): boolean =>
  groupId !== undefined && /^(?:0|[1-9]\d{0,9})$/.test(groupId) && Number(groupId) < 4294967295

/**
 * Batch nodes by group, in the order in which groups first appear; groups that are named by integers come first, in
 * their order.
 */
export const groups = (nodes: ReadonlyArray<BatchNode>): ReadonlyMap<string | undefined, ReadonlyArray<BatchNode>> => {
  const found = new Map<string | undefined, Array<BatchNode>>()
  for (const node of nodes) {
    const group = found.get(node.groupId)
    if (group === undefined) {
      found.set(node.groupId, [node])
    } else {
      group.push(node)
    }
  }
  const indexed = [...found].filter(([groupId]) => isIndex(groupId))
  return indexed.length === 0
    ? found
    : new Map([
      ...indexed.toSorted(([first], [second]) => Number(first) - Number(second)),
      ...[...found].filter(([groupId]) => !isIndex(groupId))
    ])
}

/** The number of queue items for batch data and a number of runs. */
export const sizeOf = (data: BatchData, runs: number): number =>
  data.reduce((size, group) => size * (group[0]?.items.length ?? 1), runs)
