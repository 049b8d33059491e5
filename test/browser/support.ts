/** A page in headless Chromium: bundled by vite, served on a port of its own, and what it reports. */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Http from "node:http"
import * as Os from "node:os"
import * as Path from "node:path"
import * as Zlib from "node:zlib"
import { build } from "vite"
import { chromium } from "../../scripts/lib/chromium.ts"

const root = Path.resolve(import.meta.dirname, "../..")

/** A file of the bundle. */
export interface BundleFile {
  readonly name: string
  readonly bytes: number
  readonly gzip: number
}

/** The page, bundled. */
export interface Bundle {
  readonly folder: string
  readonly files: ReadonlyArray<BundleFile>
  /** What vite warned of; modules of Node among them. */
  readonly warnings: ReadonlyArray<string>
}

/** Bundles the page as a program of one's own would be, into a folder. */
export const bundle = async (folder: string): Promise<Bundle> => {
  const warnings: Array<string> = []
  await build({
    configFile: false,
    root: Path.join(import.meta.dirname, "page"),
    base: "./",
    logLevel: "silent",
    build: {
      // kB, without compression; what is reported here is modules of Node
      chunkSizeWarningLimit: 600,
      outDir: folder,
      emptyOutDir: true,
      rolldownOptions: {
        onLog: (level, log) => {
          if (level === "warn") warnings.push(log.message)
        }
      }
    }
  })
  Fs.copyFileSync(Path.join(root, "examples/soft-thumbnail.json"), Path.join(folder, "workflow.json"))
  const files = Fs.globSync("assets/*.js", { cwd: folder }).map((name) => {
    const content = Fs.readFileSync(Path.join(folder, name))
    return { name, bytes: content.length, gzip: Zlib.gzipSync(content).length }
  })
  return { folder, files: files.toSorted((a, b) => b.bytes - a.bytes), warnings }
}

/** What the page reports at its end. */
export interface Report {
  readonly inputs: ReadonlyArray<string>
  readonly events: ReadonlyArray<string>
  readonly image: readonly [width: number, height: number]
  readonly pixel: ReadonlyArray<number>
  /** The size of the image that the generated module made. */
  readonly typed: ReadonlyArray<string>
  readonly error: string
}

const types: Readonly<Record<string, string>> = {
  ".html": "text/html",
  ".js": "text/javascript",
  ".json": "application/json"
}

/** A page that is open. */
export interface Page {
  readonly origin: string
  /** Opens the page in Chromium with a query, and waits for its report. */
  readonly open: (query: Readonly<Record<string, string>>) => Promise<Report>
  readonly close: () => void
}

/** Serves a bundle on a free port. */
export const serve = async (folder: string): Promise<Page> => {
  const listeners = new Set<(report: Report) => void>()
  const server = Http.createServer((request, response) => {
    const name = Path.basename(new URL(request.url ?? "/", "http://page").pathname)
    if (request.method === "POST") {
      const chunks: Array<Buffer> = []
      request.on("data", (chunk: Buffer) => void chunks.push(chunk))
      request.on("end", () => {
        response.end()
        // The page wrote it.
        for (const listener of listeners) listener(JSON.parse(Buffer.concat(chunks).toString()) as Report)
      })
      return
    }
    const file = ["", "assets"].map((part) => Path.join(folder, part, name === "" ? "index.html" : name)).find((path) =>
      Fs.existsSync(path)
    )
    if (file === undefined) return void response.writeHead(404).end()
    response.writeHead(200, { "content-type": types[Path.extname(file)] ?? "application/octet-stream" })
    response.end(Fs.readFileSync(file))
  })
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve))
  const address = server.address()
  const origin = `http://127.0.0.1:${typeof address === "object" && address !== null ? address.port : 0}`

  const open: Page["open"] = (query) => {
    const profile = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-invokeai-chromium-"))
    const child = ChildProcess.spawn(chromium ?? "chromium", [
      "--headless=new",
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--no-first-run",
      `--user-data-dir=${profile}`,
      "--enable-logging=stderr",
      `${origin}/?${new URLSearchParams(query)}`
    ], { stdio: ["ignore", "ignore", "pipe"], detached: true })
    let log = ""
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      log += text
    })
    return new Promise<Report>((resolve, reject) => {
      const end = (use: () => void) => {
        listeners.delete(reported)
        clearTimeout(timer)
        child.removeAllListeners("close")
        try {
          if (child.pid !== undefined) process.kill(-child.pid, "SIGKILL")
        } catch {
          // it has ended
        }
        Fs.rmSync(profile, { recursive: true, force: true, maxRetries: 10, retryDelay: 100 })
        use()
      }
      const console = () => log.split("\n").filter((line) => line.includes("CONSOLE")).join("\n")
      const reported = (report: Report) => end(() => resolve(report))
      const timer = setTimeout(() => end(() => reject(new Error(`the page did not report\n${console()}`))), 60_000)
      listeners.add(reported)
      child.on("close", (code) => end(() => reject(new Error(`Chromium ended with ${code}\n${log.slice(-2000)}`))))
    })
  }
  return { origin, open, close: () => void server.close() }
}
