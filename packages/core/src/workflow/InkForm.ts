/**
 * The form of a workflow with its inputs, for programs that display it.
 *
 * @since 0.1.0
 */
import type { FormElement } from "../definition/Form.ts"
import type { InkWorkflowInput } from "./InkWorkflowInput.ts"
import type { Workflow } from "./WorkflowValue.ts"

/**
 * An element of a form: a container with its children, a heading, a text, a divider, or a field.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkForm {
  /** The element as it is in the file; its `type` distinguishes containers, headings, texts, dividers and fields. */
  readonly element: FormElement
  /** The input with name, value, limits and choices, if the element is a field. */
  readonly input: InkWorkflowInput | undefined
  /** The elements in a container; empty for other elements. */
  readonly children: ReadonlyArray<InkForm>
}

/** @internal */
export const make = ({ inputs, loaded }: Workflow): InkForm | undefined => {
  const { elements, rootElementId } = loaded.definition.form
  const inputOf = new Map(loaded.formFields.map(({ element }, index) => [element.id, inputs[index]]))
  const seen = new Set<string>()
  const roots: Array<InkForm> = []
  // Iterative, because forms can be nested deeper than the call stack allows.
  const stack: Array<{ readonly id: string; readonly siblings: Array<InkForm> }> = [
    { id: rootElementId, siblings: roots }
  ]
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    const element = elements.get(next.id)
    if (element === undefined || seen.has(next.id)) continue
    seen.add(next.id)
    const children: Array<InkForm> = []
    next.siblings.push({ element, input: inputOf.get(element.id), children })
    if (element.type === "container") {
      for (const id of element.children.toReversed()) stack.push({ id, siblings: children })
    }
  }
  return roots[0]
}
