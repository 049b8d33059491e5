/** The subcommands that look at a workflow. */
import * as WorkflowBatch from "@effect-invokeai/core/batch/WorkflowBatch"
import { WorkflowNotReady } from "@effect-invokeai/core/batch/WorkflowProblems"
import * as Diff from "@effect-invokeai/core/workflow/Diff"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as CommandResult from "../../CommandResult.ts"
import { columns } from "../columns.ts"
import { outcome } from "../Output.ts"
import * as Server from "../server.ts"
import { InvalidArgument } from "../values.ts"
import * as WorkflowInputs from "../workflowInputs.ts"
import * as WorkflowSource from "../workflowSource.ts"

interface OfWorkflow {
  readonly workflow: string
  readonly offline: boolean
}

/** A value in a column: one line of at most 60 characters. */
const shortened = (value: string): string => {
  const line = value.replaceAll(/\s+/g, " ").trim()
  return line.length > 60 ? `${Array.from(line).slice(0, 59).join("")}…` : line
}

/** `inputs`: what `run` can set by flags, and with `all` what it can set by `--set`. */
export const inputs = Effect.fn("Command.inputs")(function*({ all, workflow: source }: OfWorkflow & {
  readonly all: boolean
}) {
  const workflow = yield* WorkflowSource.load(source)
  const found = WorkflowInputs.describe(workflow)
  const fields = all ? WorkflowInputs.describeFields(workflow) : []
  const inputRows = found.length === 0
    ? "The workflow has no inputs on its form. `--set node.field=value` sets any field, and `inputs --all` lists them."
    : columns(found.map((input) => [
      `--${input.flag}`,
      input.type,
      input.required ? "required" : input.default === null ? "" : `= ${shortened(input.default)}`,
      input.accepts
    ]))
  const fieldRows = fields.length === 0 ? [] : [
    "\nFields that `--set` can set:",
    columns(fields.map((field) => [
      field.systemName,
      field.node,
      field.type,
      field.value === null ? "" : `= ${shortened(field.value)}`,
      field.accepts
    ]))
  ]
  return yield* outcome(
    CommandResult.Inputs,
    { workflow: workflow.definition.name, inputs: found, fields },
    [inputRows, ...fieldRows].join("\n")
  )
}, (effect, { offline }) => Effect.provide(effect, Server.layerOptional(offline)))

/** `describe`: a description of the workflow. */
export const describe = Effect.fn("Command.describe")(function*({ workflow: source }: OfWorkflow) {
  const text = Workflow.describe(yield* WorkflowSource.load(source))
  return yield* outcome(CommandResult.Text, { text }, text)
}, (effect, { offline }) => Effect.provide(effect, Server.layerOptional(offline)))

/** `diagram`: the nodes and connections in Mermaid's notation. */
export const diagram = Effect.fn("Command.diagram")(function*({ workflow: source }: OfWorkflow) {
  const text = Workflow.toMermaid(yield* WorkflowSource.load(source))
  return yield* outcome(CommandResult.Text, { text }, text)
}, (effect, { offline }) => Effect.provide(effect, Server.layerOptional(offline)))

/** `diff`: the differences between two workflows. */
export const diff = Effect.fn("Command.diff")(function*(input: {
  readonly before: string
  readonly after: string
  readonly offline: boolean
}) {
  const before = yield* WorkflowSource.load(input.before)
  const after = yield* WorkflowSource.load(input.after)
  const differences = Workflow.diff(before, after)
  return yield* outcome(
    CommandResult.Diff,
    differences,
    Diff.format(differences)
  )
}, (effect, { offline }) => Effect.provide(effect, Server.layerOptional(offline)))

/** `check`: whether the workflow can run, by itself or on the server; or whether servers match a lock file. */
export const check = Effect.fn("Command.check")(function*(input: {
  readonly workflow: Option.Option<string>
  readonly offline: boolean
  readonly lock: Option.Option<string>
  readonly on: ReadonlyArray<string>
  readonly install: boolean
}) {
  if (Option.isSome(input.workflow) === Option.isSome(input.lock)) {
    return yield* new InvalidArgument({ argument: "check", reason: "expected either a workflow or --lock with a file" })
  }
  if (Option.isSome(input.lock)) {
    const module = yield* Effect.promise(() => import("./lock.ts"))
    return yield* module.compare({ ...input, lock: input.lock.value })
  }
  return yield* checkWorkflow(Option.getOrElse(input.workflow, () => ""), input.offline)
})

const checkWorkflow = Effect.fnUntraced(function*(source: string, offline: boolean) {
  const workflow = yield* WorkflowSource.load(source)
  if (!offline) {
    const { warnings } = yield* WorkflowBatch.make(workflow)
    return yield* outcome(
      CommandResult.Check,
      { ready: true, online: true, warnings },
      ["Ready.", ...warnings].join("\n")
    )
  }
  const problems = WorkflowBatch.validate(workflow)
  if (!problems.isEmpty) return yield* new WorkflowNotReady({ problems: problems.all })
  return yield* outcome(
    CommandResult.Check,
    { ready: true, online: false, warnings: [] },
    "Ready, except that models, images and boards were not looked up on a server."
  )
}, (effect, _, offline) => Effect.provide(effect, offline ? Server.layerOptional(true) : Server.layer))
