/**
 * Large bodies through `NodeHttpClient` at the cost of bare undici.
 *
 * Each read of a socket allocates 64 KiB outside of V8's heap. V8 collects its whole heap again and again to release them,
 * and Effect takes a turn for each. Without this module, 100 downloads of 3 MB take 1.6 times the CPU time of bare undici
 * and 50 uploads 1.8 times (`test/bench/transfer.ts`); with it, both take about as much as bare undici.
 */
import type * as Undici from "@effect/platform-node/Undici"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Stream from "effect/Stream"

/** The length of the chunks of a response, in bytes. */
const chunkLength = 512 * 1024

/** How many chunks wait to be used again. More are left to the garbage collector. */
const maxFree = 16

type Handler = Undici.Dispatcher.DispatchHandler
type Controller = Undici.Dispatcher.DispatchController

/**
 * Releases the memory of what a socket read, unless it is part of Node's shared pool, whose slices are shorter. The parser
 * needs it until it returns.
 */
const release = ({ buffer, byteLength, byteOffset }: Buffer): void => {
  const isOwn = byteLength >= 16 * 1024 && byteOffset + byteLength === buffer.byteLength &&
    byteLength * 2 > buffer.byteLength
  if (isOwn && buffer instanceof ArrayBuffer) queueMicrotask(() => buffer.transfer(0))
}

/** Whether it is read as a whole, as JSON is. */
const isText = (headers: Record<string, string | Array<string> | undefined>): boolean =>
  /^text\/|json/.test(String(headers["content-type"]))

/**
 * An interceptor for undici that joins the pieces of images, videos and archives into chunks. A chunk is `Disposable`: disposing it
 * says that nobody needs its content any more, so that its memory is used again.
 *
 * @internal
 */
export const inChunks: Undici.Dispatcher.DispatcherComposeInterceptor = (dispatch) => {
  const free: Array<ArrayBuffer> = []

  const disposable = (memory: ArrayBuffer, length: number): Buffer =>
    Object.assign(Buffer.from(memory, 0, length), {
      [Symbol.dispose]: () => {
        // moves the memory, so that nobody can read what it holds next
        if (!memory.detached && free.length < maxFree) free.push(memory.transfer())
      }
    })

  const joining = (handler: Handler, controller: Controller) => {
    let chunk: ArrayBuffer | undefined
    let used = 0
    let flushing: NodeJS.Immediate | undefined
    const flush = () => {
      clearImmediate(flushing)
      flushing = undefined
      if (chunk === undefined) return
      const full = disposable(chunk, used)
      chunk = undefined
      used = 0
      handler.onResponseData?.(controller, full)
    }
    const add = (piece: Buffer) => {
      for (let from = 0; from < piece.length;) {
        chunk ??= free.pop() ?? new ArrayBuffer(chunkLength)
        const part = piece.subarray(from, from + chunkLength - used)
        new Uint8Array(chunk).set(part, used)
        from += part.length
        used += part.length
        if (used === chunkLength) flush()
      }
      release(piece)
      // what the operating system has now comes before that
      if (used > 0) flushing ??= setImmediate(flush)
    }
    return { add, flush, drop: () => clearImmediate(flushing) }
  }

  return (options, handler) => {
    let body: ReturnType<typeof joining> | undefined
    return dispatch(options, {
      onRequestStart: (controller, context) => handler.onRequestStart?.(controller, context),
      onRequestUpgrade: (...all) => handler.onRequestUpgrade?.(...all),
      onResponseStart: (controller, status, headers, message) => {
        if (!isText(headers)) body = joining(handler, controller)
        return handler.onResponseStart?.(controller, status, headers, message)
      },
      onResponseData: (controller, piece) =>
        body === undefined ? handler.onResponseData?.(controller, piece) : body.add(piece),
      onResponseEnd: (controller, trailers) => {
        body?.flush()
        return handler.onResponseEnd?.(controller, trailers)
      },
      onResponseError: (controller, error) => {
        body?.drop()
        return handler.onResponseError?.(controller, error)
      }
    })
  }
}

/**
 * How many chunks of a request may be on their way: the one that the socket writes, and one that is read ahead; one more to
 * be safe.
 */
const maxInFlight = 3

const hasDispose = (chunk: Uint8Array): chunk is Uint8Array & Disposable => Symbol.dispose in chunk

/**
 * Disposes the chunks of a request's body once they are sent.
 *
 * @internal
 */
export const disposeSent = (request: HttpClientRequest.HttpClientRequest): HttpClientRequest.HttpClientRequest => {
  const { body } = request
  if (body._tag !== "Stream") return request
  const disposing = Stream.suspend(() => {
    const inFlight: Array<Uint8Array & Disposable> = []
    return Stream.map(body.stream, (chunk) => {
      if (hasDispose(chunk)) inFlight.push(chunk)
      if (inFlight.length > maxInFlight) inFlight.shift()?.[Symbol.dispose]()
      return chunk
    })
  })
  return HttpClientRequest.setBody(request, HttpBody.stream(disposing, body.contentType, body.contentLength))
}
