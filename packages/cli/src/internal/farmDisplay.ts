/** Shows the progress of runs of a farm: a bar in a terminal, lines elsewhere, events for programs. */
import type { Farm, RunStatus } from "@effect-invokeai/farm/Farm"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Schedule from "effect/Schedule"
import * as Struct from "effect/Struct"
import * as Terminal from "effect/Terminal"
import type * as CommandResult from "../CommandResult.ts"
import { clearLine, Output } from "./Output.ts"
import { blocks, clip, percent, remainingText } from "./progressDisplay.ts"

/** A run as `--json` prints it. */
export const runData = (status: RunStatus): CommandResult.FarmRun => ({
  ...Struct.omit(status, ["createdAt", "remaining"]),
  remainingSeconds: status.remaining === undefined ? null : status.remaining / 1000
})

const hostOf = (url: string): string => URL.parse(url)?.host ?? url

const shares = ({ servers }: RunStatus): string => {
  const total = Object.values(servers).reduce((sum, count) => sum + count, 0)
  return Object.entries(servers)
    .map(([url, count]) => `${hostOf(url)} ${Math.round(count / total * 100)} %`).join("  ")
}

const ended = ({ canceled, completed, failed }: RunStatus): number => completed + failed + canceled

const fractionOf = (status: RunStatus): number => status.total === 0 ? 1 : ended(status) / status.total

const rate = (perSecond: number): string =>
  perSecond >= 1 ? `${perSecond.toFixed(1)}/s` : `${(perSecond * 60).toFixed(1)}/min`

/** How far a run is, in one line. */
export const describeRun = (status: RunStatus): string =>
  [
    `${ended(status)}/${status.total}`,
    status.state === "running" || status.state === "finished" ? undefined : status.state,
    status.failed === 0 ? undefined : `${status.failed} failed`,
    status.canceled === 0 ? undefined : `${status.canceled} canceled`,
    status.perSecond === 0 ? undefined : rate(status.perSecond),
    status.remaining === undefined || status.state !== "running" || fractionOf(status) >= 1
      ? undefined
      : `${remainingText(Duration.millis(status.remaining))} left`,
    Object.keys(status.servers).length < 2 ? undefined : shares(status)
  ].filter((part) => part !== undefined).join(" · ")

/** How often a line is written where lines cannot be redrawn. */
const linePause = Duration.toMillis("10 seconds")

/** Shows a run until it is interrupted. */
export const show = Effect.fnUntraced(function*(farm: Farm["Service"], run: string) {
  const output = yield* Output
  const terminal = yield* Terminal.Terminal
  let shown = ""
  let nextLine = 0
  const draw = Effect.fnUntraced(function*(status: RunStatus, now: number) {
    const text = describeRun(status)
    if (text !== shown) yield* output.event({ type: "run", ...Struct.omit(runData(status), ["priority", "state"]) })
    if (output.isTerminal) {
      const columns = yield* terminal.columns
      const fraction = fractionOf(status)
      // a terminal that does not know its width has 0 columns
      const line = clip(`${blocks(fraction)} ${percent(fraction)}  ${text}`, (columns || 80) - 1)
      yield* output.raw(`${clearLine}${line}`)
    } else if (text !== shown && now >= nextLine) {
      nextLine = now + linePause
      yield* output.note(`${percent(fractionOf(status))}  ${text}`)
    }
    shown = text
  })
  return yield* Effect.clockWith((clock) =>
    Effect.flatMap(farm.status(run), (status) => draw(status, clock.currentTimeMillisUnsafe()))
  ).pipe(
    Effect.repeat(Schedule.spaced("1 second")),
    Effect.onExit(() => output.isTerminal ? output.raw(clearLine) : Effect.void)
  )
})
