/**
 * The server's events as a stream, over one shared connection.
 *
 * @since 0.1.0
 */
import * as Context from "effect/Context"
import type * as Effect from "effect/Effect"
import * as Schema from "effect/Schema"
import type * as Scope from "effect/Scope"
import type * as Stream from "effect/Stream"
import type { ServerEvent } from "./ServerEvent.ts"

/**
 * The events cannot be had at the moment: the server cannot be reached, or it refuses the login.
 *
 * The connection is tried again all the time; this tells why it is not there.
 *
 * @since 0.1.0
 * @category errors
 */
export class EventsUnavailable extends Schema.TaggedError<EventsUnavailable>()("EventsUnavailable", {
  detail: Schema.String,
  unauthorized: Schema.Boolean,
  attempts: Schema.Number
}) {
  override get message(): string {
    return this.unauthorized
      ? `The server refuses the event connection: ${this.detail}`
      : `No event connection to the server after ${this.attempts} attempts: ${this.detail}`
  }
}

/**
 * What a subscriber sees.
 *
 * - `Connected`: events flow from here on. Those from before are lost, so state has to be read over HTTP now. A
 *   subscriber that joins an open connection gets it too, as its first message.
 * - `Disconnected`: events are being lost from here on.
 * - `Unavailable`: an attempt to connect failed; more follow.
 * - `Event`: an event.
 *
 * @since 0.1.0
 * @category models
 */
export type ServerMessage =
  | { readonly _tag: "Connected" }
  | { readonly _tag: "Disconnected"; readonly reason: string }
  | { readonly _tag: "Unavailable"; readonly error: EventsUnavailable }
  | { readonly _tag: "Event"; readonly event: ServerEvent }

/**
 * The server's events.
 *
 * **Details**
 *
 * `subscribe` is eager: no message that arrives after the effect returned is missed, whenever the stream is read. The
 * subscription ends with its scope. All subscriptions share one connection, which is open as long as there is one.
 * `subscribe_queue` is sent on every connect.
 *
 * Memory per subscriber is bounded. Of more than 256 waiting progress events the oldest are left out. Other events are
 * kept; when more than 16,384 of them wait, all are dropped and the subscriber sees a `Disconnected` with the reason
 * `slow reader` and then a `Connected`, as if the connection had been lost, and reads the state over HTTP as it does then.
 *
 * `join` sends an event to the server (such as `subscribe_bulk_download`), at once and again after every reconnect, as
 * long as its scope is open.
 *
 * @since 0.1.0
 * @category services
 */
export class ServerEvents extends Context.Service<ServerEvents, {
  readonly subscribe: Effect.Effect<Stream.Stream<ServerMessage>, never, Scope.Scope>
  readonly join: (event: string, payload: unknown) => Effect.Effect<void, never, Scope.Scope>
}>()("@effect-invokeai/core/server/ServerEvents") {}
