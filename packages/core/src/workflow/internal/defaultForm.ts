/** Builds the form of a file without one. */
import type { FieldType } from "../../catalog/NodeTemplate.ts"
import type { FieldSettings, FormElement, WorkflowForm } from "../../definition/Form.ts"
import type { FieldIdentifier } from "../../definition/WorkflowDefinition.ts"

/** The settings that the editor gives a field that is added to a form. Only single numbers and strings have any. */
const defaultSettings = (type: FieldType): FieldSettings | undefined => {
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
 * A form with the given fields in one column, without descriptions: as the editor builds it for a file with exposed
 * fields but no form.
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
