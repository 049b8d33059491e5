import { layerFile } from "@effect-invokeai/core/assets/AssetLedger"
import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import { Images } from "@effect-invokeai/core/server/Images"
import { InvokeAiClient } from "@effect-invokeai/core/server/InvokeAiClient"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Path from "effect/Path"
import * as Stream from "effect/Stream"
import { client } from "../Client.ts"
import * as Support from "../Support.ts"

const folder = Effect.flatMap(
  FileSystem.FileSystem,
  (fs) => fs.makeTempDirectoryScoped({ prefix: "effect-invokeai-assets-" })
)

/** Images that are there for a while, and what a crash left; the rest of `assets/` is in the runs and the use cases. */
export const assetsSuite = (who: string, account?: (typeof Support.accounts)[number]): void =>
  it.layer(client(account), { excludeTestServices: true })(`assets, as ${who}`, (it) => {
    it.effect("are adopted if they exist, and deleted with the scope unless they have been starred since then", () =>
      Effect.gen(function*() {
        const images = yield* Images
        const made = yield* Effect.forEach([1, 2], (shade) => images.upload({ data: Support.picture(8, 8, shade) }))
        const [gone, kept] = made.map((image) => image.image_name)
        yield* Effect.scoped(Effect.gen(function*() {
          assert.strictEqual((yield* Assets.adopt(gone ?? "")).width, 8)
          yield* Assets.adopt(made[1] ?? "")
          yield* images.star([kept ?? ""])
          assert.strictEqual((yield* Effect.flip(Assets.adopt("missing.png"))).reason, "ImageMissing")
        }))
        assert.isFalse(yield* images.exists(gone ?? ""))
        assert.isTrue(yield* images.exists(kept ?? ""))
        yield* images.delete(kept ?? "")
      }))

    it.effect("of a crashed process are found by its ledger, even without a name, and deleted", () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const images = yield* Images
        const server = (yield* InvokeAiClient).url.href
        const named = yield* images.upload({ data: Support.picture(8, 8, 1) })
        const sessionId = `invokeai-upload-${named.image_name}`
        const unnamed = yield* images.upload({ data: Support.picture(8, 8, 2), sessionId })
        const file = path.join(yield* folder, "ledger.jsonl")
        const record = { server, board_id: null, starred: false }
        yield* fs.writeFileString(
          file,
          [{ ...record, id: "1", image_name: named.image_name }, { ...record, id: sessionId }].map((set) =>
            `${JSON.stringify({ set })}\n`
          ).join("")
        )
        const outcomes = yield* Assets.recover.pipe(Effect.provide(
          client(account).pipe(Layer.provide(layerFile(file)), Layer.provide(NodeServices.layer))
        ))
        assert.deepStrictEqual(
          outcomes,
          new Map([named, unnamed].map((image) => [image.image_name, { _tag: "Deleted" as const }]))
        )
        for (const image of [named, unnamed]) assert.isFalse(yield* images.exists(image.image_name))
      }).pipe(Effect.scoped))

    it.effect("that are cut off or changed are reported as damaged within a second, and leave nothing behind", () =>
      Effect.gen(function*() {
        const images = yield* Images
        const before = (yield* images.names()).image_names.length
        const whole = Support.picture(64, 48, 3)
        const changed = Uint8Array.from(whole)
        changed.fill(0x55, whole.length / 2, whole.length / 2 + 40)
        for (const data of [whole.subarray(0, whole.length / 2), changed]) {
          const error = yield* Effect.flip(Effect.timeout(Assets.uploadBytes(data), "3 seconds"))
          assert.strictEqual("reason" in error && error.reason, "Damaged")
        }
        // a PNG without its end is read by the server, and so it is uploaded
        yield* Assets.uploadBytes(whole.subarray(0, whole.length - 12))
        assert.strictEqual((yield* images.names()).image_names.length, before + 1)
      }).pipe(Effect.scoped))

    it.effect("are downloaded as a stream and as several files", () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const directory = yield* folder
        const one = yield* Assets.uploadBytes(Support.picture(64, 48, 1))
        const two = yield* Assets.uploadBytes(Support.picture(64, 48, 2))
        const streamed = Buffer.concat(yield* Stream.runCollect(Downloads.stream(one)))
        assert.deepStrictEqual(Support.pngSize(streamed), { width: 64, height: 48 })
        const { files } = yield* Downloads.images([one, two], { directory, template: "picture-{number}" })
        assert.strictEqual(files.length, 2)
        assert.isTrue(streamed.equals(yield* fs.readFile(files[0]?.path ?? "")))
      }).pipe(Effect.scoped))
  })
