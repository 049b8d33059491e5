/**
 * A hash of some content, made piece by piece, to know the same content again.
 *
 * @since 0.1.0
 */
import * as Digest from "effect/crypto/Digest"
import * as Effect from "effect/Effect"
import * as Hex from "effect/encoding/Hex"
import * as Stream from "effect/Stream"
import { headLength } from "./ImageType.ts"

/**
 * The length of the pieces, in bytes.
 *
 * @category constants
 * @since 0.1.0
 */
export const pieceLength = 1024 * 1024

/**
 * What is known of content that was read once.
 *
 * **Details**
 *
 * `hash` is the SHA-256, in hex, of the SHA-256 of each piece of 1 MiB one after the other, so that content of any size
 * is hashed at constant memory by the platform's own SHA-256. It is not the SHA-256 of the content.
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
 * Reads content once and tells its hash, its length and its first bytes.
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
    let digests = new Uint8Array(0)
    let used = 0
    let length = 0
    const finishPiece = Effect.suspend(() => digest(Digest.sha256, piece.slice(0, used))).pipe(
      Effect.map((next) => {
        const longer = new Uint8Array(digests.length + next.length)
        longer.set(digests)
        longer.set(next, digests.length)
        digests = longer
        used = 0
      })
    )
    yield* Stream.takeWhile(content, () => length <= maxLength).pipe(
      Stream.runForEach((chunk) =>
        Effect.gen(function*() {
          if (length < headLength) head.set(chunk.subarray(0, headLength - length), length)
          length += chunk.length
          let rest = chunk
          while (rest.length > 0) {
            const part = rest.subarray(0, piece.length - used)
            piece.set(part, used)
            used += part.length
            rest = rest.subarray(part.length)
            if (used === piece.length) yield* finishPiece
          }
        })
      )
    )
    if (used > 0) yield* finishPiece
    return {
      hash: Hex.encode(yield* digest(Digest.sha256, digests)),
      length,
      head: head.slice(0, Math.min(length, headLength))
    }
  }
)
