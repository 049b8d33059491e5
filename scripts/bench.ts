/**
 * `pnpm bench`: what the library costs, beside doing the same by hand. Prints one table; every row ends with the ratio
 * library / by hand. The library is used as it is published. Times are the best of several runs of one process each, memory is the peak of the resident set.
 */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { makeConsumer } from "./lib/consumer.ts"
import { environment, root } from "./lib/run.ts"

interface Measure {
  /** Milliseconds of the measured part. */
  readonly time: number
  /** Peak resident set in MiB. */
  readonly memory: number
}

interface Comparison {
  readonly name: string
  readonly byHand: string
  readonly library: string
}

const workflow = JSON.stringify(Path.join(root, "examples/flux-image-to-image.json"))

/** Programs are measured as a whole, or from their call of `start` on. */
const comparisons: ReadonlyArray<Comparison> = [
  {
    name: "import what a minimal program needs",
    byHand: `
      await import("socket.io-client")
      await fetch("data:,")`,
    library: `
      await import("@effect-invokeai/core/workflow/Workflow")
      await import("@effect-invokeai/core/job/Job")
      await import("@effect-invokeai/core/assets/Downloads")
      await import("@effect-invokeai/node/NodeInvokeAi")`
  },
  {
    name: "read the workflow 200 times, list its inputs",
    byHand: `
      const Fs = await import("node:fs/promises")
      start()
      for (let i = 0; i < 200; i++) {
        const file = JSON.parse(await Fs.readFile(${workflow}, "utf8"))
        const nodes = new Map(file.nodes.map((node) => [node.id, node.data]))
        const inputs = Object.values(file.form.elements).filter((element) => element.type === "node-field").map((element) => {
          const { nodeId, fieldName } = element.data.fieldIdentifier
          return { nodeId, fieldName, value: nodes.get(nodeId).inputs[fieldName].value }
        })
        if (inputs.length !== 9) throw new Error("inputs")
      }`,
    library: `
      const Effect = await import("effect/Effect")
      const Workflow = await import("@effect-invokeai/core/workflow/Workflow")
      const { CatalogSource } = await import("@effect-invokeai/core/catalog/NodeCatalog")
      const NodeServices = await import("@effect/platform-node/NodeServices")
      const once = Workflow.fromFile(${workflow})
      await Effect.runPromise(Effect.gen(function*() {
        yield* once
        start()
        for (let i = 0; i < 200; i++) {
          if ((yield* once).inputs.length !== 9) throw new Error("inputs")
        }
      }).pipe(Effect.provide([CatalogSource.layerSnapshot, NodeServices.layer])))`
  }
]

const temporary = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-invokeai-bench-"))
const consumer = makeConsumer(temporary)

const measure = (code: string): Measure => {
  const source = `
    let from = performance.now()
    const start = () => { from = performance.now() }
    ${code}
    console.log(JSON.stringify({ time: performance.now() - from, memory: process.resourceUsage().maxRSS / 1024 }))`
  const file = Path.join(consumer.folder, "program.mjs")
  Fs.writeFileSync(file, source)
  const result = ChildProcess.spawnSync("node", [file], { env: environment(), encoding: "utf8" })
  if (result.status !== 0) throw new Error(result.stderr)
  return JSON.parse(result.stdout) as Measure // written by the program above
}

const best = (code: string): Measure => {
  const all = Array.from({ length: 5 }, () => measure(code))
  return { time: Math.min(...all.map((one) => one.time)), memory: Math.min(...all.map((one) => one.memory)) }
}

const cell = (value: number, unit: string) => `${value.toFixed(value < 10 ? 1 : 0)} ${unit}`
const rows: Array<ReadonlyArray<string>> = [["", "by hand", "library", "ratio"]]
for (const { byHand, library, name } of comparisons) {
  const hand = best(byHand)
  const ours = best(library)
  rows.push(
    [`${name}: time`, cell(hand.time, "ms"), cell(ours.time, "ms"), (ours.time / hand.time).toFixed(2)],
    [`${name}: memory`, cell(hand.memory, "MiB"), cell(ours.memory, "MiB"), (ours.memory / hand.memory).toFixed(2)]
  )
}
const widths = rows[0]!.map((_, column) => Math.max(...rows.map((row) => row[column]!.length)))
console.log(
  `Node ${process.version}, ${Os.cpus()[0]?.model ?? "unknown processor"}, ${Os.availableParallelism()} cores\n`
)
for (const row of rows) {
  console.log(
    row.map((text, column) => column === 0 ? text.padEnd(widths[0]!) : text.padStart(widths[column]!)).join("  ")
  )
}

console.log("")
const transfer = ChildProcess.spawnSync("node", [Path.join(root, "test/bench/transfer.ts"), "3", consumer.folder], {
  env: environment(),
  stdio: "inherit"
})
Fs.rmSync(temporary, { recursive: true, force: true })
process.exit(transfer.status ?? 1)
