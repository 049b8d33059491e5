/** Replays a recorded scenario against the simulator. */
import * as Png from "@effect-invokeai/testing/Png"
import * as Raster from "@effect-invokeai/testing/Raster"
import { Simulator, type SimulatorSocket } from "@effect-invokeai/testing/Simulator"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { type Answer, at, send } from "../simulator/support.ts"
import { Bindings, differences } from "./normalForm.ts"
import type { Who } from "./who.ts"

export interface HttpEntry {
  readonly kind: "http"
  readonly t: number
  readonly method: string
  readonly path: string
  readonly requestBody?: unknown
  readonly by?: Who
  readonly how?: "bearer" | "cookie" | "other scheme" | "old"
  readonly status: number
  readonly contentType: string
  readonly responseBody: unknown
}

export interface EventEntry {
  readonly kind: "event"
  readonly t: number
  /** Which of several sockets heard it. */
  readonly socket?: string
  readonly event: string
  readonly data: unknown
}

/** What happened to one of several sockets. */
export interface SocketEntry {
  readonly kind: "socket"
  readonly t: number
  readonly socket: string
  readonly does: "open" | "refused" | "emit" | "close" | "closed"
  readonly by?: Who
  readonly event?: string
  readonly data?: unknown
}

export type Entry = HttpEntry | EventEntry | SocketEntry

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

interface Heard {
  readonly socket: string
  readonly name: string
  readonly payload: unknown
}

/** The sockets of a replay, and the tokens with which requests and sockets are authorized. */
const connections = Effect.fnUntraced(function*() {
  const simulator = yield* Simulator
  const heard: Array<Heard> = []
  const open = new Map<string, SimulatorSocket>()
  const outcomes: Array<string> = []
  const tokens = new Map<string, ReadonlyArray<string>>([["invalid", ["no.such.token"]]])
  const latest = (who: Who | undefined): string | undefined => tokens.get(who ?? "none")?.at(-1)
  return {
    heard,
    outcomes,
    /** Keeps the tokens of logins and refreshes. */
    learn: (entry: HttpEntry, answer: Answer): void => {
      const email = at(entry.requestBody, "email")
      const login = at(answer.body, "token")
      const who = typeof login === "string" && typeof email === "string"
        ? email.slice(0, email.indexOf("@"))
        : entry.by ?? "none"
      const fresh = typeof login === "string" ? login : answer.headers["x-refreshed-token"]
      if (fresh !== undefined) tokens.set(who, [...tokens.get(who) ?? [], fresh])
    },
    headers: (entry: HttpEntry): Readonly<Record<string, string>> => {
      const token = entry.how === "old" ? tokens.get(entry.by ?? "none")?.[0] : latest(entry.by)
      if (token === undefined) return {}
      if (entry.how === "cookie") return { cookie: `invokeai_media_token=${token}` }
      return { authorization: entry.how === "other scheme" ? `Token ${token}` : `Bearer ${token}` }
    },
    connect: Effect.fnUntraced(function*(socket: string, by?: Who) {
      const result = yield* Effect.result(simulator.connect({
        token: latest(by),
        send: (name, payload) => void heard.push({ socket, name, payload: JSON.parse(JSON.stringify(payload)) }),
        close: (reason) => void outcomes.push(`${socket} closed: ${reason}`)
      }))
      if (result._tag === "Success") open.set(socket, result.success)
      else outcomes.push(`${socket} refused`)
    }),
    emit: (socket: string, event: string, data: unknown) => open.get(socket)?.receive(event, data) ?? Effect.void,
    close: (socket: string) => open.get(socket)?.close ?? Effect.void
  }
})

/** A socket that connects in the middle of a run hears a part of what the first one hears: which, time decides. */
const isPart = (part: ReadonlyArray<string>, whole: ReadonlyArray<string>): boolean =>
  whole.some((_, start) => part.every((one, index) => whole[start + index] === one))

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
    /** Sockets that come and go in the middle: only that they hear an unbroken part of what the first one hears counts. */
    readonly passing?: ReadonlyArray<string> | undefined
  } = {}
) {
  const simulator = yield* Simulator
  const sockets = yield* connections()
  const hasSockets = entries.some((entry) => entry.kind === "socket")
  const passing = new Set(options.passing)
  const bindings = new Bindings(options.anyOrder)
  const found: Array<string> = []
  let requests = 0
  let events = 0
  let leftOut = 0
  const excepted = (entry: Entry): boolean => (options.exceptions ?? []).some((one) => one.entry(entry))
  if (!hasSockets) {
    yield* sockets.connect("only")
    const queues = new Set(
      entries.flatMap((entry) => entry.kind === "http" ? /\/queue\/([^/]+)\//.exec(entry.path)?.[1] ?? [] : [])
    )
    for (const queue_id of queues) yield* sockets.emit("only", "subscribe_queue", { queue_id })
    yield* sockets.emit("only", "subscribe_bulk_download", { bulk_download_id: "default" })
  }
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
  const isFirst = (socket: string, name: string, payload: unknown): boolean => {
    const key = JSON.stringify(
      [socket, name, payload, ""],
      (field, value: unknown) =>
        field === "timestamp" || field === "image" || field === "batch_status" || field === "queue_status"
          ? undefined
          : value
    )
    if (copies.has(key)) return false
    copies.add(key)
    return true
  }
  const kept = (heard: Heard): boolean =>
    !passing.has(heard.socket) &&
    !excepted({ kind: "event", t: 0, event: heard.name, data: heard.payload }) &&
    isFirst(heard.socket, heard.name, heard.payload)
  const recordedHeard = entries.flatMap((entry) =>
    entry.kind === "event"
      ? [{ t: entry.t, socket: entry.socket ?? "only", name: entry.event, payload: entry.data }]
      : []
  )
  const recordedEvents = recordedHeard.filter(kept)
  const names = [...new Set(recordedHeard.map((one) => one.socket))]
  const cursors = new Map(names.map((name) => [name, 0]))
  const simulatedEvents = (): ReadonlyArray<Heard> => {
    copies.clear()
    return sockets.heard.filter(kept)
  }
  const broken = new Set<string>()
  /** Compares the events up to a moment of the recording, as far as the simulator has come. */
  const compareEvents = (until: number): void => {
    const all = simulatedEvents()
    for (const name of names) {
      const recorded = recordedEvents.filter((one) => one.socket === name)
      const simulated = all.filter((one) => one.socket === name)
      let cursor = cursors.get(name) ?? 0
      while (!broken.has(name) && cursor < recorded.length) {
        const entry = recorded[cursor]
        const actual = simulated[cursor]
        if (entry === undefined || actual === undefined || entry.t > until) break
        const where = `event ${hasSockets ? `${name} ` : ""}${cursor} ${entry.name}`
        cursor += 1
        events += 1
        if (actual.name !== entry.name) {
          found.push(`${where}: simulated ${actual.name}`)
          broken.add(name)
        } else {
          found.push(...differences(entry.payload, actual.payload, bindings).map((text) => `${where} ${text}`))
        }
      }
      cursors.set(name, cursor)
    }
  }
  for (const entry of entries) {
    if (entry.kind === "socket") {
      yield* wait(Math.max(0, entry.t - clock))
      if (entry.does === "open") yield* sockets.connect(entry.socket, entry.by)
      if (entry.does === "emit") yield* sockets.emit(entry.socket, entry.event ?? "", entry.data)
      if (entry.does === "close") yield* sockets.close(entry.socket)
      continue
    }
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
    const answer = yield* send(entry.method, path, body, {
      "accept-encoding": "gzip",
      ...sockets.headers(entry)
    })
    sockets.learn(entry, answer)
    if (excepted(entry)) {
      leftOut += 1
      continue
    }
    if (reading.test(entry.path)) compareEvents(entry.t)
    requests += 1
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
  for (const name of names) {
    const isOf = (one: Heard): boolean => one.socket === name
    const left = recordedEvents.filter(isOf).length - simulatedEvents().filter(isOf).length
    if (!broken.has(name) && left > 0) found.push(`${name}: ${left} recorded events are missing`)
    if (!broken.has(name) && left < 0) found.push(`${name}: ${-left} more events than recorded`)
  }
  const [first] = names
  for (const name of passing) {
    for (const side of [recordedHeard, sockets.heard]) {
      const of = (socket: string | undefined) => side.filter((one) => one.socket === socket).map((one) => one.name)
      events += of(name).length
      if (of(name).length === 0 || !isPart(of(name), of(first))) found.push(`${name}: no unbroken part of ${first}`)
    }
  }
  const expected = entries.flatMap((entry) =>
    entry.kind !== "socket"
      ? []
      : entry.does === "refused"
      ? [`${entry.socket} refused`]
      : entry.does === "closed"
      ? [`${entry.socket} closed: io server disconnect`]
      : []
  )
  if (expected.join() !== sockets.outcomes.join()) {
    found.push(`sockets: recorded ${expected.join(", ")}, simulated ${sockets.outcomes.join(", ")}`)
  }
  return { requests, events, sockets: expected.length, leftOut, differences: found }
})
