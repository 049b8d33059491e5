import * as WorkflowBatch from "@effect-invokeai/core/batch/WorkflowBatch"
import * as Snapshot from "@effect-invokeai/core/catalog/Snapshot"
import type * as InvokeAi from "@effect-invokeai/core/InvokeAi"
import * as Job from "@effect-invokeai/core/job/Job"
import { Boards } from "@effect-invokeai/core/server/Boards"
import { Models, toIdentifier } from "@effect-invokeai/core/server/Models"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import { type InstalledModel, WorkflowResources } from "@effect-invokeai/core/workflow/WorkflowResources"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import { Simulator } from "@effect-invokeai/testing/Simulator"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import { readFileSync } from "node:fs"
import { drive } from "../time.ts"

const load = (name: string) =>
  Workflow.fromJson(readFileSync(new URL(`../fixtures/workflows/${name}.json`, import.meta.url), "utf8"))

const withModel = Effect.gen(function*() {
  const models = yield* Models.use((models) => models.list())
  const model = models.find(({ base, type }) => type === "main" && base === "sd-1")
  assert.isDefined(model)
  return yield* Effect.flatMap(load("sd1-text-to-image"), Workflow.setInputs({ model: toIdentifier(model) }))
})

/** How many lists of models and of boards the server was asked for. */
const lists = Effect.map(Effect.flatMap(Simulator, ({ requests }) => requests), (requests) => {
  const of = (path: string) => requests.filter((one) => one.method === "GET" && one.path === path).length
  return { models: of("/api/v2/models/"), boards: of("/api/v1/boards/") }
})

const submit = (workflow: Workflow.Workflow, board: string) =>
  Effect.scoped(Effect.flatMap(Job.submit(workflow, { board }), (job) => job.await))

const boardIds = ({ outputs }: Job.JobResult) => new Set(outputs.finalImages.map((image) => image.boardId))

const simulated = <A, E>(program: Effect.Effect<A, E, InvokeAi.Services | Simulator>) =>
  drive(Effect.provide(program, InvokeAiTest.layer({ nodeDuration: 1 })))

describe("submitting", () => {
  it.effect("reads the models and the boards of the server once for many jobs", () =>
    simulated(Effect.gen(function*() {
      yield* Boards.use((boards) => boards.create("samples"))
      const workflow = yield* withModel
      const before = yield* lists
      yield* Effect.replicateEffect(submit(workflow, "samples"), 4)
      const after = yield* lists
      assert.deepStrictEqual(after, { models: before.models + 1, boards: before.boards + 1 })
      yield* Effect.sleep("6 seconds")
      yield* submit(workflow, "samples")
      assert.deepStrictEqual(yield* lists, { models: after.models + 1, boards: after.boards + 1 })
    })))

  it.effect("finds a board that was created, or deleted and created again, a moment ago", () =>
    simulated(Effect.gen(function*() {
      const boards = yield* Boards
      const workflow = yield* withModel
      const first = yield* boards.create("first")
      assert.deepStrictEqual(boardIds(yield* submit(workflow, "first")), new Set([first.board_id]))
      const second = yield* boards.create("second")
      assert.deepStrictEqual(boardIds(yield* submit(workflow, "second")), new Set([second.board_id]))
      yield* boards.delete(first.board_id)
      const again = yield* boards.create("first")
      assert.deepStrictEqual(boardIds(yield* submit(workflow, "first")), new Set([again.board_id]))
      yield* boards.delete(again.board_id)
      const error = yield* Effect.flip(submit(workflow, "first"))
      assert.isTrue(error._tag === "SubmissionError" && error.reason._tag === "BoardNotFound")
    })))

  it.effect("finds a model that was installed a moment ago", () =>
    Effect.gen(function*() {
      const model: InstalledModel = { key: "k", hash: "blake3:0", name: "New", base: "sd-1", type: "main" }
      let models: ReadonlyArray<InstalledModel> = []
      const resources = Layer.effect(
        WorkflowResources,
        Effect.map(WorkflowResources, (memory) =>
          WorkflowResources.of({
            ...memory,
            refresh: Effect.sync(() => {
              models = [model]
            }),
            models: Effect.sync(() => models)
          }))
      ).pipe(Layer.provide(WorkflowResources.layerMemory({})))
      const batch = yield* Effect.flatMap(load("sd1-text-to-image"), Workflow.setInputs({ model })).pipe(
        Effect.flatMap((workflow) => WorkflowBatch.make(workflow)),
        Effect.provide(Layer.merge(resources, Snapshot.layer))
      )
      assert.strictEqual(batch.size, 1)
    }))
})
