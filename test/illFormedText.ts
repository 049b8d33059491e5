/** Batches with half of a surrogate pair, and what the server makes of each. */
import * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"

const half = "\ud83d"

const graph = (value: string) => ({
  id: "graph",
  nodes: { text: { id: "text", type: "string", value, use_cache: false } },
  edges: []
})

const workflow = {
  name: "",
  author: "",
  description: "",
  version: "",
  contact: "",
  tags: "",
  notes: half,
  exposedFields: [],
  meta: { version: "3.0.0", category: "user" },
  nodes: [],
  edges: []
}

/** Batches that the server stores and cannot read back: where the text is, and what the server fails to read. */
export const unreadable = [
  { where: "the graph", model: "GraphExecutionState", batch: { graph: graph(half) } },
  {
    where: "a value of the batch",
    model: "list[NodeFieldValue]",
    batch: { graph: graph(""), data: [[{ node_path: "text", field_name: "value", items: [half] }]] }
  },
  { where: "the workflow", model: "WorkflowWithoutID", batch: { graph: graph(""), workflow } }
] as const

/** Batches that the server does not store. */
export const rejected = [
  { where: "the batch id", batch: { graph: graph(""), batch_id: `ab${half}` } },
  { where: "the origin", batch: { graph: graph(""), origin: `ab${half}` } },
  { where: "the destination", batch: { graph: graph(""), destination: `ab${half}` } }
] as const

type Send<R> = (method: string, path: string, body?: unknown) => Effect.Effect<
  {
    readonly status: number
    readonly text: string
  },
  unknown,
  R
>

const queue = "/api/v1/queue/default"

const Enqueued = Schema.fromJsonString(Schema.Struct({ item_ids: Schema.Array(Schema.Int) }))

/** Enqueues a batch that runs, and returns the id of its item: ids count up. */
const enqueueReadable = Effect.fnUntraced(function*<R>(send: Send<R>, batch: object) {
  const { text } = yield* send("POST", `${queue}/enqueue_batch`, { batch: { runs: 1, graph: graph(""), ...batch } })
  const { item_ids: [id = -1] } = yield* Schema.decodeUnknownEffect(Enqueued)(text)
  return id
})

/** Enqueues an unreadable batch and one after it, and returns what the server says until the first one is canceled. */
export const observe = Effect.fnUntraced(function*<R>(
  send: Send<R>,
  batch: object,
  /** Lets the server run what it can run. */
  wait: Effect.Effect<void>
) {
  const batchId = crypto.randomUUID()
  const before = yield* enqueueReadable(send, {})
  const enqueued = yield* send("POST", `${queue}/enqueue_batch`, { batch: { runs: 1, batch_id: batchId, ...batch } })
  const after = `${batchId}-after`
  const next = yield* enqueueReadable(send, { batch_id: after })
  const own = Array.from({ length: next - before - 1 }, (_, index) => before + 1 + index)
  const pending = Effect.map(send("GET", `${queue}/b/${after}/status`), (status) => JSON.parse(status.text).pending)
  yield* wait
  const isBlocked = (yield* pending) === 1
  const item = yield* send("GET", `${queue}/i/${own[0]}`)
  const summaries = yield* send("POST", `${queue}/item_summaries_by_ids`, { item_ids: own })
  yield* send("PUT", `${queue}/cancel_by_batch_ids`, { batch_ids: [batchId] })
  yield* wait
  const isFree = (yield* pending) === 0
  // As long as the item exists, the list of all items cannot be read.
  yield* send("PUT", `${queue}/prune`)
  const [reason] = /validation error for .*?\\n\s*Invalid JSON: [a-z ]+/.exec(item.text) ?? []
  return {
    enqueued: `${enqueued.status} ${enqueued.text}`,
    items: own.length,
    isBlocked,
    item: `${item.status} ${reason}`,
    summaries: summaries.status,
    isFree
  }
})

/** What `observe` returns on a server that has summaries of items or, before 6.14, has none. */
export const expected = (model: string, hasSummaries: boolean) => ({
  enqueued: "500 Internal Server Error",
  items: 1,
  isBlocked: true,
  item: `500 validation error for ${model}\\n  Invalid JSON: unexpected end of hex escape at line `,
  summaries: hasSummaries ? model === "list[NodeFieldValue]" ? 500 : 200 : 405,
  isFree: true
})

/** Enqueues a batch that is not stored, and returns the response and how many items it made. */
export const reject = Effect.fnUntraced(function*<R>(send: Send<R>, batch: object) {
  const before = yield* enqueueReadable(send, {})
  const { status, text } = yield* send("POST", `${queue}/enqueue_batch`, { batch: { runs: 1, ...batch } })
  return { response: `${status} ${JSON.parse(text).detail}`, items: (yield* enqueueReadable(send, {})) - before - 1 }
})

/** What `reject` returns. */
export const rejection = {
  response:
    "500 Unexpected error while enqueuing batch: 'utf-8' codec can't encode character '\\ud83d' in position 2: " +
    "surrogates not allowed",
  items: 0
}
