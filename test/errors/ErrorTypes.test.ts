import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import type { CatalogSource } from "@effect-invokeai/core/catalog/NodeCatalog"
import * as Job from "@effect-invokeai/core/job/Job"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import type { WorkflowResources } from "@effect-invokeai/core/workflow/WorkflowResources"
import * as Effect from "effect/Effect"
import { describe, expectTypeOf, it } from "vitest"

const program = () =>
  Effect.gen(function*() {
    const workflow = yield* Workflow.fromFile("workflow.json")
    const photo = yield* Assets.uploadFile("photo.png")
    const job = yield* Job.submit(yield* Workflow.setInputs(workflow, { photo }))
    const { outputs } = yield* job.await
    return yield* Downloads.outputs(outputs, { directory: "outputs" })
  })

type Tags = ReturnType<typeof program> extends
  Effect.Effect<unknown, infer E extends { readonly _tag: string }, infer _R> ? E["_tag"]
  : never

describe("The errors of a program that uploads, submits, waits and downloads", () => {
  it("are exactly these, and include InvokeAiError for an unavailable server everywhere", () => {
    expectTypeOf<Tags>().toEqualTypeOf<
      | "WorkflowNotFound"
      | "WorkflowParseError"
      | "InputError"
      | "InvalidOption"
      | "WorkflowNotReady"
      | "SubmissionError"
      | "RecordError"
      | "WorkflowNotCompleted"
      | "UploadError"
      | "DownloadError"
      | "InvokeAiError"
    >()
  })

  it("have names: Workflow.LoadError, Job.SubmitError, Job.AwaitError", () => {
    expectTypeOf(Workflow.fromLibrary).returns.toEqualTypeOf<
      Effect.Effect<Workflow.Workflow, Workflow.LoadError, CatalogSource | WorkflowResources>
    >()
    expectTypeOf<Effect.Error<ReturnType<typeof Job.submit>>>().toEqualTypeOf<Job.SubmitError>()
    expectTypeOf<Effect.Error<Job.Job["await"]>>().toEqualTypeOf<Job.AwaitError>()
  })
})
