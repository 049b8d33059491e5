/**
 * The form of a workflow with its inputs in place, for those who draw it.
 *
 * @since 0.1.0
 */
import * as Form from "./Form.ts"
import type { InkWorkflowInput } from "./InkWorkflowInput.ts"
import type { WorkflowValue } from "./internal/workflowValue.ts"

/**
 * An element of a form: a container with its children, a heading, a text, a divider, or a field.
 *
 * **Details**
 *
 * `element.type` tells them apart. Fields (`node-field`) have their `input` with name, value, limits and choices; its
 * `settings` say how the editor draws it (slider, text area, dropdown). Only containers have children.
 *
 * @category models
 * @since 0.1.0
 */
export interface InkForm {
  readonly element: Form.FormElement
  readonly input: InkWorkflowInput | undefined
  readonly children: ReadonlyArray<InkForm>
}

/** @internal */
export const make = (self: WorkflowValue): InkForm | undefined => {
  const root = Form.toTree(self.definition.form)
  if (root === undefined) return undefined
  const inputs = new Map(self.loaded.formFields.map(({ element }, index) => [element.id, self.inputs[index]]))
  const place = (element: Form.FormElement, children: Array<InkForm>): InkForm => ({
    element,
    input: element.type === "node-field" ? inputs.get(element.id) : undefined,
    children
  })
  // A stack of its own: forms may be nested deeper than calls may be.
  const rootChildren: Array<InkForm> = []
  const stack = [{ tree: root, children: rootChildren }]
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    for (const tree of next.tree.children) {
      const children: Array<InkForm> = []
      next.children.push(place(tree.element, children))
      stack.push({ tree, children })
    }
  }
  return place(root.element, rootChildren)
}
