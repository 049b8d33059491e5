/** Shows the progress of a job: a progress bar on a terminal, plain lines elsewhere. */
import type { JobEvent } from "@effect-invokeai/core/job/JobEvent"
import * as Effect from "effect/Effect"
import { count } from "./run.ts"

const width = 30
const live = process.stdout.isTTY
const eraseLine = "\r\u001b[2K"

const bar = (percentage: number): string => {
  const filled = Math.round((percentage / 100) * width)
  return `${"█".repeat(filled)}${"░".repeat(width - filled)}`
}

/** Prints a permanent line. */
const line = (text: string): void => {
  process.stdout.write(`${live ? eraseLine : ""}  ${text}\n`)
}

/** The node and the quarter of its progress of the last printed line: without a terminal, four lines are enough. */
let lastPrinted = ""

const progress = (nodeId: string, percentage: number | null, message: string): void => {
  if (live) {
    const text = percentage === null ? message : `${bar(percentage)} ${percentage.toFixed(0).padStart(3)}% ${message}`
    process.stdout.write(`${eraseLine}  ${text}`)
    return
  }
  const step = `${nodeId} ${percentage === null ? message : Math.floor(percentage / 25)}`
  if (percentage !== null && percentage > 0 && step !== lastPrinted) {
    line(`Progress: ${percentage.toFixed(0)}% - ${message}`)
  }
  lastPrinted = step
}

/** Prints one event of a job. */
export const showProgress = (event: JobEvent): Effect.Effect<void> =>
  Effect.sync(() => {
    switch (event._tag) {
      case "JobEnqueued":
        return line(`Queued: items ${event.itemIds.join(", ")}`)
      case "ItemStatusChanged":
        return line(`Status: ${event.status} - Item ${event.itemId}`)
      case "InvocationStarted":
        return line(`Node started: ${event.nodeId} (${event.nodeType})`)
      case "InvocationProgress":
        return progress(event.nodeId, event.percentage, event.message)
      case "InvocationComplete":
        line(`Node complete: ${event.nodeId}`)
        return event.output._tag === "InkImageOutput"
          ? line(`   Generated image: ${event.output.imageName}`)
          : undefined
      case "InvocationError":
        return line(`Node error: ${event.nodeId} - ${event.errorType}: ${event.message}`)
      case "JobWarning":
        return line(`Note: ${event.message}`)
      case "EventsDropped":
        return line(`Note: ${count(event.count, "event")} not shown`)
    }
  })
