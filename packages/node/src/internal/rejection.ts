/** What the promise client rejects with: an error with a tag, and with the line of the caller in its stack. */
import * as Cause from "effect/Cause"
import * as Option from "effect/Option"
import { hasProperty, isObject, isString } from "effect/Predicate"
import { ClientClosed, UnexpectedError } from "../PromiseError.ts"

/** The frames of the place that calls. @internal */
export const callSite = (): string => /(?:\n {4}at .*)+$/.exec(new Error("call site").stack ?? "")?.[0] ?? ""

const libraryStacks = new WeakMap<Error, string>()

/** Several calls may reject with the same error: each replaces the frames that the one before has added. */
const withCaller = <E extends Error>(error: E, caller: string): E => {
  const stack = libraryStacks.get(error) ?? error.stack ?? String(error)
  libraryStacks.set(error, stack)
  Reflect.defineProperty(error, "stack", {
    value: `${stack}${caller}`,
    configurable: true,
    enumerable: false,
    writable: true
  })
  return error
}

const isTagged = (value: unknown): value is { readonly _tag: string; readonly message: string } =>
  hasProperty(value, "_tag") && isString(value._tag) && hasProperty(value, "message") && isString(value.message)

/** An error of the promise client itself. Its own frames would say nothing. */
const own = <E extends Error>(error: E, caller: string): E => {
  libraryStacks.set(error, `${error.name}: ${error.message}`)
  return withCaller(error, caller)
}

/** Failures such as `ConfigError` are objects without a stack. */
const asError = (failure: unknown): unknown =>
  failure instanceof Error || !isTagged(failure)
    ? failure
    : Object.assign(new Error(failure.message, { cause: failure }), { _tag: failure._tag, name: failure._tag })

const describe = (defect: unknown): string =>
  defect instanceof Error ? defect.message : isObject(defect) ? "an object was thrown" : String(defect)

/** A call, and what is known when it has failed. @internal */
export interface FailedCall {
  readonly call: string
  readonly caller: string
  readonly abort: AbortSignal | undefined
  /** Set once the client is closing or closed. */
  readonly closed: ClientClosed["signal"] | "close" | undefined
}

/** The error for a call of a closed client. @internal */
export const closedError = ({ call, caller, closed }: Pick<FailedCall, "call" | "caller" | "closed">): ClientClosed =>
  own(
    new ClientClosed({ call, ...(closed === undefined || closed === "close" ? undefined : { signal: closed }) }),
    caller
  )

/** What a call rejects with: the reason of the abort, the failure itself, or else an error of this module. @internal */
export const fromCause = (cause: Cause.Cause<unknown>, failed: FailedCall): unknown => {
  const { abort, call, caller, closed } = failed
  if (abort?.aborted === true && Cause.hasInterrupts(cause)) return abort.reason
  const failure = Option.map(Cause.findErrorOption(cause), asError)
  if (Option.isSome(failure)) return failure.value instanceof Error ? withCaller(failure.value, caller) : failure.value
  if (Cause.hasInterruptsOnly(cause)) {
    return closed === undefined
      ? own(new UnexpectedError({ call, detail: "it was interrupted" }), caller)
      : closedError(failed)
  }
  const defect = asError(Cause.squash(cause))
  return defect instanceof Error && isTagged(defect)
    ? withCaller(defect, caller)
    : own(new UnexpectedError({ call, detail: describe(defect), cause: defect }), caller)
}
