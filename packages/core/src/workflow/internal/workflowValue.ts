/** The value behind `Workflow`: a loaded workflow with its inputs, and what varies between the runs of a batch. */
import * as Inspectable from "effect/Inspectable"
import * as Pipeable from "effect/Pipeable"
import * as Result from "effect/Result"
import * as InkField from "../InkField.ts"
import * as InkWorkflowInput from "../InkWorkflowInput.ts"
import * as LoadedWorkflow from "../LoadedWorkflow.ts"
import type { DefaultEdge, FieldInput, WorkflowDefinition } from "../WorkflowDefinition.ts"
import { AmbiguousInputName, InputNotFound, type InvalidInputValue } from "../WorkflowError.ts"
import { describeReceived } from "./ink/kind.ts"
import type { CheckedNode } from "./nodeChecks.ts"

/** @internal */
export const TypeId = "~@effect-invokeai/core/workflow/Workflow"

/**
 * A workflow, joined with the node types of a server.
 *
 * @category models
 * @since 0.1.0
 */
export interface Workflow extends Pipeable.Pipeable {
  readonly [TypeId]: typeof TypeId
  /** The workflow file, migrated and repaired, with the values that were set: name, author, nodes, form, … */
  readonly definition: WorkflowDefinition
  /** The inputs in form order, with their current values. */
  readonly inputs: ReadonlyArray<InkWorkflowInput.InkWorkflowInput>
  /** What loading changed or could not resolve. */
  readonly warnings: ReadonlyArray<LoadedWorkflow.LoadWarning>
  /** The workflow with the templates of its nodes, for what this module does not offer. */
  readonly loaded: LoadedWorkflow.LoadedWorkflow
  /** Inputs that vary within a batch, by `sweep`. */
  readonly sweeps: ReadonlyArray<ReadonlyArray<SweptInput>>
}

/**
 * The values that one input takes in a sweep, in the server's own form.
 *
 * @category models
 * @since 0.1.0
 */
export interface SweptInput {
  readonly nodeId: string
  readonly fieldName: string
  readonly values: ReadonlyArray<unknown>
}

/** @internal */
export class WorkflowValue extends Pipeable.Class implements Workflow {
  readonly [TypeId] = TypeId
  readonly loaded: LoadedWorkflow.LoadedWorkflow
  readonly sweeps: ReadonlyArray<ReadonlyArray<SweptInput>>
  #inputs: ReadonlyArray<InkWorkflowInput.InkWorkflowInput> | undefined

  constructor(loaded: LoadedWorkflow.LoadedWorkflow, sweeps: ReadonlyArray<ReadonlyArray<SweptInput>>) {
    super()
    this.loaded = loaded
    this.sweeps = sweeps
  }

  get definition(): WorkflowDefinition {
    return this.loaded.definition
  }

  get warnings(): ReadonlyArray<LoadedWorkflow.LoadWarning> {
    return this.loaded.warnings
  }

  get inputs(): ReadonlyArray<InkWorkflowInput.InkWorkflowInput> {
    this.#inputs ??= this.loaded.formFields.map((field) => inputOf(this.loaded, field.node, field.fieldName, field))
    return this.#inputs
  }

  toJSON(): unknown {
    return { _id: "Workflow", name: this.definition.name, inputs: this.inputs, sweeps: this.sweeps }
  }

  /** What `console.log` shows: the values by name, not the nodes of the file. */
  [Inspectable.NodeInspectSymbol](): unknown {
    const names = InkWorkflowInput.usableNames(this.inputs)
    return {
      _id: "Workflow",
      name: this.definition.name,
      inputs: Object.fromEntries(this.inputs.map((input) => [names.get(input) ?? "", InkField.format(input.field)])),
      sweeps: this.sweeps
    }
  }
}

/**
 * Whether a value is a workflow.
 *
 * @category guards
 * @since 0.1.0
 */
export const isWorkflow = (u: unknown): u is Workflow => typeof u === "object" && u !== null && TypeId in u

/** @internal */
export const valueOf = (self: Workflow): WorkflowValue =>
  self instanceof WorkflowValue ? self : new WorkflowValue(self.loaded, self.sweeps)

const connections = new WeakMap<ReadonlyArray<DefaultEdge>, ReadonlyMap<string, ReadonlySet<string>>>()

const connectionsOf = (edges: ReadonlyArray<DefaultEdge>): ReadonlyMap<string, ReadonlySet<string>> => {
  const known = connections.get(edges)
  if (known !== undefined) return known
  const made = new Map<string, Set<string>>()
  for (const edge of edges) {
    const fields = made.get(edge.target) ?? new Set()
    fields.add(edge.targetHandle)
    made.set(edge.target, fields)
  }
  connections.set(edges, made)
  return made
}

/** @internal */
export const isConnected = (loaded: LoadedWorkflow.LoadedWorkflow, nodeId: string, fieldName: string): boolean =>
  connectionsOf(loaded.edges).get(nodeId)?.has(fieldName) === true

/** @internal */
export const checkedNode = (
  loaded: LoadedWorkflow.LoadedWorkflow,
  node: LoadedWorkflow.LoadedNode
): CheckedNode => ({
  node: node.node,
  template: node.template,
  inputTemplate: node.inputTemplate,
  isConnected: (fieldName) => isConnected(loaded, node.node.id, fieldName)
})

/** @internal */
export const checkedNodes = (loaded: LoadedWorkflow.LoadedWorkflow): ReadonlyArray<CheckedNode> =>
  Array.from(loaded.nodes.values(), (node) => checkedNode(loaded, node))

/** @internal */
export const inputOf = (
  loaded: LoadedWorkflow.LoadedWorkflow,
  node: LoadedWorkflow.LoadedNode,
  fieldName: string,
  place?: LoadedWorkflow.FormField
): InkWorkflowInput.InkWorkflowInput =>
  InkWorkflowInput.make({
    node: node.node,
    nodeTemplate: node.template,
    fieldName,
    template: node.inputTemplate(fieldName),
    connected: isConnected(loaded, node.node.id, fieldName),
    place: place === undefined ? undefined : {
      index: place.index,
      settings: place.element.settings,
      showDescription: place.element.showDescription
    }
  })

/** The fields off the form that have a name as system name or, without a node, as field name. */
const offForm = (self: WorkflowValue, name: string): ReadonlyArray<string> => {
  const named = fieldCalled(self, name)
  if (named !== undefined) return [named.systemName]
  const onForm = new Set(self.inputs.map((input) => input.systemName))
  return allFields(self)
    .filter((field) => field.fieldName === name && !field.connected && !onForm.has(field.systemName))
    .map((field) => field.systemName)
}

const inputNotFound = (self: WorkflowValue, name: string): InputNotFound => {
  const near = InkWorkflowInput.nearMatches(self.inputs, name)
  return new InputNotFound({
    name,
    wanted: "input",
    near,
    available: [...new Set(InkWorkflowInput.usableNames(self.inputs).values())],
    offForm: offForm(self, name)
  })
}

const fieldNotFound = (self: WorkflowValue, name: string): InputNotFound =>
  new InputNotFound({
    name,
    wanted: "field",
    near: InkWorkflowInput.nearFields(allFields(self), name),
    available: [...new Set(InkWorkflowInput.usableNames(self.inputs).values())],
    offForm: []
  })

/** @internal */
export const ambiguous = (
  name: string,
  inputs: ReadonlyArray<InkWorkflowInput.InkWorkflowInput>
): AmbiguousInputName =>
  new AmbiguousInputName({
    name,
    nodeIds: [...new Set(inputs.map((input) => input.nodeId))],
    systemNames: [...new Set(inputs.map((input) => input.systemName))]
  })

/** @internal */
export const findInput = (
  self: WorkflowValue,
  name: string | number
): Result.Result<InkWorkflowInput.InkWorkflowInput, InputNotFound | AmbiguousInputName> => {
  const inputs = self.inputs
  if (typeof name === "string") {
    const bySystemName = inputs.find((input) => input.systemName === name)
    if (bySystemName !== undefined) return Result.succeed(bySystemName)
    const byUserName = inputs.filter((input) => input.userName === name)
    const [first] = byUserName
    if (first !== undefined) {
      return byUserName.every((input) => input.systemName === first.systemName)
        ? Result.succeed(first)
        : Result.fail(ambiguous(name, byUserName))
    }
  }
  const byIndex = typeof name === "number" || /^\d{1,9}$/.test(name) ? inputs[Number(name)] : undefined
  if (byIndex !== undefined) return Result.succeed(byIndex)
  return Result.fail(inputNotFound(self, String(name)))
}

/** All places where a text can be split into a node's id and the name of one of its fields. */
const splits = (name: string): ReadonlyArray<readonly [nodeId: string, fieldName: string]> => {
  const out: Array<readonly [string, string]> = []
  for (let dot = name.indexOf("."); dot >= 0; dot = name.indexOf(".", dot + 1)) {
    out.push([name.slice(0, dot), name.slice(dot + 1)])
  }
  return out
}

const fieldCalled = (self: WorkflowValue, name: string): InkWorkflowInput.InkWorkflowInput | undefined => {
  for (const [nodeId, fieldName] of splits(name)) {
    const node = self.loaded.nodes.get(nodeId)
    if (node?.inputTemplate(fieldName) !== undefined || node?.node.inputs.has(fieldName) === true) {
      return inputOf(self.loaded, node, fieldName)
    }
  }
  return undefined
}

/** @internal */
export const findField = (
  self: WorkflowValue,
  name: string
): Result.Result<InkWorkflowInput.InkWorkflowInput, InputNotFound> => {
  const field = fieldCalled(self, name)
  return field === undefined ? Result.fail(fieldNotFound(self, name)) : Result.succeed(field)
}

/** @internal */
export const allFields = (self: WorkflowValue): ReadonlyArray<InkWorkflowInput.InkWorkflowInput> => {
  const out: Array<InkWorkflowInput.InkWorkflowInput> = []
  for (const node of self.loaded.nodes.values()) {
    const names = new Set([...(node.template?.inputs.keys() ?? []), ...node.node.inputs.keys()])
    for (const fieldName of names) {
      const input = inputOf(self.loaded, node, fieldName)
      if (input.field._tag !== "InkConnectionField") out.push(input)
    }
  }
  return out
}

/** The node that gives a connected field its value, in words. */
const giver = (loaded: LoadedWorkflow.LoadedWorkflow, input: InkWorkflowInput.InkWorkflowInput): string => {
  const edge = loaded.edges.find(({ target, targetHandle }) =>
    target === input.nodeId && targetHandle === input.fieldName
  )
  const source = edge === undefined ? undefined : loaded.nodes.get(edge.source)
  return source === undefined
    ? "another node"
    : `the node '${InkWorkflowInput.nodeTitle(source.node, source.template)}'`
}

/** The value that a field takes for an input, as JSON for the file. @internal */
export const valueFor = (
  loaded: LoadedWorkflow.LoadedWorkflow,
  input: InkWorkflowInput.InkWorkflowInput,
  value: unknown
): Result.Result<unknown, InvalidInputValue> => {
  if (input.connected) {
    return Result.fail(InkWorkflowInput.refuse(input, {
      expected: `no value, because ${giver(loaded, input)} gives it`,
      received: describeReceived(value)
    }))
  }
  return Result.match(InkField.set(input.field, value), {
    onSuccess: (field): Result.Result<unknown, InvalidInputValue> => Result.succeed(field.value),
    onFailure: (refusal) => Result.fail(InkWorkflowInput.refuse(input, refusal))
  })
}

/** @internal */
export const withValue = (
  loaded: LoadedWorkflow.LoadedWorkflow,
  nodeId: string,
  fieldName: string,
  value: unknown
): LoadedWorkflow.LoadedWorkflow => {
  const found = loaded.nodes.get(nodeId)
  if (found === undefined || found.node.inputs.has(fieldName)) {
    return LoadedWorkflow.updateInput(loaded, nodeId, fieldName, { value })
  }
  const added: FieldInput = { name: fieldName, label: "", description: "", value, raw: {} }
  const node = { ...found.node, inputs: new Map(found.node.inputs).set(fieldName, added) }
  const definition = {
    ...loaded.definition,
    nodes: loaded.definition.nodes.map((other) => other === found.node ? node : other)
  }
  return { ...loaded, definition, nodes: new Map(loaded.nodes).set(nodeId, { ...found, node }) }
}
