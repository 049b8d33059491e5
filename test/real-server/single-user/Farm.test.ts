import { Images } from "@effect-invokeai/core/server/Images"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import { Farm } from "@effect-invokeai/farm/Farm"
import * as FarmStore from "@effect-invokeai/farm/FarmStore"
import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import { url } from "../Support.ts"

const photo = new URL("../../../examples/mountain.png", import.meta.url).pathname
const thumbnail = new URL("../../../examples/soft-thumbnail.json", import.meta.url).pathname

const uploads = Images.use((images) => Stream.runCollect(images.list({ categories: ["user"] })))

describe("a farm", () => {
  it.live(
    "runs each row once, and leaves no upload and no item behind, even if its worker is stopped",
    () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const directory = yield* fs.makeTempDirectoryScoped()
        const before = (yield* uploads).length
        const farm = Farm.layer({
          servers: [{ url }],
          store: FarmStore.sqlite({ filename: `${directory}/farm.db` }),
          directory: `${directory}/out`
        })
        const rows = Array.from({ length: 8 }, (_, at) => ({ id: `row-${at}`, photo, width: 32 + at }))
        yield* Effect.gen(function*() {
          const farm = yield* Farm
          yield* farm.offer("night", thumbnail, rows)
          const worker = yield* Effect.forkScoped(farm.work)
          yield* Effect.repeat(farm.status("night"), { until: ({ completed }) => completed >= 2 })
          yield* Fiber.interrupt(worker)
        }).pipe(Effect.scoped, Effect.provide(Layer.fresh(farm)))
        const results = yield* Effect.gen(function*() {
          const farm = yield* Farm
          yield* Effect.raceFirst(farm.await("night"), farm.work)
          return yield* Stream.runCollect(farm.results("night"))
        }).pipe(Effect.provide(Layer.fresh(farm)))
        assert.deepStrictEqual(results.map(({ status }) => status), rows.map(() => "completed"))
        for (const { files, inputs } of results) assert.strictEqual(files[0]?.width, inputs["width"])
        assert.lengthOf(yield* fs.readDirectory(`${directory}/out/night`), rows.length)
        assert.strictEqual((yield* uploads).length, before)
        const { queue } = yield* SessionQueue.use((queue) => queue.status)
        assert.deepInclude(queue, { pending: 0, in_progress: 0 })
      }).pipe(Effect.scoped, Effect.provide([NodeInvokeAi.layer({ url }), NodeServices.layer])),
    60_000
  )
})
