import { NodeSimulator } from "@effect-invokeai/testing/NodeSimulator"
import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import { Output } from "../Output.ts"

/** `simulate`: a simulated server on a port, until Ctrl-C or the end of standard input. */
export const handler = Effect.fn("Command.simulate")(function*(input: { readonly port: Option.Option<number> }) {
  const output = yield* Output
  const serve = (port: number) =>
    Effect.gen(function*() {
      const { url } = yield* NodeSimulator
      yield* output.event({ type: "listening", url: url.href })
      yield* output.note(
        `A simulated InvokeAI listens at ${url.href}\nUse it with INVOKEAI_URL=${url.href}   Ctrl-C ends it.`
      )
      return yield* Effect.never
    }).pipe(Effect.provide(NodeSimulator.layer({ port, nodeDuration: "100 millis", stepDuration: "50 millis" })))
  return yield* Option.isSome(input.port)
    ? serve(input.port.value)
    : Effect.catchTag(serve(9090), "NodeSimulatorError", () => serve(0))
})
