import { UploadError } from "@effect-invokeai/core/assets/Assets"
import { ImageCodecError } from "@effect-invokeai/core/assets/Downloads"
import { InvokeAiError } from "@effect-invokeai/core/InvokeAiError"
import { SubmissionUnknown } from "@effect-invokeai/core/job/JobError"
import { AmbiguousName } from "@effect-invokeai/core/server/Boards"
import { InputNotFound } from "@effect-invokeai/core/workflow/InputError"
import { assert, describe, it } from "@effect/vitest"
import * as Fs from "node:fs"
import * as Path from "node:path"

interface ErrorClass {
  readonly name: string
  readonly fields: Readonly<Record<string, unknown>>
  readonly prototype: Error
}

const isErrorClass = (value: unknown): value is ErrorClass =>
  typeof value === "function" && value.prototype instanceof Error && "fields" in value

const root = Path.join(import.meta.dirname, "../../packages")
const modules: ReadonlyArray<object> = await Promise.all(
  Fs.globSync("*/src/**/*.ts", { cwd: root }).map((file) => import(Path.join(root, file)))
)

const errorClasses = [...new Set(modules.flatMap((module) => Object.values(module)).filter(isErrorClass))]

describe("The error classes", () => {
  it("do not redefine the fields of Error", () => {
    assert.isAtLeast(errorClasses.length, 30)
    for (const { fields, name } of errorClasses) {
      for (const hidden of ["name", "message", "stack"]) assert.notProperty(fields, hidden, name)
    }
  })

  it("declare whether a retry may succeed", () => {
    const classes = errorClasses.filter(({ name }) => name !== "LeftoversFound")
    for (const { name, prototype } of classes) assert.isTrue("isRetryable" in prototype, name)
  })

  it("are retryable if their cause is, unless a retry is not safe", () => {
    const transient = (code?: string) =>
      new InvokeAiError({
        reason: { _tag: "Transport" },
        method: "GET",
        path: "/p",
        detail: "",
        ...(code === undefined ? {} : { code })
      })
    const caused = (cause: InvokeAiError) => new ImageCodecError({ format: "webp", cause })
    assert.isTrue(caused(transient()).isRetryable)
    assert.isFalse(caused(transient("ERR_INVALID_URL")).isRetryable)
    assert.isFalse(new SubmissionUnknown({ batchId: "b", detail: "", cause: transient() }).isRetryable)
    assert.isTrue(new UploadError({ reason: "Timeout", source: "a.png" }).isRetryable)
    assert.isFalse(new AmbiguousName({ kind: "board", requestedName: "study", candidates: [] }).isRetryable)
  })

  it("have their tag as name", () => {
    const notFound = new InputNotFound({
      inputName: "promt",
      wanted: "input",
      suggestions: ["prompt"],
      available: ["prompt"],
      hiddenFields: []
    })
    assert.strictEqual(notFound.name, "InputNotFound")
    assert.include(notFound.stack, "InputNotFound: ")
    const ambiguous = new AmbiguousName({ kind: "board", requestedName: "study", candidates: [] })
    assert.strictEqual(ambiguous.name, "AmbiguousName")
  })
})
