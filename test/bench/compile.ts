/**
 * What reading and compiling a workflow costs, as multiples of `JSON.parse` of the same text: `node test/bench/compile.ts
 * [workflow or vector file] [OpenAPI document]`. First by the functions behind `Workflow`, then by `Workflow` itself.
 *
 * Times are medians of one process. Goals: read and list at most 3, graph at most 1, catalog at most 2.
 */
import * as WorkflowBatch from "@effect-invokeai/core/batch/WorkflowBatch"
import { CatalogSource, fromOpenApi } from "@effect-invokeai/core/catalog/NodeCatalog"
import * as WorkflowDefinition from "@effect-invokeai/core/definition/WorkflowDefinition"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as Effect from "effect/Effect"
import * as Predicate from "effect/Predicate"
import * as Result from "effect/Result"
import { readFileSync } from "node:fs"
import { join } from "node:path"
import * as Batch from "../../packages/core/src/batch/internal/batch.ts"
import * as WorkflowGraph from "../../packages/core/src/batch/WorkflowGraph.ts"
import { open } from "../../packages/core/src/workflow/internal/bind.ts"
import { withValue } from "../../packages/core/src/workflow/internal/edit.ts"

const root = join(import.meta.dirname, "../..")

const [workflowFile = join(root, "examples/flux-image-to-image.json"), openApiFile] = process.argv.slice(2)

const middle = (times: ReadonlyArray<number>): number =>
  times.toSorted((first, second) => first - second)[Math.floor(times.length / 2)] ?? 0

const timed = (run: () => unknown): number => {
  const start = performance.now()
  run()
  return performance.now() - start
}

/** Medians of a run and of its measure, which take turns so that a busy machine slows both. The first half warms up. */
const compare = (
  run: () => unknown,
  measure: () => unknown,
  rounds: number
): { readonly run: number; readonly measure: number } => {
  const runs: Array<number> = []
  const measures: Array<number> = []
  for (let round = 0; round < rounds * 2; round++) {
    const times = [timed(measure), timed(run)] as const
    if (round < rounds) continue
    measures.push(times[0])
    runs.push(times[1])
  }
  return { run: middle(runs), measure: middle(measures) }
}

const file: unknown = JSON.parse(readFileSync(workflowFile, "utf8"))
const text = JSON.stringify(
  Predicate.isObject(file) && Predicate.isObject(file["workflow"]) ? file["workflow"] : file
)
const document = readFileSync(openApiFile ?? join(root, "test/fixtures/catalogs/6.14.2.json"), "utf8")
const catalog = Result.getOrThrow(fromOpenApi(JSON.parse(document)))

const load = () => open(Result.getOrThrow(WorkflowDefinition.parse(JSON.parse(text))), catalog)

const loaded = load()
const setTen = () => {
  let next = loaded
  for (const { fieldName, input, nodeId } of loaded.formFields.slice(0, 10)) {
    next = withValue(next, nodeId, fieldName, input.value)
  }
  return next
}

const fromJson = Workflow.fromJson(text).pipe(
  Effect.provideService(CatalogSource, { get: Effect.succeed(catalog) })
)
const workflow = Effect.runSync(fromJson)
const publicLoad = Effect.map(fromJson, ({ inputs }) => inputs.length)

/** Inputs that take their own value again: not connected, and with one. */
const values = new Map(
  workflow.inputs
    .filter(({ connected, field }) => !connected && field.value !== undefined)
    .slice(0, 10)
    .map(({ field, systemName }) => [systemName, field.value])
)

const parseWorkflow = () => JSON.parse(text)
const parseDocument = () => JSON.parse(document)
const ofWorkflow = (run: () => unknown) => compare(run, parseWorkflow, 500)
const ofDocument = (run: () => unknown) => compare(run, parseDocument, 60)

/** A workflow of so many nodes, each connected to the one before. */
const chain = (count: number): string => {
  const file = JSON.parse(readFileSync(join(root, "test/fixtures/workflows/text-only.json"), "utf8")) as {
    readonly nodes: ReadonlyArray<{ readonly data: { readonly type: string } }>
  }
  const add = file.nodes.find(({ data }) => data.type === "add")
  const nodes = Array.from({ length: count }, (_, index) => {
    const id = `add-${index}`
    return { ...add, id, data: { ...add?.data, id } }
  })
  const edges = nodes.slice(1).map(({ id }, index) => ({
    id: `edge-${index}`,
    type: "default",
    source: `add-${index}`,
    target: id,
    sourceHandle: "value",
    targetHandle: "a"
  }))
  return JSON.stringify({ ...file, nodes, edges, form: undefined })
}

/** Opens a workflow of so many nodes and makes its graph. */
const ofNodes = (count: number) => {
  const text = chain(count)
  const run = () => WorkflowGraph.build(open(Result.getOrThrow(WorkflowDefinition.parse(JSON.parse(text))), catalog))
  return compare(run, () => JSON.parse(text), Math.max(10, 2000 / count))
}

const rows: ReadonlyArray<readonly [name: string, times: { readonly run: number; readonly measure: number }]> = [
  ["JSON.parse of the workflow", ofWorkflow(parseWorkflow)],
  ["read, load and list its inputs", ofWorkflow(load)],
  ["set ten inputs", ofWorkflow(setTen)],
  ["graph", ofWorkflow(() => WorkflowGraph.build(loaded))],
  ["batch data", ofWorkflow(() => Batch.build(loaded))],
  ["Workflow.fromJson and its inputs", ofWorkflow(() => Effect.runSync(publicLoad))],
  [`Workflow.setInputs (${values.size})`, ofWorkflow(() => Effect.runSync(Workflow.setInputs(workflow, values)))],
  ["WorkflowBatch.validate", ofWorkflow(() => WorkflowBatch.validate(workflow))],
  ["JSON.parse of the OpenAPI document", ofDocument(parseDocument)],
  ["catalog from its text", ofDocument(() => fromOpenApi(JSON.parse(document)))],
  ...[10, 100, 1000].flatMap((count) => {
    const times = ofNodes(count)
    const parse = { run: times.measure, measure: times.measure }
    return [[`JSON.parse of ${count} nodes`, parse], [`open ${count} nodes and make their graph`, times]] as const
  })
]

process.stdout.write(`workflow ${text.length} characters, document ${document.length} characters\n`)
for (const [name, { measure, run }] of rows) {
  process.stdout.write(
    `${name.padEnd(36)} ${run.toFixed(3).padStart(9)} ms ${(run / measure).toFixed(2).padStart(7)} ×\n`
  )
}
