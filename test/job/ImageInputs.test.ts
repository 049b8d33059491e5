import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as Job from "@effect-invokeai/core/job/Job"
import { Images } from "@effect-invokeai/core/server/Images"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import * as Png from "@effect-invokeai/testing/Png"
import * as Raster from "@effect-invokeai/testing/Raster"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { drive } from "../time.ts"
import { readJson } from "../workflow/support.ts"

const picture = Png.encode(Raster.painted(8, 8, "picture"))

describe("an image input", () => {
  it.effect("accepts an asset, an output of another job, and an image that the API returned", () =>
    Effect.gen(function*() {
      const workflow = yield* Workflow.fromJson(readJson("test/fixtures/workflows/image-blur.json"))
      const blurred = (image: unknown) =>
        Effect.gen(function*() {
          const job = yield* Job.submit(yield* Workflow.setInput(workflow, "Picture", image))
          const { outputs } = yield* job.await
          const [output] = outputs.finalImages
          assert.isDefined(output)
          return output
        })
      const asset = yield* Assets.uploadBytes(picture)
      assert.strictEqual(asset.imageName, asset.imageName)
      const first = yield* blurred(asset)
      const second = yield* blurred(first)
      const third = yield* blurred(yield* Images.use((images) => images.get(second.imageName)))
      assert.strictEqual(new Set([asset.imageName, first.imageName, second.imageName, third.imageName]).size, 4)
      const again = yield* Workflow.fromImage(third)
      assert.deepStrictEqual((yield* Workflow.getInput(again, "Picture")).stored, { image_name: second.imageName })
    }).pipe(Effect.scoped, drive, Effect.provide(InvokeAiTest.layer())))
})
