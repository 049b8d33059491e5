/**
 * An input of a workflow: a field of a node that the author added to the workflow's form.
 *
 * @since 0.1.0
 */
import type { FieldSettings } from "../definition/Form.ts"
import type * as InkField from "../field/InkField.ts"

/**
 * An input of a workflow. A field that is on the form twice results in two inputs with the same `systemName`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkWorkflowInput<Field extends InkField.InkField = InkField.InkField> {
  /** Zero-based position in the form; `-1` for a field that is not on the form. */
  readonly index: number
  /** The label that the author gave the input, or else the field's name. Several inputs can have the same one. */
  readonly userName: string
  /**
   * The name for programs: `positive_prompt`. Absent for a field that is not on the form.
   *
   * **Details**
   *
   * Unique on the form, and valid as an identifier, a flag, a key or a column: lower-case ASCII letters, digits and
   * `_`, at most 64 characters, never a reserved word. It is made from `userName`, or from the name of the field if the
   * label has no word in Latin letters. A name that several fields would have is qualified: by the label of the node,
   * or else by `positive` or `negative` where the node feeds a field called so, or else by the title of the node's
   * type. Fields that still share a name get numbers in form order. Fields that are added at the end of the form change
   * it only if they have the same label.
   */
  readonly publicName: string | undefined
  /** `{nodeId}.{fieldName}`, unique to the field. */
  readonly systemName: string
  /** The field with its current value. */
  readonly field: Field
  /**
   * Whether the node cannot run without a value or a connection: according to the server's document, and, for the T5
   * encoder, CLIP embed model and VAE of `flux_model_loader`, by this library's own rule.
   */
  readonly required: boolean
  /** Whether the input is connected to another node, so that its own value is not used. */
  readonly connected: boolean
  /** The id of the node. */
  readonly nodeId: string
  /** The name of the field. */
  readonly fieldName: string
  /** The type of the node, for example `"denoise_latents"`. */
  readonly nodeType: string
  /** The label that the author gave the node, or else the title of its type. */
  readonly nodeTitle: string
  /** The name that the editor shows: the author's label, or else the title of the field. */
  readonly label: string
  /** The author's description, or else the one of the field; `""` if there is none. */
  readonly description: string
  /** How the editor shows the field: slider, text area, dropdown with its options. It does not restrict the values. */
  readonly settings: FieldSettings | undefined
  /** Whether the editor shows the description on the form. */
  readonly showDescription: boolean
  /** The value that the workflow holds now, of the file or as it was set, even if it is invalid for the field. */
  readonly stored: unknown
}

/**
 * The system name of a field: `{nodeId}.{fieldName}`.
 *
 * **Example** (The field of a node)
 *
 * ```ts
 * import { systemName } from "@effect-invokeai/core/workflow/InkWorkflowInput"
 * import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
 *
 * export const widthOf = (workflow: Workflow.Workflow, nodeId: string) =>
 *   Workflow.getField(workflow, systemName(nodeId, "width"))
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const systemName = (nodeId: string, fieldName: string): string => `${nodeId}.${fieldName}`
