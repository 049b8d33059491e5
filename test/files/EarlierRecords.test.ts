/** `fixtures/earlier` has a journal and a ledger that the library wrote before its names changed. */
import { AssetLedger, layerFile } from "@effect-invokeai/core/assets/AssetLedger"
import { JobJournal } from "@effect-invokeai/core/job/JobJournal"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import { fileURLToPath } from "node:url"

const earlier = fileURLToPath(new URL("./fixtures/earlier", import.meta.url))

/** A copy, because opening a record locks it and may shorten it. */
const copied = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const directory = yield* fs.makeTempDirectoryScoped()
  yield* fs.copy(earlier, directory, { overwrite: true })
  return directory
})

describe("Records of an earlier version", () => {
  it.live("have every job of the journal, with its key, batch and stage", () =>
    Effect.gen(function*() {
      const directory = yield* copied
      yield* Effect.gen(function*() {
        const journal = yield* JobJournal
        const jobs = yield* journal.entries
        assert.deepStrictEqual(
          jobs.map(({ batchId, key, nodes, prepend, size, stage }) => ({ batchId, key, nodes, prepend, size, stage }))
            .toSorted((one, other) => one.batchId < other.batchId ? -1 : 1),
          [
            {
              batchId: "sent",
              key: "first",
              nodes: [["picture", "The picture", "blank_image"]],
              prepend: true,
              size: 2,
              stage: "sending"
            },
            {
              batchId: "taken",
              key: undefined,
              nodes: [["picture", "The picture", "blank_image"]],
              prepend: true,
              size: 2,
              stage: "accepted"
            }
          ]
        )
        const { batch } = Option.getOrThrow(yield* journal.get("sent"))
        assert.deepStrictEqual(batch.data, [[{ node_path: "picture", field_name: "width", items: [64, 128] }]])
        assert.deepStrictEqual(batch.graph.nodes, {
          picture: { id: "picture", type: "blank_image", width: 64, height: 64 }
        })
        assert.strictEqual(batch.origin, "effect-invokeai")
      }).pipe(Effect.provide(JobJournal.layerDirectory(`${directory}/jobs`)))
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.live("have every upload of the ledger that was not deleted", () =>
    Effect.gen(function*() {
      const directory = yield* copied
      yield* Effect.gen(function*() {
        const ledger = yield* AssetLedger
        assert.deepStrictEqual(yield* ledger.previousRecords, [
          {
            id: "one",
            server: "http://127.0.0.1:9090",
            image_name: "one.png",
            board_id: "board",
            starred: true,
            recorded_at: 1764244800000
          },
          { id: "two", server: "http://127.0.0.1:9090", board_id: null, starred: false }
        ])
      }).pipe(Effect.provide(layerFile(`${directory}/uploads.jsonl`)))
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})
