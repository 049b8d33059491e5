import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as ChildProcess from "node:child_process"
import * as Path from "node:path"
import { temporaryFolder, withServer } from "../examples/support.ts"
import { example, root } from "./support.ts"

const command = [
  process.execPath,
  Path.join(root, "packages/cli/src/bin.ts"),
  "run",
  example("flux-image-to-image.json"),
  "--image",
  example("mountain.png"),
  "--positive-prompt lighthouse --num-steps 4",
  "--vae-model 'FLUX VAE' --clip-embed-model 'CLIP-L Encoder' --t5-encoder-model 'T5 Encoder FLUX'"
].join(" ")

/** What the command writes to a terminal, with the variables that this terminal sets. */
const inTerminal = (cwd: string, env: Readonly<Record<string, string>>) =>
  Effect.callback<string>((resume) => {
    const { CI: _, KITTY_WINDOW_ID: __, TERM_PROGRAM: ___, ...inherited } = process.env
    const child = ChildProcess.spawn("script", ["-qec", `stty cols 100 rows 40; ${command}`, "/dev/null"], {
      cwd,
      env: { ...inherited, TERM: "xterm-256color", ...env },
      stdio: ["ignore", "pipe", "ignore"]
    })
    let output = ""
    child.stdout.setEncoding("utf8").on("data", (text: string) => void (output += text))
    child.on("close", () => resume(Effect.succeed(output)))
  })

// oxlint-disable-next-line no-control-regex -- these are what terminals read
const images = { kitty: /\u001b_Gf=100/, iTerm2: /\u001b\]1337;File=/, sixel: /\u001bP0;0;q/ }

describe.skipIf(ChildProcess.spawnSync("script", ["--version"]).status !== 0)("run in a terminal", () => {
  for (
    const [terminal, protocol, env] of [
      ["kitty", "kitty", { KITTY_WINDOW_ID: "1" }],
      ["the terminal of VS Code", "iTerm2", { TERM_PROGRAM: "vscode", TERM_PROGRAM_VERSION: "1.100.0" }],
      ["mlterm", "sixel", { TERM: "mlterm" }],
      ["a terminal without images", undefined, {}]
    ] as const
  ) {
    it.live(`shows a bar${protocol === undefined ? " only" : ` and the preview as ${protocol} image`} in ${terminal}`, () =>
      withServer({ nodeDuration: "100 millis", stepDuration: "150 millis" }, ({ url }) =>
        Effect.gen(function*() {
          const output = yield* inTerminal(yield* temporaryFolder, { ...env, INVOKEAI_URL: url })
          assert.match(output, /█+░+ +\d+ % {2}FLUX/)
          assert.match(output, /outputs\/[\w-]+\.png/)
          for (const [name, pattern] of Object.entries(images)) {
            assert.strictEqual(pattern.test(output), name === protocol, name)
          }
        })))
  }
})
