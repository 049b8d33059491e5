/**
 * What reading and compiling a workflow costs, as multiples of `JSON.parse` of the same text: `node test/bench/compile.ts
 * [workflow or vector file] [OpenAPI document]`.
 *
 * Times are medians of one process. Goals: read and list at most 3, graph at most 1, catalog at most 2.
 */
import { fromOpenApi } from "@effect-invokeai/core/catalog/NodeCatalog"
import * as Batch from "@effect-invokeai/core/workflow/Batch"
import * as Graph from "@effect-invokeai/core/workflow/Graph"
import * as LoadedWorkflow from "@effect-invokeai/core/workflow/LoadedWorkflow"
import * as WorkflowDefinition from "@effect-invokeai/core/workflow/WorkflowDefinition"
import * as Result from "effect/Result"
import { readFileSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dirname, "../..")

const [workflowFile = join(root, "examples/flux-image-to-image.json"), openApiFile] = process.argv.slice(2)

const median = (run: () => unknown, rounds: number): number => {
  const times: Array<number> = []
  for (let round = 0; round < rounds * 2; round++) {
    const start = performance.now()
    run()
    if (round >= rounds) {
      times.push(performance.now() - start)
    }
  }
  return times.toSorted((first, second) => first - second)[Math.floor(times.length / 2)] ?? 0
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null

const file: unknown = JSON.parse(readFileSync(workflowFile, "utf8"))
const text = JSON.stringify(isRecord(file) && isRecord(file["workflow"]) ? file["workflow"] : file)
const document = readFileSync(openApiFile ?? join(root, "test/fixtures/catalogs/6.14.2.json"), "utf8")
const catalog = Result.getOrThrow(fromOpenApi(JSON.parse(document)))

const load = () => LoadedWorkflow.load(Result.getOrThrow(WorkflowDefinition.parse(JSON.parse(text))), catalog)

const loaded = load()
const setTen = () => {
  let next = loaded
  for (const { fieldName, input, nodeId } of loaded.formFields.slice(0, 10)) {
    next = LoadedWorkflow.updateInput(next, nodeId, fieldName, { value: input.value })
  }
  return next
}

const base = median(() => JSON.parse(text), 200)
const catalogBase = median(() => JSON.parse(document), 30)

const rows: ReadonlyArray<readonly [name: string, milliseconds: number, base: number]> = [
  ["JSON.parse of the workflow", base, base],
  ["read, load and list its inputs", median(load, 200), base],
  ["set ten inputs", median(setTen, 200), base],
  ["graph", median(() => Graph.build(loaded), 200), base],
  ["batch data", median(() => Batch.build(loaded), 200), base],
  ["JSON.parse of the OpenAPI document", catalogBase, catalogBase],
  ["catalog from its text", median(() => fromOpenApi(JSON.parse(document)), 30), catalogBase]
]

process.stdout.write(`workflow ${text.length} characters, document ${document.length} characters\n`)
for (const [name, milliseconds, unit] of rows) {
  process.stdout.write(
    `${name.padEnd(36)} ${milliseconds.toFixed(3).padStart(9)} ms ${(milliseconds / unit).toFixed(2).padStart(7)} ×\n`
  )
}
