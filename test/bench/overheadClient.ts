/**
 * A client of `overhead.ts`, which starts it: `hand`, `batch` or `workflow`, and the URL. For each number it is sent it runs that
 * many jobs.
 */
import * as WorkflowBatch from "@effect-invokeai/core/batch/WorkflowBatch"
import * as Job from "@effect-invokeai/core/job/Job"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import Undici from "@effect/platform-node/Undici"
import * as Effect from "effect/Effect"
import type * as Scope from "effect/Scope"
import { randomUUID } from "node:crypto"
import * as Path from "node:path"
import { io } from "socket.io-client"

/** The overhead of each job and the CPU time of one, in milliseconds. */
export interface Turn {
  readonly overheads: ReadonlyArray<number>
  readonly cpu: number
}

interface Item {
  readonly item_id: number
  readonly status: string
  readonly created_at: string
  readonly completed_at: string
  readonly session: { readonly results: Readonly<Record<string, { readonly value?: unknown }>> }
}

const [way = "", url = ""] = process.argv.slice(2)
const file = Path.resolve(import.meta.dirname, "../fixtures/workflows/text-only.json")

/** Milliseconds between the creation and the completion of an item, by the server's clock. */
const serverTime = (item: Pick<Item, "created_at" | "completed_at">) =>
  Date.parse(`${item.completed_at}Z`) - Date.parse(`${item.created_at}Z`)

/** How many jobs a turn runs first, which are not counted: connections are made, and their memory is warm. */
const unmeasured = 3

const timed = async (count: number, job: () => Promise<number>): Promise<Turn> => {
  for (let i = 0; i < unmeasured; i++) await job()
  const before = process.cpuUsage()
  const overheads: Array<number> = []
  for (let i = 0; i < count; i++) overheads.push(await job())
  const cpu = process.cpuUsage(before)
  return { overheads, cpu: (cpu.user + cpu.system) / 1000 }
}

const [workflow, batch] = await Effect.gen(function*() {
  const workflow = yield* Workflow.fromFile(file)
  return [workflow, yield* WorkflowBatch.make(workflow)] as const
}).pipe(Effect.provide(NodeInvokeAi.layer({ url })), Effect.runPromise)

const byHand = async (count: number): Promise<Turn> => {
  const dispatcher = new Undici.Agent({ keepAliveTimeout: 2_000, pipelining: 1 })
  const api = `${url}api/v1/queue/default`
  const waiting = new Map<string, () => void>()
  const socket = io(url, { path: "/ws/socket.io", transports: ["websocket"], forceNew: true })
  socket.on("queue_item_status_changed", (event: { readonly batch_id: string; readonly status: string }) => {
    if (["completed", "failed", "canceled"].includes(event.status)) waiting.get(event.batch_id)?.()
  })
  await new Promise<void>((resolve) => socket.on("connect", () => resolve()))
  socket.emit("subscribe_queue", { queue_id: "default" })
  const turn = await timed(count, async () => {
    const began = performance.now()
    const batch_id = randomUUID()
    const done = new Promise<void>((resolve) => waiting.set(batch_id, resolve))
    const { data, graph, runs, workflow } = batch
    const body = { batch_id, origin: "by-hand", destination: batch_id, data, graph, workflow, runs }
    const enqueued = await Undici.request(`${api}/enqueue_batch`, {
      method: "POST",
      dispatcher,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ prepend: false, batch: body })
    })
    const { item_ids: [id] } = await enqueued.body.json() as { readonly item_ids: ReadonlyArray<number> }
    await done
    waiting.delete(batch_id)
    const item = await (await Undici.request(`${api}/i/${id}`, { dispatcher })).body.json() as Item
    if (!Object.values(item.session.results).some((result) => result.value === 42)) throw new Error("no result")
    return performance.now() - began - serverTime(item)
  })
  socket.close()
  await dispatcher.destroy()
  return turn
}

const withLibrary = (
  count: number,
  submit: Effect.Effect<Job.Job, unknown, NodeInvokeAi.Services | Scope.Scope>
): Promise<Turn> =>
  Effect.gen(function*() {
    const run = Effect.runPromiseWith(yield* Effect.context<NodeInvokeAi.Services>())
    const job = Effect.gen(function*() {
      const began = performance.now()
      const job = yield* submit
      const { outputs, timing } = yield* job.await
      if (!outputs.integers.some((output) => output.value === 42)) throw new Error("no result")
      const [created, completed] = [timing.createdAt, timing.completedAt]
      if (created._tag === "None" || completed._tag === "None") throw new Error("no times")
      return performance.now() - began - (completed.value.epochMilliseconds - created.value.epochMilliseconds)
    }).pipe(Effect.scoped)
    return yield* Effect.promise(() => timed(count, () => run(job)))
  }).pipe(Effect.provide(NodeInvokeAi.layer({ url })), Effect.runPromise)

const run = (count: number): Promise<Turn> => {
  switch (way) {
    case "hand":
      return byHand(count)
    case "batch":
      return withLibrary(count, Job.submitBatch(batch))
    default:
      return withLibrary(count, Job.submit(workflow))
  }
}
process.on("message", (count) => {
  void run(Number(count)).then((turn) => process.send?.(turn))
})
