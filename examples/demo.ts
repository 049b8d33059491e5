/** `pnpm demo`: the four use cases in a row. On the simulator, or on the server that INVOKEAI_URL names. */
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { listInputs } from "./01-list-inputs.ts"
import { setInputs } from "./02-set-inputs.ts"
import { submitAndFollow } from "./03-submit-and-follow.ts"
import { outputsAndCleanup } from "./04-outputs-and-cleanup.ts"
import { run } from "./lib/run.ts"

const heading = (text: string) => Console.log(`\n── ${text} ${"─".repeat(Math.max(3, 66 - text.length))}\n`)

run(Effect.gen(function*() {
  yield* heading("1. Load a workflow and list its inputs")
  const workflow = yield* listInputs
  yield* heading("2. Set the inputs")
  const ready = yield* setInputs(workflow)
  yield* heading("3. Submit and follow")
  const job = yield* submitAndFollow(ready)
  yield* heading("4. Outputs and cleanup")
  const files = yield* outputsAndCleanup(job)
  yield* Console.log(
    `\nDone. The images are here:\n${
      files.filter((file) => file.kind === "image").map((file) => `  ${file.path}`).join("\n")
    }`
  )
}))
