/**
 * Downloads and uploads of images, beside bare `undici` and bare `fetch`, against a server in a process of its own.
 *
 * Each measurement runs in a process of its own too: 100 downloads of 3 MB, 50 uploads of 3 MB, four at a time, after a
 * short warm-up. Throughput is the best of the rounds, CPU the least, memory the process's peak. Prints ratios.
 *
 *     node test/bench/transfer.ts [rounds]
 */
import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as Downloads from "@effect-invokeai/core/assets/Downloads"
import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import * as Effect from "effect/Effect"
import { type ChildProcess, spawn } from "node:child_process"
import * as Crypto from "node:crypto"
import { once } from "node:events"
import * as FS from "node:fs"
import * as Http from "node:http"
import { createRequire } from "node:module"
import * as OS from "node:os"
import * as Path from "node:path"
import { Readable } from "node:stream"
import { pipeline } from "node:stream/promises"
import type { ReadableStream } from "node:stream/web"
import { fileURLToPath } from "node:url"
import * as Zlib from "node:zlib"

const megabyte = 1_000_000
const parallel = 4
const self = fileURLToPath(import.meta.url)

// --- the server

const chunk = (type: string, data: Uint8Array): Buffer => {
  const body = Buffer.concat([Buffer.from(type, "latin1"), data])
  const bytes = Buffer.alloc(body.length + 8)
  bytes.writeUInt32BE(data.length, 0)
  body.copy(bytes, 4)
  bytes.writeUInt32BE(Zlib.crc32(body), body.length + 4)
  return bytes
}

const side = 1024

/** A PNG of about this many bytes; its pixels are noise that no compression makes smaller. */
const noise = (bytes: number): Buffer => {
  const header = Buffer.alloc(13)
  header.writeUInt32BE(side, 0)
  header.writeUInt32BE(side, 4)
  header.set([8, 2, 0, 0, 0], 8)
  return Buffer.concat([
    Buffer.from([0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]),
    chunk("IHDR", header),
    chunk("IDAT", Crypto.randomBytes(bytes - 57)),
    chunk("IEND", new Uint8Array(0))
  ])
}

const dto = (name: string) => ({
  image_name: name,
  image_url: "",
  thumbnail_url: "",
  image_origin: "external",
  image_category: "user",
  width: side,
  height: side,
  created_at: "2026-11-22 12:00:00.000",
  updated_at: "2026-11-22 12:00:00.000",
  is_intermediate: true,
  starred: false
})

const serve = () => {
  const images = new Map([3, 60].map((size) => [String(size), noise(size * megabyte)]))
  let uploads = 0
  const server = Http.createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://localhost")
    const [, size = "", name = "", full] = /^\/api\/v1\/images\/i\/(\d+)-([^/]+?)(\/full)?$/.exec(url.pathname) ?? []
    const json = (status: number, body: unknown) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body))
    request.resume()
    if (url.pathname === "/api/v1/images/upload") {
      request.on("end", () => json(201, dto(`0-${++uploads}.png`)))
    } else if (request.method === "DELETE") {
      json(200, { affected_boards: [], deleted_images: [`${size}-${name}`], failed_images: [] })
    } else if (full === undefined) {
      json(200, dto(`${size}-${name}`))
    } else {
      const bytes = images.get(size) ?? Buffer.alloc(0)
      response.writeHead(200, { "content-type": "image/png", "content-length": bytes.length }).end(bytes)
    }
  })
  server.keepAliveTimeout = 5_000
  server.listen(0, "127.0.0.1", () => {
    const address = server.address()
    process.stdout.write(`${typeof address === "object" && address !== null ? address.port : 0}\n`)
  })
}

// --- the clients

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

/** What is used of undici. */
interface Undici {
  readonly Agent: new() => { readonly destroy: () => Promise<void> }
  readonly FormData: typeof FormData
  readonly request: (url: string, options: {
    readonly dispatcher: unknown
    readonly method?: string
    readonly body?: FormData
  }) => Promise<{ readonly body: Readable & { readonly json: () => Promise<unknown> } }>
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

const downloadUndici = (): Run => {
  const undici = loadUndici()
  const dispatcher = new undici.Agent()
  return async (job) => {
    await bare(async (job, index, phase) => {
      const { body } = await undici.request(imageUrl(job, index), { dispatcher })
      await pipeline(body, FS.createWriteStream(target(job, index, phase)))
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

const references = (job: Job, count: number) =>
  Array.from({ length: count }, (_, index) => ({ image_name: `${job.size}-${index}.png`, width: side, height: side }))

const downloadOurs = (sync: boolean, concurrency = parallel): Run => (job) =>
  Effect.gen(function*() {
    const options = { concurrency, sync }
    yield* Downloads.images(references(job, parallel), { ...options, directory: Path.join(job.folder, "warm") })
    job.start()
    yield* Downloads.images(references(job, job.count), { ...options, directory: job.folder })
    job.stop()
  }).pipe(Effect.provide(NodeInvokeAi.layer({ url: job.url })), Effect.runPromise)

const uploadOurs = (): Run => (job) =>
  Effect.gen(function*() {
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

const clients: Record<string, () => Run> = {
  "download undici": downloadUndici,
  "download fetch": downloadFetch,
  "download ours": () => downloadOurs(false),
  "download ours, flushed": () => downloadOurs(true),
  "download ours, one by one": () => downloadOurs(true, 1),
  "nothing": () => () => Promise.resolve(),
  "upload undici": uploadUndici,
  "upload fetch": uploadFetch,
  "upload ours": uploadOurs
}

interface Measurement {
  /** Milliseconds. */
  readonly wall: number
  /** Milliseconds. */
  readonly cpu: number
  /** Megabytes. */
  readonly peak: number
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
    peak: process.resourceUsage().maxRSS / 1024
  }
  process.stdout.write(`${JSON.stringify(result)}\n`)
}

// --- the parent

const firstLine = async (child: ChildProcess): Promise<string> => {
  let text = ""
  for await (const part of child.stdout!) {
    text += String(part)
    if (text.includes("\n")) break
  }
  return text.trim()
}

const main = async (rounds: number) => {
  const base = FS.mkdtempSync(Path.join(OS.tmpdir(), "effect-invokeai-bench-"))
  const server = spawn(process.execPath, [self, "serve"], { stdio: ["ignore", "pipe", "inherit"] })
  try {
    const url = `http://127.0.0.1:${await firstLine(server)}`
    FS.mkdirSync(Path.join(base, "sources"))
    for (let index = 0; index < 50; index++) {
      FS.writeFileSync(Path.join(base, "sources", `${index}.png`), noise(3 * megabyte))
    }
    const run = async (name: string, count: number, size: number): Promise<Measurement> => {
      const folder = FS.mkdtempSync(Path.join(base, "target-"))
      const child = spawn(process.execPath, [self, "client", name, url, folder, String(count), String(size)], {
        stdio: ["ignore", "pipe", "inherit"]
      })
      const line = await firstLine(child)
      if (child.exitCode === null) await once(child, "exit")
      FS.rmSync(folder, { recursive: true })
      return JSON.parse(line) as Measurement
    }
    const loading = (await run("nothing", 0, 3)).peak
    const best = new Map<string, Measurement>()
    for (let round = 0; round < rounds; round++) {
      for (const name of Object.keys(clients).filter((name) => !/nothing|one by one/.test(name))) {
        const next = await run(name, name.startsWith("download") ? 100 : 50, 3)
        const known = best.get(name) ?? next
        best.set(name, {
          wall: Math.min(known.wall, next.wall),
          cpu: Math.min(known.cpu, next.cpu),
          peak: Math.min(known.peak, next.peak)
        })
      }
    }
    console.log(`transfer: 100 downloads and 50 uploads of 3 MB, ${parallel} at a time, best of ${rounds}`)
    for (const [name, result] of best) {
      const [kind = ""] = name.split(" ")
      const reference = best.get(`${kind} undici`)!
      const speed = ((kind === "download" ? 300 : 150) * 1000) / result.wall
      console.log(
        `${name.padEnd(24)} ${speed.toFixed(0).padStart(5)} MB/s (${
          (reference.wall / result.wall).toFixed(2)
        }x undici)  ` +
          `CPU ${result.cpu.toFixed(0).padStart(5)} ms (${(result.cpu / reference.cpu).toFixed(2)}x)  ` +
          `peak ${result.peak.toFixed(0).padStart(4)} MB (${(result.peak / reference.peak).toFixed(2)}x)`
      )
    }
    const [small, large] = [
      await run("download ours, one by one", 20, 3),
      await run("download ours, one by one", 1, 60)
    ]
    console.log(
      `memory: twenty images of 3 MB ${small.peak.toFixed(0)} MB, one of 60 MB ${
        large.peak.toFixed(0)
      } MB, only loading ` +
        `the library ${loading.toFixed(0)} MB`
    )
  } finally {
    server.kill()
    FS.rmSync(base, { recursive: true, force: true })
  }
}

const [mode, ...rest] = process.argv.slice(2)
if (mode === "serve") serve()
else if (mode === "client") {
  const [name = "", url = "", folder = "", count = "", size = ""] = rest
  await measure(name, url, folder, Number(count), Number(size))
} else await main(Number(mode ?? 3))
