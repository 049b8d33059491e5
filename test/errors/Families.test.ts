import * as Job from "@effect-invokeai/core/job/Job"
import {
  JobFailed,
  JobNotEnded,
  SubmissionError,
  SubmissionUnknown,
  WorkflowNotCompleted
} from "@effect-invokeai/core/job/JobError"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import * as Simulator from "@effect-invokeai/testing/Simulator"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"

const run = Effect.scoped(Effect.gen(function*() {
  const workflow = yield* Workflow.fromFile("test/fixtures/workflows/text-only.json")
  const job = yield* Job.submit(workflow)
  return yield* job.await
}))

describe("An error that stands for several", () => {
  it("has the message of its reason, safe to print, and shows the reason as its cause", () => {
    const reason = new JobNotEnded({ batchId: "b", status: "\u001b[2Jrunning", outputs: [] })
    const error = new WorkflowNotCompleted({ reason })
    assert.strictEqual(error.message, reason.message)
    assert.include(error.message, "running")
    assert.notInclude(error.message, "\u001b")
    assert.strictEqual(error.cause, reason)
    assert.strictEqual(error.name, "WorkflowNotCompleted")
    assert.isFalse(error.isRetryable)
  })

  it("is retryable only if its reason is, whatever caused the reason", () => {
    const cause = Object.assign(new Error("reset"), { isRetryable: true })
    const reason = new SubmissionUnknown({ batchId: "b", detail: "no response", cause })
    assert.isFalse(new SubmissionError({ reason }).isRetryable)
  })

  it.effect("says why a workflow could not be submitted", () =>
    Effect.gen(function*() {
      const workflow = yield* Workflow.fromFile("test/fixtures/workflows/text-only.json")
      const names = yield* Effect.scoped(Job.submit(workflow, { board: "nowhere" })).pipe(
        Effect.andThen(Effect.die("submitted")),
        Effect.catchReason("SubmissionError", "BoardNotFound", (reason) => Effect.succeed(reason.board))
      )
      assert.strictEqual(names, "nowhere")
    }).pipe(Effect.provide([InvokeAiTest.layer(), NodeServices.layer])))

  it.effect("is handled by reason, with the fields of the reason", () =>
    Effect.gen(function*() {
      yield* InvokeAiTest.whenNode("add", Simulator.failsWith("ValueError", "the sum is too large"))
      const failed = yield* run.pipe(
        Effect.andThen(Effect.die("completed")),
        Effect.catchReason("WorkflowNotCompleted", "JobFailed", (reason, error) => {
          assert.strictEqual(error.reason, reason)
          return Effect.succeed(reason)
        })
      )
      assert.instanceOf(failed, JobFailed)
      assert.strictEqual(failed.errorType, "ValueError")
      assert.isAbove(failed.outputs.all.length, 0)
      const unwrapped = yield* Effect.flip(Effect.unwrapReason(run, "WorkflowNotCompleted"))
      assert.strictEqual(unwrapped._tag, "JobFailed")
    }).pipe(Effect.provide([InvokeAiTest.layer(), NodeServices.layer])))
})
