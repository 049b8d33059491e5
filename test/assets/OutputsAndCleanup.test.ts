import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as Cleanup from "@effect-invokeai/core/assets/Cleanup"
import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import * as Job from "@effect-invokeai/core/job/Job"
import { Images } from "@effect-invokeai/core/server/Images"
import * as InvokeAiTest from "@effect-invokeai/core/testing/InvokeAiTest"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as NodeImageCodec from "@effect-invokeai/node/ImageCodec"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Schedule from "effect/Schedule"
import { files, listing, png } from "./fakes.ts"

const blur = new URL("../fixtures/workflows/image-blur.json", import.meta.url).pathname

describe("Retrieving outputs and cleaning up", () => {
  it.live("downloads what a job made and leaves nothing behind", () =>
    Effect.scoped(Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const folder = yield* fs.makeTempDirectoryScoped({ prefix: "effect-invokeai-" })
      yield* fs.writeFile(`${folder}/mountain.png`, png(64, 48))

      const outputs = yield* Effect.scoped(Effect.gen(function*() {
        const workflow = yield* Workflow.fromFile(blur)
        const photo = yield* Assets.uploadFile(`${folder}/mountain.png`)
        const ready = yield* workflow.pipe(Workflow.setInputs({ Picture: photo }))
        const job = yield* Job.submit(ready)
        yield* job.await
        const outputs = yield* job.outputs
        assert.strictEqual(outputs.finalImages.length, 1)

        // With a default download, and as WebP of chosen quality.
        const directory = `${folder}/${outputs.batchId}`
        const result = yield* Downloads.outputs(outputs, {
          directory,
          metadata: true,
          retry: Schedule.spaced("10 millis").pipe(Schedule.upTo({ times: 3 }))
        })
        const image = outputs.finalImages[0]!
        assert.deepStrictEqual(result.files.map((file) => file.path), [
          `${directory}/${image.imageName}`,
          `${directory}/${image.imageName}.json`
        ])
        const sidecar: Record<string, unknown> = JSON.parse(
          yield* fs.readFileString(`${directory}/${image.imageName}.json`)
        )
        assert.strictEqual(sidecar["image_name"], image.imageName)
        assert.strictEqual(sidecar["width"], image.width)
        const webp = yield* Downloads.image(image, { directory, format: "webp", quality: 95 })
        assert.isTrue(webp.files[0]?.path.endsWith(".webp"))
        const bytes = yield* Downloads.bytes(image)
        assert.deepStrictEqual(bytes, new Uint8Array(yield* fs.readFile(`${directory}/${image.imageName}`)))
        assert.strictEqual((yield* listing(directory)).length, 3)

        // The outputs are not the uploaded input, so cleaning them up leaves that alone, and the other way round.
        const items = yield* Cleanup.queueItems(outputs)
        assert.strictEqual(items.deletedCount, 1)
        const made = yield* Cleanup.outputs(outputs, { strict: true })
        assert.include(made.deleted, image.imageName)
        assert.notInclude(made.deleted, photo.image_name)
        const images = yield* Images
        assert.isTrue(yield* images.exists(photo.image_name))
        assert.isFalse(yield* images.exists(image.imageName))
        const gone = yield* Effect.flip(Downloads.image(image, {
          directory,
          existing: "overwrite",
          notFoundRetry: Schedule.recurs(1)
        }))
        assert.strictEqual(gone.reason, "NotFound")
        return outputs
      }))

      const again = yield* Cleanup.many([{ outputs }], { outputs: true })
      assert.strictEqual(again.deletedCount, 0)
      assert.strictEqual(again.failedDeletions.size, 0)
      yield* InvokeAiTest.nothingLeftBehind
    })).pipe(Effect.provide([InvokeAiTest.layer(), files, NodeImageCodec.layer])))
})
