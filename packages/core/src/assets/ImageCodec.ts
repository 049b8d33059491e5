/**
 * Turning the PNG that InvokeAI stores into JPEG or WebP.
 *
 * **Details**
 *
 * Only the interface: encoding images needs native code, so the platform package brings the implementation
 * (`ImageCodec.layer` of `@effect-invokeai/node`). Without one, downloads as PNG work and everything else fails with a
 * `DownloadError` of reason `CodecMissing`.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import { TaggedError } from "../internal/TaggedError.ts"

/**
 * The formats that images can be downloaded in. `png` is the stored file, byte for byte.
 *
 * @category models
 * @since 0.1.0
 */
export type ImageFormat = "png" | "jpeg" | "webp"

/**
 * How to encode an image.
 *
 * @category models
 * @since 0.1.0
 */
export interface EncodeOptions {
  /** The format of the result. */
  readonly format: "jpeg" | "webp"
  /** From 1 (smallest) to 100 (best). */
  readonly quality: number
  /** The longest side in pixels: a larger image is scaled down to it. Default: the size of the image. */
  readonly maxSide?: number | undefined
  /** Whether InvokeAI's metadata, workflow and graph in the PNG go along. */
  readonly metadata: boolean
}

/**
 * An image that could not be encoded.
 *
 * @category errors
 * @since 0.1.0
 */
export class ImageCodecError extends TaggedError<ImageCodecError>()("ImageCodecError", {
  /** The format of the result that was requested. */
  format: Schema.String,
  /** The error of the encoder, if there is one. */
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    const why = this.cause instanceof Error ? `: ${this.cause.message}` : ""
    return `Could not encode the image as ${this.format}${why}`
  }
}

/**
 * Encodes PNGs in other formats.
 *
 * @category services
 * @since 0.1.0
 */
export class ImageCodec extends Context.Service<ImageCodec, {
  /** Encodes a whole PNG in memory. */
  readonly encode: (png: Uint8Array, options: EncodeOptions) => Effect.Effect<Uint8Array, ImageCodecError>
  /** Encodes a PNG file into a new file, without holding either in memory. */
  readonly encodeFile: (
    from: string,
    to: string,
    options: EncodeOptions
  ) => Effect.Effect<void, ImageCodecError>
}>()("@effect-invokeai/core/assets/ImageCodec") {}
