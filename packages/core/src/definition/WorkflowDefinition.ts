/**
 * A workflow file: what InvokeAI's workflow editor saves, exports and embeds in images, as a typed value.
 *
 * **Details**
 *
 * Files of all schema versions (`meta.version` 1.0.0, 2.0.0, 3.0.0 and 4.0.0) are read and migrated to 4.0.0. Reading is
 * lossless: every part keeps the JSON it was read from in `raw`, and `toJson` writes it back with the typed fields laid
 * over it, so that keys which this library does not know survive.
 *
 * A definition knows nothing about a server. `LoadedWorkflow` joins it with the node types of one.
 *
 * @since 0.1.0
 */
import * as Result from "effect/Result"
import { isRecord, type JsonObject, setOwn } from "../internal/json.ts"
import type { WorkflowForm } from "./Form.ts"
import { formToJson } from "./internal/formReader.ts"
import { migrate } from "./internal/migrations.ts"
import { readWorkflow } from "./internal/workflowReader.ts"
import type { WorkflowParseError } from "./WorkflowFileError.ts"

export type { JsonObject } from "../internal/json.ts"

/**
 * Schema versions of workflow files that InvokeAI has used: 1.0.0 (3.2), 2.0.0 (3.5), 3.0.0 (4.0), 4.0.0 (6.13).
 *
 * @category models
 * @since 0.1.0
 */
export type WorkflowSchemaVersion = "1.0.0" | "2.0.0" | "3.0.0" | "4.0.0"

/**
 * A field of a node, by the node's id and the field's name.
 *
 * @category models
 * @since 0.1.0
 */
export interface FieldIdentifier {
  readonly nodeId: string
  readonly fieldName: string
}

/**
 * Where a node is drawn, in the editor's pixels.
 *
 * @category models
 * @since 0.1.0
 */
export interface Position {
  readonly x: number
  readonly y: number
}

/**
 * What a workflow file holds for one input of a node.
 *
 * **Details**
 *
 * `value` is the JSON value in the file; `undefined` when the file holds none. Which type it should have is said by the
 * server's node template, not by the file.
 *
 * @category models
 * @since 0.1.0
 */
export interface FieldInput {
  readonly name: string
  /** The name the user gave the field, or `""`. */
  readonly label: string
  readonly description: string
  readonly value: unknown
  readonly raw: JsonObject
}

/**
 * A node that runs on the server.
 *
 * @category models
 * @since 0.1.0
 */
export interface InvocationNode {
  readonly type: "invocation"
  readonly id: string
  /** The node type, such as `flux_denoise`. */
  readonly nodeType: string
  /** Version of the node type that the node was made with, `x.y.z`. */
  readonly version: string
  readonly nodePack: string
  /** The name the user gave the node, or `""`. */
  readonly label: string
  readonly notes: string
  readonly isOpen: boolean
  readonly isIntermediate: boolean
  readonly useCache: boolean
  readonly position: Position
  /** By field name, in file order. */
  readonly inputs: ReadonlyMap<string, FieldInput>
  /** Templates of the inputs that a called workflow brings in (`call_saved_workflow` only), as the UI persists them. */
  readonly dynamicInputTemplates: JsonObject
  readonly raw: JsonObject
}

/**
 * A note on the canvas.
 *
 * @category models
 * @since 0.1.0
 */
export interface NotesNode {
  readonly type: "notes"
  readonly id: string
  readonly label: string
  readonly notes: string
  readonly isOpen: boolean
  readonly position: Position
  readonly raw: JsonObject
}

/**
 * A point that edges are routed through, with one input `in` and one output `out`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ConnectorNode {
  readonly type: "connector"
  readonly id: string
  readonly label: string
  readonly isOpen: boolean
  readonly position: Position
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
  readonly type: "default"
  readonly id: string
  readonly source: string
  readonly sourceHandle: string
  readonly target: string
  readonly targetHandle: string
  /** True when both nodes are collapsed, so that the editor draws a collapsed edge instead. Counts as a connection. */
  readonly hidden: boolean
  readonly raw: JsonObject
}

/**
 * The line drawn between two collapsed nodes. Purely visual.
 *
 * @category models
 * @since 0.1.0
 */
export interface CollapsedEdge {
  readonly type: "collapsed"
  readonly id: string
  readonly source: string
  readonly target: string
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
  readonly name: string
  readonly author: string
  readonly description: string
  /** The author's own version of the workflow; free text. */
  readonly version: string
  readonly contact: string
  readonly tags: string
  readonly notes: string
  readonly category: "user" | "default"
  /** The schema version the file was written in. */
  readonly sourceVersion: WorkflowSchemaVersion
  readonly nodes: ReadonlyArray<WorkflowNode>
  readonly edges: ReadonlyArray<WorkflowEdge>
  /** Fields of the linear view of files made before the form builder. */
  readonly exposedFields: ReadonlyArray<FieldIdentifier>
  readonly form: WorkflowForm
  /** The document, migrated to 4.0.0, with every key it came with. */
  readonly raw: JsonObject
}

/**
 * Reads a workflow from a JSON value.
 *
 * **When to use**
 *
 * To look into a file without a server. To run it, use `Workflow.fromJson` or `Workflow.fromFile`.
 *
 * **Details**
 *
 * Reads what the editor reads and refuses what the editor refuses: a document that is no object, has no schema version
 * or an unknown one, lacks one of the required texts, holds a node that is no invocation, note or connector, more than
 * one `workflow_return`, or a form whose elements are not one tree. A form that is not a form at all is replaced by an
 * empty one, as in the editor.
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
export const parse = (json: unknown): Result.Result<WorkflowDefinition, WorkflowParseError> =>
  Result.flatMap(migrate(json), ({ document, sourceVersion }) => readWorkflow(document, sourceVersion))

/**
 * The workflow as a JSON value of schema version 4.0.0 that the editor opens.
 *
 * **Details**
 *
 * `parse(toJson(definition))` gives the same definition. Unknown keys of the file come back where they were.
 *
 * The schema version is 4.0.0 unless another is wanted: 3.0.0 differs only in that it has no connector nodes, and is all
 * that the editor of servers before 6.13 opens.
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
    meta: { ...(isRecord(rest["meta"]) ? rest["meta"] : {}), category: definition.category, version: schemaVersion },
    form: formToJson(definition.form)
  }
}

const inputToJson = (input: FieldInput): JsonObject => {
  // a value that could not be read is saved as it was
  return {
    ...input.raw,
    name: input.name,
    label: input.label,
    description: input.description,
    ...(input.value === undefined ? {} : { value: input.value })
  }
}

const nodeToJson = (node: WorkflowNode): JsonObject => {
  const data = isRecord(node.raw["data"]) ? node.raw["data"] : {}
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
