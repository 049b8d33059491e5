/**
 * What can be uploaded.
 *
 * @since 0.1.0
 */
import type * as Stream from "effect/Stream"

/**
 * The content of an upload: a `Blob` or `File`, bytes, or a stream of bytes.
 *
 * A `Blob` that is backed by a file and a stream are sent in constant memory. If the stream fails, the upload fails. It is
 * read again if the request is sent again after a new login, so it must return the same bytes each time.
 *
 * @since 0.1.0
 * @category models
 */
export type UploadData = Blob | Uint8Array | Stream.Stream<Uint8Array, unknown>
