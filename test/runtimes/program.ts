/** Runs a workflow with the packages as they are published, in the runtime that runs this file. */
import { Assets, Downloads, Job, Workflow } from "@effect-invokeai/core"
import { NodeInvokeAi } from "@effect-invokeai/node"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Config from "effect/Config"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Stream from "effect/Stream"

const program = Effect.gen(function*() {
  const examples = yield* Config.String("EXAMPLES")
  const fs = yield* FileSystem.FileSystem
  const directory = yield* fs.makeTempDirectoryScoped()
  const workflow = yield* Workflow.fromFile(`${examples}/soft-thumbnail.json`)
  const photo = yield* Assets.uploadFile(`${examples}/mountain.png`)
  const job = yield* Job.submit(yield* Workflow.setInputs(workflow, { photo, width: 320 }))
  const events = yield* Stream.runCollect(job.events)
  const { outputs } = yield* job.await
  const { files } = yield* Downloads.outputs(outputs, { directory })
  const [file] = files
  if (file === undefined) return yield* Effect.die("no file was downloaded")
  const bytes = yield* fs.readFile(file.path)
  const signature = bytes.slice(1, 4).reduce((text, byte) => text + String.fromCharCode(byte), "")
  if (signature !== "PNG") return yield* Effect.die("the file is not a PNG")
  if (outputs.finalImages[0]?.width !== 320) return yield* Effect.die("the image has another size")
  if (!events.some((event) => event._tag === "InvocationComplete")) return yield* Effect.die("no events arrived")
})

program.pipe(Effect.scoped, Effect.provide(NodeInvokeAi.layerConfig()), NodeRuntime.runMain)
