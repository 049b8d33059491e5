/** The inputs of a workflow as flags. */
import * as InkField from "@effect-invokeai/core/field/InkField"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as WorkflowInterface from "@effect-invokeai/core/workflow/WorkflowInterface"
import type * as CommandResult from "../CommandResult.ts"

/** The flags that `run` has itself. */
const ownFlags: ReadonlySet<string> = new Set([
  "set",
  "values",
  "runs",
  "seed",
  "board",
  "out",
  "name",
  "format",
  "timeout",
  "detach",
  "server",
  "json",
  "help",
  "version",
  "completions",
  "log-level"
])

/** An input with the name of its flag. */
export interface FlagInput {
  readonly flag: string
  readonly input: WorkflowInterface.InterfaceInput
}

/** The flag that sets a boolean input to false. */
const negation = (flag: string): string => `no-${flag}`

/**
 * The inputs of a workflow that `run` can set, each once, with the names of their flags. A name that `run` or another input
 * has itself gets `input-` before it, as often as it takes.
 */
export const flagInputs = (workflow: Workflow.Workflow): ReadonlyArray<FlagInput> => {
  const inputs = WorkflowInterface.make(workflow).inputs.map((input) => ({
    flag: input.name.replaceAll("_", "-"),
    input
  }))
  const flagsOf = ({ flag, input }: FlagInput) =>
    input.field._tag === "InkBooleanField" ? [flag, negation(flag)] : [flag]
  const isFree = (taken: ReadonlySet<string>, each: FlagInput) => flagsOf(each).every((flag) => !taken.has(flag))
  // an input whose name is free keeps it, whatever the others are renamed to
  const taken = new Set(ownFlags)
  const unchanged = new Set<FlagInput>()
  for (const each of inputs) {
    if (!isFree(taken, each)) continue
    unchanged.add(each)
    for (const flag of flagsOf(each)) taken.add(flag)
  }
  return inputs.map((each) => {
    if (unchanged.has(each)) return each
    let flag = each.flag
    do flag = `input-${flag}`
    while (!isFree(taken, { flag, input: each.input }))
    const renamed: FlagInput = { flag, input: each.input }
    for (const own of flagsOf(renamed)) taken.add(own)
    return renamed
  })
}

interface Typed {
  readonly field: InkField.InkField
}

/** What an input or field holds, in a word. */
export const typeOf = ({ field }: Typed): string =>
  "type" in field && typeof field.type === "string"
    ? field.type
    : field._tag.replace(/^Ink/, "").replace(/Field$/, "").toLowerCase()

const choicesOf = ({ field }: Typed): ReadonlyArray<string> | null =>
  "options" in field && Array.isArray(field.options) ? field.options.map(String) : null

/** A description of what an input accepts as an argument. */
export const accepts = ({ field }: Typed): string => {
  if (field._tag === "InkImageField") return "the path or URL of an image, or the name of one on the server"
  if (field._tag === "InkImageCollectionField") return "a JSON list of images: paths, URLs, or names on the server"
  return InkField.expected(field)
}

/** The fields of all nodes that `--set` can set, as data. */
export const describeFields = (workflow: Workflow.Workflow): ReadonlyArray<CommandResult.Field> =>
  Workflow.fields(workflow).filter(({ connected }) => !connected).map((input) => ({
    systemName: input.systemName,
    node: input.nodeTitle,
    type: typeOf(input),
    accepts: accepts(input),
    value: InkField.format(input.field) ?? null
  }))

/** The inputs as data. */
export const describe = (workflow: Workflow.Workflow): ReadonlyArray<CommandResult.Input> =>
  flagInputs(workflow).map(({ flag, input }) => ({
    name: input.name,
    flag,
    systemName: input.systemName,
    title: input.title,
    description: input.description,
    type: typeOf(input),
    required: input.required,
    accepts: accepts(input),
    default: InkField.format(input.field) ?? null,
    choices: choicesOf(input)
  }))
