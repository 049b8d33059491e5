/** Use case 3: submit a workflow, and track it until it ends. `node examples/03-submit-and-follow.ts` */
import * as Job from "@effect-invokeai/core/job/Job"
import { Boards } from "@effect-invokeai/core/server/Boards"
import type * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { listInputs } from "./01-list-inputs.ts"
import { setInputs } from "./02-set-inputs.ts"
import { showProgress } from "./lib/progress.ts"
import { run } from "./lib/run.ts"

/** Runs a workflow and waits for it. If the scope closes earlier, for example on Ctrl-C, the job is canceled. */
export const submitAndFollow = Effect.fn("submitAndFollow")(function*(workflow: Workflow.Workflow) {
  const boards = yield* Boards
  const board = yield* boards.findOrCreate("samples")

  const job = yield* Job.submit(workflow, { board: board.board_id, timeout: "10 minutes", onTimeout: "cancel" })
  yield* Console.log(`Batch submitted: ${job.batchId}`)
  if (job.enqueued !== null) {
    yield* Console.log(`Items enqueued: ${job.enqueued.enqueued}/${job.enqueued.requested}`)
    yield* Console.log(`Item IDs: [${job.enqueued.itemIds.join(", ")}]`)
  }

  yield* Stream.runForEach(job.events, showProgress)
  const result = yield* job.await

  yield* Console.log(`\nFinal status: ${result.status}`)
  yield* Console.log(`Session ID: ${result.outputs.sessionId}`)
  yield* Console.log(`Total execution time: ${Duration.toSeconds(result.timing.elapsed)}s`)
  return job
})

if (import.meta.main) run(listInputs.pipe(Effect.flatMap(setInputs), Effect.flatMap(submitAndFollow)))
