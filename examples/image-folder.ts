/**
 * Runs one workflow with every image in a directory, four at a time. One failure does not stop the rest.
 * `node examples/image-folder.ts [directory with images] [directory for the results]`
 */
import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import * as Job from "@effect-invokeai/core/job/Job"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import { count, exampleFile, run } from "./lib/run.ts"

/** Uploads one image, runs the workflow with it, and downloads the result under the same name. */
export const thumbnail = Effect.fn("thumbnail")(function*(workflow: Workflow.Workflow, file: string, to: string) {
  const path = yield* Path.Path
  const photo = yield* Assets.uploadFile(file)
  const ready = yield* Workflow.setInputs(workflow, { photo, width: 240, height: 160 })
  const { outputs } = yield* Effect.flatMap(Job.submit(ready, { timeout: "5 minutes" }), (job) => job.await)
  const { files } = yield* Downloads.images(outputs.finalImages, {
    directory: to,
    template: path.parse(file).name,
    ifExists: "overwrite"
  })
  return files.map((written) => written.path)
}, Effect.scoped) // the scope ends here: the uploaded image is deleted before the next one is processed

/** Runs the workflow with each image in a directory, and prints the outcome of each. */
export const imageFolder = Effect.fn("imageFolder")(function*(from: string, to: string) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const workflow = yield* Workflow.fromFile(exampleFile("soft-thumbnail.json"))
  const names = (yield* fs.readDirectory(from)).filter((name) => /\.(png|jpe?g|webp)$/i.test(name)).toSorted()

  const results = yield* Effect.forEach(names, (name) =>
    thumbnail(workflow, path.join(from, name), to).pipe(
      Effect.matchEffect({
        onSuccess: (files) => Effect.as(Console.log(`✓ ${name} → ${files.join(", ")}`), true),
        onFailure: (error) => Effect.as(Console.error(`✗ ${name}: ${error.message}`), false)
      })
    ), { concurrency: 4 })

  const done = results.filter((ok) => ok).length
  yield* Console.log(`\nProcessed ${done} of ${count(names.length, "image")}: ${path.resolve(to)}`)
  return done
})

if (import.meta.main) run(imageFolder(process.argv[2] ?? exampleFile(""), process.argv[3] ?? "outputs"))
