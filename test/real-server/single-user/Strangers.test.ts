import * as Fault from "@effect-invokeai/testing/Fault"
import { NodeSimulator } from "@effect-invokeai/testing/NodeSimulator"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { hasFault } from "../serverFaults.ts"
import { runPython } from "../strangers/PythonClient.ts"
import * as Support from "../Support.ts"

describe("the Python package invokeai-py-client", () => {
  it.live("behaves the same on the simulator as on the real server", () =>
    Effect.gen(function*() {
      const workflow = Support.workflowFile("image-blur")
      if (hasFault("failsAfterCreatingBoards")) {
        const error = yield* Effect.flip(runPython("client.py", Support.url, workflow))
        return assert.include(error.message, "create_board")
      }
      const real = yield* runPython("client.py", Support.url, workflow)
      const simulated = yield* Effect.flatMap(NodeSimulator, ({ url }) => runPython("client.py", url.origin, workflow))
        .pipe(
          Effect.provide(NodeSimulator.layer({ nodeDuration: "5 millis" }))
        )
      assert.deepStrictEqual(simulated, real)
      assert.includeMembers(Object.keys(real), ["board", "upload", "inputs", "run", "run by events", "left"])
    }).pipe(Effect.provide(NodeServices.layer)), 300_000)

  it.live("behaves as the guide \"from Python\" says", () =>
    Effect.gen(function*() {
      const guide = Fs.readFileSync(Path.join(import.meta.dirname, "../../../docs/guides/from-python.md"), "utf8")
      const calls = Array.from(guide.matchAll(/^\| (`.*?) +\|/gm), ([, cell = ""]) => cell).join(" ")
      const names = Array.from(calls.matchAll(/\b([a-z]+_[a-z_]+)\b(?!\))/g), ([, name = ""]) => name)
      assert.isAbove(names.length, 15)
      const { url } = yield* NodeSimulator
      const printed = yield* runPython("guide.py", url.origin, Support.workflowFile("text-only"), ...names)
      assert.deepStrictEqual(printed, {
        "unknown": [],
        "refuses schema version 4": true,
        "items": 2,
        "subscribes after enqueueing": true
      })
    }).pipe(
      Effect.provide(NodeSimulator.layer({
        faults: [Fault.http(
          { method: "POST", path: "/api/v1/queue/{queue_id}/enqueue_batch" },
          Fault.status(503, "busy", { handled: true })
        )]
      })),
      Effect.provide(NodeServices.layer)
    ), 300_000)
})
