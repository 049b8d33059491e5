/**
 * An event connection to a `Simulator` in the same process, without network.
 *
 * @since 0.1.0
 */
import { EventTransport, type TransportMessage } from "@effect-invokeai/core/server/EventTransport"
import * as Deferred from "effect/Deferred"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Queue from "effect/Queue"
import * as Redacted from "effect/Redacted"
import * as Stream from "effect/Stream"
import { Simulator, type SimulatorSocket } from "../Simulator.ts"

/**
 * The transport. Like Socket.IO, it reconnects automatically.
 *
 * **Details**
 *
 * `reconnectDelay` is the pause before it reconnects, 1 second by default, measured by the `Clock`. Payloads are copied
 * through JSON, as on a network.
 *
 * @category layers
 * @since 0.1.0
 */
export const layer = (
  options: { readonly reconnectDelay?: Duration.Input | undefined } = {}
): Layer.Layer<EventTransport, never, Simulator> =>
  Layer.effect(
    EventTransport,
    Effect.gen(function*() {
      const simulator = yield* Simulator
      const pause = Duration.fromInputUnsafe(options.reconnectDelay ?? "1 second")
      return EventTransport.of({
        connect: Effect.fnUntraced(function*({ onMessage, token }) {
          const run = Effect.runForkWith(yield* Effect.context())
          // as on a network, a message arrives after the server has sent it, and not in the middle of its work
          const messages = yield* Effect.acquireRelease(Queue.unbounded<TransportMessage>(), Queue.shutdown)
          yield* Effect.forkScoped(
            Stream.runForEach(Stream.fromQueue(messages), (message) => Effect.sync(() => onMessage(message)))
          )
          const emit = (message: TransportMessage): void => void Queue.offerUnsafe(messages, message)
          let socket: SimulatorSocket | undefined = undefined
          const attempt = Effect.gen(function*() {
            const secret = Option.map(yield* token, Redacted.value)
            const lost = yield* Deferred.make<string>()
            const opened = yield* simulator.connect({
              token: Option.getOrUndefined(secret),
              send: (name, payload) => {
                const copy: unknown = JSON.parse(JSON.stringify(payload))
                emit({ _tag: "Received", name, payload: copy })
              },
              close: (reason) => Deferred.doneUnsafe(lost, Effect.succeed(reason))
            })
            socket = opened
            emit({ _tag: "Connected" })
            const reason = yield* Effect.onInterrupt(Deferred.await(lost), () => opened.close)
            socket = undefined
            emit({ _tag: "Disconnected", reason })
          }).pipe(
            Effect.catchTag("SocketRefused", ({ message, unauthorized }) =>
              Effect.sync(() => emit({ _tag: "Rejected", message, unauthorized })))
          )
          yield* Effect.forkScoped(Effect.forever(Effect.andThen(attempt, Effect.sleep(pause))))
          return {
            emit: (name, payload) => {
              if (socket !== undefined) {
                run(socket.receive(name, payload))
              }
            }
          }
        })
      })
    })
  )
