import { WorkflowLibrary } from "@effect-invokeai/core/server/WorkflowLibrary"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { newerCalls } from "../../server/newerCalls.ts"
import { services } from "../suites/services.ts"
import * as Support from "../Support.ts"

it.layer(services(), { excludeTestServices: true })("What the version of the server lacks", (it) => {
  it.effect("is Unsupported, whatever the server responds", () =>
    Effect.gen(function*() {
      const lacking = (yield* newerCalls).filter(({ since }) => since === undefined || !Support.since(since))
      assert.isAbove(lacking.length, 1)
      for (const { call, operation, since } of lacking) {
        const { reason } = yield* Effect.flip(call)
        assert.deepStrictEqual(
          reason,
          {
            _tag: "Unsupported",
            version: Support.version,
            operation,
            ...(since === undefined ? {} : { since })
          },
          operation
        )
      }
    }))

  it.effect("is Unsupported if it is an input", () =>
    Effect.gen(function*() {
      const library = yield* WorkflowLibrary
      const callable = library.page({ page: 0, perPage: 1, callable: true })
      if (Support.since("6.14")) assert.isAbove((yield* callable).per_page, 0)
      else yield* Support.unsupported(callable)
    }))
})
