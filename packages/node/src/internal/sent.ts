import * as Cause from "effect/Cause"
import type * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as HttpBody from "effect/http/HttpBody"
import * as HttpClientRequest from "effect/http/HttpClientRequest"
import * as Latch from "effect/Latch"
import * as Stream from "effect/Stream"
import { Readable } from "node:stream"

/**
 * How many bytes a connection takes without being asked to wait. A longer chunk is on its way as a whole before the next one
 * is wanted.
 *
 * @internal
 */
export const highWaterMark = 64 * 1024

const dispose = (chunk: Uint8Array & Partial<Disposable>): void => chunk[Symbol.dispose]?.()

/** A stream for undici that reads nothing ahead, and disposes the chunks that are on their way. */
class Body extends Readable {
  private readonly fiber: Fiber.Fiber<void, unknown>
  private readonly wanted = Latch.makeUnsafe(false)

  constructor(stream: Stream.Stream<Uint8Array, unknown>, context: Context.Context<never>) {
    super({ highWaterMark: 0 })
    this.fiber = this.wanted.await.pipe(
      Effect.andThen(Stream.runForEach(stream, (chunk) => {
        if (chunk.length === 0) return Effect.void
        this.wanted.closeUnsafe()
        this.push(chunk)
        return Effect.map(this.wanted.await, () => {
          if (chunk.length > highWaterMark) dispose(chunk)
        })
      })),
      Effect.runForkWith(context)
    )
    this.fiber.addObserver((exit) => {
      if (Exit.isSuccess(exit)) {
        this.push(null)
        return
      }
      const error = Cause.squash(exit.cause)
      this.destroy(error instanceof Error ? error : new Error("could not read the body", { cause: error }))
    })
  }

  override _read(): void {
    this.wanted.openUnsafe()
  }

  override _destroy(error: Error | null, callback: (error?: Error | null) => void): void {
    Effect.runFork(Fiber.interrupt(this.fiber)).addObserver(() => callback(error))
  }
}

/**
 * Makes a body that is a stream one that undici reads without reading ahead. Other requests stay as they are.
 *
 * @internal
 */
export const withoutReadingAhead = (
  request: HttpClientRequest.HttpClientRequest
): Effect.Effect<HttpClientRequest.HttpClientRequest> => {
  const { body } = request
  if (body._tag !== "Stream") return Effect.succeed(request)
  return Effect.map(
    Effect.context(),
    (context) => HttpClientRequest.setBody(request, HttpBody.raw(new Body(body.stream, context), body))
  )
}
