import * as Cause from "effect/Cause"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Stream from "effect/Stream"
import type { ServerMessage } from "../ServerEvents.ts"

const maxProgress = 64
const maxOther = 16_384

/** @internal */
export interface Subscriber {
  readonly offer: (message: ServerMessage) => void
  readonly end: () => void
  readonly stream: Stream.Stream<ServerMessage>
}

const isProgress = (message: ServerMessage): boolean =>
  message._tag === "Event" && message.name === "invocation_progress"

/**
 * A waiting list with a bound: old progress goes first, and a reader who leaves everything else lying has to start over.
 *
 * @internal
 */
export const make = (): Subscriber => {
  let waiting: Array<ServerMessage> = []
  let progress = 0
  let connected = false
  let ended = false
  const latch = Latch.makeUnsafe()

  const push = (message: ServerMessage) => {
    const last = waiting[waiting.length - 1]
    // only the newest reason matters
    if (message._tag === "Unavailable" && last?._tag === "Unavailable") waiting[waiting.length - 1] = message
    else waiting.push(message)
  }

  const pull = Effect.suspend(function take(): Effect.Effect<
    readonly [ServerMessage, ...Array<ServerMessage>],
    Cause.Done
  > {
    const [first, ...rest] = waiting
    if (first !== undefined) {
      waiting = []
      progress = 0
      return Effect.succeed([first, ...rest])
    }
    if (ended) return Cause.done()
    latch.closeUnsafe()
    return Effect.andThen(latch.await, Effect.suspend(take))
  })

  return {
    offer: (message) => {
      if (ended) return
      if (message._tag !== "Event") connected = message._tag === "Connected"
      if (isProgress(message)) {
        if (progress >= maxProgress) waiting.splice(waiting.findIndex(isProgress), 1)
        else progress++
        waiting.push(message)
      } else if (waiting.length - progress >= maxOther) {
        waiting = [{ _tag: "Disconnected", reason: "slow subscriber" }]
        progress = 0
        if (connected) push({ _tag: "Connected" })
      } else {
        push(message)
      }
      latch.openUnsafe()
    },
    end: () => {
      ended = true
      latch.openUnsafe()
    },
    stream: Stream.fromPull(Effect.succeed(pull))
  }
}
