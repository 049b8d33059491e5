/**
 * Runs a workflow in one call: opens it, uploads its images, sets its inputs, submits it, waits, downloads its outputs, and
 * cleans up.
 *
 * **When to use**
 *
 * For a program that wants the result of a workflow. To keep a job running, to attach to it later, or to submit many
 * jobs concurrently, use `Job`.
 *
 * **Example** (From a file to images)
 *
 * ```ts
 * import * as Console from "effect/Console"
 * import * as Effect from "effect/Effect"
 * import * as Run from "@effect-invokeai/core/run/Run"
 *
 * const program = Effect.gen(function*() {
 *   const { files } = yield* Run.run("image-to-image.json", {
 *     prompt: "A serene mountain landscape",
 *     image: "mountain.jpg",
 *     num_steps: 30
 *   }, {
 *     directory: "outputs",
 *     onProgress: ({ fraction, node }) => Console.log(`${Math.round(fraction * 100)} % ${node?.label ?? ""}`)
 *   })
 *   for (const file of files) yield* Console.log(file.path)
 * })
 * ```
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import * as Predicate from "effect/Predicate"
import * as Stream from "effect/Stream"
import type { Assets, UploadError } from "../assets/Assets.ts"
import type { DownloadError } from "../assets/DownloadError.ts"
import {
  type DownloadedFile,
  type DownloadResult,
  type OutputsOptions,
  outputsRules
} from "../assets/DownloadOptions.ts"
import * as Downloads from "../assets/Downloads.ts"
import { checkTarget } from "../assets/internal/DownloadFile.ts"
import * as Options from "../internal/options.ts"
import { InvalidOption } from "../InvalidOption.ts"
import * as TimeLimit from "../job/internal/timeLimit.ts"
import * as Job from "../job/Job.ts"
import type { JobEvent } from "../job/JobEvent.ts"
import type { JobProgress } from "../job/JobProgress.ts"
import * as JobRecovery from "../job/JobRecovery.ts"
import type { JobResult } from "../job/JobResult.ts"
import type { Boards } from "../server/Boards.ts"
import type { Images } from "../server/Images.ts"
import type { Videos } from "../server/Videos.ts"
import type { InputError } from "../workflow/InputError.ts"
import { outputData } from "../workflow/OutputData.ts"
import type * as Workflow from "../workflow/Workflow.ts"
import * as WorkflowInterface from "../workflow/WorkflowInterface.ts"
import { open, prepare } from "./internal/prepare.ts"

export { uploadSources, withoutSources } from "./ImageSources.ts"

/** Fails with what would make every download fail, before there is anything to download. @internal */
export const checkDownloads = (options: OutputsOptions) => checkTarget(options)

/** Submits a workflow that is prepared first, with a `timeout` that counts the preparation too. @internal */
export const submitPrepared = Effect.fnUntraced(function*<E, R>(
  prepare: Effect.Effect<Workflow.Workflow, E, R>,
  options: Job.SubmitOptions
) {
  const limit = yield* TimeLimit.withPreparation(options)
  return yield* limit.submit(
    Effect.flatMap(
      limit.prepare(prepare),
      (workflow) => Effect.map(Job.submit(workflow, options), (job) => ({ job, workflow }))
    )
  )
})

type Submitting =
  | "batchId"
  | "board"
  | "runs"
  | "seed"
  | "prepend"
  | "timeout"
  | "onScopeClose"
  | "keepOutputs"
  | "deleteOutputs"
  | "origin"
type Downloading = "template" | "format" | "quality" | "ifExists" | "metadata"

/**
 * Options of a run.
 *
 * @category models
 * @since 0.1.0
 */
export interface RunOptions extends Pick<Job.SubmitOptions, Submitting>, Pick<OutputsOptions, Downloading> {
  /** The directory for downloaded images and videos. Default: no downloads. */
  readonly directory?: string | undefined
  /** Runs when the server has the job, with the job. */
  readonly onSubmitted?: ((job: Job.Job) => Effect.Effect<void>) | undefined
  /** Runs for each change of the progress, and at the end. While it runs, changes are skipped. */
  readonly onProgress?: ((progress: JobProgress) => Effect.Effect<void>) | undefined
  /** Runs for every event of the job, in order, previews of images included. */
  readonly onEvent?: ((event: JobEvent) => Effect.Effect<void>) | undefined
}

/** The options that say how to download; without a directory they have no effect. */
const downloading = {
  template: outputsRules.template,
  format: outputsRules.format,
  quality: outputsRules.quality,
  ifExists: outputsRules.ifExists,
  metadata: outputsRules.metadata
} satisfies Options.OptionRules<Pick<OutputsOptions, Downloading>>

/** @internal */
export const runRules: Options.OptionRules<RunOptions> = {
  ...downloading,
  directory: Options.nonEmptyText,
  batchId: Job.submitRules.batchId,
  board: Job.submitRules.board,
  runs: Job.submitRules.runs,
  seed: Job.submitRules.seed,
  prepend: Job.submitRules.prepend,
  timeout: Job.submitRules.timeout,
  onScopeClose: Job.submitRules.onScopeClose,
  keepOutputs: Job.submitRules.keepOutputs,
  deleteOutputs: Job.submitRules.deleteOutputs,
  origin: Job.submitRules.origin,
  onSubmitted: Options.functionValue,
  onProgress: Options.functionValue,
  onEvent: Options.functionValue
}

/**
 * What a run made.
 *
 * @category models
 * @since 0.1.0
 */
export interface RunResult {
  /** The id of the batch on the server. */
  readonly batchId: string
  /**
   * The outputs by public name, as plain data: one value, or a list if `InterfaceOutput.many` is true. An output whose
   * node did not run is absent, or an empty list. `WorkflowInterface.make(workflow).outputSchema` is its schema.
   */
  readonly outputs: Readonly<Record<string, unknown>>
  /** The images that the official UI shows in its gallery, in the order of the batch. */
  readonly images: ReadonlyArray<WorkflowInterface.ImageData>
  /** The files that were downloaded; empty without `directory`. */
  readonly files: ReadonlyArray<DownloadedFile>
  /** Everything else about the job: items, times, and the typed outputs of all nodes. */
  readonly job: JobResult
}

/**
 * Why a run failed.
 *
 * @category errors
 * @since 0.1.0
 */
export type RunError =
  | Workflow.LoadError
  | InputError
  | UploadError
  | Job.SubmitError
  | Job.AwaitError
  | DownloadError

/**
 * The services that a run needs: those of `InvokeAi.Services`, and a file system for paths. `NodeInvokeAi.layer` provides
 * all of them.
 *
 * @category models
 * @since 0.1.0
 */
export type RunServices =
  | Workflow.LoadServices
  | Job.JobServices
  | Boards
  | Assets
  | Images
  | Videos
  | FileSystem.FileSystem
  | Path.Path

/**
 * A workflow to run: the path or `file:` URL of an exported file, an opened workflow, or the JSON value of a file.
 *
 * @category models
 * @since 0.1.0
 */
export type RunSource = string | URL | Workflow.Workflow | object

/** The options of a download without a directory would be ignored. */
const checkDirectory = (options: RunOptions): Effect.Effect<void, InvalidOption> => {
  const given = Object.entries(options).find(([name, value]) => name in downloading && value !== undefined)
  return options.directory !== undefined || given === undefined ? Effect.void : Effect.fail(
    new InvalidOption({
      subject: "option",
      option: "directory",
      expected: `a directory for the option ${JSON.stringify(given[0])}`,
      received: "undefined"
    })
  )
}

const pathsOf = ({ files }: DownloadResult): ReadonlyMap<string, string> =>
  new Map(files.filter(({ kind }) => kind !== "metadata").map(({ imageName, path }) => [imageName, path]))

const withPath = (value: unknown, paths: ReadonlyMap<string, string>): unknown => {
  if (!Predicate.isObject(value)) return value
  const name = "imageName" in value ? value.imageName : "videoName" in value ? value.videoName : undefined
  const path = typeof name === "string" ? paths.get(name) : undefined
  return path === undefined ? value : { ...value, path }
}

/** The outputs of a job by public name, as plain data. */
const outputsOf = (
  { outputs }: WorkflowInterface.WorkflowInterface,
  { outputs: { all } }: JobResult,
  paths: ReadonlyMap<string, string>
): Readonly<Record<string, unknown>> =>
  Object.fromEntries(outputs.flatMap(({ many, name, nodeId }) => {
    const values = all.filter((output) => output.nodeId === nodeId).flatMap(({ data, type }) =>
      outputData(type).read(data)
    ).map((value) => withPath(value, paths))
    return many ? [[name, values]] : values.length === 0 ? [] : [[name, values[0]]]
  }))

/**
 * Runs a workflow, and returns its outputs by name.
 *
 * **Details**
 *
 * Values are set by public name (`WorkflowInterface`), user name or system name, as `Workflow.setInputs` accepts them. An
 * image is also a path, a URL (`http:`, `https:`, `file:` or `data:`), a `Uint8Array`, a `Blob`, or an output of an earlier
 * run. A string without a slash is the path of a file if that exists, and otherwise the name of an image on the server.
 * A value that is `undefined` counts as not given. `timeout` counts reading and uploading images too.
 * Uploads are deleted at the end, whether the run succeeds, fails or is interrupted; a job that has not ended is canceled
 * unless `onScopeClose` is `detach`.
 *
 * With a `batchId`, a run is done once: if the server has the batch, nothing is uploaded or submitted, and the outputs are
 * those of that batch, see `JobRecovery.attachOrSubmit`.
 *
 * **Errors**
 *
 * - Those of `Workflow.fromFile`, `Workflow.setInputs`, `Job.submit`, `job.await` and `Downloads.outputs`.
 * - `UploadError`: an image could not be read or uploaded; nothing was submitted.
 * - `DownloadError`: the template or the directory is unusable, so nothing was submitted; or the job has completed and its
 *   files could not be written. The images of a completed job stay on the server.
 * - `InvalidOption`: an option is invalid, or there are options for downloads but no `directory`.
 *
 * @category operations
 * @since 0.1.0
 */
export const run = Effect.fn("Run.run")(function*(
  source: RunSource,
  values: Workflow.InputValues = {},
  options: RunOptions = {}
): Effect.fn.Return<RunResult, RunError, RunServices> {
  yield* Options.check(options, runRules)
  yield* checkDirectory(options)
  if (!Options.isNamedValues(values)) {
    return yield* Options.invalidArgument("values", "an object with values by input name", values)
  }
  const {
    batchId,
    directory,
    ifExists,
    format,
    metadata,
    onEvent,
    onProgress,
    onSubmitted,
    quality,
    template,
    ...submitting
  } = options
  const workflow = yield* open(source)
  const downloads = directory === undefined
    ? undefined
    : { directory, ifExists, format, metadata, quality, template, workflow: workflow.definition.name }
  if (downloads !== undefined) yield* checkTarget(downloads)
  return yield* Effect.scoped(Effect.gen(function*() {
    const { checked, upload } = yield* prepare(workflow, values)
    const limit = yield* TimeLimit.withPreparation(options)
    const ready = limit.prepare(upload)
    const job = yield* limit.submit(
      batchId === undefined
        ? Effect.flatMap(ready, (workflow) => Job.submit(workflow, submitting))
        : JobRecovery.attachOrSubmit(batchId, ready, {
          ...submitting,
          size: WorkflowInterface.isBatched(checked) ? undefined : options.runs ?? 1
        })
    )
    if (onSubmitted !== undefined) yield* onSubmitted(job)
    const [result] = yield* Effect.all([
      job.await,
      onProgress === undefined ? Effect.void : Stream.runForEach(job.progress, onProgress),
      onEvent === undefined ? Effect.void : Stream.runForEach(job.events, onEvent)
    ], { concurrency: "unbounded" })
    const downloaded: DownloadResult = downloads === undefined
      ? { files: [], images: 0, videos: 0, bytes: 0 }
      : yield* Downloads.outputs(result.outputs, downloads)
    const paths = pathsOf(downloaded)
    const self = WorkflowInterface.make(checked, { runs: options.runs })
    return {
      batchId: job.batchId,
      outputs: outputsOf(self, result, paths),
      images: result.outputs.finalImages.map(({ height, imageName, width }) => {
        const path = paths.get(imageName)
        return { imageName, width, height, ...(path === undefined ? {} : { path }) }
      }),
      files: downloaded.files,
      job: result
    }
  }))
})
