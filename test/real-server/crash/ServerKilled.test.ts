import * as Job from "@effect-invokeai/core/job/Job"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Schedule from "effect/Schedule"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { ensureInstalled } from "../../../scripts/real-server/Install.ts"
import { releaseOf } from "../../../scripts/real-server/Releases.ts"
import { start } from "../../../scripts/real-server/Server.ts"
import * as Support from "../Support.ts"

const submit = Effect.fnUntraced(
  function*(name: string, values: Readonly<Record<string, unknown>>, options: Job.SubmitOptions = {}) {
    const workflow = yield* Workflow.fromFile(Support.workflowFile(name))
    return yield* Job.submit(yield* Workflow.setInputs(workflow, values), options)
  }
)

it.live(
  "reports the real outcome of every job if the server is killed with -9 halfway and restarted",
  () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const installation = yield* Effect.flatMap(releaseOf(Support.version), ensureInstalled)
      // The server outlives the jobs, which clean up when their scope closes.
      const servers = yield* Effect.scope
      const root = yield* fs.makeTempDirectoryScoped({ prefix: "effect-invokeai-killed-" })
      const first = yield* start(installation, { database: "file", root })
      const port = Number(new URL(first.url).port)

      yield* Effect.gen(function*() {
        const queue = yield* SessionQueue
        // The first item of three runs, the others wait; behind them a job that waits, and one that will be canceled.
        const long = yield* submit("many-blurs", { Rounds: 12 }, { runs: 3 })
        const waiting = yield* submit("text-only", { Name: "waiting", Number: 3, Plus: 4 })
        const unwanted = yield* submit("many-blurs", {}, { runs: 2 })
        const running = yield* long.events.pipe(
          Stream.filter((event) => event._tag === "InvocationComplete" && event.nodeType === "img_blur"),
          Stream.runHead
        )
        assert.strictEqual(running._tag, "Some")
        process.kill(first.pid, "SIGKILL")
        const readers = yield* Effect.forkChild(Effect.all([
          Stream.runDrain(long.events),
          Stream.runCollect(waiting.outputStream),
          Effect.flip(long.await),
          waiting.await,
          Effect.flip(unwanted.await)
        ], { concurrency: "unbounded" }))
        // Requested while the server is down: it is done when the server is up again.
        const canceling = yield* Effect.forkChild(
          Effect.retry(unwanted.cancel, {
            while: (error) => error.isRetryable,
            schedule: Schedule.spaced("500 millis")
          })
        )
        yield* Scope.provide(start(installation, { database: "file", root, port }), servers)

        const [, streamed, lost, done, canceled] = yield* Effect.timeout(Fiber.join(readers), "60 seconds")
        assert.strictEqual(lost.reason._tag, "JobCanceled")
        if (lost.reason._tag !== "JobCanceled") return
        // Not by this program: only the item that ran, and the others went on.
        assert.isFalse(lost.reason.requested)
        assert.include(lost.message, "restart")
        const items = yield* long.items
        assert.deepStrictEqual(items.map((item) => item.status), ["canceled", "completed", "completed"])
        assert.deepStrictEqual([...lost.reason.itemIds], [items[0]?.itemId])
        for (const item of lost.reason.outputs.items.slice(1)) {
          assert.isAtLeast(item.outputs.filter((output) => output._tag === "InkImageOutput").length, 11)
        }

        assert.deepStrictEqual(done.outputs.integers.map((integer) => integer.value), [3, 7])
        assert.strictEqual(streamed.length, done.outputs.all.length)

        assert.strictEqual(canceled.reason._tag, "JobCanceled")
        if (canceled.reason._tag === "JobCanceled") assert.isTrue(canceled.reason.requested)
        yield* Fiber.await(canceling)

        for (const job of [long, waiting, unwanted]) {
          const status = yield* queue.batchStatus(job.batchId)
          assert.deepStrictEqual([status.pending, status.in_progress], [0, 0])
        }
        assert.strictEqual((yield* queue.listAll()).length, 6)
      }).pipe(Effect.scoped, Effect.provide(NodeInvokeAi.layer({ url: first.url })))
    }).pipe(Effect.scoped, Effect.provide([NodeServices.layer, FetchHttpClient.layer])),
  150_000
)
