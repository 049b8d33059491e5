/**
 * Running a long command: its output goes to a log file, the terminal hears now and then how far it is.
 */
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as ChildProcess from "effect/process/ChildProcess"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { RealServerError, say } from "./Cache.ts"

/** How a command is run. */
export interface RunOptions {
  /** What the command does, for messages: "Installing InvokeAI". */
  readonly step: string
  /** Appended to; every line of output goes there. */
  readonly logFile: string
  readonly cwd?: string
  /** Put on top of the environment of this process. */
  readonly env?: Record<string, string | undefined>
}

const keptLines = 25

/** The environment of this process without the variables that would configure an InvokeAI server or another Python. */
export const cleanEnvironment = (
  extra: Record<string, string | undefined> = {}
): Record<string, string | undefined> => ({
  ...Object.fromEntries(
    Object.entries(process.env).filter(([name]) =>
      !name.startsWith("INVOKEAI_") && !["PYTHONHOME", "PYTHONPATH", "VIRTUAL_ENV"].includes(name)
    )
  ),
  ...extra
})

/**
 * Runs a command to its end and gives back its last lines. Fails when it cannot be started or its exit code is not 0.
 * Interrupting stops the command and its children.
 */
export const run = Effect.fnUntraced(
  function*(command: string, args: ReadonlyArray<string>, options: RunOptions) {
    const fs = yield* FileSystem.FileSystem
    const lines: Array<string> = []
    const started = yield* Clock.currentTimeMillis
    const handle = yield* ChildProcess.make(command, args, {
      stdin: "ignore",
      env: cleanEnvironment(options.env),
      extendEnv: false,
      forceKillAfter: "10 seconds",
      ...(options.cwd === undefined ? {} : { cwd: options.cwd })
    })
    yield* Effect.gen(function*() {
      const seconds = Math.round(((yield* Clock.currentTimeMillis) - started) / 1000)
      const last = (lines.at(-1) ?? "").slice(0, 100)
      yield* say(`${options.step}: ${seconds} s so far${last === "" ? "" : ` (${last})`}`)
    }).pipe(Effect.delay("20 seconds"), Effect.repeat(Schedule.forever), Effect.forkScoped)
    yield* handle.all.pipe(
      Stream.decodeText,
      Stream.splitLines,
      Stream.runForEach((line) => {
        lines.push(line)
        if (lines.length > keptLines) lines.shift()
        return fs.writeFileString(options.logFile, `${line}\n`, { flag: "a" })
      })
    )
    const code = yield* handle.exitCode
    if (code !== 0) {
      return yield* new RealServerError({
        step: options.step,
        detail: `${command} ended with code ${code}. Its last lines (all of them: ${options.logFile}):\n${
          lines.join("\n")
        }`
      })
    }
    return lines
  },
  (effect, command, _args, options) =>
    effect.pipe(
      Effect.scoped,
      Effect.catchTag("PlatformError", (error) =>
        new RealServerError({ step: options.step, detail: `${command}: ${error.message}` }))
    )
)
