import * as CommandResult from "@effect-invokeai/cli/CommandResult"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { temporaryFolder, withServer } from "../examples/support.ts"
import { data, example } from "./support.ts"

const image = ["--image", example("mountain.png")]
const values = [
  ...image,
  "--positive-prompt",
  "a lighthouse",
  "--num-steps",
  "4",
  "--vae-model",
  "FLUX VAE",
  "--clip-embed-model",
  "CLIP-L Encoder",
  "--t5-encoder-model",
  "T5 Encoder FLUX"
]

describe("reproduce", () => {
  it.live("uses the seed of the image, even if it is one of several in a batch", () =>
    withServer({ nodeDuration: 0, stepDuration: 0 }, ({ url }) =>
      Effect.gen(function*() {
        const cwd = yield* temporaryFolder
        const options = { cwd, env: { INVOKEAI_URL: url } }
        const flux = example("flux-image-to-image.json")
        const { data: made } = yield* data(
          CommandResult.Run,
          ["run", flux, ...values, "--runs", "3", "--seed", "perRun"],
          options
        )
        assert.strictEqual(new Set(made.seeds).size, 3)
        for (const [index, { name }] of made.images.entries()) {
          const { data: again } = yield* data(CommandResult.Run, ["reproduce", name, ...image], options)
          assert.deepStrictEqual(again.seeds, made.seeds.slice(index, index + 1))
        }
        const { data: last } = yield* data(
          CommandResult.Run,
          ["reproduce", made.files[2]?.path ?? "", ...image, "--out", "again"],
          options
        )
        assert.deepStrictEqual(last.seeds, made.seeds.slice(2))
      })))
})
