/**
 * `pnpm demo`: the command `effect-invokeai` lists the inputs of the example workflow and runs it. On the simulator, or on the
 * server that INVOKEAI_URL names.
 */
import { NodeSimulator } from "@effect-invokeai/testing/NodeSimulator"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Option from "effect/Option"
import * as ChildProcess from "effect/process/ChildProcess"
import * as Path from "node:path"
import { exampleFile } from "./lib/run.ts"

const bin = exampleFile("../packages/cli/src/bin.ts")
const relative = (name: string) => Path.relative(process.cwd(), exampleFile(name))

const workflow = relative("flux-image-to-image.json")

/** Prints a command and runs it, and returns its exit code. Ctrl-C reaches it once. */
const effectInvokeai = Effect.fn("effectInvokeai")(function*(url: string, args: ReadonlyArray<string>) {
  const shown = args.map((arg) => /\s/.test(arg) ? JSON.stringify(arg) : arg)
  yield* Console.log(`\n$ effect-invokeai ${shown.join(" ")}\n`)
  const { exitCode } = yield* ChildProcess.make(process.execPath, [bin, ...args], {
    env: { INVOKEAI_URL: url },
    extendEnv: true,
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
    detached: true,
    killSignal: "SIGINT",
    forceKillAfter: "30 seconds"
  })
  return Number(yield* exitCode)
}, Effect.scoped)

const commands: ReadonlyArray<ReadonlyArray<string>> = [
  ["inputs", workflow],
  [
    "run",
    workflow,
    "--t5-encoder-model",
    "T5 Encoder FLUX",
    "--clip-embed-model",
    "CLIP-L Encoder",
    "--vae-model",
    "FLUX VAE",
    "--positive-prompt",
    "A serene mountain landscape at sunset, photorealistic, high detail",
    "--image",
    relative("mountain.png"),
    "--denoising-start",
    "0.65",
    "--seed",
    "random"
  ]
]

/** Runs the commands until one of them fails. */
const demo = Effect.fn("demo")(function*(url: string, where: string) {
  yield* Console.log(`Running on ${where}`)
  for (const args of commands) {
    const code = yield* effectInvokeai(url, args)
    if (code !== 0) return code
  }
  return 0
})

const program = Effect.gen(function*() {
  const url = yield* Config.option(Config.String("INVOKEAI_URL"))
  if (Option.isSome(url)) return yield* demo(url.value, `the server at ${url.value}`)
  return yield* NodeSimulator.pipe(
    Effect.flatMap((simulator) => demo(simulator.url.href, "the simulator (set INVOKEAI_URL for a server)")),
    Effect.provide(NodeSimulator.layer({ stepDuration: "60 millis", nodeDuration: "120 millis" }))
  )
})

NodeRuntime.runMain(Effect.provide(program, NodeServices.layer), {
  teardown: (exit, onExit) =>
    onExit(Exit.isSuccess(exit) && typeof exit.value === "number" ? exit.value : Exit.hasInterrupts(exit) ? 130 : 1)
})
