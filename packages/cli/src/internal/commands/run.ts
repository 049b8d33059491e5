/** `run`, `attach`, `outputs` and `cancel`. */
import { Assets } from "@effect-invokeai/core/assets/Assets"
import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import type { ImageFormat } from "@effect-invokeai/core/assets/Downloads"
import * as Job from "@effect-invokeai/core/job/Job"
import type { WorkflowNotCompleted } from "@effect-invokeai/core/job/JobError"
import type { WorkflowOutput } from "@effect-invokeai/core/job/Outputs"
import * as Run from "@effect-invokeai/core/run/Run"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as Data from "effect/Data"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as Scope from "effect/Scope"
import * as CommandResult from "../../CommandResult.ts"
import { outcome, Output } from "../Output.ts"
import * as ProgressDisplay from "../progressDisplay.ts"
import * as Server from "../server.ts"
import * as Values from "../values.ts"
import * as WorkflowSource from "../workflowSource.ts"

/** Where images go, and as what. */
interface Saving {
  readonly out: string
  readonly name: Option.Option<string>
  readonly format: ImageFormat
}

/** The flags of `run`. */
export interface RunInput extends Saving {
  readonly workflow: string
  readonly inputs: Readonly<Record<string, Option.Option<string | boolean>>>
  readonly set: ReadonlyArray<string>
  readonly values: Option.Option<string>
  readonly runs: number
  readonly seed: Option.Option<string>
  readonly board: Option.Option<string>
  readonly timeout: Option.Option<string>
  readonly detach: boolean
}

const downloadOptions = (saving: Saving, workflow: string | undefined): Downloads.OutputsOptions => ({
  directory: saving.out,
  format: saving.format,
  ifExists: "rename",
  template: Option.getOrUndefined(saving.name),
  workflow
})

/** Fails if no file could be saved, before there is anything to save. */
const checkSaving = (saving: Saving) =>
  Effect.mapError(
    Run.checkDownloads(downloadOptions(saving, undefined)),
    ({ detail, message, path, reason }) =>
      new Values.InvalidArgument(
        reason === "InvalidTemplate"
          ? { argument: `--name ${Option.getOrElse(saving.name, () => "")}`, reason: detail ?? message }
          : { argument: `--out ${path ?? saving.out}`, reason: message }
      )
  )

/** A `DownloadError` of the library with the batch whose images could not be saved. */
export class NotSaved extends Data.TaggedError("DownloadError")<{
  readonly batchId: string
  readonly cause: Downloads.DownloadError
}> {
  override get message(): string {
    return this.cause.message
  }
}

/** Downloads the results of a job. */
const save = Effect.fnUntraced(function*(outputs: WorkflowOutput, saving: Saving, workflow: string | undefined) {
  const output = yield* Output
  const { files } = yield* Effect.mapError(
    Downloads.outputs(outputs, downloadOptions(saving, workflow)),
    (error) => error._tag === "DownloadError" ? new NotSaved({ batchId: outputs.batchId, cause: error }) : error
  )
  for (const file of files) yield* output.event({ type: "downloaded", path: file.path })
  return files.map((file): CommandResult.File => ({
    path: file.path,
    image: file.imageName,
    kind: file.kind,
    size: file.size
  }))
})

const describeRun = (
  outputs: WorkflowOutput,
  files: ReadonlyArray<CommandResult.File>
): CommandResult.Run => ({
  batchId: outputs.batchId,
  status: "completed",
  images: outputs.finalImages.map((image) => ({
    name: image.imageName,
    nodeId: image.nodeId,
    node: image.nodeLabel === "" ? image.nodeType : image.nodeLabel,
    width: image.width,
    height: image.height
  })),
  files,
  seeds: outputs.finalImages.map((image) => image.seed),
  elapsedSeconds: Duration.toSeconds(outputs.executionTime)
})

/** What a job that did not complete has made. */
const outputsOf = ({ reason }: WorkflowNotCompleted): WorkflowOutput | undefined =>
  reason._tag === "JobFailed" || reason._tag === "JobCanceled" || reason._tag === "JobLost" ? reason.outputs : undefined

/** Waits for a job and shows its progress. If it fails or is canceled, the images that it made before are saved. */
const follow = Effect.fnUntraced(function*(job: Job.Job, saving: Saving, workflow: string | undefined) {
  const output = yield* Output
  const end = yield* ProgressDisplay.show(job)
  const { outputs } = yield* Effect.onExit(job.await, end).pipe(
    Effect.tapErrorTag("WorkflowNotCompleted", (error) =>
      Effect.gen(function*() {
        const made = outputsOf(error)
        if (made === undefined || made.finalImages.length === 0) return
        const files = yield* save(made, saving, workflow)
        yield* output.note(
          ["The images that the job made before are saved:", ...files.map(({ path }) => path)].join("\n")
        )
      }))
  )
  return outputs
})

const finish = Effect.fnUntraced(function*(outputs: WorkflowOutput, saving: Saving, workflow: string | undefined) {
  const files = yield* save(outputs, saving, workflow)
  return yield* outcome(
    CommandResult.Run,
    describeRun(outputs, files),
    files.length === 0 ? "The job completed without an image that is kept." : files.map((file) => file.path).join("\n")
  )
})

const seedOf = (text: string): number | "keep" | "random" | "perRun" =>
  // the library reports which seeds are valid
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  /^-?\d+$/.test(text) ? Number(text) : text as "keep"

/** Fails with the flag whose value cannot be right for any workflow. */
const checkNumbers = ({ runs, seed }: RunInput): Effect.Effect<void, Values.InvalidArgument> => {
  if (runs < 1) {
    const reason = "expected an integer greater than 0"
    return Effect.fail(new Values.InvalidArgument({ argument: `--runs ${runs}`, reason }))
  }
  if (Option.isSome(seed) && !/^(?:-?\d+|keep|random|perRun)$/.test(seed.value)) {
    const reason = "expected an integer, random, perRun or keep"
    return Effect.fail(new Values.InvalidArgument({ argument: `--seed ${seed.value}`, reason }))
  }
  return Effect.void
}

/** Submits a loaded workflow and waits for its results. */
export const runWorkflow = Effect.fnUntraced(function*(loaded: Workflow.Workflow, input: RunInput) {
  yield* checkNumbers(input)
  const output = yield* Output
  const timeout = Option.isNone(input.timeout) ? undefined : yield* Values.durationOf(input.timeout.value)
  if (!input.detach) yield* checkSaving(input)
  // a detached job needs its uploads longer than this process lives
  const uploading = yield* Scope.make()
  yield* Effect.addFinalizer((exit) =>
    input.detach && Exit.isSuccess(exit) ? Effect.void : Scope.close(uploading, exit)
  )
  const ready = Scope.provide(
    Values.setAll(loaded, {
      flags: Object.fromEntries(
        Object.entries(input.inputs).map(([name, value]) => [name, Option.getOrUndefined(value)])
      ),
      set: input.set,
      file: input.values
    }),
    uploading
  )
  const { job, workflow } = yield* Run.submitPrepared(ready, {
    runs: input.runs,
    seed: Option.isNone(input.seed) ? undefined : seedOf(input.seed.value),
    board: Option.getOrUndefined(input.board),
    timeout
  })
  const items = job.enqueued?.itemIds.length ?? Workflow.sweepSize(workflow, input.runs)
  yield* output.event({ type: "submitted", batchId: job.batchId, items })
  if (!input.detach) yield* output.note(`Batch ${job.batchId}`)
  if (input.detach) {
    yield* job.detach
    const uploads = (yield* (yield* Assets).held).map((asset) => asset.imageName)
    if (uploads.length > 0) {
      yield* output.note(`The job needs uploaded images, which stay on the server: ${uploads.join(", ")}`)
    }
    return yield* outcome(
      CommandResult.Run,
      { batchId: job.batchId, status: "submitted", images: [], files: [], seeds: [], elapsedSeconds: 0 },
      job.batchId
    )
  }
  return yield* finish(yield* follow(job, input, workflow.definition.name), input, workflow.definition.name)
})

/** `run`: sets inputs, runs the workflow and saves its images. `loaded` is the workflow if it was loaded for its flags. */
export const run = (loaded: Workflow.Workflow | undefined) =>
  Effect.fn("Command.run")(
    function*(input: RunInput) {
      return yield* runWorkflow(loaded ?? (yield* WorkflowSource.load(input.workflow)), input)
    },
    Effect.scoped,
    Effect.provide(Server.layer)
  )

/** `attach`: waits for a job that is on the server, and saves its images. */
export const attach = Effect.fn("Command.attach")(
  function*(input: Saving & { readonly batch: string }) {
    yield* checkSaving(input)
    const job = yield* Job.attach(input.batch)
    return yield* finish(yield* follow(job, input, undefined), input, undefined)
  },
  Effect.scoped,
  Effect.provide(Server.layer)
)

/** `outputs`: saves the images of a job that has ended. */
export const outputs = Effect.fn("Command.outputs")(
  function*(input: Saving & { readonly batch: string }) {
    const job = yield* Job.attach(input.batch)
    const queue = yield* SessionQueue
    const { in_progress, pending, waiting = 0 } = yield* queue.batchStatus(input.batch)
    // a job that has ended is read to the end; one that has not says so
    const result = in_progress + pending + waiting > 0 ? job.outputs : Effect.map(job.await, (ended) => ended.outputs)
    return yield* finish(yield* result, input, undefined)
  },
  Effect.scoped,
  Effect.provide(Server.layer)
)

/** `cancel`: cancels a job, and removes it from the queue if the server cannot read it. */
export const cancel = Effect.fn("Command.cancel")(
  function*(input: { readonly batch: string }) {
    const job = yield* Job.attach(input.batch)
    const result = yield* job.cancel
    return yield* outcome(
      CommandResult.Cancel,
      result,
      result.canceled.length === 0
        ? `Nothing to cancel: all ${result.finished.length} items had ended.`
        : `Canceled ${result.canceled.length} of ${result.canceled.length + result.finished.length} items.`
    )
  },
  Effect.scoped,
  Effect.provide(Server.layer)
)
