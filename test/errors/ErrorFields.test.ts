import * as Core from "@effect-invokeai/core"
import * as Node from "@effect-invokeai/node"
import * as InvokeAiPromise from "@effect-invokeai/node/InvokeAiPromise"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import { assert, describe, it } from "@effect/vitest"

interface ErrorClass {
  readonly name: string
  readonly fields: Readonly<Record<string, unknown>>
  readonly prototype: Error
}

const isErrorClass = (value: unknown): value is ErrorClass =>
  typeof value === "function" && value.prototype instanceof Error && "fields" in value

const modules: ReadonlyArray<object> = [
  ...Object.values<object>(Core),
  ...Object.values<object>(Node),
  InvokeAiPromise,
  InvokeAiTest
]

const errorClasses = [...new Set(modules.flatMap((module) => Object.values(module)).filter(isErrorClass))]

describe("the error classes", () => {
  it("have no field that hides what every Error has", () => {
    assert.isAtLeast(errorClasses.length, 30)
    for (const { fields, name } of errorClasses) {
      for (const hidden of ["name", "message", "stack"]) assert.notProperty(fields, hidden, name)
    }
  })

  it("are named after their tag", () => {
    const notFound = new Core.InputError.InputNotFound({
      inputName: "promt",
      wanted: "input",
      near: ["prompt"],
      available: ["prompt"],
      offForm: []
    })
    assert.strictEqual(notFound.name, "InputNotFound")
    assert.include(notFound.stack, "InputNotFound: ")
    const ambiguous = new Core.AmbiguousName.AmbiguousName({ kind: "board", requestedName: "study", candidates: [] })
    assert.strictEqual(ambiguous.name, "AmbiguousName")
  })
})
