/**
 * The form of a workflow: which fields it offers as inputs, in which order and layout, and how they are shown.
 *
 * @since 0.1.0
 */
import type { JsonObject } from "../internal/json.ts"
import type { FieldIdentifier } from "./WorkflowDefinition.ts"

/**
 * How a number field is drawn. `min` and `max` limit the widget only, not the value that is sent.
 *
 * @category models
 * @since 0.1.0
 */
export interface NumberFieldSettings {
  readonly type: "integer-field-config" | "float-field-config"
  readonly component: "number-input" | "slider" | "number-input-and-slider"
  readonly showShuffle: boolean
  readonly min?: number
  readonly max?: number
}

/**
 * A choice of a dropdown.
 *
 * @category models
 * @since 0.1.0
 */
export interface DropdownOption {
  readonly label: string
  readonly value: string
}

/**
 * How a text field is drawn. Values outside the options of a dropdown are still values.
 *
 * @category models
 * @since 0.1.0
 */
export type StringFieldSettings =
  | { readonly type: "string-field-config"; readonly component: "input" | "textarea" }
  | {
    readonly type: "string-field-config"
    readonly component: "dropdown"
    readonly options: ReadonlyArray<DropdownOption>
  }

/**
 * How a field is drawn.
 *
 * @category models
 * @since 0.1.0
 */
export type FieldSettings = NumberFieldSettings | StringFieldSettings

/**
 * A row or column of elements.
 *
 * @category models
 * @since 0.1.0
 */
export interface ContainerElement {
  readonly type: "container"
  readonly id: string
  readonly parentId: string | undefined
  readonly layout: "row" | "column"
  readonly children: ReadonlyArray<string>
  readonly raw: JsonObject
}

/**
 * A field of a node: an input of the workflow.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeFieldElement {
  readonly type: "node-field"
  readonly id: string
  readonly parentId: string | undefined
  readonly fieldIdentifier: FieldIdentifier
  readonly showDescription: boolean
  readonly settings: FieldSettings | undefined
  readonly raw: JsonObject
}

/**
 * A heading or a paragraph.
 *
 * @category models
 * @since 0.1.0
 */
export interface TextElement {
  readonly type: "heading" | "text"
  readonly id: string
  readonly parentId: string | undefined
  readonly content: string
  readonly raw: JsonObject
}

/**
 * A line between elements.
 *
 * @category models
 * @since 0.1.0
 */
export interface DividerElement {
  readonly type: "divider"
  readonly id: string
  readonly parentId: string | undefined
  readonly raw: JsonObject
}

/**
 * An element of a form.
 *
 * @category models
 * @since 0.1.0
 */
export type FormElement = ContainerElement | NodeFieldElement | TextElement | DividerElement

/**
 * The form of a workflow file: elements by id, and the id of the root container.
 *
 * @category models
 * @since 0.1.0
 */
export interface WorkflowForm {
  readonly rootElementId: string
  readonly elements: ReadonlyMap<string, FormElement>
  readonly raw: JsonObject
}

/**
 * Whether the form has nothing in its root.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isEmpty = (form: WorkflowForm): boolean => {
  const root = form.elements.get(form.rootElementId)
  return root === undefined || root.type !== "container" || root.children.length === 0
}

/**
 * The node fields of a form in form order: depth first, children in their order. A field may be there more than once.
 *
 * @category getters
 * @since 0.1.0
 */
export const nodeFields = (form: WorkflowForm): ReadonlyArray<NodeFieldElement> => {
  const found: Array<NodeFieldElement> = []
  walk(form, (element) => {
    if (element.type === "node-field") {
      found.push(element)
    }
  })
  return found
}

const walk = (form: WorkflowForm, visit: (element: FormElement) => void): void => {
  const seen = new Set<string>()
  const stack = [form.rootElementId]
  while (stack.length > 0) {
    const id = stack.pop()
    const element = id === undefined ? undefined : form.elements.get(id)
    if (id === undefined || element === undefined || seen.has(id)) {
      continue
    }
    // A field is shown as often as containers name it.
    if (element.type === "container") {
      seen.add(id)
    }
    visit(element)
    if (element.type === "container") {
      for (const child of element.children.toReversed()) {
        stack.push(child)
      }
    }
  }
}
