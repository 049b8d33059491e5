/**
 * Finds the items of a batch by its id.
 *
 * @since 0.1.0
 */
import * as Effect from "effect/Effect"
import type { InvokeAiError } from "../../server/InvokeAiError.ts"
import { Queue } from "../../server/Queue.ts"
import type { Observation } from "../Observation.ts"

type Member = (Observation & { readonly _tag: "Members" })["items"][number]

/**
 * Finds all items of a batch.
 *
 * **Details**
 *
 * By `item_ids` and `item_summaries_by_ids`, from the newest item on, where the server has them. Elsewhere by
 * `list_all`, which gives whole items and is slow; limited to the batch's own destination where that is known and has
 * them all.
 *
 * @category operations
 * @since 0.1.0
 */
export const findMembers = Effect.fn("Members.findMembers")(function*(
  batchId: string,
  total: number,
  destination: string | undefined
): Effect.fn.Return<ReadonlyArray<Member>, InvokeAiError, Queue> {
  yield* Effect.annotateCurrentSpan({ batchId })
  const queue = yield* Queue
  const bySummaries = Effect.gen(function*() {
    const { item_ids: ids } = yield* queue.itemIds({ order: "DESC" })
    const found: Array<Member> = []
    for (let at = 0; at < ids.length && found.length < total; at += 1000) {
      const summaries = yield* queue.itemSummariesByIds(ids.slice(at, at + 1000))
      for (const summary of summaries) {
        if (summary.batch_id !== batchId) continue
        found.push({
          itemId: summary.item_id,
          parentItemId: summary.parent_item_id ?? null,
          retriedFromItemId: undefined
        })
      }
    }
    return found
  })
  const listed = (filter: { readonly destination?: string }) =>
    Effect.map(
      queue.listAll(filter),
      (items) =>
        items.filter((item) => item.batch_id === batchId).map((item): Member => ({
          itemId: item.item_id,
          parentItemId: item.parent_item_id ?? null,
          retriedFromItemId: item.retried_from_item_id ?? null
        }))
    )
  const byListing = Effect.gen(function*() {
    const near = destination === undefined ? [] : yield* listed({ destination })
    // Whoever reuses the id of a batch may send its items elsewhere.
    return near.length < total ? yield* listed({}) : near
  })
  const found = yield* bySummaries.pipe(
    Effect.catchIf((error) => error.isUnknownRoute || error.reason === "Decode", () => byListing)
  )
  return found.toSorted((a, b) => a.itemId - b.itemId)
})
