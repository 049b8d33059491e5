/**
 * The content of an upload: read once to inspect it, and again to send it.
 */
import * as Cause from "effect/Cause"
import type * as Digest from "effect/crypto/Digest"
import * as Effect from "effect/Effect"
import type * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import type { AssetContent, UploadSource } from "../Asset.ts"
import { fromPlatform, UploadError } from "../UploadError.ts"
import * as ContentHash from "./contentHash.ts"
import { disposable } from "./disposable.ts"
import * as ImageType from "./ImageType.ts"

/** The bytes of a source. @internal */
export const contentOf = (source: UploadSource): Stream.Stream<Uint8Array, UploadError> => {
  const { data, name } = source
  if (data instanceof Uint8Array) return Stream.make(data)
  if (!(data instanceof Blob)) return data
  return Stream.fromReadableStream({
    evaluate: () => data.stream(),
    onError: (cause) => new UploadError({ reason: "File", source: name, cause })
  })
}

/** In bytes. */
const chunkLength = 512 * 1024

/** The first `length` bytes of a file, in disposable chunks. @internal */
export const fromFile = (
  fs: FileSystem.FileSystem,
  file: string,
  length: number
): Stream.Stream<Uint8Array, UploadError> =>
  Stream.unwrap(Effect.map(fs.open(file), (handle) => {
    let left = length
    return Stream.fromPull(Effect.succeed(Effect.suspend(() => {
      if (left === 0) return Cause.done()
      return Effect.flatMap(
        handle.readAlloc(Math.min(left, chunkLength)),
        Option.match({
          onNone: () => Cause.done(),
          onSome: (chunk) => {
            left -= chunk.length
            return Effect.succeed([disposable(chunk)] as const)
          }
        })
      )
    })))
  })).pipe(Stream.mapError(fromPlatform(file)))

/** What content is: its format by its own first bytes, its hash and its length. @internal */
export const inspect = Effect.fnUntraced(
  function*(source: UploadSource, maxBytes: number): Effect.fn.Return<AssetContent, UploadError, Digest.Digest> {
    const tooLarge = (length: number) =>
      new UploadError({
        reason: "TooLarge",
        source: source.name,
        detail: `${length} bytes exceed the limit of ${maxBytes} bytes`
      })
    if (source.length > maxBytes) return yield* tooLarge(source.length)
    const { hash, head, length } = yield* ContentHash.fromStream(contentOf(source), maxBytes)
    if (length > maxBytes) return yield* tooLarge(length)
    const type = ImageType.detect(head)
    if (Option.isSome(type)) return { type: type.value, hash, length }
    return yield* new UploadError({
      reason: "NotAnImage",
      source: source.name,
      detail: `it looks like ${ImageType.describe(head)}`
    })
  }
)
