/**
 * What a job costs over the server's own time, beside the same flow by hand with `undici` and `socket.io-client`.
 *
 * This process serves the simulator, whose nodes take no time; a second one runs jobs one after the other, in turns by
 * hand and with the library: hand in, wait for the event of the end, read the item. The overhead of a job is the time
 * from the call to its outputs, less the time from creation to completion that the server itself tells.
 *
 *     node test/bench/overhead.ts [jobs] [URL of another server]
 */
import * as Job from "@effect-invokeai/core/job/Job"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import { NodeSimulator } from "@effect-invokeai/node/NodeSimulator"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"
import { randomUUID } from "node:crypto"
import { createRequire } from "node:module"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import { io } from "socket.io-client"

const self = fileURLToPath(import.meta.url)
const file = Path.resolve(import.meta.dirname, "../fixtures/workflows/text-only.json")

interface Item {
  readonly item_id: number
  readonly status: string
  readonly created_at: string
  readonly completed_at: string
  readonly session: { readonly results: Readonly<Record<string, { readonly value?: unknown }>> }
}

/** Milliseconds between the creation and the completion of an item, by the server's clock. */
const serverTime = (item: Pick<Item, "created_at" | "completed_at">) =>
  Date.parse(`${item.completed_at}Z`) - Date.parse(`${item.created_at}Z`)

const median = (values: ReadonlyArray<number>): number => values.toSorted((a, b) => a - b)[values.length >> 1] ?? 0

/** What is used of undici: the copy that the client uses; it is no dependency of this repository. */
interface Undici {
  readonly Agent: new(options: object) => { readonly destroy: () => Promise<void> }
  readonly request: (
    url: string,
    options: object
  ) => Promise<{ readonly body: { readonly json: () => Promise<unknown> } }>
}

const loadUndici = (): Undici =>
  createRequire(createRequire(import.meta.url).resolve("@effect/platform-node/NodeHttpClient"))("undici") as Undici

interface Runner {
  /** Runs one job and gives its overhead in milliseconds. */
  readonly run: () => Promise<number>
  readonly close: () => Promise<void>
}

const byHand = async (url: string): Promise<Runner> => {
  const undici = loadUndici()
  const dispatcher = new undici.Agent({ keepAliveTimeout: 2_000, pipelining: 1 })
  const api = `${url}api/v1/queue/default`
  const graph = await Effect.runPromise(
    Effect.flatMap(Workflow.fromFile(file), (workflow) => Workflow.toBatch(workflow)).pipe(
      Effect.provide(NodeInvokeAi.layer({ url }))
    )
  )
  const waiting = new Map<string, () => void>()
  const socket = io(url, { path: "/ws/socket.io", transports: ["websocket"] })
  socket.on("queue_item_status_changed", (event: { readonly batch_id: string; readonly status: string }) => {
    if (["completed", "failed", "canceled"].includes(event.status)) waiting.get(event.batch_id)?.()
  })
  await new Promise<void>((resolve) => socket.on("connect", () => resolve()))
  socket.emit("subscribe_queue", { queue_id: "default" })
  return {
    run: async () => {
      const began = performance.now()
      const batch_id = randomUUID()
      const done = new Promise<void>((resolve) => waiting.set(batch_id, resolve))
      const batch = { batch_id, graph: graph.graph, workflow: graph.workflow, runs: 1 }
      const enqueued = await undici.request(`${api}/enqueue_batch`, {
        method: "POST",
        dispatcher,
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ prepend: false, batch })
      })
      const { item_ids: [id] } = await enqueued.body.json() as { readonly item_ids: ReadonlyArray<number> }
      await done
      waiting.delete(batch_id)
      const item = await (await undici.request(`${api}/i/${id}`, { dispatcher })).body.json() as Item
      if (!Object.values(item.session.results).some((result) => result.value === 42)) throw new Error("no result")
      return performance.now() - began - serverTime(item)
    },
    close: async () => {
      socket.close()
      await dispatcher.destroy()
    }
  }
}

const library = Effect.gen(function*() {
  const workflow = yield* Workflow.fromFile(file)
  return Effect.gen(function*() {
    const began = performance.now()
    const job = yield* Job.submit(workflow)
    const { outputs, timing } = yield* job.await
    if (!outputs.integers.some((output) => output.value === 42)) throw new Error("no result")
    const [created, completed] = [timing.createdAt, timing.completedAt]
    if (created._tag === "None" || completed._tag === "None") throw new Error("no times")
    return performance.now() - began - (completed.value.epochMilliseconds - created.value.epochMilliseconds)
  }).pipe(Effect.scoped)
})

const client = async (url: string, jobs: number) => {
  const block = Math.max(1, Math.min(25, Math.floor(jobs / 8)))
  const hand = await byHand(url)
  const hands: Array<number> = []
  const ours: Array<number> = []
  await Effect.gen(function*() {
    const one = yield* library
    const blockOf = (size: number) =>
      Effect.gen(function*() {
        let cpu = process.cpuUsage()
        const byHands = yield* Effect.promise(async () => {
          const all: Array<number> = []
          for (let i = 0; i < size; i++) all.push(await hand.run())
          return all
        })
        const handCpu = process.cpuUsage(cpu)
        cpu = process.cpuUsage()
        const byUs: Array<number> = []
        for (let i = 0; i < size; i++) byUs.push(yield* one)
        const ourCpu = process.cpuUsage(cpu)
        return { byHands, byUs, handCpu: handCpu.user + handCpu.system, ourCpu: ourCpu.user + ourCpu.system }
      })
    for (let i = 0; i < 4; i++) yield* blockOf(block)
    const cpu = { hands: 0, ours: 0 }
    for (let done = 0; done < jobs; done += block) {
      const { byHands, byUs, handCpu, ourCpu } = yield* blockOf(block)
      hands.push(...byHands)
      ours.push(...byUs)
      cpu.hands += handCpu
      cpu.ours += ourCpu
    }
    const line = (name: string, values: ReadonlyArray<number>, micros: number) => {
      const at = (share: number) =>
        (values.toSorted((a, b) => a - b)[Math.floor(values.length * share)] ?? 0).toFixed(2)
      return `${name.padEnd(28)} median ${at(0.5)} ms, quarter below ${at(0.25)} ms, 95 of 100 below ${at(0.95)} ms, ` +
        `CPU ${(micros / 1000 / values.length).toFixed(2)} ms`
    }
    console.log(`overhead per job over the server's own time, ${hands.length} jobs each, socket on`)
    console.log(line("undici and socket.io-client", hands, cpu.hands))
    console.log(line("library", ours, cpu.ours))
    console.log(`ratio ${(median(ours) / median(hands)).toFixed(2)} (goal: at most 1.5, and below 10 ms)`)
  }).pipe(Effect.provide(NodeInvokeAi.layer({ url })), Effect.runPromise)
  await hand.close()
}

const parent = (jobs: number) =>
  Effect.gen(function*() {
    const { url } = yield* NodeSimulator
    yield* Effect.callback<void>((resume) => {
      const child = spawn(process.execPath, [...process.execArgv, self, "client", url.href, String(jobs)], {
        stdio: "inherit"
      })
      child.on("exit", (code) => {
        process.exitCode = code ?? 1
        resume(Effect.void)
      })
    })
  }).pipe(Effect.provide(NodeSimulator.layer({ nodeDuration: 0, stepDuration: 0 })))

const [mode, url = "", jobs = ""] = process.argv.slice(2)
if (mode === "client") await client(url, Number(jobs))
else if (url !== "") await client(url, Number(mode))
else NodeRuntime.runMain(parent(Number(mode ?? 300)))
