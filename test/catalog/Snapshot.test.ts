import { assert, describe, it } from "@effect/vitest"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { build } from "vite"

/** Bundles a program into one file for browsers, as a program of a user would be, and returns its text. */
const bundle = async (program: string): Promise<string> => {
  const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-invokeai-bundle-"))
  const entry = "virtual:program.ts"
  try {
    await build({
      configFile: false,
      logLevel: "silent",
      plugins: [{
        name: "program",
        resolveId: (id) => id === entry ? Path.resolve("program.ts") : undefined,
        load: (id) => id === Path.resolve("program.ts") ? program : undefined
      }],
      build: {
        outDir: folder,
        minify: false,
        rolldownOptions: { input: entry, output: { codeSplitting: false, entryFileNames: "program.js" } }
      }
    })
    assert.deepStrictEqual(Fs.readdirSync(folder), ["program.js"])
    return Fs.readFileSync(Path.join(folder, "program.js"), "utf8")
  } finally {
    Fs.rmSync(folder, { recursive: true, force: true })
  }
}

/** Opens a workflow with the given layers, and with a line that imports what they use. */
const program = (layers: string, line = ""): string =>
  `${line}
import { InvokeAi, Workflow } from "@effect-invokeai/core"
import { EventTransport } from "@effect-invokeai/core/server/EventTransport"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Layer from "effect/Layer"

const services = InvokeAi.layer({ url: location.href }).pipe(
  Layer.provide([FetchHttpClient.layer, EventTransport.layerSocketIo])
)
Effect.runFork(Effect.provide(Workflow.fromLibrary("id"), ${layers}))
`

/** A node type of the bundled catalog, as its text has it. */
const snapshotText = "FluxDenoiseInvocation"

describe("A bundled program", () => {
  it("has no bundled node types if it loads them from the server", async () => {
    const text = await bundle(program("services"))
    assert.include(text, "/openapi.json")
    assert.notInclude(text, snapshotText)
  }, 60_000)

  it("has the bundled node types if it uses the snapshot", async () => {
    const text = await bundle(program(
      "[services, Snapshot.layer]",
      `import * as Snapshot from "@effect-invokeai/core/catalog/Snapshot"`
    ))
    assert.include(text, snapshotText)
  }, 60_000)
})
