import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import type { PlatformError } from "effect/PlatformError"
import { dispose } from "./disposable.ts"

/**
 * In bytes. Each write takes a turn of a thread, so few long ones are faster: 100 downloads of 3 MB take 0.50 s with 128 KiB,
 * 0.44 s with 512 KiB, 0.54 s with 1 MiB (`test/bench/transfer.ts`).
 */
const bufferLength = 512 * 1024

/** Writes to a file through a buffer of constant length. @internal */
export class FileWriter {
  private readonly buffer = new Uint8Array(bufferLength)
  private used = 0
  private readonly handle: FileSystem.File

  constructor(handle: FileSystem.File) {
    this.handle = handle
  }

  /** Copies pieces into the buffer and disposes them. */
  write(pieces: ReadonlyArray<Uint8Array>): Effect.Effect<void, PlatformError> {
    return Effect.gen({ self: this }, function*() {
      for (const piece of pieces) {
        for (let from = 0; from < piece.length;) {
          const part = piece.subarray(from, from + bufferLength - this.used)
          this.buffer.set(part, this.used)
          this.used += part.length
          from += part.length
          if (this.used === bufferLength) yield* this.flush
        }
        dispose(piece)
      }
    })
  }

  /** Writes what the buffer holds. */
  readonly flush: Effect.Effect<void, PlatformError> = Effect.suspend(() => {
    const filled = this.buffer.subarray(0, this.used)
    this.used = 0
    // A write that continues after its file was closed could end up in another file.
    return Effect.uninterruptible(this.handle.writeAll(filled))
  })
}
