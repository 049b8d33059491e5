/** The inputs of a workflow as flags. */
import * as InkField from "@effect-invokeai/core/field/InkField"
import type * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as WorkflowInterface from "@effect-invokeai/core/workflow/WorkflowInterface"
import type * as CommandResult from "../CommandResult.ts"

/** The flags that `run` has itself. An input with such a name has `input-` before it. */
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

const flagOf = (name: string): string => {
  const flag = name.replaceAll("_", "-")
  return ownFlags.has(flag) ? `input-${flag}` : flag
}

/** The inputs of a workflow that `run` can set, each once, with the names of their flags. */
export const flagInputs = (workflow: Workflow.Workflow): ReadonlyArray<FlagInput> =>
  WorkflowInterface.make(workflow).inputs.map((input) => ({ flag: flagOf(input.name), input }))

/** What an input holds, in a word. */
export const typeOf = ({ field }: FlagInput["input"]): string =>
  "type" in field && typeof field.type === "string"
    ? field.type
    : field._tag.replace(/^Ink/, "").replace(/Field$/, "").toLowerCase()

const choicesOf = ({ field }: FlagInput["input"]): ReadonlyArray<string> | null =>
  "options" in field && Array.isArray(field.options) ? field.options.map(String) : null

/** What an input accepts as an argument, in words. */
export const accepts = ({ expected, field }: FlagInput["input"]): string => {
  if (field._tag === "InkImageField") return "the path or URL of an image, or the name of one on the server"
  if (field._tag === "InkImageCollectionField") return "a JSON list of images: paths, URLs, or names on the server"
  return expected
}

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
