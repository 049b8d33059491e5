/**
 * Errors that only the promise client rejects with.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * The client was closed before or during a call.
 *
 * @category errors
 * @since 0.1.0
 */
export class ClientClosed extends Schema.TaggedError<ClientClosed>()("ClientClosed", {
  /** The method that was called. */
  call: Schema.String,
  /** The signal on which the client closed itself. Absent if the program closed it. */
  signal: Schema.optionalKey(Schema.Literals(["SIGINT", "SIGTERM"]))
}) {
  override get message(): string {
    return this.signal === undefined
      ? `Could not call "${this.call}": the client is closed. Close it after the last call, or connect again`
      : `Could not complete "${this.call}": the client closed itself because the process received ${this.signal}`
  }

  /** Always false. */
  get isRetryable(): boolean {
    return false
  }
}

/**
 * A call ended in a way that the types do not name: an argument of a wrong type, an interruption, or a fault of the
 * library.
 *
 * @category errors
 * @since 0.1.0
 */
export class UnexpectedError extends Schema.TaggedError<UnexpectedError>()("UnexpectedError", {
  /** The method that was called. */
  call: Schema.String,
  /** What happened. */
  detail: Schema.String,
  /** The value that was thrown, if any. */
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `"${this.call}" failed unexpectedly: ${this.detail}. Check the arguments of the call; "cause" has the details`
  }

  /** Always false. */
  get isRetryable(): boolean {
    return false
  }
}
