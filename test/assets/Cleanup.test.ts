import * as Assets from "@effect-invokeai/core/assets/Assets"
import * as Cleanup from "@effect-invokeai/core/assets/Cleanup"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import { assert, describe, it } from "@effect/vitest"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type { SessionQueueItem, SessionQueueItemSummary } from "../../packages/core/src/server/api/QueueSchemas.ts"
import { png } from "../media.ts"
import { apiError, FakeServer, unsupported } from "./fakes.ts"
import { imageOutput, outputsOf } from "./outputs.ts"

const picture = png(4, 4)

const run = { session_id: "s-1" }

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

describe("Cleanup.inputs", () => {
  it.effect("deletes uploads early, once, and only those that the scope holds", () => {
    const server = new FakeServer()
    server.add("theirs.png", picture)
    return Effect.gen(function*() {
      const first = yield* Assets.uploadBytes(png(1, 1))
      yield* Assets.uploadBytes(png(1, 2))
      const one = yield* Cleanup.inputs([first, "theirs.png"])
      assert.deepStrictEqual([one.deletedCount, one.deleted, one.missing], [1, ["upload-1.png"], ["theirs.png"]])
      const rest = yield* Cleanup.inputs()
      assert.deepStrictEqual(rest.deleted, ["upload-2.png"])
      assert.strictEqual((yield* Cleanup.inputs()).deletedCount, 0)
      assert.deepStrictEqual([...server.images.keys()], ["theirs.png"])
      assert.strictEqual(server.calls.filter((call) => call.startsWith("delete")).length, 2)
    }).pipe(Effect.scoped, Effect.provide(server.layer))
  })

  it.effect("reports failures by name, and fails with strict after trying all", () => {
    const server = new FakeServer()
    server.faults.delete = (name) =>
      name === "upload-1.png" ? Effect.fail(apiError("Server", 200, "DELETE")) : undefined
    return Effect.gen(function*() {
      yield* Assets.uploadBytes(png(1, 1))
      yield* Assets.uploadBytes(png(1, 2))
      const error = yield* Effect.flip(Cleanup.inputs(undefined, { strict: true }))
      assert.strictEqual(error._tag, "CleanupError")
      assert.strictEqual(error.deletedCount, 1)
      assert.deepStrictEqual(error.failures.map((failure) => failure.name), ["upload-1.png"])
      assert.include(error.message, "Could not delete 1 of 2 images and queue items (upload-1.png: DELETE ")
    }).pipe(Effect.scoped, Effect.provide(server.layer))
  })
})

describe("Cleanup.outputs", () => {
  const prepared = () => {
    const server = new FakeServer()
    server.add("made.png", picture, run)
    server.add("preview.png", picture, { ...run, is_intermediate: true })
    server.add("on-board.png", picture, { ...run, board_id: "b-1" })
    server.add("starred.png", picture, { ...run, starred: true })
    server.add("cached.png", picture, { session_id: "s-earlier" })
    server.add("input.png", picture, { session_id: null })
    const outputs = outputsOf([
      imageOutput("preview.png", { isIntermediate: true }),
      ...["made.png", "on-board.png", "starred.png", "cached.png", "input.png", "gone.png"].map((name) =>
        imageOutput(name)
      )
    ])
    return { server, outputs }
  }

  it.effect("deletes only images that the job itself created", () => {
    const { outputs, server } = prepared()
    return Effect.gen(function*() {
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
      assert.deepStrictEqual([...server.images.keys()], ["starred.png", "cached.png", "input.png"])
    }).pipe(Effect.provide(server.layer))
  })

  it.effect("can be limited to a board, to uncategorized images, or to the final images", () => {
    const { outputs, server } = prepared()
    return Effect.gen(function*() {
      assert.deepStrictEqual((yield* Cleanup.outputs(outputs, { board: "b-1" })).deleted, ["on-board.png"])
      const final = yield* Cleanup.outputs(outputs, { images: "final", board: "none", starred: true })
      assert.deepStrictEqual(final.deleted, ["made.png", "starred.png"])
      assert.isTrue(server.images.has("preview.png"))
    }).pipe(Effect.provide(server.layer))
  })

  it.effect("keeps images that another run retains, unless that run itself deletes them", () => {
    const { outputs, server } = prepared()
    return Effect.gen(function*() {
      yield* Effect.scoped(Effect.gen(function*() {
        yield* Assets.retain("batch-2", ["made.png"])
        yield* Assets.retain("batch-1", ["preview.png"])
        const result = yield* Cleanup.outputs(outputs)
        assert.strictEqual(result.kept.get("made.png"), "Retained")
        assert.isFalse(server.images.has("preview.png"))
      }))
      assert.deepStrictEqual((yield* Cleanup.outputs(outputs)).deleted, ["made.png"])
    }).pipe(Effect.provide(server.layer))
  })

  it.effect("reports images that the server silently kept", () => {
    const { outputs, server } = prepared()
    server.faults.deleteMany = (names) => names.filter((name) => name !== "made.png")
    return Effect.gen(function*() {
      const error = yield* Effect.flip(Cleanup.outputs(outputs, { strict: true }))
      assert.strictEqual(error.deletedCount, 2)
      assert.deepStrictEqual(error.failures.map((failure) => failure.name), ["made.png"])
      assert.include(error.message, "the server did not delete the image")
    }).pipe(Effect.provide(server.layer))
  })

  it.effect("deletes images that another run transferred to this one, even if the first attempt fails", () => {
    const { outputs, server } = prepared()
    return Effect.gen(function*() {
      const { imageUse } = yield* Assets.Assets
      yield* imageUse.transfer("batch-9", ["cached.png"])
      server.faults.deleteMany = () => []
      assert.isTrue((yield* Cleanup.outputs(outputs)).failedDeletions.has("cached.png"))
      server.faults.deleteMany = undefined
      assert.include((yield* Cleanup.outputs(outputs)).deleted, "cached.png")
    }).pipe(Effect.provide(server.layer))
  })

  it.effect("reports every image, and does not fail, if the server is unreachable", () => {
    const { outputs, server } = prepared()
    const unreachable = { ...server.service, byNames: () => Effect.fail(apiError("Transport", undefined, "POST")) }
    Object.assign(server.service, unreachable)
    return Effect.gen(function*() {
      const result = yield* Cleanup.outputs(outputs)
      assert.strictEqual(result.deletedCount, 0)
      assert.strictEqual(result.failedDeletions.size, 7)
      assert.strictEqual(result.failedDeletions.get("made.png")?.reason._tag, "Transport")
    }).pipe(Effect.provide(server.layer))
  })
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
    const server = new FakeServer()
    server.add("a.png", picture, run)
    server.add("b.png", picture, { session_id: "s-2" })
    const queue = new Map([
      [1, { batch_id: "x", status: "completed" }],
      [2, { batch_id: "y", status: "completed" }]
    ])
    return Effect.gen(function*() {
      const asset = yield* Assets.uploadBytes(picture)
      const jobs = [
        { outputs: outputsOf([imageOutput("a.png")], { batchId: "x" }), assets: [asset] },
        { outputs: outputsOf([imageOutput("b.png")], { batchId: "y", itemIds: [2] }) }
      ]
      const careful = yield* Cleanup.many(jobs)
      assert.deepInclude(careful, { workflows: 2, inputsDeleted: 1, outputsDeleted: 0, queueItemsDeleted: 2 })
      const thorough = yield* Cleanup.many(jobs, { outputs: true, queueItems: false })
      assert.deepInclude(thorough, { workflows: 2, inputsDeleted: 0, outputsDeleted: 2, queueItemsDeleted: 0 })
      assert.strictEqual(server.images.size, 0)
      assert.strictEqual(queue.size, 0)
    }).pipe(Effect.scoped, Effect.provide([server.layer, queueOf(queue, { summaries: true })]))
  })

  it.effect("deletes images that only these jobs share, and keeps images that other jobs hold too", () => {
    const server = new FakeServer()
    server.add("shared.png", picture, run)
    server.add("wanted.png", picture, run)
    return Effect.gen(function*() {
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
      assert.deepStrictEqual([...server.images.keys()], ["wanted.png"])
    }).pipe(Effect.scoped, Effect.provide([server.layer, queueOf(new Map(), { summaries: true })]))
  })
})
