/** The items of `scripts/bench.ts` with `fetch`, `undici` and `socket.io-client` alone. */
import type * as Undici from "@effect/platform-node/Undici"
import { randomUUID } from "node:crypto"
import { readFile } from "node:fs/promises"
import { createRequire } from "node:module"
import { atATime, batch, catalog, item, jobs, printStart, printWarm, runs, url, workflow } from "./report.ts"

interface WorkflowFile {
  readonly nodes: ReadonlyArray<
    {
      readonly data: {
        readonly type: string
        readonly inputs?: Readonly<Record<string, { readonly name: string; readonly value?: unknown }>>
      }
    }
  >
}

interface NodeSchema {
  readonly class?: string
  readonly properties: Readonly<Record<string, { readonly const?: string; readonly default?: string }>>
}

interface Document {
  readonly components: { readonly schemas: Readonly<Record<string, NodeSchema>> }
}

interface Result {
  readonly type: string
  readonly value?: unknown
  readonly image?: { readonly image_name: string }
}

/** The inputs of the workflow with what the document says of them. */
const printInputs = async (document: Document): Promise<void> => {
  const file = JSON.parse(await readFile(workflow, "utf8")) as WorkflowFile
  const types = new Map<string | undefined, NodeSchema>()
  for (const schema of Object.values(document.components.schemas)) {
    const { type } = schema.class === "invocation" ? schema.properties : {}
    if (type !== undefined) types.set(type.const ?? type.default, schema)
  }
  const inputs = file.nodes.flatMap(({ data }) =>
    Object.values(data.inputs ?? {}).map(({ name, value }) => ({
      name,
      value,
      field: types.get(data.type)?.properties[name]
    }))
  )
  if (inputs.length === 0) throw new Error("no inputs")
  printStart()
}

const runJobs = async (): Promise<void> => {
  const require = createRequire(createRequire(import.meta.url).resolve("@effect/platform-node/NodeHttpClient"))
  const undici = require("undici") as typeof Undici
  const { io } = await import("socket.io-client")
  const dispatcher = new undici.Agent({ keepAliveTimeout: 2_000, pipelining: 1 })
  const queue = `${url}api/v1/queue/default`
  const body = JSON.parse(await readFile(batch, "utf8")) as object
  const ended = new Set<number>()
  const waiting = new Map<number, () => void>()
  const socket = io(url, { path: "/ws/socket.io", transports: ["websocket"] })
  socket.on("queue_item_status_changed", (event: { readonly item_id: number; readonly status: string }) => {
    if (!["completed", "failed", "canceled"].includes(event.status)) return
    ended.add(event.item_id)
    waiting.get(event.item_id)?.()
  })
  await new Promise<void>((resolve) => socket.on("connect", resolve))
  socket.emit("subscribe_queue", { queue_id: "default" })

  /** What an item that has ended made, in the order of its nodes. */
  const resultsOf = async (id: number): Promise<ReadonlyArray<Result>> => {
    if (!ended.has(id)) await new Promise<void>((resolve) => waiting.set(id, resolve))
    const response = await undici.request(`${queue}/i/${id}`, { dispatcher })
    const { session } = await response.body.json() as { session: { results: Record<string, Result> } }
    return Object.values(session.results)
  }
  const job = async (): Promise<void> => {
    const batch_id = randomUUID()
    const response = await undici.request(`${queue}/enqueue_batch`, {
      method: "POST",
      dispatcher,
      headers: { "content-type": "application/json" },
      body: JSON.stringify({
        prepend: false,
        batch: { ...body, runs, batch_id, origin: "by-hand", destination: batch_id }
      })
    })
    const { item_ids } = await response.body.json() as { item_ids: ReadonlyArray<number> }
    const results = (await Promise.all(item_ids.map(resultsOf))).flat()
    if (item !== "images") {
      if (results.filter(({ value }) => value === 42).length !== runs) throw new Error("no result")
      return
    }
    const names = results.flatMap(({ image }) => image === undefined ? [] : [image.image_name])
    const images = await Promise.all(names.map(async (name) => {
      const response = await undici.request(`${url}api/v1/images/i/${name}/full`, { dispatcher })
      return await response.body.arrayBuffer()
    }))
    if (images.length !== 2) throw new Error(`${images.length} images`)
  }
  let next = 0
  const worker = async () => {
    while (next++ < jobs) await job()
  }
  await printWarm(job, () => Promise.all(Array.from({ length: atATime }, worker)))
  socket.close()
  await dispatcher.destroy()
}

switch (item) {
  case "inputs":
    await printInputs(JSON.parse(await readFile(catalog, "utf8")) as Document)
    break
  case "server-inputs": {
    const response = await fetch(`${url}openapi.json`)
    await printInputs(await response.json() as Document)
    break
  }
  default:
    await runJobs()
}
