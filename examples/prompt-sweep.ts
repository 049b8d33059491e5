/** One submission for all combinations of prompts and strengths, and a table of the results. `node examples/prompt-sweep.ts` */
import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import * as Job from "@effect-invokeai/core/job/Job"
import * as Sweep from "@effect-invokeai/core/workflow/Sweep"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Path from "effect/Path"
import { findModels } from "./02-set-inputs.ts"
import { count, exampleFile, run } from "./lib/run.ts"

const prompt = "01f674f8-b3d1-4df1-acac-6cb8e0bfb63c.prompt"

const text = (value: unknown): string => typeof value === "string" ? value : JSON.stringify(value) ?? ""

const table = (rows: ReadonlyArray<ReadonlyArray<string>>): string => {
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
  return rows.map((row) => row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join("  ").trimEnd()).join("\n")
}

/** Runs two prompts with two strengths each: one job of four items. */
export const promptSweep = Effect.gen(function*() {
  const models = yield* findModels
  const photo = yield* Assets.uploadFile(exampleFile("mountain.png"))
  const workflow = yield* Workflow.fromFile(exampleFile("flux-image-to-image.json"))
  const varied = yield* workflow.pipe(
    Workflow.setInputs(models),
    Effect.flatMap(Workflow.setInputs({ image: photo, num_steps: 8 })),
    Effect.flatMap(Workflow.sweep(Sweep.product({
      [prompt]: ["a mountain at dawn", "a mountain in a storm"],
      denoising_start: [0.4, 0.7]
    })))
  )
  yield* Console.log(`Running ${count(Workflow.sweepSize(varied), "combination")} in one job …\n`)
  const { outputs } = yield* Effect.flatMap(Job.submit(varied), (job) => job.await)

  const path = yield* Path.Path
  const { files } = yield* Downloads.outputs(outputs, {
    directory: path.resolve("outputs", outputs.batchId),
    template: "item-{item}"
  })
  const rows = outputs.items.map(({ executionTime, fieldValues, itemId }) => {
    const value = (name: string) => text(fieldValues.find(({ fieldName }) => fieldName === name)?.value)
    const file = files.find((written) => path.basename(written.path).startsWith(`item-${itemId}.`))
    return [
      String(itemId),
      value("prompt"),
      value("denoising_start"),
      `${Duration.toSeconds(executionTime).toFixed(1)} s`,
      file?.path ?? ""
    ]
  })
  yield* Console.log(table([["Item", "Prompt", "Denoising start", "Time", "File"], ...rows]))
  return rows
})

if (import.meta.main) run(promptSweep)
