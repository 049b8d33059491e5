/** Which outputs can be connected to which inputs. Mirrors the editor. */
import type { FieldType, InputTemplate } from "../../catalog/NodeTemplate.ts"
import type { DefaultEdge, WorkflowNode } from "../../definition/WorkflowDefinition.ts"
import { memoized } from "../../internal/memoized.ts"
import type { ConnectionProblemCode, LoadedNode, LoadedWorkflow } from "../LoadedWorkflow.ts"
import { EdgeIndex, type EdgeLike } from "./edgeIndex.ts"
import { isExecutable } from "./nodeTypes.ts"

const sameType = (first: FieldType, second: FieldType): boolean =>
  first.name === second.name && first.cardinality === second.cardinality && first.batch === second.batch

/** Whether two types are the same, or one is what the other is in the server's schema (a scheduler is an enum). */
const areTypesEqual = (first: FieldType, second: FieldType): boolean =>
  sameType(first, second) ||
  (first.originalType !== undefined && sameType(first.originalType, second)) ||
  (second.originalType !== undefined && sameType(first, second.originalType)) ||
  (first.originalType !== undefined && second.originalType !== undefined &&
    sameType(first.originalType, second.originalType))

/**
 * Whether values of a source type can go into a field of a target type.
 *
 * **Details**
 *
 * In addition to equal types: an item of a collection into anything but a list; a single value into a collection's
 * items; anything into a field that takes one or many of the same; an untyped list into any list and any list into an
 * untyped one; integers as floats and strings, floats as strings; anything into `AnyField`, and out of it where it is
 * one or many as the target takes. Batches go only into batch fields.
 */
const areTypesCompatible = (source: FieldType, target: FieldType): boolean => {
  if (areTypesEqual(source, target)) {
    return true
  }
  if (source.batch !== target.batch) {
    return false
  }
  if (target.name === "AnyField") {
    return true
  }
  if (source.name === "CollectionItemField" && target.cardinality !== "COLLECTION") {
    return true
  }
  if (source.cardinality === "SINGLE" && target.name === "CollectionItemField") {
    return true
  }
  if (target.cardinality === "SINGLE_OR_COLLECTION" && source.name === target.name) {
    return true
  }
  if (source.name === "CollectionField" && target.cardinality !== "SINGLE") {
    return true
  }
  if (target.name === "CollectionField" && source.cardinality === "COLLECTION") {
    return true
  }
  const cardinalitiesMatch = source.cardinality === target.cardinality || target.cardinality === "SINGLE_OR_COLLECTION"
  return cardinalitiesMatch && (
    source.name === "AnyField" ||
    (source.name === "IntegerField" && (target.name === "FloatField" || target.name === "StringField")) ||
    (source.name === "FloatField" && target.name === "StringField")
  )
}

const isOneAndManyOfSame = (first: FieldType, second: FieldType): boolean =>
  first.name === second.name && first.batch === second.batch &&
  ((first.cardinality === "SINGLE" && second.cardinality === "COLLECTION") ||
    (first.cardinality === "COLLECTION" && second.cardinality === "SINGLE"))

/** Whether two values are interchangeable: in the branches of an `if`, or behind one connector. */
const areInterchangeable = (first: FieldType, second: FieldType): boolean =>
  areTypesCompatible(first, second) || areTypesCompatible(second, first) || isOneAndManyOfSame(first, second)

/** An end of an edge. */
interface Source {
  readonly node: LoadedNode
  readonly handle: string
}

/** The nodes that edges can connect. */
export interface ConnectionScope {
  readonly node: (id: string) => WorkflowNode | undefined
  readonly loaded: (id: string) => LoadedNode | undefined
}

/** The nodes of a loaded workflow. */
export const scopeOf = (loaded: LoadedWorkflow): ConnectionScope => {
  const nodes = new Map<string, WorkflowNode>()
  for (const node of loaded.definition.nodes) {
    if (!nodes.has(node.id)) {
      nodes.set(node.id, loaded.nodes.get(node.id)?.node ?? node)
    }
  }
  return { node: (id) => nodes.get(id), loaded: (id) => loaded.nodes.get(id) }
}

/** The output that a connector passes on, possibly through other connectors. */
export const resolveConnector = (scope: ConnectionScope, edges: EdgeIndex, connectorId: string): Source | undefined => {
  const seen = new Set<string>()
  let id = connectorId
  while (!seen.has(id)) {
    seen.add(id)
    const incoming = edges.into(id, "in")
    const node = incoming === undefined ? undefined : scope.node(incoming.source)
    if (incoming === undefined || node === undefined) {
      return undefined
    }
    if (node.type === "invocation") {
      const loaded = scope.loaded(node.id)
      return loaded === undefined ? undefined : { node: loaded, handle: incoming.sourceHandle }
    }
    if (node.type !== "connector") {
      return undefined
    }
    id = node.id
  }
  return undefined
}

/**
 * The connected inputs, by node: past connectors, without unconnected ones. `edge` for an edge of the graph, `batch`
 * for the values of a batch node.
 */
export const arrivals = memoized(
  (loaded: LoadedWorkflow): ReadonlyMap<string, ReadonlyMap<string, "edge" | "batch">> => {
    const scope = scopeOf(loaded)
    const index = new EdgeIndex(loaded.edges)
    const found = new Map<string, Map<string, "edge" | "batch">>()
    for (const { source, target, targetHandle } of loaded.edges) {
      const node = scope.node(source)?.type === "connector"
        ? resolveConnector(scope, index, source)?.node
        : scope.loaded(source)
      if (node === undefined) continue
      const fields = found.get(target) ?? new Map<string, "edge" | "batch">()
      if (isExecutable(node.node.nodeType)) fields.set(targetHandle, "edge")
      else if (!fields.has(targetHandle)) fields.set(targetHandle, "batch")
      found.set(target, fields)
    }
    return found
  }
)

interface TypedSource extends Source {
  readonly type: FieldType
}

/** The output where an edge starts, past connectors; `null` for an unconnected connector. */
const sourceOf = (
  scope: ConnectionScope,
  edges: EdgeIndex,
  nodeId: string,
  handle: string
): TypedSource | ConnectionProblemCode | null => {
  const node = scope.node(nodeId)
  if (node === undefined) {
    return "missingNode"
  }
  if (node.type === "connector") {
    if (handle !== "out") {
      return "missingFieldTemplate"
    }
    const resolved = resolveConnector(scope, edges, nodeId)
    return resolved === undefined ? null : typed(resolved)
  }
  const loaded = scope.loaded(nodeId)
  return node.type !== "invocation" || loaded === undefined
    ? "missingInvocationTemplate"
    : typed({ node: loaded, handle })
}

const typed = (source: Source): TypedSource | ConnectionProblemCode => {
  if (source.node.template === undefined) {
    return "missingInvocationTemplate"
  }
  const output = source.node.template.outputs.get(source.handle)
  return output === undefined ? "missingFieldTemplate" : { ...source, type: output.type }
}

/** The type of the items that a `collect` node collects, if known. */
const collectedType = (scope: ConnectionScope, edges: EdgeIndex, nodeId: string): FieldType | undefined => {
  const seen = new Set<string>()
  let id = nodeId
  while (!seen.has(id)) {
    seen.add(id)
    const edge = edges.into(id, "item") ?? edges.into(id, "collection")
    const source = edge === undefined ? undefined : scope.loaded(edge.source)
    if (edge === undefined || source === undefined) {
      return undefined
    }
    if (
      edge.targetHandle !== "collection" || edge.sourceHandle !== "collection" || source.node.nodeType !== "collect"
    ) {
      const type = source.template?.outputs.get(edge.sourceHandle)?.type
      if (type === undefined || type.name === "CollectionField") {
        return undefined
      }
      return type.cardinality === "SINGLE" ? type : { ...type, cardinality: "SINGLE" }
    }
    id = edge.source
  }
  return undefined
}

/** The edges that leave a connector and the connectors behind it, apart from those between connectors. */
const terminalEdges = (scope: ConnectionScope, edges: EdgeIndex, connectorId: string) => {
  const seen = new Set<string>()
  const within = new Set<EdgeLike>()
  const terminal: Array<EdgeLike> = []
  const stack = [connectorId]
  for (let id = stack.pop(); id !== undefined; id = stack.pop()) {
    if (seen.has(id)) {
      continue
    }
    seen.add(id)
    for (const edge of edges.from(id)) {
      if (edge.sourceHandle !== "out") {
        continue
      }
      within.add(edge)
      if (scope.node(edge.target)?.type === "connector") {
        stack.push(edge.target)
      } else {
        terminal.push(edge)
      }
    }
  }
  return { terminal, within }
}

const isBranch = (handle: string): boolean => handle === "true_input" || handle === "false_input"

/**
 * Why an edge is invalid, given those accepted so far; `undefined` if it is valid.
 *
 * **Details**
 *
 * A cycle of connectors is rejected like any other cycle. (The editor accepts it and then rejects every later edge.)
 */
export const connectionProblem = (
  scope: ConnectionScope,
  edges: EdgeIndex,
  edge: EdgeLike
): ConnectionProblemCode | undefined => {
  if (edge.source === edge.target) {
    return "cannotConnectToSelf"
  }
  const same = (other: EdgeLike): boolean =>
    other.source === edge.source && other.sourceHandle === edge.sourceHandle && other.targetHandle === edge.targetHandle
  if (edges.to(edge.target).some(same)) {
    return "cannotDuplicateConnection"
  }
  const target = scope.node(edge.target)
  if (target === undefined) {
    return "missingNode"
  }
  const source = sourceOf(scope, edges, edge.source, edge.sourceHandle)
  if (typeof source === "string") {
    return source
  }
  if (target.type === "connector") {
    return intoConnector(scope, edges, edge, source) ?? cycleProblem(edges, edge)
  }
  const loaded = scope.loaded(edge.target)
  if (loaded?.template === undefined) {
    return "missingInvocationTemplate"
  }
  const input = loaded.inputTemplate(edge.targetHandle)
  if (input === undefined) {
    return "missingFieldTemplate"
  }
  if (input.input === "direct") {
    return "cannotConnectToDirectInput"
  }
  const problem = source === null
    ? fromOpenConnector(scope, edges, edge, input)
    : intoInput(scope, edges, edge, source, loaded, input)
  return problem ?? (source === null ? undefined : cycleProblem(edges, edge))
}

const cycleProblem = (edges: EdgeIndex, edge: EdgeLike): ConnectionProblemCode | undefined =>
  edges.reaches(edge.target, edge.source) ? "connectionWouldCreateCycle" : undefined

const intoConnector = (
  scope: ConnectionScope,
  edges: EdgeIndex,
  edge: EdgeLike,
  source: TypedSource | null
): ConnectionProblemCode | undefined => {
  if (edge.targetHandle !== "in") {
    return "missingFieldTemplate"
  }
  if (edges.into(edge.target, "in") !== undefined) {
    return "inputMayOnlyHaveOneConnection"
  }
  if (source === null) {
    return undefined
  }
  const { terminal, within } = terminalEdges(scope, edges, edge.target)
  if (terminal.length === 0) {
    return undefined
  }
  const others = edges.without(within)
  for (const end of terminal) {
    const problem = connectionProblem(scope, others, {
      source: edge.source,
      sourceHandle: edge.sourceHandle,
      target: end.target,
      targetHandle: end.targetHandle
    })
    if (problem !== undefined) {
      return problem
    }
  }
  return undefined
}

/** From an unconnected connector: all its targets must accept the same values. */
const fromOpenConnector = (
  scope: ConnectionScope,
  edges: EdgeIndex,
  edge: EdgeLike,
  input: InputTemplate
): ConnectionProblemCode | undefined => {
  for (const end of terminalEdges(scope, edges, edge.source).terminal) {
    if (end.target === edge.target && end.targetHandle === edge.targetHandle) {
      continue
    }
    const loaded = scope.loaded(end.target)
    if (loaded?.template === undefined) {
      return "missingInvocationTemplate"
    }
    const other = loaded.inputTemplate(end.targetHandle)
    if (other === undefined) {
      return "missingFieldTemplate"
    }
    if (!areInterchangeable(other.type, input.type)) {
      return "fieldTypesMustMatch"
    }
  }
  return undefined
}

const intoInput = (
  scope: ConnectionScope,
  edges: EdgeIndex,
  edge: EdgeLike,
  source: TypedSource,
  target: LoadedNode,
  input: InputTemplate
): ConnectionProblemCode | undefined => {
  const targetType = target.node.nodeType
  if (targetType === "collect" && edge.targetHandle === "item") {
    const collected = collectedType(scope, edges, edge.target)
    if (collected !== undefined && !areTypesEqual(source.type, collected)) {
      return "cannotMixAndMatchCollectionItemTypes"
    }
  }
  if (
    targetType === "collect" && edge.targetHandle === "collection" && source.node.node.nodeType === "collect" &&
    source.handle === "collection"
  ) {
    const from = collectedType(scope, edges, source.node.node.id)
    const into = collectedType(scope, edges, edge.target)
    if (from !== undefined && into !== undefined && !areTypesEqual(from, into)) {
      return "cannotMixAndMatchCollectionItemTypes"
    }
  }
  if (targetType === "if" && isBranch(edge.targetHandle)) {
    const sibling = edges.into(edge.target, edge.targetHandle === "true_input" ? "false_input" : "true_input")
    const other = sibling === undefined ? undefined : sourceOf(scope, edges, sibling.source, sibling.sourceHandle)
    if (typeof other === "string") {
      return other
    }
    if (other === null || (other !== undefined && !areInterchangeable(source.type, other.type))) {
      return "fieldTypesMustMatch"
    }
  }
  if (input.type.name !== "CollectionItemField" && edges.into(edge.target, edge.targetHandle) !== undefined) {
    return "inputMayOnlyHaveOneConnection"
  }
  const types = source.node.node.nodeType === "if" && source.handle === "value"
    ? branchTypes(scope, edges, source.node.node.id)
    : []
  return (types.length > 0 ? types : [source.type]).every((type) => areTypesCompatible(type, input.type))
    ? undefined
    : "fieldTypesMustMatch"
}

/** The types in the branches of an `if`: the possible types of its value. */
const branchTypes = (scope: ConnectionScope, edges: EdgeIndex, nodeId: string): ReadonlyArray<FieldType> =>
  edges.to(nodeId).flatMap((edge) => {
    const source = isBranch(edge.targetHandle) ? sourceOf(scope, edges, edge.source, edge.sourceHandle) : null
    return source === null || typeof source === "string" ? [] : [source.type]
  })

/** Checks the ends of an edge, before its types. */
export const endProblems = (scope: ConnectionScope, edge: DefaultEdge): ReadonlyArray<ConnectionProblemCode> => {
  const problems: Array<ConnectionProblemCode> = []
  const source = scope.node(edge.source)
  const target = scope.node(edge.target)
  if (source === undefined) {
    problems.push("sourceNodeDoesNotExist")
  }
  if (source?.type === "connector") {
    if (edge.sourceHandle !== "out") {
      problems.push("sourceNodeFieldDoesNotExist")
    }
  } else {
    const template = scope.loaded(edge.source)?.template
    if (template === undefined) {
      problems.push("missingTemplate")
    } else if (!template.outputs.has(edge.sourceHandle)) {
      problems.push("sourceNodeFieldDoesNotExist")
    }
  }
  if (target === undefined) {
    problems.push("targetNodeDoesNotExist")
  }
  if (target?.type === "connector") {
    if (edge.targetHandle !== "in") {
      problems.push("targetNodeFieldDoesNotExist")
    }
  } else {
    const loaded = scope.loaded(edge.target)
    if (loaded?.template === undefined) {
      problems.push("missingTemplate")
    } else if (loaded.inputTemplate(edge.targetHandle) === undefined) {
      problems.push("targetNodeFieldDoesNotExist")
    }
  }
  return problems
}
