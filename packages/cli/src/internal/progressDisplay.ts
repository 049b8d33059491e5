/** Shows the progress of a job: a bar in a terminal, lines elsewhere, events for programs. */
import type * as Job from "@effect-invokeai/core/job/Job"
import type { JobProgress } from "@effect-invokeai/core/job/Job"
import type { JobEvent } from "@effect-invokeai/core/job/JobEvent"
import * as CliOutput from "effect/cli/CliOutput"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import type * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import * as Terminal from "effect/Terminal"
import { clearLine, Output } from "./Output.ts"
import * as Preview from "./preview.ts"
import * as Wording from "./wording.ts"

const barWidth = 24

/** A duration for people. */
export const remainingText = (remaining: Duration.Duration): string => {
  const seconds = Math.round(Duration.toSeconds(remaining))
  return seconds < 60
    ? `${seconds} s`
    : seconds < 3600
    ? `${Math.floor(seconds / 60)} min ${seconds % 60} s`
    : `${Math.floor(seconds / 3600)} h ${Math.floor((seconds % 3600) / 60)} min`
}

/** Truncates text to the width of the terminal. */
export const clip = (text: string, width: number): string => {
  if (CliOutput.displayWidth(text) <= width) return text
  let out = ""
  for (const character of text) {
    if (CliOutput.displayWidth(out + character) > width - 1) break
    out += character
  }
  return `${out}…`
}

const nodeOf = ({ node }: JobProgress): string | null =>
  node === null ? null : node.label === "" ? node.nodeId : node.label

const details = (progress: JobProgress, step: string | undefined): string =>
  [
    progress.total !== null && progress.total > 1 ? `${progress.finished}/${progress.total}` : undefined,
    nodeOf(progress) ?? undefined,
    step,
    progress.estimatedRemaining === null || progress.fraction >= 1
      ? undefined
      : `${remainingText(progress.estimatedRemaining)} left`
  ].filter((part) => part !== undefined && part !== "").join(" · ")

/** A fraction in percent, always as wide. */
export const percent = (fraction: number): string => `${String(Math.floor(fraction * 100)).padStart(3)} %`

/** A bar for a fraction from 0 to 1. */
export const blocks = (fraction: number): string => {
  const filled = Math.round(fraction * barWidth)
  return `${"█".repeat(filled)}${"░".repeat(barWidth - filled)}`
}

const bar = (progress: JobProgress, width: number): string =>
  clip(
    `${blocks(progress.fraction)} ${percent(progress.fraction)}  ${details(progress, progress.node?.message)}`,
    width
  )

/** Shows a job. Returns how to end that when waiting for the job ended: the bar is removed. */
export const show = Effect.fnUntraced(function*(job: Job.Job): Effect.fn.Return<
  (exit: Exit.Exit<unknown, unknown>) => Effect.Effect<void>,
  never,
  Output | Scope.Scope | Stdio.Stdio | Terminal.Terminal
> {
  const output = yield* Output
  const terminal = yield* Terminal.Terminal
  const preview = yield* Preview.make
  let line = ""

  const draw = (progress: JobProgress) =>
    Effect.flatMap(terminal.columns, (columns) =>
      // a terminal that does not know its width has 0 columns
      output.raw(`${clearLine}${bar(progress, (columns || 80) - 1)}`))

  const writeLine = (progress: JobProgress) => {
    // a step of a node gets no separate line
    const next = `${progress.finished} ${nodeOf(progress) ?? ""}`
    if (next === line || progress.node === null) return Effect.void
    line = next
    return output.note(`${percent(progress.fraction)}  ${details(progress, undefined)}`)
  }

  const onProgress = (progress: JobProgress) =>
    Effect.andThen(
      output.event({
        type: "progress",
        fraction: progress.fraction,
        finished: progress.finished,
        total: progress.total,
        node: nodeOf(progress),
        step: progress.node === null || progress.node.message === "" ? null : progress.node.message,
        remainingSeconds: progress.estimatedRemaining === null ? null : Duration.toSeconds(progress.estimatedRemaining)
      }),
      output.isTerminal ? draw(progress) : writeLine(progress)
    )

  const onEvent = (event: JobEvent) => {
    if (event._tag === "InvocationProgress" && event.preview !== null) return preview.show(event.preview.dataUrl)
    if (event._tag !== "JobWarning") return Effect.void
    // the library's log has it for people
    return output.event({ type: "warning", message: Wording.ofCommand(event.message) })
  }

  const showing = yield* Effect.forkScoped(Effect.all([
    Stream.runForEach(job.progress, onProgress),
    Stream.runForEach(job.events, onEvent)
  ], { concurrency: 2, discard: true }))
  return Effect.fnUntraced(function*(exit) {
    // events of the job are written before its result
    if (!Exit.hasInterrupts(exit)) yield* Effect.timeoutOption(Fiber.await(showing), "1 second")
    yield* Fiber.interrupt(showing)
    if (output.isTerminal) yield* Effect.andThen(preview.end, output.raw(clearLine))
  })
})
