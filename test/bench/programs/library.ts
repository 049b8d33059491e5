/** The items of `scripts/bench.ts` with the library, as it is installed. */
import type { Services } from "@effect-invokeai/node/NodeInvokeAi"
import { atATime, item, jobs, printStart, printWarm, runs, url, workflow } from "./report.ts"

const Effect = await import("effect/Effect")
const Workflow = await import("@effect-invokeai/core/workflow/Workflow")

switch (item) {
  case "inputs": {
    const Snapshot = await import("@effect-invokeai/core/catalog/Snapshot")
    const NodeFileSystem = await import("@effect/platform-node/NodeFileSystem")
    const NodePath = await import("@effect/platform-node/NodePath")
    await Effect.runPromise(
      Effect.gen(function*() {
        if ((yield* Workflow.fromFile(workflow)).inputs.length === 0) throw new Error("no inputs")
        printStart()
      }).pipe(Effect.provide([Snapshot.layer, NodeFileSystem.layer, NodePath.layer]))
    )
    break
  }
  case "server-inputs": {
    const NodeInvokeAi = await import("@effect-invokeai/node/NodeInvokeAi")
    await Effect.runPromise(
      Effect.gen(function*() {
        if ((yield* Workflow.fromFile(workflow)).inputs.length === 0) throw new Error("no inputs")
        printStart()
      }).pipe(Effect.provide(NodeInvokeAi.layer({ url })))
    )
    break
  }
  default: {
    const NodeInvokeAi = await import("@effect-invokeai/node/NodeInvokeAi")
    const Downloads = await import("@effect-invokeai/core/assets/Downloads")
    const Job = await import("@effect-invokeai/core/job/Job")
    await Effect.runPromise(
      Effect.gen(function*() {
        const run = Effect.runPromiseWith(yield* Effect.context<Services>())
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
  }
}
