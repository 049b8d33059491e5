/** Closes the open clients when the process receives a signal to end. */

/** A signal that asks a process to end. @internal */
export type EndSignal = "SIGINT" | "SIGTERM"

/** Exit codes of a process that a signal ended. @internal */
export const exitCodes: Readonly<Record<EndSignal, number>> = { SIGINT: 130, SIGTERM: 143 }

type Close = (signal: EndSignal) => Promise<void>

const open = new Set<Close>()

/** Pending from the first signal on, until all clients are closed. */
let ending: Promise<void> | undefined

const onSignal = (signal: EndSignal): void => {
  // other listeners decide themselves when the process ends
  const isAlone = process.listenerCount(signal) === 1
  const end = () => {
    if (isAlone) process.exit(exitCodes[signal])
  }
  if (ending !== undefined) return end()
  ending = Promise.allSettled(Array.from(open, (close) => close(signal))).then(() => {
    ending = undefined
    end()
  })
}

const listeners = [["SIGINT", () => onSignal("SIGINT")], ["SIGTERM", () => onSignal("SIGTERM")]] as const

/**
 * Closes a client on the first signal, and then ends the process with the usual exit code, unless the process has other
 * listeners for the signal. A second signal ends it immediately. Returns how to stop that.
 *
 * @internal
 */
export const closeOnSignal = (close: Close): () => void => {
  if (open.size === 0) {
    // before others, as a listener that runs once is no longer counted after it has run
    for (const [signal, listener] of listeners) process.prependListener(signal, listener)
  }
  open.add(close)
  return () => {
    open.delete(close)
    const stop = () => {
      if (open.size > 0) return
      for (const [signal, listener] of listeners) process.removeListener(signal, listener)
    }
    // until all clients are closed, a second signal has to end the process
    if (ending === undefined) stop()
    else void ending.then(stop)
  }
}

/**
 * Waits until a signal's cleanup has ended. A program that sees an error before that could end the process too early.
 *
 * @internal
 */
export const afterCleanup = (): Promise<void> => ending ?? Promise.resolve()
