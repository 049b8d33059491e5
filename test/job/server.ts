/** The client in front of a simulated server that goes wrong where a test says so, on the test clock. */
import * as InvokeAi from "@effect-invokeai/core/InvokeAi"
import type * as Job from "@effect-invokeai/core/job/Job"
import type { JobTrackerOptions } from "@effect-invokeai/core/job/Job"
import { ServerInfo } from "@effect-invokeai/core/server/ServerInfo"
import * as Fault from "@effect-invokeai/testing/Fault"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import * as Simulator from "@effect-invokeai/testing/Simulator"
import type { ItemState } from "@effect-invokeai/testing/SimulatorState"
import * as Clock from "effect/Clock"
import * as SecureRandom from "effect/crypto/SecureRandom"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as TestClock from "effect/testing/TestClock"
import type { Batch } from "../../packages/core/src/server/api/QueueSchemas.ts"
import * as SimulatorEventTransport from "../../packages/testing/src/internal/SimulatorEventTransport.ts"
import * as SimulatorHttpClient from "../../packages/testing/src/internal/SimulatorHttpClient.ts"
import { drive } from "../time.ts"

const always = { times: Number.POSITIVE_INFINITY }

/** How long the client waits for a response, in milliseconds. */
const timeout = 10_000

/** What can go wrong with a request that a job depends on. */
export const faults = {
  requestLost: Fault.dropRequest,
  responseLost: Fault.dropResponse,
  delayed: Fault.arriveLate(timeout + 1000),
  error500: Fault.status(500, "Internal Server Error"),
  error502: Fault.status(502, "Bad Gateway"),
  error502Done: Fault.status(502, "Bad Gateway", { handled: true }),
  reset: Fault.truncate(10),
  garbage: Fault.corruptBody("<html>", { handled: true }),
  restart: Fault.restart({ downFor: "3 seconds" }),
  late: Fault.delay("3 seconds"),
  answeredLate: Fault.delay("3 seconds", "after")
} satisfies Record<string, Fault.HttpAction>

export type FaultName = keyof typeof faults

/** Faults that a client may meet at any time. */
export const faultNames = [
  "requestLost",
  "responseLost",
  "delayed",
  "error500",
  "error502",
  "error502Done",
  "reset",
  "garbage",
  "restart"
] as const satisfies ReadonlyArray<FaultName>

const queue = "/api/v1/queue/{queue_id}"

/** The requests that a job depends on. */
export const requests = {
  enqueueBatch: { method: "POST", path: `${queue}/enqueue_batch` },
  enqueueReceipt: { method: "GET", path: `${queue}/enqueue_batch/receipt` },
  acknowledgeEnqueue: { method: "POST", path: `${queue}/enqueue_batch/acknowledge` },
  batchStatus: { method: "GET", path: `${queue}/b/{batch_id}/status` },
  item: { method: "GET", path: `${queue}/i/{item_id}` },
  itemSummariesByIds: { method: "POST", path: `${queue}/item_summaries_by_ids` },
  cancelByBatchIds: { method: "PUT", path: `${queue}/cancel_by_batch_ids` }
} as const

export type Operation = keyof typeof requests

/** Which call of an operation (from 1) goes wrong, and how; `always` for this call and all later ones. */
export interface ScriptedFault {
  readonly on: Operation
  readonly call: number
  readonly fault: FaultName
  readonly always?: boolean
}

export interface ServerOptions {
  /** Whether event connections are accepted. */
  readonly socket?: boolean
  /** Whether the server is 6.14.2, which has summaries of items, or 6.3.0, which has none. */
  readonly modern?: boolean
  readonly faults?: ReadonlyArray<ScriptedFault>
  /** What happens to events. */
  readonly events?: ReadonlyArray<Fault.Fault>
  /** Whether a restart by a fault forgets everything. */
  readonly memory?: boolean
  /** How long an item runs, in milliseconds. */
  readonly duration?: number
  /** What the nth item (from 0) ends with. */
  readonly ending?: (index: number) => "completed" | "failed"
  /** How many items may wait. */
  readonly full?: number
  readonly tracking?: JobTrackerOptions
  /** How many receipts the server keeps of requests with an `idempotency_key`. */
  readonly receipts?: number
  /** Whether the server's document was read when the program begins. Default: if the server keeps receipts. */
  readonly documentRead?: boolean
}

export const graph = {
  id: "g",
  nodes: {
    number: { id: "number", type: "integer", value: 0, use_cache: false, is_intermediate: true },
    picture: { id: "picture", type: "blank_image", width: 8, height: 8, use_cache: false, is_intermediate: false }
  },
  edges: []
}

const nodes = new Map([
  ["picture", { label: "The picture", type: "blank_image" }],
  ["number", { label: "", type: "integer" }]
])

/** A batch whose nth item (from 0) has the number n. */
export const batchOf = (size = 1): Job.JobBatch => ({
  graph,
  data: [[{ node_path: "number", field_name: "value", items: Array.from({ length: size }, (_, index) => index) }]],
  workflow: null,
  runs: 1,
  size,
  nodes
})

/** A batch whose items the server cannot read back, so that they block its queue. */
export const unreadableBatch: Job.JobBatch = {
  ...batchOf(),
  data: [[{ node_path: "number", field_name: "value", items: ["many"] }]]
}

const matches = (path: string, actual: string): boolean => {
  const parts = path.split("/")
  const others = actual.split("/")
  return parts.length === others.length && parts.every((part, index) => part.startsWith("{") || part === others[index])
}

/** An item of the server, with the name of the image that it made. */
export interface ServerItem extends ItemState {
  readonly image: string | undefined
}

/** What a test sees of the server, at any time. */
export class Server {
  readonly simulator: Simulator.Simulator["Service"]

  constructor(simulator: Simulator.Simulator["Service"]) {
    this.simulator = simulator
  }

  private get state() {
    return Effect.runSync(this.simulator.state)
  }

  get items(): ReadonlyArray<ServerItem> {
    const { images, items } = this.state
    const bySession = new Map(images.map((image) => [image.sessionId, image.name]))
    return items.map((item) => Object.assign({}, item, { image: bySession.get(item.sessionId) }))
  }

  get statuses(): ReadonlyArray<string> {
    return this.items.map((item) => item.status)
  }

  get images(): ReadonlyArray<string> {
    return this.state.images.map((image) => image.name)
  }

  /** The event connections: those that are open, and all so far. */
  get connections(): { readonly open: number; readonly opened: number } {
    const { sockets, socketsOpened } = this.state
    return { open: sockets, opened: socketsOpened }
  }

  private requestsOf(operation: Operation) {
    const { method, path } = requests[operation]
    return Effect.runSync(this.simulator.requests).filter((request) =>
      request.method === method && matches(path, request.path)
    )
  }

  /** How many requests of an operation there were. */
  calls(operation: Operation): number {
    return this.requestsOf(operation).length
  }

  /** The batches that the client sent, each as often as it was sent. */
  get enqueues(): ReadonlyArray<Batch> {
    return this.requestsOf("enqueueBatch").map((request) =>
      (JSON.parse(request.body ?? "{}") as { readonly batch: Batch }).batch
    )
  }

  /** The keys of the receipts that the client acknowledged. */
  get acknowledged(): ReadonlyArray<string> {
    return this.requestsOf("acknowledgeEnqueue").map((request) =>
      (JSON.parse(request.body ?? "{}") as { readonly idempotency_key: string }).idempotency_key
    )
  }
}

const scripted = ({ faults: list = [], memory = false }: ServerOptions): ReadonlyArray<Fault.Fault> =>
  list.map(({ always: stays = false, call, fault, on }) => {
    const action = fault === "restart" ? Fault.restart({ downFor: "3 seconds", database: !memory }) : faults[fault]
    return Fault.http({ ...requests[on], nth: call, times: stays ? Number.POSITIVE_INFINITY : 1 }, action)
  })

/** No event brings a result, so that every item is read. */
const withoutResults = Fault.event({ name: "invocation_complete", ...always }, Fault.dropEvent)

const simulatorLayer = (options: ServerOptions) =>
  Simulator.Simulator.layer({
    version: options.modern === false ? "6.3.0" : "6.14.2",
    stepDuration: Duration.millis((options.duration ?? 1000) / 4),
    maxQueueSize: options.full,
    receipts: options.receipts,
    faults: [
      ...scripted(options),
      ...(options.faults?.some((fault) => fault.on === "item") ? [withoutResults] : []),
      ...options.events ?? [],
      ...(options.socket === false ? [Fault.refuseConnection(always)] : [])
    ]
  })

const clientLayer = (options: ServerOptions) =>
  InvokeAi.layer({ url: InvokeAiTest.url, timeout, transferTimeout: timeout, tracking: options.tracking }).pipe(
    Layer.provide([SimulatorHttpClient.layer(), SimulatorEventTransport.layer({})]),
    Layer.provideMerge(SecureRandom.layerWebCrypto)
  )

/** Runs a program against a server. When it ends, its scope and the client are closed, and the server still runs. */
export const withServer = <A, E, R>(
  options: ServerOptions,
  program: (server: Server) => Effect.Effect<A, E, R>
) =>
  Effect.gen(function*() {
    const simulator = yield* Simulator.Simulator
    const server = new Server(simulator)
    yield* simulator.whenNode("blank_image", (_node, call) =>
      Simulator.inSteps(
        4,
        options.ending?.(call - 1) === "failed"
          ? Simulator.failsWith("ZeroDivisionError", "division by zero")
          : undefined
      ))
    const began = yield* Clock.currentTimeMillis
    const { documentRead = options.receipts !== undefined } = options
    const prepare = documentRead ? ServerInfo.use((info) => info.capabilities) : Effect.void
    const result = yield* drive(
      Effect.andThen(Effect.orDie(prepare), program(server)).pipe(Effect.scoped, Effect.provide(clientLayer(options)))
    )
    const elapsed = (yield* Clock.currentTimeMillis) - began
    // what the client sent without waiting for it
    yield* TestClock.adjust("1 second")
    return { result, server, elapsed }
  }).pipe(Effect.provide(simulatorLayer(options)))
