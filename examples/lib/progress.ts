/** Shows how far a job is: a bar that moves on a terminal, a plain line per step elsewhere. */
import type { JobEvent, NodeReference } from "@effect-invokeai/core/job/JobEvent"
import * as Effect from "effect/Effect"

const width = 30
const live = process.stdout.isTTY
const eraseLine = "\r\u001b[2K"

const nameOf = (node: NodeReference): string => node.nodeLabel === "" ? node.nodeType : node.nodeLabel

const bar = (percentage: number): string => {
  const filled = Math.round((percentage / 100) * width)
  return `${"█".repeat(filled)}${"░".repeat(width - filled)} ${percentage.toFixed(0).padStart(3)}%`
}

/** A line that stays. */
const line = (text: string): void => {
  process.stdout.write(`${live ? eraseLine : ""}  ${text}\n`)
}

/** A line that the next one replaces; on something else than a terminal it stays. */
const status = (text: string): void => {
  process.stdout.write(live ? `${eraseLine}  ${text}` : `  ${text}\n`)
}

/** Prints one event of a job. */
export const showProgress = (event: JobEvent): Effect.Effect<void> =>
  Effect.sync(() => {
    switch (event._tag) {
      case "JobEnqueued":
        return line(`queued as batch ${event.batchId}, item ${event.itemIds.join(", ")}`)
      case "ItemStatusChanged":
        return line(`item ${event.itemId}: ${event.status}`)
      case "InvocationStarted":
        return status(`${nameOf(event)} …`)
      case "InvocationProgress":
        return status(
          `${nameOf(event)} ${event.percentage === null ? "…" : bar(event.percentage)} ${event.message}`.trimEnd()
        )
      case "InvocationComplete":
        return line(`${nameOf(event)} ✓`)
      case "InvocationError":
        return line(`${nameOf(event)} ✗ ${event.errorType}: ${event.message}`)
      case "JobWarning":
        return line(`note: ${event.message}`)
      case "EventsDropped":
        return line(`(${event.count} events not shown)`)
    }
  })
