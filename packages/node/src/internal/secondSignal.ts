/** A second Ctrl-C ends a program whose cleanup takes too long. */
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { type EndSignal, exitCodes } from "./signals.ts"

let users = 0
let hasReceived = false

const onSignal = (signal: EndSignal): void => {
  // this listener and that of NodeRuntime.runMain; others decide themselves when the process ends
  if (hasReceived && process.listenerCount(signal) <= 2) process.exit(exitCodes[signal])
  hasReceived = true
}

const listeners = [["SIGINT", () => onSignal("SIGINT")], ["SIGTERM", () => onSignal("SIGTERM")]] as const

/** Ends the process on the second SIGINT or SIGTERM while the layer lives, unless the program has listeners of its own. */
export const layer: Layer.Layer<never> = Layer.effectDiscard(Effect.acquireRelease(
  Effect.sync(() => {
    if (users++ > 0) return
    hasReceived = false
    for (const [signal, listener] of listeners) process.on(signal, listener)
  }),
  () =>
    Effect.sync(() => {
      if (--users > 0) return
      for (const [signal, listener] of listeners) process.removeListener(signal, listener)
    })
))
