/** Processes that a chaos run starts, kills, suspends and starts again. None of them outlives its scope. */
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import { closeSync, openSync } from "node:fs"

/** When a process ran, in milliseconds since 1970. */
export interface Lifetime {
  readonly pid: number
  readonly from: number
  /** `undefined` while it runs. */
  to: number | undefined
}

/** A process that can be killed and started again. */
export interface Managed {
  readonly name: string
  readonly lifetimes: ReadonlyArray<Lifetime>
  readonly isRunning: () => boolean
  readonly pid: () => number | undefined
  /** Starts it, unless it runs. */
  readonly start: Effect.Effect<void>
  /** Sends a signal to it, unless it has ended. */
  readonly signal: (signal: NodeJS.Signals) => Effect.Effect<void>
  /** Kills it and waits for its end. */
  readonly kill: Effect.Effect<void>
  /** Ends it with a signal and waits for its end, at most `seconds`; then it is killed. */
  readonly end: (signal: NodeJS.Signals, seconds: number) => Effect.Effect<"ended" | "killed">
}

/** A command, started with the scope; its output is appended to a file. */
export const manage = (
  name: string,
  command: ReadonlyArray<string>,
  log: string,
  environment: Readonly<Record<string, string>> = {}
): Effect.Effect<Managed, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const lifetimes: Array<Lifetime> = []
      let child: ChildProcess | undefined
      let ended: Promise<unknown> = Promise.resolve()
      const isRunning = () => child !== undefined && child.exitCode === null && child.signalCode === null
      const start = Effect.sync(() => {
        if (isRunning()) return
        const output = openSync(log, "a")
        const [program = "", ...args] = command
        const started = spawn(program, args, {
          stdio: ["ignore", output, output],
          env: { ...process.env, ...environment }
        })
        closeSync(output)
        child = started
        const lifetime: Lifetime = { pid: started.pid ?? -1, from: Date.now(), to: undefined }
        lifetimes.push(lifetime)
        ended = once(started, "exit").then(() => {
          lifetime.to = Date.now()
        })
      })
      const signal = (name: NodeJS.Signals) =>
        Effect.sync(() => {
          if (isRunning()) child?.kill(name)
        })
      const exit = Effect.promise(() => ended)
      const end = (name: NodeJS.Signals, seconds: number) =>
        Effect.andThen(
          signal(name),
          exit.pipe(
            Effect.as("ended" as const),
            Effect.timeoutOrElse({
              duration: `${seconds} seconds`,
              orElse: () => Effect.andThen(signal("SIGKILL"), Effect.as(exit, "killed" as const))
            })
          )
        )
      const managed: Managed = {
        name,
        lifetimes,
        isRunning,
        pid: () => child?.pid,
        start,
        signal,
        end,
        kill: Effect.asVoid(end("SIGKILL", 10))
      }
      return managed
    }),
    (managed) => Effect.andThen(managed.signal("SIGCONT"), managed.end("SIGKILL", 10))
  )
