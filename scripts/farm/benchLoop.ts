/**
 * What `pnpm bench:farm` compares a farm with: `Job.submitAll` on one server, whose images are saved.
 * `node benchLoop.ts <url> <workflow> <items> <directory>`.
 */
import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import * as Job from "@effect-invokeai/core/job/Job"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"

const [url = "", file = "", items = "0", directory = ""] = process.argv.slice(2)

await Effect.runPromise(
  Effect.gen(function*() {
    const workflow = yield* Workflow.fromFile(file)
    const all = yield* Effect.forEach(
      Array.from({ length: Number(items) }, (_, index) => index),
      (index) => Workflow.setInputs(workflow, { width: 64 + 8 * (index % 20), height: 64 + index })
    )
    yield* Job.submitAll(all).pipe(
      Stream.mapEffect(
        ({ index, result }) =>
          Effect.flatMap(
            Effect.fromResult(result),
            (outputs) => Downloads.outputs(outputs, { directory, template: `item-${index}` })
          ),
        { concurrency: 2, unordered: true }
      ),
      Stream.runDrain
    )
  }).pipe(Effect.provide(NodeInvokeAi.layer({ url })))
)
