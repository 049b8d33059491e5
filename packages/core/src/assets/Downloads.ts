/**
 * Downloading images and videos to files, to memory, or as a stream.
 *
 * **Details**
 *
 * A file appears whole or not at all: the content goes to a temporary file in the target folder, is checked (PNG
 * signature and end, size in pixels as the server announced it), flushed to the disk, and then linked to its name.
 * Names from the server and from workflows are treated as hostile, so nothing is ever written outside the folder.
 * Memory does not grow with the size of an image.
 *
 * **Example** (All images of a finished job, each with a JSON file next to it)
 *
 * ```ts
 * import * as Downloads from "@effect-invokeai/core/assets/Downloads"
 * import type { WorkflowOutput } from "@effect-invokeai/core/job/Outputs"
 * import * as Effect from "effect/Effect"
 *
 * const save = (outputs: WorkflowOutput) =>
 *   Effect.gen(function*() {
 *     const { files } = yield* Downloads.outputs(outputs, {
 *       directory: "outputs",
 *       metadata: true,
 *       template: "{batch}/{label}-{index:3}",
 *       ifExists: "rename"
 *     })
 *     for (const file of files) yield* Effect.log(`${file.path}, ${file.size} bytes`)
 *   })
 * ```
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type * as Path from "effect/Path"
import * as Queue from "effect/Queue"
import * as Stream from "effect/Stream"
import * as Options from "../internal/options.ts"
import type { InvalidOption } from "../InvalidOption.ts"
import type { WorkflowOutput } from "../job/Outputs.ts"
import type { Images } from "../server/Images.ts"
import { Videos } from "../server/Videos.ts"
import type { DownloadError } from "./DownloadError.ts"
import {
  type DownloadOptions,
  type DownloadProgress,
  type DownloadResult,
  downloadRules,
  type FormatOptions,
  formatRules,
  type ImageReference,
  type OutputsOptions,
  outputsRules
} from "./DownloadOptions.ts"
import {
  announcedSize,
  downloadAll,
  encodeOptions,
  encodingError,
  requireCodec,
  total
} from "./internal/DownloadFile.ts"
import { fromReference, select, selectVideos } from "./internal/DownloadPlan.ts"
import { checkedStream, imageName, readBytes, withRetry } from "./internal/ImageTransfer.ts"

export { BulkDownloadFailed, zip } from "../server/BulkDownload.ts"
export { DownloadError, DownloadErrorReason } from "./DownloadError.ts"
export type * from "./DownloadOptions.ts"
export type {
  DownloadedFile,
  DownloadOptions,
  DownloadProgress,
  DownloadResult,
  FormatOptions,
  ImageReference,
  OutputsOptions,
  RetryOptions
} from "./DownloadOptions.ts"
export { type EncodeOptions, ImageCodec, ImageCodecError, type ImageFormat } from "./ImageCodec.ts"
export type { Sidecar, SidecarItem, SidecarNode, SidecarOptions } from "./Sidecar.ts"

/**
 * The bytes of an image as the server sends them, without holding it in memory.
 *
 * **Details**
 *
 * Fails with `DownloadError`, after the last byte, when what came is not the whole PNG, or not of the size that the
 * reference states. Nothing is repeated. Route: `GET /api/v1/images/i/{image_name}/full`.
 *
 * **Example** (Count the bytes of an image)
 *
 * ```ts
 * import * as Downloads from "@effect-invokeai/core/assets/Downloads"
 * import * as Stream from "effect/Stream"
 *
 * export const countBytes = (imageName: string) =>
 *   Downloads.stream(imageName).pipe(Stream.runFold(() => 0, (sum, { length }) => sum + length))
 * ```
 *
 * @category downloads
 * @since 0.1.0
 */
export const stream = (image: ImageReference): Stream.Stream<Uint8Array, DownloadError, Images> =>
  Stream.withSpan(checkedStream(image), "Downloads.stream")

/**
 * An image in memory, as PNG or in another format.
 *
 * **Details**
 *
 * Fails with `DownloadError`, when another format than `png` is asked for and no `ImageCodec` is provided too, and with
 * `InvalidOption` if an option has an invalid value or an unknown name, as all functions of this module that have options.
 *
 * **Example** (An image as bytes)
 *
 * ```ts
 * import * as Downloads from "@effect-invokeai/core/assets/Downloads"
 *
 * export const download = (imageName: string) => Downloads.bytes(imageName)
 * ```
 *
 * @category downloads
 * @since 0.1.0
 */
export const bytes = Effect.fn("Downloads.bytes")(
  function*(image: ImageReference, options: FormatOptions = {}): Effect.fn.Return<
    Uint8Array,
    DownloadError | InvalidOption,
    Images
  > {
    yield* Options.check(options, formatRules)
    const name = imageName(image)
    const format = options.format ?? "png"
    const codec = format === "png" ? undefined : yield* requireCodec(name, format)
    const expected = yield* announcedSize(image, options)
    const png = yield* readBytes(image, expected).pipe(withRetry(options))
    return codec === undefined || format === "png"
      ? png
      : yield* codec.encode(png, encodeOptions(options, format)).pipe(Effect.mapError(encodingError(name)))
  }
)

/**
 * Downloads one image to a file.
 *
 * **Example** (As a JPEG of a chosen name)
 *
 * ```ts
 * import * as Downloads from "@effect-invokeai/core/assets/Downloads"
 *
 * const portrait = Downloads.image("0f8b9d6e-2f4c-4c7e-9a55-1b0a4d7d7a10.png", {
 *   directory: "outputs",
 *   template: "portrait",
 *   format: "jpeg",
 *   quality: 95,
 *   ifExists: "overwrite"
 * })
 * ```
 *
 * @category downloads
 * @since 0.1.0
 */
export const image = Effect.fn("Downloads.image")(
  function*(reference: ImageReference, options: DownloadOptions): Effect.fn.Return<
    DownloadResult,
    DownloadError | InvalidOption,
    Images | FileSystem.FileSystem | Path.Path
  > {
    yield* Options.check(options, downloadRules)
    return total((yield* downloadAll([fromReference(reference, options)], options)).flat())
  }
)

/**
 * Downloads several images, whatever they come from.
 *
 * **Example** (Images by name)
 *
 * ```ts
 * import * as Downloads from "@effect-invokeai/core/assets/Downloads"
 *
 * export const download = (imageName: string) => Downloads.images([imageName], { directory: "images" })
 * ```
 *
 * @category downloads
 * @since 0.1.0
 */
export const images = Effect.fn("Downloads.images")(
  function*(references: Iterable<ImageReference>, options: DownloadOptions): Effect.fn.Return<
    DownloadResult,
    DownloadError | InvalidOption,
    Images | FileSystem.FileSystem | Path.Path
  > {
    yield* Options.check(options, downloadRules)
    return total((yield* downloadAll(Array.from(references, (each) => fromReference(each, options)), options)).flat())
  }
)

/**
 * Downloads videos.
 *
 * **Details**
 *
 * Like `images`, but a download that is cut off resumes where it ended, within the retries. `format` does not apply.
 * Sizes in pixels are not checked. Routes: below `/api/v1/videos/`, servers from 6.14 on.
 *
 * **Example** (The videos of a job)
 *
 * ```ts
 * import * as Downloads from "@effect-invokeai/core/assets/Downloads"
 * import type { WorkflowOutput } from "@effect-invokeai/core/job/Outputs"
 *
 * export const saveVideos = ({ videos }: WorkflowOutput) => Downloads.videos(videos, { directory: "videos" })
 * ```
 *
 * @category downloads
 * @since 0.1.0
 */
export const videos = Effect.fn("Downloads.videos")(
  function*(
    references: Iterable<string | { readonly video_name: string } | { readonly videoName: string }>,
    options: DownloadOptions
  ): Effect.fn.Return<
    DownloadResult,
    DownloadError | InvalidOption,
    Images | Videos | FileSystem.FileSystem | Path.Path
  > {
    yield* Options.check(options, downloadRules)
    const service = yield* Videos
    const wanted = Array.from(references, (each) => {
      const name = typeof each === "string" ? each : "videoName" in each ? each.videoName : each.video_name
      return { ...fromReference(name, options), videoService: service }
    })
    return total((yield* downloadAll(wanted, options)).flat())
  }
)

const everything = (outputs: WorkflowOutput, options: OutputsOptions) =>
  Effect.map(Videos, (service) => [...select(outputs, options), ...selectVideos(outputs, options, service)])

/**
 * Downloads the images and videos of a job.
 *
 * **Details**
 *
 * The first image that cannot be downloaded, after retries, ends the call; files that were complete by then stay.
 *
 * @category downloads
 * @since 0.1.0
 */
export const outputs = Effect.fn("Downloads.outputs")(
  function*(outputs: WorkflowOutput, options: OutputsOptions): Effect.fn.Return<
    DownloadResult,
    DownloadError | InvalidOption,
    Images | Videos | FileSystem.FileSystem | Path.Path
  > {
    yield* Options.check(options, outputsRules)
    yield* Effect.annotateCurrentSpan({ batchId: outputs.batchId })
    return total((yield* downloadAll(yield* everything(outputs, options), options)).flat())
  }
)

/**
 * `outputs` as a stream of what happens. It ends after the last image.
 *
 * **Gotchas**
 *
 * Steps are a megabyte apart, so that what waits for a slow reader stays little.
 *
 * **Example** (Progress as a stream)
 *
 * ```ts
 * import * as Downloads from "@effect-invokeai/core/assets/Downloads"
 * import type * as Outputs from "@effect-invokeai/core/job/Outputs"
 * import * as Console from "effect/Console"
 * import * as Stream from "effect/Stream"
 *
 * export const withProgress = (outputs: Outputs.WorkflowOutput) =>
 *   Downloads.outputsProgress(outputs, { directory: "images", ifExists: "rename" }).pipe(
 *     Stream.runForEach((progress) => Console.log(progress.imageName, progress._tag))
 *   )
 * ```
 *
 * @category downloads
 * @since 0.1.0
 */
export const outputsProgress = (
  outputs: WorkflowOutput,
  options: OutputsOptions
): Stream.Stream<
  DownloadProgress,
  DownloadError | InvalidOption,
  Images | Videos | FileSystem.FileSystem | Path.Path
> =>
  Stream.callback<DownloadProgress, DownloadError | InvalidOption, Images | Videos | FileSystem.FileSystem | Path.Path>(
    (queue) => {
      const latest = new Map<string, number>()
      const reporting: DownloadOptions = {
        ...options,
        onProgress: (progress) =>
          Effect.sync(() => {
            // One step per megabyte is enough for a display, and bounds what waits for a slow reader.
            const step = progress._tag === "Downloading" ? Math.floor(progress.bytes / 1_048_576) : -1
            if (latest.get(progress.imageName) === step) return
            latest.set(progress.imageName, step)
            Queue.offerUnsafe(queue, progress)
          }).pipe(Effect.andThen(options.onProgress?.(progress) ?? Effect.void))
      }
      return Options.check(options, outputsRules).pipe(
        Effect.andThen(everything(outputs, options)),
        Effect.flatMap((wanted) => downloadAll(wanted, reporting)),
        Effect.andThen(Queue.end(queue)),
        Effect.catch((error) => Queue.fail(queue, error))
      )
    }
  ).pipe(Stream.withSpan("Downloads.outputsProgress", { attributes: { batchId: outputs.batchId } }))

/**
 * The outputs of one job and the name of its workflow.
 *
 * @category models
 * @since 0.1.0
 */
export interface NamedOutputs {
  /** The name of the workflow, from which the names of its files are made. */
  readonly workflow: string
  /** The outputs of its job. */
  readonly outputs: WorkflowOutput
}

/**
 * What was done for many jobs, in total.
 *
 * **Details**
 *
 * `workflows` counts the jobs; the rest is as for one job.
 *
 * @category models
 * @since 0.1.0
 */
export interface BatchResult extends DownloadResult {
  /** How many workflows the downloads belong to. */
  readonly workflows: number
}

const manyRules: Options.OptionRules<Parameters<typeof many>[1]> = { ...outputsRules, directoryTemplate: Options.text }

/**
 * Downloads the images and videos of many jobs, by default into a folder per workflow and in it one per batch.
 *
 * **Details**
 *
 * The concurrency is that of all together.
 *
 * **Example** (A directory per prompt)
 *
 * ```ts
 * import * as Downloads from "@effect-invokeai/core/assets/Downloads"
 * import type { WorkflowOutput } from "@effect-invokeai/core/job/Outputs"
 *
 * export const saveAll = (byPrompt: ReadonlyMap<string, WorkflowOutput>) =>
 *   Downloads.many(
 *     Array.from(byPrompt, ([workflow, outputs]) => ({ workflow, outputs })),
 *     { directory: "prompts", directoryTemplate: "{workflow}", concurrency: 4, ifExists: "overwrite" }
 *   )
 * ```
 *
 * @category downloads
 * @since 0.1.0
 */
export const many = Effect.fn("Downloads.many")(
  function*(
    jobs: Iterable<NamedOutputs>,
    options: OutputsOptions & {
      /** The folder of a job, in front of `template`. Default `{workflow}/{batch}`. */
      readonly directoryTemplate?: string | undefined
    }
  ): Effect.fn.Return<
    BatchResult,
    DownloadError | InvalidOption,
    Images | Videos | FileSystem.FileSystem | Path.Path
  > {
    yield* Options.check(options, manyRules)
    const all = Array.from(jobs)
    const wanted = (yield* Effect.forEach(
      all,
      ({ outputs, workflow }) => everything(outputs, { ...options, workflow })
    )).flat()
    const folders = options.directoryTemplate ?? "{workflow}/{batch}"
    const result = total(
      (yield* downloadAll(wanted, {
        ...options,
        template: folders === "" ? options.template : `${folders}/${options.template ?? "{name}"}`
      })).flat()
    )
    return { workflows: all.length, ...result }
  }
)
