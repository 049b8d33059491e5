/**
 * A small language to say what goes wrong on the simulated server, where and when.
 *
 * **Example** (The second upload gets no answer, and the socket closes at the first progress event)
 *
 * ```ts
 * import * as Fault from "@effect-invokeai/core/simulator/Fault"
 *
 * export const script = [
 *   Fault.http({ method: "POST", path: "/api/v1/images/upload", nth: 2 }, Fault.dropResponse),
 *   Fault.event({ name: "invocation_progress" }, Fault.disconnect)
 * ]
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
  | { readonly _tag: "Delay"; readonly duration: Duration.Duration; readonly side: "before" | "after" }
  | { readonly _tag: "Status"; readonly status: number; readonly detail: unknown; readonly handled: boolean }
  | { readonly _tag: "Garbage"; readonly body: string; readonly contentType: string; readonly handled: boolean }
  | { readonly _tag: "Truncate"; readonly length: number }

/**
 * What happens to an event on its way to a socket.
 *
 * @category models
 * @since 0.1.0
 */
export type EventAction =
  | { readonly _tag: "Lose" }
  | { readonly _tag: "Duplicate" }
  | { readonly _tag: "HoldBack"; readonly events: number }
  | { readonly _tag: "Disconnect" }

/**
 * A fault that waits for its moment.
 *
 * @category models
 * @since 0.1.0
 */
export type Fault =
  | {
    readonly _tag: "Http"
    readonly method: string | undefined
    readonly path: string | RegExp
    readonly nth: number
    readonly times: number
    readonly action: HttpAction
  }
  | {
    readonly _tag: "Event"
    readonly name: string | undefined
    readonly nth: number
    readonly times: number
    readonly action: EventAction
  }

/**
 * When a fault happens: at the `nth` occasion (1 is the first, the default), for `times` occasions (default 1).
 *
 * @category models
 * @since 0.1.0
 */
export interface Occasion {
  readonly nth?: number | undefined
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
  where: Occasion & { readonly method?: string | undefined; readonly path: string | RegExp },
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
 * A fault of events on their way to sockets; without a name, of every event.
 *
 * @category constructors
 * @since 0.1.0
 */
export const event = (where: Occasion & { readonly name?: string | undefined }, action: EventAction): Fault => ({
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
 * The server does what is asked, but its answer is lost.
 *
 * @category actions
 * @since 0.1.0
 */
export const dropResponse: HttpAction = { _tag: "DropResponse" }

/**
 * The server takes its time before (default) or after it does what is asked.
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
 * Another status is answered; by default without doing what is asked.
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
 * Status 200 with a body that is not what it should be.
 *
 * @category actions
 * @since 0.1.0
 */
export const garbage = (
  body = "<html>not what you asked for</html>",
  options: { readonly contentType?: string | undefined; readonly handled?: boolean | undefined } = {}
): HttpAction => ({
  _tag: "Garbage",
  body,
  contentType: options.contentType ?? "text/html",
  handled: options.handled ?? false
})

/**
 * The connection ends after some bytes of the answer's body.
 *
 * @category actions
 * @since 0.1.0
 */
export const truncate = (length: number): HttpAction => ({ _tag: "Truncate", length })

/**
 * The event does not arrive.
 *
 * @category actions
 * @since 0.1.0
 */
export const lose: EventAction = { _tag: "Lose" }

/**
 * The event arrives twice.
 *
 * @category actions
 * @since 0.1.0
 */
export const duplicate: EventAction = { _tag: "Duplicate" }

/**
 * The event arrives only after so many later ones.
 *
 * @category actions
 * @since 0.1.0
 */
export const holdBack = (events = 1): EventAction => ({ _tag: "HoldBack", events })

/**
 * The event is lost and the socket with it.
 *
 * @category actions
 * @since 0.1.0
 */
export const disconnect: EventAction = { _tag: "Disconnect" }

const escapeRegExp = (literal: string): string => literal.replace(/[.*+?^$()|[\]\\]/g, "\\$&")

const matchesPath = (path: string | RegExp, actual: string): boolean =>
  path instanceof RegExp
    ? path.test(actual)
    : new RegExp(`^${escapeRegExp(path).replace(/\{[^}]*\}/g, "[^/]+")}$`).test(actual)

/**
 * Faults at work: counts the occasions and says which faults strike.
 *
 * @category models
 * @since 0.1.0
 */
export class FaultScript {
  private readonly waiting: Array<{ readonly fault: Fault; seen: number }> = []

  /** Adds faults. Occasions count from now. */
  add(faults: ReadonlyArray<Fault>): void {
    for (const fault of faults) this.waiting.push({ fault, seen: 0 })
  }

  /** Forgets all faults. */
  clear(): void {
    this.waiting.length = 0
  }

  private strikes<Tag extends Fault["_tag"]>(
    tag: Tag,
    matches: (fault: Extract<Fault, { readonly _tag: Tag }>) => boolean
  ): ReadonlyArray<Extract<Fault, { readonly _tag: Tag }>> {
    const isTagged = (fault: Fault): fault is Extract<Fault, { readonly _tag: Tag }> => fault._tag === tag
    return this.waiting.flatMap((entry) => {
      if (!isTagged(entry.fault) || !matches(entry.fault)) return []
      entry.seen += 1
      const { nth, times } = entry.fault
      return entry.seen >= nth && entry.seen < nth + times ? [entry.fault] : []
    })
  }

  /** The faults that strike a request. */
  onRequest(method: string, path: string): ReadonlyArray<HttpAction> {
    return this.strikes(
      "Http",
      (fault) => (fault.method === undefined || fault.method === method) && matchesPath(fault.path, path)
    ).map((fault) => fault.action)
  }

  /** The faults that strike an event. */
  onEvent(name: string): ReadonlyArray<EventAction> {
    return this.strikes("Event", (fault) => fault.name === undefined || fault.name === name).map((fault) =>
      fault.action
    )
  }
}
