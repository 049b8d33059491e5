/** Where the command writes: results to standard output, everything else for people to standard error. */
import * as Config from "effect/Config"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Schema from "effect/Schema"
import * as Stdio from "effect/Stdio"
import * as Stream from "effect/Stream"
import type * as CommandResult from "../CommandResult.ts"
import { InvalidArgument } from "./args.ts"
import * as FileError from "./fileError.ts"

const variable = (name: string) => Effect.orElseSucceed(Config.withDefault(Config.String(name), ""), () => "")

/** Clears the line of a terminal, on which a progress bar may be. */
export const clearLine = "\r\u001b[2K"

/** The result of a subcommand: data for programs, and the same as human-readable text. */
export interface Outcome {
  /** The final `data` of `--json`, encoded with the schema of the subcommand. */
  readonly data: unknown
  /** For people, without a line break at the end. */
  readonly text: string
  /** The exit code. Default: 0. */
  readonly exitCode?: number | undefined
}

/** The outcome of a subcommand: `data` is encoded with the schema that `CommandResult` has for it. */
export const outcome = <A>(
  schema: Schema.Codec<A, unknown>,
  data: A,
  text: string
): Effect.Effect<Outcome> => Effect.map(Effect.orDie(Schema.encodeEffect(schema)(data)), (data) => ({ data, text }))

/** Where the command writes. */
export class Output extends Context.Service<Output, {
  /** Whether `--json` is set. */
  readonly isJson: boolean
  /** Whether standard error is a terminal that can redraw lines. */
  readonly isTerminal: boolean
  /** Writes an event for programs. Writes nothing without `--json`. */
  readonly event: (event: CommandResult.Event) => Effect.Effect<void>
  /** Writes unchanged text to standard error. */
  readonly raw: (text: string | Uint8Array) => Effect.Effect<void>
  /** Writes a line for people to standard error. */
  readonly note: (text: string) => Effect.Effect<void>
  /** Writes the result of the subcommand. Fails if it cannot be written; a closed pipe is no failure. */
  readonly result: (outcome: Outcome) => Effect.Effect<void, InvalidArgument>
  /** Writes why the subcommand failed. */
  readonly failure: (failure: CommandResult.Failure) => Effect.Effect<void>
}>()("@effect-invokeai/cli/internal/Output") {
  /** Writes to the standard streams of the process; for programs if `isJson`. */
  static readonly layer = (isJson: boolean): Layer.Layer<Output, never, Stdio.Stdio> =>
    Layer.effect(
      Output,
      Effect.gen(function*() {
        const stdio = yield* Stdio.Stdio
        // a closed pipe, for example to `head`, is no reason to stop a job
        const tryWrite = (stream: "stdout" | "stderr", text: string | Uint8Array) =>
          Stream.run(Stream.succeed(text), stdio[stream]({ endOnDone: false }))
        const write = (stream: "stdout" | "stderr", text: string | Uint8Array) => Effect.ignore(tryWrite(stream, text))
        const json = (value: unknown) => write("stdout", `${JSON.stringify(value)}\n`)
        // but a result that is lost because the disk is full is no success
        const writeResult = (text: string) =>
          tryWrite("stdout", `${text}\n`).pipe(
            Effect.catchIf((error) => FileError.codeOf(error) === "EPIPE", () => Effect.void),
            Effect.mapError((error) =>
              new InvalidArgument({ argument: "Standard output", reason: FileError.describe(error) })
            )
          )
        // a dumb terminal cannot redraw lines, and a log of CI keeps each state of a line
        const isPlain = (yield* variable("TERM")) === "dumb" || (yield* variable("CI")) !== ""
        const isTerminal = !isPlain && (yield* stdio.stderrIsTerminal)
        const note = (text: string) => write("stderr", `${isTerminal ? clearLine : ""}${text}\n`)
        return Output.of({
          isJson,
          isTerminal,
          event: (event) => isJson ? json(event) : Effect.void,
          raw: (text) => write("stderr", text),
          note,
          result: ({ data, text }) =>
            isJson
              ? Effect.andThen(text === "" ? Effect.void : note(text), writeResult(JSON.stringify({ ok: true, data })))
              : text === ""
              ? Effect.void
              : writeResult(text),
          failure: (failure) =>
            Effect.andThen(
              note(failure.help === "" ? failure.message : `${failure.message}\n${failure.help}`),
              isJson ? json({ ok: false, error: failure }) : Effect.void
            )
        })
      })
    )
}
