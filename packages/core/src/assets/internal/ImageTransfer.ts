/**
 * Reading an image from the server while checking that what comes is that image, whole.
 *
 * @since 0.1.0
 */
import * as Bytes from "effect/Bytes"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { Images } from "../../server/Images.ts"
import { type DownloadError, fromApi, fromPlatform } from "../DownloadError.ts"
import type { ImageReference, RetryOptions } from "../DownloadOptions.ts"
import { dispose } from "./disposable.ts"
import { FileWriter } from "./fileWriter.ts"
import { PngInspector } from "./pngInspector.ts"

/**
 * The name of an image on the server.
 *
 * @category getters
 * @since 0.1.0
 */
export const imageName = (image: ImageReference): string =>
  typeof image === "string" ? image : "imageName" in image ? image.imageName : image.image_name

/**
 * A width and a height in pixels.
 *
 * @category models
 * @since 0.1.0
 */
export interface PixelSize {
  readonly width: number
  readonly height: number
}

/** @internal */
export const pixelSize = (image: ImageReference): PixelSize | undefined =>
  typeof image === "string" || image.width === undefined || image.height === undefined
    ? undefined
    : { width: image.width, height: image.height }

const defaultRetry = Schedule.exponential("200 millis").pipe(Schedule.jittered, Schedule.upTo({ times: 3 }))
const defaultNotFoundRetry = Schedule.spaced("250 millis").pipe(Schedule.upTo({ times: 3 }))

/** @internal */
export const withRetry = (options: RetryOptions | undefined) => <A, R>(effect: Effect.Effect<A, DownloadError, R>) =>
  effect.pipe(
    Effect.retry({ schedule: options?.retry ?? defaultRetry, while: (error) => error.isRetryable }),
    Effect.retry({
      schedule: options?.notFoundRetry ?? defaultNotFoundRetry,
      while: (error) => error.reason === "NotFound"
    })
  )

const fullStream = (name: string): Stream.Stream<Uint8Array, DownloadError, Images> =>
  Stream.unwrap(Effect.map(Images, (images) => images.full(name))).pipe(
    Stream.mapError((error) => fromApi(name, error))
  )

/**
 * The bytes of an image as they come; fails at the end when they are not the whole image: every chunk of the PNG with its
 * checksum.
 *
 * @category combinators
 * @since 0.1.0
 */
export const checkedStream = (
  image: ImageReference
): Stream.Stream<Uint8Array, DownloadError, Images> =>
  Stream.suspend(() => {
    const name = imageName(image)
    const inspector = new PngInspector()
    return fullStream(name).pipe(
      Stream.tap((chunk) => Effect.sync(() => inspector.push(chunk))),
      Stream.concat(
        Stream.suspend(() => Stream.fromEffect(Effect.fromResult(inspector.check(name, pixelSize(image))))).pipe(
          Stream.drain
        )
      )
    )
  })

/**
 * The bytes of an image, in memory.
 *
 * @category combinators
 * @since 0.1.0
 */
export const readBytes = Effect.fnUntraced(
  function*(image: ImageReference, expected: PixelSize | undefined): Effect.fn.Return<
    Uint8Array,
    DownloadError,
    Images
  > {
    const name = imageName(image)
    const inspector = new PngInspector()
    const received: Array<Uint8Array> = []
    yield* Stream.runForEachArray(fullStream(name), (pieces) =>
      Effect.sync(() => {
        for (const piece of pieces) {
          inspector.push(piece)
          received.push(piece)
        }
      }))
    yield* Effect.fromResult(inspector.check(name, expected))
    // allocated as late as possible: a server can announce any length, and memory that waits for its bytes leaves the caches
    const whole = Bytes.concat(received)
    received.forEach(dispose)
    return whole
  }
)

/**
 * Reads an image into a file at constant memory. Gives the number of bytes and the
 * size in pixels.
 *
 * @category combinators
 * @since 0.1.0
 */
export const readFile = Effect.fnUntraced(
  function*(image: ImageReference, file: string, options: {
    readonly flag: "w" | "wx"
    /** The file in errors: what `file` is renamed to. */
    readonly target: string
    readonly onOpen: () => void
    readonly expected: PixelSize | undefined
    readonly sync: boolean
    readonly onBytes: (total: number) => Effect.Effect<void>
  }): Effect.fn.Return<PixelSize & { readonly bytes: number }, DownloadError, FileSystem.FileSystem | Images> {
    const fs = yield* FileSystem.FileSystem
    const name = imageName(image)
    const toDownloadError = Effect.mapError(fromPlatform(name, options.target))
    return yield* Effect.scoped(Effect.gen(function*() {
      const handle = yield* fs.open(file, { flag: options.flag }).pipe(toDownloadError)
      options.onOpen()
      const inspector = new PngInspector()
      const writer = new FileWriter(handle)
      yield* Stream.runForEachArray(fullStream(name), (chunks) =>
        Effect.suspend(() => {
          for (const chunk of chunks) inspector.push(chunk)
          return writer.write(chunks).pipe(
            toDownloadError,
            Effect.andThen(Effect.suspend(() => options.onBytes(inspector.length)))
          )
        }))
      const size = yield* Effect.fromResult(inspector.check(name, options.expected))
      yield* writer.flush.pipe(toDownloadError)
      if (options.sync) yield* Effect.uninterruptible(handle.sync).pipe(toDownloadError)
      return { ...size, bytes: inspector.length }
    }))
  }
)
