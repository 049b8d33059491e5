import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as Cleanup from "@effect-invokeai/core/assets/Cleanup"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import * as Fault from "@effect-invokeai/testing/Fault"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import { failsWith, runsNormally, Simulator } from "@effect-invokeai/testing/Simulator"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type { Graph } from "../../packages/core/src/server/api/QueueSchemas.ts"
import { png } from "../media.ts"
import { drive } from "../time.ts"
import { imageOutput, outputsOf } from "./outputs.ts"

const picture = png(4, 4)

const run = { sessionId: "s-1" }

/** A graph that makes no image. */
const sum: Graph = {
  id: "g",
  nodes: { sum: { id: "sum", type: "add", a: 1, b: 2, use_cache: false, is_intermediate: true } },
  edges: []
}

const itemIds = Effect.map(InvokeAiTest.state, (state) => state.items.map((item) => item.itemId))

/** The response of a server that deletes only some of the images it should delete, and does not say why. */
const deletesOnly = (deleted_images: ReadonlyArray<string>) =>
  Fault.http(
    { method: "POST", path: "/api/v1/images/delete" },
    Fault.rewrite((body) => Object.assign({}, body, { deleted_images }))
  )

/** The response of a server that deletes nothing, and does not say why. */
const deletesNothing = Fault.http(
  { method: "POST", path: "/api/v1/images/delete" },
  Fault.corruptBody(JSON.stringify({ affected_boards: [], deleted_images: [], failed_images: [] }), {
    contentType: "application/json"
  })
)

const names = Effect.map(InvokeAiTest.state, (state) => state.images.map((image) => image.name))

describe("Cleanup.inputs", () => {
  it.effect("deletes uploads early, once, and only those that the scope holds", () =>
    Effect.scoped(Effect.gen(function*() {
      const simulator = yield* Simulator
      yield* simulator.addImage({ name: "theirs.png" })
      const first = yield* Assets.uploadBytes(png(1, 1))
      const second = yield* Assets.uploadBytes(png(1, 2))
      const one = yield* Cleanup.inputs([first, "theirs.png"])
      assert.deepStrictEqual([one.deletedCount, one.deleted, one.missing], [1, [first.imageName], ["theirs.png"]])
      const rest = yield* Cleanup.inputs()
      assert.deepStrictEqual(rest.deleted, [second.imageName])
      assert.strictEqual((yield* Cleanup.inputs()).deletedCount, 0)
      assert.deepStrictEqual(yield* names, ["theirs.png"])
      const requests = yield* simulator.requests
      assert.strictEqual(requests.filter(({ path }) => path === "/api/v1/images/delete").length, 2)
    })).pipe(Effect.provide(InvokeAiTest.layer())))

  it.effect("reports failures by name, and fails with strict after trying all", () =>
    drive(
      Effect.scoped(Effect.gen(function*() {
        const simulator = yield* Simulator
        const first = yield* Assets.uploadBytes(png(1, 1))
        yield* Assets.uploadBytes(png(1, 2))
        yield* simulator.inject(deletesNothing)
        const error = yield* Effect.flip(Cleanup.inputs(undefined, { strict: true }))
        assert.strictEqual(error._tag, "CleanupError")
        assert.strictEqual(error.deletedCount, 1)
        assert.deepStrictEqual(error.failures.map((failure) => failure.name), [first.imageName])
        assert.include(error.message, `Could not delete 1 of 2 images and queue items (${first.imageName}: POST `)
      })).pipe(Effect.provide(InvokeAiTest.layer()))
    ))
})

describe("Cleanup.outputs", () => {
  const prepared = Effect.gen(function*() {
    const simulator = yield* Simulator
    const boardId = yield* simulator.addBoard("b-1")
    const { sessionId } = run
    yield* simulator.addImage({ name: "made.png", sessionId })
    yield* simulator.addImage({ name: "preview.png", sessionId, isIntermediate: true })
    yield* simulator.addImage({ name: "on-board.png", sessionId, boardId })
    yield* simulator.addImage({ name: "starred.png", sessionId, starred: true })
    yield* simulator.addImage({ name: "cached.png", sessionId: "s-earlier" })
    yield* simulator.addImage({ name: "input.png" })
    const outputs = outputsOf([
      imageOutput("preview.png", { isIntermediate: true }),
      ...["made.png", "on-board.png", "starred.png", "cached.png", "input.png", "gone.png"].map((name) =>
        imageOutput(name)
      )
    ])
    return { boardId, outputs, simulator }
  })

  it.effect("deletes only images that the job itself created", () =>
    Effect.gen(function*() {
      const { outputs } = yield* prepared
      const result = yield* Cleanup.outputs(outputs)
      assert.deepStrictEqual(result.deleted.toSorted(), ["made.png", "on-board.png", "preview.png"])
      assert.strictEqual(result.deletedCount, 3)
      assert.deepStrictEqual(result.missing, ["gone.png"])
      assert.deepStrictEqual([...result.kept], [
        ["starred.png", "Starred"],
        ["cached.png", "OtherRun"],
        ["input.png", "OtherRun"]
      ])
      assert.strictEqual(result.failedDeletions.size, 0)
      assert.sameMembers([...yield* names], ["starred.png", "cached.png", "input.png"])
    }).pipe(Effect.provide(InvokeAiTest.layer())))

  it.effect("can be limited to a board, to uncategorized images, or to the final images", () =>
    Effect.gen(function*() {
      const { boardId, outputs } = yield* prepared
      assert.deepStrictEqual((yield* Cleanup.outputs(outputs, { board: boardId })).deleted, ["on-board.png"])
      const final = yield* Cleanup.outputs(outputs, { images: "final", board: "none", starred: true })
      assert.deepStrictEqual(final.deleted, ["made.png", "starred.png"])
      assert.include(yield* names, "preview.png")
    }).pipe(Effect.provide(InvokeAiTest.layer())))

  it.effect("keeps images that another run retains, unless that run itself deletes them", () =>
    Effect.gen(function*() {
      const { outputs } = yield* prepared
      yield* Effect.scoped(Effect.gen(function*() {
        yield* Assets.retain("batch-2", ["made.png"])
        yield* Assets.retain("batch-1", ["preview.png"])
        const result = yield* Cleanup.outputs(outputs)
        assert.strictEqual(result.kept.get("made.png"), "Retained")
        assert.notInclude(yield* names, "preview.png")
      }))
      assert.deepStrictEqual((yield* Cleanup.outputs(outputs)).deleted, ["made.png"])
    }).pipe(Effect.provide(InvokeAiTest.layer())))

  it.effect("reports images that the server silently kept", () =>
    Effect.gen(function*() {
      const { outputs, simulator } = yield* prepared
      yield* simulator.inject(deletesNothing)
      const error = yield* Effect.flip(Cleanup.outputs(outputs, { strict: true }))
      assert.strictEqual(error.deletedCount, 0)
      assert.sameMembers(
        error.failures.map((failure) => failure.name),
        ["made.png", "on-board.png", "preview.png"]
      )
      assert.include(error.message, "the server did not delete the image")
    }).pipe(Effect.provide(InvokeAiTest.layer())))

  it.effect("counts images as missing that the server does not have, although it did not report their deletion", () =>
    Effect.gen(function*() {
      const { outputs, simulator } = yield* prepared
      yield* simulator.inject(deletesOnly(["made.png"]))
      const result = yield* Cleanup.outputs(outputs)
      assert.deepStrictEqual(result.deleted, ["made.png"])
      assert.sameMembers([...result.missing], ["on-board.png", "preview.png", "gone.png"])
      assert.strictEqual(result.failedDeletions.size, 0)
    }).pipe(Effect.provide(InvokeAiTest.layer())))

  it.effect("deletes images that another run transferred to this one, even if the first attempt fails", () =>
    Effect.gen(function*() {
      const { outputs, simulator } = yield* prepared
      const { imageUse } = yield* Assets.Assets
      yield* imageUse.transfer("batch-9", ["cached.png"])
      yield* simulator.inject(deletesNothing)
      assert.isTrue((yield* Cleanup.outputs(outputs)).failedDeletions.has("cached.png"))
      assert.include((yield* Cleanup.outputs(outputs)).deleted, "cached.png")
    }).pipe(Effect.provide(InvokeAiTest.layer())))

  it.effect("reports every image, and does not fail, if the server is unreachable", () =>
    drive(
      Effect.gen(function*() {
        const { outputs, simulator } = yield* prepared
        yield* simulator.inject(Fault.http({ path: /./, times: Number.POSITIVE_INFINITY }, Fault.dropRequest))
        const result = yield* Cleanup.outputs(outputs)
        assert.strictEqual(result.deletedCount, 0)
        assert.strictEqual(result.failedDeletions.size, 7)
        assert.strictEqual(result.failedDeletions.get("made.png")?.reason._tag, "Transport")
      }).pipe(Effect.provide(InvokeAiTest.layer()))
    ))
})

describe("Cleanup.queueItems", () => {
  /**
   * Item 1 of another batch has ended. Of the items 2 to 5, the third has failed and the last one runs. The job does not
   * know item 4.
   */
  const prepared = Effect.gen(function*() {
    const simulator = yield* Simulator
    const queue = yield* SessionQueue
    yield* simulator.setDurations({ node: "1 second" })
    yield* simulator.whenNode("add", (_, call) => call === 3 ? failsWith("ValueError", "no sum") : runsNormally)
    yield* queue.enqueueBatch({ graph: sum, runs: 1 })
    yield* queue.enqueueBatch({ batch_id: "batch-1", graph: sum, runs: 4 })
    // a node that fails takes no time
    yield* Effect.sleep("3500 millis")
    const { items } = yield* simulator.state
    assert.deepStrictEqual(items.map(({ itemId, status }) => [itemId, status]), [
      [1, "completed"],
      [2, "completed"],
      [3, "failed"],
      [4, "completed"],
      [5, "in_progress"]
    ])
    return { batchId: "batch-1", itemIds: [2, 5, 1, 99, 3] }
  })

  it.effect.each(["6.14.2", "6.13.8"] as const)("deletes the job's own items that have ended (%s)", (version) =>
    drive(
      Effect.gen(function*() {
        const result = yield* Cleanup.queueItems(yield* prepared)
        assert.deepStrictEqual(result.deleted, ["2", "3"])
        assert.deepStrictEqual(result.missing, ["1", "99"])
        assert.deepStrictEqual([...result.kept], [["5", "Running"]])
        assert.deepStrictEqual(yield* itemIds, [1, 4, 5])
      }).pipe(Effect.provide(InvokeAiTest.layer({ version })))
    ))

  it.effect("fails with strict if an item remains", () =>
    drive(
      Effect.gen(function*() {
        const job = yield* prepared
        const simulator = yield* Simulator
        yield* simulator.inject(
          Fault.http(
            { method: "DELETE", path: "/api/v1/queue/{queue_id}/i/3", times: Number.POSITIVE_INFINITY },
            Fault.status(500)
          )
        )
        const error = yield* Effect.flip(Cleanup.queueItems(job, { strict: true }))
        assert(error._tag === "CleanupError")
        assert.deepStrictEqual(error.failures.map((failure) => failure.name), ["3"])
        assert.strictEqual(error.deletedCount, 1)
        assert.deepStrictEqual(yield* itemIds, [1, 3, 4, 5])
      }).pipe(Effect.provide(InvokeAiTest.layer()))
    ))
})

describe("Cleanup.many", () => {
  it.effect("adds up the deletions of many jobs", () =>
    drive(
      Effect.gen(function*() {
        const simulator = yield* Simulator
        const queue = yield* SessionQueue
        yield* queue.enqueueBatch({ batch_id: "x", graph: sum, runs: 1 })
        yield* queue.enqueueBatch({ batch_id: "y", graph: sum, runs: 1 })
        yield* Effect.sleep("1 second")
        assert.deepStrictEqual(yield* itemIds, [1, 2])
        yield* simulator.addImage({ name: "a.png", ...run })
        yield* simulator.addImage({ name: "b.png", sessionId: "s-2" })
        const asset = yield* Assets.uploadBytes(picture)
        const jobs = [
          { outputs: outputsOf([imageOutput("a.png")], { batchId: "x" }), assets: [asset] },
          { outputs: outputsOf([imageOutput("b.png")], { batchId: "y", itemIds: [2] }) }
        ]
        const careful = yield* Cleanup.many(jobs)
        assert.deepInclude(careful, { workflows: 2, inputsDeleted: 1, outputsDeleted: 0, queueItemsDeleted: 2 })
        const thorough = yield* Cleanup.many(jobs, { outputs: true, queueItems: false })
        assert.deepInclude(thorough, { workflows: 2, inputsDeleted: 0, outputsDeleted: 2, queueItemsDeleted: 0 })
        assert.deepStrictEqual(yield* names, [])
        assert.deepStrictEqual(yield* itemIds, [])
      }).pipe(Effect.scoped, Effect.provide(InvokeAiTest.layer()))
    ))

  it.effect("deletes images that only these jobs share, and keeps images that other jobs hold too", () =>
    Effect.gen(function*() {
      const simulator = yield* Simulator
      yield* simulator.addImage({ name: "shared.png", ...run })
      yield* simulator.addImage({ name: "wanted.png", ...run })
      const first = outputsOf([imageOutput("shared.png"), imageOutput("wanted.png")], { batchId: "x" })
      const second = outputsOf([imageOutput("shared.png")], { batchId: "y", itemIds: [2] })
      yield* Assets.retain("x", ["shared.png"])
      yield* Assets.retain("y", ["shared.png"])
      yield* Assets.retain("z", ["wanted.png"])
      const alone = yield* Cleanup.outputs(first)
      assert.deepStrictEqual([...alone.kept], [["shared.png", "Retained"], ["wanted.png", "Retained"]])
      const jobs = [{ outputs: first }, { outputs: second }]
      const together = yield* Cleanup.many(jobs, { outputs: true, queueItems: false })
      assert.strictEqual(together.outputsDeleted, 1)
      assert.deepStrictEqual(yield* names, ["wanted.png"])
    }).pipe(Effect.scoped, Effect.provide(InvokeAiTest.layer())))
})
