import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { root, start, temporaryFolder, withServer } from "./support.ts"

/** The first program in the README, as a file that Node can run. Its imports are found from the root of the repository. */
const program = Effect.acquireRelease(
  Effect.sync(() => {
    const code = /```ts\n([\s\S]*?)```/.exec(Fs.readFileSync(Path.join(root, "README.md"), "utf8"))?.[1] ?? ""
    assert.include(code, "Workflow.fromFile")
    const folder = Path.join(root, ".doctest")
    Fs.mkdirSync(folder, { recursive: true })
    const file = Path.join(folder, `readme-${process.pid}.ts`)
    Fs.writeFileSync(file, code)
    return { code, file }
  }),
  ({ file }) => Effect.sync(() => Fs.rmSync(file))
)

describe("the program in the README", () => {
  it.live("is short", () =>
    Effect.gen(function*() {
      const { code } = yield* program
      assert.isAtMost(code.trim().split("\n").length, 27)
    }))

  it.live("runs as it is", () =>
    withServer({}, ({ simulator, url }) =>
      Effect.gen(function*() {
        const { file } = yield* program
        const cwd = yield* temporaryFolder
        Fs.copyFileSync(Path.join(root, "examples/soft-thumbnail.json"), Path.join(cwd, "workflow.json"))
        Fs.copyFileSync(Path.join(root, "examples/mountain.png"), Path.join(cwd, "photo.png"))
        const { code, output } = yield* Effect.flatMap(
          start(file, { cwd, env: { INVOKEAI_URL: url } }),
          (running) => running.ended
        )
        assert.strictEqual(code, 0, output)
        const begin = /```text\n(Inputs: [\s\S]*?)```/.exec(Fs.readFileSync(Path.join(root, "README.md"), "utf8"))?.[1]
        assert.include(output, begin ?? "the README shows how the output begins")
        assert.include(output, "InvocationComplete")
        const files = Fs.readdirSync(Path.join(cwd, "outputs")).toSorted()
        assert.strictEqual(files.length, 2)
        assert.strictEqual(files[1], `${files[0]}.json`)
        const png = Fs.readFileSync(Path.join(cwd, "outputs", files[0]!))
        assert.deepStrictEqual([png.readUInt32BE(16), png.readUInt32BE(20)], [320, 240])
        assert.isTrue((yield* simulator.leftBehind).isNothing)
      })), 60_000)
})
