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
 * `emit` sends an event; without a connection it does nothing, for whoever needs it sends it again after the next
 * `Connected`.
 *
 * @since 0.1.0
 * @category models
 */
export interface EventConnection {
  readonly emit: (event: string, payload: unknown) => void
}

/**
 * Where and as whom to connect, and who is told. `url` is the server's base URL (with its sub-path); `token` is read before
 * every attempt; `onMessage` is called with each message in the moment in which it arrives, but not before `connect` has
 * returned.
 *
 * @since 0.1.0
 * @category models
 */
export interface EventConnectOptions {
  readonly url: URL
  readonly token: Effect.Effect<Option.Option<Redacted.Redacted>>
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
