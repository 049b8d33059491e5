/** What all subcommands share: flags that every one has, and how a handler is loaded and run. */
import * as Flag from "effect/cli/Flag"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as MutableRef from "effect/MutableRef"
import * as CommandResult from "../CommandResult.ts"
import { type Outcome, Output } from "./Output.ts"

/** The values of `--server`. Subcommands of a farm take several; for the others `main.ts` has read the one. */
export const Servers = GlobalFlag.Setting("server")({
  flag: Flag.String("server").pipe(
    Flag.atLeast(0),
    Flag.withDescription(
      "Name of a server in servers.json, instead of the one that INVOKEAI_URL names. `batch` and `worker` take several, " +
        "and URLs"
    )
  )
})

/** The flags of every subcommand. `main.ts` has read them before: here they are for the parser and for help. */
export const globalFlags = [
  GlobalFlag.Setting("json")({
    flag: Flag.Boolean("json").pipe(
      Flag.withDefault(false),
      Flag.withoutNegation,
      Flag.withDescription("Print JSON lines to standard output: events, then the result or the error")
    )
  }),
  Servers
] as const

/** The exit code of the subcommand that ran. */
export class ExitCode extends Context.Service<ExitCode, MutableRef.MutableRef<number>>()(
  "@effect-invokeai/cli/internal/subcommand/ExitCode"
) {}

/** Runs a handler of a module that is loaded now, and writes its outcome. */
export const lazily = <Input, E, R>(
  load: () => Promise<(input: Input) => Effect.Effect<Outcome, E, R>>
) =>
(input: Input) =>
  Effect.gen(function*() {
    const handler = yield* Effect.promise(load)
    const output = yield* Output
    const outcome = yield* handler(input)
    yield* output.result(outcome)
    MutableRef.set(yield* ExitCode, outcome.exitCode ?? CommandResult.ExitCode.ok)
  })
