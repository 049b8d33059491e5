/**
 * Describes which faults happen on the simulated server, where and when.
 *
 * **Example** (The second upload gets no response, and the socket closes at the first progress event)
 *
 * ```ts
 * import * as Fault from "@effect-invokeai/testing/Fault"
 *
 * export const script = [
 *   Fault.http({ method: "POST", path: "/api/v1/images/upload", nth: 2 }, Fault.dropResponse),
 *   Fault.event({ name: "invocation_progress" }, Fault.disconnect)
 * ]
 * ```
 *
 * **Example** (Faults of requests and events)
 *
 * ```ts
 * import * as Fault from "@effect-invokeai/testing/Fault"
 *
 * export const actions = [
 *   Fault.delay("5 seconds", "after"),
 *   Fault.arriveLate("2 minutes"),
 *   Fault.status(502),
 *   Fault.corruptBody(),
 *   Fault.truncate(100),
 *   Fault.restart({ downFor: "10 seconds" })
 * ]
 *
 * export const events = [Fault.event({ nth: 3 }, Fault.reorder(2))]
 * ```
 *
 * @since 0.1.0
 */
import * as Duration from "effect/Duration"

/**
 * What happens to a request.
 *
 * @category models
 * @since 0.1.0
 */
export type HttpAction =
  | { readonly _tag: "DropRequest" }
  | { readonly _tag: "DropResponse" }
  | {
    readonly _tag: "Delay"
    /** How long the request is delayed. */
    readonly duration: Duration.Duration
    /** Whether the delay is before or after the server does what is requested. */
    readonly side: "before" | "after"
  }
  | {
    readonly _tag: "Status"
    /** The status of the response. */
    readonly status: number
    /** The `detail` in the body of the response. */
    readonly detail: unknown
    /** Whether the server does what is requested before the response is replaced. */
    readonly handled: boolean
  }
  | {
    readonly _tag: "CorruptBody"
    /** The body of the response. */
    readonly body: string
    /** The content type of the response. */
    readonly contentType: string
    /** Whether the server does what is requested before the response is replaced. */
    readonly handled: boolean
  }
  | {
    readonly _tag: "Truncate"
    /** The number of bytes of the response body after which the connection ends. */
    readonly length: number
  }
  | {
    readonly _tag: "InPieces"
    /** How many bytes each piece of the response body has; the last one may have fewer. */
    readonly size: number
    /** How long the server waits before each piece but the first. */
    readonly pause: Duration.Duration
  }
  | {
    readonly _tag: "ArriveLate"
    /** How long the request is in flight. */
    readonly duration: Duration.Duration
  }
  | {
    readonly _tag: "Rewrite"
    /** Returns the new body of a JSON response. */
    readonly change: (body: unknown) => unknown
  }
  | {
    readonly _tag: "Restart"
    /** Whether the server keeps its database. */
    readonly database: boolean
    /** How long the server is down. */
    readonly downFor: Duration.Duration
  }

/**
 * What happens to an event that is sent to a socket.
 *
 * @category models
 * @since 0.1.0
 */
export type EventAction =
  | { readonly _tag: "DropEvent" }
  | { readonly _tag: "Duplicate" }
  | {
    readonly _tag: "Reorder"
    /** How many later events arrive before this one. */
    readonly events: number
  }
  | { readonly _tag: "Disconnect" }

/**
 * A fault and its condition.
 *
 * @category models
 * @since 0.1.0
 */
export type Fault =
  | {
    readonly _tag: "Http"
    /** The method of the requests; undefined for all. */
    readonly method: string | undefined
    /** The path of the requests, as in `http`. */
    readonly path: string | RegExp
    /** The first occasion at which the fault happens, from 1. */
    readonly nth: number
    /** At how many occasions the fault happens. */
    readonly times: number
    /** What happens. */
    readonly action: HttpAction
  }
  | {
    readonly _tag: "Event"
    /** The name of the events; undefined for all. */
    readonly name: string | undefined
    /** The first occasion at which the fault happens, from 1. */
    readonly nth: number
    /** At how many occasions the fault happens. */
    readonly times: number
    /** What happens. */
    readonly action: EventAction
  }
  | {
    readonly _tag: "Connection"
    /** The first occasion at which the fault happens, from 1. */
    readonly nth: number
    /** At how many occasions the fault happens. */
    readonly times: number
  }
  | {
    readonly _tag: "Disk"
    /** Which file operations are slow; undefined for both. */
    readonly operation: "read" | "write" | undefined
    /** The first occasion at which the fault happens, from 1. */
    readonly nth: number
    /** At how many occasions the fault happens. */
    readonly times: number
    /** How much longer each file takes. */
    readonly duration: Duration.Duration
  }
  | {
    readonly _tag: "Random"
    /** The seed of the random numbers. */
    readonly seed: number
    /** The method of the requests; undefined for all. */
    readonly method: string | undefined
    /** The path of the requests, as in `http`. */
    readonly path: string | RegExp
    /** The share of requests that fail, from 0 to 1. */
    readonly requests: number
    /** The share of events that fail, from 0 to 1. */
    readonly events: number
    /** The maximum number of faults. */
    readonly maxFaults: number
    /** What can happen to a request, each equally likely. */
    readonly requestActions: ReadonlyArray<HttpAction>
    /** What can happen to an event, each equally likely. */
    readonly eventActions: ReadonlyArray<EventAction>
  }

/**
 * When a fault happens: at the `nth` occasion (1 is the first, the default), for `times` occasions (default 1).
 *
 * @category models
 * @since 0.1.0
 */
export interface Trigger {
  /**
   * The first occasion at which the fault happens, from 1.
   *
   * @default 1
   */
  readonly nth?: number | undefined
  /**
   * At how many occasions the fault happens.
   *
   * @default 1
   */
  readonly times?: number | undefined
}

/**
 * A fault of a request. `path` is a template such as `/api/v1/queue/{queue_id}/enqueue_batch`, whose braces match one
 * part of a path, or a regular expression.
 *
 * @category constructors
 * @since 0.1.0
 */
export const http = (
  where: Trigger & { readonly method?: string | undefined; readonly path: string | RegExp },
  action: HttpAction
): Fault => ({
  _tag: "Http",
  method: where.method,
  path: where.path,
  nth: where.nth ?? 1,
  times: where.times ?? 1,
  action
})

/**
 * A fault of events sent to sockets; without a name, of every event.
 *
 * @category constructors
 * @since 0.1.0
 */
export const event = (where: Trigger & { readonly name?: string | undefined }, action: EventAction): Fault => ({
  _tag: "Event",
  name: where.name,
  nth: where.nth ?? 1,
  times: where.times ?? 1,
  action
})

/**
 * The request never reaches the server.
 *
 * @category actions
 * @since 0.1.0
 */
export const dropRequest: HttpAction = { _tag: "DropRequest" }

/**
 * The server does what was requested, but its response is lost.
 *
 * @category actions
 * @since 0.1.0
 */
export const dropResponse: HttpAction = { _tag: "DropResponse" }

/**
 * The server waits before (default) or after it does what was requested.
 *
 * @category actions
 * @since 0.1.0
 */
export const delay = (duration: Duration.Input, side: "before" | "after" = "before"): HttpAction => ({
  _tag: "Delay",
  duration: Duration.fromInputUnsafe(duration),
  side
})

/**
 * The server responds with another status, by default without doing what was requested.
 *
 * @category actions
 * @since 0.1.0
 */
export const status = (
  code: number,
  detail: unknown = "Injected fault",
  options: { readonly handled?: boolean | undefined } = {}
): HttpAction => ({ _tag: "Status", status: code, detail, handled: options.handled ?? false })

/**
 * Status 200 with an invalid body.
 *
 * @category actions
 * @since 0.1.0
 */
export const corruptBody = (
  body = "<html>not the requested content</html>",
  options: { readonly contentType?: string | undefined; readonly handled?: boolean | undefined } = {}
): HttpAction => ({
  _tag: "CorruptBody",
  body,
  contentType: options.contentType ?? "text/html",
  handled: options.handled ?? false
})

/**
 * The connection ends after some bytes of the response's body.
 *
 * @category actions
 * @since 0.1.0
 */
export const truncate = (length: number): HttpAction => ({ _tag: "Truncate", length })

/**
 * The response's body arrives in pieces of some bytes, with a pause before each but the first (default: none), as over a slow
 * connection. With a long pause, the connection hangs after the first piece.
 *
 * **Example** (Every download hangs after 1000 bytes)
 *
 * ```ts
 * import * as Fault from "@effect-invokeai/testing/Fault"
 *
 * export const hanging = Fault.http(
 *   { method: "GET", path: "/api/v1/images/i/{image_name}/full", times: Number.POSITIVE_INFINITY },
 *   Fault.inPieces(1000, "1 hour")
 * )
 * ```
 *
 * @category actions
 * @since 0.1.0
 */
export const inPieces = (size: number, pause: Duration.Input = 0): HttpAction => ({
  _tag: "InPieces",
  size: Math.max(1, Math.floor(size)),
  pause: Duration.fromInputUnsafe(pause)
})

/**
 * The request arrives after a duration, even if the client no longer waits; its response is lost. A proxy that buffers
 * requests does this.
 *
 * @category actions
 * @since 0.1.0
 */
export const arriveLate = (duration: Duration.Input): HttpAction => ({
  _tag: "ArriveLate",
  duration: Duration.fromInputUnsafe(duration)
})

/**
 * The server does what is requested, and the JSON body of its response is replaced by the result of a function, which
 * gets the body. A response that is not JSON is not changed.
 *
 * **Example** (A newer server has a status that the client does not know)
 *
 * ```ts
 * import * as Fault from "@effect-invokeai/testing/Fault"
 *
 * export const newer = Fault.http(
 *   { method: "GET", path: "/api/v1/queue/{queue_id}/i/{item_id}", times: Number.POSITIVE_INFINITY },
 *   Fault.rewrite((item) => Object.assign({}, item, { status: "paused" }))
 * )
 * ```
 *
 * @category actions
 * @since 0.1.0
 */
export const rewrite = (change: (body: unknown) => unknown): HttpAction => ({ _tag: "Rewrite", change })

/**
 * The server does what is requested, then stops before it responds, and restarts, as `Simulator.restart` does.
 *
 * **Details**
 *
 * `downFor` is how long it is down, 0 by default. With `database: false`, it loses its data.
 *
 * @category actions
 * @since 0.1.0
 */
export const restart = (
  options: { readonly database?: boolean | undefined; readonly downFor?: Duration.Input | undefined } = {}
): HttpAction => ({
  _tag: "Restart",
  database: options.database ?? true,
  downFor: Duration.fromInputUnsafe(options.downFor ?? 0)
})

/**
 * The event does not arrive.
 *
 * @category actions
 * @since 0.1.0
 */
export const dropEvent: EventAction = { _tag: "DropEvent" }

/**
 * The event arrives twice.
 *
 * @category actions
 * @since 0.1.0
 */
export const duplicate: EventAction = { _tag: "Duplicate" }

/**
 * The event arrives only after the given number of later ones.
 *
 * @category actions
 * @since 0.1.0
 */
export const reorder = (events = 1): EventAction => ({ _tag: "Reorder", events })

/**
 * The event is lost, and the socket closes.
 *
 * @category actions
 * @since 0.1.0
 */
export const disconnect: EventAction = { _tag: "Disconnect" }

/**
 * The server refuses an event connection, as behind a proxy that does not forward WebSockets. Open connections stay open.
 *
 * **Example** (Without events)
 *
 * ```ts
 * import * as Fault from "@effect-invokeai/testing/Fault"
 *
 * export const noEvents = Fault.refuseConnection({ times: Number.POSITIVE_INFINITY })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const refuseConnection = (where: Trigger = {}): Fault => ({
  _tag: "Connection",
  nth: where.nth ?? 1,
  times: where.times ?? 1
})

/**
 * A slow disk: adds a duration to each image file that is written (uploads, results) or read (downloads, thumbnails).
 * Without an operation, to both.
 *
 * **Example** (Every file takes a second)
 *
 * ```ts
 * import * as Fault from "@effect-invokeai/testing/Fault"
 *
 * export const old = Fault.slowDisk("1 second", { times: Number.POSITIVE_INFINITY })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const slowDisk = (
  duration: Duration.Input,
  where: Trigger & { readonly operation?: "read" | "write" | undefined } = {}
): Fault => ({
  _tag: "Disk",
  operation: where.operation,
  nth: where.nth ?? 1,
  times: where.times ?? 1,
  duration: Duration.fromInputUnsafe(duration)
})

/**
 * Which faults happen at random, and how often.
 *
 * @category models
 * @since 0.1.0
 */
export interface RandomOptions {
  /** Only requests of this method. */
  readonly method?: string | undefined
  /** Only requests of these paths, as in `http`; all by default. */
  readonly path?: string | RegExp | undefined
  /** Share of requests with a fault, from 0 to 1. Default: 0.1. */
  readonly requests?: number | undefined
  /** Share of events with a fault, from 0 to 1. Default: 0.1. */
  readonly events?: number | undefined
  /** Maximum number of faults, so that tests terminate. Default: 100. */
  readonly maxFaults?: number | undefined
  /** What can happen to a request, each equally likely. Default: `requestActions`. */
  readonly requestActions?: ReadonlyArray<HttpAction> | undefined
  /** What can happen to an event, each equally likely. Default: `eventActions`. */
  readonly eventActions?: ReadonlyArray<EventAction> | undefined
}

/**
 * Random faults, for soak tests.
 *
 * **Details**
 *
 * Each request, and each event that is sent to a socket, has one of the faults with the given probability. The same seed
 * and the same sequence of requests cause the same faults, so a failing seed can be run again.
 *
 * **Gotchas**
 *
 * No faults follow after `maxFaults`, because many programs would otherwise rightly wait indefinitely.
 *
 * **Example** (An unreliable network)
 *
 * ```ts
 * import * as Fault from "@effect-invokeai/testing/Fault"
 *
 * export const bad = (seed: number) => Fault.random(seed, { requests: 0.3, events: 0.2, maxFaults: 20 })
 * ```
 *
 * @category constructors
 * @since 0.1.0
 */
export const random = (seed: number, options: RandomOptions = {}): Fault => ({
  _tag: "Random",
  seed,
  method: options.method,
  path: options.path ?? /^/,
  requests: options.requests ?? 0.1,
  events: options.events ?? 0.1,
  maxFaults: options.maxFaults ?? 100,
  requestActions: options.requestActions ?? requestActions,
  eventActions: options.eventActions ?? eventActions
})

/**
 * The faults of requests that `random` causes: lost before or after the work, delayed, rejected with 500, 502 or 503 with
 * or without the work done, with an invalid or truncated response.
 *
 * @category actions
 * @since 0.1.0
 */
export const requestActions: ReadonlyArray<HttpAction> = [
  dropRequest,
  dropResponse,
  delay("3 seconds"),
  delay("3 seconds", "after"),
  delay("90 seconds", "after"),
  status(500),
  status(500, "Internal Server Error", { handled: true }),
  status(502, "Bad Gateway"),
  status(503, "Service Unavailable", { handled: true }),
  corruptBody(),
  corruptBody("<html></html>", { handled: true }),
  truncate(10)
]

/**
 * The faults of events that `random` causes: lost, duplicated, delayed by one or four others, lost with the connection.
 *
 * @category actions
 * @since 0.1.0
 */
export const eventActions: ReadonlyArray<EventAction> = [dropEvent, duplicate, reorder(1), reorder(4), disconnect]
