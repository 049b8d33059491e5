import * as WorkflowBatch from "@effect-invokeai/core/batch/WorkflowBatch"
import { formatProblem } from "@effect-invokeai/core/batch/WorkflowProblems"
import * as NodeCatalog from "@effect-invokeai/core/catalog/NodeCatalog"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import { type InstalledModel, WorkflowResources } from "@effect-invokeai/core/workflow/WorkflowResources"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import { readdirSync } from "node:fs"
import * as Batch from "../../packages/core/src/batch/internal/batch.ts"
import { batchProblems } from "../../packages/core/src/batch/internal/readiness.ts"
import { nodeReasons } from "../../scripts/conformance/uiReasons.ts"
import { catalogOf, open, readJson } from "./support.ts"

const files = [
  "examples/flux-image-to-image.json",
  ...readdirSync(new URL("../fixtures/workflows/", import.meta.url))
    .filter((name) => name.endsWith(".json"))
    .map((name) => `test/fixtures/workflows/${name}`)
]

/** A small generator of pseudo-random integers, so that every failure can be repeated. */
const generator = (seed: number) => {
  let state = seed + 1
  return (bound: number): number => {
    state = (state * 48_271) % 2_147_483_647
    return state % bound
  }
}

const strange: ReadonlyArray<unknown> = [
  null,
  true,
  false,
  0,
  -1,
  1.5,
  1e308,
  "",
  " ",
  "auto",
  "__proto__",
  "constructor",
  [],
  {},
  [null],
  [[]],
  { image_name: 5 },
  { board_id: "" },
  { key: "k", name: "n", base: "b", type: "main" },
  { type: "x" },
  { r: 1 },
  { type: "integer_generator_arithmetic_sequence", count: -1 },
  [{ lora: null }],
  "1.5.0",
  "x".repeat(1000)
]

/** Replaces, removes or doubles one part of a JSON value, somewhere. */
const mutate = (value: unknown, next: (bound: number) => number, depth = 0): unknown => {
  if (typeof value !== "object" || value === null || next(6 + depth) === 0) return strange[next(strange.length)]
  if (Array.isArray(value)) {
    if (value.length === 0) return [strange[next(strange.length)]]
    const at = next(value.length)
    const kind = next(8)
    if (kind === 0) return value.toSpliced(at, 1)
    if (kind === 1) return [...value, value[at]]
    return value.with(at, mutate(value[at], next, depth + 1))
  }
  const keys = Object.keys(value)
  const key = keys[next(Math.max(1, keys.length))]
  if (key === undefined) return { ["__proto__"]: 1 }
  const entries = Object.entries(value)
  const kind = next(10)
  return Object.fromEntries(
    kind === 0
      ? entries.filter(([name]) => name !== key)
      : entries.map(([name, member]) => name === key ? [name, mutate(member, next, depth + 1)] : [name, member])
  )
}

const modelsIn = (value: unknown): ReadonlyArray<InstalledModel> => {
  if (typeof value !== "object" || value === null) return []
  const { base, hash, key, name, type } = value as Record<string, unknown>
  return typeof key === "string" && typeof hash === "string" && typeof name === "string" && typeof base === "string" &&
      typeof type === "string"
    ? [{ key, hash, name, base, type }]
    : Object.values(value).flatMap(modelsIn)
}

/** A server that has everything that it is asked for, and the models that a file names. */
const everything = (json: unknown): Layer.Layer<WorkflowResources> => {
  const all = (names: ReadonlyArray<string>) => Effect.succeed<ReadonlySet<string>>(new Set(names))
  return Layer.succeed(WorkflowResources, {
    models: Effect.succeed(modelsIn(json)),
    existingImages: all,
    existingVideos: all,
    refresh: Effect.void,
    existingBoards: all,
    boards: Effect.succeed([]),
    existingStylePresets: all,
    existingSystemPrompts: all,
    dynamicPrompts: ({ prompt }) => Effect.succeed([prompt]),
    boardImageNames: () => Effect.succeed(["one.png", "two.png"]),
    savedWorkflow: () => Effect.succeed(Option.none()),
    imageWorkflow: () => Effect.succeed(Option.none())
  })
}

describe("Any JSON", () => {
  for (const file of files) {
    it.effect(`causes only typed errors, and reports every reason of the InvokeAI UI: ${file}`, () =>
      Effect.gen(function*() {
        const catalog = yield* catalogOf("6.14.2")
        const source = NodeCatalog.CatalogSource.layer(catalog)
        const original = readJson(file)
        let compiled = 0
        for (let seed = 0; seed < 300; seed++) {
          const next = generator(seed)
          let json = original
          for (let times = 1 + next(4); times > 0; times--) json = mutate(json, next)
          const read = yield* Effect.result(Workflow.fromJson(json).pipe(Effect.provide(source)))
          if (read._tag === "Failure") {
            assert.strictEqual(read.failure._tag, "WorkflowParseError")
            assert.isAbove(read.failure.message.length, 10)
            continue
          }
          const workflow = read.success
          const problems = WorkflowBatch.validate(workflow)
          const { loaded } = workflow
          for (const reason of [...batchProblems(loaded, Batch.build(loaded)), ...nodeReasons(loaded)]) {
            assert.isTrue(
              problems.all.some(({ code, nodeId }) =>
                code === reason.code && (nodeId === reason.nodeId || code.startsWith("batch"))
              ) || Batch.serverGenerators(loaded).size > 0,
              `${seed}: ${JSON.stringify(reason)} is not among ${problems.all.map(formatProblem).join("; ")}`
            )
          }
          for (const input of workflow.inputs) {
            const set = yield* Effect.result(
              Workflow.setInput(workflow, input.systemName, strange[next(strange.length)])
            )
            if (set._tag === "Failure") assert.include(["InvalidInputValue", "InputNotFound"], set.failure.reason._tag)
          }
          Workflow.describe(workflow)
          Workflow.toMermaid(workflow)
          assert.isTrue(Workflow.diff(workflow, workflow).isEmpty)
          const batch = yield* Effect.result(WorkflowBatch.make(workflow).pipe(Effect.provide(everything(json))))
          if (batch._tag === "Failure") assert.strictEqual(batch.failure._tag, "WorkflowNotReady")
          else compiled++
        }
        const whole = yield* Effect.result(
          WorkflowBatch.make(yield* open(file)).pipe(Effect.provide(everything(original)))
        )
        if (whole._tag === "Success") assert.isAbove(compiled, 10)
      }))
  }
})

describe("Setting every input to its own value", () => {
  for (const file of files) {
    for (const version of ["6.3.0", "6.8.1", "6.13.8", "6.14.2"]) {
      it.effect(`changes nothing in ${file} on ${version}`, () =>
        Effect.gen(function*() {
          const workflow = yield* open(file, version)
          const values = new Map(
            workflow.inputs.flatMap(({ connected, field, systemName }) =>
              field.value === undefined || connected ? [] : [[systemName, field.value] as const]
            )
          )
          const set = yield* Workflow.setInputs(workflow, values)
          assert.deepStrictEqual(Workflow.toDefinition(set), Workflow.toDefinition(workflow))
          assert.isTrue(Workflow.diff(workflow, set).isEmpty)
        }))
    }
  }
})
