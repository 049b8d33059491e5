import { assert, describe, it } from "@effect/vitest"
import * as Result from "effect/Result"
import * as Schema from "effect/Schema"
import * as FileName from "../../packages/core/src/assets/internal/FileName.ts"

const bytes = (text: string) => new TextEncoder().encode(text).length

const hostile: ReadonlyArray<readonly [string, string]> = [
  ["../../etc/passwd", "__.._etc_passwd"],
  ["..", "_"],
  [".", "_"],
  ["", "unnamed"],
  ["   ", "unnamed"],
  ["C:\\Windows\\system32", "C__Windows_system32"],
  ["a\0b.png", "a_b.png"],
  ["nul", "_nul"],
  ["NUL.png", "_NUL.png"],
  ["con .txt", "_con .txt"],
  ["com1.tar.gz", "_com1.tar.gz"],
  ["LPT³", "_LPT³"],
  ["conform.png", "conform.png"],
  [".bashrc", "_bashrc"],
  ["name. . ", "name"],
  ["photo\u202egnp.exe", "photo_gnp.exe"],
  ["line\nbreak\ttab", "line_break_tab"],
  ["a<b>c:d\"e|f?g*h", "a_b_c_d_e_f_g_h"],
  ["lone \ud800 surrogate", "lone _ surrogate"],
  ["Bild 🏔️ Żółć.png", "Bild 🏔️ Żółć.png"],
  ["e\u0301.png", "é.png"]
]

describe("FileName.sanitize", () => {
  it.each(hostile)("%j becomes %j", (name, expected) => {
    assert.strictEqual(FileName.sanitize(name), expected)
  })

  it("shortens a long name before its extension, and keeps two such names distinct", () => {
    const first = FileName.sanitize(`${"ü".repeat(300)}a.png`)
    const second = FileName.sanitize(`${"ü".repeat(300)}b.png`)
    assert.isAtMost(bytes(first), FileName.maxBytes)
    assert.match(first, /^ü+~[0-9a-f]{8}\.png$/)
    assert.notStrictEqual(first, second)
  })

  it("uses the fallback if no character is visible", () => {
    assert.strictEqual(FileName.sanitize("\u200b \n", { fallback: "node-1" }), "node-1")
    assert.strictEqual(FileName.sanitize("...", { fallback: ".." }), "unnamed")
  })

  it.prop("returns one safe segment for any string, and is idempotent", [Schema.String], ([text]) => {
    const name = FileName.sanitize(`${text}/..\\${text}`)
    assert.notMatch(name, /[/\\\0<>:"|?*]/)
    assert.notInclude([".", "..", ""], name)
    assert.isAtMost(bytes(name), FileName.maxBytes)
    assert.strictEqual(FileName.sanitize(name), name)
  })
})

describe("FileName helpers", () => {
  it("add an extension once, and keep it when they number a name", () => {
    assert.strictEqual(FileName.withExtension("a", "png"), "a.png")
    assert.strictEqual(FileName.withExtension("a.PNG", "png"), "a.PNG")
    assert.strictEqual(FileName.withExtension("a.png", "webp"), "a.png.webp")
    assert.strictEqual(FileName.numbered("a.png", 2), "a-2.png")
    assert.strictEqual(FileName.stem("0f3.tar.png"), "0f3.tar")
    assert.strictEqual(FileName.collisionKey("ÄB.png"), FileName.collisionKey("a\u0308b.PNG"))
  })
})

const rendered = (source: string, values: FileName.TemplateValues) =>
  Result.map(FileName.parseTemplate(source), (template) => FileName.render(template, values))

describe("FileName templates", () => {
  it("fill placeholders, pad numbers and separate directories", () => {
    assert.deepStrictEqual(
      rendered("{workflow}/{batch}/{label}-{index:4}-{seed}", {
        workflow: "flux",
        batch: "b-1",
        label: "Save",
        index: 7,
        seed: 42
      }),
      Result.succeed(["flux", "b-1", "Save-0007-42"])
    )
    assert.deepStrictEqual(rendered("{{{name}}}", { name: "x" }), Result.succeed(["{x}"]))
  })

  it("never treat a value as a path", () => {
    assert.deepStrictEqual(
      rendered("{workflow}/{label}", { workflow: "..", label: "../../x" }),
      Result.succeed(["_", "__.._x"])
    )
    assert.deepStrictEqual(rendered("{label}/{label}", { label: "a/b\\c" }), Result.succeed(["a_b_c", "a_b_c"]))
  })

  it.each([
    ["../{name}", "`..` would leave the directory"],
    ["/{name}", "is empty"],
    ["{nme}", "not a placeholder"],
    ["{name", "not closed"],
    ["{index:x}", "digits"],
    ["{constructor}", "not a placeholder"]
  ])("reject %j", (source, problem) => {
    const result = FileName.parseTemplate(source)
    assert(Result.isFailure(result))
    assert.include(result.failure.message, problem)
  })
})
