import { AssetLedger, layerFile } from "@effect-invokeai/core/assets/AssetLedger"
import { JobJournal } from "@effect-invokeai/core/job/JobJournal"
import { Images } from "@effect-invokeai/core/server/Images"
import { Queue } from "@effect-invokeai/core/server/Queue"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import { client } from "../Client.ts"
import * as Support from "../Support.ts"
import { numbers, start } from "./processes.ts"

const kills = 20
const seed = 20260731

const Note = Schema.fromJsonString(Schema.Struct({
  batchId: Schema.String,
  sizes: Schema.Array(Schema.Array(Schema.Int))
}))

const allImages = Effect.map(Images.use((images) => images.names()), ({ image_names }) => [...image_names].toSorted())

it.layer(client(), { excludeTestServices: true })("a client process", (it) => {
  it.effect(
    `killed with -9 at ${kills} random moments has run each of its jobs once and leaves nothing behind`,
    () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const queue = yield* Queue
        const state = yield* fs.makeTempDirectoryScoped({ prefix: "effect-invokeai-crash-" })
        const before = yield* allImages
        const mark = `killed-${process.pid}`
        const random = numbers(seed)
        const log: Array<string> = []
        let tasks = 8
        const run = () => start("fixtures/client.ts", Support.url, state, mark, String(tasks))

        let killed = 0
        while (killed < kills) {
          const script = run()
          const ready = yield* Effect.promise(() => script.says(/^ready$/))
          assert.isTrue(ready, script.lines.join("\n"))
          yield* Effect.sleep(Math.floor(random() * 1500))
          script.process.kill("SIGKILL")
          const ended = yield* Effect.promise(() => script.ended)
          log.push(...script.lines.filter((line) => line !== "ready"))
          if (ended === "SIGKILL") {
            killed++
          } else {
            // The machine was faster than the kills: there is more to do.
            assert.strictEqual(ended, 0, script.lines.join("\n"))
            tasks += 4
          }
        }
        const left = yield* Effect.map(fs.readDirectory(state), (names) =>
          names.filter((name) => name.startsWith("done")))
        yield* Effect.logInfo(`killed ${killed} times; ${left.length} of ${tasks} tasks were done by then`)
        const last = run()
        assert.strictEqual(
          yield* Effect.promise(() =>
            last.ended
          ),
          0,
          last.lines.join("\n")
        )
        assert.include(last.lines, "finished")

        // Each task: one batch, both items completed, both results noted down.
        const items = (yield* queue.listAll()).filter((item) => item.origin?.startsWith(`${mark}-`) === true)
        for (let task = 0; task < tasks; task++) {
          const own = items.filter((item) => item.origin === `${mark}-${task}`)
          const note = yield* fs.readFileString(path.join(state, `done-${task}.json`)).pipe(
            Effect.flatMap(Schema.decodeUnknownEffect(Note))
          )
          assert.deepStrictEqual(
            own.map((item) => [item.batch_id, item.status]),
            [[note.batchId, "completed"], [note.batchId, "completed"]],
            `task ${task}; ${log.join("\n")}`
          )
          assert.strictEqual(note.sizes.length, 2)
        }
        assert.strictEqual(items.length, 2 * tasks)

        // No upload and no result is left on the server, nothing in the journal, nothing in the ledger.
        assert.deepStrictEqual(yield* allImages, before)
        const entries = JobJournal.use((journal) => journal.entries).pipe(
          Effect.provide(JobJournal.layerFolder(path.join(state, "jobs")))
        )
        assert.deepStrictEqual(yield* entries, [])
        const uploads = Effect.flatMap(AssetLedger, (ledger) => ledger.leftOver).pipe(
          Effect.provide(layerFile(path.join(state, "uploads.jsonl")).pipe(Layer.provide(NodeServices.layer)))
        )
        assert.deepStrictEqual(yield* uploads, [])
      }).pipe(Effect.scoped),
    180_000
  )
})
