/** Forms as the editor makes and checks them. */
import type { FormElement, WorkflowForm } from "../Form.ts"

/** A form without fields. */
export const empty: WorkflowForm = {
  rootElementId: "root",
  elements: new Map<string, FormElement>([
    ["root", { type: "container", id: "root", parentId: undefined, layout: "column", children: [], raw: {} }]
  ]),
  raw: {}
}

/**
 * Why the elements of a form are not one tree below its root, `undefined` if they are.
 *
 * The root is a container without parent; every other element names a container as its parent that has it among its
 * children; every child exists; nothing is left over.
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
