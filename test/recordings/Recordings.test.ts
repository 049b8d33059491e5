import type { ServerVersion } from "@effect-invokeai/testing/ServerProfile"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { runScenario } from "./run.ts"
import { scenarios } from "./scenarios.ts"

for (const [version, names] of Object.entries(scenarios) as ReadonlyArray<[ServerVersion, ReadonlyArray<string>]>) {
  describe(`the simulator responds as ${version} did`, () => {
    for (const name of names) {
      it.effect(name, () =>
        Effect.gen(function*() {
          const result = yield* runScenario(version, name)
          assert.deepStrictEqual(result.differences, [])
          assert.isAbove(result.requests, 0)
        }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
    }
  })
}
