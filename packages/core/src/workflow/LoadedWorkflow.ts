/**
 * A workflow joined with the node types of a server: what the editor has after opening the file.
 *
 * **Details**
 *
 * `Workflow.load` makes it, and does what the InvokeAI UI does when it opens a file: nodes of other versions are updated, invalid edges are removed, values of unknown shape are dropped, exposed fields become a form. Each change is reported as a warning.
 *
 * @since 0.1.0
 */
import type { NodeCatalog } from "../catalog/NodeCatalog.ts"
import type { InputTemplate, NodeTemplate } from "../catalog/NodeTemplate.ts"
import type { NodeFieldElement } from "../definition/Form.ts"
import type {
  DefaultEdge,
  FieldInput,
  InvocationNode,
  WorkflowDefinition,
  WorkflowEdge
} from "../definition/WorkflowDefinition.ts"
import type { BoardChoice } from "../field/fields/references.ts"

/**
 * Why the editor rejects a connection: the key of its message.
 *
 * @category models
 * @since 0.1.0
 */
export type ConnectionProblemCode =
  | "sourceNodeDoesNotExist"
  | "targetNodeDoesNotExist"
  | "sourceNodeFieldDoesNotExist"
  | "targetNodeFieldDoesNotExist"
  | "missingTemplate"
  | "missingNode"
  | "missingInvocationTemplate"
  | "missingFieldTemplate"
  | "cannotConnectToSelf"
  | "cannotDuplicateConnection"
  | "cannotConnectToDirectInput"
  | "cannotMixAndMatchCollectionItemTypes"
  | "inputMayOnlyHaveOneConnection"
  | "fieldTypesMustMatch"
  | "connectionWouldCreateCycle"

/**
 * A node that runs on the server, with the server's template of its type.
 *
 * @category models
 * @since 0.1.0
 */
export interface LoadedNode {
  /** The node of the file, updated to the server's version of its type. */
  readonly node: InvocationNode
  /** `undefined` if the server has no such node type. */
  readonly template: NodeTemplate | undefined
  /** Returns the template of an input, including the inputs of a called workflow. */
  readonly inputTemplate: (fieldName: string) => InputTemplate | undefined
}

/**
 * Something that loading changed or could not resolve.
 *
 * @category models
 * @since 0.1.0
 */
export type LoadWarning =
  | {
    /** The server does not have the node's type. */
    readonly type: "missingTemplate"
    /** The id of the node. */
    readonly nodeId: string
    /** The type of the node. */
    readonly nodeType: string
  }
  | {
    /** The node was saved with another major version of its type; it was not updated. */
    readonly type: "unableToUpdateNode"
    /** The id of the node. */
    readonly nodeId: string
    /** The type of the node. */
    readonly nodeType: string
    /** The version of the type in the file. */
    readonly version: string
    /** The version of the type on the server. */
    readonly templateVersion: string
  }
  | {
    /** The node has an input that its type does not have; the input is not sent. */
    readonly type: "missingFieldTemplate"
    /** The id of the node. */
    readonly nodeId: string
    /** The name of the field. */
    readonly fieldName: string
  }
  | {
    /** An edge was removed, because of `problems`. */
    readonly type: "deletedInvalidEdge"
    /** The edge that was removed. */
    readonly edge: WorkflowEdge
    /** Why the edge is invalid. */
    readonly problems: ReadonlyArray<ConnectionProblemCode>
  }
  | {
    /** The form contained a field that the node does not have; the element was removed. */
    readonly type: "deletedMissingNodeFieldFormElement"
    /** The id of the element that was removed. */
    readonly elementId: string
    /** The id of the node. */
    readonly nodeId: string
    /** The name of the field. */
    readonly fieldName: string
  }
  | {
    /** A called workflow could not be read; its inputs were not updated. */
    readonly type: "missingSavedWorkflow"
    /** The id of the node. */
    readonly nodeId: string
    /** The id of the called workflow. */
    readonly workflowId: string
  }
  | {
    /**
     * The node was saved with another version of its type; its values for the workflow that it calls were removed, as
     * in the editor.
     */
    readonly type: "resetSavedWorkflowInputs"
    /** The id of the node. */
    readonly nodeId: string
    /** The names of the fields whose values were removed. */
    readonly fieldNames: ReadonlyArray<string>
  }

/**
 * A field on the form.
 *
 * @category models
 * @since 0.1.0
 */
export interface FormField {
  /** Position in the form, from 0. */
  readonly index: number
  /** The element of the form. */
  readonly element: NodeFieldElement
  /** The id of the node. */
  readonly nodeId: string
  /** The name of the field. */
  readonly fieldName: string
  /** The node. */
  readonly node: LoadedNode
  /** The field of the node, with its value in the file. */
  readonly input: FieldInput
  /** `undefined` if the node's type is unknown or has no such field. */
  readonly template: InputTemplate | undefined
  /** The name that the UI shows: the user's label, else the title of the template, else the field name. */
  readonly label: string
  /** The author's description, or else the one of the template. */
  readonly description: string
}

/**
 * A workflow joined with the node types of a server.
 *
 * @category models
 * @since 0.1.0
 */
export interface LoadedWorkflow {
  /** The repaired definition: updated nodes, valid edges, and the effective form. */
  readonly definition: WorkflowDefinition
  /** The node types of the server. */
  readonly catalog: NodeCatalog
  /** Invocation nodes by id, in file order. If several nodes have the same id, the first one counts. */
  readonly nodes: ReadonlyMap<string, LoadedNode>
  /** The connections, hidden ones included, in file order. */
  readonly edges: ReadonlyArray<DefaultEdge>
  /** What loading changed or could not resolve. */
  readonly warnings: ReadonlyArray<LoadWarning>
  /** The fields of the form in form order. A field can appear more than once. */
  readonly formFields: ReadonlyArray<FormField>
}

/**
 * Options for loading a workflow.
 *
 * @category models
 * @since 0.1.0
 */
export interface LoadOptions {
  /**
   * The workflows of the server's library that the workflow calls, by id. With it, the inputs of called workflows are
   * updated, and a missing workflow is a warning; without it, they stay as they are in the file.
   */
  readonly savedWorkflows?: ReadonlyMap<string, unknown> | undefined
}

/**
 * The names of a node of a submitted workflow, for its results.
 *
 * @category models
 * @since 0.1.0
 */
export interface SubmittedNode {
  /** The id of the node in the workflow file. */
  readonly nodeId: string
  /** The type of the node, for example `"denoise_latents"`. */
  readonly type: string
  /** The label that the author gave the node, or else the title of its type. */
  readonly label: string
  /** The title of the node's type. */
  readonly title: string
  /** Whether the results of the node are intermediate. */
  readonly isIntermediate: boolean
  /** The board that the node sets for its result; `undefined` for nodes without a board. */
  readonly board: BoardChoice | undefined
  /** `type` of the node's result, such as `image_output`. */
  readonly outputType: string
}
