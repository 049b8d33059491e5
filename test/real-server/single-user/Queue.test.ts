import * as Job from "@effect-invokeai/core/job/Job"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { client } from "../Client.ts"
import * as Support from "../Support.ts"

it.layer(client(undefined, { blockedAfter: "2 seconds" }), { excludeTestServices: true })(
  "A queue that another user also uses",
  (it) => {
    // The server takes any value in a batch, and then cannot read the item: all items behind it wait for ever.
    const bad = {
      graph: { id: "sum", nodes: { sum: { id: "sum", type: "add", a: 1, b: 1 } }, edges: [] },
      data: [[{ node_path: "sum", field_name: "a", items: ["no number"] }]],
      runs: 1
    }

    it.effect("is reported as blocked by another user's unreadable item, and the job continues after its deletion", () =>
      Effect.gen(function*() {
        const queue = yield* SessionQueue
        const batchId = "another user's batch"
        yield* queue.enqueueBatch({ ...bad, batch_id: batchId })
        const workflow = yield* Workflow.fromFile(Support.workflowFile("text-only"))
        const job = yield* Job.submit(workflow)
        const warning = yield* job.events.pipe(
          Stream.filter((event) => event._tag === "JobWarning"),
          Stream.runHead,
          Effect.timeout("40 seconds")
        )
        assert.strictEqual(Option.getOrThrow(warning).reason, "QueueBlocked")
        yield* Job.unblockQueue(batchId)
        assert.strictEqual((yield* job.await).status, "completed")
        yield* queue.prune
      }).pipe(Effect.scoped, Effect.ensuring(SessionQueue.use((queue) => Effect.ignore(queue.clear)))))

    it.effect("is unblocked by the job itself if the unreadable item is its own", () =>
      Effect.gen(function*() {
        const queue = yield* SessionQueue
        const error = yield* Job.submitBatch({ ...bad, workflow: null, size: 1, nodes: new Map() }).pipe(
          Effect.flatMap((job) => Effect.flip(job.await)),
          Effect.scoped,
          Effect.timeout("40 seconds")
        )
        assert.strictEqual(error.reason._tag, "QueueBlocked")
        assert.isTrue(error.reason._tag === "QueueBlocked" && error.reason.own)
        const workflow = yield* Workflow.fromFile(Support.workflowFile("text-only"))
        const job = yield* Job.submit(workflow)
        assert.strictEqual((yield* job.await).status, "completed")
        yield* queue.prune
      }).pipe(Effect.scoped, Effect.ensuring(SessionQueue.use((queue) => Effect.ignore(queue.clear)))))

    it.effect("keeps a job independent of other users' jobs, a pause and a cleared queue", () =>
      Effect.gen(function*() {
        const queue = yield* SessionQueue
        yield* queue.pause
        const workflow = yield* Workflow.fromFile(Support.workflowFile("text-only"))
        const kept = yield* Job.submit(workflow)
        const deleted = yield* Job.submit(workflow)
        const [item] = deleted.enqueued?.itemIds ?? []
        yield* queue.deleteItem(item ?? -1)
        yield* queue.resume
        assert.strictEqual((yield* kept.await).status, "completed")
        const error = yield* Effect.flip(deleted.await).pipe(Effect.timeout("40 seconds"))
        // Deleting cancels first: which of the two is seen depends on who is faster.
        assert.include(["JobLost", "JobCanceled"], error.reason._tag)
      }).pipe(Effect.scoped, Effect.ensuring(SessionQueue.use((queue) => Effect.ignore(queue.resume)))))
  }
)
