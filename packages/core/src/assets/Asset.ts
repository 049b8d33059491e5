/**
 * What an uploaded image is, and how to upload one.
 *
 * @since 0.1.0
 */
import type * as Duration from "effect/Duration"
import type * as Stream from "effect/Stream"
import * as Options from "../internal/options.ts"
import type { InvokeAiError } from "../InvokeAiError.ts"
import type { ImageCategory } from "../server/api/ImagesApi.ts"
import type * as ImageType from "./internal/ImageType.ts"
import type { UploadError } from "./UploadError.ts"

/**
 * An image on the server that is deleted when its scope closes. It fits as the value of an image field as it is.
 *
 * @category models
 * @since 0.1.0
 */
export interface Asset {
  /** The name of the image on the server. */
  readonly imageName: string
  /** In pixels, as stored. */
  readonly width: number
  /** In pixels, as stored. */
  readonly height: number
  /** The id of the board that the image is on; null if it is on none. */
  readonly boardId: string | null
  /** The path, or the name given to the bytes; the image's name when it was adopted. */
  readonly source: string
  /** What the uploaded content was; null when the image was adopted. The server stores every image as PNG. */
  readonly content: AssetContent | null
}

/**
 * The content that was uploaded.
 *
 * @category models
 * @since 0.1.0
 */
export interface AssetContent {
  /** The type of the uploaded content, for example `"jpeg"`. The server stores every image as PNG. */
  readonly type: ImageType.ImageType
  /** The hash of the content, as in `ContentSummary.hash`. */
  readonly hash: string
  /** The size of the content in bytes. */
  readonly length: number
}

/**
 * How to upload.
 *
 * @category models
 * @since 0.1.0
 */
export interface UploadOptions {
  /** What the image is for. Default `user`, as for images that are uploaded in the InvokeAI UI. */
  readonly category?: ImageCategory | undefined
  /** The id of a board to put the image on. Default none. */
  readonly board?: string | undefined
  /**
   * Whether the image is hidden from the gallery, and removed by "clear intermediates" even if nothing else removes it.
   * Default true, or false when a board is given.
   */
  readonly isIntermediate?: boolean | undefined
  /** Stored with the image as its metadata. */
  readonly metadata?: Readonly<Record<string, unknown>> | undefined
  /** The size in pixels that the server scales the image to. */
  readonly resizeTo?: { readonly width: number; readonly height: number } | undefined
  /** Larger content is refused before it is sent. In bytes; default 512 MiB. */
  readonly maxBytes?: number | undefined
  /**
   * How long the upload may take, lookups after a lost response included. Default 10 minutes. Per call:
   * `transferTimeout` of the client limits the request for all calls.
   */
  readonly timeout?: Duration.Input | undefined
}

/** @internal */
export const uploadRules: Options.OptionRules<UploadOptions> = {
  category: Options.text,
  board: Options.text,
  isIntermediate: Options.boolean,
  metadata: Options.record,
  resizeTo: Options.record,
  maxBytes: Options.integer(1),
  timeout: Options.positiveDuration
}

/**
 * How to upload a file.
 *
 * @category models
 * @since 0.1.0
 */
export interface UploadFileOptions extends UploadOptions {
  /** A folder that the file must lie in, after all links are followed. For paths that come from somewhere else. */
  readonly root?: string | undefined
}

/** @internal */
export const uploadFileRules: Options.OptionRules<UploadFileOptions> = { ...uploadRules, root: Options.text }

/**
 * Content to upload, and how to read it.
 *
 * **Details**
 *
 * Content is read twice: first to know what it is, then to send it.
 *
 * @category models
 * @since 0.1.0
 */
export interface UploadSource {
  /** A name for messages. The server never sees it. */
  readonly name: string
  /** The content: bytes, a blob, or a stream that can be read twice. */
  readonly data: Uint8Array | Blob | Stream.Stream<Uint8Array, UploadError>
  /** In bytes. */
  readonly length: number
}

/**
 * An image that could not be deleted when it should have been.
 *
 * @category models
 * @since 0.1.0
 */
export interface Leftover {
  /** The name of the image on the server. */
  readonly imageName: string
  /** The error with which the deletion failed. */
  readonly error: InvokeAiError
}

/**
 * Why something was left on the server. An image: the user starred it, or moved it to another board, since; the result
 * of a run refers to it (`Retained`); another run made it and this one only took it from the cache (`OtherRun`); it is
 * not on the board that the deletion was limited to (`OtherBoard`); a job in the `JobJournal` needs it (`NeededByJob`).
 * A queue item is left when it has not ended (`Running`).
 *
 * @category models
 * @since 0.1.0
 */
export type KeptReason = "Starred" | "Moved" | "Retained" | "OtherRun" | "OtherBoard" | "NeededByJob" | "Running"

/**
 * What became of one image or queue item.
 *
 * **Details**
 *
 * `Missing`: it was gone already.
 *
 * @category models
 * @since 0.1.0
 */
export type DeletionOutcome =
  | { readonly _tag: "Deleted" }
  | { readonly _tag: "Missing" }
  | {
    readonly _tag: "Kept"
    /** Why it was left on the server. */
    readonly reason: KeptReason
  }
  | {
    readonly _tag: "Failed"
    /** The error with which the deletion failed. */
    readonly error: InvokeAiError
  }
