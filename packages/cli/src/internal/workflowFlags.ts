/** The flags of `run` for one workflow. */
import * as InkField from "@effect-invokeai/core/field/InkField"
import { Models } from "@effect-invokeai/core/server/Models"
import type * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import type { InterfaceInput } from "@effect-invokeai/core/workflow/WorkflowInterface"
import * as Flag from "effect/cli/Flag"
import * as Effect from "effect/Effect"
import type * as Option from "effect/Option"
import * as Server from "./server.ts"
import { accepts, flagInputs, typeOf } from "./workflowInputs.ts"
import * as WorkflowSource from "./workflowSource.ts"

/** Flags by name. */
export type InputFlags = Readonly<Record<string, Flag.Flag<Option.Option<string | boolean>>>>

/** How many models the help lists for an input. */
const maxModels = 12

interface Model {
  readonly name: string
  readonly base: string
  readonly type: string
}

const isAccepted = (wanted: ReadonlyArray<string> | undefined, value: string): boolean =>
  wanted === undefined || wanted.length === 0 || wanted.includes(value)

const describeModels = ({ field }: InterfaceInput, models: ReadonlyArray<Model>): ReadonlyArray<string> => {
  if (!("accepts" in field)) return []
  const names = models.filter((model) =>
    isAccepted(field.accepts.base, model.base) && isAccepted(field.accepts.type, model.type)
  )
    .map((model) => model.name)
  const more = names.length > maxModels ? `, and ${names.length - maxModels} more` : ""
  return names.length === 0
    ? []
    : [`On the server: ${names.slice(0, maxModels).join(", ")}${more}`]
}

const describeInput = (input: InterfaceInput, models: ReadonlyArray<Model>): string => {
  const value = InkField.format(input.field)
  return [
    input.description === "" ? input.title : input.description.trim().replace(/\.$/, ""),
    `Expects ${accepts(input)}`,
    ...(value === undefined || value === "" ? input.required ? ["Required"] : [] : [`Default: ${value}`]),
    ...describeModels(input, models)
  ].join(". ")
}

const flagOf = (flag: string, input: InterfaceInput, models: ReadonlyArray<Model>) => {
  const base: Flag.Flag<string | boolean> = input.field._tag === "InkBooleanField"
    ? Flag.Boolean(flag)
    : Flag.withMetavar(Flag.String(flag), `<${typeOf(input)}>`)
  return Flag.optional(Flag.withDescription(base, describeInput(input, models)))
}

/** A workflow and the flags of its inputs. */
export interface Loaded {
  readonly workflow: Workflow.Workflow
  readonly flags: InputFlags
}

const flagsOf = (workflow: Workflow.Workflow, models: ReadonlyArray<Model>): InputFlags =>
  Object.fromEntries(flagInputs(workflow).map(({ flag, input }) => [flag, flagOf(flag, input, models)]))

/** A workflow with the flags of its inputs, to run it. */
export const load = Effect.fn("WorkflowFlags.load")(function*(source: string) {
  const workflow = yield* WorkflowSource.load(source)
  const loaded: Loaded = { workflow, flags: flagsOf(workflow, []) }
  return loaded
}, Effect.provide(Server.layer))

/** The same for help: without a server too, and with the names of the models on the server if it responds. */
export const loadForHelp = Effect.fn("WorkflowFlags.loadForHelp")(function*(source: string) {
  const workflow = yield* WorkflowSource.load(source)
  const service = yield* Models
  const loaded: Loaded = { workflow, flags: flagsOf(workflow, yield* Effect.orElseSucceed(service.list(), () => [])) }
  return loaded
}, Effect.provide(Server.layerOptional(false, "5 seconds")))
