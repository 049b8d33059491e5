/**
 * Cleanup on a server that may be slow or unavailable: retried, limited in time, and never forgotten.
 *
 * @since 0.1.0
 */
import * as Clock from "effect/Clock"
import * as Context from "effect/Context"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import type * as Fiber from "effect/Fiber"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Result from "effect/Result"
import type * as Scope from "effect/Scope"
import * as Semaphore from "effect/Semaphore"
import { InvokeAiError } from "../InvokeAiError.ts"
import { CloseTimeout } from "../server/InvokeAiConfig.ts"
import { elapsedMillisUnsafe } from "./elapsed.ts"
import { durationOption } from "./options.ts"
import { printable } from "./printable.ts"
import { type Observed, type Request, whileProgressing } from "./progress.ts"

/**
 * Something to clean up on the server.
 *
 * - `subject`: what is cleaned up, for messages. It identifies the task: a new task replaces an unfinished one with the
 *   same subject.
 * - `attempt`: cleans it up. It must be idempotent and interruptible.
 * - `again`: the attempt in the background, when the caller's scope is closed. Default: `attempt`.
 * - `request`: the request that cleans up, for messages if none was sent.
 *
 * @internal
 */
export interface ClosingTask<A> {
  readonly subject: string
  readonly attempt: Effect.Effect<A, InvokeAiError>
  readonly again?: Effect.Effect<A, InvokeAiError> | undefined
  readonly request: { readonly method: string; readonly path: string }
}

/**
 * The unfinished cleanup of one service.
 *
 * - `run`: cleans up now, and retries after transient failures until `closeTimeout` has passed. A task that fails
 *   is retried in the background, with growing pauses, and once more when the scope of the service closes. One that is
 *   interrupted continues in the background.
 * - `defer`: cleans up in the background from the start.
 * - `cancel`: forgets an unfinished task.
 * - `fork`: runs an effect that continues if the caller is interrupted, until the service closes.
 * - `timeout`: `closeTimeout`.
 *
 * @internal
 */
export interface ClosingTasks {
  readonly timeout: Duration.Duration
  readonly run: <A>(task: ClosingTask<A>) => Effect.Effect<Result.Result<A, InvokeAiError>>
  readonly defer: (task: ClosingTask<unknown>) => Effect.Effect<void>
  readonly cancel: (subject: string) => void
  readonly fork: <A, E>(effect: Effect.Effect<A, E>) => Effect.Effect<Fiber.Fiber<A, E>>
}

/** The code of a failure that means that the server is still working on the request. @internal */
export const unfinishedCode = "ERR_UNFINISHED"

/** Whether a retry of the cleanup can succeed. Proxies can respond to any request with a web page. @internal */
export const isTransient = (error: InvokeAiError): boolean =>
  error.isRetryable || error.isAmbiguous || error.code === "ERR_HTML" || error.code === unfinishedCode

/** Pauses between attempts, in milliseconds: while a scope waits, and in the background. */
const pauses = { waiting: { first: 100, longest: 1000 }, background: { first: 1000, longest: 60_000 } }

/** Maximum pause between cleanups that share one `closeTimeout`, in milliseconds. */
const togetherWithin = 1000

/** Time for the last attempts if `closeTimeout` has passed when the service closes, in milliseconds. */
const lastAttempts = 500

/** Maximum number of concurrent background attempts of a service. */
const concurrency = 4

interface Pending {
  readonly task: ClosingTask<unknown>
}

/**
 * The time limit that all cleanup of a client shares.
 *
 * - `timeout`: how long closing waits, in total, for requests that fail or receive no response.
 * - `tasks`: the cleanup of one service, whose last attempts are made when the scope closes.
 *
 * @internal
 */
export class Closing extends Context.Service<Closing, {
  readonly timeout: Duration.Duration
  readonly tasks: Effect.Effect<ClosingTasks, never, Scope.Scope>
}>()("@effect-invokeai/core/internal/Closing") {
  static readonly layer: Layer.Layer<Closing> = Layer.effect(Closing, Effect.suspend(() => make))
}

/** The time that a series of cleanups has waited for a server that fails or does not respond. */
class Patience {
  readonly limit: number
  private running = 0
  private spent = 0
  private lastEnd = -Infinity

  constructor(limit: number) {
    this.limit = limit
  }

  begin(now: number): number {
    if (this.running === 0 && now - this.lastEnd > togetherWithin) this.spent = 0
    this.running++
    return Math.max(0, this.limit - this.spent)
  }

  /** Records the end of a cleanup, and how long it waited without success. */
  end(now: number, spent: number): void {
    this.running--
    this.lastEnd = now
    this.spent += spent
  }

  /** Records that a request succeeded. */
  renew(): void {
    this.spent = 0
  }
}

const make = Effect.gen(function*() {
  const timeout = durationOption("closeTimeout", yield* CloseTimeout)
  const patience = new Patience(Duration.toMillis(timeout))

  const timedOut = ({ request }: ClosingTask<unknown>, latest?: Request): InvokeAiError =>
    new InvokeAiError({
      reason: { _tag: "Transport" },
      method: latest?.method ?? request.method,
      path: latest?.path ?? request.path,
      ...(latest?.server === undefined ? undefined : { server: latest.server }),
      detail: "the server did not respond in time",
      code: "ETIMEDOUT",
      sent: latest?.sent ?? true
    })

  const notTried = ({ request }: ClosingTask<unknown>): InvokeAiError =>
    new InvokeAiError({
      reason: { _tag: "Transport" },
      ...request,
      detail: "not attempted: closeTimeout had passed",
      code: "ETIMEDOUT",
      sent: false
    })

  /**
   * Retries an attempt until it succeeds, fails permanently, or times out. Failed attempts count with their whole
   * duration, the current one only since its last successful request.
   */
  const repeated = <A>(
    task: ClosingTask<A>,
    attempt: Effect.Effect<A, InvokeAiError>,
    left: () => number,
    observed: Observed
  ): Effect.Effect<A, InvokeAiError> => {
    const loop = (pause: number, failure?: InvokeAiError): Effect.Effect<A, InvokeAiError> =>
      Effect.suspend(() => left() <= 0 ? Effect.fail(failure ?? timedOut(task)) : once(pause, failure))
    const once = (pause: number, failure: InvokeAiError | undefined) =>
      whileProgressing(attempt, left(), observed).pipe(
        Effect.matchEffect({
          onSuccess: (result) =>
            Option.isSome(result)
              ? Effect.succeed(result.value)
              : Effect.fail(failure ?? timedOut(task, observed.latest)),
          onFailure: (error) => {
            if (!isTransient(error)) return Effect.fail(error)
            observed.productive = 0
            return Effect.andThen(
              Effect.sleep(Math.max(0, Math.min(pause, left()))),
              loop(Math.min(pause * 2, pauses.waiting.longest), error)
            )
          }
        })
      )
    return loop(pauses.waiting.first)
  }

  const bounded = <A>(
    task: ClosingTask<A>,
    attempt: Effect.Effect<A, InvokeAiError>,
    least: number
  ): Effect.Effect<Result.Result<A, InvokeAiError>> =>
    Effect.gen(function*() {
      const clock = yield* Clock.Clock
      const began = elapsedMillisUnsafe(clock)
      const elapsed = () => elapsedMillisUnsafe(clock) - began
      const millis = Math.max(least, patience.begin(began))
      const observed: Observed = { latest: undefined, productive: 0 }
      const end = (succeeded: boolean) =>
        patience.end(elapsedMillisUnsafe(clock), succeeded ? 0 : elapsed() - observed.productive)
      const result = millis === 0
        ? Result.fail(notTried(task))
        : yield* Effect.result(repeated(task, attempt, () => millis - elapsed(), observed)).pipe(
          Effect.onInterrupt(() => Effect.sync(() => end(false)))
        )
      end(Result.isSuccess(result))
      return result
    })

  const tasks = Effect.gen(function*() {
    const pending = new Map<string, Pending>()
    const permits = Semaphore.makeUnsafe(concurrency)

    yield* Effect.addFinalizer(() =>
      Effect.forEach([...pending.values()], ({ task }) =>
        Effect.flatMap(
          bounded(task, task.again ?? task.attempt, lastAttempts),
          (result) =>
            Result.isSuccess(result)
              ? Effect.void
              : Effect.logWarning(printable(`${task.subject} could not be cleaned up: ${result.failure.message}`))
        ), { concurrency: 8, discard: true })
    )
    const scope = yield* Effect.scope

    const inBackground = (entry: Pending, begin: Effect.Effect<unknown, InvokeAiError>, delay: number) => {
      const { again, attempt, subject } = entry.task
      const isCurrent = () => pending.get(subject) === entry
      const limited = (effect: Effect.Effect<unknown, InvokeAiError>) =>
        Effect.flatMap(
          whileProgressing(effect, Duration.toMillis(timeout)),
          Option.match({ onNone: () => Effect.fail(timedOut(entry.task)), onSome: Effect.succeed })
        )
      const loop = (next: Effect.Effect<unknown, InvokeAiError>, pause: number): Effect.Effect<void> =>
        Effect.flatMap(Effect.result(permits.withPermit(limited(next))), (result) => {
          if (!isCurrent()) return Effect.void
          if (Result.isSuccess(result)) {
            pending.delete(subject)
            patience.renew()
            return Effect.logDebug(printable(`${subject} was cleaned up in the background`))
          }
          return Effect.suspend(() => isCurrent() ? loop(again ?? attempt, Math.min(pause * 2, longest)) : Effect.void)
            .pipe(Effect.delay(pause))
        })
      const { first, longest } = pauses.background
      return Effect.suspend(() => isCurrent() ? loop(begin, first) : Effect.void).pipe(Effect.delay(delay))
    }

    const retryLater = Effect.fnUntraced(function*(
      task: ClosingTask<unknown>,
      begin: Effect.Effect<unknown, InvokeAiError>,
      delay: number
    ) {
      const entry: Pending = { task }
      pending.set(task.subject, entry)
      yield* Effect.forkIn(inBackground(entry, begin, delay), scope)
    })

    const run: ClosingTasks["run"] = (task) =>
      Effect.gen(function*() {
        pending.delete(task.subject)
        const again = task.again ?? task.attempt
        const result = yield* bounded(task, task.attempt, 0).pipe(
          Effect.onInterrupt(() => retryLater(task, again, 0))
        )
        if (Result.isFailure(result)) yield* retryLater(task, again, pauses.background.first)
        return result
      })

    return {
      run,
      defer: (task) => retryLater(task, task.attempt, 0),
      cancel: (subject) => void pending.delete(subject),
      fork: (effect) => Effect.forkIn(effect, scope),
      timeout
    } satisfies ClosingTasks
  })

  return Closing.of({ timeout, tasks })
})
