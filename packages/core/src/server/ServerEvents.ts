/**
 * The server's events as a stream, over one shared connection.
 *
 * @since 0.1.0
 */
import * as Cause from "effect/Cause"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Latch from "effect/Latch"
import * as Layer from "effect/Layer"
import * as RcRef from "effect/RcRef"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { printable } from "../internal/printable.ts"
import { TaggedError } from "../internal/TaggedError.ts"
import { type EventConnection, EventTransport, type TransportMessage } from "./EventTransport.ts"
import * as Metrics from "./internal/Metrics.ts"
import { InvokeAiClient } from "./InvokeAiClient.ts"
import { decode, type ServerEvent } from "./ServerEvent.ts"

export * from "./ServerEvent.ts"

/**
 * The event connection is unavailable: the server could not be reached, or it rejected the credentials.
 *
 * The client keeps reconnecting; `detail` says why the last attempt failed.
 *
 * @since 0.1.0
 * @category errors
 */
export class EventsUnavailable extends TaggedError<EventsUnavailable>()("EventsUnavailable", {
  /** Why the connection is unavailable. */
  detail: Schema.String,
  /** Whether the server responded and rejected the credentials. */
  unauthorized: Schema.Boolean,
  /** Number of attempts since the connection was last open. */
  attempts: Schema.Number
}) {
  override get message(): string {
    return this.unauthorized
      ? `The server rejected the event connection: ${this.detail}`
      : `Could not open the event connection after ${this.attempts} attempts: ${this.detail}. Still retrying`
  }

  /** True unless the server rejects the credentials: the connection is tried again until it succeeds. */
  override get isRetryable(): boolean {
    return !this.unauthorized
  }
}

/**
 * A message to a subscriber of the server's events.
 *
 * @since 0.1.0
 * @category models
 */
export type ServerMessage =
  | {
    /**
     * Events arrive from here on. Those from before are lost, so read the state over HTTP now. A subscriber that joins
     * an open connection gets this too, as its first message.
     */
    readonly _tag: "Connected"
  }
  | {
    /** Events are being lost from here on. */
    readonly _tag: "Disconnected"
    /** Why the connection was lost; `slow subscriber` if this subscriber was too slow. */
    readonly reason: string
  }
  | {
    /** An attempt to connect failed; more follow. */
    readonly _tag: "Unavailable"
    /** Why the attempt failed. */
    readonly error: EventsUnavailable
  }
  | {
    /** An event arrived. */
    readonly _tag: "Event"
    /** Name of the event as the server sent it. */
    readonly name: string
    /** Payload of the event, as the server sent it. */
    readonly payload: unknown
    /** The decoded event. It is decoded when it is first read. */
    readonly event: ServerEvent
  }

// most events are read for a word or two, if at all: decoding each would cost more than all else that is done with them
const received = (name: string, payload: unknown): ServerMessage => {
  let event: ServerEvent | undefined
  return {
    _tag: "Event",
    name,
    payload,
    get event() {
      return event ??= decode(name, payload)
    }
  }
}

/**
 * The server's events.
 *
 * **Details**
 *
 * All subscriptions share one connection, which closes with the last of them. `subscribe_queue` is sent on every
 * connect.
 *
 * If the server closes the connection because the token is no longer valid, or refuses it, the client logs in again
 * before the next attempt, if it can.
 *
 * @example
 * ```ts
 * import { ServerEvents } from "@effect-invokeai/core/server/ServerEvents"
 * import * as Effect from "effect/Effect"
 * import * as Stream from "effect/Stream"
 *
 * const printProgress = Effect.gen(function*() {
 *   const events = yield* ServerEvents
 *   const messages = yield* events.subscribe
 *   yield* Stream.runForEach(messages, (message) =>
 *     message._tag === "Event" && message.event.name === "invocation_progress"
 *       ? Effect.log(message.event.payload.message)
 *       : Effect.void)
 * }).pipe(Effect.scoped)
 * ```
 *
 * @since 0.1.0
 * @category services
 */
export class ServerEvents extends Context.Service<ServerEvents, {
  /**
   * Subscribes to the events of the server. The subscription ends with its scope.
   *
   * **Details** No message that arrives after the effect returned is missed, whenever the stream is read, within the
   * limits that bound the memory of each subscription: of more than 64 waiting
   * progress events the oldest are dropped; of more than 16,384 other events all are, and the subscriber sees a
   * `Disconnected` with the reason `slow subscriber`, then a `Connected`.
   *
   * **Gotchas** Does not wait for the connection. Wait for `Connected` if you need all events from then on.
   */
  readonly subscribe: Effect.Effect<Stream.Stream<ServerMessage>, never, Scope.Scope>
  /**
   * Calls a function with each message at the moment it arrives, until the scope closes.
   *
   * **Gotchas** All other subscribers wait until the function returns: it must be quick and must not throw.
   */
  readonly listen: (listener: (message: ServerMessage) => void) => Effect.Effect<void, never, Scope.Scope>
  /**
   * Sends an event such as `subscribe_bulk_download` to the server, now and after every reconnect.
   *
   * **Details** When the scope closes, sends the matching `unsubscribe_…` event.
   */
  readonly join: (event: string, payload: unknown) => Effect.Effect<void, never, Scope.Scope>
}>()("@effect-invokeai/core/server/ServerEvents") {
  /** The events of the client's server. */
  static readonly layer: Layer.Layer<ServerEvents, never, InvokeAiClient | EventTransport> = Layer.effect(
    ServerEvents,
    Effect.suspend(() => make)
  )
}

const maxProgress = 64
const maxOther = 16_384

/** A subscription, from the side of the hub. */
interface Subscriber {
  readonly offer: (message: ServerMessage) => void
  readonly end: () => void
  readonly stream: Stream.Stream<ServerMessage>
}

const isProgress = (message: ServerMessage): boolean =>
  message._tag === "Event" && message.name === "invocation_progress"

/**
 * A waiting list with a bound: old progress goes first, and a reader who leaves everything else lying has to start
 * over.
 */
const makeSubscriber = (): Subscriber => {
  let waiting: Array<ServerMessage> = []
  let progress = 0
  let connected = false
  let ended = false
  const latch = Latch.makeUnsafe()

  const push = (message: ServerMessage) => {
    const last = waiting[waiting.length - 1]
    // only the newest reason matters
    if (message._tag === "Unavailable" && last?._tag === "Unavailable") waiting[waiting.length - 1] = message
    else waiting.push(message)
  }

  const pull = Effect.suspend(function take(): Effect.Effect<
    readonly [ServerMessage, ...Array<ServerMessage>],
    Cause.Done
  > {
    const [first, ...rest] = waiting
    if (first !== undefined) {
      waiting = []
      progress = 0
      return Effect.succeed([first, ...rest])
    }
    if (ended) return Cause.done()
    latch.closeUnsafe()
    return Effect.andThen(latch.await, Effect.suspend(take))
  })

  return {
    offer: (message) => {
      if (ended) return
      if (message._tag !== "Event") connected = message._tag === "Connected"
      if (isProgress(message)) {
        if (progress >= maxProgress) waiting.splice(waiting.findIndex(isProgress), 1)
        else progress++
        waiting.push(message)
      } else if (waiting.length - progress >= maxOther) {
        waiting = [{ _tag: "Disconnected", reason: "slow subscriber" }]
        progress = 0
        if (connected) push({ _tag: "Connected" })
      } else {
        push(message)
      }
      latch.openUnsafe()
    },
    end: () => {
      ended = true
      latch.openUnsafe()
    },
    stream: Stream.fromPull(Effect.succeed(pull))
  }
}

type Listener = (message: ServerMessage) => void

interface Joined {
  readonly event: string
  readonly payload: unknown
}

interface Hub {
  readonly listeners: Set<Listener>
  readonly joined: Set<Joined>
  readonly emit: EventConnection["emit"]
  connected: boolean
}

const openHub = Effect.fnUntraced(function*(
  client: InvokeAiClient["Service"],
  transport: EventTransport["Service"]
): Effect.fn.Return<Hub, never, Scope.Scope> {
  const context = yield* Effect.context()
  const log = (text: string) => void Effect.runForkWith(context)(Effect.logDebug(printable(text)))
  const listeners = new Set<Listener>()
  const joined = new Set<Joined>()
  let refused = false
  let attempts = 0
  let opened = false
  const publish = (message: ServerMessage) => {
    for (const listener of listeners) listener(message)
  }
  const onMessage = (message: TransportMessage) => {
    switch (message._tag) {
      case "Connected": {
        const again = opened
        opened = true
        attempts = 0
        hub.connected = true
        if (again) Metrics.eventReconnects.updateUnsafe(1, context)
        log(again ? "Events: reconnected" : "Events: connected")
        hub.emit("subscribe_queue", { queue_id: client.queueId })
        for (const { event, payload } of joined) hub.emit(event, payload)
        return publish({ _tag: "Connected" })
      }
      case "Disconnected":
        hub.connected = false
        if (message.reason === "io server disconnect") refused = true
        log(`Events: connection lost (${message.reason})`)
        return publish({ _tag: "Disconnected", reason: message.reason })
      case "Rejected":
        attempts++
        if (message.unauthorized) refused = true
        return publish({
          _tag: "Unavailable",
          error: new EventsUnavailable({
            detail: client.redact(message.message),
            unauthorized: message.unauthorized,
            attempts
          })
        })
      default:
        return publish(received(message.name, message.payload))
    }
  }
  const token = Effect.suspend(() => {
    const renew = refused
    refused = false
    return renew ? Effect.andThen(client.renewToken, client.token) : client.token
  })
  const { emit } = yield* transport.connect({ url: client.url, token, onMessage })
  const hub: Hub = { listeners, joined, emit, connected: false }
  return hub
})

const make = Effect.gen(function*() {
  const client = yield* InvokeAiClient
  const transport = yield* EventTransport
  const shared = yield* RcRef.make({ acquire: openHub(client, transport) })

  const listen = Effect.fnUntraced(function*(listener: Listener) {
    const hub = yield* RcRef.get(shared)
    yield* Effect.acquireRelease(
      Effect.sync(() => {
        hub.listeners.add(listener)
        if (hub.connected) listener({ _tag: "Connected" })
      }),
      () => Effect.sync(() => hub.listeners.delete(listener))
    )
  })

  return ServerEvents.of({
    listen,
    subscribe: Effect.gen(function*() {
      const subscriber = yield* Effect.acquireRelease(Effect.sync(makeSubscriber), ({ end }) => Effect.sync(end))
      yield* listen(subscriber.offer)
      return subscriber.stream
    }),
    join: Effect.fnUntraced(function*(event, payload) {
      const hub = yield* RcRef.get(shared)
      const joined: Joined = { event, payload }
      yield* Effect.acquireRelease(
        Effect.sync(() => {
          hub.joined.add(joined)
          if (hub.connected) hub.emit(event, payload)
        }),
        () =>
          Effect.sync(() => {
            hub.joined.delete(joined)
            if (event.startsWith("subscribe_")) hub.emit(`un${event}`, payload)
          })
      )
    })
  })
})
