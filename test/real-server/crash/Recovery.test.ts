/** What the next start of a program does after the program failed, or was cut off, in the middle of an order. */
import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import * as JobRecovery from "@effect-invokeai/core/job/JobRecovery"
import { Images } from "@effect-invokeai/core/server/Images"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import { picture } from "../../media.ts"
import { client } from "../Client.ts"
import * as Support from "../Support.ts"

const workflowFile = new URL("../../fixtures/workflows/image-blur.json", import.meta.url)

it.layer(client(), { excludeTestServices: true })("An order whose downloads fail after its job", (it) => {
  it.effect(
    "runs once, however often the program starts, and leaves nothing on the server",
    () =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const queue = yield* SessionQueue
        const images = yield* Images
        const state = yield* fs.makeTempDirectoryScoped({ prefix: "effect-invokeai-recovery-" })
        const before = (yield* images.names()).image_names.toSorted()
        const origin = `recovery-${process.pid}`
        let prepared = 0
        const prepare = Effect.gen(function*() {
          prepared++
          const workflow = yield* Workflow.fromFile(yield* path.fromFileUrl(workflowFile))
          const photo = yield* Assets.uploadBytes(picture(40, 24, 9))
          const [image] = workflow.inputs
          return yield* Workflow.setInputs(workflow, { [image!.systemName]: photo })
        })
        /** One start of the program. A download into a file instead of a directory fails. */
        const start = (directory: string) =>
          Effect.gen(function*() {
            const files = yield* Effect.scoped(Effect.gen(function*() {
              const job = yield* JobRecovery.submitOnce("order", prepare, { origin, deleteOutputs: true })
              const { outputs } = yield* job.await
              return (yield* Downloads.outputs(outputs, { directory, ifExists: "overwrite" })).files
            })).pipe(Effect.result)
            yield* Assets.recover
            return files
          }).pipe(
            Effect.provide(
              NodeInvokeAi.layer({
                url: Support.url,
                assetLedger: path.join(state, "uploads.jsonl"),
                jobJournal: path.join(state, "jobs")
              }),
              { local: true }
            )
          )
        yield* fs.writeFileString(path.join(state, "file"), "")
        for (let round = 0; round < 2; round++) {
          assert.strictEqual((yield* start(path.join(state, "file")))._tag, "Failure")
        }
        const files = yield* Effect.fromResult(yield* start(path.join(state, "outputs")))
        assert.strictEqual(files.length, 1)

        const items = (yield* queue.listAll()).filter((item) => item.origin === origin)
        assert.deepStrictEqual(items.map((item) => item.status), ["completed"])
        assert.strictEqual(prepared, 1)
        assert.deepStrictEqual((yield* images.names()).image_names.toSorted(), before)
        assert.deepStrictEqual(yield* fs.readDirectory(path.join(state, "jobs")), [])
        assert.isUndefined((yield* fs.readDirectory(state, { recursive: true })).find((name) => name.endsWith(".part")))
      }).pipe(Effect.scoped),
    60_000
  )
})
