/**
 * Bytes whose memory can be released before the garbage collector runs. To that, a large piece is a small object: it lets tens
 * of megabytes of them come together, and then marks the whole heap to release them.
 */

/**
 * Bytes to pass on. Disposing them releases them. Bytes that share their memory with others stay as
 * they are.
 *
 * @internal
 */
export const disposable = (bytes: Uint8Array): Uint8Array & Partial<Disposable> => {
  const { buffer } = bytes
  if (bytes.length < buffer.byteLength || !(buffer instanceof ArrayBuffer)) return bytes
  return Object.assign(bytes, { [Symbol.dispose]: () => void (buffer.detached || buffer.transfer(0)) })
}

/**
 * Ends the use of bytes. Only disposable ones change.
 *
 * @internal
 */
export const dispose = (bytes: Uint8Array & Partial<Disposable>): void => bytes[Symbol.dispose]?.()
