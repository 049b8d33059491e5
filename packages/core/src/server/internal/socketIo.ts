import * as Effect from "effect/Effect"
import * as Option from "effect/Option"
import * as Random from "effect/Random"
import * as Redacted from "effect/Redacted"
import type { Socket } from "socket.io-client"
import type { EventConnection, EventConnectOptions } from "../EventTransport.ts"

const firstPause = 100
const longestPause = 5_000
const connectTimeout = 20_000

/**
 * How long to wait before the next attempt, in milliseconds: doubled each time up to five seconds, and spread by half.
 *
 * @internal
 */
export const pauseAfter = (failures: number, random: number): number =>
  Math.min(longestPause, firstPause * 2 ** Math.min(failures, 10)) * (0.5 + random / 2)

/** @internal */
export const connect = Effect.fnUntraced(function*(options: EventConnectOptions) {
  const { onMessage, token, url } = options
  // many programs never subscribe to events, and loading it takes memory
  const { io } = yield* Effect.promise(() => import("socket.io-client"))
  let current: Socket | undefined = undefined

  // one connection from the first attempt to its loss; true if it was open in between
  const session = (auth: Record<string, string>) =>
    Effect.callback<boolean>((resume) => {
      const socket = io(url.origin, {
        path: `${url.pathname}${url.pathname.endsWith("/") ? "" : "/"}ws/socket.io`,
        transports: ["websocket"],
        reconnection: false,
        forceNew: true,
        timeout: connectTimeout,
        auth
      })
      current = socket
      socket.on("connect", () => onMessage({ _tag: "Connected" }))
      socket.on("connect_error", (error: Error) => {
        // errors of the server's own response carry `data`, errors of the connection do not
        onMessage({ _tag: "Rejected", message: error.message, unauthorized: Object.hasOwn(error, "data") })
        socket.disconnect()
        resume(Effect.succeed(false))
      })
      socket.on("disconnect", (reason) => {
        onMessage({ _tag: "Disconnected", reason })
        resume(Effect.succeed(true))
      })
      socket.onAny((name: string, payload: unknown) => onMessage({ _tag: "Received", name, payload }))
      return Effect.sync(() => {
        socket.off()
        socket.offAny()
        socket.disconnect()
      })
    })

  const loop = Effect.fnUntraced(function*() {
    let failures = 0
    while (true) {
      const auth = yield* token
      const wasOpen = yield* session(Option.isSome(auth) ? { token: Redacted.value(auth.value) } : {})
      current = undefined
      failures = wasOpen ? 0 : failures + 1
      yield* Effect.sleep(pauseAfter(failures, yield* Random.next))
    }
  })
  yield* Effect.forkScoped(loop())

  const connection: EventConnection = {
    emit: (event, payload) => {
      if (current?.connected === true) current.emit(event, payload)
    }
  }
  return connection
})
