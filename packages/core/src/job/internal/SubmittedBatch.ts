/**
 * What this program submitted, and what an item of it ended with if events have reported everything.
 *
 * **Details**
 *
 * Without an `iterate` node, each node of the graph runs at most once in an item. So an item that completed, and of which
 * events brought the result of every node, has no other results: reading it would show the same.
 *
 * @since 0.1.0
 */
import * as Equal from "effect/Equal"
import * as Predicate from "effect/Predicate"
import { getOwn } from "../../internal/json.ts"
import type { Batch } from "../../server/api/QueueSchemas.ts"
import type { FieldValue } from "../Outputs.ts"
import type { FieldData } from "../outputs/OutputOrigin.ts"
import type { ItemState, NodeRun } from "./ItemState.ts"
import { edgesOf, incomingOf, nodesOf, typeOf } from "./outputs/graph.ts"
import { type SeedGraph, seedOf } from "./outputs/seed.ts"
import type { SessionResults } from "./outputs/session.ts"

/**
 * The graph and the values of a batch that this program submitted.
 *
 * @category models
 * @since 0.1.0
 */
export interface SubmittedBatch {
  readonly graph: Batch["graph"]
  /** The nodes of the graph by id. */
  readonly nodes: ReadonlyMap<string, FieldData>
  /** Whether each node runs at most once in an item. */
  readonly runsOnce: boolean
  readonly data: NonNullable<Batch["data"]>
}

/** @internal */
export const make = (batch: Pick<Batch, "graph" | "data">): SubmittedBatch => {
  const nodes = nodesOf(batch.graph)
  return {
    graph: batch.graph,
    nodes,
    runsOnce: [...nodes.values()].every((node) => typeOf(node) !== "iterate"),
    data: batch.data ?? []
  }
}

/** The values of the item at a position in the batch: the last group varies fastest, and the whole repeats. */
const fieldValuesAt = (data: SubmittedBatch["data"], itemIndex: number): ReadonlyArray<FieldValue> => {
  let rest = itemIndex
  return data.toReversed().map((group) => {
    const length = group[0]?.items.length ?? 0
    const at = length === 0 ? 0 : rest % length
    rest = length === 0 ? 0 : Math.floor(rest / length)
    return group.map((datum) => ({ nodeId: datum.node_path, fieldName: datum.field_name, value: datum.items[at] }))
  }).toReversed().flat()
}

/** Members of outputs that hold data of any shape. */
const freeForm: ReadonlySet<string> = new Set([
  "collection",
  "control_list",
  "ip_adapter_list",
  "item",
  "metadata",
  "t2i_adapter_list",
  "value",
  "values"
])

const hasNull = (value: unknown): boolean =>
  value === null || (Predicate.isObjectOrArray(value) && Object.values(value).some(hasNull))

const withoutNulls = (value: unknown): unknown =>
  Array.isArray(value) ? value.map(withoutNulls) : Predicate.isObject(value) ? withoutNullMembers(value) : value

const withoutNullMembers = (record: FieldData): FieldData =>
  Object.fromEntries(
    Object.entries(record).flatMap(([name, value]) => value === null ? [] : [[name, withoutNulls(value)]])
  )

/**
 * The result of a node as an item shows it, without the members that are null; undefined if events do not show that: the
 * server keeps the nulls in data of any shape.
 */
const resultOf = ({ output }: NodeRun): FieldData | undefined => {
  if (output === null) return undefined
  const isUncertain = Object.entries(output.data).some(([name, value]) =>
    value !== null && (output._tag === "InkUnknownOutput" || freeForm.has(name)) && hasNull(value)
  )
  return isUncertain ? undefined : withoutNullMembers(output.data)
}

/** What an item ended with. */
interface ReportedEnd {
  readonly fieldValues: ReadonlyArray<FieldValue>
  readonly results: SessionResults
}

/** A node that completed. */
interface CompletedNode {
  readonly preparedId: string
  readonly nodeId: string
  readonly iteration: readonly []
  readonly result: FieldData
  readonly invocation: FieldData
}

/** The nodes of an item by the ids that they have in the graph; undefined unless each has its result. */
const completedNodes = (
  item: ItemState,
  { nodes }: SubmittedBatch
): ReadonlyMap<string, CompletedNode> | undefined => {
  const runs = new Map<string, CompletedNode>()
  for (const run of item.nodes) {
    const { invocation, nodeId, preparedId } = run
    const result = resultOf(run)
    if (result === undefined || invocation === null || !nodes.has(nodeId)) return undefined
    runs.set(nodeId, { preparedId, nodeId, iteration: [], result, invocation })
  }
  return runs.size === nodes.size && item.nodes.length === nodes.size ? runs : undefined
}

/**
 * What a completed item ended with; undefined if its events do not show it with certainty, so that the item must be read.
 *
 * **Details**
 *
 * The events of the nodes also show whether the item ran with the values that its position in the batch suggests.
 *
 * @category conversions
 * @since 0.1.0
 */
export const reportedEnd = (item: ItemState, submitted: SubmittedBatch): ReportedEnd | undefined => {
  if (!submitted.runsOnce || item.sessionId === "" || item.startedAt === null || item.completedAt === null) {
    return undefined
  }
  const ran = completedNodes(item, submitted)
  if (ran === undefined) return undefined
  const fieldValues = fieldValuesAt(submitted.data, item.itemIndex)
  const ranWith = ({ fieldName, nodeId, value }: FieldValue): boolean =>
    Equal.equals(getOwn(ran.get(nodeId)?.invocation ?? {}, fieldName), value)
  if (!fieldValues.every(ranWith)) return undefined
  return { fieldValues, results: toResults(submitted, ran, fieldValues) }
}

/** Results of an item in the shape in which a session is read. In the graph that ran, nodes have the ids of the workflow. */
const toResults = (
  { graph, nodes }: SubmittedBatch,
  ran: ReadonlyMap<string, CompletedNode>,
  fieldValues: ReadonlyArray<FieldValue>
): SessionResults => {
  const executed = [...ran.values()]
  const ownNodes = new Map(nodes)
  for (const { fieldName, nodeId, value } of fieldValues) {
    ownNodes.set(nodeId, { ...ownNodes.get(nodeId), [fieldName]: value })
  }
  let seedGraph: SeedGraph | undefined
  const toSeedGraph = (): SeedGraph => ({
    nodes: new Map(executed.map(({ invocation, nodeId }) => [nodeId, invocation])),
    incoming: incomingOf(edgesOf(graph)),
    valueOf: (nodeId, field) => getOwn(ran.get(nodeId)?.invocation ?? {}, field),
    resultOf: (nodeId, field) => getOwn(ran.get(nodeId)?.result ?? {}, field)
  })
  return {
    executed,
    nodes: ownNodes,
    seedOf: (preparedId) => {
      const node = executed.find((one) => one.preparedId === preparedId)
      return node === undefined ? null : seedOf(seedGraph ??= toSeedGraph(), node.nodeId) ?? null
    },
    errors: []
  }
}
