/**
 * Calls a function once, after some milliseconds, unless the process ends before. Returns how to cancel it.
 *
 * @internal
 */
export const unrefTimer = (run: () => void, millis: number): () => void => {
  // Effect's timers keep the process alive
  // @effect-diagnostics-next-line globalTimers:off
  const timer = setTimeout(run, millis).unref()
  return () => clearTimeout(timer)
}
