/** The inputs of a workflow as flags. */
import * as InkField from "@effect-invokeai/core/field/InkField"
import type { InkWorkflowInput } from "@effect-invokeai/core/workflow/InkWorkflowInput"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import type * as CommandResult from "../CommandResult.ts"

/** The flags that `run` has itself. An input with such a name has `input-` before it. */
export const ownFlags: ReadonlySet<string> = new Set([
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
  "offline",
  "server",
  "json",
  "help",
  "version",
  "completions",
  "log-level"
])

const kebab = (name: string): string =>
  name.normalize("NFKC").toLowerCase().replaceAll(/[^\p{Letter}\p{Number}]+/gu, "-").replaceAll(/^-+|-+$/g, "")

/** An input with the name of its flag. */
export interface FlagInput {
  readonly flag: string
  readonly input: InkWorkflowInput
}

/** The inputs of a workflow that `run` can set, each once, with the names of their flags. */
export const flagInputs = (workflow: Workflow.Workflow): ReadonlyArray<FlagInput> => {
  const inputs = [...Workflow.inputsBySystemName(workflow).values()].filter((input) => !input.connected)
  const counts = new Map<string, number>()
  for (const input of inputs) counts.set(kebab(input.userName), (counts.get(kebab(input.userName)) ?? 0) + 1)
  return inputs.map((input) => {
    const name = kebab(input.userName)
    const unique = name === "" || counts.get(name) !== 1 ? kebab(input.systemName) : name
    return { flag: ownFlags.has(unique) ? `input-${unique}` : unique, input }
  })
}

/** What an input holds, in a word. */
export const typeOf = ({ field }: InkWorkflowInput): string =>
  "type" in field && typeof field.type === "string"
    ? field.type
    : field._tag.replace(/^Ink/, "").replace(/Field$/, "").toLowerCase()

const choicesOf = ({ field }: InkWorkflowInput): ReadonlyArray<string> | null =>
  "options" in field && Array.isArray(field.options) ? field.options.map(String) : null

/** What an input accepts as an argument, in words. */
export const accepts = ({ field }: InkWorkflowInput): string => {
  if (field._tag === "InkImageField") return "the path of an image, or the name of one on the server"
  if (field._tag === "InkImageCollectionField") return "a JSON list of images: paths, or names on the server"
  return InkField.expected(field)
}

/** The inputs as data. */
export const describe = (workflow: Workflow.Workflow): ReadonlyArray<CommandResult.Input> =>
  flagInputs(workflow).map(({ flag, input }) => ({
    name: input.userName,
    flag,
    systemName: input.systemName,
    title: input.label,
    description: input.description,
    type: typeOf(input),
    required: input.required,
    accepts: accepts(input),
    default: InkField.format(input.field) ?? null,
    choices: choicesOf(input)
  }))
