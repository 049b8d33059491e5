/**
 * Use cases 3 and 4 on the simulator, from where use case 2 ends. Cases 1 and 2, which need no server, are in
 * `test/workflow/UseCases.test.ts`; all four run on a real server in `test/real-server/suites/UseCases.ts`.
 */
import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as Cleanup from "@effect-invokeai/core/assets/Cleanup"
import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import * as Job from "@effect-invokeai/core/job/Job"
import type { InkImageOutput } from "@effect-invokeai/core/job/Outputs"
import { Boards } from "@effect-invokeai/core/server/Boards"
import { Images } from "@effect-invokeai/core/server/Images"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as NodeImageCodec from "@effect-invokeai/node/ImageCodec"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import { assert, describe, it } from "@effect/vitest"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { findModels } from "../../examples/02-set-inputs.ts"
import { exampleFile } from "../../examples/lib/run.ts"
import { files } from "../folders.ts"

const loader = "f8d9d7c8-9ed7-4bd7-9e42-ab0e89bfac90"
const encoder = "01f674f8-b3d1-4df1-acac-6cb8e0bfb63c"
const resize = "2981a67c-480f-4237-9384-26b68dbf912b"
const denoise = "9c773392-5647-4f2b-958e-9da1707b6e6a"
const save = "6d7ee2db-3f71-5097-8e3b-a55a719121b1"
const prompt = "A serene mountain landscape at sunset"

/** What use case 2 ends with: the example workflow with all inputs set, and the picture on the server. */
const configured = Effect.gen(function*() {
  const workflow = yield* Workflow.fromFile(exampleFile("flux-image-to-image.json"))
  const photo = yield* Assets.uploadFile(exampleFile("mountain.png"))
  const ready = yield* workflow.pipe(
    Workflow.setInputs(yield* findModels),
    Effect.flatMap(Workflow.setInputs({
      [`${encoder}.prompt`]: prompt,
      image: photo,
      num_steps: "30",
      denoising_start: 0.65
    }))
  )
  assert.deepStrictEqual(Workflow.missingRequiredInputs(ready), [])
  return { photo, ready }
})

const samples = Boards.use((boards) => boards.findOrCreate("samples"))

const folder = Effect.flatMap(
  FileSystem.FileSystem,
  (fs) => fs.makeTempDirectoryScoped({ prefix: "effect-invokeai-use-cases-" })
)

const onSimulator = Effect.provide([
  InvokeAiTest.layer({ nodeDuration: "3 millis", stepDuration: "1 millis" }),
  NodeImageCodec.layer,
  files
])

describe("use case 3: submit the workflow and follow the job", () => {
  it.live("submits to a board and waits", () =>
    Effect.gen(function*() {
      const board = yield* samples
      const { ready } = yield* configured
      const job = yield* Job.submit(ready, { board: "samples" })
      assert.strictEqual(job.enqueued?.enqueued, 1)
      assert.strictEqual(job.enqueued?.requested, 1)
      assert.strictEqual(job.enqueued?.itemIds.length, 1)

      const { outputs, status, timing } = yield* Job.await(job, { timeout: "60 seconds" })
      assert.strictEqual(status, "completed")
      assert.isAbove(Duration.toMillis(timing.elapsed), 0)
      assert.deepStrictEqual(outputs.finalImages.map((image) => image.boardId), [board.board_id])
      const [item] = yield* job.items
      assert.strictEqual(item?.itemId, job.enqueued?.itemIds[0])
      assert.strictEqual(item?.status, "completed")
      assert.strictEqual(item?.sessionId, outputs.sessionId)
    }).pipe(Effect.scoped, onSimulator))

  it.live("emits events of each node while it runs, and returns the same result", () =>
    Effect.gen(function*() {
      yield* samples
      const { ready } = yield* configured
      const job = yield* Job.submit(ready, { board: "samples" })
      const early = yield* Effect.flip(job.outputs)
      assert.strictEqual(early.reason._tag, "JobNotEnded")

      const started: Array<string> = []
      const completed: Array<string> = []
      const percentages: Array<number> = []
      const generated: Array<string> = []
      yield* Stream.runForEach(job.events, (event) =>
        Effect.sync(() => {
          if (event._tag === "InvocationStarted") started.push(event.nodeId)
          if (event._tag === "InvocationProgress" && event.nodeId === denoise && event.fraction !== null) {
            percentages.push(Math.round(event.fraction * 100))
          }
          if (event._tag === "InvocationComplete") {
            completed.push(event.nodeId)
            if (event.output._tag === "InkImageOutput") generated.push(event.output.imageName)
          }
        }))
      const { outputs, status } = yield* job.await
      assert.strictEqual(status, "completed")
      assert.sameMembers(completed, started)
      assert.includeMembers(started, [loader, encoder, resize, denoise, save])
      assert.strictEqual(percentages.at(-1), 100)
      assert.isAbove(percentages.length, 3)
      assert.includeMembers(generated, outputs.images.map((image) => image.imageName))
    }).pipe(Effect.scoped, onSimulator))

  it.live("is canceled automatically after its timeout", () =>
    Effect.gen(function*() {
      yield* samples
      const { ready } = yield* configured
      const job = yield* Job.submit(ready, { board: "samples" })
      const error = yield* Effect.flip(Job.await(job, { timeout: "10 millis" }))
      assert(error._tag === "WorkflowNotCompleted")
      assert.strictEqual(error.reason._tag, "JobTimeout")
      const status = yield* SessionQueue.use((queue) => queue.batchStatus(job.batchId))
      assert.deepStrictEqual([status.canceled, status.pending, status.in_progress], [1, 0, 0])
    }).pipe(Effect.scoped, onSimulator))
})

describe("use case 4: retrieve the outputs and clean up", () => {
  it.live("reads, downloads and deletes", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const board = yield* samples
      const { photo, ready } = yield* configured
      const job = yield* Job.submit(ready, { board: "samples" })
      yield* job.await

      const outputs = yield* job.outputs
      assert.strictEqual(outputs.batchId, job.batchId)
      assert.notStrictEqual(outputs.sessionId, "")
      assert.isAbove(Duration.toMillis(outputs.executionTime), 0)
      const [image, ...others] = outputs.finalImages
      assert.strictEqual(others.length, 0)
      assert.deepStrictEqual(
        [image?.width, image?.height, image?.boardId, image?.nodeId],
        [1024, 768, board.board_id, save]
      )
      assert.isAbove(outputs.latents.length, 0)
      assert.strictEqual(outputs.conditioning.length, 2)

      const directory = path.join(yield* folder, outputs.batchId)
      const { files } = yield* Downloads.outputs(outputs, { directory, metadata: true })
      assert.deepStrictEqual(files.map((file) => path.basename(file.path)), [
        image?.imageName,
        `${image?.imageName}.json`
      ])
      const sidecar: Record<string, unknown> = JSON.parse(yield* fs.readFileString(files[1]?.path ?? ""))
      const inputs = sidecar["inputs"] as ReadonlyArray<{ user_name: string; system_name: string; value: unknown }>
      assert.deepStrictEqual(inputs.map((input) => input.user_name), [
        "model",
        "t5_encoder_model",
        "clip_embed_model",
        "vae_model",
        "prompt",
        "image",
        "num_steps",
        "denoising_start",
        "prompt"
      ])
      const valueOf = (name: string) => inputs.find((input) => input.system_name === name)?.value
      assert.strictEqual(valueOf(`${encoder}.prompt`), prompt)
      assert.strictEqual(valueOf(`${denoise}.num_steps`), 30)
      assert.deepStrictEqual(valueOf(`${resize}.image`), { image_name: photo.imageName })
      assert.strictEqual(sidecar["seed"], 0)
      assert.deepStrictEqual(sidecar["model"], valueOf(`${loader}.model`))

      for (const [format, magic] of [["jpeg", "ffd8ff"], ["webp", "52494646"], ["png", "89504e47"]] as const) {
        const bytes = yield* Downloads.bytes(image!, { format, quality: 95 })
        assert.strictEqual(Buffer.from(bytes).toString("hex", 0, magic.length / 2), magic)
      }

      const cleaned = yield* Cleanup.inputs()
      assert.deepStrictEqual([cleaned.deletedCount, cleaned.failedDeletions.size], [1, 0])
      const images = yield* Images
      assert.isFalse(yield* images.exists(photo.imageName))
      assert.strictEqual((yield* Cleanup.queueItems(outputs)).deletedCount, 1)
      assert.include((yield* Cleanup.outputs(outputs, { board: board.board_id })).deleted, image?.imageName)
    }).pipe(Effect.scoped, onSimulator))

  it.live("downloads the results of many workflows concurrently", () =>
    Effect.gen(function*() {
      yield* samples
      const { photo, ready } = yield* configured
      const jobs = yield* Effect.forEach([10, 20], (steps) =>
        Effect.gen(function*() {
          const job = yield* Job.submit(yield* Workflow.setInput(ready, "num_steps", steps), { board: "samples" })
          return { workflow: ready.definition.name, outputs: (yield* job.await).outputs, assets: [photo] }
        }))
      const batch = yield* Downloads.many(jobs, { directory: yield* folder })
      assert.deepStrictEqual([batch.workflows, batch.images], [2, 2])
      assert.isAbove(batch.bytes, 0)
      for (const { outputs } of jobs) assert.isTrue(batch.files.some((file) => file.path.includes(outputs.batchId)))
      const cleaned = yield* Cleanup.many(jobs)
      assert.deepStrictEqual(
        [cleaned.inputsDeleted, cleaned.outputsDeleted, cleaned.queueItemsDeleted],
        [1, 0, 2]
      )
    }).pipe(Effect.scoped, onSimulator))

  it.live("streams outputs as they are created, and downloads each immediately", () =>
    Effect.gen(function*() {
      yield* samples
      const directory = yield* folder
      const { ready } = yield* configured
      const job = yield* Job.submit(ready, { board: "samples" })
      const written = yield* job.outputStream.pipe(
        Stream.filter((output): output is InkImageOutput => output._tag === "InkImageOutput" && !output.isIntermediate),
        Stream.mapEffect((image) =>
          Downloads.image(image, { directory, retry: Schedule.spaced("10 millis").pipe(Schedule.upTo({ times: 3 })) })
        ),
        Stream.runCollect
      )
      const { outputs } = yield* job.await
      assert.deepStrictEqual(
        written.flatMap(({ files }) => files.map((file) => file.imageName)),
        outputs.finalImages.map((image) => image.imageName)
      )
    }).pipe(Effect.scoped, onSimulator))
})
