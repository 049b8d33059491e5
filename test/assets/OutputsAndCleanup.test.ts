import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as Cleanup from "@effect-invokeai/core/assets/Cleanup"
import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import * as Job from "@effect-invokeai/core/job/Job"
import type { WorkflowOutput } from "@effect-invokeai/core/job/Outputs"
import { Images } from "@effect-invokeai/core/server/Images"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as NodeImageCodec from "@effect-invokeai/node/ImageCodec"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as FileSystem from "effect/FileSystem"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import { files, listing } from "../folders.ts"
import { png } from "../media.ts"

const blur = new URL("../fixtures/workflows/image-blur.json", import.meta.url).pathname

/** The image of a node that the server caches. */
const pasted = (outputs: WorkflowOutput): string =>
  outputs.images.find((image) => image.nodeType === "img_paste")?.imageName ?? ""

describe("Retrieving outputs and cleaning up", () => {
  it.live("downloads the images of a job, and leaves nothing on the server", () =>
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
        assert.notInclude(made.deleted, photo.imageName)
        const images = yield* Images
        assert.isTrue(yield* images.exists(photo.imageName))
        assert.isFalse(yield* images.exists(image.imageName))
        const gone = yield* Effect.flip(Downloads.image(image, {
          directory,
          ifExists: "overwrite",
          notFoundRetry: Schedule.recurs(1)
        }))
        assert.ok(gone._tag === "DownloadError")
        assert.strictEqual(gone.reason, "NotFound")
        return outputs
      }))

      const again = yield* Cleanup.many([{ outputs }], { outputs: true })
      assert.strictEqual(again.deletedCount, 0)
      assert.strictEqual(again.failedDeletions.size, 0)
      yield* InvokeAiTest.assertClean
    })).pipe(Effect.provide([InvokeAiTest.layer(), files, NodeImageCodec.layer])))

  it.live("keeps an image of one run while another run has it from the cache", () =>
    Effect.scoped(Effect.gen(function*() {
      const images = yield* Images
      const workflow = yield* Workflow.fromFile(blur)
      const photo = yield* Assets.uploadBytes(png(64, 48))
      const ready = yield* workflow.pipe(Workflow.setInputs({ Picture: photo }))
      const run = (options: Job.SubmitOptions = {}) =>
        Effect.map(
          Effect.flatMap(Job.submit(ready, options), (job) => job.await),
          (result) => result.outputs
        )

      const shared = yield* Effect.scoped(Effect.gen(function*() {
        const first = yield* run()
        const second = yield* run()
        const name = pasted(first)
        assert.strictEqual(pasted(second), name)
        const cleaned = yield* Cleanup.outputs(first)
        assert.strictEqual(cleaned.kept.get(name), "Retained")
        assert.isTrue(yield* images.exists(name))
        return { first, name }
      }))
      // Both scopes are closed: nothing refers to it any more.
      const cleaned = yield* Cleanup.outputs(shared.first)
      assert.include(cleaned.deleted, shared.name)
    })).pipe(Effect.provide([InvokeAiTest.layer(), files])))

  /** Runs of one workflow, whose pasted image the second one gets from the cache. */
  const twins = Effect.gen(function*() {
    const workflow = yield* Workflow.fromFile(blur)
    const ready = yield* workflow.pipe(Workflow.setInputs({ Picture: yield* Assets.uploadBytes(png(64, 48)) }))
    const run = (options: Job.SubmitOptions, scope: Scope.Scope) =>
      Effect.flatMap(Job.submit(ready, options), (job) => job.await).pipe(
        Effect.map(({ outputs }) => outputs),
        Effect.provideService(Scope.Scope, scope)
      )
    const first = yield* Scope.make()
    const second = yield* Scope.make()
    return { first, second, run, close: (scope: Scope.Closeable) => Scope.close(scope, Exit.void) }
  })

  it.live.each(
    [
      ["with the last job that refers to it, when that deletes its outputs", { deleteOutputs: true }, false],
      ["not at all, when that keeps its outputs", {}, true]
    ] as const
  )("deletes an image %s", ([, options, stays]) =>
    Effect.scoped(Effect.gen(function*() {
      const images = yield* Images
      const { close, first, run, second } = yield* twins
      const name = pasted(yield* run({ deleteOutputs: true }, first))
      assert.strictEqual(pasted(yield* run(options, second)), name)
      yield* close(first)
      assert.isTrue(yield* images.exists(name), "the second one's result refers to it")
      yield* close(second)
      assert.strictEqual(yield* images.exists(name), stays)
    })).pipe(Effect.provide([InvokeAiTest.layer(), files])))

  it.live("transfers an image from one cleanup to the next", () =>
    Effect.scoped(Effect.gen(function*() {
      const images = yield* Images
      const { close, first, run, second } = yield* twins
      const one = yield* run({}, first)
      const two = yield* run({}, second)
      const name = pasted(one)
      assert.strictEqual((yield* Cleanup.outputs(two)).kept.get(name), "OtherRun")
      assert.strictEqual((yield* Cleanup.outputs(one)).kept.get(name), "Retained")
      yield* close(first)
      assert.include((yield* Cleanup.outputs(two)).deleted, name)
      assert.isFalse(yield* images.exists(name))
      yield* close(second)
    })).pipe(Effect.provide([InvokeAiTest.layer(), files])))

  it.live("keeps adopted and created images that are retained or that the result of another job refers to", () =>
    Effect.scoped(Effect.gen(function*() {
      const images = yield* Images
      const { close, first, run, second } = yield* twins
      const name = pasted(yield* run({ deleteOutputs: true }, first))
      yield* Effect.scoped(Assets.adopt(name))
      assert.isFalse(yield* images.exists(name), "its own job does not hinder that it is deleted")

      const again = yield* twins
      const shared = pasted(yield* again.run({ deleteOutputs: true }, again.first))
      assert.strictEqual(pasted(yield* run({}, second)), shared)
      yield* Effect.scoped(Assets.adopt(shared))
      assert.isTrue(yield* images.exists(shared))
      yield* close(second)
      yield* Effect.scoped(Effect.gen(function*() {
        yield* Assets.retain("a gallery", [shared])
        yield* close(again.first)
        assert.isTrue(yield* images.exists(shared))
      }))
      yield* close(first)
    })).pipe(Effect.provide([InvokeAiTest.layer(), files])))
})
