import { received } from "@effect-invokeai/core/server/ChunkPool"
import type * as Undici from "@effect/platform-node/Undici"
import { Readable } from "node:stream"

/** What came is handed on after this many milliseconds, even if it is little. */
const longest = 20

type Controller = Undici.Dispatcher.DispatchController

interface Answer {
  readonly statusCode: number
  readonly headers: Undici.Dispatcher.ResponseData["headers"]
  readonly body: Body
}

/**
 * Gives the memory of a piece back at once. The garbage collector would let tens of megabytes of them pile up, as a piece is
 * but a small object to it, and the processor would have to fill new memory again and again.
 *
 * Only for memory that is the piece's own, and of which the parser needs nothing after the piece: the buffers of a socket, which
 * are as long as what was read. A slice of Node's pool is shorter.
 */
const free = (piece: Buffer): void => {
  const { buffer, byteOffset, length } = piece
  const isOwn = length >= 16 * 1024 && byteOffset + length === buffer.byteLength && length * 2 > buffer.byteLength
  // the parser looks at the piece until it returns
  if (isOwn && buffer instanceof ArrayBuffer) queueMicrotask(() => buffer.transfer(0))
}

const join = (pieces: ReadonlyArray<Buffer>): ArrayBuffer => {
  const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
  let offset = 0
  for (const piece of pieces) {
    whole.set(piece, offset)
    offset += piece.length
  }
  return whole.buffer
}

/** How much of a body waits for somebody to ask for it. */
const earlyLimit = 64 * 1024

/**
 * The body of an answer. Read as a stream it comes in large chunks: a turn of every layer above for each of the pieces that
 * the socket gives would cost more than the transfer. Read as a whole, which is how JSON is read, it is no stream at all.
 */
class Body extends Readable {
  private readonly controller: Controller
  /** What came so far, while nobody reads the stream. */
  private pieces: Array<Buffer> | undefined = []
  private waiting = 0
  private isComplete = false
  /** Who waits for all of it. */
  private whole: {
    readonly resolve: (all: ArrayBuffer) => void
    readonly reject: (error: Error) => void
  } | undefined = undefined
  private chunk: Uint8Array<ArrayBuffer> | undefined = undefined
  private used = 0
  private timer: NodeJS.Timeout | undefined = undefined

  constructor(controller: Controller) {
    super({ objectMode: true, highWaterMark: 1 })
    this.controller = controller
  }

  add(piece: Buffer): void {
    if (this.pieces === undefined) return this.gather(piece)
    this.pieces.push(piece)
    this.waiting += piece.length
    if (this.whole === undefined && this.waiting > earlyLimit) this.controller.pause()
  }

  end(): void {
    this.isComplete = true
    if (this.pieces === undefined) this.endStream()
    else this.whole?.resolve(join(this.pieces))
  }

  /** All that comes, in memory. */
  arrayBuffer(): Promise<ArrayBuffer> {
    if (this.pieces === undefined || this.destroyed) {
      return Promise.reject(this.errored ?? new Error("the response was cut off"))
    }
    if (this.isComplete) return Promise.resolve(join(this.pieces))
    return new Promise((resolve, reject) => {
      this.whole = { resolve, reject }
      this.controller.resume()
    })
  }

  override _read(): void {
    const { pieces } = this
    this.pieces = undefined
    for (const piece of pieces ?? []) this.gather(piece)
    if (pieces !== undefined && this.isComplete) this.endStream()
    this.controller.resume()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    clearTimeout(this.timer)
    if (this.chunk !== undefined) received.giveBack(this.chunk)
    this.chunk = undefined
    this.whole?.reject(error ?? new Error("the response was cut off"))
    if (!this.isComplete) this.controller.abort(error ?? new Error("the response is no longer needed"))
    callback(error)
  }

  private gather(piece: Buffer): void {
    for (let from = 0; from < piece.length;) {
      const chunk = this.chunk ??= received.take()
      const part = piece.subarray(from, from + chunk.length - this.used)
      chunk.set(part, this.used)
      from += part.length
      this.used += part.length
      if (this.used === chunk.length) this.handOn()
    }
    free(piece)
    // A Node stream's own timer: no fiber runs here.
    // @effect-diagnostics-next-line globalTimers:off
    if (this.used > 0) this.timer ??= setTimeout(() => this.handOn(), longest)
  }

  private endStream(): void {
    this.handOn()
    this.push(null)
  }

  private handOn(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    const { chunk, used } = this
    if (chunk === undefined) return
    this.chunk = undefined
    this.used = 0
    // little is copied: who keeps it would keep the whole chunk
    const isLittle = used < chunk.length / 4
    const wanted = this.push(isLittle ? chunk.slice(0, used) : chunk.subarray(0, used))
    if (isLittle) received.giveBack(chunk)
    if (!wanted) this.controller.pause()
  }
}

const send = (dispatcher: Undici.Dispatcher, options: Undici.Dispatcher.RequestOptions): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const signal = options.signal instanceof AbortSignal ? options.signal : undefined
    let controller: Controller | undefined = undefined
    let body: Body | undefined = undefined
    const onAbort = () => {
      const reason: unknown = signal?.reason
      const error = reason instanceof Error ? reason : new Error("the request was interrupted")
      if (body === undefined) {
        controller?.abort(error)
        reject(error)
      } else {
        body.destroy(error)
      }
    }
    const done = () => signal?.removeEventListener("abort", onAbort)
    signal?.addEventListener("abort", onAbort, { once: true })
    dispatcher.dispatch(options, {
      onRequestStart(next) {
        controller = next
        if (signal?.aborted === true) onAbort()
      },
      onResponseStart(next, statusCode, headers) {
        if (statusCode < 200) return
        body = new Body(next)
        resolve({ statusCode, headers, body })
      },
      onResponseData(_, piece) {
        body?.add(piece)
      },
      onResponseEnd() {
        done()
        body?.end()
      },
      onResponseError(_, error) {
        done()
        if (body === undefined) reject(error)
        else body.destroy(error)
      }
    })
  })

/**
 * Makes a dispatcher hand on the bodies of answers in chunks of the pool.
 *
 * @internal
 */
export const gathering = (dispatcher: Undici.Dispatcher): Undici.Dispatcher =>
  Object.assign(dispatcher, {
    request: (options: Undici.Dispatcher.RequestOptions) => send(dispatcher, options)
  })
