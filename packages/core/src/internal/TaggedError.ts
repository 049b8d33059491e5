/**
 * The base class of all errors of this library: `Schema.TaggedError` with messages that are safe to print on a
 * terminal.
 */
import type * as Cause from "effect/Cause"
import * as Predicate from "effect/Predicate"
import * as Schema from "effect/Schema"
import { printable } from "./printable.ts"

type Arguments = [tag: string, fields: Schema.Struct.Fields, annotations?: object]

type ErrorClass = new(...args: ReadonlyArray<unknown>) => Error

const override = (error: Error, name: "message" | "stack" | "cause", value: unknown): void => {
  Object.defineProperty(error, name, { value, configurable: true, writable: true })
}

/** Whether the cause of an error is retryable. */
export const isRetryableCause = (cause: unknown): boolean =>
  Predicate.hasProperty(cause, "isRetryable") && cause.isRetryable === true

/** What all errors of this library have in common. */
export interface Retryable {
  /**
   * Whether the same call can succeed later, because the failure is transient: the server was unreachable or busy, or
   * its response was cut off. Does not tell whether a retry is safe.
   */
  readonly isRetryable: boolean
}

/** Maximum depth of nested causes that are inspected. */
const maximumDepth = 10

/** A cause whose messages are safe to print: a copy if they are not, because parsers quote the files that they read. */
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
      // the getter of the class builds the message from the unchanged fields
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
 * Like `Schema.TaggedError`. The fields of an error contain text from files, servers and programs unchanged. In its
 * message and those of its causes, control characters are escaped, because they are printed on terminals and in logs.
 * An error is retryable if its cause is; classes override `isRetryable` if they know better.
 */
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only the constructor is another, with the same arguments
export const TaggedError = wrapped as unknown as <Self>(identifier?: string) => <
  Tag extends string,
  const Fields extends Schema.Struct.Fields
>(
  tag: Tag,
  fields: Fields
) => Schema.Class<Self, Schema.TaggedStruct<Tag, Fields>, Cause.YieldableError & Retryable>

const withReasonAsCause = (Base: ErrorClass): ErrorClass =>
  class extends Base {
    declare readonly reason: Error

    constructor(...args: ReadonlyArray<unknown>) {
      super(...args)
      override(this, "cause", this.reason)
    }

    override get message(): string {
      return this.reason.message
    }
  }

const wrappedWithReason = (identifier?: string) => (...args: Arguments): ErrorClass =>
  withReasonAsCause(wrapped(identifier)(...args))

/**
 * A tag for several errors of one operation: `reason` is one of them, for `Effect.catchReason`. The message and
 * `isRetryable` are those of the reason, which is also the cause.
 */
// oxlint-disable-next-line typescript/no-unsafe-type-assertion -- only the constructor is another, with the same arguments
export const TaggedErrorWithReason = wrappedWithReason as unknown as <Self>(identifier?: string) => <
  Tag extends string,
  const Fields extends Schema.Struct.Fields & { readonly reason: Schema.Schema<Error & Retryable> }
>(
  tag: Tag,
  fields: Fields
) => Schema.Class<Self, Schema.TaggedStruct<Tag, Fields>, Cause.YieldableError & Retryable>
