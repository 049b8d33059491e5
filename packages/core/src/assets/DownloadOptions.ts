/**
 * How images are downloaded, and what a download gives.
 *
 * @since 0.1.0
 */
import type * as Effect from "effect/Effect"
import type * as Schedule from "effect/Schedule"
import * as Options from "../internal/options.ts"
import type { InkImageOutput } from "../job/Outputs.ts"
import type { DownloadError } from "./DownloadError.ts"
import type { ImageFormat } from "./ImageCodec.ts"
import type * as AtomicFile from "./internal/AtomicFile.ts"
import type * as Sidecar from "./Sidecar.ts"

/**
 * An image on the server by its name, with its size in pixels where that is known.
 *
 * **Details**
 *
 * A name, an image output of a job, an image of `Images`, an uploaded asset or a value of an image field all fit.
 *
 * @category models
 * @since 0.1.0
 */
export type ImageReference =
  | string
  | (
    | {
      /** The name of the image. */
      readonly imageName: string
    }
    | {
      /** The name of the image, as the server writes it. */
      readonly image_name: string
    }
  )
    & {
      /** In pixels, if known. */
      readonly width?: number | undefined
      /** In pixels, if known. */
      readonly height?: number | undefined
    }

/**
 * When to try again.
 *
 * @category models
 * @since 0.1.0
 */
export interface RetryOptions {
  /**
   * How to repeat after a failure that may pass: `Connection`, `Truncated`, and `Server` where the server was only busy.
   * Default: three times, after 0.2, 0.4 and 0.8 seconds with some jitter.
   */
  readonly retry?: Schedule.Schedule<unknown, DownloadError> | undefined
  /**
   * How to repeat where the server does not know the image, as it may happen in the moment of completion. Default: three
   * times, 0.25 seconds apart.
   */
  readonly notFoundRetry?: Schedule.Schedule<unknown, DownloadError> | undefined
}

/**
 * The format of a download.
 *
 * @category models
 * @since 0.1.0
 */
export interface FormatOptions extends RetryOptions {
  /** `png`, the default, is the stored file byte for byte; the others need an `ImageCodec`. */
  readonly format?: ImageFormat | undefined
  /** From 1 to 100, for jpeg and webp. Default 90. */
  readonly quality?: number | undefined
}

/** @internal */
export const formatRules: Options.OptionRules<FormatOptions> = {
  format: Options.choice("png", "jpeg", "webp"),
  quality: Options.between(1, 100),
  retry: Options.record,
  notFoundRetry: Options.record
}

/**
 * How and where files are written.
 *
 * @category models
 * @since 0.1.0
 */
export interface DownloadOptions extends FormatOptions {
  /** The folder. Nothing is written outside of it. */
  readonly directory: string
  /**
   * The name of a file in the folder, without its extension; `/` makes folders. See `FileName.Placeholder` for what may
   * stand in braces. Default `{name}`, the image's name on the server. Two images of one call that would get the same
   * name get numbers.
   */
  readonly template?: string | undefined
  /** Writes `<file>.json` next to each file: node, item, seed, model, the server's metadata and graph. Default: `false`. */
  readonly metadata?: boolean | Sidecar.SidecarOptions | undefined
  /**
   * What to do where the file exists. Default `error`. A folder, a link to nothing, or anything else that is not a file
   * is a `FileExists` error with `skip` too.
   */
  readonly ifExists?: AtomicFile.Existing | undefined
  /** Whether missing folders are made. Default true; otherwise a missing folder is an error. */
  readonly createDirectory?: boolean | undefined
  /** Whether files are flushed to the disk before they get their names. Default true. */
  readonly sync?: boolean | undefined
  /** How many images are downloaded at the same time. Default 4. */
  readonly concurrency?: number | undefined
  /** The workflow's name, for `{workflow}` in the template. */
  readonly workflow?: string | undefined
  /** Called with the progress of each image. It should return quickly. */
  readonly onProgress?: ((progress: DownloadProgress) => Effect.Effect<void>) | undefined
}

/** @internal */
export const downloadRules: Options.OptionRules<DownloadOptions> = {
  ...formatRules,
  directory: Options.required(Options.nonEmptyText),
  template: Options.text,
  metadata: Options.either(Options.boolean, Options.record),
  ifExists: Options.choice("error", "skip", "rename", "overwrite"),
  createDirectory: Options.boolean,
  sync: Options.boolean,
  concurrency: Options.concurrency,
  workflow: Options.text,
  onProgress: Options.functionValue
}

/**
 * Options for the images and videos of a job to download.
 *
 * @category models
 * @since 0.1.0
 */
export interface OutputsOptions extends DownloadOptions {
  /**
   * `final`, the default: what the InvokeAI UI would show, see `WorkflowOutput.finalImages`. `all`: also intermediate
   * images and those that nodes only handed on, each once. Or a function that says which.
   */
  readonly images?: "final" | "all" | ((image: InkImageOutput) => boolean) | undefined
  /** `final`, the default: the videos that are kept on the server. `all`: also intermediate ones. */
  readonly videos?: "final" | "all" | "none" | undefined
}

/** @internal */
export const outputsRules: Options.OptionRules<OutputsOptions> = {
  ...downloadRules,
  images: Options.either(Options.choice("final", "all"), Options.functionValue),
  videos: Options.choice("final", "all", "none")
}

/**
 * The progress of an image. `Downloading` is reported whenever a piece was read, `Downloaded` when the file has its
 * name.
 *
 * @category models
 * @since 0.1.0
 */
export type DownloadProgress =
  | {
    readonly _tag: "Downloading"
    /** The name of the image on the server. */
    readonly imageName: string
    /** How many bytes were read so far. The total is not known in advance. */
    readonly bytes: number
  }
  | {
    readonly _tag: "Downloaded"
    /** The name of the image on the server. */
    readonly imageName: string
    /** The files of the image. */
    readonly files: ReadonlyArray<DownloadedFile>
    /** How many images and videos are complete, including this one. */
    readonly done: number
    /** How many images and videos are to download in all. */
    readonly total: number
  }

/**
 * A file that was written, or left as it was because it existed.
 *
 * @category models
 * @since 0.1.0
 */
export interface DownloadedFile {
  /** Whether the file is the image or video itself, or its sidecar. */
  readonly kind: "image" | "video" | "metadata"
  /** The path of the file. */
  readonly path: string
  /** In bytes. */
  readonly size: number
  /** The name of the image or video on the server. */
  readonly imageName: string
  /** Whether the file was written. False if it existed already and was left as it is. */
  readonly written: boolean
}

/**
 * What a download wrote. Files that were left as they were do not count in `images`, `videos` and `bytes`.
 *
 * @category models
 * @since 0.1.0
 */
export interface DownloadResult {
  /** The files in the order of the images, each image followed by its metadata file, then those of videos. */
  readonly files: ReadonlyArray<DownloadedFile>
  /** How many images were downloaded. */
  readonly images: number
  /** How many videos were downloaded. */
  readonly videos: number
  /** How many bytes were written. */
  readonly bytes: number
}
