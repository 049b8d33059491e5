/** The base of all errors of this library: `Schema.TaggedError` with messages that are fit for a terminal. */
import type * as Cause from "effect/Cause"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { printable } from "./printable.ts"

type Arguments = [tag: string, fields: Schema.Struct.Fields, annotations?: object]

type ErrorClass = new(...args: ReadonlyArray<unknown>) => Error

const override = (error: Error, name: "message" | "stack" | "cause", value: unknown): void => {
  Object.defineProperty(error, name, { value, configurable: true, writable: true })
}

/** Whether the cause of an error says that the same call may succeed later. */
export const isRetryableCause = (cause: unknown): boolean =>
  Predicate.hasProperty(cause, "isRetryable") && cause.isRetryable === true

/** What all errors of this library have in common. */
export interface Retryable {
  /**
   * Whether the same call may succeed in a moment, because the failure is transient: the server was not reachable, busy, or
   * broke off its response. Does not say whether repeating is harmless.
   */
  readonly isRetryable: boolean
}

/** At most this many causes of causes are looked at. */
const maximumDepth = 10

/** A cause whose messages are fit for a terminal: a copy where they are not. A parser quotes the file that it reads. */
const printableCause = (cause: unknown, depth = 0): unknown => {
  if (typeof cause === "string") return printable(cause)
  if (!(cause instanceof Error) || depth > maximumDepth) return cause
  const message = printable(cause.message)
  const stack = printable(cause.stack ?? "")
  const inner = printableCause(cause.cause, depth + 1)
  if (message === cause.message && stack === (cause.stack ?? "") && inner === cause.cause) return cause
  const copy: Error = Object.create(Object.getPrototypeOf(cause), Object.getOwnPropertyDescriptors(cause))
  override(copy, "message", message)
  override(copy, "stack", stack)
  if (inner !== undefined) override(copy, "cause", inner)
  return copy
}

const withPrintableMessage = (Base: ErrorClass): ErrorClass =>
  class extends Base {
    constructor(...args: ReadonlyArray<unknown>) {
      super(...args)
      const cause = printableCause(this.cause)
      if (cause !== this.cause) override(this, "cause", cause)
      // the getter of the class builds the message from the fields, which stay as they came
      const message = printable(this.message)
      if (message !== this.message) override(this, "message", message)
    }

    get isRetryable(): boolean {
      return isRetryableCause(this.cause)
    }
  }

// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same function, without what ties a class to its fields
const make = Schema.TaggedError as unknown as (identifier?: string) => (...args: Arguments) => ErrorClass

const wrapped = (identifier?: string) => (...args: Arguments): ErrorClass =>
  withPrintableMessage(make(identifier)(...args))

/**
 * As `Schema.TaggedError`. The fields of an error hold what came from a file, a server or a program as it is. Its message
 * and those of its causes, which people read on terminals and in logs, have control characters as escapes. An error is
 * retryable if its cause is; classes that know better override `isRetryable`.
 */
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only the constructor is another, with the same arguments
export const TaggedError = wrapped as unknown as <Self>(identifier?: string) => <
  Tag extends string,
  const Fields extends Schema.Struct.Fields
>(
  tag: Tag,
  fields: Fields
) => Schema.Class<Self, Schema.TaggedStruct<Tag, Fields>, Cause.YieldableError & Retryable>
