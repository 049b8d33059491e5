/** The jobs of `jobs.ts` with `undici` and `socket.io-client` alone. `jobs.ts` starts it: URL, jobs, rounds, batch as JSON. */
import Undici from "@effect/platform-node/Undici"
import { randomUUID } from "node:crypto"
import { io } from "socket.io-client"

interface Item {
  readonly session: { readonly results: Readonly<Record<string, { readonly value?: unknown }>> }
}

const [url = "", ...rest] = process.argv.slice(2)
const [jobs = 0, rounds = 0] = rest.map(Number)
const batch = JSON.parse(rest[2] ?? "") as object // written by jobs.ts
const queue = `${url}api/v1/queue/default`
const dispatcher = new Undici.Agent({ keepAliveTimeout: 2_000, pipelining: 1 })

const call = async (method: "GET" | "PUT" | "POST", path: string, body?: unknown): Promise<unknown> => {
  const response = await Undici.request(`${queue}${path}`, {
    method,
    dispatcher,
    ...(body === undefined ? {} : { headers: { "content-type": "application/json" }, body: JSON.stringify(body) })
  })
  return await response.body.json()
}

/** Runs a task for each number below a count, at most so many at a time. */
const forEach = async (count: number, atATime: number, task: () => Promise<void>): Promise<void> => {
  let next = 0
  await Promise.all(Array.from({ length: atATime }, async () => {
    while (next++ < count) await task()
  }))
}

const waiting = new Map<string, () => void>()
const socket = io(url, { path: "/ws/socket.io", transports: ["websocket"] })
socket.on("queue_item_status_changed", (event: { readonly batch_id: string; readonly status: string }) => {
  if (["completed", "failed", "canceled"].includes(event.status)) waiting.get(event.batch_id)?.()
})
await new Promise<void>((resolve) => socket.on("connect", resolve))
socket.emit("subscribe_queue", { queue_id: "default" })

for (let round = 1; round <= rounds; round++) {
  const began = performance.now()
  await call("PUT", "/processor/pause")
  const ends: Array<Promise<Item>> = []
  await forEach(jobs, 16, async () => {
    const batch_id = randomUUID()
    const ended = new Promise<void>((resolve) => waiting.set(batch_id, resolve))
    const body = { prepend: false, batch: { ...batch, batch_id, origin: "by-hand", destination: batch_id } }
    const { item_ids: [id] } = await call("POST", "/enqueue_batch", body) as {
      readonly item_ids: ReadonlyArray<number>
    }
    ends.push(
      ended.then(() => call("GET", `/i/${id}`)).then((item) => {
        waiting.delete(batch_id)
        return item as Item
      })
    )
  })
  const submitted = performance.now()
  await call("PUT", "/processor/resume")
  const items = await Promise.all(ends)
  const ended = performance.now()
  const right = items.filter((item) => Object.values(item.session.results).some(({ value }) => value === 42)).length
  if (right !== jobs) throw new Error(`only ${right} of ${jobs} jobs have their results`)
  console.log(
    `by hand, round ${round}: submitted ${(submitted - began).toFixed(0)} ms, all ended ${
      (ended - submitted).toFixed(0)
    } ms`
  )
}
console.log(`by hand, peak resident ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MB`)
socket.close()
await dispatcher.destroy()
