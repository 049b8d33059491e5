import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { temporaryFolder, withServer } from "../examples/support.ts"
import { example, parse, start } from "./support.ts"

const run = ["run", example("soft-thumbnail.json"), "--photo", example("mountain.png"), "--runs", "3", "--json"]

describe("Ctrl-C during run", () => {
  it.live(
    "exits with 130 at any moment, and leaves no upload and no running item on the server",
    () =>
      withServer(
        { nodeDuration: "150 millis", stepDuration: "30 millis" },
        ({ simulator, url }) =>
          Effect.gen(function*() {
            const cwd = yield* temporaryFolder
            for (const moment of [0.3, 0.6, 0.9, 1.2, 1.6, 2]) {
              yield* Effect.scoped(Effect.gen(function*() {
                const command = yield* start(run, { cwd, env: { INVOKEAI_URL: url } })
                yield* Effect.sleep(`${moment} seconds`)
                yield* command.interrupt
                const { code, stderr, stdout } = yield* command.ended
                // a process that does not listen for signals yet has no exit code; a fast one may have completed
                assert.include([130, null, 0], code, stderr)
                if (code === 130) assert.isFalse(parse(Schema.Unknown, stdout).result.ok)
              }))
              const { isClean, ...left } = yield* simulator.leftovers
              assert.isTrue(isClean, `after ${moment} seconds: ${JSON.stringify(left)}`)
            }
          })
      ),
    60_000
  )
})

describe("A closed terminal during run", () => {
  it.live(
    "cancels the job and deletes the uploads, as Ctrl-C does",
    () =>
      withServer({ nodeDuration: "10 seconds" }, ({ simulator, url }) =>
        Effect.gen(function*() {
          const cwd = yield* temporaryFolder
          const command = yield* start(run, { cwd, env: { INVOKEAI_URL: url } })
          yield* command.printed(`"submitted"`)
          yield* command.hangUp
          assert.strictEqual((yield* command.ended).code, 130)
          const { isClean, ...left } = yield* simulator.leftovers
          assert.isTrue(isClean, JSON.stringify(left))
        })),
    30_000
  )
})
