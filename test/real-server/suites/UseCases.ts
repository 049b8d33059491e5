import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as Cleanup from "@effect-invokeai/core/assets/Cleanup"
import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import * as WorkflowBatch from "@effect-invokeai/core/batch/WorkflowBatch"
import * as Job from "@effect-invokeai/core/job/Job"
import * as Outputs from "@effect-invokeai/core/job/Outputs"
import { Images } from "@effect-invokeai/core/server/Images"
import { Models, toIdentifier } from "@effect-invokeai/core/server/Models"
import { Videos } from "@effect-invokeai/core/server/Videos"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import { assert, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import * as Stream from "effect/Stream"
import { createdBoard } from "../boards.ts"
import type { ClientServices } from "../Client.ts"
import * as Support from "../Support.ts"

const Sidecar = Schema.fromJsonString(Schema.Struct({
  inputs: Schema.Array(
    Schema.Struct({ user_name: Schema.String, system_name: Schema.String, value: Schema.Unknown })
  ),
  seed: Schema.Int,
  model: Schema.Record(Schema.String, Schema.Unknown),
  item: Schema.Struct({ batch_id: Schema.String, execution_time: Schema.Finite })
}))

/** The four use cases of the requirements in a row, with the tiny SD 1 model in place of FLUX. */
export const useCasesSuite = (who: string, layer: Layer.Layer<ClientServices>): void =>
  it.layer(layer, { excludeTestServices: true })(`the use cases, as ${who}`, (it) => {
    it.effect(
      "load and list, set and validate, submit and track, retrieve and clean up",
      () =>
        Effect.gen(function*() {
          const fs = yield* FileSystem.FileSystem
          const path = yield* Path.Path
          const images = yield* Images
          const directory = yield* fs.makeTempDirectoryScoped({ prefix: "effect-invokeai-use-cases-" })
          const target = yield* createdBoard("use cases")

          // 1: load a workflow and list its inputs
          const workflow = yield* Workflow.fromFile(Support.workflowFile("sd1-image-to-image"))
          assert.includeMembers(
            workflow.inputs.map((input) => input.userName),
            ["model", "Picture", "Prompt", "Steps", "Keep", "Board"]
          )
          assert.isAbove(Workflow.missingRequiredInputs(workflow).length, 0)

          // 2: set the inputs and validate
          yield* fs.writeFile(path.join(directory, "photo.png"), Support.picture(200, 160, 40))
          const photo = yield* Assets.uploadFile(path.join(directory, "photo.png"))
          const model = toIdentifier(
            Option.getOrThrow(yield* Models.use((models) => models.findByName(Support.modelName)))
          )
          const ready = yield* Workflow.setInputs(workflow, {
            model,
            Picture: photo,
            Prompt: "a serene mountain landscape",
            Steps: "3",
            Keep: 0.5
          })
          const refused = yield* Effect.flip(Workflow.setInput(ready, "Steps", -5))
          assert.strictEqual(refused.reason._tag, "InvalidInputValue")
          assert.deepStrictEqual(Workflow.missingRequiredInputs(ready), [])
          assert.isTrue(WorkflowBatch.validate(ready).isEmpty)

          // 3: submit and follow
          const job = yield* Job.submit(ready, { board: target.board_name })
          assert.strictEqual(job.enqueued?.enqueued, 1)
          const events = yield* Stream.runCollect(job.events)
          const started = events.flatMap((event) => event._tag === "InvocationStarted" ? [event.nodeId] : [])
          const completed = events.flatMap((event) => event._tag === "InvocationComplete" ? [event.nodeId] : [])
          assert.sameMembers(completed, started)
          const { status, timing } = yield* job.await
          assert.strictEqual(status, "completed")
          assert.isAbove(Duration.toMillis(timing.elapsed), 0)

          // 4: retrieve and clean up
          const outputs = yield* job.outputs
          const [image, ...others] = outputs.finalImages
          assert.strictEqual(others.length, 0)
          assert.strictEqual(image?.boardId, target.board_id)
          assert.isAbove(outputs.latents.length, 0)
          assert.isAbove(outputs.conditioning.length, 0)
          assert.include(Outputs.byNode(outputs, image?.nodeId ?? ""), image)
          assert.strictEqual(Outputs.byLabel(outputs, "Random Seed")[0]?._tag, "InkIntegerOutput")
          const { files } = yield* Downloads.outputs(outputs, {
            directory: path.join(directory, outputs.batchId),
            metadata: true,
            template: "{seed}"
          })
          const sidecar = yield* Schema.decodeEffect(Sidecar)(yield* fs.readFileString(files[1]?.path ?? ""))
          const drawn = outputs.integers.find((output) => output.nodeLabel === "Random Seed")?.value
          assert.strictEqual(sidecar.seed, drawn)
          assert.strictEqual(path.basename(files[0]?.path ?? ""), `${drawn}.png`)
          assert.strictEqual(sidecar.model["key"], model.key)
          assert.strictEqual(sidecar.item.batch_id, outputs.batchId)
          const values = new Map(sidecar.inputs.map((input) => [input.user_name, input.value]))
          assert.strictEqual(values.get("Prompt"), "a serene mountain landscape")
          assert.strictEqual(values.get("Steps"), 3)
          assert.deepStrictEqual(values.get("Picture"), { image_name: photo.imageName })
          assert.deepStrictEqual(
            sidecar.inputs.map((input) => input.system_name),
            workflow.inputs.map((input) => input.systemName)
          )
          assert.strictEqual((yield* Cleanup.inputs([photo])).deletedCount, 1)
          assert.isFalse(yield* images.exists(photo.imageName))
          assert.strictEqual((yield* Cleanup.queueItems(outputs)).deletedCount, 1)
          assert.include(
            (yield* Cleanup.outputs(outputs, { board: target.board_id, strict: true })).deleted,
            image?.imageName ?? ""
          )
        }).pipe(Effect.scoped),
      120_000
    )

    it.effect("download a complete video with its sidecar", () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const directory = yield* fs.makeTempDirectoryScoped({ prefix: "effect-invokeai-use-cases-" })
        const clip = yield* fs.readFile(path.join(import.meta.dirname, "../clip.mp4"))
        const upload = Videos.use((videos) => videos.upload({ data: clip }))
        if (!Support.has("POST /api/v1/videos/upload")) {
          const missing = yield* Downloads.videos(["clip.mp4"], { directory }).pipe(Effect.flip)
          assert.include(missing.message, Support.version)
          return yield* Support.unsupported(upload)
        }
        const { video_name } = yield* Effect.acquireRelease(
          upload,
          ({ video_name }) => Effect.ignore(Videos.use((videos) => videos.delete(video_name)))
        )
        const result = yield* Downloads.videos([video_name], { directory, metadata: true })
        assert.deepStrictEqual(result.files.map((file) => file.kind), ["video", "metadata"])
        const whole = Buffer.concat(
          yield* Stream.runCollect(yield* Videos.use((videos) => Effect.succeed(videos.full(video_name))))
        )
        assert.isTrue(whole.equals(yield* fs.readFile(result.files[0]?.path ?? "")))
        // a read that begins beyond the end
        const beyond = yield* Effect.flip(
          Videos.use((videos) => Stream.runDrain(videos.full(video_name, { from: whole.length })))
        )
        assert.strictEqual(beyond.status, 416)
      }).pipe(Effect.scoped))
  })
