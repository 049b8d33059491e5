/** A small server behind the client's services, on the test clock, that does wrong what it is told to do wrong. */
import type * as Job from "@effect-invokeai/core/job/Job"
import { JobTracker, type JobTrackerOptions } from "@effect-invokeai/core/job/JobTracker"
import { Images } from "@effect-invokeai/core/server/Images"
import { InvokeAiError } from "@effect-invokeai/core/server/InvokeAiError"
import { decode } from "@effect-invokeai/core/server/ServerEvent"
import { EventsUnavailable, ServerEvents, type ServerMessage } from "@effect-invokeai/core/server/ServerEvents"
import { capabilitiesFrom, ServerInfo } from "@effect-invokeai/core/server/ServerInfo"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import * as Clock from "effect/Clock"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as DateTime from "effect/DateTime"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as PubSub from "effect/PubSub"
import * as Stream from "effect/Stream"
import type { ImageDTO } from "../../packages/core/src/server/api/ImagesApi.ts"
import type {
  Batch,
  BatchStatus,
  EnqueueBatchReceipt,
  SessionQueueItem
} from "../../packages/core/src/server/api/QueueSchemas.ts"
import { drive } from "../time.ts"

export type Fault =
  | "requestLost"
  | "responseLost"
  | "delayed"
  | "error500"
  | "error502"
  | "error502Done"
  | "reset"
  | "garbage"
  | "restart"
  | "late"
  | "answeredLate"

export const faults: ReadonlyArray<Fault> = [
  "requestLost",
  "responseLost",
  "delayed",
  "error500",
  "error502",
  "error502Done",
  "reset",
  "garbage",
  "restart"
]

export type Operation =
  | "enqueueBatch"
  | "enqueueReceipt"
  | "batchStatus"
  | "item"
  | "itemSummariesByIds"
  | "cancelByBatchIds"

export interface FakeOptions {
  /** Whether events are delivered. */
  readonly socket?: boolean
  /** Whether `item_ids` and `item_summaries_by_ids` are there (6.14), or neither (6.3). */
  readonly modern?: boolean
  /** Which call of an operation (from 1) goes wrong, and how. */
  readonly faults?: ReadonlyArray<{ readonly on: Operation; readonly call: number; readonly fault: Fault }>
  /** Whether a restart forgets everything. */
  readonly memory?: boolean
  /** How long an item runs, in milliseconds. */
  readonly duration?: number
  /** What the nth item (from 0) ends with. */
  readonly ending?: (index: number) => "completed" | "failed"
  readonly full?: number
  readonly poisoned?: boolean
  readonly tracking?: JobTrackerOptions
  /** Whether requests with an `idempotency_key` are noted, as servers after 6.14 do; 0 for one that has no room. */
  readonly receipts?: boolean | 0
  /** Whether the server's document was read when the program begins. */
  readonly documentRead?: boolean
  /** Which events get lost. */
  readonly drop?: (name: string) => boolean
}

type Status = "pending" | "in_progress" | "completed" | "failed" | "canceled" | "paused_by_moon"

interface Item {
  readonly id: number
  readonly batchId: string
  readonly destination: string | null
  status: Status
  started: string | null
  completed: string | null
  created: string
  sequence: number
  results: Record<string, Record<string, unknown>>
  error: string | null
}

const failure = (
  reason: InvokeAiError["reason"]["_tag"],
  method: string,
  path: string,
  more: { readonly status?: number; readonly detail?: string; readonly fromServer?: boolean } = {}
) => new InvokeAiError({ reason: { _tag: reason }, method, path, detail: more.detail ?? "", sent: true, ...more })

/** The request timeout of the client that this stands for, in milliseconds. */
const timeout = 10_000

export const graph = {
  id: "g",
  nodes: {
    picture: { id: "picture", type: "blank_image", is_intermediate: false },
    number: { id: "number", type: "integer", is_intermediate: true }
  },
  edges: []
}

export const batchOf = (size = 1): Job.JobBatch => ({
  graph,
  data: null,
  workflow: null,
  runs: size,
  size,
  nodes: new Map([
    ["picture", { label: "The picture", type: "blank_image" }],
    ["number", { label: "", type: "integer" }]
  ])
})

export const makeFake = Effect.fnUntraced(function*(options: FakeOptions = {}) {
  const scope = yield* Effect.scope
  const hub = yield* PubSub.unbounded<ServerMessage>()
  const publish = (message: ServerMessage) => Effect.asVoid(PubSub.publish(hub, message))
  const items = new Map<number, Item>()
  const images = new Map<string, { readonly name: string; readonly session: string; readonly created: string }>()
  const calls = new Map<Operation, number>()
  const enqueues: Array<Batch> = []
  const receipts = new Map<string, EnqueueBatchReceipt>()
  const acknowledged: Array<string> = []
  const subscribers = { count: 0, opened: 0 }
  let up = options.socket !== false
  let nextId = 1
  let epoch = 0
  const duration = options.duration ?? 1000

  const now = Effect.map(DateTime.now, (time) => DateTime.formatIso(time))

  const send = (name: string, payload: object) =>
    up && options.drop?.(name) !== true
      ? publish({ _tag: "Event", name, payload, event: decode(name, payload) })
      : Effect.void

  const statusEvent = (item: Item) =>
    send("queue_item_status_changed", {
      timestamp: 1,
      queue_id: "default",
      item_id: item.id,
      batch_id: item.batchId,
      status: item.status,
      status_sequence: item.sequence,
      session_id: `session-${item.id}`,
      created_at: item.created,
      updated_at: item.created,
      started_at: item.started,
      completed_at: item.completed,
      error_type: item.error,
      error_message: item.error
    })

  const nodeEvent = (item: Item, name: string, nodeId: "picture" | "number", more: object = {}) =>
    send(name, {
      timestamp: 1,
      queue_id: "default",
      item_id: item.id,
      batch_id: item.batchId,
      session_id: `session-${item.id}`,
      invocation: { ...graph.nodes[nodeId], id: `${item.id}-${nodeId}` },
      invocation_source_id: nodeId,
      ...more
    })

  const change = Effect.fnUntraced(function*(item: Item, status: Status) {
    item.status = status
    item.sequence++
    if (status === "in_progress") item.started = yield* now
    else item.completed = yield* now
    yield* statusEvent(item)
  })

  const runItem = Effect.fnUntraced(function*(item: Item, index: number) {
    const mine = epoch
    const alive = () => epoch === mine && item.status === "in_progress"
    yield* change(item, "in_progress")
    yield* nodeEvent(item, "invocation_started", "number")
    item.results[`${item.id}-number`] = { type: "integer_output", value: index }
    yield* nodeEvent(item, "invocation_complete", "number", { result: item.results[`${item.id}-number`] })
    yield* nodeEvent(item, "invocation_started", "picture")
    for (let step = 1; step <= 4; step++) {
      yield* Effect.sleep(duration / 4)
      if (!alive()) return
      yield* nodeEvent(item, "invocation_progress", "picture", { message: `Step ${step}/4`, percentage: step / 4 })
    }
    if ((options.ending?.(index) ?? "completed") === "failed") {
      item.error = "ZeroDivisionError"
      yield* change(item, "failed")
      yield* nodeEvent(item, "invocation_error", "picture", {
        error_type: "ZeroDivisionError",
        error_message: "ZeroDivisionError",
        error_traceback: "trace"
      })
      return
    }
    const name = `${item.id}.png`
    images.set(name, { name, session: `session-${item.id}`, created: yield* now })
    item.results[`${item.id}-picture`] = {
      type: "image_output",
      image: { image_name: name },
      width: 64,
      height: 64
    }
    yield* nodeEvent(item, "invocation_complete", "picture", { result: item.results[`${item.id}-picture`] })
    yield* change(item, "completed")
  })

  const worker = Effect.gen(function*() {
    while (true) {
      const next = [...items.values()].find((item) => item.status === "pending")
      if (next === undefined || options.poisoned === true) yield* Effect.sleep(50)
      else {
        const siblings = [...items.values()].filter((item) => item.batchId === next.batchId)
        yield* runItem(next, siblings.indexOf(next))
      }
    }
  })
  yield* Effect.forkIn(worker, scope)

  const restart = Effect.gen(function*() {
    epoch++
    const wasUp = up
    up = false
    if (wasUp) yield* publish({ _tag: "Disconnected", reason: "transport close" })
    if (options.memory === true) {
      items.clear()
      nextId = 1
    } else {
      for (const item of items.values()) {
        if (item.status !== "in_progress") continue
        item.status = "canceled"
        item.results = {}
        item.completed = yield* now
      }
    }
    yield* Effect.forkIn(
      Effect.gen(function*() {
        yield* Effect.sleep(3000)
        down = false
        if (!wasUp) return
        up = true
        yield* publish({ _tag: "Connected" })
      }),
      scope
    )
  })
  let down = false

  const isRead = (operation: Operation) => operation !== "enqueueBatch" && operation !== "cancelByBatchIds"

  const call = <A>(operation: Operation, path: string, work: Effect.Effect<A, InvokeAiError>) => {
    const method = operation === "enqueueBatch"
      ? "POST"
      : operation === "cancelByBatchIds"
      ? "PUT"
      : operation === "itemSummariesByIds"
      ? "POST"
      : "GET"
    const once = Effect.gen(function*() {
      const nth = (calls.get(operation) ?? 0) + 1
      calls.set(operation, nth)
      if (down) return yield* failure("Transport", method, path, { detail: "ECONNREFUSED" })
      const fault = options.faults?.find((one) => one.on === operation && one.call === nth)?.fault
      switch (fault) {
        case undefined:
          return yield* work
        case "requestLost":
          return yield* failure("Transport", method, path, { detail: "no answer" })
        case "responseLost":
        case "reset":
          yield* work
          return yield* failure("Transport", method, path, { detail: "ECONNRESET" })
        case "delayed":
          yield* Effect.forkIn(Effect.delay(Effect.ignore(work), timeout + 1000), scope)
          yield* Effect.sleep(timeout)
          return yield* failure("Transport", method, path, { detail: "timeout" })
        case "late":
          return yield* Effect.delay(work, 3000)
        case "answeredLate":
          return yield* Effect.tap(work, () => Effect.sleep(3000))
        case "error500":
          return yield* failure("Server", method, path, { status: 500, detail: "Internal Server Error" })
        case "error502":
          return yield* failure("Server", method, path, { status: 502 })
        case "error502Done":
          yield* work
          return yield* failure("Server", method, path, { status: 502 })
        case "garbage":
          yield* work
          return yield* failure("Decode", method, path, { status: 200, detail: "<html>" })
        case "restart":
          break
      }
      yield* work
      down = true
      yield* restart
      return yield* failure("Transport", method, path, { detail: "ECONNRESET" })
    })
    // The real client repeats reads.
    return isRead(operation)
      ? Effect.retry(once, { times: 2, while: (error) => error.isRetryable })
      : once
  }

  const statusOf = (batchId: string): BatchStatus => {
    const own = [...items.values()].filter((item) => item.batchId === batchId)
    const count = (status: Status) => own.filter((item) => item.status === status).length
    return {
      queue_id: "default",
      batch_id: batchId,
      destination: own[0]?.destination ?? null,
      pending: count("pending"),
      in_progress: count("in_progress"),
      completed: count("completed"),
      failed: count("failed"),
      canceled: count("canceled"),
      total: own.length
    }
  }

  const toTime = (iso: string) => DateTime.toUtc(DateTime.makeUnsafe(iso))
  const summary = (item: Item) => ({
    item_id: item.id,
    status: item.status,
    batch_id: item.batchId,
    destination: item.destination,
    created_at: toTime(item.created),
    started_at: item.started === null ? null : toTime(item.started),
    completed_at: item.completed === null ? null : toTime(item.completed),
    parent_item_id: null
  })
  const full = (item: Item): SessionQueueItem => ({
    ...summary(item),
    status_sequence: item.sequence,
    priority: 0,
    session_id: `session-${item.id}`,
    error_type: item.error,
    error_message: item.error,
    updated_at: toTime(item.completed ?? item.started ?? item.created),
    queue_id: "default",
    session: {
      id: `session-${item.id}`,
      graph,
      results: item.status === "in_progress" ? {} : item.results,
      errors: item.status === "failed" ? { [`${item.id}-picture`]: "ZeroDivisionError: ZeroDivisionError" } : {},
      prepared_source_mapping: { [`${item.id}-number`]: "number", [`${item.id}-picture`]: "picture" }
    }
  })
  const poison = (path: string) =>
    failure("Server", "GET", path, { status: 500, detail: "1 validation error for GraphExecutionState" })

  const missingRoute = failure("NotFound", "GET", "/route", { status: 404 })

  const queue = Layer.mock(SessionQueue, {
    queueId: "default",
    enqueueBatch: (batch) =>
      call(
        "enqueueBatch",
        "/enqueue_batch",
        Effect.gen(function*() {
          enqueues.push(batch)
          const { idempotency_key: key } = batch
          if (key !== undefined && options.receipts === 0) {
            return yield* failure("Server", "POST", "/enqueue_batch", { status: 429, fromServer: true })
          }
          const before = key === undefined ? undefined : receipts.get(key)
          if (before !== undefined) return Object.assign({ queue_id: "default", priority: 0 }, before)
          const created = yield* now
          const ids: Array<number> = []
          const asked = batch.runs ?? 1
          const room = options.full ?? Number.POSITIVE_INFINITY
          for (let i = 0; i < Math.min(asked, room); i++) {
            const id = nextId++
            ids.push(id)
            items.set(id, {
              id,
              batchId: batch.batch_id ?? "",
              destination: batch.destination ?? null,
              status: "pending",
              started: null,
              completed: null,
              created,
              sequence: 0,
              results: {},
              error: null
            })
          }
          if (key !== undefined) {
            receipts.set(key, {
              batch_id: batch.batch_id ?? "",
              enqueued: ids.length,
              requested: asked,
              item_ids: ids.toReversed()
            })
          }
          const all = [...items.values()].filter((item) => item.batchId === batch.batch_id).map((item) => item.id)
          return {
            queue_id: "default",
            enqueued: ids.length,
            requested: asked,
            priority: 0,
            item_ids: all.toReversed()
          }
        })
      ),
    enqueueReceipt: (key) =>
      call("enqueueReceipt", "/receipt", Effect.sync(() => Option.fromUndefinedOr(receipts.get(key)))),
    acknowledgeEnqueue: (key) => Effect.sync(() => void acknowledged.push(key)),
    batchStatus: (batchId) => call("batchStatus", "/status", Effect.sync(() => statusOf(batchId))),
    item: (id) =>
      call(
        "item",
        `/i/${id}`,
        Effect.suspend(() => {
          const item = items.get(id)
          if (item === undefined) return Effect.fail(failure("NotFound", "GET", `/i/${id}`, { status: 404 }))
          return options.poisoned === true ? Effect.fail(poison(`/i/${id}`)) : Effect.succeed(full(item))
        })
      ),
    itemIds: () =>
      options.modern === false
        ? Effect.fail(missingRoute)
        : Effect.sync(() => ({ item_ids: [...items.keys()].toReversed(), total_count: items.size })),
    itemSummariesByIds: (ids) =>
      options.modern === false ? Effect.fail(missingRoute) : call(
        "itemSummariesByIds",
        "/item_summaries_by_ids",
        Effect.sync(() => ids.flatMap((id) => items.has(id) ? [summary(items.get(id)!)] : []))
      ),
    listAll: (filter) =>
      Effect.sync(() =>
        [...items.values()].filter((item) =>
          filter?.destination === undefined || item.destination === filter.destination
        ).map(full)
      ),
    next: Effect.suspend(() =>
      options.poisoned === true && [...items.values()].some((item) => item.status === "pending")
        ? Effect.fail(poison("/next"))
        : Effect.succeed(Option.none())
    ),
    status: Effect.sync(() => ({
      queue: statusOf(""),
      processor: { is_started: true, is_processing: false }
    })),
    cancelItem: (id) =>
      Effect.gen(function*() {
        const item = items.get(id)!
        if (item.status === "pending" || item.status === "in_progress") yield* change(item, "canceled")
        return full(item)
      }),
    deleteByDestination: (destination) =>
      Effect.sync(() => {
        const own = [...items.values()].filter((item) => item.destination === destination)
        for (const item of own) items.delete(item.id)
        return own.length
      }),
    cancelByBatchIds: (ids) =>
      call(
        "cancelByBatchIds",
        "/cancel_by_batch_ids",
        Effect.gen(function*() {
          let count = 0
          for (const item of items.values()) {
            if (!ids.includes(item.batchId)) continue
            // Pending items are canceled without a word.
            if (item.status === "pending") {
              item.status = "canceled"
              item.completed = yield* now
              count++
            } else if (item.status === "in_progress") {
              yield* change(item, "canceled")
              count++
            }
          }
          return count
        })
      )
  })

  const capabilities = capabilitiesFrom(
    options.receipts === undefined || options.receipts === false ? {} : {
      paths: { "/api/v1/queue/{queue_id}/enqueue_batch/receipt": { get: {} } },
      components: { schemas: { Batch: { properties: { idempotency_key: {} } } } }
    },
    ""
  )
  let documentRead = options.documentRead ?? true
  const info = Layer.mock(ServerInfo, {
    url: new URL("http://fake.test/"),
    capabilities: Effect.sync(() => {
      documentRead = true
      return capabilities
    }),
    knownCapabilities: Effect.sync(() => documentRead ? Option.some(capabilities) : Option.none())
  })

  const toDto = (image: { readonly name: string; readonly session: string; readonly created: string }): ImageDTO => ({
    image_name: image.name,
    image_url: "",
    thumbnail_url: "",
    image_origin: "internal",
    image_category: "general",
    width: 64,
    height: 64,
    created_at: toTime(image.created),
    updated_at: toTime(image.created),
    is_intermediate: false,
    session_id: image.session,
    starred: false,
    has_workflow: false
  })
  const imagesLayer = Layer.mock(Images, {
    page: ({ limit, offset }) =>
      Effect.sync(() => ({
        limit,
        offset,
        total: images.size,
        items: [...images.values()].toReversed().slice(offset, offset + limit).map(toDto)
      })),
    byNames: (names) => Effect.sync(() => names.flatMap((name) => images.has(name) ? [toDto(images.get(name)!)] : [])),
    deleteMany: (names) =>
      Effect.sync(() => {
        const done = names.filter((name) => images.delete(name))
        return { succeeded: done, failed: names.filter((name) => !done.includes(name)) }
      })
  })

  const events = Layer.mock(ServerEvents, {
    join: () => Effect.void,
    listen: (listener) =>
      Effect.gen(function*() {
        subscribers.opened++
        yield* Effect.acquireRelease(
          Effect.sync(() => {
            subscribers.count++
          }),
          () =>
            Effect.sync(() => {
              subscribers.count--
            })
        )
        const subscription = yield* PubSub.subscribe(hub)
        const first: ServerMessage = up ? { _tag: "Connected" } : {
          _tag: "Unavailable",
          error: new EventsUnavailable({ detail: "refused", unauthorized: false, attempts: 1 })
        }
        const messages = Stream.concat(Stream.make(first), Stream.fromSubscription(subscription))
        yield* Effect.forkScoped(Stream.runForEach(messages, (message) => Effect.sync(() => listener(message))))
      })
  })

  const layer = JobTracker.layerWith(options.tracking ?? {}).pipe(
    Layer.provideMerge(Layer.mergeAll(queue, imagesLayer, events, info, SecureRandom.layerWebCrypto))
  )
  return {
    layer,
    items,
    images,
    calls,
    enqueues,
    acknowledged,
    subscribers,
    restart: Effect.suspend(() => {
      down = true
      return restart
    }),
    publish,
    clear: Effect.sync(() => items.clear())
  }
})

export type Fake = Effect.Success<ReturnType<typeof makeFake>>

/** Runs a program against a fake server; its scope is closed at the end. */
export const withFake = <A, E, R>(
  options: FakeOptions,
  program: (fake: Fake) => Effect.Effect<A, E, R>
) =>
  Effect.gen(function*() {
    const fake = yield* makeFake(options)
    const began = yield* Clock.currentTimeMillis
    const result = yield* drive(program(fake).pipe(Effect.scoped, Effect.provide(fake.layer)))
    return { result, fake, elapsed: (yield* Clock.currentTimeMillis) - began }
  })
