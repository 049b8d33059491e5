/**
 * A workflow joined with the node types of a server: what the editor has after it opened the file.
 *
 * **Details**
 *
 * `Workflow.load` makes it, and does what the InvokeAI UI does when it opens a file: nodes of other versions are updated,
 * edges that cannot be are removed, values of unknown shape are dropped, exposed fields become a form. Each of these is
 * a warning.
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
import type { BoardChoice } from "../field/internal/references.ts"

/**
 * The code of the problem for which the editor refuses a connection: the key of its message.
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
 * A node that runs on the server, with what the server says about its type.
 *
 * @category models
 * @since 0.1.0
 */
export interface LoadedNode {
  /** The node of the file, updated to the server's version of its type. */
  readonly node: InvocationNode
  /** `undefined` if the server has no such node type. */
  readonly template: NodeTemplate | undefined
  /** The template of an input, those that a called workflow brings in included. */
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
    /** The server does not know the node's type. */
    readonly type: "missingTemplate"
    /** The id of the node. */
    readonly nodeId: string
    /** The type of the node. */
    readonly nodeType: string
  }
  | {
    /** The node was made with another major version of its type; it is left as it is. */
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
    /** The form named a field that the node does not have; the element was removed. */
    readonly type: "deletedMissingNodeFieldFormElement"
    /** The id of the element that was removed. */
    readonly elementId: string
    /** The id of the node. */
    readonly nodeId: string
    /** The name of the field. */
    readonly fieldName: string
  }
  | {
    /** A called workflow cannot be read; its inputs are left as they are. */
    readonly type: "missingSavedWorkflow"
    /** The id of the node. */
    readonly nodeId: string
    /** The id of the called workflow. */
    readonly workflowId: string
  }
  | {
    /**
     * The node was made with another version of its type; the values that it gave to the workflow that it calls are
     * removed, as in the editor.
     */
    readonly type: "resetSavedWorkflowInputs"
    /** The id of the node. */
    readonly nodeId: string
    /** The names of the fields whose values were removed. */
    readonly fieldNames: ReadonlyArray<string>
  }

/**
 * A field that the form offers.
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
  /** What the UI shows: the label given by the user, else the title of the template, else the field name. */
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
  /** The repaired definition: updated nodes, valid edges only, the form that counts. */
  readonly definition: WorkflowDefinition
  /** The node types of the server. */
  readonly catalog: NodeCatalog
  /** Invocation nodes by id, in file order. Of several nodes with one id the first counts. */
  readonly nodes: ReadonlyMap<string, LoadedNode>
  /** The connections, hidden ones included, in file order. */
  readonly edges: ReadonlyArray<DefaultEdge>
  /** What loading changed or could not resolve. */
  readonly warnings: ReadonlyArray<LoadWarning>
  /** The fields of the form in form order. A field may be there more than once. */
  readonly formFields: ReadonlyArray<FormField>
}

/**
 * What a load may be given.
 *
 * @category models
 * @since 0.1.0
 */
export interface LoadOptions {
  /**
   * The workflows of the server's library that the workflow calls, by id. Without it the inputs of called workflows
   * stay as they are in the file; with it they are brought up to date, and a workflow that is not there is a warning.
   */
  readonly savedWorkflows?: ReadonlyMap<string, unknown> | undefined
}

/**
 * A node of a submitted workflow, for naming its results.
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
  /** Whether the results of the node are hidden and meant to be thrown away. */
  readonly isIntermediate: boolean
  /** Where the node says its result goes; `undefined` for nodes without a board. */
  readonly board: BoardChoice | undefined
  /** `type` of the node's result, such as `image_output`. */
  readonly outputType: string
}
