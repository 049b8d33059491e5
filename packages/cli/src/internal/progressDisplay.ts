/** Shows the progress of a job: a bar in a terminal, lines elsewhere, events for programs. */
import type { JobEvent } from "@effect-invokeai/core/job/JobEvent"
import * as CliOutput from "effect/cli/CliOutput"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import type * as Stdio from "effect/Stdio"
import * as Terminal from "effect/Terminal"
import { Output } from "./Output.ts"
import * as Preview from "./preview.ts"
import * as Progress from "./progress.ts"

const barWidth = 24

/** How often the bar is redrawn at most, in milliseconds. */
const redrawInterval = 80

const duration = (seconds: number): string => {
  const whole = Math.round(seconds)
  return whole < 60
    ? `${whole} s`
    : whole < 3600
    ? `${Math.floor(whole / 60)} min ${whole % 60} s`
    : `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}

const clip = (text: string, width: number): string => {
  if (CliOutput.displayWidth(text) <= width) return text
  let out = ""
  for (const character of text) {
    if (CliOutput.displayWidth(out + character) > width - 1) break
    out += character
  }
  return `${out}…`
}

const details = (progress: Progress.Progress, remaining: number | null): string =>
  [
    progress.total > 1 ? `${progress.finished}/${progress.total}` : undefined,
    progress.node ?? undefined,
    progress.step === null || progress.step === "" ? undefined : progress.step,
    remaining === null || progress.fraction >= 1 ? undefined : `${duration(remaining)} left`
  ].filter((part) => part !== undefined).join(" · ")

const percent = (fraction: number): string => `${String(Math.floor(fraction * 100)).padStart(3)} %`

const bar = (progress: Progress.Progress, remaining: number | null, width: number): string => {
  const filled = Math.round(progress.fraction * barWidth)
  return clip(
    `${"█".repeat(filled)}${"░".repeat(barWidth - filled)} ${percent(progress.fraction)}  ${
      details(progress, remaining)
    }`,
    width
  )
}

/** Something that shows the events of a job. */
export interface ProgressDisplay {
  readonly show: (event: JobEvent) => Effect.Effect<void>
  /** Removes the bar. */
  readonly end: Effect.Effect<void>
}

/** Shows a job of this many items, each of which runs this many nodes if that is known. */
export const make = Effect.fnUntraced(function*(
  total: number,
  nodes: number | undefined
): Effect.fn.Return<ProgressDisplay, never, Output | Stdio.Stdio | Terminal.Terminal> {
  const output = yield* Output
  const terminal = yield* Terminal.Terminal
  const preview = yield* Preview.make
  const started = yield* Clock.currentTimeMillis
  let progress = Progress.initial(total)
  let drawn = 0
  let line = ""

  const remainingAt = (now: number): number | null =>
    progress.fraction < 0.02 ? null : ((now - started) / 1000 / progress.fraction) * (1 - progress.fraction)

  const redraw = (event: JobEvent, now: number) =>
    Effect.gen(function*() {
      if (now - drawn < redrawInterval) return
      drawn = now
      // a terminal that does not know its width has 0 columns
      const width = (yield* terminal.columns) || 80
      yield* output.raw(`\r\u001b[2K${bar(progress, remainingAt(now), width - 1)}`)
      if (event._tag === "InvocationProgress" && event.preview !== null) yield* preview.show(event.preview.dataUrl)
    })

  const writeLine = (now: number) => {
    // a step of a node is no line of its own
    const next = `${progress.finished} ${progress.node ?? ""}`
    if (next === line || progress.node === null) return Effect.void
    line = next
    return output.note(`${percent(progress.fraction)}  ${details({ ...progress, step: null }, remainingAt(now))}`)
  }

  return {
    show: (event) =>
      Effect.gen(function*() {
        if (event._tag === "JobWarning") {
          if (output.isTerminal) yield* output.raw("\r\u001b[2K")
          yield* output.event({ type: "warning", message: event.message })
          return yield* output.note(event.message)
        }
        const before = progress
        progress = Progress.next(progress, event, nodes)
        if (progress === before) return
        const now = yield* Clock.currentTimeMillis
        yield* output.event({
          type: "progress",
          fraction: progress.fraction,
          finished: progress.finished,
          total: progress.total,
          node: progress.node,
          step: progress.step,
          remainingSeconds: remainingAt(now)
        })
        yield* output.isTerminal ? redraw(event, now) : writeLine(now)
      }),
    end: Effect.suspend(() => output.isTerminal ? Effect.andThen(preview.end, output.raw("\r\u001b[2K")) : Effect.void)
  }
})
