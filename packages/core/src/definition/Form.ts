/**
 * The form of a workflow: which fields it offers as inputs, in which order and layout, and how they are shown.
 *
 * @since 0.1.0
 */
import * as Predicate from "effect/Predicate"
import { getOwn, type JsonObject, setOwn } from "../internal/json.ts"

/**
 * A field of a node, by the node's id and the field's name.
 *
 * @category models
 * @since 0.1.0
 */
export interface FieldIdentifier {
  /** Id of the node. */
  readonly nodeId: string
  /** Name of the field in the node type, such as `cfg_scale`. */
  readonly fieldName: string
}

/**
 * How the editor shows a number field.
 *
 * @category models
 * @since 0.1.0
 */
export interface NumberFieldSettings {
  /** Whether the field holds an integer or any number. */
  readonly type: "integer-field-config" | "float-field-config"
  /** The control that the InvokeAI UI shows. */
  readonly component: "number-input" | "slider" | "number-input-and-slider"
  /** Whether the InvokeAI UI shows a button that sets a random number. */
  readonly showShuffle: boolean
  /** Smallest number that the control offers; the field itself may accept smaller ones. */
  readonly min?: number
  /** Largest number that the control offers; the field itself may accept larger ones. */
  readonly max?: number
}

/**
 * An option of a dropdown.
 *
 * @category models
 * @since 0.1.0
 */
export interface DropdownOption {
  /** What the InvokeAI UI shows. */
  readonly label: string
  /** The value that the option sets. */
  readonly value: string
}

/**
 * How the editor shows a string field.
 *
 * @category models
 * @since 0.1.0
 */
export type StringFieldSettings =
  | {
    /** Always `"string-field-config"`. */
    readonly type: "string-field-config"
    /** The control that the InvokeAI UI shows. */
    readonly component: "input" | "textarea"
  }
  | {
    /** Always `"string-field-config"`. */
    readonly type: "string-field-config"
    /** The control that the InvokeAI UI shows. */
    readonly component: "dropdown"
    /** The options of the dropdown, in order. The field also accepts other values. */
    readonly options: ReadonlyArray<DropdownOption>
  }

/**
 * How the editor shows a field.
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
  /** Always `"container"`. */
  readonly type: "container"
  /** Id of the element, unique in the form. */
  readonly id: string
  /** Id of the container around it; `undefined` for the root. */
  readonly parentId: string | undefined
  /** Whether the children are side by side (`"row"`) or one below the other (`"column"`). */
  readonly layout: "row" | "column"
  /** Ids of the elements in it, in order. */
  readonly children: ReadonlyArray<string>
  /** The element as in the document, with keys that this library does not know. */
  readonly raw: JsonObject
}

/**
 * A field of a node: an input of the workflow.
 *
 * @category models
 * @since 0.1.0
 */
export interface NodeFieldElement {
  /** Always `"node-field"`. */
  readonly type: "node-field"
  /** Id of the element, unique in the form. */
  readonly id: string
  /** Id of the container around it; `undefined` if it has none. */
  readonly parentId: string | undefined
  /** The field that the element shows. */
  readonly fieldIdentifier: FieldIdentifier
  /** Whether the InvokeAI UI shows the description of the field. */
  readonly showDescription: boolean
  /** How the InvokeAI UI draws the field; `undefined` for the default control of its type. */
  readonly settings: FieldSettings | undefined
  /** The element as in the document, with keys that this library does not know. */
  readonly raw: JsonObject
}

/**
 * A heading or a paragraph.
 *
 * @category models
 * @since 0.1.0
 */
export interface TextElement {
  /** Whether it is a heading or a paragraph. */
  readonly type: "heading" | "text"
  /** Id of the element, unique in the form. */
  readonly id: string
  /** Id of the container around it; `undefined` if it has none. */
  readonly parentId: string | undefined
  /** The text that it shows. */
  readonly content: string
  /** The element as in the document, with keys that this library does not know. */
  readonly raw: JsonObject
}

/**
 * A line between elements.
 *
 * @category models
 * @since 0.1.0
 */
export interface DividerElement {
  /** Always `"divider"`. */
  readonly type: "divider"
  /** Id of the element, unique in the form. */
  readonly id: string
  /** Id of the container around it; `undefined` if it has none. */
  readonly parentId: string | undefined
  /** The element as in the document, with keys that this library does not know. */
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
  /** Id of the container that all other elements are in. */
  readonly rootElementId: string
  /** All elements by id. */
  readonly elements: ReadonlyMap<string, FormElement>
  /** The form as in the document, with keys that this library does not know. */
  readonly raw: JsonObject
}

/**
 * Whether the root of the form is empty.
 *
 * @category predicates
 * @since 0.1.0
 */
export const isEmpty = (form: WorkflowForm): boolean => {
  const root = form.elements.get(form.rootElementId)
  return root === undefined || root.type !== "container" || root.children.length === 0
}

/**
 * The node fields of a form in form order: depth first, children in their order. A field can appear more than once.
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
 * Why the elements of a form are not one tree below its root; `undefined` if they are.
 *
 * **Details**
 *
 * The root is a container without parent; every other element names a container as its parent that has it among its
 * children; every child exists; every element belongs to the tree.
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
    return "some of its elements are not under its root"
  }
  return hasLoop(form) ? "a container contains itself" : undefined
}

/** Whether a container contains itself. */
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

const text = (value: unknown): string | undefined => {
  if (typeof value !== "string") {
    return undefined
  }
  const trimmed = value.trim()
  return trimmed === "" ? undefined : trimmed
}

const isFiniteNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value)

const numberComponents = ["number-input", "slider", "number-input-and-slider"] as const

/** Settings of the first type that fits; `undefined` if none does. */
const readSettings = (json: unknown): FieldSettings | undefined => {
  if (!Predicate.isObject(json)) {
    return undefined
  }
  for (const type of ["float-field-config", "integer-field-config"] as const) {
    const component = json["component"] === undefined
      ? "number-input"
      : numberComponents.find((known) => known === json["component"])
    const { max, min, showShuffle } = json
    if (
      (json["type"] === undefined || json["type"] === type) && component !== undefined &&
      (showShuffle === undefined || typeof showShuffle === "boolean") &&
      (min === undefined || isFiniteNumber(min)) && (max === undefined || isFiniteNumber(max))
    ) {
      return {
        type,
        component,
        showShuffle: showShuffle ?? false,
        ...(min === undefined ? {} : { min }),
        ...(max === undefined ? {} : { max })
      }
    }
  }
  if (json["type"] !== undefined && json["type"] !== "string-field-config") {
    return undefined
  }
  const { component = "input", options } = json
  if (component === "input" || component === "textarea") {
    return { type: "string-field-config", component }
  }
  if (component === "dropdown" && Array.isArray(options) && options.every(isOption)) {
    return {
      type: "string-field-config",
      component,
      options: options.map(({ label, value }) => ({ label, value }))
    }
  }
  return undefined
}

const isOption = (json: unknown): json is DropdownOption =>
  Predicate.isObject(json) && typeof json["label"] === "string" && typeof json["value"] === "string"

const readElement = (json: unknown): FormElement | undefined => {
  if (!Predicate.isObject(json)) {
    return undefined
  }
  const id = text(json["id"])
  const parentId = json["parentId"] === undefined ? undefined : text(json["parentId"])
  if (id === undefined || (json["parentId"] !== undefined && parentId === undefined)) {
    return undefined
  }
  const data = json["data"]
  switch (json["type"]) {
    case "container": {
      if (!Predicate.isObject(data) || !Array.isArray(data["children"])) {
        return undefined
      }
      const children = data["children"].map(text)
      const layout = data["layout"]
      if (!children.every((child) => child !== undefined) || (layout !== "row" && layout !== "column")) {
        return undefined
      }
      return { type: "container", id, parentId, layout, children, raw: json }
    }
    case "node-field": {
      const identifier = Predicate.isObject(data) && Predicate.isObject(data["fieldIdentifier"])
        ? data["fieldIdentifier"]
        : {}
      const nodeId = text(identifier["nodeId"])
      const fieldName = text(identifier["fieldName"])
      const { settings: settingsJson, showDescription = true } = Predicate.isObject(data) ? data : {}
      const settings = readSettings(settingsJson)
      if (
        nodeId === undefined || fieldName === undefined || typeof showDescription !== "boolean" ||
        (settings === undefined && settingsJson !== undefined)
      ) {
        return undefined
      }
      return {
        type: "node-field",
        id,
        parentId,
        fieldIdentifier: { nodeId, fieldName },
        showDescription,
        settings,
        raw: json
      }
    }
    case "heading":
    case "text": {
      const content = Predicate.isObject(data) ? data["content"] : undefined
      return typeof content === "string"
        ? { type: json["type"], id, parentId, content, raw: json }
        : undefined
    }
    case "divider":
      return data === undefined ? { type: "divider", id, parentId, raw: json } : undefined
    default:
      return undefined
  }
}

/**
 * Reads a form from JSON; `undefined` if the value is not a form.
 *
 * **Details**
 *
 * Whether its elements are one tree is a separate question: see `structureProblem`.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromJson = (json: unknown): WorkflowForm | undefined => {
  if (!Predicate.isObject(json) || !Predicate.isObject(json["elements"])) {
    return undefined
  }
  const rootElementId = text(json["rootElementId"])
  if (rootElementId === undefined) {
    return undefined
  }
  const elements = new Map<string, FormElement>()
  for (const key of Object.keys(json["elements"])) {
    const element = readElement(getOwn(json["elements"], key))
    if (element === undefined) {
      return undefined
    }
    elements.set(key, element)
  }
  return { rootElementId, elements, raw: json }
}

/**
 * Returns a form as JSON, including the unknown keys that were read with it.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toJson = (form: WorkflowForm): JsonObject => {
  const elements: Record<string, unknown> = {}
  for (const [key, element] of form.elements) {
    setOwn(elements, key, elementToJson(element))
  }
  return { ...form.raw, elements, rootElementId: form.rootElementId }
}

const elementToJson = (element: FormElement): JsonObject => {
  const { data: rawData, parentId: _parentId, ...raw } = element.raw
  const shared = {
    ...raw,
    id: element.id,
    ...(element.parentId === undefined ? {} : { parentId: element.parentId }),
    type: element.type
  }
  const data = Predicate.isObject(rawData) ? rawData : {}
  switch (element.type) {
    case "container":
      return { ...shared, data: { ...data, layout: element.layout, children: [...element.children] } }
    case "node-field": {
      const { settings: rawSettings, ...rest } = data
      return {
        ...shared,
        data: {
          ...rest,
          fieldIdentifier: { ...element.fieldIdentifier },
          showDescription: element.showDescription,
          ...(element.settings === undefined
            ? {}
            : { settings: { ...(Predicate.isObject(rawSettings) ? rawSettings : {}), ...element.settings } })
        }
      }
    }
    case "heading":
    case "text":
      return { ...shared, data: { ...data, content: element.content } }
    default:
      return shared
  }
}
