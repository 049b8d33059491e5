import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import { Buffer } from "node:buffer"
import { gzipSync } from "node:zlib"
import { catalogLayer, file, png, readJson } from "../workflow/support.ts"

const reasonOf = (json: unknown) =>
  Workflow.fromJson(json).pipe(
    Effect.flip,
    Effect.map((error) => error.message.replace(/^Could not read the workflow(?: from JSON text)?: /, "")),
    Effect.provide(catalogLayer())
  )

const fromBytes = (bytes: Uint8Array) =>
  Workflow.fromFile("w.json").pipe(
    Effect.provide(Layer.merge(catalogLayer(), FileSystem.layerNoop({ readFile: () => Effect.succeed(bytes) })))
  )

const fileReason = (bytes: Uint8Array) =>
  Effect.map(
    Effect.flip(fromBytes(bytes)),
    (error) => error.message.replace("Could not read the workflow from w.json: ", "")
  )

const workflow = JSON.stringify({ ...file([], [], []), name: "größer 🦉" }, null, 2)

describe("A JSON syntax error", () => {
  it.effect("reports expected and found, with line and column", () =>
    Effect.gen(function*() {
      const cases: ReadonlyArray<readonly [text: string, reason: string]> = [
        ["{\n  \"edges\": [\n    ,\n    {}\n  ]\n}", "a value, found ',' (line 3, column 5)"],
        ["{\n  \"name\": \"half\",\n  \"nodes\": [\n    {}", "',' or ']', the text ends too early (line 4, column 7)"],
        ["{\r\n  \"a\": 1,\r}", "a property name in double quotes, found '}' (line 3, column 1)"],
        ["{ 'a': 1 }", "a property name in double quotes, found ''' (line 1, column 3)"],
        ["{ \"a\" 1 }", "':', found '1' (line 1, column 7)"],
        ["[1] // end", "the end of the text, found '/' (line 1, column 5)"],
        ["[\"a\nb\"]", "the end of the string, or an escape such as \\n, found U+000A (line 1, column 4)"],
        ["[\"\\x41\"]", "an escape such as \\n or \\u00e9, found '\\' (line 1, column 3)"],
        ["[NaN]", "a value, found 'N' (line 1, column 2)"],
        ["[\u202e1]", "a value, found U+202E (line 1, column 2)"],
        ["[01]", "',' or ']', found '1' (line 1, column 3)"],
        ["\"abc", "the end of the string, the text ends too early (line 1, column 5)"]
      ]
      for (const [text, reason] of cases) {
        assert.strictEqual(yield* reasonOf(text), `it is not JSON: expected ${reason}`)
      }
    }))

  it.effect("has a position wherever the text is damaged", () =>
    Effect.gen(function*() {
      const text = JSON.stringify({ "a\\\"": [1.5e-7, -0, true, null, "\u2028🦉", {}, []], b: { c: ["x"] } }, null, 1)
      for (let at = 0; at < text.length; at++) {
        for (const insert of [",", "\"", "}", "]", "\\", "0", "-", "\n", "", "tru"]) {
          const damaged = text.slice(0, at) + insert + text.slice(insert === "" ? at + 1 : at)
          const isJson = yield* Effect.match(Effect.try((): unknown => JSON.parse(damaged)), {
            onFailure: () => false,
            onSuccess: () => true
          })
          const reason = yield* reasonOf(damaged)
          assert.strictEqual(/\(line \d+, column \d+\)$/.test(reason), !isJson, `${damaged}\n${reason}`)
        }
      }
    }))
})

describe("A file that is not a workflow", () => {
  it.effect("is recognized by its content", () =>
    Effect.gen(function*() {
      const text = (content: string) => fileReason(Buffer.from(content))
      assert.match(yield* text("\n<!DOCTYPE html><html>"), /^it is an HTML page/)
      assert.match(yield* text("version https://git-lfs.github.com/spec/v1\noid sha256:0\n"), /git lfs pull/)
      assert.match(yield* reasonOf(Buffer.from(png()).toString("utf8")), /^it is a PNG image/)
      assert.match(yield* fileReason(new Uint8Array([0xff, 0xd8, 0xff, 0xe0])), /^it is a JPEG image/)
      assert.match(yield* text("RIFF\0\0\0\0WEBPVP8 "), /^it is a WebP image/)
      assert.match(yield* fileReason(gzipSync(workflow)), /gzip/)
      assert.match(yield* text("PK\u0003\u0004"), /^it is a ZIP archive/)
      assert.strictEqual(yield* fileReason(new Uint8Array()), "it is empty")
      const latin = workflow.replace("🦉", "")
      const line = latin.slice(0, latin.indexOf("ö")).split("\n")
      assert.strictEqual(
        yield* fileReason(Buffer.from(latin, "latin1")),
        `its encoding is not UTF-8 (line ${line.length}, column ${line.at(-1)!.length + 1}): save it as UTF-8`
      )
    }))

  it.effect("is recognized by its structure", () =>
    Effect.gen(function*() {
      const graph = { nodes: {}, edges: [] }
      assert.match(yield* reasonOf({ workflow: file([], [], []) }), /pass its property "workflow"$/)
      assert.match(yield* reasonOf({ batch: { graph, runs: 1 } }), /^it is the body of an enqueue request/)
      assert.match(yield* reasonOf(graph), /^it is an API graph/)
      assert.match(yield* reasonOf({ graph }), /^it is an API graph/)
      assert.match(yield* reasonOf({ nodes: [], links: [], version: 0.4 }), /^it is a ComfyUI workflow/)
      assert.match(yield* reasonOf({ 3: { class_type: "KSampler", inputs: {} } }), /ComfyUI workflow in API format/)
      assert.strictEqual(yield* reasonOf([]), "expected a JSON object, got a list of 0 items")
      assert.strictEqual(
        yield* reasonOf({}),
        "no schema version; save the workflow with Save to File in InvokeAI's workflow editor (at meta.version)"
      )
    }))
})

describe("Workflow.fromFile", () => {
  it.effect("reads UTF-8 and UTF-16, with and without a byte order mark", () =>
    Effect.gen(function*() {
      const little = Buffer.from(workflow, "utf16le")
      const big = Buffer.from(little).swap16()
      const mark = Buffer.from("\uFEFF", "utf16le")
      const files = [
        Buffer.from(workflow),
        Buffer.from(`\uFEFF${workflow}`),
        little,
        big,
        Buffer.concat([mark, little]),
        Buffer.concat([Buffer.from(mark).swap16(), big])
      ]
      for (const bytes of files) assert.strictEqual((yield* fromBytes(bytes)).definition.name, "größer 🦉")
    }))

  it.effect("reads the same workflow as fromJson", () =>
    Effect.gen(function*() {
      const json = readJson("examples/flux-image-to-image.json")
      const read = yield* fromBytes(Buffer.from(JSON.stringify(json)))
      assert.deepStrictEqual(
        read.definition,
        (yield* Effect.provide(Workflow.fromJson(json), catalogLayer())).definition
      )
    }))
})
