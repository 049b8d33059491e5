/** The node types that the editor treats specially. */

const kinds = ["image", "string", "integer", "float"] as const

/** Node types that provide values of a batch: `image_batch`, `string_batch`, `integer_batch`, `float_batch`. */
export const batchNodeTypes: ReadonlySet<string> = new Set(kinds.map((kind) => `${kind}_batch`))

/** Node types that generate values for batch nodes: `image_generator`, … */
export const generatorNodeTypes: ReadonlySet<string> = new Set(kinds.map((kind) => `${kind}_generator`))

/** Whether nodes of a type run on the server. Batch and generator nodes become batch data instead. */
export const isExecutable = (nodeType: string): boolean =>
  !batchNodeTypes.has(nodeType) && !generatorNodeTypes.has(nodeType)

/** The field of a batch node that holds its values. */
export const batchValuesField = (nodeType: string): string => `${nodeType.slice(0, -"_batch".length)}s`

/** Whether a node accepts inputs that its schema does not declare. */
export const acceptsExtraInputs = (nodeType: string): boolean => nodeType === "core_metadata"

/** The type of nodes that run a workflow of the library. */
export const callSavedWorkflow = "call_saved_workflow"

/** The prefix of the names of a called workflow's inputs. */
export const savedWorkflowInputPrefix = "saved_workflow_input::"

/** Whether an input belongs to a called workflow. */
export const isSavedWorkflowInput = (name: string): boolean => name.startsWith(savedWorkflowInputPrefix)
