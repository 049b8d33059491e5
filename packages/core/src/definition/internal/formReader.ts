/** Forms from JSON and back. */
import { getOwn, isRecord, type JsonObject, setOwn } from "../../internal/json.ts"
import type { DropdownOption, FieldSettings, FormElement, WorkflowForm } from "../Form.ts"

const text = (value: unknown): string | undefined => {
  if (typeof value !== "string") {
    return undefined
  }
  const trimmed = value.trim()
  return trimmed === "" ? undefined : trimmed
}

const isFiniteNumber = (value: unknown): value is number => typeof value === "number" && Number.isFinite(value)

const numberComponents = ["number-input", "slider", "number-input-and-slider"] as const

/** Settings of the first kind that fits, `undefined` when none does. */
const readSettings = (json: unknown): FieldSettings | undefined => {
  if (!isRecord(json)) {
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
  isRecord(json) && typeof json["label"] === "string" && typeof json["value"] === "string"

const readElement = (json: unknown): FormElement | undefined => {
  if (!isRecord(json)) {
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
      if (!isRecord(data) || !Array.isArray(data["children"])) {
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
      const identifier = isRecord(data) && isRecord(data["fieldIdentifier"]) ? data["fieldIdentifier"] : {}
      const nodeId = text(identifier["nodeId"])
      const fieldName = text(identifier["fieldName"])
      const { settings: settingsJson, showDescription = true } = isRecord(data) ? data : {}
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
      const content = isRecord(data) ? data["content"] : undefined
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

/** A form from JSON, `undefined` when the value is no form at all. */
export const readForm = (json: unknown): WorkflowForm | undefined => {
  if (!isRecord(json) || !isRecord(json["elements"])) {
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

/** A form as JSON, with the unknown keys that it came with. */
export const formToJson = (form: WorkflowForm): JsonObject => {
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
  const data = isRecord(rawData) ? rawData : {}
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
            : { settings: { ...(isRecord(rawSettings) ? rawSettings : {}), ...element.settings } })
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
