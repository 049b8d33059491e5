/** The routes of the session queue. */
import * as Effect from "effect/Effect"
import { isTerminal, type QueueItem, type Unreadable, withoutNulls } from "../queueStore.ts"
import { type EndpointContext, orReject, reply, route, type RouteContext, withinLength } from "../routeSupport.ts"
import type { Implementations } from "../simulatorApi.ts"
import { type HttpFailure, json, refusal, type SimulatorResponse } from "../SimulatorHttp.ts"
import { enqueueBatch } from "./enqueue.ts"
import { isOwn } from "./permissions.ts"

type QueueContext = EndpointContext<{ readonly queue_id: string }>

type ItemContext = EndpointContext<{ readonly queue_id: string; readonly item_id: number }>

const queueOf = (context: QueueContext): string => context.params.queue_id

const mayTouch = (context: RouteContext, item: QueueItem): boolean => isOwn(context, item.userId)

const emptyGraph = (context: RouteContext) => ({ id: context.world.random.uuid(), nodes: {}, edges: [] })

const redact = (
  context: RouteContext,
  value: Readonly<Record<string, unknown>>
): Readonly<Record<string, unknown>> => {
  const hidden: Record<string, unknown> = { ...value }
  for (const name of ["batch_id", "session_id", "user_id"]) if (name in hidden) hidden[name] = "redacted"
  for (
    const name of [
      "origin",
      "destination",
      "error_type",
      "error_message",
      "error_traceback",
      "workflow",
      "field_values",
      "user_display_name",
      "user_email"
    ]
  ) {
    if (name in hidden) hidden[name] = null
  }
  if ("session" in hidden) {
    hidden["session"] = {
      ...context.world.queue.emptySession,
      id: "redacted",
      graph: emptyGraph(context),
      execution_graph: emptyGraph(context)
    }
  }
  return hidden
}

const shown = (context: RouteContext, item: QueueItem): Readonly<Record<string, unknown>> => {
  const value = context.world.queue.toJson(item, context.world.ownerOf(item))
  return mayTouch(context, item) ? value : redact(context, value)
}

const unreadableMessage = ({ issue, model }: Unreadable): string => {
  const at = issue.loc.length === 0 ? "" : `${issue.loc.join(".")}\n`
  const input = typeof issue.input === "string" ? `'${issue.input}'` : String(issue.input)
  const type = typeof issue.input === "string" ? "str" : typeof issue.input === "number" ? "float" : "object"
  return `1 validation error for ${model}\n${at}  ${issue.msg} ` +
    `[type=${issue.type}, input_value=${input}, input_type=${type}]\n` +
    `    For further information visit https://errors.pydantic.dev/2.14/v/${issue.type}`
}

const readable = (item: QueueItem, doing: string): Effect.Effect<void, HttpFailure> =>
  item.unreadableReason === undefined
    ? Effect.void
    : Effect.fail(refusal(500, `Unexpected error while ${doing}: ${unreadableMessage(item.unreadableReason)}`))

const find = Effect.fnUntraced(function*(
  context: ItemContext,
  doing: string
): Effect.fn.Return<QueueItem, HttpFailure> {
  const { profile, queue } = context.world
  const { item_id: id } = context.params
  const item = queue.get(id)
  if (item === undefined) return yield* refusal(404, `Queue item with id ${id} not found in queue ${queueOf(context)}`)
  if (item.queueId !== queueOf(context)) {
    if (profile.minor >= 14 && doing !== "fetching queue item") {
      return yield* refusal(404, `Queue item with id ${id} not found in queue ${queueOf(context)}`)
    }
    if (profile.minor >= 8 && doing === "fetching queue item") {
      return yield* refusal(
        500,
        `Unexpected error while fetching queue item: 404: Queue item with id ${id} not found in queue ${
          queueOf(context)
        }`
      )
    }
  }
  return item
})

const infinitives = new Map([["canceling queue item", "cancel"], ["deleting queue item", "delete"]])

const change = Effect.fnUntraced(function*(
  context: ItemContext,
  doing: string
): Effect.fn.Return<QueueItem, HttpFailure> {
  const item = yield* find(context, doing)
  if (!mayTouch(context, item)) {
    return yield* refusal(403, `You do not have permission to ${infinitives.get(doing) ?? doing} this queue item`)
  }
  return item
})

const isUnretryable = (item: QueueItem): boolean => item.status !== "failed" && item.status !== "canceled"

/** Cancels the items for which a predicate holds: the running one with its own event, pending ones with a common event. */
const cancelMany = (context: QueueContext, test: (item: QueueItem) => boolean): number => {
  const { now, world } = context
  const queueId = queueOf(context)
  const items = world.queue.where((item) =>
    item.queueId === queueId && !isTerminal(item.status) && mayTouch(context, item) && test(item)
  )
  const running = items.filter((item) => item.status === "in_progress")
  const pending = items.filter((item) => item.status !== "in_progress")
  for (const item of pending) world.queue.setStatus(item, "canceled", now)
  for (const item of running) world.cancel(item, now)
  if (pending.length > 0 && world.profile.minor >= 14) {
    const users = [...new Set(pending.map((item) => item.userId))]
    world.emit("queue_items_canceled", now, {
      queue_id: queueId,
      canceled_item_ids: pending.map((item) => item.itemId),
      user_ids: users,
      canceled_item_ids_by_user: Object.fromEntries(users.map((user) => [
        user,
        pending.filter((item) => item.userId === user).map((item) => item.itemId)
      ]))
    }, { _tag: "Owner", userId: context.user.userId, queueId })
  }
  world.wake()
  return world.profile.minor >= 14 ? items.length : pending.length
}

const deleteMany = (context: QueueContext, test: (item: QueueItem) => boolean): number => {
  const { now, world } = context
  const items = world.queue.where((item) => item.queueId === queueOf(context) && mayTouch(context, item) && test(item))
  for (const item of items) {
    if (item.status === "in_progress") world.cancel(item, now)
    world.queue.remove(item.itemId)
  }
  world.wake()
  return items.length
}

const isWaiting = (item: QueueItem): boolean => item.status === "pending" || item.status === "waiting"

/** Whether an item is neither running nor part of a call that is. */
const isApart = (context: RouteContext): (item: QueueItem) => boolean => {
  const { queue } = context.world
  const running = queue.withStatus("in_progress")
  const next = queue.withStatus("pending").filter((item) => item.place.parentItemId !== null).slice(0, 1)
  const kept = new Set((running.length > 0 ? running : next).flatMap((item) => queue.chainOf(item)))
  return (item) => !kept.has(item)
}

const processorStatus = (context: RouteContext) => ({
  is_started: context.world.processorStarted,
  is_processing: context.world.processing
})

const single = (
  context: RouteContext,
  item: QueueItem | undefined,
  doing: string
): Effect.Effect<SimulatorResponse, HttpFailure> =>
  item === undefined
    ? Effect.succeed(json(null))
    : Effect.as(readable(item, doing), json(shown(context, item)))

const mine = (context: RouteContext) => (item: QueueItem): boolean => mayTouch(context, item)

/** `queue/{queue_id}/*`. */
export const queue: Implementations<"queue"> = {
  enqueueBatch: { handler: enqueueBatch, rawBody: true },
  enqueueReceipt: route(function*({ query, world }) {
    return json(
      yield* orReject(world.receipts.get(query.idempotency_key)?.receipt, () => refusal(404, "Receipt not found"))
    )
  }),
  acknowledgeEnqueue: reply(({ payload, world }) => {
    const stored = world.receipts.get(payload.idempotency_key)
    if (stored !== undefined) stored.isAcknowledged = true
    return { success: true }
  }),
  item: route(function*(context) {
    const item = yield* find(context, "fetching queue item")
    yield* readable(item, "fetching queue item")
    const { world } = context
    return json(
      mayTouch(context, item)
        ? world.queue.toCompactJson(item, world.ownerOf(item))
        : withoutNulls(shown(context, item))
    )
  }),
  cancelItem: route(function*(context) {
    const item = yield* change(context, "canceling queue item")
    if (context.world.profile.minor >= 13) yield* readable(item, "canceling queue item")
    context.world.cancel(item, context.now)
    context.world.wake()
    return json(shown(context, item))
  }),
  deleteItem: route(function*(context) {
    const { now, world } = context
    const { item_id: id } = context.params
    if (world.profile.minor < 13 && world.queue.get(id) === undefined) return json(null)
    const item = yield* change(context, "deleting queue item")
    if (world.profile.minor >= 13) yield* readable(item, "deleting queue item")
    const chain = world.queue.chainOf(item)
    world.cancel(item, now)
    for (const one of chain) world.queue.remove(one.itemId)
    world.wake()
    return json(null)
  }),
  itemIds: route(function*(context) {
    const sign = context.query.order_dir === "ASC" ? 1 : -1
    const ids = [...context.world.queue.where((item) => item.queueId === queueOf(context))]
      .toSorted((left, right) => (left.createdAt - right.createdAt) * sign || left.itemId - right.itemId)
      .map((item) => item.itemId)
    return json({ item_ids: ids, total_count: ids.length })
  }),
  itemsByIds: route(function*(context) {
    const { profile, queue } = context.world
    const { item_ids: ids } = context.payload
    if (profile.minor >= 14) yield* withinLength("item_ids", ids)
    return json(ids.flatMap((id) => {
      const item = queue.get(id)
      return item === undefined || item.queueId !== queueOf(context) || item.unreadableReason !== undefined
        ? []
        : [shown(context, item)]
    }))
  }),
  itemSummariesByIds: route(function*(context) {
    const { queue } = context.world
    const { item_ids: ids } = context.payload
    yield* withinLength("item_ids", ids)
    const items = ids.flatMap((id) => queue.get(id) ?? []).filter((item) => item.queueId === queueOf(context))
    // A summary has the values of the batch, but neither session nor workflow.
    if (items.some((item) => item.unreadableReason?.model === "list[NodeFieldValue]")) {
      return yield* refusal(500, "Failed to get queue item summaries")
    }
    return json(items.map((item) => {
      const summary = queue.toSummary(item, context.world.ownerOf(item))
      return mayTouch(context, item) ? summary : redact(context, summary)
    }))
  }),
  listAll: route(function*(context) {
    const { destination } = context.query
    const items = context.world.queue.where((item) =>
      item.queueId === queueOf(context) && (destination === undefined || item.destination === destination)
    )
    for (const item of items) yield* readable(item, "listing all queue items")
    return json(items.map((item) => shown(context, item)))
  }),
  current: route(function*(context) {
    const item = context.world.queue.current(queueOf(context))
    return yield* single(context, item, "getting current queue item")
  }),
  next: route(function*(context) {
    return yield* single(context, context.world.queue.next(queueOf(context)), "getting next queue item")
  }),
  status: reply((context) => {
    const current = context.world.queue.current(queueOf(context))
    return {
      queue: context.world.queue.queueStatus(
        queueOf(context),
        context.world.settings.multiUser ? context.user.userId : undefined,
        current === undefined || mayTouch(context, current)
      ),
      processor: processorStatus(context)
    }
  }),
  batchStatus: reply((context) =>
    context.world.queue.batchStatus(queueOf(context), context.params.batch_id, mine(context))
  ),
  countsByDestination: route(function*(context) {
    const { destination } = context.query
    const items = context.world.queue.where((item) =>
      item.queueId === queueOf(context) && item.destination === destination && mayTouch(context, item)
    )
    return json({ queue_id: queueOf(context), destination, ...context.world.queue.counts(items) })
  }),
  cancelByBatchIds: route(function*(context) {
    const { batch_ids: ids } = context.payload
    return json({ canceled: cancelMany(context, (item) => ids.includes(item.batchId)) })
  }),
  cancelByDestination: route(function*(context) {
    const { destination } = context.query
    return json({ canceled: cancelMany(context, (item) => item.destination === destination) })
  }),
  cancelAllExceptCurrent: reply((context) => ({
    canceled: cancelMany(context, isApart(context))
  })),
  deleteAllExceptCurrent: reply((context) => ({
    deleted: deleteMany(context, (item) => isWaiting(item) && isApart(context)(item))
  })),
  deleteByDestination: reply((context) => ({
    deleted: deleteMany(context, (item) => item.destination === context.params.destination)
  })),
  retryItemsById: route(function*(context) {
    const { now, world } = context
    const items: Array<QueueItem> = []
    for (const id of context.payload) {
      const asked = world.queue.get(id)
      const item = asked?.place.rootItemId === null ? asked : world.queue.get(asked?.place.rootItemId ?? id)
      if (asked === undefined || item === undefined) {
        if (world.profile.minor < 14) {
          return yield* refusal(500, `Unexpected error while retrying queue items: No queue item with id ${id}`)
        }
        continue
      }
      if (!mayTouch(context, item)) return yield* refusal(403, `You do not have permission to retry queue item ${id}`)
      if (isUnretryable(asked) || isUnretryable(item) || items.includes(item)) continue
      items.push(item)
      world.queue.add({
        ...item,
        sessionId: world.random.uuid(),
        executionGraphId: world.random.uuid(),
        fieldValues: null,
        retriedFrom: item.retriedFrom ?? item.itemId
      }, now)
    }
    const retried = items.map((item) => item.itemId)
    const users = [...new Set(items.map((item) => item.userId))]
    // older servers have this event too, but it never reaches a socket
    if (world.profile.minor >= 14) {
      world.emit("queue_items_retried", now, {
        queue_id: queueOf(context),
        retried_item_ids: retried,
        user_ids: users,
        retried_item_ids_by_user: Object.fromEntries(users.map((user) => [
          user,
          items.filter((item) => item.userId === user).map((item) => item.itemId)
        ]))
      }, { _tag: "Owner", userId: context.user.userId, queueId: queueOf(context) })
    }
    world.wake()
    return json({ queue_id: queueOf(context), retried_item_ids: retried })
  }),
  prune: reply((context) => ({
    deleted: deleteMany(context, (item) => isTerminal(item.status))
  })),
  clear: reply((context) => {
    const { now, user, world } = context
    const deleted = deleteMany(context, () => true)
    world.emit("queue_cleared", now, {
      queue_id: queueOf(context),
      ...(world.profile.minor >= 14 ? { user_id: world.settings.multiUser ? user.userId : null } : {})
    }, { _tag: "Owner", userId: user.userId, queueId: queueOf(context) })
    return { deleted }
  }),
  pause: reply((context) => {
    context.world.processorStarted = false
    return processorStatus(context)
  }, { adminOnly: true }),
  resume: reply((context) => {
    context.world.processorStarted = true
    context.world.wake()
    return processorStatus(context)
  }, { adminOnly: true })
}
