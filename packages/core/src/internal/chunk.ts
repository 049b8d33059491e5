/**
 * Chunks of bytes whose memory is used again: they are `Disposable`, and disposing one says that nobody needs its content any
 * more. A chunk that is not disposed is collected as any other memory is.
 */

/** The length of a chunk, in bytes. */
const chunkLength = 256 * 1024

/** How many chunks wait to be used again. More are left to the garbage collector. */
const maxFree = 16

const free: Array<ArrayBuffer> = []

const hasDispose = (chunk: Uint8Array): chunk is Uint8Array & Disposable => Symbol.dispose in chunk

/** Ends the use of a chunk. Does nothing to bytes that are not disposable. */
export const dispose = (chunk: Uint8Array): void => {
  if (hasDispose(chunk)) chunk[Symbol.dispose]()
}

/** Memory to fill, with whatever it held before. */
export const take = (): Uint8Array<ArrayBuffer> => new Uint8Array(free.pop() ?? new ArrayBuffer(chunkLength))

/** The first bytes of filled memory, to pass on. */
export const disposable = ({ buffer }: Uint8Array<ArrayBuffer>, length: number): Uint8Array<ArrayBuffer> => {
  let isInUse = true
  return Object.assign(new Uint8Array(buffer, 0, length), {
    [Symbol.dispose]: () => {
      if (isInUse && free.length < maxFree) free.push(buffer)
      isInUse = false
    }
  })
}
