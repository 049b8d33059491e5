import * as WorkflowBatch from "@effect-invokeai/core/batch/WorkflowBatch"
import * as WorkflowProblems from "@effect-invokeai/core/batch/WorkflowProblems"
import * as Diff from "@effect-invokeai/core/workflow/Diff"
import { WorkflowParseError } from "@effect-invokeai/core/workflow/Workflow"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import { assert, describe, it } from "@effect/vitest"
import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { globSync } from "node:fs"
import * as FileName from "../../packages/core/src/assets/internal/FileName.ts"
import { edge, file, input, node, read, resources } from "./support.ts"

const escape = String.fromCharCode(27)
const controls = Array.from({ length: 0xa0 }, (_, code) => String.fromCharCode(code))
  .filter((character) => /\p{Cc}/u.test(character))
const hostile = `${escape}]0;owned\u0007${escape}[2J\u009b31m\u202egnp.exe\u2066\u061c\u200f\r\b\u007f`
const unprintable = /[\p{Cc}\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/u

const assertPrintable = (text: string, what = text) => {
  assert.notMatch(text.replaceAll("\n", ""), unprintable, what)
}

interface ErrorClass {
  new(fields: object): Error
  readonly fields: Record<string, Schema.Codec<unknown>>
}

const isErrorClass = (value: unknown): value is ErrorClass =>
  typeof value === "function" && value.prototype instanceof Error && "fields" in value

const sources = new URL("../../packages/core/src/", import.meta.url)
const modules = await Promise.all(
  globSync("**/*.ts", { cwd: sources }).map((file): Promise<object> => import(new URL(file, sources).href))
)
/** Every error class of the package, by name. */
const errorClasses = modules.flatMap((module): ReadonlyArray<readonly [string, ErrorClass]> =>
  Object.entries(module).flatMap(([name, value]: readonly [string, unknown]) =>
    isErrorClass(value) ? [[name, value] as const] : []
  )
)

/** A value that a field of an error takes, with hostile text where it takes text. `undefined` where none is known. */
const valueFor = (field: Schema.Codec<unknown>): unknown => {
  const literals = "literals" in field && Array.isArray(field.literals) ? field.literals : []
  const id = { id: hostile, description: hostile, name: hostile, cause: new Error(hostile) }
  const values = [hostile, [hostile], new Error(hostile), 7, [7], true, [id], [], {}, new Map(), ...literals]
  const members = "members" in field && Array.isArray(field.members) ? field.members : []
  const known = [...values, ...members.filter(isStruct).map((member) => member.make(hostileFields(member.fields)))]
  return known.find(Schema.is(field))
}

type Fields = Readonly<Record<string, Schema.Codec<unknown>>>

const isStruct = (member: object): member is { readonly fields: Fields; readonly make: (fields: object) => object } =>
  "fields" in member && "make" in member

/** Hostile texts in all fields whose type is known. */
const hostileFields = (fields: Fields): object =>
  Object.fromEntries(
    Object.entries(fields).filter(([key]) => key !== "_tag").map(([key, field]) => [key, valueFor(field)] as const)
      .filter(([, value]) => value !== undefined)
  )

/** An error with hostile texts in all fields whose type is known. */
const errorOf = (make: ErrorClass): Error => new make(hostileFields(make.fields))

describe("Control characters", () => {
  it("are escaped in the message of every error", () => {
    assert.isAbove(errorClasses.length, 25)
    const reached: Array<string> = []
    for (const [name, ErrorClass] of errorClasses) {
      const error = errorOf(ErrorClass)
      assertPrintable(error.message, name)
      assertPrintable(Cause.pretty(Cause.fail(error)), name)
      if (error.message.includes("\\u001b")) reached.push(name)
    }
    assert.isAbove(reached.length, 12, reached.join())
  })

  it("are unchanged in the fields of an error", () => {
    const error = new WorkflowParseError({ reason: hostile, cause: new SyntaxError(hostile) })
    assert.strictEqual(error.reason, hostile)
    assert.include(error.message, "\\u001b]0;owned\\u0007")
    assert.instanceOf(error.cause, SyntaxError)
    assertPrintable(Cause.pretty(Cause.fail(error)))
  })

  it.effect("are escaped in a quoted string that is not JSON", () =>
    Effect.gen(function*() {
      const error = yield* Effect.flip(read(`{"name": ${hostile}}`))
      assertPrintable(error.message)
      assertPrintable(Cause.pretty(Cause.fail(error)))
    }))

  it.effect("are escaped in the description of a workflow, with one line per entry", () =>
    Effect.gen(function*() {
      const label = `${hostile}\nfake: ok`
      const json = {
        ...file(
          [
            node("a", "add", "1.0.1", [input("a", 1, label), input("b", "x")], { label }),
            node("u", `type${hostile}`, "1.0.0", [input("x", hostile, label)]),
            node("s", "string", "1.0.1", [input("value", hostile, label)])
          ],
          [edge(`gone${hostile}`, "value", "a", "a")],
          [["a", "a"], ["a", "b"], ["s", "value"], ["u", "x"]]
        ),
        name: label,
        author: label,
        version: label,
        description: label
      }
      const workflow = yield* read(json)
      const other = yield* Workflow.setField(workflow, "s.value", `other${hostile}`)
      const problems = WorkflowBatch.validate(workflow)
      assert.isFalse(problems.isEmpty)
      const texts = [
        Workflow.describe(workflow),
        Workflow.toMermaid(workflow),
        Diff.format(Workflow.diff(workflow, other)),
        WorkflowProblems.format(problems),
        ...problems.workflow,
        ...[...problems.inputs.values()].flat(),
        ...workflow.inputs.map((each) => Workflow.formatValue(each) ?? ""),
        (yield* Effect.flip(WorkflowBatch.make(workflow))).message
      ]
      for (const text of texts) {
        assertPrintable(text)
        assert.notMatch(text, /^fake/m)
      }
      assert.include(texts[0], "\\u001b]0;owned")
      assertPrintable((yield* Effect.flip(Workflow.setInput(workflow, label, 1))).message)
      assertPrintable((yield* Effect.flip(Workflow.setInput(workflow, hostile, 1))).message)
    }).pipe(Effect.provide(resources())))

  it("are removed from a file name", () => {
    for (const character of [...controls, "\u061c", "\u200e", "\u200f", "\u2028", "\u2029", "\u202e", "\u2066"]) {
      assert.strictEqual(FileName.sanitize(`a${character}b.png`), "a_b.png")
    }
  })
})
