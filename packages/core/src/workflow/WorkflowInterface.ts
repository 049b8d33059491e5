/**
 * A workflow as a function: the inputs of its form and its outputs, with public names, types and schemas.
 *
 * **Details**
 *
 * Everything that calls a workflow from outside follows from this value: `run`, the command, generated types, forms,
 * HTTP endpoints, tools of agents. It is computed from the opened workflow alone, without a server.
 *
 * **Example** (What a workflow takes and makes)
 *
 * ```ts
 * import * as Console from "effect/Console"
 * import * as Effect from "effect/Effect"
 * import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
 * import * as WorkflowInterface from "@effect-invokeai/core/workflow/WorkflowInterface"
 *
 * const program = Effect.gen(function*() {
 *   const self = WorkflowInterface.make(yield* Workflow.fromFile("text-to-image.json"))
 *   for (const input of self.inputs) yield* Console.log(`${input.name}: ${input.expected}`)
 *   for (const output of self.outputs) yield* Console.log(`makes ${output.many ? "several" : "one"}: ${output.type}`)
 *   return WorkflowInterface.toJsonSchema(self).inputs
 * })
 * ```
 *
 * @since 0.1.0
 */
import type { JsonSchema } from "effect/JsonSchema"
import * as Schema from "effect/Schema"
import * as InkField from "../field/InkField.ts"
import * as InkForm from "./InkForm.ts"
import type { InkWorkflowInput } from "./InkWorkflowInput.ts"
import { isMissing, unsentReason } from "./internal/inputs.ts"
import { inputsSchema, outputsSchema } from "./internal/interfaceSchemas.ts"
import { isExecutable } from "./internal/nodeTypes.ts"
import { publicNames } from "./internal/publicNames.ts"
import { outputData, type OutputDataType, outputSchema } from "./OutputData.ts"
import { outputNodes, type Workflow } from "./Workflow.ts"

export { ImageData, type OutputDataType, VideoData } from "./OutputData.ts"

/**
 * An input of a workflow.
 *
 * @category models
 * @since 0.1.0
 */
export interface InterfaceInput {
  /** The public name, such as `positive_prompt`; see `InkWorkflowInput.publicName`. */
  readonly name: string
  /** `{nodeId}.{fieldName}`, which `Workflow.setInputs` accepts too. */
  readonly systemName: string
  /** The name that the editor shows: the author's label, or else the title of the field. */
  readonly title: string
  /** The author's description, or else the server's description of the field; `""` if there is none. */
  readonly description: string
  /** What the input accepts, in words: `an integer greater than 0`. */
  readonly expected: string
  /** The field, with its type, bounds, choices and current value. */
  readonly field: InkField.InkField
  /**
   * Accepts exactly the values that `Workflow.setInputs` accepts for this input, without converting them. Its JSON
   * Schema has title, description, default, choices and bounds.
   */
  readonly schema: Schema.Codec<unknown>
  /** The value that is used if none is given: the one in the workflow. `undefined` if there is none that is valid. */
  readonly default: unknown
  /** Whether the workflow cannot run without a value for the input: the field needs one, and the workflow has none. */
  readonly required: boolean
  /** Position among the inputs of the form, from 0. */
  readonly order: number
  /** The heading that the input is under on the form; `undefined` if there is none. */
  readonly group: string | undefined
}

/**
 * An output of a workflow: what one of its nodes makes and the server keeps.
 *
 * @category models
 * @since 0.1.0
 */
export interface InterfaceOutput {
  /**
   * The public name, such as `image`: made from the label of the node, or else the type of the output. A name of
   * several outputs is qualified by the title of the node's type; those that still share one get numbers in node order.
   */
  readonly name: string
  /** The type of one value. */
  readonly type: OutputDataType
  /**
   * Whether the output is a list: the node makes a list, is inside an iteration, or the workflow makes several queue
   * items because inputs vary within its batch.
   */
  readonly many: boolean
  /** The label of the node, or else the title of its type. */
  readonly title: string
  /** The id of the node. */
  readonly nodeId: string
  /** The output as plain data: one value, or a list of them if `many`. */
  readonly schema: Schema.Codec<unknown>
}

/**
 * A workflow as a function with named inputs and outputs.
 *
 * @category models
 * @since 0.1.0
 */
export interface WorkflowInterface {
  /** The name of the workflow; `""` if it has none. */
  readonly name: string
  /** What the author says about the workflow; `""` if nothing. */
  readonly description: string
  /** The inputs that can be set, in form order. Fields that another node feeds are left out. */
  readonly inputs: ReadonlyArray<InterfaceInput>
  /** The outputs, in node order. */
  readonly outputs: ReadonlyArray<InterfaceOutput>
  /**
   * Values of the inputs by public name: those that `Workflow.setInputs` accepts, with a value for each required input.
   * Other names are not accepted.
   */
  readonly inputSchema: Schema.Codec<Readonly<Record<string, unknown>>>
  /**
   * The outputs of a run by public name, as plain data. An output whose node the run skipped is absent, or an empty list if
   * it is a list.
   */
  readonly outputSchema: Schema.Codec<Readonly<Record<string, unknown>>>
}

/** The heading above each input, by system name. */
const groups = (workflow: Workflow): ReadonlyMap<string, string> => {
  const found = new Map<string, string>()
  const root = InkForm.make(workflow)
  // Iterative, because forms can be nested deeper than the call stack allows.
  const stack = root === undefined ? [] : [{ elements: root.children, at: 0, heading: undefined as string | undefined }]
  for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
    const next = top.elements[top.at++]
    if (next === undefined) {
      stack.pop()
      continue
    }
    const { children, element, input } = next
    if (element.type === "heading") top.heading = element.content.trim() || undefined
    if (input !== undefined && top.heading !== undefined && !found.has(input.systemName)) {
      found.set(input.systemName, top.heading)
    }
    if (children.length > 0) stack.push({ elements: children, at: 0, heading: top.heading })
  }
  return found
}

/** Whether an input accepts any value at all. */
const isSettable = ({ loaded }: Workflow, input: InkWorkflowInput): boolean => {
  const node = loaded.nodes.get(input.nodeId)
  return !input.connected && input.field._tag !== "InkConnectionField" &&
    (node === undefined || unsentReason(node, input.fieldName) === undefined)
}

const inputsOf = (workflow: Workflow): ReadonlyArray<InterfaceInput> => {
  const headings = groups(workflow)
  const seen = new Set<string>()
  return workflow.inputs.flatMap((input): ReadonlyArray<InterfaceInput> => {
    const { description, field, index, label: title, publicName, systemName } = input
    if (publicName === undefined || seen.has(systemName) || !isSettable(workflow, input)) return []
    seen.add(systemName)
    const value = field.value !== undefined && InkField.set(field, field.value)._tag === "Success"
      ? field.value
      : undefined
    return [{
      name: publicName,
      systemName,
      title,
      description,
      expected: InkField.expected(field),
      field,
      schema: InkField.schema(field, {
        title,
        description: description === "" ? undefined : description,
        default: value
      }),
      default: value,
      required: isMissing(input),
      order: index,
      group: headings.get(systemName)
    }]
  })
}

/** The nodes inside iterations: those between an `iterate` node and the `collect` nodes after it. */
const iterated = ({ loaded }: Workflow): ReadonlySet<string> => {
  const outgoing = new Map<string, Array<string>>()
  for (const { source, target } of loaded.edges) {
    const targets = outgoing.get(source)
    if (targets === undefined) outgoing.set(source, [target])
    else targets.push(target)
  }
  const typeOf = (id: string) => loaded.nodes.get(id)?.node.nodeType
  const found = new Set([...loaded.nodes.keys()].filter((id) => typeOf(id) === "iterate"))
  for (const id of found) {
    for (const target of outgoing.get(id) ?? []) if (typeOf(target) !== "collect") found.add(target)
  }
  return found
}

/** Whether a run of a workflow can make several queue items: it has a sweep, a batch node or a generator. @internal */
export const isBatched = ({ loaded, sweeps }: Workflow): boolean =>
  sweeps.length > 0 || [...loaded.nodes.values()].some(({ node }) => !isExecutable(node.nodeType))

const outputsOf = (workflow: Workflow, runs: number): ReadonlyArray<InterfaceOutput> => {
  const { loaded } = workflow
  const nodes = outputNodes(workflow)
  const inside = iterated(workflow)
  const isBatch = runs > 1 || isBatched(workflow)
  const names = publicNames(nodes.map(({ nodeId, outputType, title, type }) => ({
    texts: [loaded.nodes.get(nodeId)?.node.label ?? "", outputData(outputType).type],
    qualifiers: [title, type],
    noun: "output"
  })))
  return nodes.map(({ label, nodeId, outputType }, index) => {
    const { isList, type } = outputData(outputType)
    const many = isList || isBatch || inside.has(nodeId)
    return { name: names[index]!, type, many, title: label, nodeId, schema: outputSchema(type, many) }
  })
}

/**
 * The interface of a workflow.
 *
 * @category constructors
 * @since 0.1.0
 */
export const make = (workflow: Workflow, options?: {
  /** How many times the workflow is going to run in one batch: from 2 on, each output is a list. Default 1. */
  readonly runs?: number | undefined
}): WorkflowInterface => {
  const inputs = inputsOf(workflow)
  const outputs = outputsOf(workflow, options?.runs ?? 1)
  return {
    name: workflow.definition.name,
    description: workflow.definition.description,
    inputs,
    outputs,
    inputSchema: inputsSchema(inputs),
    outputSchema: outputsSchema(outputs)
  }
}

/**
 * The inputs and outputs of a workflow as JSON Schema 2020-12, with titles, descriptions, defaults, choices and bounds.
 *
 * **Details**
 *
 * `Workflow.setInputs` accepts every JSON value that fits, and what it stores fits too. Conversions, such as `"30"` to 30,
 * are not part of the JSON Schema.
 *
 * @category conversions
 * @since 0.1.0
 */
export const toJsonSchema = (self: WorkflowInterface): {
  /** The values of the inputs by public name. */
  readonly inputs: JsonSchema
  /** The outputs of a run by public name. */
  readonly outputs: JsonSchema
} => {
  const documentOf = (schema: Schema.Top): JsonSchema => {
    const { definitions, schema: root } = Schema.toJsonSchemaDocument(schema, { onExcessProperty: "error" })
    return {
      $schema: "https://json-schema.org/draft/2020-12/schema",
      ...(self.name === "" ? {} : { title: self.name }),
      ...(self.description === "" ? {} : { description: self.description }),
      ...root,
      ...(Object.keys(definitions).length === 0 ? {} : { $defs: definitions })
    }
  }
  return { inputs: documentOf(self.inputSchema), outputs: documentOf(self.outputSchema) }
}
