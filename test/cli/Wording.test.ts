import { parse } from "@babel/parser"
import { assert, describe, it } from "@effect/vitest"
import * as Predicate from "effect/Predicate"
import * as Fs from "node:fs"
import * as Path from "node:path"
import * as Wording from "../../packages/cli/src/internal/wording.ts"
import { root } from "./support.ts"

/** The strings of a syntax tree, with `x` for each value in a template. */
const stringsOf = (node: unknown): ReadonlyArray<string> => {
  if (Array.isArray(node)) return node.flatMap(stringsOf)
  if (!Predicate.isObject(node) || !Predicate.hasProperty(node, "type")) return []
  if (node.type === "StringLiteral" && Predicate.hasProperty(node, "value")) return [String(node.value)]
  if (node.type === "TemplateLiteral" && Predicate.hasProperty(node, "quasis") && Array.isArray(node.quasis)) {
    const text = node.quasis.map((part: { readonly value: { readonly cooked: string } }) => part.value.cooked).join("x")
    return [text, ...stringsOf(Object.entries(node).flatMap(([key, value]) => key === "expressions" ? [value] : []))]
  }
  return Object.entries(node).flatMap(([key, value]) => key.endsWith("Comments") ? [] : stringsOf(value))
}

/** Parts of messages that name a function of the library: `Job.attach`, but no name of a span, which has no blank. */
const messagesOf = (file: string): ReadonlyArray<string> =>
  stringsOf(parse(Fs.readFileSync(file, "utf8"), { sourceType: "module", plugins: ["typescript"] }).program)
    .filter((text) => text.includes(" ") && text.length < 1000 && libraryFunction.test(text))

const libraryFunction = /\b[A-Z]\w+\.[a-z]\w+\b|\bjob\.\w+/

/** Messages that the command cannot have: about arguments of programs and about layers, which it provides. */
const ofPrograms = [/^a workflow, such as /, /Redacted\.make/, /ImageCodec\.layer/]

describe("Wording", () => {
  it("replaces every function that a message of the library names by what the user of the command does", () => {
    const files = ["core", "node"].flatMap((name) => {
      const directory = Path.join(root, "packages", name, "src")
      return Fs.readdirSync(directory, { recursive: true, encoding: "utf8" }).filter((file) => file.endsWith(".ts"))
        .map((file) => Path.join(directory, file))
    })
    const messages = files.flatMap(messagesOf).filter((text) => !ofPrograms.some((pattern) => pattern.test(text)))
    assert.isAbove(messages.length, 8)
    assert.deepStrictEqual(messages.map(Wording.ofCommand).filter((message) => libraryFunction.test(message)), [])
  })

  it("names the batch, the field and the board of the message", () => {
    assert.strictEqual(
      Wording.ofCommand("The job may be running: call Job.attach(\"b-1\") before you submit it again"),
      "The job may be running: run `effect-invokeai attach b-1` before you run it again"
    )
    assert.strictEqual(Wording.ofCommand("use Workflow.setField(\"a.b\", …)"), "use --set a.b=…")
  })

  it("keeps a message that names no function", () => {
    const message = "The server has no boards. Job 3 of a.b"
    assert.strictEqual(Wording.ofCommand(message), message)
  })
})
