import { NodeSimulator } from "@effect-invokeai/node/NodeSimulator"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { tell } from "../strangers/PythonClient.ts"
import * as Support from "../Support.ts"

describe("the Python package invokeai-py-client", () => {
  it.live("does on the simulator what it does on the real server", () =>
    Effect.gen(function*() {
      const workflow = Support.workflowFile("image-blur")
      const real = yield* tell(Support.url, workflow)
      const simulated = yield* Effect.flatMap(NodeSimulator, ({ url }) => tell(url.origin, workflow)).pipe(
        Effect.provide(NodeSimulator.layer({ nodeDuration: "5 millis" }))
      )
      assert.deepStrictEqual(simulated, real)
      assert.includeMembers(Object.keys(real), ["board", "upload", "inputs", "run", "run by events", "left"])
    }).pipe(Effect.provide(NodeServices.layer)), 300_000)
})
