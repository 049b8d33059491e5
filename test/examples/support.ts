import { NodeSimulator } from "@effect-invokeai/testing/NodeSimulator"
import { Simulator, type SimulatorOptions } from "@effect-invokeai/testing/Simulator"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"

/** The root of the repository. */
export const root = Path.resolve(import.meta.dirname, "../..")

/** A folder that is there as long as the scope. */
export const temporaryFolder: Effect.Effect<string, never, Scope.Scope> = Effect.acquireRelease(
  Effect.sync(() => Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-invokeai-examples-"))),
  (folder) => Effect.sync(() => Fs.rmSync(folder, { recursive: true, force: true }))
)

/** How a program ended. */
export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly output: string
}

/** A running program. */
export interface Running {
  /** Waits until the program has printed a text; fails if it ends before. */
  readonly printed: (text: string) => Effect.Effect<void, Error>
  readonly interrupt: Effect.Effect<void>
  readonly terminate: Effect.Effect<void>
  readonly ended: Effect.Effect<Ended>
}

/** Starts a TypeScript program with Node; it is killed when the scope closes before it has ended. */
export const start = (
  file: string,
  options: {
    readonly cwd: string
    readonly args?: ReadonlyArray<string> | undefined
    readonly env?: Readonly<Record<string, string>> | undefined
  }
): Effect.Effect<Running, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const { INVOKEAI_URL: _, ...inherited } = process.env
      const child = ChildProcess.spawn(process.execPath, [file, ...(options.args ?? [])], {
        cwd: options.cwd,
        env: { ...inherited, ...options.env },
        stdio: ["ignore", "pipe", "pipe"]
      })
      let output = ""
      let end: Ended | undefined
      const listeners = new Set<() => void>()
      const changed = () => {
        for (const listener of listeners) listener()
      }
      for (const stream of [child.stdout, child.stderr]) {
        stream.setEncoding("utf8").on("data", (text: string) => {
          output += text
          changed()
        })
      }
      child.on("close", (code, signal) => {
        end = { code, signal, output }
        changed()
      })
      const when = <A, E>(check: () => Effect.Effect<A, E> | undefined): Effect.Effect<A, E> =>
        Effect.callback<A, E>((resume) => {
          const listener = () => {
            const result = check()
            if (result === undefined) return
            listeners.delete(listener)
            resume(result)
          }
          listeners.add(listener)
          listener()
        })
      const running: Running = {
        printed: (text) =>
          when<void, Error>(() =>
            output.includes(text)
              ? Effect.void
              : end !== undefined
              ? Effect.fail(new Error(`the program ended without printing "${text}":\n${output}`))
              : undefined
          ),
        interrupt: Effect.sync(() => void child.kill("SIGINT")),
        terminate: Effect.sync(() => void child.kill("SIGTERM")),
        ended: when(() => end === undefined ? undefined : Effect.succeed(end))
      }
      return { child, running }
    }),
    ({ child }) => Effect.sync(() => void child.kill("SIGKILL"))
  ).pipe(Effect.map(({ running }) => running))

/** A simulator on a port, for one test. */
export const withServer = <A, E>(
  options: SimulatorOptions,
  use: (server: {
    readonly url: string
    readonly simulator: Simulator["Service"]
  }) => Effect.Effect<A, E, Scope.Scope>
) =>
  Effect.gen(function*() {
    const { url } = yield* NodeSimulator
    return yield* use({ url: url.href, simulator: yield* Simulator })
  }).pipe(Effect.scoped, Effect.provide(NodeSimulator.layer(options)))
