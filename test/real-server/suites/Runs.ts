import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as Cleanup from "@effect-invokeai/core/assets/Cleanup"
import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import * as Job from "@effect-invokeai/core/job/Job"
import type { JobEvent } from "@effect-invokeai/core/job/JobEvent"
import { Images } from "@effect-invokeai/core/server/Images"
import { Models, toIdentifier } from "@effect-invokeai/core/server/Models"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
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

/** The tiny model, as an input of a workflow. */
const tinyModel = Effect.map(
  Models.use((models) => models.findByName(Support.modelName)),
  (model) => toIdentifier(Option.getOrThrow(model))
)

const folder = Effect.flatMap(
  FileSystem.FileSystem,
  (fs) => fs.makeTempDirectoryScoped({ prefix: "effect-invokeai-outputs-" })
)

/** The names of all images of the server, intermediate ones included. */
const allImages = Effect.map(Images.use((images) => images.names()), ({ image_names }) => new Set(image_names))

const tags = (events: ReadonlyArray<JobEvent>) => new Set(events.map((event) => event._tag))

const sidecar = Schema.decodeEffect(Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown)))

/** Workflow files from the file to the downloaded image, and every way in which that can end otherwise. */
export const runsSuite = (who: string, layer: Layer.Layer<ClientServices>): void =>
  it.layer(layer, { excludeTestServices: true })(`runs, as ${who}`, (it) => {
    it.effect("turn text into an image: with a file, a prompt, a seed, progress, an image on the board and a sidecar", () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const target = yield* createdBoard("text to image")
        const workflow = yield* Workflow.fromFile(Support.workflowFile("sd1-text-to-image"))
        assert.deepStrictEqual(
          workflow.inputs.map((input) => input.userName),
          [
            "model",
            "Positive Prompt",
            "Negative Prompt",
            "Width",
            "Height",
            "Seed",
            "Steps",
            "Guidance",
            "Scheduler",
            "Board"
          ]
        )
        assert.deepStrictEqual(Workflow.missingRequiredInputs(workflow), [workflow.inputs[0]?.systemName ?? ""])
        const ready = yield* Workflow.setInputs(workflow, {
          model: yield* tinyModel,
          "Positive Prompt": "a lighthouse",
          Seed: 7,
          Width: 96,
          Height: "64"
        })

        const job = yield* Job.submit(ready, { board: target.board_name })
        const events = yield* Stream.runCollect(job.events)
        const { outputs, status, timing } = yield* job.await
        assert.strictEqual(status, "completed")
        assert.isAbove(Duration.toMillis(timing.elapsed), 0)

        assert.includeMembers(
          [...tags(events)],
          ["JobEnqueued", "ItemStatusChanged", "InvocationStarted", "InvocationProgress", "InvocationComplete"]
        )
        const progress = events.filter((event) => event._tag === "InvocationProgress")
        const steps = progress.filter((event) => event.nodeLabel === "Denoise" && event.preview !== null)
        assert.isAbove(steps.length, 1)
        assert.deepStrictEqual([steps[0]?.preview?.width, steps[0]?.preview?.height], [96, 64])
        const fractions = steps.map((event) => event.fraction ?? 0)
        assert.deepStrictEqual(fractions, fractions.toSorted((a, b) => a - b))
        const done = events.flatMap((event) => event._tag === "InvocationComplete" ? [event.nodeLabel] : [])
        assert.sameMembers(done, ["Model", "Positive", "Negative", "Noise", "Denoise", "Result"])

        const [image, ...others] = outputs.finalImages
        assert.strictEqual(others.length, 0)
        assert.deepStrictEqual([image?.width, image?.height], [96, 64])
        const dto = yield* Images.use((images) => images.get(image?.imageName ?? ""))
        assert.strictEqual(dto.board_id, target.board_id)
        assert.isFalse(dto.is_intermediate)
        assert.isTrue(dto.has_workflow)
        assert.isAtLeast(outputs.latents.length, 1)
        assert.isAtLeast(outputs.conditioning.length, 2)

        const directory = yield* folder
        const reported = yield* Stream.runCollect(
          Downloads.outputsProgress(outputs, { directory: path.join(directory, "followed") })
        )
        assert.strictEqual(reported.at(-1)?._tag, "Downloaded")
        const { files } = yield* Downloads.outputs(outputs, { directory, metadata: true })
        assert.deepStrictEqual(files.map((file) => file.kind), ["image", "metadata"])
        const png = yield* fs.readFile(files[0]?.path ?? "")
        assert.deepStrictEqual(Support.pngSize(png), { width: 96, height: 64 })
        assert.strictEqual(path.basename(files[0]?.path ?? ""), image?.imageName)
        assert.isNotEmpty(yield* sidecar(yield* fs.readFileString(files[1]?.path ?? "")))
        assert.sameMembers(
          yield* fs.readDirectory(directory),
          ["followed", ...files.map((file) => path.basename(file.path))]
        )

        // The image carries the workflow with the values that were set: the UI opens it with them.
        const again = yield* Workflow.fromPng(png)
        const seed = yield* Workflow.getInput(again, "Seed")
        assert.strictEqual(seed.stored, 7)
        assert.strictEqual((yield* Workflow.getInput(again, "Height")).stored, 64)
      }).pipe(Effect.scoped))

    it.effect("generate the same image from the same seed, and another image from another seed", () =>
      Effect.gen(function*() {
        const model = yield* tinyModel
        const picture = Effect.fnUntraced(function*(seed: number) {
          const workflow = yield* Workflow.fromFile(Support.workflowFile("sd1-text-to-image"))
          const ready = yield* Workflow.setInputs(workflow, { model, Width: 64, Height: 64, Steps: 2, Seed: seed })
          const job = yield* Job.submit(ready, { deleteOutputs: true })
          const { outputs } = yield* job.await
          const png = yield* Downloads.bytes(outputs.finalImages[0]?.imageName ?? "")
          return { name: outputs.finalImages[0]?.imageName ?? "", pixels: Support.pixels(png) }
        }, Effect.scoped)
        const one = yield* picture(1)
        const same = yield* picture(1)
        const other = yield* picture(2)
        assert.notStrictEqual(one.name, same.name)
        assert.isTrue(one.pixels.equals(same.pixels))
        assert.isFalse(one.pixels.equals(other.pixels))
        // `deleteOutputs`: nothing of the three is left.
        const left = yield* allImages
        for (const { name } of [one, same, other]) assert.isFalse(left.has(name))
      }).pipe(Effect.scoped))

    it.effect("never send ill-formed text: it is rejected in values and replaced in notes", () =>
      Effect.gen(function*() {
        const cut = "a grey 🐱".slice(0, -1)
        const whole = "🐱 \0 \uFEFF \u2028 \u2029 \r\n"
        const json = Object.assign({}, Support.workflowJson("text-only"), { name: cut, notes: cut })
        const workflow = yield* Workflow.fromJson(json)
        const field = Workflow.fields(workflow).find(({ field }) => field._tag === "InkStringField")?.systemName ?? ""
        assert.strictEqual(
          (yield* Effect.flip(Workflow.setField(workflow, field, cut))).reason._tag,
          "InvalidInputValue"
        )
        const graph = { nodes: { p: { id: "p", type: "string", value: cut } }, edges: [] }
        const refused = yield* Effect.flip(SessionQueue.use((queue) => queue.enqueueBatch({ graph, runs: 1 })))
        assert.deepStrictEqual([refused.reason._tag, refused.sent], ["Validation", false])
        const job = yield* Job.submit(yield* Workflow.setField(workflow, field, whole))
        const { outputs } = yield* job.await
        assert.include(outputs.strings.map(({ value }) => value), whole)
      }).pipe(Effect.scoped))

    it.effect("turn an image into another one: upload it, download the result, and delete the upload", () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const images = yield* Images
        const target = yield* createdBoard("image to image")
        const directory = yield* folder
        const photo = path.join(directory, "photo.png")
        yield* fs.writeFile(photo, Support.picture(200, 160))

        const uploaded = yield* Effect.gen(function*() {
          const workflow = yield* Workflow.fromFile(Support.workflowFile("sd1-image-to-image"))
          const asset = yield* Assets.uploadFile(photo)
          assert.isTrue(yield* images.exists(asset.imageName))
          const ready = yield* Workflow.setInputs(workflow, { model: yield* tinyModel, Picture: asset, Keep: 0.5 })
          const job = yield* Job.submit(ready, { board: target.board_name })
          const { outputs } = yield* job.await
          const result = yield* Downloads.outputs(outputs, { directory: path.join(directory, "out") })
          assert.strictEqual(result.images, 1)
          const png = yield* fs.readFile(result.files[0]?.path ?? "")
          assert.deepStrictEqual(Support.pngSize(png), { width: 128, height: 128 })
          const seed = outputs.all.find((output) => output.nodeLabel === "Random Seed")
          assert.strictEqual(seed?._tag, "InkIntegerOutput")
          return asset.imageName
        }).pipe(Effect.scoped)
        assert.isFalse(yield* images.exists(uploaded))
      }).pipe(Effect.scoped))

    it.effect("download outputs in other formats, and many jobs into directories, and clean up everything", () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const images = yield* Images
        const queue = yield* SessionQueue
        const before = yield* allImages
        const directory = yield* folder
        const workflow = yield* Workflow.fromFile(Support.workflowFile("image-blur"))
        const asset = yield* Assets.uploadBytes(Support.picture(64, 64))
        const same = yield* Assets.uploadBytes(Support.picture(64, 64))
        assert.strictEqual(same.imageName, asset.imageName)
        const results = yield* Effect.forEach([1, 5], (Radius) =>
          Effect.gen(function*() {
            const job = yield* Job.submit(yield* Workflow.setInputs(workflow, { Picture: asset, Radius }))
            return (yield* job.await).outputs
          }))

        const [first] = results
        const image = first?.finalImages[0]?.imageName ?? ""
        for (const [format, magic] of [["jpeg", "ffd8ff"], ["webp", "52494646"], ["png", "89504e47"]] as const) {
          const { files } = yield* Downloads.image(image, { directory, format, quality: 90 })
          const file = yield* fs.readFile(files[0]?.path ?? "")
          assert.strictEqual(Buffer.from(file).toString("hex", 0, magic.length / 2), magic)
        }
        const exists = yield* Effect.flip(Downloads.image(image, { directory }))
        assert.strictEqual(exists._tag, "DownloadError")

        const jobs = results.map((outputs) => ({ workflow: workflow.definition.name, outputs }))
        const many = yield* Downloads.many(jobs, { directory: path.join(directory, "many"), metadata: true })
        assert.deepStrictEqual([many.workflows, many.images], [2, 2])
        for (const { batchId } of results) {
          const written = many.files.filter((file) => file.path.includes(batchId))
          assert.deepStrictEqual(written.map((file) => file.kind), ["image", "metadata"])
        }

        const cleaned = yield* Cleanup.many(
          results.map((outputs) => ({ outputs, assets: [asset] })),
          { outputs: true, strict: true }
        )
        assert.deepStrictEqual([cleaned.workflows, cleaned.inputsDeleted, cleaned.queueItemsDeleted], [2, 1, 2])
        assert.isAtLeast(cleaned.outputsDeleted, 2)
        assert.isFalse(yield* images.exists(asset.imageName))
        for (const { batchId } of results) assert.strictEqual((yield* queue.batchStatus(batchId)).total, 0)
        assert.deepStrictEqual(yield* allImages, before)
      }).pipe(Effect.scoped))

    it.effect("return every node's result in order, for a workflow without a model", () =>
      Effect.gen(function*() {
        const workflow = yield* Workflow.fromFile(Support.workflowFile("text-only"))
        const ready = yield* Workflow.setInputs(workflow, { Name: "Ada ☀", Number: 1, Plus: 41 })
        const job = yield* Job.submit(ready)
        const { outputs } = yield* job.await
        const valueOf = (label: string) => {
          const output = outputs.all.find((output) => output.nodeLabel === label)
          return output !== undefined && "value" in output ? output.value : undefined
        }
        assert.strictEqual(valueOf("Sentence"), "Hello, Ada ☀")
        assert.strictEqual(valueOf("Sum"), 42)
        assert.strictEqual(outputs.strings.length, 3)
        assert.deepStrictEqual(outputs.images, [])
      }).pipe(Effect.scoped))

    it.effect("return the images of an iteration in order, one by one and as a collection", () =>
      Effect.gen(function*() {
        const workflow = yield* Workflow.fromFile(Support.workflowFile("iterate-and-collect"))
        const ready = yield* Workflow.setInputs(workflow, { To: 4 })
        const job = yield* Job.submit(ready, { deleteOutputs: true })
        const { outputs } = yield* job.await
        assert.deepStrictEqual(outputs.finalImages.map((image) => image.width), [32, 64, 96, 128])
        assert.isAtLeast(outputs.collections.length, 1)
      }).pipe(Effect.scoped))

    it.effect("include a workflow from before the form builder", () =>
      Effect.gen(function*() {
        const workflow = yield* Workflow.fromFile(Support.workflowFile("exposed-fields"))
        assert.deepStrictEqual(workflow.inputs.map((input) => input.userName), ["Width", "Height", "color"])
        const ready = yield* Workflow.setInputs(workflow, { Width: 40, color: "#3366cc" })
        const job = yield* Job.submit(ready, { deleteOutputs: true })
        const { outputs } = yield* job.await
        assert.deepStrictEqual(outputs.finalImages.map(({ height, width }) => [width, height]), [[40, 48]])
      }).pipe(Effect.scoped))

    it.effect("combine pairs of sizes with every caption in a batch, and in a sweep of the program", () =>
      Effect.gen(function*() {
        const workflow = yield* Workflow.fromFile(Support.workflowFile("batch-groups"))
        const job = yield* Job.submit(workflow, { deleteOutputs: true })
        assert.strictEqual(job.enqueued?.enqueued, 6)
        const { outputs } = yield* job.await
        const seen = outputs.items.map((item) => {
          const image = item.outputs.find((output) => output._tag === "InkImageOutput")
          const text = item.outputs.find((output) => output._tag === "InkStringOutput")
          return [image?.width, image?.height, text?.value]
        })
        const captions = ["colour: red", "colour: green", "colour: blue"]
        const expected = [[64, 32], [96, 48]].flatMap(([width, height]) =>
          captions.map((caption) => [width, height, caption])
        )
        assert.deepStrictEqual(seen, expected)

        const plain = yield* Workflow.fromFile(Support.workflowFile("text-only"))
        const swept = yield* Workflow.sweep(plain, [{ Number: [1, 2, 3] }])
        assert.strictEqual(Workflow.sweepSize(swept), 3)
        const many = yield* Job.submit(swept)
        const sums = (yield* many.await).outputs.items.map((item) =>
          item.outputs.flatMap((output) =>
            output._tag === "InkIntegerOutput" && output.nodeLabel === "Sum" ? [output.value] : []
          )
        )
        assert.deepStrictEqual(sums, [[3], [4], [5]])
      }).pipe(Effect.scoped))

    it.effect("report which node fails and why, and leave nothing on the server", () =>
      Effect.gen(function*() {
        const before = yield* allImages
        const error = yield* Effect.gen(function*() {
          const workflow = yield* Workflow.fromFile(Support.workflowFile("division-by-zero"))
          const job = yield* Job.submit(workflow)
          const events = yield* Stream.runCollect(job.events)
          const failed = events.find((event) => event._tag === "InvocationError")
          assert.deepStrictEqual([failed?.nodeLabel, failed?.errorType], ["Divide", "ZeroDivisionError"])
          return yield* Effect.flip(job.await)
        }).pipe(Effect.scoped)
        assert.strictEqual(error.reason._tag, "JobFailed")
        assert.include(error.message, "Divide")
        assert.include(error.message, "division by zero")
        const made = error.reason._tag === "JobFailed" ? error.reason.outputs.images : []
        assert.deepStrictEqual(made.map((image) => image.nodeLabel), ["Canvas"])
        assert.deepStrictEqual(yield* allImages, before)

        // With a divisor the same file completes.
        const workflow = yield* Workflow.fromFile(Support.workflowFile("division-by-zero"))
        const job = yield* Job.submit(yield* Workflow.setInput(workflow, "Divisor", 2), { deleteOutputs: true })
        const { outputs } = yield* job.await
        assert.deepStrictEqual(outputs.finalImages.map((image) => image.width), [64, 32])
      }).pipe(Effect.scoped))

    it.effect("stop after a cancellation, and leave nothing on the server", () =>
      Effect.gen(function*() {
        const queue = yield* SessionQueue
        const before = yield* allImages
        yield* Effect.gen(function*() {
          const workflow = yield* Workflow.fromFile(Support.workflowFile("many-blurs"))
          const job = yield* Job.submit(workflow, { runs: 2 })
          yield* job.events.pipe(
            Stream.filter((event) => event._tag === "InvocationComplete" && event.nodeType === "img_blur"),
            Stream.take(2),
            Stream.runDrain
          )
          const notYet = yield* Effect.flip(job.outputs)
          assert.strictEqual(notYet.reason._tag, "JobNotEnded")
          const result = yield* job.cancel
          assert.strictEqual(result.canceled.length, 2)
          assert.deepStrictEqual(result.remaining, [])
          const error = yield* Effect.flip(job.await)
          assert.strictEqual(error.reason._tag, "JobCanceled")
          const status = yield* queue.batchStatus(job.batchId)
          assert.deepStrictEqual([status.canceled, status.in_progress, status.pending], [2, 0, 0])
        }).pipe(Effect.scoped)
        assert.deepStrictEqual(yield* allImages, before)
      }).pipe(Effect.scoped))

    it.effect("are canceled on a timeout, and leave nothing on the server", () =>
      Effect.gen(function*() {
        const queue = yield* SessionQueue
        const before = yield* allImages
        const batchId = yield* Effect.gen(function*() {
          const workflow = yield* Workflow.fromFile(Support.workflowFile("many-blurs"))
          const job = yield* Job.submit(workflow, { timeout: "4 seconds" })
          const error = yield* Effect.flip(job.await)
          assert.strictEqual(error.reason._tag, "JobTimeout")
          assert.include(error.message, "4")
          return job.batchId
        }).pipe(Effect.scoped)
        const status = yield* queue.batchStatus(batchId)
        assert.deepStrictEqual([status.canceled, status.in_progress, status.pending], [1, 0, 0])
        assert.deepStrictEqual(yield* allImages, before)
      }).pipe(Effect.scoped))

    it.effect("are canceled on the server when their scope closes", () =>
      Effect.gen(function*() {
        const queue = yield* SessionQueue
        const before = yield* allImages
        const workflow = yield* Workflow.fromFile(Support.workflowFile("many-blurs"))
        const batchId = yield* Job.submit(workflow).pipe(
          Effect.tap((job) =>
            job.events.pipe(
              Stream.filter((event) => event._tag === "InvocationStarted"),
              Stream.take(1),
              Stream.runDrain
            )
          ),
          Effect.map((job) => job.batchId),
          Effect.scoped
        )
        const status = yield* queue.batchStatus(batchId)
        assert.deepStrictEqual([status.canceled, status.in_progress, status.pending], [1, 0, 0])
        assert.deepStrictEqual(yield* allImages, before)
      }).pipe(Effect.scoped))

    it.effect("report problems before anything is sent", () =>
      Effect.gen(function*() {
        const queue = yield* SessionQueue
        const total = (yield* queue.status).queue.total
        const workflow = yield* Workflow.fromFile(Support.workflowFile("sd1-text-to-image"))
        const missing = yield* Effect.flip(Job.submit(workflow))
        assert.strictEqual(missing._tag, "WorkflowNotReady")
        const unknownModel = yield* Workflow.setInput(workflow, "model", {
          key: "gone",
          hash: "blake3:gone",
          name: "gone",
          base: "sd-1",
          type: "main"
        })
        const notInstalled = yield* Effect.flip(Job.submit(unknownModel))
        assert.strictEqual(notInstalled._tag, "WorkflowNotReady")
        assert.include(notInstalled.message, "gone")
        const noBoard = yield* Effect.flip(
          Job.submit(yield* Workflow.setInput(workflow, "model", yield* tinyModel), { board: "no such board" })
        )
        assert(noBoard._tag === "SubmissionError")
        assert.strictEqual(noBoard.reason._tag, "BoardNotFound")
        const blur = yield* Workflow.fromFile(Support.workflowFile("image-blur"))
        const noImage = yield* Effect.flip(Job.submit(yield* Workflow.setInput(blur, "Picture", "missing.png")))
        assert.strictEqual(noImage._tag, "WorkflowNotReady")
        const tooMuch = yield* Effect.flip(Workflow.setInput(blur, "Radius", -1))
        assert.strictEqual(tooMuch.reason._tag, "InvalidInputValue")
        const typo = yield* Effect.flip(Workflow.setInput(blur, "Pictur", "missing.png"))
        assert.strictEqual(typo.reason._tag, "InputNotFound")
        assert.include(typo.message, "Picture")
        assert.strictEqual((yield* queue.status).queue.total, total)
      }).pipe(Effect.scoped))

    it.effect("do not mix up six concurrent jobs", () =>
      Effect.gen(function*() {
        const workflow = yield* Workflow.fromFile(Support.workflowFile("text-only"))
        const workflows = yield* Effect.forEach(
          Array.from({ length: 6 }, (_, index) => index),
          (index) => Workflow.setInputs(workflow, { Number: index, Plus: 100 })
        )
        const outcomes = yield* Stream.runCollect(Job.submitAll(workflows, { concurrency: 3 }))
        assert.strictEqual(outcomes.length, 6)
        for (const { index, result } of outcomes) {
          const output = yield* Effect.fromResult(result)
          assert.include(output.integers.map((output) => output.value), 100 + index)
        }
      }))
  })
