/**
 * Finds the items of a batch by its id.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { InvokeAiError } from "../../InvokeAiError.ts"
import type { SessionQueueItem } from "../../server/api/QueueSchemas.ts"
import { SessionQueue } from "../../server/SessionQueue.ts"
import type { ListedItem } from "./Observation.ts"

/**
 * Finds all items of a batch.
 *
 * **Details**
 *
 * By `item_ids` and `item_summaries_by_ids`, from the newest item on, where the server has them. Elsewhere by
 * `list_all`, which gives whole items and is slow; limited to the batch's own destination where that is known and has
 * them all. Both fail if the queue has an item that the server cannot read: then the items are read
 * by `items_by_ids`, which leaves out those.
 *
 * @category operations
 * @since 0.1.0
 */
export const findBatchItems = Effect.fn("BatchItems.findBatchItems")(function*(
  batchId: string,
  total: number,
  destination: string | undefined
): Effect.fn.Return<ReadonlyArray<ListedItem>, InvokeAiError, SessionQueue> {
  yield* Effect.annotateCurrentSpan({ batchId })
  const queue = yield* SessionQueue
  const search = Effect.fnUntraced(
    function*(read: (ids: ReadonlyArray<number>) => Effect.Effect<ReadonlyArray<ListedItem>, InvokeAiError>) {
      const { item_ids: ids } = yield* queue.itemIds({ order: "DESC" })
      const found: Array<ListedItem> = []
      for (let at = 0; at < ids.length && found.length < total; at += 1000) {
        found.push(...yield* read(ids.slice(at, at + 1000)))
      }
      return found
    }
  )
  const bySummaries = search((ids) =>
    Effect.map(
      queue.itemSummariesByIds(ids),
      (summaries) =>
        summaries.filter((summary) => summary.batch_id === batchId).map((summary): ListedItem => ({
          itemId: summary.item_id,
          parentItemId: summary.parent_item_id ?? null,
          retriedFromItemId: undefined
        }))
    )
  )
  const fromItems = (items: ReadonlyArray<SessionQueueItem>) =>
    items.filter((item) => item.batch_id === batchId).map((item): ListedItem => ({
      itemId: item.item_id,
      parentItemId: item.parent_item_id ?? null,
      retriedFromItemId: item.retried_from_item_id ?? null
    }))
  const byItems = search((ids) => Effect.map(queue.itemsByIds(ids), fromItems))
  const listed = (filter: { readonly destination?: string }) => Effect.map(queue.listAll(filter), fromItems)
  const byListing = Effect.gen(function*() {
    const near = destination === undefined ? [] : yield* listed({ destination })
    // A client that reuses the id of a batch can use another destination.
    return near.length < total ? yield* listed({}) : near
  })
  const found = yield* bySummaries.pipe(
    Effect.catchIf(({ reason }) => reason._tag === "Unsupported" || reason._tag === "Decode", () => byListing),
    Effect.catchIf(
      (error) => error.status === 500,
      (error) => Effect.catchIf(byItems, ({ reason }) => reason._tag === "Unsupported", () => Effect.fail(error))
    )
  )
  return found.toSorted((a, b) => a.itemId - b.itemId)
})
