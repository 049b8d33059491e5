/**
 * Memory for the bytes that pass through a transfer, used again and again instead of being left to the garbage collector.
 *
 * **When to use**
 *
 * In an `HttpClient` of one's own, to upload files at the speed and in the memory of `layerHttpClient` of
 * `@effect-invokeai/node`: give the chunks of a request's body back to `sent` once they are on their way. Everything works
 * without, too.
 *
 * **Details**
 *
 * Whoever takes a chunk may hand it on; whoever is done with it gives it back. A chunk that nobody gives back is collected as
 * any other memory is, so nothing has to be given back on failure and interruption.
 *
 * @since 0.1.0
 */

/**
 * The length of a chunk, in bytes.
 *
 * @category constants
 * @since 0.1.0
 */
export const chunkLength = 512 * 1024

/** Chunks that wait to be used again; more are left to the garbage collector. */
const maxFree = 16

/**
 * Chunks of the same length, `chunkLength`.
 *
 * @category models
 * @since 0.1.0
 */
export interface ChunkPool {
  /** Returns a chunk, with whatever it held before. */
  readonly take: () => Uint8Array<ArrayBuffer>
  /** Ends the use of a chunk. Accepts any part of it; ignores other memory, and chunks that were given back before. */
  readonly giveBack: (part: Uint8Array) => void
}

const make = (): ChunkPool => {
  const free: Array<ArrayBuffer> = []
  const taken = new WeakSet<ArrayBufferLike>()
  return {
    take: () => {
      const memory = free.pop() ?? new ArrayBuffer(chunkLength)
      taken.add(memory)
      return new Uint8Array(memory)
    },
    giveBack: ({ buffer }) => {
      if (buffer instanceof ArrayBuffer && taken.delete(buffer) && free.length < maxFree) free.push(buffer)
    }
  }
}

/**
 * Chunks of files that are uploaded. An `HttpClient` gives them back when they are sent.
 *
 * **Gotchas**
 *
 * Sent means: the operating system has the bytes.
 *
 * @category constants
 * @since 0.1.0
 */
export const sent: ChunkPool = make()
