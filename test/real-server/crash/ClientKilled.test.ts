import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import { client } from "../Client.ts"
import * as Support from "../Support.ts"
import * as Orders from "./orders.ts"
import { numbers } from "./processes.ts"

const kills = 20

it.layer(client(), { excludeTestServices: true })("A client process", (it) => {
  it.effect(
    `runs each of its jobs once and leaves nothing on the server if it is killed with -9 at ${kills} random moments`,
    () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const before = yield* Orders.allImages
        const options: Orders.OrderOptions = {
          url: Support.url,
          state: yield* fs.makeTempDirectoryScoped({ prefix: "effect-invokeai-crash-" }),
          mark: `killed-${process.pid}`,
          orders: 20,
          failEvery: 5,
          kills,
          random: numbers(20260731)
        }
        const run = yield* Orders.run(options)
        yield* Effect.logInfo(`${run.kills} kills in ${run.starts} starts`)
        assert.isTrue(run.isComplete, run.log.join("\n"))
        assert.strictEqual(run.failures, 0, run.log.join("\n"))
        // the last orders can be done before the last moments
        assert.isAtLeast(run.kills, kills - 4)
        for (const { problems, promise } of yield* Orders.check(options, before)) {
          assert.deepStrictEqual(problems, [], `${promise}; ${run.log.join("\n")}`)
        }
      }).pipe(Effect.scoped),
    240_000
  )
})
