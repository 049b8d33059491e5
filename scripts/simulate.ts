/**
 * `pnpm simulate [port] [milliseconds of a node]`: the simulator on a port, until Ctrl-C. Without a port it takes 9090, or a
 * free one when that is taken.
 */
import { NodeSimulator } from "@effect-invokeai/testing/NodeSimulator"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"

const [wanted, node = "100"] = process.argv.slice(2)
const nodeDuration = Number(node)

const serve = (port: number) =>
  Effect.gen(function*() {
    const { url } = yield* NodeSimulator
    yield* Console.log(
      `A simulated InvokeAI answers at ${url.href}\nUse it with INVOKEAI_URL=${url.href}   Ctrl-C ends it.`
    )
    return yield* Effect.never
  }).pipe(Effect.provide(NodeSimulator.layer({ port, nodeDuration, stepDuration: nodeDuration / 2 })))

if (wanted !== undefined && !(/^\d+$/.test(wanted) && Number(wanted) <= 65_535)) {
  console.error(`The port has to be a number from 0 to 65535, and is '${wanted}'`)
  process.exitCode = 1
} else {
  NodeRuntime.runMain(
    wanted === undefined
      ? serve(9090).pipe(Effect.catchTag("NodeSimulatorError", () => serve(0)))
      : serve(Number(wanted))
  )
}
