import type * as Undici from "@effect/platform-node/Undici"
import { Readable } from "node:stream"

/** Pieces are handed on together once they have this many bytes. */
const enough = 256 * 1024

/** Or after this many milliseconds. */
const longest = 20

type Controller = Undici.Dispatcher.DispatchController

interface Answer {
  readonly statusCode: number
  readonly headers: Undici.Dispatcher.ResponseData["headers"]
  readonly body: Body
}

/**
 * The body of an answer, as the pieces that the socket gave, several at a time: a turn of every layer above for each of
 * them would cost more than the transfer. Pieces are not copied.
 */
class Body extends Readable {
  private readonly controller: Controller
  private pieces: Array<Buffer> = []
  private length = 0
  private timer: NodeJS.Timeout | undefined = undefined

  constructor(controller: Controller) {
    super({ objectMode: true, highWaterMark: 4 })
    this.controller = controller
  }

  add(piece: Buffer): void {
    this.pieces.push(piece)
    this.length += piece.length
    if (this.length >= enough) this.handOn()
    // A Node stream's own timer: no fiber runs here.
    // @effect-diagnostics-next-line globalTimers:off
    else this.timer ??= setTimeout(() => this.handOn(), longest)
  }

  end(): void {
    this.handOn()
    this.push(null)
  }

  /** All that comes, in memory. */
  arrayBuffer(): Promise<ArrayBuffer> {
    return new Promise((resolve, reject) => {
      const pieces: Array<Buffer> = []
      this.on("data", (piece: Buffer) => pieces.push(piece))
      this.on("end", () => {
        const whole = new Uint8Array(pieces.reduce((sum, piece) => sum + piece.length, 0))
        let offset = 0
        for (const piece of pieces) {
          whole.set(piece, offset)
          offset += piece.length
        }
        resolve(whole.buffer)
      })
      this.on("error", reject)
      this.on("close", () => reject(new Error("the answer was cut off")))
    })
  }

  override _read(): void {
    this.controller.resume()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    clearTimeout(this.timer)
    this.pieces = []
    if (!this.readableEnded) this.controller.abort(error ?? new Error("the answer is not wanted any more"))
    callback(error)
  }

  private handOn(): void {
    clearTimeout(this.timer)
    this.timer = undefined
    const pieces = this.pieces
    this.pieces = []
    this.length = 0
    let wanted = true
    for (const piece of pieces) wanted = this.push(piece)
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
 * Makes a dispatcher hand on the bodies of answers in larger parts.
 *
 * @internal
 */
export const gathering = (dispatcher: Undici.Dispatcher): Undici.Dispatcher =>
  Object.assign(dispatcher, {
    request: (options: Undici.Dispatcher.RequestOptions) => send(dispatcher, options)
  })
