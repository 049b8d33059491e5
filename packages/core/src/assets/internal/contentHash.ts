/**
 * A hash of some content, made piece by piece, to know the same content again.
 *
 * @since 0.1.0
 */
import * as Bytes from "effect/Bytes"
import * as Digest from "effect/crypto/Digest"
import * as Effect from "effect/Effect"
import * as Hex from "effect/encoding/Hex"
import * as Stream from "effect/Stream"
import { dispose } from "./disposable.ts"
import { headLength } from "./ImageType.ts"

/** In bytes. */
const pieceLength = 512 * 1024

/**
 * What is known of content that was read once.
 *
 * **Details**
 *
 * `hash` is the SHA-256, in hex, of the SHA-256 of each 512 KiB one after the other, so that
 * content of any size is hashed at constant memory by the platform's own SHA-256. It is not the SHA-256 of the content.
 *
 * @category models
 * @since 0.1.0
 */
export interface ContentSummary {
  readonly hash: string
  /** In bytes. */
  readonly length: number
  /** The first bytes, at most `ImageType.headLength`. */
  readonly head: Uint8Array
}

/**
 * Reads content once. Returns its hash, its length and its first bytes.
 *
 * **Details**
 *
 * The stream is left as soon as more than `maxLength` bytes came; the hash is that of what was read so far then.
 *
 * @category constructors
 * @since 0.1.0
 */
export const fromStream = Effect.fnUntraced(
  function*<E, R>(content: Stream.Stream<Uint8Array, E, R>, maxLength: number): Effect.fn.Return<
    ContentSummary,
    E,
    R | Digest.Digest
  > {
    const { digest } = yield* Digest.Digest
    const piece = new Uint8Array(pieceLength)
    const head = new Uint8Array(headLength)
    const digests: Array<Uint8Array> = []
    let used = 0
    let length = 0
    const finish = (bytes: Uint8Array) =>
      Effect.map(digest(Digest.sha256, bytes), (next) => {
        digests.push(next)
      })
    yield* Stream.takeWhile(content, () => length <= maxLength).pipe(
      Stream.runForEach((chunk) =>
        Effect.gen(function*() {
          if (length < headLength) head.set(chunk.subarray(0, headLength - length), length)
          length += chunk.length
          for (let from = 0; from < chunk.length;) {
            const part = chunk.subarray(from, from + pieceLength - used)
            from += part.length
            if (part.length === pieceLength) {
              yield* finish(part)
              continue
            }
            piece.set(part, used)
            used += part.length
            if (used < pieceLength) continue
            yield* finish(piece)
            used = 0
          }
          dispose(chunk)
        })
      )
    )
    if (used > 0) yield* finish(piece.subarray(0, used))
    return {
      hash: Hex.encode(yield* digest(Digest.sha256, Bytes.concat(digests))),
      length,
      head: head.slice(0, Math.min(length, headLength))
    }
  }
)
