/** The embedded workflow of a batch, reduced to what the official UI writes. */
import * as Predicate from "effect/Predicate"
import type { Json } from "./compare.ts"
import type { Fault } from "./faults.ts"

const pick = (value: unknown, keys: ReadonlyArray<string>): Json => {
  const out: Json = {}
  for (const key of keys) {
    if (Predicate.isObject(value) && value[key] !== undefined) {
      out[key] = value[key]
    }
  }
  return out
}

const mapValues = (value: unknown, change: (item: unknown) => unknown): Json =>
  Object.fromEntries(Object.entries(Predicate.isObject(value) ? value : {}).map(([key, item]) => [key, change(item)]))

const inputKeys = ["name", "label", "description", "value"]

/** The catalogs of the repository have no descriptions, which inputs of called workflows would take from them. */
const isDynamic = (input: unknown): boolean =>
  Predicate.isObject(input) && String(input["name"]).startsWith("saved_workflow_input::")

const reduceNode = (node: unknown): unknown => {
  const shared = pick(node, ["id", "type", "position"])
  const data = Predicate.isObject(node) ? node["data"] : undefined
  switch (shared["type"]) {
    case "invocation":
      return {
        ...shared,
        data: {
          ...pick(data, [
            "id",
            "version",
            "nodePack",
            "label",
            "notes",
            "type",
            "isOpen",
            "isIntermediate",
            "useCache"
          ]),
          dynamicInputTemplates: mapValues(
            Predicate.isObject(data) ? data["dynamicInputTemplates"] : undefined,
            (template) => pick(template, ["name", "title", "type", "input", "required"])
          ),
          inputs: mapValues(
            Predicate.isObject(data) ? data["inputs"] : undefined,
            (input) => isDynamic(input) ? pick(input, ["name", "label", "value"]) : pick(input, inputKeys)
          )
        }
      }
    case "notes":
      return { ...shared, data: pick(data, ["id", "type", "label", "isOpen", "notes"]) }
    default:
      return { ...shared, data: pick(data, ["id", "type", "label", "isOpen"]) }
  }
}

const reduceSettings = (settings: Json, faults: ReadonlySet<Fault>): Json =>
  pick(
    settings,
    settings["type"] !== "string-field-config"
      ? ["type", "component", ...(faults.has("shuffle") ? [] : ["showShuffle"]), "min", "max"]
      : settings["component"] === "dropdown"
      ? ["type", "component", "options"]
      : ["type", "component"]
  )

const reduceElement = (element: unknown, elements: Json, faults: ReadonlySet<Fault>): unknown => {
  const { data, type } = Predicate.isObject(element) ? element : {}
  switch (type) {
    case "container":
      return {
        type,
        layout: Predicate.isObject(data) ? data["layout"] : undefined,
        children: Predicate.isObject(data) && Array.isArray(data["children"])
          ? data["children"].map((id) => reduceElement(elements[String(id)], elements, faults))
          : []
      }
    case "node-field":
      return {
        type,
        ...pick(data, ["fieldIdentifier", "showDescription"]),
        ...(Predicate.isObject(data) && Predicate.isObject(data["settings"])
          ? { settings: reduceSettings(data["settings"], faults) }
          : {})
      }
    default:
      return { type, ...pick(data, ["content"]) }
  }
}

/** Ids of form elements are left out: the UI makes new ones for forms that it builds itself. */
export const reduceWorkflow = (workflow: unknown, faults: ReadonlySet<Fault>): unknown => {
  if (!Predicate.isObject(workflow)) {
    return workflow
  }
  const form = Predicate.isObject(workflow["form"]) ? workflow["form"] : {}
  const elements = Predicate.isObject(form["elements"]) ? form["elements"] : {}
  return {
    ...pick(workflow, ["name", "author", "description", "version", "contact", "tags", "notes", "exposedFields"]),
    meta: pick(workflow["meta"], ["category", "version"]),
    nodes: Array.isArray(workflow["nodes"]) ? workflow["nodes"].map(reduceNode) : [],
    edges: Array.isArray(workflow["edges"])
      ? workflow["edges"].map((edge) =>
        pick(edge, ["id", "type", "source", "target", "sourceHandle", "targetHandle", "hidden"])
      )
      : [],
    form: reduceElement(elements[String(form["rootElementId"])], elements, faults)
  }
}
