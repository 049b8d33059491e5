/** Runs the command with the arguments of the process. */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as CliConfig from "effect/cli/CliConfig"
import * as CliOutput from "effect/cli/CliOutput"
import * as Command from "effect/cli/Command"
import * as GlobalFlag from "effect/cli/GlobalFlag"
import * as TerminalCapabilities from "effect/cli/TerminalCapabilities"
import * as ConfigProvider from "effect/ConfigProvider"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Logger from "effect/Logger"
import * as MutableRef from "effect/MutableRef"
import * as References from "effect/References"
import * as Schema from "effect/Schema"
import * as Stdio from "effect/Stdio"
import { createRequire } from "node:module"
import * as CommandResult from "../CommandResult.ts"
import * as Args from "./args.ts"
import { loadWorkflow, root } from "./commands.ts"
import * as Failure from "./failure.ts"
import { clearLine, Output } from "./Output.ts"
import * as Servers from "./servers.ts"
import { ExitCode } from "./subcommand.ts"
import * as Wording from "./wording.ts"

const { version } = Schema.decodeUnknownSync(Schema.Struct({ version: Schema.String }))(
  createRequire(import.meta.url)("../../package.json")
)

/** An invalid invocation is reported like every other failure, without the complete help. */
const presenter = CliOutput.layerPresenter({
  present: (event) => event._tag === "InvalidInvocation" ? Effect.void : CliOutput.defaultPresenter.present(event)
})

const program = Effect.gen(function*() {
  const args = yield* Effect.flatMap(Stdio.Stdio, (stdio) => stdio.args)
  const peeked = Args.peek(args)
  const run = Effect.gen(function*() {
    if (peeked.hasExcessServers) {
      return yield* new Args.InvalidArgument({
        argument: "--server",
        reason: "expected one server; batch and worker take several"
      })
    }
    const config = peeked.server === undefined
      ? yield* ConfigProvider.ConfigProvider
      : yield* Servers.withServer(peeked.server)
    const command = Effect.flatMap(
      peeked.workflow === undefined ? Effect.undefined : loadWorkflow(peeked.workflow, peeked.isHelp),
      (loaded) => Command.runWith(root(loaded), { version })(args)
    )
    yield* Effect.provideService(command, ConfigProvider.ConfigProvider, config)
  })
  const output = yield* Output
  const exitCode = MutableRef.make<number>(CommandResult.ExitCode.ok)
  return yield* run.pipe(
    Effect.provideService(ExitCode, exitCode),
    Effect.andThen(Effect.sync(() => MutableRef.get(exitCode))),
    Effect.catchCause((cause) => {
      const { exitCode, failure } = Failure.ofCause(cause)
      return failure.message === "" ? Effect.succeed(exitCode) : Effect.as(output.failure(failure), exitCode)
    }),
    Effect.onInterrupt(() => output.failure({ tag: "Interrupted", message: "Interrupted.", help: "" }))
  )
})

/** Writes the messages of the library as lines, in the words of the command. */
const messageLogger = (isTerminal: boolean) =>
  Logger.withConsoleError(Logger.make<unknown, string>(({ fiber, message }) => {
    const text = (Array.isArray(message) ? message : [message]).map(String).join(" ")
    const { item } = fiber.getRef(References.CurrentLogAnnotations)
    const subject = typeof item === "string" ? `${item}: ` : ""
    return `${isTerminal ? clearLine : ""}${subject}${Wording.ofCommand(text)}`
  }))

const output = Layer.unwrap(
  Effect.map(Effect.flatMap(Stdio.Stdio, (stdio) => stdio.args), (args) => Output.layer(Args.peek(args).isJson))
)

// messages for people; `--log-level` is for finding faults, with times and details
const logging = Layer.unwrap(Effect.gen(function*() {
  const { isTerminal } = yield* Output
  const args = yield* Effect.flatMap(Stdio.Stdio, (stdio) => stdio.args)
  return args.some((arg) => arg.startsWith("--log-level")) ? Layer.empty : Logger.layer([messageLogger(isTerminal)])
}))

const services = Layer.mergeAll(
  TerminalCapabilities.layer,
  presenter,
  CliConfig.layer({ builtIns: [GlobalFlag.Help, GlobalFlag.Version, GlobalFlag.Completions, GlobalFlag.LogLevel] }),
  Layer.succeed(Logger.LogToStderr)(true),
  logging
).pipe(Layer.provideMerge(output), Layer.provideMerge(NodeServices.layer))

// a terminal that is closed ends the command in the same way as Ctrl-C
process.once("SIGHUP", () => process.emit("SIGTERM", "SIGTERM"))

NodeRuntime.runMain(Effect.provide(program, services), {
  disableErrorReporting: true,
  teardown: (exit, onExit) =>
    onExit(
      Exit.isSuccess(exit) && typeof exit.value === "number"
        ? exit.value
        : Exit.hasInterrupts(exit)
        ? CommandResult.ExitCode.interrupted
        : CommandResult.ExitCode.unexpected
    )
})
