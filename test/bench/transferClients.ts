/**
 * The clients of `transfer.ts`: each measurement is a process of its own, which loads only what it measures.
 *
 *     node transferClients.ts <client> <url> <folder> <count> <megabytes>
 */
import * as FS from "node:fs"
import { createRequire } from "node:module"
import * as Path from "node:path"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import type { ReadableStream } from "node:stream/web"

const parallel = 4
const side = 1024

type Run = (job: Job) => Promise<void>

interface Job {
  readonly url: string
  readonly folder: string
  readonly count: number
  /** Megabytes. */
  readonly size: number
  /** Told after the warm-up. */
  readonly start: () => void
  readonly stop: () => void
}

const each = async (count: number, work: (index: number) => Promise<void>): Promise<void> => {
  let next = 0
  await Promise.all(Array.from({ length: parallel }, async () => {
    while (next < count) await work(next++)
  }))
}

interface UndiciBody extends Readable {
  readonly json: () => Promise<unknown>
  readonly arrayBuffer: () => Promise<ArrayBuffer>
}

/** What is used of undici. */
interface Undici {
  readonly Agent: new() => { readonly destroy: () => Promise<void> }
  readonly FormData: typeof FormData
  readonly request: (url: string, options: {
    readonly dispatcher: unknown
    readonly method?: string
    readonly body?: FormData
  }) => Promise<{ readonly body: UndiciBody }>
}

const loadUndici = (): Undici => {
  const platform = createRequire(createRequire(import.meta.url).resolve("@effect/platform-node/NodeHttpClient"))
  // The copy that the client uses; it is no dependency of this repository.
  return platform("undici") as Undici
}

const bare = (work: (job: Job, index: number, phase: string) => Promise<void>): Run => async (job) => {
  await each(parallel, (index) => work(job, index, "warm"))
  job.start()
  await each(job.count, (index) => work(job, index, "run"))
  job.stop()
}

const target = (job: Job, index: number, phase: string) => Path.join(job.folder, `${phase}-${index}.png`)
const source = (job: Job, index: number) => Path.join(job.folder, "..", "sources", `${index}.png`)
const imageUrl = (job: Job, index: number) => `${job.url}/api/v1/images/i/${job.size}-${index}.png/full`
const uploadUrl = (job: Job) => `${job.url}/api/v1/images/upload?image_category=user&is_intermediate=true`

const downloadUndici = (flush: boolean): Run => {
  const undici = loadUndici()
  const dispatcher = new undici.Agent()
  return async (job) => {
    await bare(async (job, index, phase) => {
      const { body } = await undici.request(imageUrl(job, index), { dispatcher })
      await pipeline(body, FS.createWriteStream(target(job, index, phase), { flush }))
    })(job)
    await dispatcher.destroy()
  }
}

const downloadFetch = (): Run =>
  bare(async (job, index, phase) => {
    const { body } = await fetch(imageUrl(job, index))
    if (body === null) throw new Error("no body")
    await pipeline(
      Readable.fromWeb(body as ReadableStream),
      FS.createWriteStream(target(job, index, phase))
    )
  })

const uploadUndici = (): Run => {
  const undici = loadUndici()
  const dispatcher = new undici.Agent()
  return async (job) => {
    await bare(async (job, index) => {
      const body = new undici.FormData()
      body.append("file", await FS.openAsBlob(source(job, index), { type: "image/png" }), "image.png")
      const response = await undici.request(uploadUrl(job), { method: "POST", body, dispatcher })
      await response.body.json()
    })(job)
    await dispatcher.destroy()
  }
}

const uploadFetch = (): Run =>
  bare(async (job, index) => {
    const body = new FormData()
    body.append("file", await FS.openAsBlob(source(job, index), { type: "image/png" }), "image.png")
    await (await fetch(uploadUrl(job), { method: "POST", body })).json()
  })

const readUndici = (): Run => {
  const undici = loadUndici()
  const dispatcher = new undici.Agent()
  return async (job) => {
    await bare(async (job, index) => {
      const { body } = await undici.request(imageUrl(job, index), { dispatcher })
      await body.arrayBuffer()
    })(job)
    await dispatcher.destroy()
  }
}

const readFetch = (): Run =>
  bare(async (job, index) => {
    await (await fetch(imageUrl(job, index))).arrayBuffer()
  })

/** A program that uses Effect has its modules in memory, which each garbage collection looks through. */
const readUndiciBesideEffect = (): Run => async (job) => {
  await loadOurs()(job)
  await readUndici()(job)
}

const references = (job: Job, count: number) =>
  Array.from({ length: count }, (_, index) => ({ image_name: `${job.size}-${index}.png`, width: side, height: side }))

const downloadOurs = (sync: boolean, concurrency = parallel): Run => async (job) => {
  const Effect = await import("effect/Effect")
  const Downloads = await import("@effect-invokeai/core/assets/Downloads")
  const NodeInvokeAi = await import("@effect-invokeai/node/NodeInvokeAi")
  await Effect.gen(function*() {
    const options = { concurrency, sync }
    yield* Downloads.images(references(job, parallel), { ...options, directory: Path.join(job.folder, "warm") })
    job.start()
    yield* Downloads.images(references(job, job.count), { ...options, directory: job.folder })
    job.stop()
  }).pipe(Effect.provide(NodeInvokeAi.layer({ url: job.url })), Effect.runPromise)
}

const readOurs = (): Run => async (job) => {
  const Effect = await import("effect/Effect")
  const Downloads = await import("@effect-invokeai/core/assets/Downloads")
  const NodeInvokeAi = await import("@effect-invokeai/node/NodeInvokeAi")
  await Effect.gen(function*() {
    const all = (count: number) =>
      Effect.forEach(references(job, count), (image) => Downloads.bytes(image), {
        concurrency: parallel,
        discard: true
      })
    yield* all(parallel)
    job.start()
    yield* all(job.count)
    job.stop()
  }).pipe(Effect.provide(NodeInvokeAi.layer({ url: job.url })), Effect.runPromise)
}

const uploadOurs = (): Run => async (job) => {
  const Effect = await import("effect/Effect")
  const Assets = await import("@effect-invokeai/core/assets/Assets")
  const NodeInvokeAi = await import("@effect-invokeai/node/NodeInvokeAi")
  await Effect.gen(function*() {
    const all = (count: number) =>
      Effect.forEach(
        Array.from({ length: count }, (_, index) => source(job, index)),
        (file) => Assets.uploadFile(file),
        {
          concurrency: parallel,
          discard: true
        }
      )
    yield* Effect.scoped(all(parallel))
    yield* Effect.scoped(Effect.gen(function*() {
      job.start()
      yield* all(job.count)
      job.stop()
    }))
  }).pipe(Effect.provide(NodeInvokeAi.layer({ url: job.url })), Effect.runPromise)
}

const loadOurs = (): Run => async () => {
  await import("@effect-invokeai/core/assets/Downloads")
  await import("@effect-invokeai/core/assets/Assets")
  await import("@effect-invokeai/node/NodeInvokeAi")
}

const loadUndiciOnly = (): Run => () => {
  loadUndici()
  return Promise.resolve()
}

const clients: Record<string, () => Run> = {
  "download undici": () => downloadUndici(false),
  "download undici, flushed": () => downloadUndici(true),
  "download fetch": downloadFetch,
  "download ours": () => downloadOurs(false),
  "download ours, flushed": () => downloadOurs(true),
  "download ours, one by one": () => downloadOurs(true, 1),
  "read undici": readUndici,
  "read undici, our modules loaded": readUndiciBesideEffect,
  "read fetch": readFetch,
  "read ours": readOurs,
  "load undici": loadUndiciOnly,
  "load ours": loadOurs,
  "upload undici": uploadUndici,
  "upload fetch": uploadFetch,
  "upload ours": uploadOurs
}

export interface Measurement {
  /** Milliseconds. */
  readonly wall: number
  /** Milliseconds. */
  readonly cpu: number
  /** Megabytes. */
  readonly peak: number
}

/** In megabytes. Linux hands `maxRSS` down from the process that started this one, so it is asked in its own way there. */
const peakMemory = (): number => {
  const status = process.platform === "linux" ? FS.readFileSync("/proc/self/status", "utf8") : ""
  const kilobytes = /^VmHWM:\s+(\d+) kB$/m.exec(status)?.[1] ?? process.resourceUsage().maxRSS
  return Number(kilobytes) / 1024
}

const measure = async (name: string, url: string, folder: string, count: number, size: number) => {
  let wall = 0
  let usage = process.cpuUsage()
  const job: Job = {
    url,
    folder,
    count,
    size,
    start: () => {
      wall = performance.now()
      usage = process.cpuUsage()
    },
    stop: () => {
      wall = performance.now() - wall
      usage = process.cpuUsage(usage)
    }
  }
  await clients[name]!()(job)
  const result: Measurement = {
    wall,
    cpu: (usage.user + usage.system) / 1000,
    peak: peakMemory()
  }
  process.stdout.write(`${JSON.stringify(result)}\n`)
}

const [name = "", url = "", folder = "", count = "", size = ""] = process.argv.slice(2)
await measure(name, url, folder, Number(count), Number(size))
