import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { root, start, temporaryFolder, withServer } from "./support.ts"

const demo = Path.join(root, "examples/demo.ts")

const imagesBelow = (folder: string) => Fs.globSync("**/*.png", { cwd: folder })

describe("the demo", () => {
  it.live(
    "lists the inputs and runs the workflow with the command, on the embedded simulator",
    () =>
      Effect.gen(function*() {
        const cwd = yield* temporaryFolder
        const { code, output } = yield* Effect.flatMap(start(demo, { cwd }), (program) => program.ended)
        assert.strictEqual(code, 0, output)
        assert.include(output, "Running on the simulator")
        assert.include(output, "$ effect-invokeai inputs ")
        assert.include(output, "--positive-prompt  ")
        assert.include(output, "$ effect-invokeai run ")
        assert.notInclude(output, "\u001b", "no terminal, no escape sequences")
        const [image, ...others] = imagesBelow(cwd)
        assert.deepStrictEqual(others, [])
        assert.include(output, image ?? "no image")
      }),
    60_000
  )

  it.live(
    "cancels the job and deletes its upload on the server if it is interrupted halfway",
    () =>
      withServer({ stepDuration: "300 millis" }, ({ simulator, url }) =>
        Effect.gen(function*() {
          const cwd = yield* temporaryFolder
          const program = yield* start(demo, { cwd, env: { INVOKEAI_URL: url } })
          yield* program.printed("FLUX Denoise")
          assert.isFalse((yield* simulator.leftovers).isClean)
          yield* program.interrupt
          const { code, output } = yield* program.ended
          assert.strictEqual(code, 130, output)
          assert.isTrue((yield* simulator.leftovers).isClean)
          assert.deepStrictEqual(imagesBelow(cwd), [])
        })),
    60_000
  )

  it.live(
    "lists the models that a server lacks, and leaves nothing there",
    () =>
      withServer({ models: [] }, ({ simulator, url }) =>
        Effect.gen(function*() {
          const cwd = yield* temporaryFolder
          const { code, output } = yield* Effect.flatMap(
            start(demo, { cwd, env: { INVOKEAI_URL: url } }),
            (program) => program.ended
          )
          assert.strictEqual(code, 3, output)
          for (const name of ["FLUX Dev (Quantized)", "T5 Encoder FLUX", "CLIP-L Encoder", "FLUX VAE"]) {
            assert.include(output, name)
          }
          const { images, items } = yield* simulator.state
          assert.deepStrictEqual([images, items], [[], []])
        })),
    60_000
  )
})
