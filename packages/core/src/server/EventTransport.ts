/**
 * The connection that carries the server's events.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import type * as Option from "effect/Option"
import type * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"

/**
 * What a connection tells.
 *
 * - `Connected`: the connection is open, for the first time or again. Everything in between is lost.
 * - `Disconnected`: the connection was lost; the transport tries again by itself. `reason` is Socket.IO's, for example
 *   `transport close` or `io server disconnect` (the login was revoked).
 * - `Rejected`: an attempt to connect failed; the transport tries again by itself. `unauthorized` says that the server
 *   answered and refused.
 * - `Received`: an event, not yet decoded.
 *
 * @since 0.1.0
 * @category models
 */
export type TransportMessage =
  | { readonly _tag: "Connected" }
  | { readonly _tag: "Disconnected"; readonly reason: string }
  | { readonly _tag: "Rejected"; readonly message: string; readonly unauthorized: boolean }
  | { readonly _tag: "Received"; readonly name: string; readonly payload: unknown }

/**
 * An open connection. It lives as long as the scope it was made in.
 *
 * `messages` is read once. `emit` sends an event; without a connection it does nothing, for whoever needs it sends it
 * again after the next `Connected`.
 *
 * @since 0.1.0
 * @category models
 */
export interface EventConnection {
  readonly messages: Stream.Stream<TransportMessage>
  readonly emit: (event: string, payload: unknown) => Effect.Effect<void>
}

/**
 * Where and as whom to connect. `url` is the server's base URL (with its sub-path); `token` is read before every attempt.
 *
 * @since 0.1.0
 * @category models
 */
export interface EventConnectOptions {
  readonly url: URL
  readonly token: Effect.Effect<Option.Option<Redacted.Redacted>>
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
