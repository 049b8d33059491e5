/** Histories of jobs for the reducer: the observations in the order in which a server makes them, and its state at each moment. */
import * as DateTime from "effect/DateTime"
import type { ItemFacts, ItemSnapshot, Observation } from "../../packages/core/src/job/internal/Observation.ts"
import type { Random } from "../random.ts"

export type Ending = "completed" | "failed" | "canceledPending" | "canceledRunning"

interface Item {
  readonly itemId: number
  readonly parentItemId: number | null
  status: string
  sequence: number
  clock: number
  started: boolean
  ended: boolean
  results: Record<string, unknown>
  errors: Record<string, string>
  sources: Record<string, string>
}

export interface History {
  readonly events: ReadonlyArray<Observation>
  /** What the server would answer after the first `n` events. */
  readonly readAt: (n: number, itemId: number) => Observation
  readonly statusAt: (n: number, itemId: number) => Observation
  readonly memberIds: ReadonlyArray<number>
  readonly allIds: ReadonlyArray<number>
  readonly enqueued: Observation
}

export const batchId = "batch"

const time = (clock: number) => DateTime.makeUnsafe(1_700_000_000_000 + clock * 1000)

const result = {
  image: (preparedId: string) => ({
    type: "image_output",
    image: { image_name: `${preparedId}.png` },
    width: 64,
    height: 48
  }),
  sum: (preparedId: string) => ({ type: "string_output", value: preparedId })
}

const nodes = {
  sum: { id: "sum", type: "string_join", is_intermediate: true },
  range: { id: "range", type: "range", is_intermediate: true },
  each: { id: "each", type: "iterate", is_intermediate: true },
  image: { id: "image", type: "blank_image", is_intermediate: false, board: { board_id: "b1" } }
}

/** The graph of a history without iterations. */
export const plainGraph = { id: "plain", nodes: { range: nodes.range, image: nodes.image, sum: nodes.sum }, edges: [] }

interface HistoryOptions {
  /** False for servers before 6.13. */
  readonly sequences: boolean
  /** Whether each node of the graph, `plainGraph`, runs once. */
  readonly plain?: boolean
}

/** Makes a job with random endings. */
export const makeHistory = (random: Random, options: HistoryOptions): History => {
  const count = 1 + random.below(4)
  const first = 10 + random.below(5)
  const events: Array<Observation> = []
  const history: Array<Map<number, Item>> = []
  const items = new Map<number, Item>()
  let clock = 0
  const snapshot = () => {
    const copy = new Map<number, Item>()
    for (const [id, item] of items) {
      copy.set(id, {
        ...item,
        results: { ...item.results },
        errors: { ...item.errors },
        sources: { ...item.sources }
      })
    }
    history.push(copy)
  }
  const send = (observation: Observation) => {
    events.push(observation)
    snapshot()
  }
  const add = (itemId: number, parentItemId: number | null): Item => {
    const item: Item = {
      itemId,
      parentItemId,
      status: "pending",
      sequence: 0,
      clock: 0,
      started: false,
      ended: false,
      results: {},
      errors: {},
      sources: {}
    }
    items.set(itemId, item)
    return item
  }
  const facts = (item: Item): ItemFacts => ({
    itemId: item.itemId,
    status: item.status,
    sequence: options.sequences ? item.sequence : null,
    sessionId: `session-${item.itemId}`,
    createdAt: time(0),
    updatedAt: time(item.clock),
    startedAt: item.started ? time(1) : null,
    completedAt: item.ended ? time(item.clock) : null,
    errorType: item.status === "failed" ? "ZeroDivisionError" : null,
    errorMessage: item.status === "failed" ? "division by zero" : null,
    errorTraceback: item.status === "failed" ? "trace" : null
  })
  const change = (item: Item, status: string, silent = false) => {
    item.status = status
    item.sequence++
    item.clock = ++clock
    if (status === "in_progress") item.started = true
    if (["completed", "failed", "canceled"].includes(status)) item.ended = true
    if (!silent) send({ _tag: "Status", facts: facts(item) })
  }
  const node = (
    item: Item,
    preparedId: string,
    nodeId: keyof typeof nodes,
    change: (Observation & { readonly _tag: "Node" })["change"]
  ) =>
    send({
      _tag: "Node",
      itemId: item.itemId,
      sessionId: `session-${item.itemId}`,
      nodeId,
      preparedId,
      invocation: { ...nodes[nodeId], id: preparedId },
      change
    })
  const complete = (item: Item, preparedId: string, nodeId: keyof typeof nodes, result: Record<string, unknown>) => {
    item.results[preparedId] = result
    node(item, preparedId, nodeId, { _tag: "Complete", result })
  }

  const memberIds = Array.from({ length: count }, (_, index) => first + index)
  for (const id of memberIds) add(id, null)
  snapshot()
  let nextId = first + count
  for (const id of memberIds) {
    const item = items.get(id)!
    const endings: ReadonlyArray<Ending> = ["completed", "completed", "failed", "canceledPending", "canceledRunning"]
    const ending = endings[random.below(endings.length)]!
    if (ending === "canceledPending") {
      // Bulk cancellation tells nothing about single items.
      change(item, "canceled", random.chance(0.5))
      history.pop()
      snapshot()
      continue
    }
    change(item, "in_progress")
    const total = 1 + random.below(3)
    const range = `${id}-range`
    item.sources[range] = "range"
    node(item, range, "range", { _tag: "Started" })
    complete(item, range, "range", {
      type: "integer_collection_output",
      collection: Array.from({ length: total }, (_, index) => index)
    })
    if (options.sequences && random.chance(0.2)) {
      // A called workflow: the item waits, a child runs, and the item goes through pending again.
      const child = add(nextId++, id)
      change(item, "waiting")
      send({ _tag: "Status", facts: facts(child) })
      change(child, "in_progress")
      change(child, random.chance(0.5) ? "completed" : "failed")
      change(item, "pending")
      change(item, "in_progress")
    }
    for (let index = 0; index < (options.plain === true ? 0 : total); index++) {
      const each = `${id}-each-${index}`
      item.sources[each] = "each"
      node(item, each, "each", { _tag: "Started" })
      complete(item, each, "each", { type: "iterate_output", item: index, index, total })
    }
    // The order in which the nodes of an iteration run is not the order of the iteration.
    const order = random.shuffle(
      options.plain === true
        ? (["image", "sum"] as const).map((nodeId) => ({ preparedId: `${id}-${nodeId}`, nodeId }))
        : Array.from(
          { length: total },
          (_, index) => ({ preparedId: `${id}-image-${index}`, nodeId: "image" as const })
        )
    )
    const stopAt = ending === "completed" ? order.length : random.below(order.length)
    for (const [position, { nodeId, preparedId }] of order.entries()) {
      item.sources[preparedId] = nodeId
      if (position > stopAt) break
      node(item, preparedId, nodeId, { _tag: "Started" })
      node(item, preparedId, nodeId, { _tag: "Progress", message: "Saving image", fraction: null, preview: null })
      if (position === stopAt && ending === "failed") {
        item.errors[preparedId] = "ZeroDivisionError: division by zero"
        change(item, "failed")
        node(item, preparedId, nodeId, {
          _tag: "Error",
          errorType: "ZeroDivisionError",
          message: "division by zero",
          traceback: "trace"
        })
        break
      }
      if (position === stopAt && ending === "canceledRunning") change(item, "canceled")
      complete(item, preparedId, nodeId, result[nodeId](preparedId))
      if (position === stopAt) break
    }
    if (ending === "completed") change(item, "completed")
  }
  const at = (n: number, itemId: number): Item => {
    const moment = history[Math.min(n, history.length - 1)]!
    return moment.get(itemId) ?? history.at(-1)!.get(itemId)!
  }
  const edges = (item: Item) =>
    Object.keys(item.sources).filter((id) => item.sources[id] === "image").map((image) => ({
      source: { node_id: image.replace("image", "each"), field: "item" },
      destination: { node_id: image, field: "width" }
    }))
  const toSnapshot = (item: Item): ItemSnapshot => ({
    ...facts(item),
    batchId,
    parentItemId: item.parentItemId,
    retriedFromItemId: null,
    fieldValues: [],
    // A server shows the results of an item only when it has ended.
    session: !item.ended ? { id: `session-${item.itemId}`, results: {} } : {
      id: `session-${item.itemId}`,
      graph: options.plain === true ? plainGraph : { nodes, edges: [] },
      execution_graph: {
        nodes: Object.fromEntries(
          Object.entries(item.sources).map(([id, source]) => [id, { ...nodes[source as keyof typeof nodes], id }])
        ),
        edges: edges(item)
      },
      results: item.results,
      errors: item.errors,
      prepared_source_mapping: item.sources
    }
  })
  return {
    events,
    memberIds,
    allIds: [...items.keys()],
    readAt: (n, itemId) => ({ _tag: "ItemRead", item: toSnapshot(at(n, itemId)) }),
    statusAt: (n, itemId) => ({
      _tag: "Status",
      facts: facts(at(n, itemId)),
      parentItemId: at(n, itemId).parentItemId
    }),
    enqueued: { _tag: "Enqueued", itemIds: [...memberIds].toReversed(), enqueued: count }
  }
}

/** Each item as it is read at its end. */
export const finalReads = (history: History) => history.allIds.map((id) => history.readAt(history.events.length, id))

/** Loses, doubles, delays and reorders events, and mixes in answers that were given earlier and arrive late. */
export const disturb = (history: History, random: Random): Array<Observation> => {
  const loss = random.next()
  const seen: Array<{ readonly at: number; readonly observation: Observation }> = []
  for (const [index, observation] of history.events.entries()) {
    if (random.chance(loss * 0.8)) continue
    const copies = random.chance(0.3) ? 2 : 1
    for (let i = 0; i < copies; i++) {
      seen.push({ at: index + (random.chance(0.4) ? random.next() * 30 : 0), observation })
    }
    if (random.chance(0.2)) {
      const id = history.allIds[random.below(history.allIds.length)]!
      const asked = random.chance(0.5) ? history.readAt(index, id) : history.statusAt(index, id)
      seen.push({ at: index + random.next() * 30, observation: asked })
    }
  }
  seen.push({ at: random.next() * history.events.length, observation: history.enqueued })
  return seen.toSorted((a, b) => a.at - b.at).map((one) => one.observation)
}
