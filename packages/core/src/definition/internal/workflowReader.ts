/** The typed view of a workflow document of schema version 4.0.0. */
import * as Result from "effect/Result"
import { getOwn, isRecord, type JsonObject } from "../../internal/json.ts"
import type {
  FieldIdentifier,
  FieldInput,
  InvocationNode,
  Position,
  WorkflowDefinition,
  WorkflowEdge,
  WorkflowNode,
  WorkflowSchemaVersion
} from "../WorkflowDefinition.ts"
import { WorkflowParseError } from "../WorkflowFileError.ts"
import { empty, structureProblem } from "./form.ts"
import { readForm } from "./formReader.ts"
import { isVersion } from "./migrations.ts"
import { templateProblem } from "./persistedTemplate.ts"

interface Fault {
  readonly fault: string
  readonly path: ReadonlyArray<string>
}

const isFault = (value: object): value is Fault => "fault" in value && "path" in value

const fault = (reason: string, ...path: ReadonlyArray<string>): Fault => ({ fault: reason, path })

/** Ids and handles are trimmed; an empty one is none. */
const idOf = (value: unknown): string | undefined => {
  if (typeof value !== "string") {
    return undefined
  }
  const trimmed = value.trim()
  return trimmed === "" ? undefined : trimmed
}

const textNames = ["name", "author", "description", "version", "contact", "tags", "notes"] as const

/** A definition from a document of 4.0.0, or why the editor refuses it. */
export const readWorkflow = (
  json: JsonObject,
  sourceVersion: WorkflowSchemaVersion
): Result.Result<WorkflowDefinition, WorkflowParseError> => {
  const read = readDocument(json, sourceVersion)
  return isFault(read)
    ? Result.fail(new WorkflowParseError({ reason: read.fault, path: read.path }))
    : Result.succeed(read)
}

const readDocument = (json: JsonObject, sourceVersion: WorkflowSchemaVersion): WorkflowDefinition | Fault => {
  const texts = { name: "", author: "", description: "", version: "", contact: "", tags: "", notes: "" }
  for (const name of textNames) {
    const value = json[name]
    if (typeof value !== "string") {
      return fault(`${name} is not a text`, name)
    }
    texts[name] = value
  }
  const { edges: edgesJson, exposedFields: exposedJson, id, nodes: nodesJson } = json
  if (id !== undefined && (typeof id !== "string" || id === "")) {
    return fault("its id is not a text", "id")
  }
  const meta = isRecord(json["meta"]) ? json["meta"] : {}
  const category = meta["category"] === undefined ? "user" : meta["category"]
  if (category !== "user" && category !== "default") {
    return fault("its category is neither user nor default", "meta", "category")
  }
  const nodes = readList(nodesJson, "nodes", readNode)
  if (isFault(nodes)) {
    return nodes
  }
  if (nodes.filter((node) => node.type === "invocation" && node.nodeType === "workflow_return").length > 1) {
    return fault("it has more than one workflow_return node", "nodes")
  }
  const edges = readList(edgesJson, "edges", readEdge)
  if (isFault(edges)) {
    return edges
  }
  const exposedFields = readList(exposedJson, "exposedFields", readIdentifier)
  if (isFault(exposedFields)) {
    return exposedFields
  }
  const form = readForm(json["form"]) ?? empty
  const problem = structureProblem(form)
  if (problem !== undefined) {
    return fault(`the structure of its form is invalid: ${problem}`, "form")
  }
  return { ...texts, id, category, sourceVersion, nodes, edges, exposedFields, form, raw: json }
}

const readList = <A extends object>(
  json: unknown,
  name: string,
  read: (item: unknown) => A | Fault
): ReadonlyArray<A> | Fault => {
  if (!Array.isArray(json)) {
    return fault(`${name} is not a list`, name)
  }
  const items: Array<A> = []
  for (let index = 0; index < json.length; index++) {
    const item = read(json[index])
    if (isFault(item)) {
      return fault(item.fault, name, String(index), ...item.path)
    }
    items.push(item)
  }
  return items
}

const readIdentifier = (json: unknown): FieldIdentifier | Fault => {
  const nodeId = isRecord(json) ? idOf(json["nodeId"]) : undefined
  const fieldName = isRecord(json) ? idOf(json["fieldName"]) : undefined
  return nodeId === undefined || fieldName === undefined
    ? fault("an exposed field has no node id or no field name")
    : { nodeId, fieldName }
}

const origin: Position = { x: 0, y: 0 }

const readPosition = (json: unknown): Position | undefined => {
  if (json === undefined) {
    return origin
  }
  const { x, y } = isRecord(json) ? json : {}
  return typeof x === "number" && typeof y === "number" && Number.isFinite(x) && Number.isFinite(y)
    ? { x, y }
    : undefined
}

const readNode = (json: unknown): WorkflowNode | Fault => {
  if (!isRecord(json)) {
    return fault("a node is not an object")
  }
  const id = idOf(json["id"])
  const data = json["data"]
  const position = readPosition(json["position"])
  if (id === undefined) {
    return fault("a node has no id", "id")
  }
  if (position === undefined) {
    return fault("the position of a node is not two numbers", "position")
  }
  if (!isRecord(data) || idOf(data["id"]) === undefined) {
    return fault("a node has no data or its data no id", "data")
  }
  const { isOpen, label, notes } = data
  const type = json["type"]
  if (type !== "invocation" && type !== "notes" && type !== "connector") {
    return fault(`${JSON.stringify(type)} is no kind of node that a workflow can have`, "type")
  }
  if (typeof label !== "string" || typeof isOpen !== "boolean") {
    return fault("a node has no label, or isOpen is neither true nor false", "data")
  }
  if (type === "invocation") {
    return readInvocation(json, id, position, data, label, isOpen)
  }
  if (data["type"] !== type) {
    return fault(`the data of a ${type} node is not of the type ${type}`, "data", "type")
  }
  if (type === "connector") {
    return { type, id, label, isOpen, position, raw: json }
  }
  return typeof notes === "string"
    ? { type, id, label, isOpen, notes, position, raw: json }
    : fault("a notes node has no text", "data", "notes")
}

const readInvocation = (
  raw: JsonObject,
  id: string,
  position: Position,
  data: JsonObject,
  label: string,
  isOpen: boolean
): InvocationNode | Fault => {
  const { isIntermediate, nodePack = "invokeai", notes, useCache, version } = data
  const nodeType = idOf(data["type"])
  const inputsJson = data["inputs"]
  if (nodeType === undefined) {
    return fault("an invocation node has no type", "data", "type")
  }
  if (!isVersion(version)) {
    return fault("the version of a node is not of the form x.y.z", "data", "version")
  }
  if (typeof nodePack !== "string" || nodePack === "") {
    return fault("the node pack of a node is not a text", "data", "nodePack")
  }
  if (typeof notes !== "string") {
    return fault("the notes of a node are not a text", "data", "notes")
  }
  if (typeof isIntermediate !== "boolean" || typeof useCache !== "boolean") {
    return fault("isIntermediate or useCache of a node is neither true nor false", "data")
  }
  if (!isRecord(inputsJson)) {
    return fault("an invocation node has no inputs", "data", "inputs")
  }
  const inputs = new Map<string, FieldInput>()
  for (const key of Object.keys(inputsJson)) {
    const json = getOwn(inputsJson, key)
    const name = isRecord(json) ? idOf(json["name"]) : undefined
    if (!isRecord(json) || name === undefined) {
      return fault("an input of a node has no name", "data", "inputs", key)
    }
    const { value } = json
    const label = typeof json["label"] === "string" ? json["label"] : ""
    const description = typeof json["description"] === "string" ? json["description"] : ""
    inputs.set(key, { name, label, description, value, raw: json })
  }
  const { dynamicInputTemplates = {} } = data
  if (!isRecord(dynamicInputTemplates)) {
    return fault("the input templates of a node are no object", "data", "dynamicInputTemplates")
  }
  for (const key of Object.keys(dynamicInputTemplates)) {
    const problem = templateProblem(getOwn(dynamicInputTemplates, key))
    if (problem !== undefined) {
      return fault(`an input template of a node is invalid: ${problem}`, "data", "dynamicInputTemplates", key)
    }
  }
  return {
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
  }
}

const readEdge = (json: unknown): WorkflowEdge | Fault => {
  if (!isRecord(json)) {
    return fault("an edge is not an object")
  }
  const id = idOf(json["id"])
  const source = idOf(json["source"])
  const target = idOf(json["target"])
  if (id === undefined || source === undefined || target === undefined) {
    return fault("an edge has no id, no source or no target")
  }
  if (json["type"] === "collapsed") {
    return { type: "collapsed", id, source, target, raw: json }
  }
  const sourceHandle = idOf(json["sourceHandle"])
  const targetHandle = idOf(json["targetHandle"])
  const { hidden = false } = json
  if (
    json["type"] !== "default" || sourceHandle === undefined || targetHandle === undefined ||
    typeof hidden !== "boolean"
  ) {
    return fault("an edge is neither a connection of two fields nor a collapsed one")
  }
  return { type: "default", id, source, sourceHandle, target, targetHandle, hidden, raw: json }
}
