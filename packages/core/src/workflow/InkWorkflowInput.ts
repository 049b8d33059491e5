/**
 * An input of a workflow: a field of a node that the author put on the workflow's form.
 *
 * @since 0.1.0
 */
import type { InputTemplate, NodeTemplate } from "../catalog/NodeTemplate.ts"
import type { FieldSettings } from "./Form.ts"
import * as InkField from "./InkField.ts"
import { isComponentInput } from "./internal/ink/rules.ts"
import { farness, normalize } from "./internal/likeness.ts"
import type { FieldInput, InvocationNode } from "./WorkflowDefinition.ts"
import { InvalidInputValue } from "./WorkflowError.ts"

/**
 * An input of a workflow.
 *
 * **Details**
 *
 * `userName` is the label that the author gave the input, or else the field's name; it may belong to several inputs.
 * `systemName` is `{nodeId}.{fieldName}` and belongs to one field. A field that is on the form twice is two inputs with
 * the same `systemName`.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkWorkflowInput<Field extends InkField.InkField = InkField.InkField> {
  /** Position in form order, from 0. `-1` for a field that is not on the form. */
  readonly index: number
  readonly userName: string
  readonly systemName: string
  /** The field with its current value. */
  readonly field: Field
  /**
   * Whether the node cannot run without a value or a connection: as the server's document says, and for the T5 encoder,
   * CLIP embed model and VAE of `flux_model_loader` by this library's own rule (see `InkRules`).
   */
  readonly required: boolean
  /** Whether another node gives the value, so that the one held here is not used. */
  readonly connected: boolean
  readonly nodeId: string
  readonly fieldName: string
  readonly nodeType: string
  /** The label that the author gave the node, or else the title of its type. */
  readonly nodeTitle: string
  /** What the editor shows as name: the author's label, or else the title of the field. */
  readonly label: string
  /** The author's description, or else the one of the field; `""` where there is none. */
  readonly description: string
  /** How the editor draws the field: slider, text area, dropdown with its options. Limits nothing. */
  readonly settings: FieldSettings | undefined
  readonly showDescription: boolean
  /** The value in the file as it is, also where it does not fit the field. */
  readonly stored: unknown
}

/**
 * The system name of a field: `{nodeId}.{fieldName}`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const systemName = (nodeId: string, fieldName: string): string => `${nodeId}.${fieldName}`

/**
 * The title of a node: its own label, or else the title of its type, or else the type.
 *
 * @category formatting
 * @since 0.1.0
 */
export const nodeTitle = (node: InvocationNode, template: NodeTemplate | undefined): string =>
  node.label !== "" ? node.label : template === undefined ? node.nodeType : template.title

/**
 * Where an input is on the form.
 *
 * @category models
 * @since 0.1.0
 */
export interface InputPlace {
  readonly index: number
  readonly settings: FieldSettings | undefined
  readonly showDescription: boolean
}

/**
 * An input from a node of the file and its template. Without a template the field is an `InkUnknownField`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (options: {
  readonly node: InvocationNode
  readonly nodeTemplate: NodeTemplate | undefined
  readonly fieldName: string
  readonly template: InputTemplate | undefined
  readonly connected: boolean
  readonly place: InputPlace | undefined
}): InkWorkflowInput => {
  const { connected, fieldName, node, nodeTemplate, place, template } = options
  const instance: FieldInput | undefined = node.inputs.get(fieldName)
  const label = instance?.label ?? ""
  const description = instance?.description ?? ""
  return {
    index: place?.index ?? -1,
    userName: label === "" ? fieldName : label,
    systemName: systemName(node.id, fieldName),
    field: template === undefined
      ? { _tag: "InkUnknownField", type: "", ...(instance?.value === undefined ? {} : { value: instance.value }) }
      : InkField.fromTemplate(template, instance?.value),
    required: (template?.required ?? false) || isComponentInput(node.nodeType, fieldName),
    connected,
    nodeId: node.id,
    fieldName,
    nodeType: node.nodeType,
    nodeTitle: nodeTitle(node, nodeTemplate),
    label: label === "" ? template?.title ?? fieldName : label,
    description: description === "" ? template?.description ?? "" : description,
    settings: place?.settings,
    showDescription: place?.showDescription ?? true,
    stored: instance?.value
  }
}

/**
 * Whether an input is required and has neither a value nor a connection. An empty text is a value.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isMissing = (input: InkWorkflowInput): boolean =>
  input.required && !input.connected && (input.stored === undefined || input.stored === null)

/**
 * The error that an input does not take a value.
 *
 * @category constructors
 * @since 0.1.0
 */
export const refuse = (input: InkWorkflowInput, refusal: InkField.InkRefusal): InvalidInputValue =>
  new InvalidInputValue({
    systemName: input.systemName,
    userName: input.userName,
    nodeId: input.nodeId,
    fieldName: input.fieldName,
    nodeTitle: input.nodeTitle,
    expected: refusal.expected,
    received: refusal.received
  })

/**
 * A name for each input that names no other: its user name where that is so, else its system name.
 *
 * @category getters
 * @since 0.1.0
 */
export const usableNames = (inputs: ReadonlyArray<InkWorkflowInput>): ReadonlyMap<InkWorkflowInput, string> => {
  const systemNames = new Map<string, Set<string>>()
  for (const input of inputs) {
    const known = systemNames.get(input.userName) ?? new Set()
    known.add(input.systemName)
    systemNames.set(input.userName, known)
  }
  return new Map(
    inputs.map((input) => [
      input,
      systemNames.get(input.userName)?.size === 1 ? input.userName : input.systemName
    ])
  )
}

/**
 * The names of inputs that look like a given one, best first, at most three.
 *
 * **Details**
 *
 * Compares with user names, field names, labels and system names, whatever their case, blanks and underscores. An input
 * is named by its user name if that belongs to one input only, else by its system name.
 *
 * @category getters
 * @since 0.1.0
 */
export const nearMatches = (inputs: ReadonlyArray<InkWorkflowInput>, name: string): ReadonlyArray<string> => {
  const wanted = normalize(name)
  if (wanted === "") return []
  const usable = usableNames(inputs)
  const score = (input: InkWorkflowInput): number =>
    Math.min(
      ...[input.userName, input.fieldName, input.label, input.systemName].map((other) =>
        farness(wanted, normalize(other))
      )
    )
  const scored = inputs.map((input) => ({ input, score: score(input) }))
  const best = Math.min(0.4, ...scored.map((entry) => entry.score))
  const ranked = scored
    .filter((entry) => entry.score <= (best === 0 ? 0 : Math.min(0.4, best + 0.15)))
    .toSorted((left, right) => left.score - right.score)
    .map(({ input }) => usable.get(input) ?? input.systemName)
  return [...new Set(ranked)].slice(0, 3)
}

/**
 * The system names of fields that look like a given one, best first, at most three.
 *
 * **Details**
 *
 * What follows a known node's id is compared with the fields of that node; else the last part of the name with all.
 *
 * @category getters
 * @since 0.1.0
 */
export const nearFields = (fields: ReadonlyArray<InkWorkflowInput>, name: string): ReadonlyArray<string> => {
  const ofNode = fields.filter((field) => name.startsWith(`${field.nodeId}.`))
  const [first] = ofNode
  const wanted = normalize(
    first === undefined ? name.slice(name.lastIndexOf(".") + 1) : name.slice(first.nodeId.length)
  )
  if (wanted === "") return []
  const scored = (first === undefined ? fields : ofNode).map((field) => ({
    field,
    score: Math.min(farness(wanted, normalize(field.fieldName)), farness(wanted, normalize(field.userName)))
  }))
  const limit = scored.some(({ score }) => score === 0) ? 0 : 0.4
  return scored
    .filter(({ score }) => score <= limit)
    .toSorted((left, right) => left.score - right.score)
    .slice(0, 3)
    .map(({ field }) => field.systemName)
}
