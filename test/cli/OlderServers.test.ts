/** The command with servers that lack what later versions have. */
import * as CommandResult from "@effect-invokeai/cli/CommandResult"
import { InvokeAiError } from "@effect-invokeai/core/InvokeAiError"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Failure from "../../packages/cli/src/internal/failure.ts"
import { withServer } from "../examples/support.ts"
import { data, example } from "./support.ts"

describe("The command, with an older server", () => {
  it.live("lists what the version lacks, by the release that has it, and finds nothing wrong", () =>
    withServer({ version: "6.8.1" }, ({ url }) =>
      Effect.gen(function*() {
        const { data: found } = yield* data(CommandResult.Doctor, ["doctor"], { env: { INVOKEAI_URL: url } })
        assert.isTrue(found.healthy)
        const [version, lacks] = found.findings.filter(({ subject }) => subject === "version")
        assert.deepStrictEqual([version?.message, lacks?.status], ["InvokeAI 6.8.1", "ok"])
        assert.strictEqual(
          lacks?.message,
          "Not in this version: workflows.tags (InvokeAI 6.10); auth, models.getByHash, models.missing (InvokeAI 6.12); " +
            "workflows.setPublic, utilities.expandPrompt, utilities.imageToPrompt (InvokeAI 6.13); " +
            "app.generationDeviceOptions, queue.itemSummariesByIds, systemPrompts, videos (InvokeAI 6.14)."
        )
      })))

  it.live.each(["6.3.0", "6.13.8"] as const)(
    "lists the items of the queue (%s)",
    (version) =>
      withServer({ version, nodeDuration: "30 seconds" }, ({ url }) =>
        Effect.gen(function*() {
          const env = { INVOKEAI_URL: url }
          const args = ["run", example("soft-thumbnail.json"), "--photo", example("mountain.png"), "--runs", "2"]
          const { data: run } = yield* data(CommandResult.Run, [...args, "--detach"], { env })
          const { data: queue } = yield* data(CommandResult.Queue, ["queue"], { env })
          assert.deepStrictEqual(queue.items.map(({ batchId }) => batchId), [run.batchId, run.batchId])
          yield* data(CommandResult.Cancel, ["cancel", run.batchId], { env })
        }))
  )
})

describe("A failure because of the version", () => {
  it("has the exit code of a refused request, and a remedy", () => {
    const found = Failure.ofError(
      new InvokeAiError({
        reason: { _tag: "Unsupported", version: "6.8.1", operation: "GET /api/v1/videos/names", since: "6.14" },
        method: "GET",
        path: "/api/v1/videos/names",
        status: 404,
        detail: "Not Found"
      })
    )
    assert.strictEqual(found.exitCode, CommandResult.ExitCode.server)
    assert.include(found.failure.message, "it needs InvokeAI 6.14 or later")
    assert.include(found.failure.help, "Update InvokeAI")
  })
})
