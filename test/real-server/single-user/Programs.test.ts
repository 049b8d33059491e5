import { Images } from "@effect-invokeai/core/server/Images"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as ChildProcess from "effect/process/ChildProcess"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import * as NodePath from "node:path"
import { programsOf } from "../../../scripts/lib/examples.ts"
import { client } from "../Client.ts"
import * as Support from "../Support.ts"

const repository = NodePath.resolve(import.meta.dirname, "../../..")

/** A folder in which a program finds the repository's packages and examples, and nothing else. */
const workspace = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const folder = yield* fs.makeTempDirectoryScoped({ prefix: "effect-invokeai-program-" })
  yield* fs.symlink(path.join(repository, "node_modules"), path.join(folder, "node_modules"))
  yield* fs.symlink(path.join(repository, "examples"), path.join(folder, "examples"))
  yield* fs.writeFileString(path.join(folder, "package.json"), "{ \"type\": \"module\" }")
  return folder
})

const node = (file: string, cwd: string) =>
  ChildProcess.make(process.execPath, [file], {
    cwd,
    env: { INVOKEAI_URL: Support.url, NO_COLOR: "1" },
    extendEnv: true,
    stdin: "ignore",
    forceKillAfter: "5 seconds"
  })

/** Runs a program to its end: its exit code and all that it printed. */
const finished = Effect.fnUntraced(function*(file: string, cwd: string) {
  const handle = yield* node(file, cwd)
  const text = yield* handle.all.pipe(Stream.decodeText, Stream.mkString)
  return { code: Number(yield* handle.exitCode), text }
})

const allImages = Effect.map(Images.use((images) => images.names()), ({ image_names }) => image_names)

/** Programs that upload an image, run a long job, and print what happens. */
const longPrograms = {
  effects: `
import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as Job from "@effect-invokeai/core/job/Job"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

Effect.gen(function*() {
  const photo = yield* Assets.uploadFile("examples/mountain.png")
  yield* Console.log("uploaded " + photo.imageName)
  const workflow = yield* Workflow.fromFile(${JSON.stringify(Support.workflowFile("many-blurs"))})
  const job = yield* Job.submit(workflow)
  yield* Stream.runForEach(job.events, (event) => Console.log(event._tag, job.batchId))
}).pipe(Effect.scoped, Effect.provide(NodeInvokeAi.layerConfig()), NodeRuntime.runMain)
`,
  promises: `
import * as InvokeAi from "@effect-invokeai/node/InvokeAiPromise"

const client = await InvokeAi.connect()
const photo = await client.uploadFile("examples/mountain.png")
console.log("uploaded " + photo.imageName)
const job = await client.submit(await client.workflow(${JSON.stringify(Support.workflowFile("many-blurs"))}))
for await (const event of job.events) console.log(event._tag, job.batchId)
`
}

it.layer(client(), { excludeTestServices: true })("Programs on the real server", (it) => {
  for (const [index, style] of ["promises", "Effect"].entries()) {
    it.effect(`generate an image with the unchanged README program with ${style}`, () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const folder = yield* workspace
        yield* fs.writeFileString(path.join(folder, "program.ts"), programsOf("README.md")[index]!)
        yield* fs.copyFile(Support.workflowFile("text-to-image"), path.join(folder, "workflow.json"))
        const before = yield* allImages
        const { code, text } = yield* finished("program.ts", folder)
        assert.strictEqual(code, 0, text)
        const [file = "", ...others] = yield* fs.readDirectory(path.join(folder, "outputs"))
        assert.deepStrictEqual(others, [])
        assert.include(text, path.join("outputs", file))
        assert.deepStrictEqual(Support.pngSize(yield* fs.readFile(path.join(folder, "outputs", file))), {
          width: 128,
          height: 128
        })
        const made = (yield* allImages).filter((name) => !before.includes(name))
        assert.deepStrictEqual(made, [file])
        yield* Images.use((images) => images.deleteMany(made))
      }).pipe(Effect.scoped))
  }

  it.effect("generate an image with the unchanged Effect program of the guide, and delete its upload", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const folder = yield* workspace
      yield* fs.writeFileString(path.join(folder, "program.ts"), programsOf("docs/guides/effect.md")[0]!)
      yield* fs.copyFile(path.join(folder, "examples", "soft-thumbnail.json"), path.join(folder, "soft-thumbnail.json"))
      yield* fs.copyFile(path.join(folder, "examples", "mountain.png"), path.join(folder, "photo.png"))
      const before = yield* allImages
      const { code, text } = yield* finished("program.ts", folder)
      assert.strictEqual(code, 0, text)
      const files = yield* fs.readDirectory(path.join(folder, "outputs"))
      const png = files.find((file) => file.endsWith(".png")) ?? ""
      assert.sameMembers(files, [png, `${png}.json`], text)
      const bytes = yield* fs.readFile(path.join(folder, "outputs", png))
      assert.deepStrictEqual(Support.pngSize(bytes), { width: 320, height: 240 })
      // The upload is gone; what the workflow kept is there.
      const made = (yield* allImages).filter((name) => !before.includes(name))
      assert.include(made, png)
      const kinds = yield* Effect.forEach(made, (name) => Images.use((images) => images.get(name)))
      assert.deepStrictEqual(kinds.filter((image) => image.image_category === "user"), [])
      yield* Images.use((images) => images.deleteMany(made))
    }).pipe(Effect.scoped))

  it.effect("list missing models in the demo, and leave nothing on the server", () =>
    Effect.gen(function*() {
      const before = yield* allImages
      const total = (yield* SessionQueue.use((queue) => queue.status)).queue.total
      const { code, text } = yield* finished(NodePath.join(repository, "examples/demo.ts"), yield* workspace)
      assert.notStrictEqual(code, 0)
      for (const kind of ["main", "t5_encoder", "clip_embed", "vae"]) assert.match(text, new RegExp(`type ${kind}\\b`))
      assert.notInclude(text, "    at ")
      assert.deepStrictEqual(yield* allImages, before)
      assert.strictEqual((yield* SessionQueue.use((queue) => queue.status)).queue.total, total)
    }).pipe(Effect.scoped))

  for (const [style, program] of Object.entries(longPrograms)) {
    it.effect(`leave no uploaded image and no running job after Ctrl-C halfway through a program with ${style}`, () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const folder = yield* workspace
        yield* fs.writeFileString(path.join(folder, "long.ts"), program)
        const before = yield* allImages
        const handle = yield* node("long.ts", folder)
        const lines: Array<string> = []
        yield* handle.all.pipe(
          Stream.decodeText,
          Stream.splitLines,
          Stream.tap((line) => Effect.sync(() => lines.push(line))),
          Stream.takeUntil((line) => line.startsWith("InvocationComplete")),
          Stream.runDrain
        )
        const [, uploaded = ""] = lines[0]?.split(" ") ?? []
        const [, batchId = ""] = lines.at(-1)?.split(" ") ?? []
        assert.isTrue(yield* Images.use((images) => images.exists(uploaded)), lines.join("\n"))
        yield* handle.kill({ killSignal: "SIGINT", forceKillAfter: "20 seconds" })
        assert.isFalse(yield* Images.use((images) => images.exists(uploaded)))
        const status = yield* SessionQueue.use((queue) => queue.batchStatus(batchId)).pipe(
          Effect.repeat({
            while: (status) => status.in_progress > 0,
            schedule: Schedule.spaced("100 millis"),
            times: 20
          })
        )
        assert.deepStrictEqual([status.canceled, status.in_progress, status.pending], [1, 0, 0])
        assert.deepStrictEqual(yield* allImages, before)
      }).pipe(Effect.scoped))
  }
})
