import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import type * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Schedule from "effect/Schedule"
import * as Stream from "effect/Stream"
import { randomUUID } from "node:crypto"
import { hasFault } from "../serverFaults.ts"
import * as Support from "../Support.ts"

/** A graph of one node that adds, or that fails at run time when it divides by 0. */
const division = (divisor: number) => ({
  id: "division",
  nodes: { divide: { id: "divide", type: "div", a: 6, b: divisor, use_cache: false, is_intermediate: true } },
  edges: []
})

/** One node that takes some seconds: it is running or waiting while the test looks. */
const long = {
  id: "long",
  nodes: {
    canvas: { id: "canvas", type: "blank_image", width: 1200, height: 1200, is_intermediate: true },
    range: { id: "range", type: "range", start: 1, stop: 300 },
    each: { id: "each", type: "iterate" },
    blur: { id: "blur", type: "img_blur", use_cache: false, is_intermediate: true }
  },
  edges: [
    { source: { node_id: "range", field: "collection" }, destination: { node_id: "each", field: "collection" } },
    { source: { node_id: "each", field: "item" }, destination: { node_id: "blur", field: "radius" } },
    { source: { node_id: "canvas", field: "image" }, destination: { node_id: "blur", field: "image" } }
  ]
}

const ended = (batchId: string) =>
  SessionQueue.use((queue) => queue.batchStatus(batchId)).pipe(
    Effect.repeat({
      while: (status) => status.pending + status.in_progress > 0,
      schedule: Schedule.spaced("100 millis")
    }),
    Effect.timeout("30 seconds")
  )

/** Every method of `SessionQueue`; pausing is the administrator's. */
export const queueSuite = (who: string, layer: Layer.Layer<SessionQueue>, options: { readonly admin: boolean }): void =>
  it.layer(layer, { excludeTestServices: true })(`the queue, as ${who}`, (it) => {
    it.effect("accepts a batch, runs it, and reports all facts about its items", () =>
      Effect.gen(function*() {
        const queue = yield* SessionQueue
        const batchId = randomUUID()
        const destination = `tests: ${batchId}`
        const enqueued = yield* queue.enqueueBatch({
          batch_id: batchId,
          destination,
          origin: "effect-invokeai",
          graph: division(2),
          data: [[{ node_path: "divide", field_name: "a", items: [4, 8] }]],
          runs: 2
        })
        assert.deepStrictEqual([enqueued.requested, enqueued.enqueued, enqueued.item_ids.length], [4, 4, 4])
        const status = yield* ended(batchId)
        assert.deepStrictEqual([status.completed, status.total, status.destination], [4, 4, destination])

        const ids = enqueued.item_ids.toSorted((a, b) => a - b)
        const item = yield* queue.item(ids[0]!)
        assert.strictEqual(item.status, "completed")
        assert.strictEqual(item.batch_id, batchId)
        assert.deepStrictEqual(item.field_values?.map((value) => value.value), [4])
        assert.deepStrictEqual(
          Object.values(item.session.results ?? {}).map((result) => [result["type"], result["value"]]),
          [["integer_output", 2]]
        )
        assert.sameMembers((yield* queue.listAll({ destination })).map((item) => item.item_id), ids)
        assert.strictEqual((yield* queue.countsByDestination(destination)).completed, 4)
        assert.isAtLeast((yield* queue.status).queue.completed, 4)

        yield* queue.deleteItem(ids[0]!)
        assert.strictEqual((yield* Effect.flip(queue.item(ids[0]!))).reason._tag, "NotFound")
        assert.strictEqual(yield* queue.deleteByDestination(destination), 3)
        assert.strictEqual((yield* queue.batchStatus(batchId)).total, 0)
      }))

    it.effect("lists its items by their ids, and as summaries", () =>
      Effect.gen(function*() {
        const queue = yield* SessionQueue
        const batchId = randomUUID()
        const enqueued = yield* queue.enqueueBatch({ batch_id: batchId, graph: division(2), runs: 4 })
        const ids = [...enqueued.item_ids]
        yield* ended(batchId)
        const itemIds = queue.itemIds({ order: "ASC" })
        const itemsByIds = queue.itemsByIds([...ids, 1_000_000])
        const items = Stream.runCollect(queue.items({ chunkSize: 3 }))
        yield* Support.needs(
          "GET /api/v1/queue/{queue_id}/item_ids",
          Effect.gen(function*() {
            assert.includeMembers([...(yield* itemIds).item_ids], ids)
            assert.sameMembers((yield* itemsByIds).map((item) => item.item_id), ids)
            assert.includeMembers((yield* items).map((item) => item.item_id), ids)
          }),
          itemIds,
          itemsByIds,
          items
        )
        const summariesByIds = queue.itemSummariesByIds([...ids, 1_000_000])
        const summaries = Stream.runCollect(queue.summaries({ order: "ASC", chunkSize: 3 }))
        yield* Support.needs(
          "POST /api/v1/queue/{queue_id}/item_summaries_by_ids",
          Effect.gen(function*() {
            assert.sameMembers((yield* summariesByIds).map((item) => item.item_id), ids)
            assert.includeMembers((yield* summaries).map((item) => item.item_id), ids)
          }),
          summariesByIds,
          summaries
        )
        yield* Effect.forEach(ids, queue.deleteItem)
      }))

    it.effect("keeps failed items, and runs them again", () =>
      Effect.gen(function*() {
        const queue = yield* SessionQueue
        const batchId = randomUUID()
        const { item_ids: [id] } = yield* queue.enqueueBatch({ batch_id: batchId, graph: division(0) })
        assert.strictEqual((yield* ended(batchId)).failed, 1)
        const item = yield* queue.item(id!)
        assert.strictEqual(item.error_type, "ZeroDivisionError")
        assert.strictEqual(item.error_message, "division by zero")
        assert.deepStrictEqual((yield* queue.retryItems([id!])).retried_item_ids, [id!])
        const status = yield* ended(batchId)
        assert.deepStrictEqual([status.failed, status.total], [2, 2])
        assert.isAtLeast(yield* queue.prune, 2)
        assert.strictEqual((yield* Effect.flip(queue.item(id!))).reason._tag, "NotFound")
      }))

    it.effect("cancels in every way", () =>
      Effect.gen(function*() {
        const queue = yield* SessionQueue
        const batchId = randomUUID()
        const destination = `cancel ${batchId}`
        const first = yield* queue.enqueueBatch({ batch_id: batchId, destination, graph: long })
        const running = yield* queue.current.pipe(
          Effect.repeat({ until: Option.isSome, schedule: Schedule.spaced("50 millis") }),
          Effect.timeout("20 seconds"),
          Effect.map(Option.getOrThrow)
        )
        assert.strictEqual(running.item_id, first.item_ids[0])
        const enqueue = (name: string, destination?: string) =>
          queue.enqueueBatch({
            batch_id: `${name} ${batchId}`,
            destination: destination ?? null,
            graph: division(1),
            runs: 3
          })
        const second = yield* enqueue("second")
        const third = yield* enqueue("third")
        yield* enqueue("fourth", destination)
        const fifth = yield* enqueue("fifth")
        const waiting = yield* queue.next
        assert.deepStrictEqual(Option.map(waiting, (item) => item.item_id), Option.some(Math.min(...second.item_ids)))

        assert.strictEqual((yield* queue.cancelItem(second.item_ids[0]!)).status, "canceled")
        assert.strictEqual(yield* queue.cancelByBatchIds([`third ${batchId}`]), 3)
        assert.strictEqual((yield* queue.batchStatus(`third ${batchId}`)).canceled, third.item_ids.length)
        assert.strictEqual(yield* queue.cancelAllExceptCurrent, 2 + 3 + 3)
        assert.strictEqual((yield* queue.batchStatus(`fifth ${batchId}`)).canceled, fifth.item_ids.length)
        yield* enqueue("sixth")
        assert.strictEqual(yield* queue.deleteAllExceptCurrent, 3)
        assert.strictEqual((yield* queue.item(running.item_id)).status, "in_progress")
        assert.strictEqual(
          yield* queue.cancelByDestination(destination),
          hasFault("leavesRunningItemOutOfCount") ? 0 : 1
        )
        assert.strictEqual((yield* queue.item(running.item_id)).status, "canceled")
        assert.strictEqual((yield* queue.cancelItem(running.item_id)).status, "canceled")
        yield* enqueue("seventh")
        assert.isAtLeast(yield* queue.clear, 1)
        assert.strictEqual((yield* queue.batchStatus(batchId)).total, 0)
      }))

    it.effect("is paused and resumed only by the administrator", () =>
      Effect.gen(function*() {
        const queue = yield* SessionQueue
        if (!options.admin) {
          assert.strictEqual((yield* Effect.flip(queue.pause)).reason._tag, "Forbidden")
          assert.strictEqual((yield* Effect.flip(queue.resume)).reason._tag, "Forbidden")
          return
        }
        const batchId = randomUUID()
        assert.isFalse((yield* queue.pause).is_started)
        yield* queue.enqueueBatch({ batch_id: batchId, graph: division(3) })
        assert.strictEqual((yield* queue.batchStatus(batchId)).pending, 1)
        assert.isTrue((yield* queue.resume).is_started)
        assert.strictEqual((yield* ended(batchId)).completed, 1)
      }))
  })
