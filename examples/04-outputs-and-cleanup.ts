/** Use case 4: get the outputs of a job, and clean up the server. `node examples/04-outputs-and-cleanup.ts` */
import * as Cleanup from "@effect-invokeai/core/assets/Cleanup"
import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import type * as Job from "@effect-invokeai/core/job/Job"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Path from "effect/Path"
import * as Schedule from "effect/Schedule"
import { listInputs } from "./01-list-inputs.ts"
import { setInputs } from "./02-set-inputs.ts"
import { submitAndFollow } from "./03-submit-and-follow.ts"
import { count, run } from "./lib/run.ts"

/** Downloads the outputs of a job, then deletes the uploaded image and the job's queue items. */
export const outputsAndCleanup = Effect.fn("outputsAndCleanup")(function*(job: Job.Job) {
  const outputs = yield* job.outputs // fails with WorkflowNotCompleted before the end
  yield* Console.log(`Batch ID: ${outputs.batchId}`)
  yield* Console.log(`Execution time: ${Duration.toSeconds(outputs.executionTime).toFixed(2)}s`)
  yield* Console.log(`Total outputs: ${outputs.all.length}`)

  yield* Console.log(`\nGenerated ${count(outputs.finalImages.length, "image")}:`)
  for (const image of outputs.finalImages) {
    yield* Console.log(`  - ${image.imageName} (${image.width}x${image.height})`)
    yield* Console.log(`    Board: ${image.boardId ?? "none"}\n    Node: ${image.nodeId}`)
  }
  for (const latents of outputs.latents) yield* Console.log(`Latents: ${latents.latentsName}`)
  for (const conditioning of outputs.conditioning) {
    yield* Console.log(`Conditioning: ${conditioning.conditioningName}`)
  }

  const path = yield* Path.Path
  const directory = path.resolve("outputs", outputs.batchId)
  const { bytes, files } = yield* Downloads.outputs(outputs, {
    directory,
    metadata: true, // a sidecar file with node, seed, model and the server's metadata for each image
    retry: Schedule.exponential("1 second").pipe(Schedule.upTo({ times: 3 }))
  })
  yield* Console.log(`\nDownloaded ${count(files.length, "file")} (${Math.ceil(bytes / 1024)} kB) to ${directory}`)
  for (const file of files) yield* Console.log(`  - ${file.path}`)

  // Closing the scope would also delete the uploaded image; this shows it explicitly.
  yield* Console.log("\nCleaning up …")
  const inputs = yield* Cleanup.inputs()
  yield* Console.log(`  Deleted ${count(inputs.deletedCount, "input asset")}`)
  for (const [name, error] of inputs.failedDeletions) yield* Console.log(`  ${name} was not deleted: ${error.message}`)
  const items = yield* Cleanup.queueItems(outputs)
  yield* Console.log(`  Deleted ${count(items.deletedCount, "completed queue item")}`)
  return files
})

if (import.meta.main) {
  run(listInputs.pipe(Effect.flatMap(setInputs), Effect.flatMap(submitAndFollow), Effect.flatMap(outputsAndCleanup)))
}
