/** The inputs of a loaded workflow: fields of its nodes with their values. */
import * as Result from "effect/Result"
import type { NodeTemplate } from "../../catalog/NodeTemplate.ts"
import type { InvocationNode } from "../../definition/WorkflowDefinition.ts"
import * as InkField from "../../field/InkField.ts"
import { isComponentInput } from "../../field/internal/rules.ts"
import { describeReceived } from "../../internal/describeReceived.ts"
import { type InkWorkflowInput, systemName } from "../InkWorkflowInput.ts"
import { InvalidInputValue } from "../InputError.ts"
import type { FormField, LoadedNode, LoadedWorkflow } from "../LoadedWorkflow.ts"
import { isConnected } from "./edgeIndex.ts"
import { acceptsExtraInputs, isSavedWorkflowInput } from "./nodeTypes.ts"

/** The title of a node: its own label, or else the title of its type, or else the type. */
export const nodeTitle = (node: InvocationNode, template: NodeTemplate | undefined): string =>
  node.label !== "" ? node.label : template === undefined ? node.nodeType : template.title

/**
 * A field of a node with its value: an input if it is on the form. Without a template, it is an `InkUnknownField`.
 */
export const inputOf = (
  loaded: LoadedWorkflow,
  { inputTemplate, node, template: nodeTemplate }: LoadedNode,
  fieldName: string,
  place?: FormField
): InkWorkflowInput => {
  const template = inputTemplate(fieldName)
  const instance = node.inputs.get(fieldName)
  const label = instance?.label ?? ""
  const description = instance?.description ?? ""
  return {
    index: place?.index ?? -1,
    userName: label === "" ? fieldName : label,
    publicName: undefined,
    systemName: systemName(node.id, fieldName),
    field: template === undefined
      ? { _tag: "InkUnknownField", type: "", ...(instance?.value === undefined ? {} : { value: instance.value }) }
      : InkField.fromTemplate(template, instance?.value),
    required: (template?.required ?? false) || isComponentInput(node.nodeType, fieldName),
    connected: isConnected(loaded, node.id, fieldName),
    nodeId: node.id,
    fieldName,
    nodeType: node.nodeType,
    nodeTitle: nodeTitle(node, nodeTemplate),
    label: label === "" ? template?.title ?? fieldName : label,
    description: description === "" ? template?.description ?? "" : description,
    settings: place?.element.settings,
    showDescription: place?.element.showDescription ?? true,
    stored: instance?.value
  }
}

/** Whether an input is required and has neither a value nor a connection. An empty string is a value. */
export const isMissing = (input: InkWorkflowInput): boolean =>
  input.required && !input.connected && (input.stored === undefined || input.stored === null)

/** The error for a value that an input does not accept. */
export const invalidInputValue = (
  input: InkWorkflowInput,
  { expected, received }: InkField.InkMismatch["parameters"]
): InvalidInputValue =>
  new InvalidInputValue({
    systemName: input.systemName,
    userName: input.userName,
    nodeId: input.nodeId,
    fieldName: input.fieldName,
    nodeTitle: input.nodeTitle,
    expected,
    received
  })

/** The error for two names of the same input in one call. */
export const namedTwice = (
  input: InkWorkflowInput,
  names: ReadonlyArray<string | number>,
  value: unknown
): InvalidInputValue =>
  invalidInputValue(input, {
    expected: `one value, but ${
      names.map((name) => JSON.stringify(name)).join(" and ")
    } are names of the same input: use one`,
    received: `${describeReceived(value)} as a second value`
  })

/** A name for each input that names no other: its user name where that is so, else its public name. */
export const unambiguousNames = (inputs: ReadonlyArray<InkWorkflowInput>): ReadonlyMap<InkWorkflowInput, string> => {
  const systemNames = new Map<string, Set<string>>()
  for (const input of inputs) {
    const known = systemNames.get(input.userName) ?? new Set()
    known.add(input.systemName)
    systemNames.set(input.userName, known)
  }
  return new Map(
    inputs.map((input) => [
      input,
      systemNames.get(input.userName)?.size === 1 ? input.userName : input.publicName ?? input.systemName
    ])
  )
}

/** All fields of all nodes that can hold a value, in node order. */
export const allFields = (loaded: LoadedWorkflow): ReadonlyArray<InkWorkflowInput> => {
  const out: Array<InkWorkflowInput> = []
  for (const node of loaded.nodes.values()) {
    const names = new Set([...(node.template?.inputs.keys() ?? []), ...node.node.inputs.keys()])
    for (const fieldName of names) {
      const input = inputOf(loaded, node, fieldName)
      if (input.field._tag !== "InkConnectionField") out.push(input)
    }
  }
  return out
}

/** Describes the node that a field is connected to. */
const describeSource = (loaded: LoadedWorkflow, input: InkWorkflowInput): string => {
  const edge = loaded.edges.find(({ target, targetHandle }) =>
    target === input.nodeId && targetHandle === input.fieldName
  )
  const source = edge === undefined ? undefined : loaded.nodes.get(edge.source)
  return source === undefined
    ? "another node"
    : `node ${JSON.stringify(nodeTitle(source.node, source.template))}`
}

/** Why a value of a field would not be sent; `undefined` if it would be, or if the whole node is unknown. */
export const unsentReason = ({ inputTemplate, node, template }: LoadedNode, fieldName: string): string | undefined => {
  if (
    template === undefined || inputTemplate(fieldName) !== undefined || acceptsExtraInputs(node.nodeType) ||
    isSavedWorkflowInput(fieldName)
  ) {
    return undefined
  }
  return template.unsupportedInputs.includes(fieldName)
    ? "the editor and this library do not support its type"
    : `node type ${node.nodeType} has no such field on this server`
}

/** Converts an input value to the field's JSON value for the file. */
export const valueFor = (
  loaded: LoadedWorkflow,
  input: InkWorkflowInput,
  value: unknown
): Result.Result<unknown, InvalidInputValue> => {
  if (input.connected) {
    return Result.fail(invalidInputValue(input, {
      expected: `no value, because it is connected to ${describeSource(loaded, input)}`,
      received: describeReceived(value)
    }))
  }
  const node = loaded.nodes.get(input.nodeId)
  const unsent = node === undefined ? undefined : unsentReason(node, input.fieldName)
  if (unsent !== undefined) {
    return Result.fail(
      invalidInputValue(input, { expected: `no value, because ${unsent}`, received: describeReceived(value) })
    )
  }
  return Result.match(InkField.set(input.field, value), {
    onSuccess: (field): Result.Result<unknown, InvalidInputValue> => Result.succeed(field.value),
    onFailure: ({ parameters }) => Result.fail(invalidInputValue(input, parameters))
  })
}
