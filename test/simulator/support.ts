/** What the simulator tests share: raw requests, and a queue that is run to its end. */
import { Simulator } from "@effect-invokeai/testing/Simulator"
import * as Effect from "effect/Effect"

const textEncoder = new TextEncoder()
const textDecoder = new TextDecoder()

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string>>
  readonly bytes: Uint8Array
  readonly body: unknown
}

/** Sends a request as it would come over the network. */
export const send = Effect.fnUntraced(function*(
  method: string,
  target: string,
  body?: unknown,
  headers: Readonly<Record<string, string>> = {}
) {
  const simulator = yield* Simulator
  const url = new URL(target, "http://simulator.test")
  const response = yield* simulator.handle({
    method,
    path: decodeURIComponent(url.pathname),
    query: url.searchParams,
    headers: { ...(body === undefined ? {} : { "content-type": "application/json" }), ...headers },
    body: body === undefined ? undefined : body instanceof FormData ? body : textEncoder.encode(JSON.stringify(body))
  })
  const hasBody = method !== "HEAD" && response.body.length > 0
  const isJson = hasBody && (response.headers["content-type"] ?? "").startsWith("application/json")
  const text = hasBody ? textDecoder.decode(response.body) : ""
  const answer: Answer = {
    status: response.status,
    headers: response.headers,
    bytes: response.body,
    body: isJson ? JSON.parse(text) : text
  }
  return answer
})

/** A part of a value, by keys; `undefined` where it is missing. */
export const at = (value: unknown, ...path: ReadonlyArray<string | number>): unknown =>
  path.reduce<unknown>(
    (inner, key) => typeof inner === "object" && inner !== null ? Reflect.get(inner, key) : undefined,
    value
  )

export interface TestNode {
  readonly type: string
  readonly [field: string]: unknown
}

/** A graph from nodes by id and edges such as `a.value -> b.a`. */
export const graph = (nodes: Readonly<Record<string, TestNode>>, ...edges: ReadonlyArray<string>) => ({
  id: "graph",
  nodes: Object.fromEntries(Object.entries(nodes).map(([id, node]) => [id, { id, use_cache: false, ...node }])),
  edges: edges.map((edge) => {
    const [from = "", to = ""] = edge.split(" -> ")
    const end = (text: string) => ({
      node_id: text.slice(0, text.indexOf(".")),
      field: text.slice(text.indexOf(".") + 1)
    })
    return { source: end(from), destination: end(to) }
  })
})

/** Enqueues a batch. */
export const enqueue = (batch: Readonly<Record<string, unknown>>, extra: Readonly<Record<string, unknown>> = {}) =>
  send("POST", "/api/v1/queue/default/enqueue_batch", { batch: { runs: 1, ...batch }, ...extra })

/** Lets the simulator work until no item is left to run. */
export const settle = Effect.gen(function*() {
  const simulator = yield* Simulator
  for (let turn = 0; turn < 100_000; turn++) {
    const { items } = yield* simulator.state
    if (items.every((item) => item.status !== "pending" && item.status !== "in_progress")) return turn
    yield* Effect.yieldNow
  }
  return yield* Effect.die(new Error("The queue does not end"))
})

/** Runs a graph and gives the finished item. */
export const run = Effect.fnUntraced(function*(value: ReturnType<typeof graph>) {
  const { body } = yield* enqueue({ graph: value })
  yield* settle
  const [id] = Array.isArray(at(body, "item_ids")) ? (at(body, "item_ids") as ReadonlyArray<number>) : []
  const item = yield* send("GET", `/api/v1/queue/default/i/${id}`)
  return item.body
})

/** The outputs of a node of the graph, in the order of its iterations. */
export const outputsOf = (item: unknown, nodeId: string): ReadonlyArray<unknown> => {
  const mapping = Object.entries(at(item, "session", "prepared_source_mapping") ?? {})
  const paths = at(item, "session", "prepared_iteration_paths")
  return mapping.filter(([, source]) => source === nodeId)
    .map(([id]) => ({ path: JSON.stringify(at(paths, id)), output: at(item, "session", "results", id) }))
    .filter(({ output }) => output !== undefined)
    .toSorted((left, right) => left.path.localeCompare(right.path, "en", { numeric: true }))
    .map(({ output }) => output)
}

/** One field of the outputs of a node. */
export const valuesOf = (item: unknown, nodeId: string, field = "value"): ReadonlyArray<unknown> =>
  outputsOf(item, nodeId).map((output) => at(output, field))
