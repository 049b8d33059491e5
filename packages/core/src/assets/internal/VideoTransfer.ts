/**
 * Reading a video from the server, going on where a broken connection ended.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Stream from "effect/Stream"
import type { Videos } from "../../server/Videos.ts"
import { DownloadError, fromApi, fromPlatform } from "../DownloadError.ts"
import type { RetryOptions } from "../DownloadOptions.ts"
import { FileWriter } from "./fileWriter.ts"
import { withRetry } from "./ImageTransfer.ts"

const boxHeader = 16

/**
 * Walks over the boxes of an MP4 as its bytes pass by. A whole file ends where a box ends. Nothing is reported for
 * other formats.
 */
class Mp4Inspector {
  length = 0
  private isMp4 = true
  /** Where the next box begins. */
  private next = 0
  private readonly header = new Uint8Array(boxHeader)

  push(chunk: Uint8Array): void {
    const start = this.length
    this.length += chunk.length
    while (this.isMp4 && this.next < this.length) {
      // the header may be spread over pieces
      const from = Math.max(this.next, start)
      const to = Math.min(this.next + boxHeader, this.length)
      this.header.set(chunk.subarray(from - start, to - start), from - this.next)
      const known = to - this.next
      if (known < 8) return
      const view = new DataView(this.header.buffer)
      const type = String.fromCharCode(...this.header.subarray(4, 8))
      if (this.next === 0 && type !== "ftyp") this.isMp4 = false
      const size = view.getUint32(0)
      if (size === 1 && known < boxHeader) return
      const whole = size === 1 ? Number(view.getBigUint64(8)) : size
      // 0 means: up to the end of the file
      if (whole < 8) this.isMp4 = false
      else this.next += whole
    }
  }

  /** Whether it can be the whole video. */
  get isWhole(): boolean {
    return this.length > 0 && (!this.isMp4 || this.next === this.length)
  }
}

/**
 * Reads a video into a file at constant memory. After a transient failure, the download resumes where it ended. Gives
 * the number of bytes.
 *
 * **Details**
 *
 * Fails with `Truncated` when an MP4 ends within one of its boxes. Route: `GET /api/v1/videos/i/{video_name}/full`,
 * with
 * `Range` when it resumes.
 *
 * @category combinators
 * @since 0.1.0
 */
export const readVideo = Effect.fnUntraced(
  function*(videos: Videos["Service"], name: string, file: string, options: {
    /** The file in errors: what `file` is renamed to. */
    readonly target: string
    readonly sync: boolean
    readonly retry: RetryOptions
    readonly onBytes: (total: number) => Effect.Effect<void>
  }): Effect.fn.Return<{ readonly bytes: number }, DownloadError, FileSystem.FileSystem> {
    const fs = yield* FileSystem.FileSystem
    const toDownloadError = Effect.mapError(fromPlatform(name, options.target))
    return yield* Effect.scoped(Effect.gen(function*() {
      const handle = yield* fs.open(file, { flag: "wx" }).pipe(toDownloadError)
      const inspector = new Mp4Inspector()
      const writer = new FileWriter(handle)
      const attempt = Effect.suspend(() => {
        const from = inspector.length
        return videos.full(name, from === 0 ? {} : { from }).pipe(
          Stream.mapError((error) => fromApi(name, error)),
          Stream.runForEachArray((chunks) =>
            Effect.suspend(() => {
              for (const chunk of chunks) inspector.push(chunk)
              return writer.write(chunks).pipe(
                toDownloadError,
                Effect.andThen(Effect.suspend(() => options.onBytes(inspector.length)))
              )
            })
          ),
          // everything arrived, so there is nothing to resume
          Effect.catchIf((error) => from > 0 && isBeyondEnd(error) && inspector.isWhole, () => Effect.void),
          Effect.andThen(Effect.suspend(() =>
            inspector.isWhole
              ? Effect.void
              : Effect.fail(
                new DownloadError({
                  reason: "Truncated",
                  imageName: name,
                  detail: inspector.length === 0
                    ? "the response is empty"
                    : `the video is cut off after ${inspector.length} bytes`
                })
              )
          ))
        )
      })
      yield* attempt.pipe(withRetry(options.retry))
      yield* writer.flush.pipe(toDownloadError)
      if (options.sync) yield* Effect.uninterruptible(handle.sync).pipe(toDownloadError)
      return { bytes: inspector.length }
    }))
  }
)

const isBeyondEnd = ({ cause }: DownloadError): boolean =>
  cause instanceof Error && "status" in cause && cause.status === 416
