/**
 * The clients of the simulated server's socket, and the events that each of them receives.
 *
 * **Details**
 *
 * Uses the rooms of the emulated version: up to 6.11 the queue's room; 6.12 and 6.13 the owner's and the admins' rooms, so
 * that a single user receives every event twice; from 6.14 the owner's room, joined at connect, with redacted copies for
 * other users.
 */
import * as Predicate from "effect/Predicate"
import type { ServerProfile } from "../ServerProfile.ts"

/** One connected socket. */
interface HubSocket {
  readonly id: string
  readonly userId: string
  readonly isAdmin: boolean
  readonly send: (name: string, payload: unknown) => void
  readonly close: (reason: string) => void
}

/** The recipients of an event. */
export type Audience =
  | { readonly _tag: "Owner"; readonly userId: string; readonly queueId: string }
  | { readonly _tag: "BulkDownload"; readonly id: string }
  | { readonly _tag: "Everybody" }

/** An event in flight. */
interface OutgoingEvent {
  readonly name: string
  readonly payload: Readonly<Record<string, unknown>>
  readonly audience: Audience
}

interface Member {
  readonly socket: HubSocket
  readonly rooms: Set<string>
}

const companions = new Set(["batch_enqueued", "queue_item_status_changed", "queue_cleared"])

const redacted = (event: OutgoingEvent): Readonly<Record<string, unknown>> => {
  const { payload } = event
  const result: Record<string, unknown> = { ...payload }
  for (const field of ["user_id", "batch_id", "session_id"]) if (field in payload) result[field] = "redacted"
  for (const field of ["origin", "destination", "error_type", "error_message", "error_traceback"]) {
    if (field in payload) result[field] = null
  }
  const { batch_status, queue_status } = payload
  if (Predicate.isObject(batch_status)) {
    result["batch_status"] = { ...batch_status, batch_id: "redacted", origin: null, destination: null }
  }
  if (Predicate.isObject(queue_status)) {
    const hidden = ["item_id", "batch_id", "session_id", "user_pending", "user_in_progress"]
    result["queue_status"] = { ...queue_status, ...Object.fromEntries(hidden.map((field) => [field, null])) }
  }
  return result
}

/** The connected sockets. */
export class EventHub {
  private readonly profile: ServerProfile
  private readonly members = new Map<string, Member>()
  /** All emitted events, including those without a subscriber. */
  readonly emitted: Array<OutgoingEvent> = []
  /** Can change the events that a socket receives; set by fault scripts. */
  deliver: (socket: HubSocket, name: string, payload: unknown) => void = (socket, name, payload) =>
    socket.send(name, payload)

  constructor(profile: ServerProfile) {
    this.profile = profile
  }

  /** The number of sockets opened so far. */
  opened = 0

  /** The number of open sockets. */
  get size(): number {
    return this.members.size
  }

  /** The open sockets. */
  get sockets(): ReadonlyArray<HubSocket> {
    return [...this.members.values()].map((member) => member.socket)
  }

  /** Adds a socket. */
  connect(socket: HubSocket): void {
    const rooms = new Set<string>()
    if (this.profile.minor >= 14) {
      rooms.add(`user:${socket.userId}`)
      if (socket.isAdmin) rooms.add("admin")
    }
    this.members.set(socket.id, { socket, rooms })
    this.opened += 1
  }

  /** Removes a socket that its client closed. */
  disconnect(id: string): void {
    this.members.delete(id)
  }

  /** Closes every socket for which a predicate holds. */
  closeWhere(test: (socket: HubSocket) => boolean, reason: string): void {
    for (const { socket } of this.members.values()) {
      if (!test(socket)) continue
      this.members.delete(socket.id)
      socket.close(reason)
    }
  }

  /** Handles a message of a client: only known messages with valid payloads have an effect. */
  receive(id: string, name: string, payload: unknown): void {
    const member = this.members.get(id)
    if (member === undefined || typeof payload !== "object" || payload === null) return
    const queueId = "queue_id" in payload ? payload.queue_id : undefined
    const bulkId = "bulk_download_id" in payload ? payload.bulk_download_id : undefined
    const { rooms, socket } = member
    if (name === "subscribe_queue" && typeof queueId === "string") {
      rooms.add(`queue:${queueId}`)
      if (this.profile.minor >= 12) {
        rooms.add(`user:${socket.userId}`)
        if (socket.isAdmin) rooms.add("admin")
      }
    }
    if (name === "unsubscribe_queue" && typeof queueId === "string") rooms.delete(`queue:${queueId}`)
    if (name === "subscribe_bulk_download" && typeof bulkId === "string") rooms.add(`bulk:${bulkId}`)
    if (name === "unsubscribe_bulk_download" && typeof bulkId === "string") rooms.delete(`bulk:${bulkId}`)
  }

  /** Sends an event to all its recipients. */
  emit(event: OutgoingEvent): void {
    this.emitted.push(event)
    for (const { rooms, socket } of this.members.values()) {
      for (const payload of this.copiesFor(event, rooms)) this.deliver(socket, event.name, payload)
    }
  }

  private copiesFor(event: OutgoingEvent, rooms: ReadonlySet<string>): ReadonlyArray<unknown> {
    const { audience, payload } = event
    if (audience._tag === "Everybody") return [payload]
    if (audience._tag === "BulkDownload") return rooms.has(`bulk:${audience.id}`) ? [payload] : []
    const inQueueRoom = rooms.has(`queue:${audience.queueId}`)
    if (this.profile.minor < 12) return inQueueRoom ? [payload] : []
    const mine = rooms.has(`user:${audience.userId}`)
    if (this.profile.minor < 14) {
      const second = event.name === "invocation_progress" ? { ...payload, image: null } : payload
      return [...(mine ? [payload] : []), ...(rooms.has("admin") ? [second] : [])]
    }
    if (mine) return [payload]
    if (rooms.has("admin")) return event.name === "invocation_progress" ? [] : [payload]
    return companions.has(event.name) && inQueueRoom ? [redacted(event)] : []
  }
}
