import * as Snapshot from "@effect-invokeai/core/catalog/Snapshot"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { programsOf, withoutModel } from "../../scripts/lib/examples.ts"
import { root, start, temporaryFolder, withServer } from "./support.ts"

const readme = Fs.readFileSync(Path.join(root, "README.md"), "utf8")
const [withPromises = "", withEffect = ""] = programsOf("README.md")

/** A file that Node can run: its imports are found from the root of the repository. */
const fileOf = (code: string) =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const folder = Path.join(root, ".doctest")
      Fs.mkdirSync(folder, { recursive: true })
      const file = Path.join(folder, `readme-${process.pid}.ts`)
      Fs.writeFileSync(file, code)
      return file
    }),
    (file) => Effect.sync(() => Fs.rmSync(file))
  )

/** Runs a program in a directory with `workflow.json` and `photo.png`; its output, and the size of the one image that it wrote. */
const imageOf = (code: string, workflow: string) =>
  withServer({}, ({ simulator, url }) =>
    Effect.gen(function*() {
      const cwd = yield* temporaryFolder
      Fs.copyFileSync(Path.join(root, workflow), Path.join(cwd, "workflow.json"))
      Fs.copyFileSync(Path.join(root, "examples/mountain.png"), Path.join(cwd, "photo.png"))
      const program = yield* start(yield* fileOf(code), { cwd, env: { INVOKEAI_URL: url } })
      const ended = yield* program.ended
      assert.strictEqual(ended.code, 0, ended.output)
      const [file = "", ...others] = Fs.readdirSync(Path.join(cwd, "outputs"))
      assert.deepStrictEqual(others, [])
      assert.include(ended.output, Path.join("outputs", file))
      assert.isTrue((yield* simulator.leftovers).isClean)
      const png = Fs.readFileSync(Path.join(cwd, "outputs", file))
      return [png.readUInt32BE(16), png.readUInt32BE(20)]
    }))

describe("the README", () => {
  it.live("shows in its image what the commands print, and the image that they generate", () =>
    Effect.gen(function*() {
      const script = yield* start(Path.join(root, "scripts/picture.ts"), { cwd: root, args: ["--check"] })
      const { code, output } = yield* script.ended
      assert.strictEqual(code, 0, output)
    }), 60_000)

  it("opens with two short programs", () => {
    assert.isAtMost(withPromises.trim().split("\n").length, 4)
    assert.isAtMost(withEffect.trim().split("\n").length, 12)
  })

  it.live("has a promise program that runs unchanged", () =>
    Effect.gen(function*() {
      assert.include(withPromises, "InvokeAiPromise")
      assert.deepStrictEqual(yield* imageOf(withPromises, "test/fixtures/workflows/text-to-image.json"), [128, 128])
    }), 60_000)

  it.live("has an Effect program that runs unchanged", () =>
    Effect.gen(function*() {
      assert.include(withEffect, "Effect.gen")
      assert.deepStrictEqual(yield* imageOf(withEffect, "test/fixtures/workflows/text-to-image.json"), [128, 128])
    }), 60_000)

  it.live("turns the promise program into one that runs without a model", () =>
    Effect.gen(function*() {
      const changed = withoutModel()
      assert.include(changed, "photo.png")
      assert.strictEqual(changed.split("\n").length, withPromises.split("\n").length)
      assert.deepStrictEqual(yield* imageOf(changed, "examples/soft-thumbnail.json"), [320, 256])
    }), 60_000)

  it.effect("lists the inputs of the example workflow as describe does", () =>
    Effect.gen(function*() {
      const workflow = yield* Workflow.fromFile(Path.join(root, "examples/soft-thumbnail.json"))
      const list = /```text\n(Inputs: [\s\S]*?)```/.exec(readme)?.[1] ?? ""
      assert.include(list, "softness")
      assert.include(Workflow.describe(workflow), list)
    }).pipe(Effect.provide([NodeServices.layer, Snapshot.layer])))
})
