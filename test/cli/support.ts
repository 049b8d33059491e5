/** Runs the command `effect-invokeai` as a process. */
import * as CommandResult from "@effect-invokeai/cli/CommandResult"
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as ChildProcess from "node:child_process"
import * as Path from "node:path"

/** The root of the repository. */
export const root = Path.resolve(import.meta.dirname, "../..")

/** A file of the examples. */
export const example = (name: string): string => Path.join(root, "examples", name)

const bin = Path.join(root, "packages/cli/src/bin.ts")

/** How the command ended. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A running command. */
export interface Running {
  readonly ended: Effect.Effect<Ended>
  /** Waits until standard output has the text. Never ends if the command ends before. */
  readonly printed: (text: string | RegExp) => Effect.Effect<void>
  readonly interrupt: Effect.Effect<void>
  /** What happens when the terminal is closed. */
  readonly hangUp: Effect.Effect<void>
}

interface Options {
  readonly env?: Readonly<Record<string, string>> | undefined
  readonly cwd?: string | undefined
}

const inherited = Object.fromEntries(
  Object.entries(process.env).flatMap(([name, value]) =>
    value === undefined || name.startsWith("INVOKEAI_") ? [] : [[name, value]]
  )
)

/** Starts the command; it is killed when the scope closes before it has ended. */
export const start = (args: ReadonlyArray<string>, options: Options = {}): Effect.Effect<Running, never, Scope.Scope> =>
  Effect.acquireRelease(
    Effect.sync(() => {
      const child = ChildProcess.spawn(process.execPath, [bin, ...args], {
        cwd: options.cwd ?? root,
        env: { ...inherited, INVOKEAI_SERVERS: Path.join(root, "no-servers.json"), ...options.env },
        stdio: ["ignore", "pipe", "pipe"]
      })
      let stdout = ""
      let stderr = ""
      child.stdout.setEncoding("utf8").on("data", (text: string) => void (stdout += text))
      child.stderr.setEncoding("utf8").on("data", (text: string) => void (stderr += text))
      const end = new Promise<Ended>((resolve) => {
        child.on("close", (code) => resolve({ code, stdout, stderr }))
      })
      return { child, end, stdout: () => stdout }
    }),
    ({ child }) => Effect.sync(() => void child.kill("SIGKILL"))
  ).pipe(Effect.map(({ child, end, stdout }) => ({
    ended: Effect.promise(() => end),
    printed: (text) =>
      Effect.sleep("20 millis").pipe(Effect.repeat({ until: () => stdout().search(text) >= 0 }), Effect.asVoid),
    interrupt: Effect.sync(() => void child.kill("SIGINT")),
    hangUp: Effect.sync(() => void child.kill("SIGHUP"))
  })))

/** Runs the command to its end. */
export const invoke = (args: ReadonlyArray<string>, options?: Options): Effect.Effect<Ended> =>
  Effect.scoped(Effect.flatMap(start(args, options), ({ ended }) => ended))

/** The lines of `--json`: valid events, then the envelope. */
export const parse = <A>(data: Schema.Codec<A, unknown>, stdout: string) => {
  const lines = stdout.trimEnd().split("\n")
  const last = lines.pop() ?? ""
  const events = lines.map((line) => Schema.decodeUnknownSync(Schema.fromJsonString(CommandResult.Event))(line))
  const result = Schema.decodeUnknownSync(Schema.fromJsonString(CommandResult.envelope(data)))(last)
  return { events, result }
}

/** Runs the command with `--json` and returns its data, which has the schema. Dies with its messages if it fails. */
export const data = <A>(
  schema: Schema.Codec<A, unknown>,
  args: ReadonlyArray<string>,
  options?: Options
) =>
  Effect.map(invoke([...args, "--json"], options), ({ code, stderr, stdout }) => {
    const { events, result } = parse(schema, stdout)
    if (!result.ok || code !== 0) throw new Error(`${args.join(" ")} ended with ${code}: ${stderr}\n${stdout}`)
    return { data: result.data, events, stderr }
  })

/** Runs the command with `--json` and returns its failure and exit code. */
export const failure = (args: ReadonlyArray<string>, options?: Options) =>
  Effect.map(invoke([...args, "--json"], options), ({ code, stderr, stdout }) => {
    const { result } = parse(Schema.Unknown, stdout)
    if (result.ok) throw new Error(`${args.join(" ")} succeeded: ${stdout}`)
    return { code, stderr, ...result.error }
  })
