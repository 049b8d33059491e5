/**
 * Builds the graph of a workflow, as the InvokeAI UI would submit it.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import { setOwn } from "../internal/json.ts"
import { resolveConnector, scopeOf } from "../workflow/internal/connections.ts"
import { EdgeIndex } from "../workflow/internal/edgeIndex.ts"
import {
  acceptsExtraInputs,
  callSavedWorkflow,
  isExecutable,
  isSavedWorkflowInput
} from "../workflow/internal/nodeTypes.ts"
import type { LoadedNode, LoadedWorkflow } from "../workflow/LoadedWorkflow.ts"

/**
 * A node of a graph: its type, id and flags, and the values of its inputs by name.
 *
 * @category models
 * @since 0.1.0
 */
export interface WorkflowGraphNode {
  /** The type of the node, for example `"denoise_latents"`. */
  readonly type: string
  /** The id of the node. */
  readonly id: string
  /** Whether the server can return an earlier result of the same node with the same inputs. */
  readonly use_cache: boolean
  /** Whether the results of the node are hidden from the gallery. */
  readonly is_intermediate: boolean
  readonly [input: string]: unknown
}

/**
 * A connection of a graph.
 *
 * @category models
 * @since 0.1.0
 */
export interface WorkflowGraphEdge {
  /** The node and output where the connection starts. */
  readonly source: { readonly node_id: string; readonly field: string }
  /** The node and input where the connection ends. */
  readonly destination: { readonly node_id: string; readonly field: string }
}

/**
 * A graph as the enqueue route accepts it.
 *
 * @category models
 * @since 0.1.0
 */
export interface WorkflowGraph {
  /** The id of the graph. If it is absent, the server chooses one. */
  readonly id?: string
  /** The nodes by id. */
  readonly nodes: Readonly<Record<string, WorkflowGraphNode>>
  /** The connections. */
  readonly edges: ReadonlyArray<WorkflowGraphEdge>
}

/**
 * How a graph is built.
 *
 * @category models
 * @since 0.1.0
 */
export interface GraphOptions {
  /** The id of the graph. Default: the server chooses one. */
  readonly id?: string | undefined
  /** Id of the board that `auto` refers to. Without it, results of such nodes are uncategorized. */
  readonly autoBoard?: string | undefined
}

/**
 * The board of a node's result: `auto` or unset is the auto-add board, `none` is no board, anything else is sent.
 */
const boardOf = (value: unknown, autoBoard: string | undefined): unknown => {
  if (value === "auto" || value === undefined) {
    return autoBoard === undefined || autoBoard === "none" ? undefined : { board_id: autoBoard }
  }
  return value === "none" ? undefined : value
}

type MutableGraphNode = { -readonly [Key in keyof WorkflowGraphNode]: WorkflowGraphNode[Key] }

/** The type, id and flags of a node, which no input can change. */
const attributes: ReadonlySet<string> = new Set(["type", "id", "use_cache", "is_intermediate"])

const graphNode = (loaded: LoadedNode, autoBoard: string | undefined): MutableGraphNode | undefined => {
  const { node, template } = loaded
  if (template === undefined) {
    return undefined
  }
  const built: MutableGraphNode = {
    type: node.nodeType,
    id: node.id,
    use_cache: node.useCache,
    is_intermediate: node.isIntermediate
  }
  const extras = acceptsExtraInputs(node.nodeType)
  const isCall = node.nodeType === callSavedWorkflow
  const workflowInputs: Record<string, unknown> = {}
  for (const [name, { value }] of node.inputs) {
    if (isCall && isSavedWorkflowInput(name)) {
      if (value !== undefined) {
        setOwn(workflowInputs, name, value)
      }
      continue
    }
    const input = loaded.inputTemplate(name)
    const sent = input?.type.name === "BoardField"
      ? boardOf(value, autoBoard)
      : input === undefined && !extras
      ? undefined
      : value
    if (sent !== undefined && !attributes.has(name)) {
      setOwn(built, name, sent)
    }
  }
  if (isCall) {
    built["workflow_inputs"] = workflowInputs
  }
  return built
}

/**
 * Builds the graph of a workflow without checking it. `WorkflowBatch.make` checks the workflow first and builds the
 * complete batch.
 *
 * **Details**
 *
 * Mirrors the InvokeAI UI: batch and generator nodes are left out, edges through connectors connect their ends
 * directly, duplicate connections are removed, connected inputs have no value, inputs that the node type does not have
 * are left out (except for `core_metadata`), `use_cache` and `is_intermediate` are always present. Pure: the same
 * workflow has the same graph.
 *
 * @category constructors
 * @since 0.1.0
 */
export const build = (loaded: LoadedWorkflow, options?: GraphOptions): WorkflowGraph => {
  // Without a prototype, any id is plain data.
  const nodes: Record<string, MutableGraphNode> = Object.create(null)
  for (const [id, node] of loaded.nodes) {
    const built = isExecutable(node.node.nodeType) ? graphNode(node, options?.autoBoard) : undefined
    if (built !== undefined) {
      nodes[id] = built
    }
  }
  const edges = buildEdges(loaded)
  for (const { destination } of edges) {
    const node = nodes[destination.node_id]
    if (node !== undefined) {
      disconnectValue(node, destination.field)
    }
  }
  return options?.id === undefined ? { nodes, edges } : { id: options.id, nodes, edges }
}

const disconnectValue = (node: MutableGraphNode, field: string): void => {
  if (isSavedWorkflowInput(field) && Predicate.isObject(node["workflow_inputs"])) {
    const { [field]: _connected, ...rest } = node["workflow_inputs"]
    node["workflow_inputs"] = rest
  } else if (!attributes.has(field)) {
    delete node[field]
  }
}

const buildEdges = (loaded: LoadedWorkflow): ReadonlyArray<WorkflowGraphEdge> => {
  const scope = scopeOf(loaded)
  const index = new EdgeIndex(loaded.edges)
  const seen = new Set<string>()
  const edges: Array<WorkflowGraphEdge> = []
  for (const edge of loaded.edges) {
    const target = loaded.nodes.get(edge.target)
    if (target === undefined || !isExecutable(target.node.nodeType) || scope.node(edge.target)?.type !== "invocation") {
      continue
    }
    const source = scope.node(edge.source)?.type === "connector"
      ? resolveConnector(scope, index, edge.source)
      : loaded.nodes.has(edge.source)
      ? { node: loaded.nodes.get(edge.source), handle: edge.sourceHandle }
      : undefined
    const sourceNode = source?.node?.node
    if (source === undefined || sourceNode === undefined || !isExecutable(sourceNode.nodeType)) {
      continue
    }
    const key = JSON.stringify([sourceNode.id, source.handle, edge.target, edge.targetHandle])
    if (!seen.has(key)) {
      seen.add(key)
      edges.push({
        source: { node_id: sourceNode.id, field: source.handle },
        destination: { node_id: edge.target, field: edge.targetHandle }
      })
    }
  }
  return edges
}
