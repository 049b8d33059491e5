import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as Cleanup from "@effect-invokeai/core/assets/Cleanup"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import * as Fault from "@effect-invokeai/testing/Fault"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import { Simulator } from "@effect-invokeai/testing/Simulator"
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SessionQueueItem, SessionQueueItemSummary } from "../../packages/core/src/server/api/QueueSchemas.ts"
import { png } from "../media.ts"
import { drive } from "../time.ts"
import { apiError, unsupported } from "./fakes.ts"
import { imageOutput, outputsOf } from "./outputs.ts"

const picture = png(4, 4)

const run = { sessionId: "s-1" }

/** A queue of a server that has, or has not, the summaries of 6.14. */
const queueOf = (
  items: Map<number, { readonly batch_id: string; readonly status: string }>,
  options: { readonly summaries: boolean; readonly stubborn?: number }
) => {
  const summary = (id: number): SessionQueueItemSummary | undefined => {
    const item = items.get(id)
    return item === undefined
      ? undefined
      : { item_id: id, created_at: DateTime.makeUnsafe("2026-11-22T12:00:00Z"), ...item }
  }
  return Layer.mock(SessionQueue, {
    queueId: "default",
    itemSummariesByIds: (ids) =>
      options.summaries
        ? Effect.succeed(ids.flatMap((id) => summary(id) ?? []))
        : Effect.fail(unsupported("POST", "/api/v1/queue/{queue_id}/item_summaries_by_ids")),
    item: (id) => {
      const found = summary(id)
      return found === undefined
        ? Effect.fail(apiError("NotFound", 404))
        // Only what the cleanup reads of an item.
        : Effect.succeed(found as unknown as SessionQueueItem)
    },
    deleteItem: (id) =>
      id === options.stubborn
        ? Effect.fail(apiError("Server", 500, "DELETE"))
        : Effect.asVoid(Effect.sync(() => items.delete(id)))
  })
}

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
  const job = { batchId: "batch-1", itemIds: [1, 2, 3, 4, 5] }
  const items = () =>
    new Map([
      [1, { batch_id: "batch-1", status: "completed" }],
      [2, { batch_id: "batch-1", status: "in_progress" }],
      [3, { batch_id: "another user's", status: "completed" }],
      [5, { batch_id: "batch-1", status: "failed" }],
      [9, { batch_id: "batch-1", status: "completed" }]
    ])

  it.effect.each([true, false])("deletes the job's own items that have ended (summaries: %s)", (summaries) => {
    const queue = items()
    return Effect.gen(function*() {
      const result = yield* Cleanup.queueItems(job)
      assert.deepStrictEqual(result.deleted, ["1", "5"])
      assert.deepStrictEqual(result.missing, ["3", "4"])
      assert.deepStrictEqual([...result.kept], [["2", "Running"]])
      assert.deepStrictEqual([...queue.keys()], [2, 3, 9])
    }).pipe(Effect.provide(queueOf(queue, { summaries })))
  })

  it.effect("fails with strict if an item remains", () => {
    const queue = items()
    return Effect.gen(function*() {
      const error = yield* Effect.flip(Cleanup.queueItems(job, { strict: true }))
      assert.deepStrictEqual(error.failures.map((failure) => failure.name), ["5"])
      assert.strictEqual(error.deletedCount, 1)
    }).pipe(Effect.provide(queueOf(queue, { summaries: true, stubborn: 5 })))
  })
})

describe("Cleanup.many", () => {
  it.effect("adds up the deletions of many jobs", () => {
    const queue = new Map([
      [1, { batch_id: "x", status: "completed" }],
      [2, { batch_id: "y", status: "completed" }]
    ])
    return Effect.gen(function*() {
      const simulator = yield* Simulator
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
      assert.strictEqual(queue.size, 0)
    }).pipe(
      Effect.scoped,
      Effect.provide(queueOf(queue, { summaries: true })),
      Effect.provide(InvokeAiTest.layer())
    )
  })

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
