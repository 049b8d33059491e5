import { UploadError, UploadErrorReason } from "@effect-invokeai/core/assets/Assets"
import { DownloadError, DownloadErrorReason } from "@effect-invokeai/core/assets/Downloads"
import * as WorkflowProblems from "@effect-invokeai/core/batch/WorkflowProblems"
import { InvalidOption, InvokeAiError, InvokeAiErrorReason } from "@effect-invokeai/core/InvokeAiError"
import * as JobError from "@effect-invokeai/core/job/JobError"
import { RecordError, RecordErrorReason } from "@effect-invokeai/core/job/JobJournal"
import * as RetryAdvice from "@effect-invokeai/core/run/RetryAdvice"
import * as Run from "@effect-invokeai/core/run/Run"
import * as TypedWorkflow from "@effect-invokeai/core/run/TypedWorkflow"
import * as InputError from "@effect-invokeai/core/workflow/InputError"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import * as Simulator from "@effect-invokeai/testing/Simulator"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Schedule from "effect/Schedule"
import { drive } from "../time.ts"

const { fromError } = RetryAdvice

type Tag = Parameters<typeof fromError>[0]["_tag"]

const request = (
  tag: Exclude<InvokeAiError["reason"]["_tag"], "Unsupported">,
  more: Partial<InvokeAiError> = {}
) => new InvokeAiError({ method: "GET", path: "/x", detail: "", ...more, reason: { _tag: tag } })

const unsupported = new InvokeAiError({
  method: "GET",
  path: "/x",
  detail: "",
  status: 404,
  reason: { _tag: "Unsupported", version: "6.8.1", operation: "GET /x", since: "6.14" }
})

const busy = request("Server", { status: 503 })

const record = (reason: RecordError["reason"]) =>
  new RecordError({ reason, record: "journal", operation: "write", path: "x" })

const submission = (reason: JobError.SubmissionError["reason"]) => new JobError.SubmissionError({ reason })
const notCompleted = (reason: JobError.WorkflowNotCompleted["reason"]) => new JobError.WorkflowNotCompleted({ reason })

const outputs: JobError.JobFailed["outputs"] = Object.create(null)

const failed = (...errors: ReadonlyArray<readonly [errorType: string, message: string]>) =>
  notCompleted(
    new JobError.JobFailed({
      batchId: "b",
      outputs,
      failures: errors.map(([errorType, message], itemId) => ({
        itemId,
        error: { nodeId: "n", nodeLabel: "", nodeType: "t", errorType, message, traceback: null }
      }))
    })
  )

const rejected = (...messages: ReadonlyArray<string>) =>
  submission(
    new JobError.SubmissionRejected({
      batchId: "b",
      problems: messages.map((message) => ({
        nodeId: "",
        nodeLabel: "",
        nodeType: "",
        fieldName: "",
        input: "",
        message
      }))
    })
  )

const incomplete = (requested: number) =>
  submission(new JobError.SubmissionIncomplete({ batchId: "b", enqueued: 0, requested, itemIds: [], kept: false }))

const blocked = (own: boolean) => new JobError.QueueBlocked({ batchId: "b", itemIds: [], own, detail: "" })

const timeout = (status: string, canceled: boolean) =>
  notCompleted(
    new JobError.JobTimeout({ batchId: "b", timeout: 1, status, onTimeout: "cancel", canceled, remaining: [] })
  )

const notReady = (...problems: ReadonlyArray<Pick<WorkflowProblems.Problem, "code" | "source">>) =>
  new WorkflowProblems.WorkflowNotReady({
    problems: problems.map(({ code, source }) => ({ code, source, message: "" }))
  })

const missingModel = { code: "missingModel", source: "resource" } as const
const unknownNode = { code: "missingNodeTemplate", source: "interface" } as const
const missingValue = { code: "missingInputForField", source: "interface" } as const

const unknownTag = "Input tag 'x' found using 'type' does not match any of the expected tags: 'add', 'sub'"

const canceled = (requested: boolean) =>
  notCompleted(new JobError.JobCanceled({ batchId: "b", itemIds: [1], requested, outputs }))

/** Errors with their advice. The compiler asks for those of a new tag. */
const expected: {
  readonly [Each in Tag]: ReadonlyArray<readonly [RetryAdvice.RetryAdvice, Parameters<typeof fromError>[0]]>
} = {
  InvalidOption: [["never", new InvalidOption({ subject: "option", option: "x", expected: "", received: "" })]],
  InputError: [["never", new InputError.InputError({ reason: new InputError.NoSeedInput() })]],
  WorkflowNotFound: [["never", new Workflow.WorkflowNotFound({ source: "x", reason: "FileMissing" })]],
  WorkflowParseError: [["never", new Workflow.WorkflowParseError({ source: "x", reason: "" })]],
  WorkflowChanged: [["never", new TypedWorkflow.WorkflowChanged({ workflow: "x", changes: [] })]],
  WorkflowNotReady: [
    ["never", notReady(missingValue)],
    ["never", notReady(missingValue, missingModel)],
    ["elsewhere", notReady(missingModel, unknownNode)]
  ],
  JobNotFound: [["later", new JobError.JobNotFound({ batchId: "b" })]],
  SubmissionError: [
    ["never", rejected("Node a is invalid")],
    ["never", rejected(unknownTag, "Node a is invalid")],
    ["elsewhere", rejected(unknownTag)],
    ["never", incomplete(0)],
    ["later", incomplete(3)],
    ["later", submission(new JobError.SubmissionUnknown({ batchId: "b", detail: "", cause: undefined }))],
    ["elsewhere", submission(new JobError.BoardNotFound({ board: "x", matches: [], available: [] }))],
    ["never", submission(blocked(true))]
  ],
  WorkflowNotCompleted: [
    ["never", failed(["ValueError", "wrong"])],
    ["never", failed(["OutOfMemoryError", ""], ["ValueError", "wrong"])],
    ["never", failed()],
    ["elsewhere", failed(["OutOfMemoryError", "CUDA out of memory. Tried to allocate 2.00 GiB"])],
    ["elsewhere", failed(["RuntimeError", "CUDA error: out of memory"])],
    ["elsewhere", failed(["RuntimeError", "MPS backend out of memory (MPS allocated: 18.13 GB)"])],
    ["elsewhere", failed(["RuntimeError", "cuDNN error: CUDNN_STATUS_ALLOC_FAILED"])],
    ["elsewhere", failed(["RuntimeError", "UR error: UR_RESULT_ERROR_OUT_OF_DEVICE_MEMORY"])],
    [
      "elsewhere",
      failed(["RuntimeError", "DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"])
    ],
    ["elsewhere", failed(["MemoryError", ""])],
    ["elsewhere", failed(["Exception", "Unknown model 6f7a"])],
    ["elsewhere", failed(["UnknownModelException", "model not found"])],
    ["elsewhere", failed(["ImageRecordNotFoundException", "Image record not found"])],
    ["elsewhere", failed(["OSError", "[Errno 28] No space left on device"])],
    ["never", canceled(true)],
    ["later", canceled(false)],
    ["later", notCompleted(new JobError.JobLost({ batchId: "b", itemIds: [1], imageNames: [], outputs }))],
    ["elsewhere", timeout("in_progress", true)],
    ["elsewhere", timeout("unsent", false)],
    ["later", timeout("in_progress", false)],
    ["later", notCompleted(new JobError.JobNotEnded({ batchId: "b", status: "pending", outputs: [] }))],
    ["elsewhere", notCompleted(blocked(false))]
  ],
  InvokeAiError: [
    ["elsewhere", request("Transport", { code: "ECONNREFUSED" })],
    ["never", request("Transport", { code: "ERR_INVALID_URL" })],
    ["elsewhere", request("Unauthorized", { status: 401 })],
    ["elsewhere", request("Forbidden", { status: 403 })],
    ["elsewhere", request("NotFound", { status: 404 })],
    ["later", request("Conflict", { status: 409 })],
    ["never", request("Validation", { status: 422 })],
    ["later", busy],
    ["later", request("Server", { status: 429 })],
    ["elsewhere", request("Server", { status: 501 })],
    ["later", request("Decode", { status: 200, code: "ERR_BODY" })],
    ["elsewhere", request("Decode", { status: 200, code: "ERR_HTML" })],
    ["elsewhere", unsupported]
  ],
  RecordError: [
    ["later", record("Locked")],
    ["later", record("DiskFull")],
    ["later", record("File")],
    ["never", record("NotARecord")],
    ["never", record("Permission")],
    ["never", record("NotADirectory")]
  ],
  UploadError: UploadErrorReason.literals.map((reason) => [
    (["BoardMissing", "ImageMissing", "Forbidden", "Connection"] as const).some((each) => each === reason)
      ? "elsewhere"
      : (["Download", "NotRecorded", "Server", "Timeout"] as const).some((each) => each === reason)
      ? "later"
      : "never",
    new UploadError({ reason, source: "x", ...(reason === "Server" ? { cause: busy } : {}) })
  ]),
  DownloadError: DownloadErrorReason.literals.map((reason) => [
    (["NotFound", "Forbidden", "InvalidImage", "Unsupported"] as const).some((each) => each === reason)
      ? "elsewhere"
      : (["Connection", "Server", "Truncated", "DiskFull", "File"] as const).some((each) => each === reason)
      ? "later"
      : "never",
    new DownloadError({ reason, imageName: "x", ...(reason === "Server" ? { cause: busy } : {}) })
  ])
}

describe("RetryAdvice.fromError", () => {
  for (const [tag, cases] of Object.entries(expected)) {
    it(`says where a job can run again after each kind of ${tag}`, () => {
      for (const [advice, error] of cases) assert.strictEqual(fromError(error), advice, error.message)
    })
  }

  it("was tested for each reason", () => {
    const tagsOf = (errors: (typeof expected)[Tag]) =>
      errors.map(([, error]) => {
        const reason: unknown = "reason" in error ? error.reason : undefined
        return Predicate.hasProperty(reason, "_tag") ? reason._tag : reason
      })
    const reasons = (error: { readonly fields: { readonly reason: { readonly members: ReadonlyArray<object> } } }) =>
      error.fields.reason.members.map((member) => "name" in member ? member.name : "")
    const all = (list: ReadonlyArray<unknown>) => [...new Set(list.map(String))].toSorted()
    assert.deepStrictEqual(all(tagsOf(expected.SubmissionError)), all(reasons(JobError.SubmissionError)))
    assert.deepStrictEqual(all(tagsOf(expected.WorkflowNotCompleted)), all(reasons(JobError.WorkflowNotCompleted)))
    assert.deepStrictEqual(all(tagsOf(expected.RecordError)), all(RecordErrorReason.literals))
    assert.deepStrictEqual(
      all(tagsOf(expected.InvokeAiError)),
      all(InvokeAiErrorReason.members.map(({ fields }) => fields._tag.schema.literal))
    )
  })

  it("follows the cause of an upload or a download that the server failed", () => {
    const broken = request("Server", { status: 501 })
    assert.strictEqual(fromError(new UploadError({ reason: "Server", source: "x", cause: broken })), "elsewhere")
    assert.strictEqual(fromError(new DownloadError({ reason: "Server", imageName: "x", cause: broken })), "elsewhere")
    assert.strictEqual(
      fromError(new UploadError({ reason: "NotRecorded", source: "x", cause: record("Permission") })),
      "never"
    )
  })

  it.effect("recognizes a job that ran out of memory, and one that a restart canceled", () =>
    drive(
      Effect.gen(function*() {
        const simulator = yield* Simulator.Simulator
        const run = Run.run("examples/soft-thumbnail.json", { photo: "examples/mountain.png" })
        yield* simulator.whenNode("img_resize", Simulator.failsWith("OutOfMemoryError", "CUDA out of memory."))
        assert.strictEqual(fromError(yield* Effect.flip(run)), "elsewhere")
        yield* simulator.whenNode("img_resize", Simulator.failsWith("ValueError", "wrong"))
        assert.strictEqual(fromError(yield* Effect.flip(run)), "never")
        yield* simulator.setDurations({ step: "1 second" })
        yield* simulator.whenNode("img_resize", Simulator.inSteps(20))
        yield* simulator.state.pipe(
          Effect.repeat({
            until: ({ items }) => items.at(-1)?.status === "in_progress",
            schedule: Schedule.spaced("100 millis")
          }),
          Effect.andThen(simulator.restart()),
          Effect.forkChild
        )
        assert.strictEqual(fromError(yield* Effect.flip(run)), "later")
      }).pipe(
        Effect.scoped,
        Effect.provide([InvokeAiTest.layer(), NodeServices.layer])
      )
    ))
})
