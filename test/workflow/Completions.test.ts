/** What an editor offers, as TypeScript's own language server lists it. */
import { afterAll, assert, beforeAll, describe, it } from "@effect/vitest"
import { type ChildProcess, spawn } from "node:child_process"
import { fileURLToPath, pathToFileURL } from "node:url"

const root = fileURLToPath(new URL("../..", import.meta.url))

/** A connection to the language server of TypeScript: JSON-RPC over standard input and output. */
class LanguageServer {
  private readonly child: ChildProcess
  private readonly waiting = new Map<number, (result: unknown) => void>()
  private received = Buffer.alloc(0)
  private id = 0

  constructor() {
    const tsc = fileURLToPath(new URL("../../node_modules/typescript/bin/tsc", import.meta.url))
    this.child = spawn(process.execPath, [tsc, "--lsp", "--stdio"], { cwd: root, stdio: ["pipe", "pipe", "ignore"] })
    this.child.stdout?.on("data", (chunk: Buffer) => {
      this.received = Buffer.concat([this.received, chunk])
      for (;;) {
        const end = this.received.indexOf("\r\n\r\n")
        const length = Number(/Content-Length: (\d+)/i.exec(this.received.subarray(0, end).toString())?.[1])
        if (end < 0 || this.received.length < end + 4 + length) return
        const message = JSON.parse(this.received.subarray(end + 4, end + 4 + length).toString()) as {
          readonly id?: number
          readonly method?: string
          readonly result?: unknown
        }
        this.received = this.received.subarray(end + 4 + length)
        if (message.id === undefined) continue
        // what the server asks of the editor has no configuration
        if (message.method !== undefined) this.send({ id: message.id, result: null })
        else this.waiting.get(message.id)?.(message.result)
      }
    })
  }

  private send(message: object): void {
    const text = JSON.stringify({ jsonrpc: "2.0", ...message })
    this.child.stdin?.write(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`)
  }

  notify(method: string, params: object): void {
    this.send({ method, params })
  }

  request(method: string, params: object): Promise<unknown> {
    const id = ++this.id
    return new Promise((resolve) => {
      this.waiting.set(id, resolve)
      this.send({ id, method, params })
    })
  }

  end(): void {
    this.child.kill()
  }
}

/** The file is only in the editor. */
const uri = pathToFileURL(fileURLToPath(new URL("./completions.ts", import.meta.url))).href
let server: LanguageServer
let version = 0

const cursor = "/* cursor */"

/** The members of the expected type that an editor offers at the cursor of a program. */
const completions = async (program: string): Promise<ReadonlyArray<string>> => {
  const at = program.indexOf(cursor)
  const before = program.slice(0, at).split("\n")
  const text = program.slice(0, at) + program.slice(at + cursor.length)
  server.notify("textDocument/didOpen", { textDocument: { uri, languageId: "typescript", version: ++version, text } })
  const result = await server.request("textDocument/completion", {
    textDocument: { uri },
    position: { line: before.length - 1, character: before.at(-1)?.length ?? 0 }
  }) as {
    readonly items: ReadonlyArray<{ readonly label: string; readonly kind?: number; readonly sortText?: string }>
  } | null
  server.notify("textDocument/didClose", { textDocument: { uri } })
  // methods are 2, properties 5; globals and what could be imported are sorted behind 15
  return (result?.items ?? []).filter(({ kind, sortText = "" }) => (kind === 2 || kind === 5) && sortText < "15")
    .map(({ label }) => label)
}

beforeAll(async () => {
  server = new LanguageServer()
  await server.request("initialize", { processId: process.pid, rootUri: pathToFileURL(root).href, capabilities: {} })
  server.notify("initialized", {})
}, 60_000)
afterAll(() => server.end())

const effect = (call: string) => `
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
declare const workflow: Workflow.Workflow
export const changed = ${call}
`

describe("An editor inside setInputs({ … })", () => {
  it("would offer the members of Map with a union", async () => {
    const offered = await completions(
      `declare const f: (values: Record<string, unknown> | ReadonlyMap<string, unknown>) => void\nf({ ${cursor} })\n`
    )
    assert.includeMembers([...offered], ["forEach", "get", "has", "size"])
  }, 60_000)

  it("offers no member of Map", async () => {
    assert.deepStrictEqual(await completions(effect(`Workflow.setInputs(workflow, { ${cursor} })`)), [])
    assert.deepStrictEqual(await completions(effect(`workflow.pipe(Workflow.setInputs({ ${cursor} }))`)), [])
  }, 60_000)

  it("offers no member of Map in the promise client", async () => {
    const program = `
import type { Workflow } from "@effect-invokeai/node/InvokeAiPromise"
declare const workflow: Workflow
export const changed = workflow.set({ ${cursor} })
`
    assert.deepStrictEqual(await completions(program), [])
  }, 60_000)
})
