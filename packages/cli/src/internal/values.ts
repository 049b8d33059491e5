/** The values that a user passes for the inputs of a workflow. */
import * as WorkflowBatch from "@effect-invokeai/core/batch/WorkflowBatch"
import { WorkflowNotReady } from "@effect-invokeai/core/batch/WorkflowProblems"
import type * as InkField from "@effect-invokeai/core/field/InkField"
import * as Run from "@effect-invokeai/core/run/Run"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import type { PlatformError } from "effect/PlatformError"
import * as Schema from "effect/Schema"
import { InvalidArgument } from "./args.ts"
import * as FileError from "./fileError.ts"
import { flagInputs } from "./workflowInputs.ts"

export { InvalidArgument }

/** The duration of `--timeout`. */
export const durationOf = Effect.fnUntraced(function*(text: string) {
  // an invalid duration is `None`
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  const duration = Duration.fromInput(text as Duration.Input)
  if (Option.isSome(duration) && Duration.isGreaterThan(duration.value, Duration.zero)) return duration.value
  return yield* new InvalidArgument({
    argument: `--timeout ${text}`,
    reason: "expected a duration greater than 0, such as \"90 seconds\" or \"10 minutes\""
  })
})

/** Says which file of an argument could not be read, and why. */
export const unreadable = (argument: string) => (error: PlatformError): InvalidArgument =>
  new InvalidArgument({
    argument,
    reason: error.reason._tag === "NotFound" ? "the file does not exist" : FileError.describe(error)
  })

const parseJson = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Json))

/** Fields whose value is a string or converted from one. */
const plain =
  /^Ink(Integer|Float|String|Boolean|Enum|Scheduler|Image|Video|Board|StylePreset|SystemPrompt|SavedWorkflow)Field$/

/** Converts a string for a field: lists and objects are JSON. */
const fromText = (field: InkField.InkField, text: string): unknown =>
  plain.test(field._tag) || !/^\s*[[{]/.test(text) ? text : Option.getOrElse(parseJson(text), () => text)

/** The arguments of `run` and `reproduce`. */
export interface Given {
  /** By name of the flag. */
  readonly flags: Readonly<Record<string, string | boolean | undefined>>
  /** `node.field=value`, as passed. */
  readonly set: ReadonlyArray<string>
  /** A JSON file with values by name. */
  readonly file: Option.Option<string>
}

const ValuesFile = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown))

const readFile = Effect.fnUntraced(function*(path: string) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* Effect.mapError(
    fs.readFileString(path),
    unreadable(`--values ${path}`)
  )
  return yield* Effect.mapError(
    Schema.decodeUnknownEffect(ValuesFile)(text),
    () => new InvalidArgument({ argument: `--values ${path}`, reason: "it is not a JSON object with values by name" })
  )
})

/** A value for a field, before files are uploaded. */
interface Assignment {
  readonly systemName: string
  readonly field: InkField.InkField
  readonly value: unknown
}

/** All values by system name: those of the file, then those of flags, then those of `--set`. */
const assignments = Effect.fnUntraced(function*(workflow: Workflow.Workflow, given: Given) {
  const found = new Map<string, Assignment>()
  const add = (assignment: Assignment) => found.set(assignment.systemName, assignment)
  if (Option.isSome(given.file)) {
    for (const [name, value] of Object.entries(yield* readFile(given.file.value))) {
      const { field, systemName } = yield* Workflow.getInput(workflow, name)
      add({ systemName, field, value })
    }
  }
  for (const { flag, input: { field, systemName } } of flagInputs(workflow)) {
    const value = given.flags[flag]
    if (value !== undefined) {
      add({ systemName, field, value: typeof value === "string" ? fromText(field, value) : value })
    }
  }
  for (const assignment of given.set) {
    const end = assignment.indexOf("=")
    if (end < 0) {
      return yield* new InvalidArgument({ argument: `--set ${assignment}`, reason: "expected node.field=value" })
    }
    const { field, systemName } = yield* Workflow.getField(workflow, assignment.slice(0, end))
    add({ systemName, field, value: fromText(field, assignment.slice(end + 1)) })
  }
  return [...found.values()]
})

/** The workflow with all values. Everything that can be checked without the server is checked before a file is uploaded. */
export const setAll = Effect.fn("Values.setAll")(function*(workflow: Workflow.Workflow, given: Given) {
  const values = yield* assignments(workflow, given)
  let next = workflow
  for (const { field, systemName, value } of values) {
    next = yield* Workflow.setField(next, systemName, yield* Run.withoutSources(field, value))
  }
  const problems = WorkflowBatch.validate(next)
  if (!problems.isEmpty) return yield* new WorkflowNotReady({ problems: problems.all })
  for (const { field, systemName, value } of values) {
    next = yield* Workflow.setField(next, systemName, yield* Run.uploadSources(field, value))
  }
  return next
})
