/** The jobs of `scripts/bench.ts` with the library, as it is installed. */
import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import * as Job from "@effect-invokeai/core/job/Job"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import * as Effect from "effect/Effect"
import { atATime, item, jobs, printWarm, runs, url, workflow } from "./report.ts"

await Effect.runPromise(
  Effect.gen(function*() {
    const run = Effect.runPromiseWith(yield* Effect.context<NodeInvokeAi.Services>())
    const opened = yield* Workflow.fromFile(workflow)
    const job = Effect.scoped(Effect.gen(function*() {
      const job = yield* Job.submit(opened, { runs })
      const { items, outputs } = yield* job.await
      if (items.length !== runs) throw new Error("runs are missing")
      if (item === "images") {
        const bytes = yield* Effect.forEach(outputs.images, (image) => Downloads.bytes(image), { concurrency: 2 })
        if (bytes.length !== 2) throw new Error(`${bytes.length} images`)
      } else if (!outputs.integers.some(({ value }) => value === 42)) throw new Error("no result")
    }))
    const all = Effect.forEach(Array.from({ length: jobs }), () => job, { concurrency: atATime, discard: true })
    yield* Effect.promise(() => printWarm(() => run(job), () => run(all)))
  }).pipe(Effect.provide(NodeInvokeAi.layer({ url })))
)
