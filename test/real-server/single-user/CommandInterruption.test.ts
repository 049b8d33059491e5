import { Images } from "@effect-invokeai/core/server/Images"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import { assert, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Stream from "effect/Stream"
import { example, start } from "../../cli/support.ts"
import { randomOf } from "../../random.ts"
import { client } from "../Client.ts"
import * as Support from "../Support.ts"

const runs = 20

/** The names of the uploaded images. */
const uploads = Effect.gen(function*() {
  const images = yield* Images
  const found = yield* Stream.runCollect(images.list({ categories: ["user"], isIntermediate: false }))
  const others = yield* Stream.runCollect(images.list({ categories: ["user"], isIntermediate: true }))
  return [...found, ...others].map((image) => image.image_name).toSorted()
})

it.layer(client(), { excludeTestServices: true })("Ctrl-C during run on the real server", (it) => {
  it.effect(`leaves no upload and no running item at ${runs} random moments`, () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const queue = yield* SessionQueue
      const cwd = yield* fs.makeTempDirectoryScoped()
      const before = yield* uploads
      const random = randomOf(20)
      const run = (count: number) => {
        const args = ["run", example("soft-thumbnail.json"), "--photo", example("mountain.png"), "--json"]
        return start([...args, "--runs", String(count)], { cwd, env: { INVOKEAI_URL: Support.url } })
      }
      // how long a short run takes depends on the machine
      const [duration] = yield* Effect.timed(Effect.scoped(Effect.flatMap(run(1), (command) => command.ended)))
      const millis = Math.round(Duration.toMillis(duration))
      const moments = Array.from(
        { length: runs },
        () => Math.round(millis / 3) + random.below(Math.round(millis * 1.3))
      )
      const codes = yield* Effect.forEach(moments, (moment) =>
        Effect.scoped(Effect.gen(function*() {
          const command = yield* run(40)
          yield* Effect.sleep(moment)
          yield* command.interrupt
          const { code, stderr } = yield* command.ended
          // a process that does not listen for signals yet has no exit code
          assert.include([130, null], code, stderr)
          return code
        })), { concurrency: 2 })
      assert.isAbove(
        codes.filter((code) => code === 130).length,
        runs / 2
      )
      assert.deepStrictEqual(yield* uploads, before)
      const { queue: { in_progress, pending } } = yield* queue.status
      assert.deepStrictEqual([in_progress, pending], [0, 0])
    }), 120_000)
})
