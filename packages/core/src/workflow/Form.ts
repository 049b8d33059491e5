/**
 * The form of a workflow: which fields it offers as inputs, in which order and layout, and how they are shown.
 *
 * @since 0.1.0
 */
import type { FieldType } from "../catalog/NodeTemplate.ts"
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
 * A form as a tree, for those who draw it. Ids of elements that no longer exist are left out.
 *
 * @category models
 * @since 0.1.0
 */
export interface FormTree {
  readonly element: FormElement
  readonly children: ReadonlyArray<FormTree>
}

/**
 * A form without fields.
 *
 * @category constructors
 * @since 0.1.0
 */
export const empty: WorkflowForm = {
  rootElementId: "root",
  elements: new Map<string, FormElement>([
    ["root", { type: "container", id: "root", parentId: undefined, layout: "column", children: [], raw: {} }]
  ]),
  raw: {}
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

/**
 * The form as a tree.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toTree = (form: WorkflowForm): FormTree | undefined => {
  const seen = new Set<string>()
  const roots: Array<FormTree> = []
  // A stack of its own: forms may be nested deeper than calls may be.
  const stack: Array<{ readonly id: string; readonly siblings: Array<FormTree> }> = [
    { id: form.rootElementId, siblings: roots }
  ]
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const element = form.elements.get(next.id)
    if (element === undefined || seen.has(next.id)) {
      continue
    }
    seen.add(next.id)
    const children: Array<FormTree> = []
    next.siblings.push({ element, children })
    if (element.type === "container") {
      for (const id of element.children.toReversed()) {
        stack.push({ id, siblings: children })
      }
    }
  }
  return roots[0]
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

/**
 * The settings that the editor gives a field when it is added to a form. Only single numbers and texts have any.
 *
 * @category constructors
 * @since 0.1.0
 */
export const defaultSettings = (type: FieldType): FieldSettings | undefined => {
  if (type.cardinality !== "SINGLE") {
    return undefined
  }
  switch (type.name) {
    case "IntegerField":
      return { type: "integer-field-config", component: "number-input", showShuffle: false }
    case "FloatField":
      return { type: "float-field-config", component: "number-input", showShuffle: false }
    case "StringField":
      return { type: "string-field-config", component: "input" }
    default:
      return undefined
  }
}

/**
 * A form with the given fields in one column, without descriptions: what the editor makes of a file that has exposed
 * fields but no form.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromFields = (
  fields: ReadonlyArray<FieldIdentifier & { readonly fieldType: FieldType }>
): WorkflowForm => {
  const rootElementId = "root"
  const ids = fields.map((_, index) => `node-field-${index + 1}`)
  const elements = new Map<string, FormElement>()
  elements.set(rootElementId, {
    type: "container",
    id: rootElementId,
    parentId: undefined,
    layout: "column",
    children: ids,
    raw: {}
  })
  fields.forEach(({ fieldName, fieldType, nodeId }, index) => {
    const id = `node-field-${index + 1}`
    elements.set(id, {
      type: "node-field",
      id,
      parentId: rootElementId,
      fieldIdentifier: { nodeId, fieldName },
      showDescription: false,
      settings: defaultSettings(fieldType),
      raw: {}
    })
  })
  return { rootElementId, elements, raw: {} }
}

/**
 * Why the elements of a form are not one tree below its root, `undefined` if they are.
 *
 * **Details**
 *
 * The root is a container without parent; every other element names a container as its parent that has it among its
 * children; every child exists; nothing is left over.
 *
 * @category predicates
 * @since 0.1.0
 */
export const structureProblem = (form: WorkflowForm): string | undefined => {
  const root = form.elements.get(form.rootElementId)
  if (root === undefined) {
    return `its root element ${JSON.stringify(form.rootElementId)} does not exist`
  }
  if (root.type !== "container") {
    return "its root element is not a container"
  }
  const seen = new Set<string>()
  const stack = [form.rootElementId]
  while (stack.length > 0) {
    const key = stack.pop()
    if (key === undefined || seen.has(key)) {
      continue
    }
    const element = form.elements.get(key)
    if (element === undefined) {
      return `its element ${JSON.stringify(key)} does not exist`
    }
    seen.add(key)
    if (element.id === form.rootElementId) {
      if (element.parentId !== undefined) {
        return "its root element has a parent"
      }
    } else {
      const parent = element.parentId === undefined ? undefined : form.elements.get(element.parentId)
      if (parent?.type !== "container" || !parent.children.includes(key)) {
        return `its element ${JSON.stringify(key)} is not a child of the element it names as parent`
      }
    }
    if (element.type === "container") {
      for (const child of element.children) {
        stack.push(child)
      }
    }
  }
  if (seen.size !== form.elements.size) {
    return "it has elements that are not below its root"
  }
  return hasLoop(form) ? "it has a container inside itself" : undefined
}

/** Whether a container is below itself. */
const hasLoop = (form: WorkflowForm): boolean => {
  const above = new Set<string>()
  const done = new Set<string>()
  const childrenOf = (key: string): ReadonlyArray<string> => {
    const element = form.elements.get(key)
    return element?.type === "container" ? element.children : []
  }
  const stack: Array<{ readonly key: string; readonly rest: Array<string> }> = []
  const enter = (key: string): void => {
    above.add(key)
    stack.push({ key, rest: [...childrenOf(key)] })
  }
  enter(form.rootElementId)
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const child = top.rest.pop()
    if (child === undefined) {
      above.delete(top.key)
      done.add(top.key)
      stack.pop()
    } else if (above.has(child)) {
      return true
    } else if (!done.has(child)) {
      enter(child)
    }
  }
  return false
}
