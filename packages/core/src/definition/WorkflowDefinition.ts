/**
 * A workflow file: what InvokeAI's workflow editor saves, exports and embeds in images, as a typed value.
 *
 * **Details**
 *
 * Files of all schema versions (`meta.version` 1.0.0, 2.0.0, 3.0.0 and 4.0.0) are read and migrated to 4.0.0. Reading
 * is lossless: every part keeps the JSON it was read from in `raw`, and `toJson` writes it back with the typed fields
 * laid over it, so that keys which this library does not know survive.
 *
 * A definition knows nothing about a server. `LoadedWorkflow` joins it with the node types of one.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import { describeReceived } from "../internal/describeReceived.ts"
import { getOwn, type JsonObject, setOwn } from "../internal/json.ts"
import * as Form from "./Form.ts"
import { fromV1, fromV2 } from "./internal/migrations.ts"
import { fail } from "./internal/parsing.ts"
import { templateProblem } from "./internal/persistedTemplate.ts"
import type { WorkflowParseError } from "./WorkflowFileError.ts"

export type { JsonObject } from "../JsonObject.ts"
export type { FieldIdentifier } from "./Form.ts"

/**
 * Schema versions of workflow files that InvokeAI has used: 1.0.0 (3.2), 2.0.0 (3.5), 3.0.0 (4.0), 4.0.0 (6.13).
 *
 * @category models
 * @since 0.1.0
 */
export type WorkflowSchemaVersion = "1.0.0" | "2.0.0" | "3.0.0" | "4.0.0"

/**
 * The position of a node in the editor, in pixels.
 *
 * @category models
 * @since 0.1.0
 */
export interface Position {
  /** Distance from the origin of the canvas to the right. */
  readonly x: number
  /** Distance from the origin of the canvas downward. */
  readonly y: number
}

/**
 * The value and texts that a workflow file has for one input of a node.
 *
 * **Details**
 *
 * `value` is the JSON value in the file; `undefined` if the file has none. Its expected type is in the server's node template, not in the file.
 *
 * @category models
 * @since 0.1.0
 */
export interface FieldInput {
  /** Name of the field in the node type, such as `cfg_scale`. */
  readonly name: string
  /** The label that the user gave the field, or `""`. */
  readonly label: string
  /** The description that the user gave the field, or `""`. */
  readonly description: string
  /** The JSON value in the file; `undefined` if the file has none. */
  readonly value: unknown
  /** The input as in the document, with keys that this library does not know. */
  readonly raw: JsonObject
}

/**
 * A node that runs on the server.
 *
 * @category models
 * @since 0.1.0
 */
export interface InvocationNode {
  /** Always `"invocation"`. */
  readonly type: "invocation"
  /** Id of the node, unique in the workflow. */
  readonly id: string
  /** The node type, such as `flux_denoise`. */
  readonly nodeType: string
  /** Version of the node type that the node was saved with, `x.y.z`. */
  readonly version: string
  /** Name of the node pack that the node type belongs to. */
  readonly nodePack: string
  /** The label that the user gave the node, or `""`. */
  readonly label: string
  /** The notes that the user wrote on the node, or `""`. */
  readonly notes: string
  /** Whether the editor shows the node expanded. */
  readonly isOpen: boolean
  /** Whether the node's images are intermediate, and so hidden from the gallery. */
  readonly isIntermediate: boolean
  /** Whether the server can return a cached result for the node instead of running it. */
  readonly useCache: boolean
  /** Position of the node in the editor. */
  readonly position: Position
  /** The inputs by field name, in file order. */
  readonly inputs: ReadonlyMap<string, FieldInput>
  /** Templates of the inputs of a called workflow (`call_saved_workflow` only), as the UI saves them. */
  readonly dynamicInputTemplates: JsonObject
  /** The node as in the document, with keys that this library does not know. */
  readonly raw: JsonObject
}

/**
 * A note on the canvas.
 *
 * @category models
 * @since 0.1.0
 */
export interface NotesNode {
  /** Always `"notes"`. */
  readonly type: "notes"
  /** Id of the node, unique in the workflow. */
  readonly id: string
  /** Title of the note. */
  readonly label: string
  /** Text of the note. */
  readonly notes: string
  /** Whether the editor shows the note expanded. */
  readonly isOpen: boolean
  /** Position of the note in the editor. */
  readonly position: Position
  /** The node as in the document, with keys that this library does not know. */
  readonly raw: JsonObject
}

/**
 * A point that edges are routed through, with one input `in` and one output `out`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectorNode {
  /** Always `"connector"`. */
  readonly type: "connector"
  /** Id of the node, unique in the workflow. */
  readonly id: string
  /** The name that the user gave the connector, or `""`. */
  readonly label: string
  /** Whether the editor shows the connector expanded. */
  readonly isOpen: boolean
  /** Position of the connector in the editor. */
  readonly position: Position
  /** The node as in the document, with keys that this library does not know. */
  readonly raw: JsonObject
}

/**
 * A node of a workflow file.
 *
 * @category models
 * @since 0.1.0
 */
export type WorkflowNode = InvocationNode | NotesNode | ConnectorNode

/**
 * A connection from an output to an input.
 *
 * @category models
 * @since 0.1.0
 */
export interface DefaultEdge {
  /** Always `"default"`. */
  readonly type: "default"
  /** Id of the edge, unique in the workflow. */
  readonly id: string
  /** Id of the node whose output is connected. */
  readonly source: string
  /** Name of the output. */
  readonly sourceHandle: string
  /** Id of the node whose input is connected. */
  readonly target: string
  /** Name of the input. */
  readonly targetHandle: string
  /** Whether both nodes are collapsed, so that the editor draws a collapsed edge instead. Counts as a connection. */
  readonly hidden: boolean
  /** The edge as in the document, with keys that this library does not know. */
  readonly raw: JsonObject
}

/**
 * The line drawn between two collapsed nodes. Purely visual.
 *
 * @category models
 * @since 0.1.0
 */
export interface CollapsedEdge {
  /** Always `"collapsed"`. */
  readonly type: "collapsed"
  /** Id of the edge, unique in the workflow. */
  readonly id: string
  /** Id of the node where the line starts. */
  readonly source: string
  /** Id of the node where the line ends. */
  readonly target: string
  /** The edge as in the document, with keys that this library does not know. */
  readonly raw: JsonObject
}

/**
 * An edge of a workflow file.
 *
 * @category models
 * @since 0.1.0
 */
export type WorkflowEdge = DefaultEdge | CollapsedEdge

/**
 * A workflow file, migrated to schema version 4.0.0.
 *
 * @category models
 * @since 0.1.0
 */
export interface WorkflowDefinition {
  /** Id in the library of the server that the file came from. */
  readonly id: string | undefined
  /** Name of the workflow, or `""`. */
  readonly name: string
  /** Author of the workflow, or `""`. */
  readonly author: string
  /** Description of the workflow, or `""`. */
  readonly description: string
  /** The author's own version of the workflow; free text. */
  readonly version: string
  /** Contact of the author, or `""`. */
  readonly contact: string
  /** Tags of the workflow, separated by commas, or `""`. */
  readonly tags: string
  /** Notes on the workflow, or `""`. */
  readonly notes: string
  /** Whether the workflow belongs to a user or comes with InvokeAI. */
  readonly category: "user" | "default"
  /** The schema version the file was written in. */
  readonly sourceVersion: WorkflowSchemaVersion
  /** All nodes in file order, notes and connectors included. */
  readonly nodes: ReadonlyArray<WorkflowNode>
  /** All edges in file order. */
  readonly edges: ReadonlyArray<WorkflowEdge>
  /** Fields of the linear view, for files saved before the form builder existed. */
  readonly exposedFields: ReadonlyArray<Form.FieldIdentifier>
  /** The form: which fields the workflow offers as inputs. */
  readonly form: Form.WorkflowForm
  /** The document, migrated to 4.0.0, with all its keys. */
  readonly raw: JsonObject
}

/**
 * Reads a workflow from a JSON value.
 *
 * **When to use**
 *
 * To inspect a file without a server. To run it, use `Workflow.fromJson` or `Workflow.fromFile`.
 *
 * **Details**
 *
 * Accepts and rejects the same files as the editor. Rejected is a document that is not an object, has no schema version
 * or an unknown one, lacks a required string, contains a node that is not an invocation, note or connector, has more
 * than one `workflow_return`, or has a form whose elements are not one tree. A value that is not a form at all is
 * replaced by an empty form, as in the editor.
 *
 * **Example** (Name and nodes of a file)
 *
 * ```ts
 * import * as Result from "effect/Result"
 * import * as WorkflowDefinition from "@effect-invokeai/core/definition/WorkflowDefinition"
 *
 * const nodeTypes = (json: unknown) =>
 *   Result.map(WorkflowDefinition.parse(json), (definition) =>
 *     definition.nodes.flatMap((node) => node.type === "invocation" ? [node.nodeType] : []))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const parse = (json: unknown): Result.Result<WorkflowDefinition, WorkflowParseError> => {
  if (!Predicate.isObject(json)) {
    return fail(`expected a JSON object, got ${describeReceived(json)}`)
  }
  const meta = json["meta"]
  if (!Predicate.isObject(meta) || !isVersion(meta["version"])) {
    return otherDocument(json) ??
      fail("no schema version; save the workflow with Save to File in InvokeAI's workflow editor", ["meta", "version"])
  }
  const version = meta["version"]
  switch (version) {
    case "1.0.0":
      return Result.flatMap(Result.flatMap(fromV1(json), fromV2), (document) => readDocument(document, version))
    case "2.0.0":
      return Result.flatMap(fromV2(json), (document) => readDocument(document, version))
    case "3.0.0":
    case "4.0.0":
      return readDocument({ ...json, meta: { ...meta, version: "4.0.0" } }, version)
    default:
      return fail(`unknown schema version ${version}, known are 1.0.0 to 4.0.0; update effect-invokeai`, [
        "meta",
        "version"
      ])
  }
}

/** Recognizes other documents among JSON objects without a schema version. */
const otherDocument = (json: JsonObject): Result.Result<never, WorkflowParseError> | undefined => {
  const { batch, edges, graph, links, nodes, workflow } = json
  if (Array.isArray(nodes) && Array.isArray(links)) {
    return fail("it is a ComfyUI workflow, which InvokeAI does not support")
  }
  const values = Object.values(json)
  if (
    values.length > 0 &&
    values.every((value) => Predicate.isObject(value) && typeof value["class_type"] === "string")
  ) {
    return fail("it is a ComfyUI workflow in API format, which InvokeAI does not support")
  }
  if (Predicate.isObject(batch)) {
    return fail("it is the body of an enqueue request, not a workflow: pass its batch.workflow, if it has one")
  }
  if (Predicate.isObject(workflow)) {
    return fail("it contains a workflow but is not one: pass its property \"workflow\"")
  }
  if ((Predicate.isObject(nodes) && Array.isArray(edges)) || Predicate.isObject(graph)) {
    return fail("it is an API graph, not a workflow: save the workflow with Save to File in InvokeAI's workflow editor")
  }
  return undefined
}

/**
 * Whether a string is a version of the form `x.y.z` with integers in any JavaScript notation, including `""` for 0.
 * Further parts are ignored, as in the editor.
 */
const isVersion = (value: unknown): value is string => {
  if (typeof value !== "string") {
    return false
  }
  const [major, minor, patch] = value.split(".")
  return [major, minor, patch].every((part) =>
    part !== undefined && Number.isSafeInteger(Number(part)) && Number(part) >= 0
  )
}

/** Trims ids and handles; an empty one is missing. */
const idOf = (value: unknown): string | undefined => {
  if (typeof value !== "string") {
    return undefined
  }
  const trimmed = value.trim()
  return trimmed === "" ? undefined : trimmed
}

const textNames = ["name", "author", "description", "version", "contact", "tags", "notes"] as const

/** Reads a definition from a document of 4.0.0, or returns why the editor rejects it. */
const readDocument = (
  json: JsonObject,
  sourceVersion: WorkflowSchemaVersion
): Result.Result<WorkflowDefinition, WorkflowParseError> => {
  const texts = { name: "", author: "", description: "", version: "", contact: "", tags: "", notes: "" }
  for (const name of textNames) {
    const value = json[name]
    if (typeof value !== "string") {
      return fail(`${name} is not a string`, [name])
    }
    texts[name] = value
  }
  const { edges: edgesJson, exposedFields: exposedJson, id, nodes: nodesJson } = json
  if (id !== undefined && (typeof id !== "string" || id === "")) {
    return fail("its id is not a string", ["id"])
  }
  const meta = Predicate.isObject(json["meta"]) ? json["meta"] : {}
  const category = meta["category"] === undefined ? "user" : meta["category"]
  if (category !== "user" && category !== "default") {
    return fail("its category is not \"user\" or \"default\"", ["meta", "category"])
  }
  const nodes = readList(nodesJson, "nodes", readNode)
  if (Result.isFailure(nodes)) {
    return Result.fail(nodes.failure)
  }
  if (nodes.success.filter((node) => node.type === "invocation" && node.nodeType === "workflow_return").length > 1) {
    return fail("it has more than one workflow_return node", ["nodes"])
  }
  const edges = readList(edgesJson, "edges", readEdge)
  if (Result.isFailure(edges)) {
    return Result.fail(edges.failure)
  }
  const exposedFields = readList(exposedJson, "exposedFields", readIdentifier)
  if (Result.isFailure(exposedFields)) {
    return Result.fail(exposedFields.failure)
  }
  const form = Form.fromJson(json["form"]) ?? Form.empty
  const problem = Form.structureProblem(form)
  if (problem !== undefined) {
    return fail(`the structure of its form is invalid: ${problem}`, ["form"])
  }
  return Result.succeed({
    ...texts,
    id,
    category,
    sourceVersion,
    nodes: nodes.success,
    edges: edges.success,
    exposedFields: exposedFields.success,
    form,
    raw: json
  })
}

const readList = <A extends object>(
  json: unknown,
  name: string,
  read: (item: unknown) => Result.Result<A, WorkflowParseError>
): Result.Result<ReadonlyArray<A>, WorkflowParseError> => {
  if (!Array.isArray(json)) {
    return fail(`${name} is not a list`, [name])
  }
  const items: Array<A> = []
  for (let index = 0; index < json.length; index++) {
    const item = read(json[index])
    if (Result.isFailure(item)) {
      const { path = [], reason } = item.failure
      return fail(reason, [name, String(index), ...path])
    }
    items.push(item.success)
  }
  return Result.succeed(items)
}

const readIdentifier = (json: unknown): Result.Result<Form.FieldIdentifier, WorkflowParseError> => {
  const nodeId = Predicate.isObject(json) ? idOf(json["nodeId"]) : undefined
  const fieldName = Predicate.isObject(json) ? idOf(json["fieldName"]) : undefined
  return nodeId === undefined || fieldName === undefined
    ? fail("an exposed field has no node id or no field name")
    : Result.succeed({ nodeId, fieldName })
}

const origin: Position = { x: 0, y: 0 }

const readPosition = (json: unknown): Position | undefined => {
  if (json === undefined) {
    return origin
  }
  const { x, y } = Predicate.isObject(json) ? json : {}
  return typeof x === "number" && typeof y === "number" && Number.isFinite(x) && Number.isFinite(y)
    ? { x, y }
    : undefined
}

const readNode = (json: unknown): Result.Result<WorkflowNode, WorkflowParseError> => {
  if (!Predicate.isObject(json)) {
    return fail("a node is not an object")
  }
  const id = idOf(json["id"])
  const data = json["data"]
  const position = readPosition(json["position"])
  if (id === undefined) {
    return fail("a node has no id", ["id"])
  }
  if (position === undefined) {
    return fail("the position of a node is not a pair of numbers", ["position"])
  }
  if (!Predicate.isObject(data) || idOf(data["id"]) === undefined) {
    return fail("a node has no data, or its data has no id", ["data"])
  }
  const { isOpen, label, notes } = data
  const type = json["type"]
  if (type !== "invocation" && type !== "notes" && type !== "connector") {
    return fail(`${JSON.stringify(type)} is not a type of node in a workflow`, ["type"])
  }
  if (typeof label !== "string" || typeof isOpen !== "boolean") {
    return fail("a node has no label, or its isOpen is not a boolean", ["data"])
  }
  if (type === "invocation") {
    return readInvocation(json, id, position, data, label, isOpen)
  }
  if (data["type"] !== type) {
    return fail(`the data of a ${type} node has a different type`, ["data", "type"])
  }
  if (type === "connector") {
    return Result.succeed({ type, id, label, isOpen, position, raw: json })
  }
  return typeof notes === "string"
    ? Result.succeed({ type, id, label, isOpen, notes, position, raw: json })
    : fail("a notes node has no text", ["data", "notes"])
}

const readInvocation = (
  raw: JsonObject,
  id: string,
  position: Position,
  data: JsonObject,
  label: string,
  isOpen: boolean
): Result.Result<InvocationNode, WorkflowParseError> => {
  const { isIntermediate, nodePack = "invokeai", notes, useCache, version } = data
  const nodeType = idOf(data["type"])
  const inputsJson = data["inputs"]
  if (nodeType === undefined) {
    return fail("an invocation node has no type", ["data", "type"])
  }
  if (!isVersion(version)) {
    return fail("the version of a node does not have the form x.y.z", ["data", "version"])
  }
  if (typeof nodePack !== "string" || nodePack === "") {
    return fail("the node pack of a node is not a string", ["data", "nodePack"])
  }
  if (typeof notes !== "string") {
    return fail("the notes of a node are not a string", ["data", "notes"])
  }
  if (typeof isIntermediate !== "boolean" || typeof useCache !== "boolean") {
    return fail("isIntermediate or useCache of a node is not a boolean", ["data"])
  }
  if (!Predicate.isObject(inputsJson)) {
    return fail("an invocation node has no inputs", ["data", "inputs"])
  }
  const inputs = new Map<string, FieldInput>()
  for (const key of Object.keys(inputsJson)) {
    const json = getOwn(inputsJson, key)
    const name = Predicate.isObject(json) ? idOf(json["name"]) : undefined
    if (!Predicate.isObject(json) || name === undefined) {
      return fail("an input of a node has no name", ["data", "inputs", key])
    }
    const { value } = json
    const label = typeof json["label"] === "string" ? json["label"] : ""
    const description = typeof json["description"] === "string" ? json["description"] : ""
    inputs.set(key, { name, label, description, value, raw: json })
  }
  const { dynamicInputTemplates = {} } = data
  if (!Predicate.isObject(dynamicInputTemplates)) {
    return fail("the input templates of a node are not an object", ["data", "dynamicInputTemplates"])
  }
  for (const key of Object.keys(dynamicInputTemplates)) {
    const problem = templateProblem(getOwn(dynamicInputTemplates, key))
    if (problem !== undefined) {
      return fail(`an input template of a node is invalid: ${problem}`, ["data", "dynamicInputTemplates", key])
    }
  }
  return Result.succeed({
    type: "invocation",
    id,
    nodeType,
    version,
    nodePack,
    label,
    notes,
    isOpen,
    isIntermediate,
    useCache,
    position,
    inputs,
    dynamicInputTemplates,
    raw
  })
}

const readEdge = (json: unknown): Result.Result<WorkflowEdge, WorkflowParseError> => {
  if (!Predicate.isObject(json)) {
    return fail("an edge is not an object")
  }
  const id = idOf(json["id"])
  const source = idOf(json["source"])
  const target = idOf(json["target"])
  if (id === undefined || source === undefined || target === undefined) {
    return fail("an edge has no id, no source or no target")
  }
  if (json["type"] === "collapsed") {
    return Result.succeed({ type: "collapsed", id, source, target, raw: json })
  }
  const sourceHandle = idOf(json["sourceHandle"])
  const targetHandle = idOf(json["targetHandle"])
  const { hidden = false } = json
  if (
    json["type"] !== "default" || sourceHandle === undefined || targetHandle === undefined ||
    typeof hidden !== "boolean"
  ) {
    return fail("an edge is neither a connection between two fields nor a collapsed edge")
  }
  return Result.succeed({ type: "default", id, source, sourceHandle, target, targetHandle, hidden, raw: json })
}

/**
 * The workflow as a JSON value of schema version 4.0.0 that the editor opens.
 *
 * **Details**
 *
 * `parse(toJson(definition))` returns the same definition. Unknown keys of the file stay where they were.
 *
 * The default schema version is 4.0.0. Choose 3.0.0 for the editor of servers before 6.13; it differs only in having no
 * connector nodes.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toJson = (definition: WorkflowDefinition, schemaVersion: "3.0.0" | "4.0.0" = "4.0.0"): JsonObject => {
  const { id: _id, ...rest } = definition.raw
  return {
    ...rest,
    ...(definition.id === undefined ? {} : { id: definition.id }),
    name: definition.name,
    author: definition.author,
    description: definition.description,
    version: definition.version,
    contact: definition.contact,
    tags: definition.tags,
    notes: definition.notes,
    nodes: definition.nodes.map(nodeToJson),
    edges: definition.edges.map(edgeToJson),
    exposedFields: definition.exposedFields.map(({ fieldName, nodeId }) => ({ nodeId, fieldName })),
    meta: {
      ...(Predicate.isObject(rest["meta"]) ? rest["meta"] : {}),
      category: definition.category,
      version: schemaVersion
    },
    form: Form.toJson(definition.form)
  }
}

const inputToJson = (input: FieldInput): JsonObject => {
  // values that could not be read are saved unchanged
  return {
    ...input.raw,
    name: input.name,
    label: input.label,
    description: input.description,
    ...(input.value === undefined ? {} : { value: input.value })
  }
}

const nodeToJson = (node: WorkflowNode): JsonObject => {
  const data = Predicate.isObject(node.raw["data"]) ? node.raw["data"] : {}
  const shared = { ...node.raw, id: node.id, type: node.type, position: { ...node.position } }
  switch (node.type) {
    case "invocation": {
      const inputs: Record<string, unknown> = {}
      for (const [name, input] of node.inputs) {
        setOwn(inputs, name, inputToJson(input))
      }
      return {
        ...shared,
        data: {
          ...data,
          id: node.id,
          type: node.nodeType,
          version: node.version,
          nodePack: node.nodePack,
          label: node.label,
          notes: node.notes,
          isOpen: node.isOpen,
          isIntermediate: node.isIntermediate,
          useCache: node.useCache,
          dynamicInputTemplates: node.dynamicInputTemplates,
          inputs
        }
      }
    }
    case "notes":
      return {
        ...shared,
        data: { ...data, id: node.id, type: "notes", label: node.label, isOpen: node.isOpen, notes: node.notes }
      }
    default:
      return { ...shared, data: { ...data, id: node.id, type: "connector", label: node.label, isOpen: node.isOpen } }
  }
}

const edgeToJson = (edge: WorkflowEdge): JsonObject =>
  edge.type === "collapsed"
    ? { ...edge.raw, id: edge.id, type: edge.type, source: edge.source, target: edge.target }
    : {
      ...edge.raw,
      id: edge.id,
      type: edge.type,
      source: edge.source,
      target: edge.target,
      sourceHandle: edge.sourceHandle,
      targetHandle: edge.targetHandle
    }

/**
 * The invocation nodes in file order.
 *
 * @category getters
 * @since 0.1.0
 */
export const invocationNodes = (definition: WorkflowDefinition): ReadonlyArray<InvocationNode> =>
  definition.nodes.filter((node) => node.type === "invocation")
