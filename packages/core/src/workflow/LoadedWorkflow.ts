/**
 * A workflow joined with the node types of a server: what the editor has after it opened the file.
 *
 * **Details**
 *
 * `Workflow.load` makes it, and does what the official UI does when it opens a file: nodes of other versions are updated,
 * edges that cannot be are removed, values of unknown shape are dropped, exposed fields become a form. Each of these is a
 * warning.
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
  readonly node: InvocationNode
  /** `undefined` if the server has no such node type. */
  readonly template: NodeTemplate | undefined
  /** The template of an input, those that a called workflow brings in included. */
  readonly inputTemplate: (fieldName: string) => InputTemplate | undefined
}

/**
 * What loading changed or could not resolve.
 *
 * **Details**
 *
 * - `missingTemplate`: the server does not know the node's type
 * - `unableToUpdateNode`: the node was made with another major version of its type; it is left as it is
 * - `missingFieldTemplate`: the node has an input that its type does not have; the input is not sent
 * - `deletedInvalidEdge`: an edge was removed, because of `problems`
 * - `deletedMissingNodeFieldFormElement`: the form named a field that the node does not have; the element was removed
 * - `missingSavedWorkflow`: a called workflow cannot be read; its inputs are left as they are
 * - `resetSavedWorkflowInputs`: the node was made with another version of its type; the values that it gave to the
 *   workflow it calls are gone, as in the editor
 *
 * @category models
 * @since 0.1.0
 */
export type LoadWarning =
  | { readonly type: "missingTemplate"; readonly nodeId: string; readonly nodeType: string }
  | {
    readonly type: "unableToUpdateNode"
    readonly nodeId: string
    readonly nodeType: string
    readonly version: string
    readonly templateVersion: string
  }
  | { readonly type: "missingFieldTemplate"; readonly nodeId: string; readonly fieldName: string }
  | {
    readonly type: "deletedInvalidEdge"
    readonly edge: WorkflowEdge
    readonly problems: ReadonlyArray<ConnectionProblemCode>
  }
  | {
    readonly type: "deletedMissingNodeFieldFormElement"
    readonly elementId: string
    readonly nodeId: string
    readonly fieldName: string
  }
  | { readonly type: "missingSavedWorkflow"; readonly nodeId: string; readonly workflowId: string }
  | {
    readonly type: "resetSavedWorkflowInputs"
    readonly nodeId: string
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
  readonly element: NodeFieldElement
  readonly nodeId: string
  readonly fieldName: string
  readonly node: LoadedNode
  readonly input: FieldInput
  /** `undefined` if the node's type is unknown or has no such field. */
  readonly template: InputTemplate | undefined
  /** What the UI shows: the label given by the user, else the title of the template, else the field name. */
  readonly label: string
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
  readonly catalog: NodeCatalog
  /** Invocation nodes by id, in file order. Of several nodes with one id the first counts. */
  readonly nodes: ReadonlyMap<string, LoadedNode>
  /** The connections, hidden ones included, in file order. */
  readonly edges: ReadonlyArray<DefaultEdge>
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
   * The workflows of the server's library that the workflow calls, by id. Without it the inputs of called workflows stay
   * as they are in the file; with it they are brought up to date, and a workflow that is not there is a warning.
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
  readonly nodeId: string
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
