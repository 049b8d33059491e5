/**
 * Which images and videos of a job are downloaded, and under which names.
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import type { InvokeAiError } from "../../InvokeAiError.ts"
import type { InkAnyVideoOutput, InkImageOutput, ItemOutput, WorkflowOutput } from "../../job/Outputs.ts"
import { type ImageProvenance, Images } from "../../server/Images.ts"
import type { Videos } from "../../server/Videos.ts"
import { DownloadError, fromApi } from "../DownloadError.ts"
import type { DownloadOptions, ImageReference, OutputsOptions, RetryOptions } from "../DownloadOptions.ts"
import type { ImageFormat } from "../ImageCodec.ts"
import * as Provenance from "../Provenance.ts"
import type * as Sidecar from "../Sidecar.ts"
import * as FileName from "./FileName.ts"
import { imageName, withRetry } from "./ImageTransfer.ts"

/**
 * One image or video to download, with what is known about it.
 *
 * @internal
 */
export interface Wanted {
  readonly reference: ImageReference
  readonly values: FileName.TemplateValues
  readonly node: Sidecar.SidecarNode | null
  readonly item: Sidecar.SidecarItem | null
  readonly itemOutput?: ItemOutput | undefined
  /** The seed, if the job knows it. */
  readonly seed?: number | null
  /** Set for a video: the service to get it from. Images come from `Images`. */
  readonly videoService?: Videos["Service"] | undefined
}

/** @internal */
export const fromReference = (reference: ImageReference, options: DownloadOptions): Wanted => ({
  reference,
  values: { workflow: options.workflow },
  node: null,
  item: null
})

const fromOutput = (
  output: InkImageOutput | InkAnyVideoOutput,
  outputs: WorkflowOutput,
  options: DownloadOptions,
  videos?: Videos["Service"]
): Wanted => {
  const item = outputs.items.find((each) => each.itemId === output.itemId)
  return {
    reference: "videoName" in output ? output.videoName : output,
    values: {
      node: output.nodeId,
      label: output.nodeLabel === "" ? output.nodeType : output.nodeLabel,
      index: output.index,
      batch: outputs.batchId,
      item: output.itemId,
      session: output.sessionId,
      board: output.boardId ?? undefined,
      workflow: options.workflow
    },
    node: {
      id: output.nodeId,
      label: output.nodeLabel,
      type: output.nodeType,
      index: output.index,
      iteration: output.iteration
    },
    item: {
      item_id: output.itemId,
      session_id: output.sessionId,
      batch_id: outputs.batchId,
      item_index: output.itemIndex,
      execution_time: item === undefined ? null : Duration.toSeconds(item.executionTime),
      field_values: item?.fieldValues.map(({ fieldName, nodeId, value }) => ({
        node: nodeId,
        field: fieldName,
        value
      })) ?? []
    },
    itemOutput: item,
    seed: output.seed,
    videoService: videos
  }
}

/**
 * What an image was created with, if known from its graph, its metadata or the job.
 *
 * @internal
 */
export const provenanceOf = Effect.fnUntraced(
  function*(wanted: Wanted, options: RetryOptions): Effect.fn.Return<
    & Omit<Provenance.Provenance, "model">
    & { readonly model: unknown; readonly metadata: Sidecar.Sidecar["metadata"] }
    & ImageProvenance,
    DownloadError,
    Images
  > {
    const source = wanted.videoService ?? (yield* Images)
    const name = imageName(wanted.reference)
    const request = <A>(effect: Effect.Effect<A, InvokeAiError>) =>
      effect.pipe(Effect.mapError((error) => fromApi(name, error)), withRetry(options))
    const stored = yield* request(source.workflow(name))
    const metadata = Option.getOrNull(yield* request(source.metadata(name)))
    const { inputs, model, seed } = Provenance.read({
      ...stored,
      nodeId: wanted.node?.id,
      iteration: wanted.node?.iteration,
      item: wanted.itemOutput
    })
    const knownSeed = wanted.item?.field_values.find((value) => value.field === "seed")?.value ?? metadata?.["seed"]
    return {
      ...stored,
      metadata,
      inputs,
      model: model ?? metadata?.["model"] ?? null,
      seed: wanted.seed ?? seed ?? (typeof knownSeed === "number" ? knownSeed : null)
    }
  }
)

/** @internal */
export const select = (outputs: WorkflowOutput, options: OutputsOptions): ReadonlyArray<Wanted> => {
  const choice = options.images ?? "final"
  const chosen = choice === "final"
    ? outputs.finalImages
    : choice === "all"
    ? outputs.images
    : outputs.images.filter(choice)
  const seen = new Set<string>()
  return chosen
    .filter((image) => !seen.has(image.imageName) && seen.add(image.imageName))
    .map((image) => fromOutput(image, outputs, options))
}

/** The videos of a job, each once. @internal */
export const selectVideos = (
  outputs: WorkflowOutput,
  options: OutputsOptions,
  videos: Videos["Service"]
): ReadonlyArray<Wanted> => {
  const choice = options.videos ?? "final"
  const seen = new Set<string>()
  return choice === "none" ? [] : outputs.videos
    .filter((video) => choice === "all" || !video.isIntermediate)
    .filter((video) => !seen.has(video.videoName) && seen.add(video.videoName))
    .map((video) => fromOutput(video, outputs, options, videos))
}

const videoExtension = (name: string): string => /\.(mp4|webm|mov|mkv|gif)$/i.exec(name)?.[1]?.toLowerCase() ?? "mp4"

const extension = (format: ImageFormat): string => format === "jpeg" ? "jpg" : format

/**
 * A wanted image and the path, below the folder, that it goes to.
 *
 * @internal
 */
export interface Planned extends Wanted {
  readonly segments: ReadonlyArray<string>
}

const usesSeed = (template: FileName.Template): boolean =>
  template.segments.some((parts) => parts.some((part) => typeof part !== "string" && part.placeholder === "seed"))

/** The template of the file names. @internal */
export const templateOf = (options: DownloadOptions): Effect.Effect<FileName.Template, DownloadError> =>
  Effect.fromResult(FileName.parseTemplate(options.template ?? "{name}")).pipe(
    Effect.mapError((error) =>
      new DownloadError({ reason: "InvalidTemplate", imageName: "", detail: error.message, cause: error })
    )
  )

/** The directories and the name of a file. The extension is that of the format, unless it is another one. @internal */
export const segmentsOf = (
  template: FileName.Template,
  values: FileName.TemplateValues,
  { format = "png" }: DownloadOptions,
  otherExtension?: string
): ReadonlyArray<string> => {
  const rendered = FileName.render(template, values)
  const name = FileName.withExtension(rendered[rendered.length - 1] ?? "unnamed", otherExtension ?? extension(format))
  return [...rendered.slice(0, -1), name]
}

/** @internal */
export const plan = Effect.fnUntraced(
  function*(wanted: ReadonlyArray<Wanted>, options: DownloadOptions): Effect.fn.Return<
    ReadonlyArray<Planned>,
    DownloadError,
    Images
  > {
    const template = yield* templateOf(options)
    const seeds = usesSeed(template)
      ? yield* Effect.forEach(
        wanted,
        (each) =>
          typeof each.seed === "number"
            ? Effect.succeed(each.seed)
            : Effect.map(provenanceOf(each, options), ({ seed }) => seed ?? undefined),
        { concurrency: options.concurrency ?? 4 }
      )
      : []
    const taken = new Set<string>()
    return wanted.map((each, position) => {
      const values = {
        ...each.values,
        name: FileName.stem(imageName(each.reference)),
        number: position + 1,
        seed: seeds[position]
      }
      const segments = segmentsOf(
        template,
        values,
        options,
        each.videoService === undefined ? undefined : videoExtension(imageName(each.reference))
      )
      const folders = segments.slice(0, -1)
      const file = segments[segments.length - 1] ?? ""
      const key = (name: string) => FileName.collisionKey([...folders, name].join("/"))
      let name = file
      for (let number = 2; taken.has(key(name)); number++) name = FileName.numbered(file, number)
      taken.add(key(name))
      return { ...each, segments: [...folders, name] }
    })
  }
)
