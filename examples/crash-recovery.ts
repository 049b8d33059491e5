/**
 * A program that can be killed at any moment and restarted. `node examples/crash-recovery.ts`
 *
 * With INVOKEAI_URL it works through its orders on that server; kill it with `kill -9` and start it again. Without, it
 * demonstrates this: it serves a simulator, starts itself, kills itself in the middle of an order, and restarts.
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
import { count, exampleFile } from "./lib/run.ts"

const orders = [{ id: "order-1", width: 160 }, { id: "order-2", width: 240 }, { id: "order-3", width: 320 }]

/** One order: submitted once, no matter how often the program starts, and done when its file exists. */
const work = Effect.fn("work")(function*(order: typeof orders[number]) {
  const fs = yield* FileSystem.FileSystem
  if (yield* fs.exists(`outputs/${order.id}.png`)) return yield* Console.log(`Already done: ${order.id}`)

  // Only evaluated when the journal has no job of this name.
  const prepare = Effect.gen(function*() {
    yield* Console.log(`Submitting ${order.id}`)
    const photo = yield* Assets.uploadFile(exampleFile("mountain.png"))
    const workflow = yield* Workflow.fromFile(exampleFile("soft-thumbnail.json"))
    return yield* Workflow.setInputs(workflow, { photo, width: order.width })
  })
  const job = yield* JobRecovery.submitOnce(order.id, prepare)
  yield* job.events.pipe(
    Stream.filter((event) => event._tag === "InvocationStarted"),
    Stream.runForEach((event) => Console.log(`Running ${event.nodeType} for ${order.id}`))
  )
  const { outputs } = yield* job.await
  yield* Downloads.images(outputs.finalImages, { directory: "outputs", template: order.id, ifExists: "overwrite" })
  yield* Console.log(`Done: ${order.id}`)
}, Effect.scoped)

const program = Effect.gen(function*() {
  yield* Effect.forEach(orders, work, { discard: true })
  yield* Assets.recover // deletes uploads of killed runs that no job needs
})

const services = NodeInvokeAi.layerConfig({ assetLedger: "state/uploads.jsonl", jobJournal: "state/jobs" })

/** Starts this file as a separate process, and kills it when it prints `killAt`. Returns its exit code, or null. */
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
  yield* runProcess(url, "Running img_blur for order-2")
  yield* Console.log("\n(Killed with SIGKILL; restarted)\n")
  const code = yield* runProcess(url)
  const simulator = yield* Simulator
  const { images, items } = yield* simulator.state
  yield* Console.log(
    `\nThe server ran ${count(items.length, "job")} for ${count(orders.length, "order")}, and has ${
      count(images.filter((image) => image.isUpload).length, "upload")
    } left.`
  )
  process.exitCode = code ?? 1
}).pipe(Effect.provide(NodeSimulator.layer({ nodeDuration: "300 millis" })))

const main = Effect.gen(function*() {
  const url = yield* Config.option(Config.Redacted("INVOKEAI_URL"))
  yield* Option.isSome(url) ? Effect.provide(program, services) : demonstration
})

NodeRuntime.runMain(main)
