/**
 * A program that can be killed at any moment, and is just started again. `node examples/crash-recovery.ts`
 *
 * With INVOKEAI_URL it works through its orders on that server; kill it with `kill -9` and start it again. Without, it
 * shows just that: it serves a simulator, starts itself, kills itself in the middle of an order, and starts itself
 * again.
 */
import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import * as JobRecovery from "@effect-invokeai/core/job/JobRecovery"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import { NodeSimulator } from "@effect-invokeai/testing/NodeSimulator"
import { Simulator } from "@effect-invokeai/testing/Simulator"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"
import { spawn } from "node:child_process"
import { fileURLToPath } from "node:url"
import { exampleFile } from "./lib/run.ts"

const orders = [{ id: "order-1", width: 160 }, { id: "order-2", width: 240 }, { id: "order-3", width: 320 }]

/** One order: submitted once, no matter how often the program starts, and done when its file exists. */
const work = Effect.fn("work")(function*(order: typeof orders[number]) {
  const fs = yield* FileSystem.FileSystem
  if (yield* fs.exists(`outputs/${order.id}.png`)) return yield* Console.log(`${order.id} was done already`)

  // Only evaluated when the journal has no job of this name.
  const prepare = Effect.gen(function*() {
    yield* Console.log(`${order.id} is submitted`)
    const photo = yield* Assets.uploadFile(exampleFile("mountain.png"))
    const workflow = yield* Workflow.fromFile(exampleFile("soft-thumbnail.json"))
    return yield* Workflow.setInputs(workflow, { photo, width: order.width })
  })
  const job = yield* JobRecovery.submitOnce(order.id, prepare)
  yield* job.events.pipe(
    Stream.filter((event) => event._tag === "InvocationStarted"),
    Stream.runForEach((event) => Console.log(`${order.id} runs ${event.nodeType}`))
  )
  const { outputs } = yield* job.await
  yield* Downloads.images(outputs.finalImages, { directory: "outputs", template: order.id, ifExists: "overwrite" })
  yield* Console.log(`${order.id} is done`)
}, Effect.scoped)

const program = Effect.gen(function*() {
  yield* Effect.forEach(orders, work, { discard: true })
  yield* Assets.recover // what killed runs had uploaded and no job needs any more
})

const services = NodeInvokeAi.layerConfig({ assetLedger: "state/uploads.jsonl", jobJournal: "state/jobs" })

/** Starts this file as a process of its own, and kills it when it prints a text. Gives its exit code, or null. */
const runProcess = (url: URL, killAt?: string) =>
  Effect.callback<number | null>((resume) => {
    const child = spawn(process.execPath, [fileURLToPath(import.meta.url)], {
      env: { ...process.env, INVOKEAI_URL: url.href },
      stdio: ["ignore", "pipe", "inherit"]
    })
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      process.stdout.write(text)
      if (killAt !== undefined && text.includes(killAt)) child.kill("SIGKILL")
    })
    child.on("close", (code) => resume(Effect.succeed(code)))
    return Effect.sync(() => void child.kill())
  })

/** The demonstration. */
const demonstration = Effect.gen(function*() {
  const { url } = yield* NodeSimulator
  yield* runProcess(url, "order-2 runs img_blur")
  yield* Console.log("\n(killed with SIGKILL; started again)\n")
  const code = yield* runProcess(url)
  const simulator = yield* Simulator
  const { images, items } = yield* simulator.state
  yield* Console.log(
    `\nThe server had ${items.length} jobs for ${orders.length} orders, and has ${
      images.filter((image) => image.isUpload).length
    } uploads left.`
  )
  process.exitCode = code ?? 1
}).pipe(Effect.provide(NodeSimulator.layer({ nodeDuration: "300 millis" })))

const main = Effect.gen(function*() {
  const url = yield* Config.option(Config.Redacted("INVOKEAI_URL"))
  yield* Option.isSome(url) ? Effect.provide(program, services) : demonstration
})

NodeRuntime.runMain(main)
