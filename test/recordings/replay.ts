/** Replays a recorded scenario against the simulator. */
import * as Png from "@effect-invokeai/core/simulator/Png"
import * as Raster from "@effect-invokeai/core/simulator/Raster"
import { Simulator } from "@effect-invokeai/core/simulator/Simulator"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { at, send } from "../simulator/support.ts"
import { Bindings, differences } from "./normalForm.ts"

export interface HttpEntry {
  readonly kind: "http"
  readonly t: number
  readonly method: string
  readonly path: string
  readonly requestBody?: unknown
  readonly status: number
  readonly contentType: string
  readonly responseBody: unknown
}

export interface EventEntry {
  readonly kind: "event"
  readonly t: number
  readonly event: string
  readonly data: unknown
}

export type Entry = HttpEntry | EventEntry

/** What is left out of a scenario, and why. */
export interface Exception {
  readonly entry: (entry: Entry) => boolean
  readonly reason: string
}

const picture = (bytes: number): Uint8Array<ArrayBuffer> =>
  bytes < 20 ? Uint8Array.of(1, 2) : Png.encode(Raster.painted(40, 20, "upload"))

const formOf = (parts: unknown): FormData => {
  const form = new FormData()
  for (const part of Array.isArray(parts) ? parts : []) {
    const name = String(at(part, 0))
    const value = at(part, 1)
    if (typeof value === "string") form.append(name, value)
    else {
      const type = String(at(value, "type"))
      form.append(name, new Blob([picture(Number(at(value, "size")))], { type }), String(at(value, "filename")))
    }
  }
  return form
}

const translateBody = (value: unknown, bindings: Bindings): unknown => {
  if (typeof value === "string") return bindings.translateText(value)
  if (Array.isArray(value)) return value.map((item) => translateBody(item, bindings))
  if (typeof value !== "object" || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => {
      if (key === "item_ids" && Array.isArray(inner)) return [key, inner.map((id) => itemId(id, bindings))]
      return [bindings.translateText(key), translateBody(inner, bindings)]
    })
  )
}

const itemId = (recorded: unknown, bindings: Bindings): unknown => {
  const name = `item ${String(recorded)}`
  return bindings.knows(name) ? Number(bindings.translate(name).slice("item ".length)) : recorded
}

const translatePath = (path: string, bindings: Bindings): string =>
  bindings.translateText(path).replace(
    /\/i\/(\d+)(?=\/|$)/,
    (_, id: string) => `/i/${String(itemId(Number(id), bindings))}`
  )

const sortEdges = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value), (key, inner: unknown) =>
    key === "edges" && Array.isArray(inner)
      ? inner.toSorted((left, right) =>
        String(at(left, "destination", "node_id")).localeCompare(String(at(right, "destination", "node_id")))
      )
      : inner)

const terminal = new Set(["completed", "failed", "canceled"])

const reading = /\/queue\/[^/]+\/i\/\d+$/

/** Polls of an item that had not ended: how far it is at that moment depends on the speed of the machine. */
export const isPoll = (entry: Entry): boolean =>
  entry.kind === "http" && entry.method === "GET" && reading.test(entry.path) && entry.status === 200 &&
  ["pending", "in_progress"].includes(String(at(entry.responseBody, "status")))

/**
 * Sends the recorded requests, in the recorded order and distance, and gives every difference.
 */
export const replay = Effect.fnUntraced(function*(
  entries: ReadonlyArray<Entry>,
  options: {
    readonly exceptions?: ReadonlyArray<Exception> | undefined
    readonly comparesPending?: boolean | undefined
    /** Sends edges ordered by their targets. */
    readonly sortsEdges?: boolean | undefined
    readonly anyOrder?: boolean | undefined
  } = {}
) {
  const simulator = yield* Simulator
  const bindings = new Bindings(options.anyOrder)
  const found: Array<string> = []
  let compared = 0
  const excepted = (entry: Entry): boolean => (options.exceptions ?? []).some((one) => one.entry(entry))
  const events: Array<{ readonly name: string; readonly payload: unknown }> = []
  const socket = yield* simulator.connect({
    token: undefined,
    send: (name, payload) => void events.push({ name, payload: JSON.parse(JSON.stringify(payload)) }),
    close: () => {}
  })
  const queues = new Set(
    entries.flatMap((entry) => entry.kind === "http" ? /\/queue\/([^/]+)\//.exec(entry.path)?.[1] ?? [] : [])
  )
  for (const queue_id of queues) yield* socket.receive("subscribe_queue", { queue_id })
  yield* socket.receive("subscribe_bulk_download", { bulk_download_id: "default" })
  let clock = 0
  const wait = Effect.fnUntraced(function*(millis: number) {
    yield* TestClock.adjust(millis)
    clock += millis
  })
  const untilTerminal = Effect.fnUntraced(function*(id: number) {
    for (let turn = 0; turn < 2000; turn++) {
      const { items } = yield* simulator.state
      const item = items.find((one) => one.itemId === id)
      if (item === undefined || terminal.has(item.status)) return
      yield* wait(5)
    }
  })
  // before 6.14 a single user gets every event twice; what counts is the first copy
  const copies = new Set<string>()
  const isFirst = (name: string, payload: unknown): boolean => {
    const key = JSON.stringify(
      [name, payload, ""],
      (field, value: unknown) =>
        field === "timestamp" || field === "image" || field === "batch_status" || field === "queue_status"
          ? undefined
          : value
    )
    if (copies.has(key)) return false
    copies.add(key)
    return true
  }
  const recordedEvents = entries.filter((entry) =>
    entry.kind === "event" && !excepted(entry) && isFirst(entry.event, entry.data)
  )
  copies.clear()
  let cursor = 0
  let broken = false
  /** Compares the events up to a moment of the recording, as far as the simulator has come. */
  const compareEvents = (until: number): void => {
    const simulated = simulatedEvents()
    while (!broken && cursor < recordedEvents.length) {
      const entry = recordedEvents[cursor]
      const actual = simulated[cursor]
      if (entry?.kind !== "event" || entry.t > until || actual === undefined) return
      const where = `event ${cursor} ${entry.event}`
      cursor += 1
      compared += 1
      if (actual.name !== entry.event) {
        found.push(`${where}: simulated ${actual.name}`)
        broken = true
        return
      }
      found.push(...differences(entry.data, actual.payload, bindings).map((text) => `${where} ${text}`))
    }
  }
  const simulatedEvents = () => {
    copies.clear()
    return events.filter(({ name, payload }) =>
      !excepted({ kind: "event", t: 0, event: name, data: payload }) && isFirst(name, payload)
    )
  }
  for (const entry of entries) {
    if (entry.kind !== "http" || (isPoll(entry) && options.comparesPending !== true)) continue
    yield* wait(Math.max(0, entry.t - clock))
    const path = translatePath(entry.path, bindings)
    if (reading.test(entry.path) && terminal.has(String(at(entry.responseBody, "status")))) {
      const id = Number(/\/i\/(\d+)$/.exec(path)?.[1])
      yield* untilTerminal(id)
    }
    const form = at(entry.requestBody, "$form")
    const body = form !== undefined
      ? formOf(form)
      : Array.isArray(entry.requestBody) && entry.path.endsWith("retry_items_by_id")
      ? entry.requestBody.map((id) => itemId(id, bindings))
      : translateBody(
        options.sortsEdges === true && entry.requestBody !== undefined
          ? sortEdges(entry.requestBody)
          : entry.requestBody,
        bindings
      )
    // as every fetch does; some answers depend on it
    const answer = yield* send(entry.method, path, body, { "accept-encoding": "gzip" })
    if (excepted(entry)) continue
    if (reading.test(entry.path)) compareEvents(entry.t)
    compared += 1
    const where = `${entry.method} ${entry.path}`
    if (answer.status !== entry.status) {
      found.push(
        `${where}: recorded status ${entry.status}, simulated ${answer.status} ${
          JSON.stringify(answer.body)?.slice(0, 200)
        }`
      )
      continue
    }
    const type = (answer.headers["content-type"] ?? "").split(";")[0]
    if (type !== entry.contentType.split(";")[0]) {
      found.push(`${where}: recorded type ${entry.contentType}, simulated ${type}`)
      continue
    }
    if (type === "application/json" || type === "text/plain") {
      found.push(...differences(entry.responseBody, answer.body, bindings).map((text) => `${where} ${text}`))
    }
  }
  for (let turn = 0; turn < 400; turn++) yield* wait(5)
  compareEvents(Number.POSITIVE_INFINITY)
  const left = recordedEvents.length - simulatedEvents().length
  if (!broken && left > 0) found.push(`${left} recorded events are missing`)
  if (!broken && left < 0) found.push(`${-left} more events than recorded`)
  yield* socket.close
  return { compared, differences: found }
})
