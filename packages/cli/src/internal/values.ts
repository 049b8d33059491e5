/** The values that a user gives for the inputs of a workflow. */
import * as Assets from "@effect-invokeai/core/assets/Assets"
import type * as InkField from "@effect-invokeai/core/field/InkField"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as Data from "effect/Data"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Schema from "effect/Schema"
import { flagInputs } from "./workflowInputs.ts"

/** An argument or the file that it names is invalid. */
export class InvalidArgument extends Data.TaggedError("InvalidArgument")<{
  readonly argument: string
  readonly reason: string
}> {
  override get message(): string {
    return `${this.argument}: ${this.reason}`
  }
}

const parseJson = Schema.decodeUnknownOption(Schema.fromJsonString(Schema.Json))

/** Fields whose value is a text or converted from one. */
const plain =
  /^Ink(Integer|Float|String|Boolean|Enum|Scheduler|Image|Video|Board|StylePreset|SystemPrompt|SavedWorkflow)Field$/

/** A text as the field takes it: lists and objects are JSON. */
const fromText = (field: InkField.InkField, text: string): unknown =>
  plain.test(field._tag) || !/^\s*[[{]/.test(text) ? text : Option.getOrElse(parseJson(text), () => text)

/** The images that are uploaded once, and how many there are. */
export interface Uploads {
  readonly upload: (value: unknown) => Effect.Effect<
    unknown,
    Effect.Error<ReturnType<typeof Assets.uploadFile>>,
    Effect.Services<ReturnType<typeof Assets.uploadFile>>
  >
  readonly names: () => ReadonlyArray<string>
}

/** Uploads the files that stand where an image is expected. A name without a folder that is no file is one on the server. */
const uploads = (): Uploads => {
  const names: Array<string> = []
  return {
    names: () => names,
    upload: Effect.fnUntraced(function*(value: unknown) {
      if (typeof value !== "string") return value
      const fs = yield* FileSystem.FileSystem
      const isFile = /[\\/]/.test(value) || (yield* Effect.orElseSucceed(fs.exists(value), () => false))
      if (!isFile) return value
      const asset = yield* Assets.uploadFile(value)
      names.push(asset.imageName)
      return asset
    })
  }
}

const withImages = Effect.fnUntraced(
  function*(uploaded: Uploads, { field }: { readonly field: InkField.InkField }, value: unknown) {
    if (field._tag === "InkImageField") return yield* uploaded.upload(value)
    if (field._tag !== "InkImageCollectionField") return value
    return yield* Effect.forEach(Array.isArray(value) ? value : [value], uploaded.upload)
  }
)

/** What `run` and `reproduce` are given. */
export interface Given {
  /** By name of the flag. */
  readonly flags: Readonly<Record<string, string | boolean | undefined>>
  /** `node.field=value`, as it was given. */
  readonly set: ReadonlyArray<string>
  /** A JSON file with values by name. */
  readonly file: Option.Option<string>
}

const ValuesFile = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown))

const readFile = Effect.fnUntraced(function*(path: string) {
  const fs = yield* FileSystem.FileSystem
  const text = yield* Effect.mapError(
    fs.readFileString(path),
    (error) => new InvalidArgument({ argument: `--values ${path}`, reason: error.message })
  )
  return yield* Effect.mapError(
    Schema.decodeUnknownEffect(ValuesFile)(text),
    () => new InvalidArgument({ argument: `--values ${path}`, reason: "it is not a JSON object with values by name" })
  )
})

/** The workflow with all values: those of the file, then those of flags, then those of `--set`. Files are uploaded. */
export const setAll = Effect.fn("Values.setAll")(function*(workflow: Workflow.Workflow, given: Given) {
  const uploaded = uploads()
  const values = new Map<string, unknown>()
  if (Option.isSome(given.file)) {
    for (const [name, value] of Object.entries(yield* readFile(given.file.value))) {
      const input = yield* Workflow.getInput(workflow, name)
      values.set(input.systemName, yield* withImages(uploaded, input, value))
    }
  }
  for (const { flag, input } of flagInputs(workflow)) {
    const value = given.flags[flag]
    if (value === undefined) continue
    const parsed = typeof value === "string" ? fromText(input.field, value) : value
    values.set(input.systemName, yield* withImages(uploaded, input, parsed))
  }
  let next = yield* Workflow.setInputs(workflow, values)
  for (const assignment of given.set) {
    const end = assignment.indexOf("=")
    if (end < 0) {
      return yield* new InvalidArgument({ argument: `--set ${assignment}`, reason: "expected node.field=value" })
    }
    const field = yield* Workflow.getField(next, assignment.slice(0, end))
    const value = yield* withImages(uploaded, field, fromText(field.field, assignment.slice(end + 1)))
    next = yield* Workflow.setField(next, field.systemName, value)
  }
  return { workflow: next, uploads: uploaded.names() }
})
