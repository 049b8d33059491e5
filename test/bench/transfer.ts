/**
 * Downloads and uploads of images, beside bare `undici` and bare `fetch`, against a server in a process of its own.
 *
 * Each measurement runs in a process of its own too (`transferClients.ts`): 100 downloads of 3 MB into files, 100 into memory,
 * and 50 uploads of 3 MB, four at a time, after a short warm-up. The clients take turns, so that a busy machine is busy for all of them. Throughput is
 * the best of the rounds, CPU the least, memory the process's peak. Prints ratios to bare undici that does the same: a
 * download that flushes its files stands beside undici that flushes them. The last lines are of memory
 * alone: whether it grows with the image, what the start takes of it, and what a small young generation of V8 leaves of it.
 *
 *     node test/bench/transfer.ts [rounds] [folder]
 *
 * With a folder, the library is used as it is installed there, otherwise from its sources.
 */
import { type ChildProcess, spawn } from "node:child_process"
import * as Crypto from "node:crypto"
import { once } from "node:events"
import * as FS from "node:fs"
import * as Http from "node:http"
import { stripTypeScriptTypes } from "node:module"
import * as OS from "node:os"
import * as Path from "node:path"
import { fileURLToPath } from "node:url"
import * as Zlib from "node:zlib"
import type { Measurement } from "./transferClients.ts"

const megabyte = 1_000_000
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
    } else if (url.pathname === "/api/v1/images/delete") {
      request.on("data", (body: Buffer) => {
        const { image_names } = JSON.parse(body.toString()) as { readonly image_names: unknown }
        json(200, { affected_boards: [], deleted_images: image_names, failed_images: [] })
      })
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

// --- the parent

const firstLine = async (child: ChildProcess): Promise<string> => {
  let text = ""
  for await (const part of child.stdout!) {
    text += String(part)
    if (text.includes("\n")) break
  }
  return text.trim()
}

const main = async (rounds: number, installed: string | undefined) => {
  const base = FS.mkdtempSync(Path.join(OS.tmpdir(), "effect-invokeai-bench-"))
  const server = spawn(process.execPath, [self, "serve"], { stdio: ["ignore", "pipe", "inherit"] })
  try {
    const url = `http://127.0.0.1:${await firstLine(server)}`
    FS.mkdirSync(Path.join(base, "sources"))
    for (let index = 0; index < 50; index++) {
      FS.writeFileSync(Path.join(base, "sources", `${index}.png`), noise(3 * megabyte))
    }
    const sources = Path.join(import.meta.dirname, "transferClients.ts")
    const program = installed === undefined ? sources : Path.join(installed, "transferClients.mjs")
    // stripping types takes memory, which would be counted
    if (program !== sources) FS.writeFileSync(program, stripTypeScriptTypes(FS.readFileSync(sources, "utf8")))
    const run = async (
      name: string,
      count: number,
      size: number,
      flags: ReadonlyArray<string> = []
    ): Promise<Measurement> => {
      const folder = FS.mkdtempSync(Path.join(base, "target-"))
      const child = spawn(process.execPath, [...flags, program, name, url, folder, String(count), String(size)], {
        stdio: ["ignore", "pipe", "inherit"]
      })
      const line = await firstLine(child)
      if (child.exitCode === null) await once(child, "exit")
      FS.rmSync(folder, { recursive: true })
      return JSON.parse(line) as Measurement
    }
    const best = new Map<string, Measurement>()
    const measured = [
      "download undici",
      "download undici, flushed",
      "download fetch",
      "download ours",
      "download ours, flushed",
      "read undici",
      "read undici, our modules loaded",
      "read fetch",
      "read ours",
      "upload undici",
      "upload fetch",
      "upload ours"
    ]
    for (let round = 0; round < rounds; round++) {
      for (const name of measured) {
        const next = await run(name, name.startsWith("upload") ? 50 : 100, 3)
        const known = best.get(name) ?? next
        best.set(name, {
          wall: Math.min(known.wall, next.wall),
          cpu: Math.min(known.cpu, next.cpu),
          peak: Math.min(known.peak, next.peak)
        })
      }
    }
    console.log(
      `transfer: 100 downloads into files, 100 into memory (read) and 50 uploads of 3 MB, 4 at a time, best of ${rounds}`
    )
    for (const [name, result] of best) {
      const [kind = ""] = name.split(" ")
      const reference = best.get(name.includes("ours") ? name.replace("ours", "undici") : `${kind} undici`)!
      const speed = ((kind === "upload" ? 150 : 300) * 1000) / result.wall
      console.log(
        `${name.padEnd(32)} ${speed.toFixed(0).padStart(5)} MB/s (${
          (reference.wall / result.wall).toFixed(2)
        }x undici)  ` +
          `CPU ${result.cpu.toFixed(0).padStart(5)} ms (${(result.cpu / reference.cpu).toFixed(2)}x)  ` +
          `peak ${result.peak.toFixed(0).padStart(4)} MB (${(result.peak / reference.peak).toFixed(2)}x)`
      )
    }
    const peak = async (name: string, count: number, size: number, flags?: ReadonlyArray<string>) =>
      `${name} ${(await run(name, count, size, flags)).peak.toFixed(0)} MB`
    const one = "download ours, one by one"
    console.log(`memory, twenty images of 3 MB: ${await peak(one, 20, 3)}; one of 60 MB: ${await peak(one, 1, 60)}`)
    console.log(`memory, only loading: ${await peak("load ours", 0, 3)}, ${await peak("load undici", 0, 3)}`)
    const young = ["--max-semi-space-size=4"]
    const peaks: Array<string> = []
    for (const name of ["download undici", "download ours", "upload undici", "upload ours"]) {
      peaks.push(await peak(name, name.startsWith("upload") ? 50 : 100, 3, young))
    }
    console.log(`memory, with ${young.join(" ")}: ${peaks.join(", ")}`)
  } finally {
    server.kill()
    FS.rmSync(base, { recursive: true, force: true })
  }
}

const [mode, folder] = process.argv.slice(2)
if (mode === "serve") serve()
else await main(Number(mode ?? 3), folder)
