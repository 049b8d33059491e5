/** Runs an example: on the server that INVOKEAI_URL names, or else on the simulator, which is part of this process. */
import { ServerInfo } from "@effect-invokeai/core/server/ServerInfo"
import * as NodeImageCodec from "@effect-invokeai/node/ImageCodec"
import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Cause from "effect/Cause"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import type * as Scope from "effect/Scope"
import * as Url from "node:url"

/** The path of a file in the directory of the examples. */
export const exampleFile = (name: string): string => Url.fileURLToPath(new URL(`../${name}`, import.meta.url))

/** A number and its noun: `1 image`, `2 images`. */
export const count = (number: number, noun: string): string => `${number} ${noun}${number === 1 ? "" : "s"}`

const simulator = Layer.mergeAll(
  InvokeAiTest.layer({ stepDuration: "60 millis", nodeDuration: "120 millis" }),
  NodeImageCodec.layer
).pipe(Layer.provideMerge(NodeServices.layer))

/** The client of the server, or of the simulator. */
const server = Layer.unwrap(Effect.gen(function*() {
  const url = yield* Config.option(Config.Redacted("INVOKEAI_URL"))
  return Option.isSome(url) ? NodeInvokeAi.layerConfig() : simulator
}))

/** Prints where the program runs. */
export const printTarget = Effect.gen(function*() {
  const info = yield* ServerInfo
  const real = Option.isSome(yield* Config.option(Config.Redacted("INVOKEAI_URL")))
  const where = real
    ? `the server at ${info.url.origin}${info.url.pathname}`
    : "the simulator (set INVOKEAI_URL for a server)"
  yield* Console.log(`Running on ${where}, InvokeAI ${yield* info.version}\n`)
})

/** Runs a program with the services it needs; an expected failure is printed as one message, without a stack. */
export const run = <A, E extends { readonly message: string }>(
  program: Effect.Effect<A, E, NodeInvokeAi.Services | Scope.Scope>
): void =>
  Effect.andThen(printTarget, program).pipe(
    Effect.scoped,
    Effect.provide(server),
    Effect.onExit((exit) =>
      Exit.isSuccess(exit)
        ? Effect.void
        : Cause.hasInterruptsOnly(exit.cause)
        ? Console.error("\nStopped. The job is canceled, uploaded images are deleted.")
        : Option.match(Cause.findErrorOption(exit.cause), {
          onNone: () => Console.error(Cause.pretty(exit.cause)),
          onSome: (error) => Console.error(`\n✗ ${error.message}`)
        })
    ),
    (main) => NodeRuntime.runMain(main, { disableErrorReporting: true })
  )
