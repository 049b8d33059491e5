/**
 * The connection that carries the server's events.
 *
 * **Example** (Print the names of all events of a queue)
 *
 * ```ts
 * import { EventTransport } from "@effect-invokeai/core/server/EventTransport"
 * import * as Effect from "effect/Effect"
 *
 * export const printEvents = Effect.gen(function*() {
 *   const transport = yield* EventTransport
 *   const connection = yield* transport.connect({
 *     url: new URL("http://localhost:9090"),
 *     token: Effect.succeedNone,
 *     onMessage(message) {
 *       if (message._tag === "Connected") connection.emit("subscribe_queue", { queue_id: "default" })
 *       if (message._tag === "Received") console.log(message.name)
 *     }
 *   })
 *   yield* Effect.never
 * }).pipe(Effect.scoped, Effect.provide(EventTransport.layerSocketIo))
 * ```
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"

/**
 * A message of an event connection.
 *
 * @since 0.1.0
 * @category models
 */
export type TransportMessage =
  | {
    /** The connection is open, for the first time or again. Events from before are lost. */
    readonly _tag: "Connected"
  }
  | {
    /** The connection was lost; the transport tries again by itself. */
    readonly _tag: "Disconnected"
    /** The reason that Socket.IO reports, such as `transport close` or `io server disconnect` (the token was revoked). */
    readonly reason: string
  }
  | {
    /** An attempt to connect failed; the transport tries again by itself. */
    readonly _tag: "Rejected"
    /** Why the attempt failed. */
    readonly message: string
    /** Whether the server responded and rejected the login. */
    readonly unauthorized: boolean
  }
  | {
    /** An event arrived. */
    readonly _tag: "Received"
    /** Name of the event as the server sent it. */
    readonly name: string
    /** Payload of the event, not yet decoded. */
    readonly payload: unknown
  }

/**
 * An open connection. It lives as long as the scope it was made in.
 *
 * @since 0.1.0
 * @category models
 */
export interface EventConnection {
  /** Sends an event. Does nothing while there is no connection; send it again after the next `Connected`. */
  readonly emit: (event: string, payload: unknown) => void
}

/**
 * The URL, the credentials, and the handler of messages.
 *
 * @since 0.1.0
 * @category models
 */
export interface EventConnectOptions {
  /** The base URL of the server, with its sub-path. */
  readonly url: URL
  /** The bearer token, read before every attempt; `None` if no login is needed. */
  readonly token: Effect.Effect<Option.Option<Redacted.Redacted>>
  /** Called with each message at the moment it arrives, but not before `connect` has returned. */
  readonly onMessage: (message: TransportMessage) => void
}

/**
 * Opens connections for events.
 *
 * **Details**
 *
 * A connection never fails: it reconnects by itself with growing, jittered pauses, and says so in its messages.
 * `EventTransport.layerSocketIo` is the one for real servers; the simulator brings one in memory.
 *
 * @since 0.1.0
 * @category services
 */
export class EventTransport extends Context.Service<EventTransport, {
  /**
   * Opens a connection that lives as long as its scope.
   *
   * **Details** Never fails: a connection that cannot be made is tried again, and `onMessage` receives a `Rejected`
   * for each attempt.
   */
  readonly connect: (options: EventConnectOptions) => Effect.Effect<EventConnection, never, Scope.Scope>
}>()("@effect-invokeai/core/server/EventTransport") {
  /**
   * Connections over Socket.IO, on a websocket at `{base URL}/ws/socket.io`.
   *
   * **Details**
   *
   * After a loss the first pause is about 100 milliseconds, then each is twice as long, up to 5 seconds, spread by chance.
   * `socket.io-client` is loaded when the first connection is made.
   */
  static readonly layerSocketIo: Layer.Layer<EventTransport> = Layer.succeed(EventTransport, {
    connect: (options) =>
      Effect.flatMap(Effect.promise(() => import("./internal/socketIo.ts")), ({ connect }) => connect(options))
  })
}
