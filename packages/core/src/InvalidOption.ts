/**
 * The error of an option or an argument that a function does not accept.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { TaggedError } from "./internal/TaggedError.ts"

/**
 * A function does not accept an option or an argument: its value is invalid, such as the duration `"10 mins"` or the
 * quality 900, or no option has that name.
 *
 * **Details**
 *
 * Nothing was sent to the server or written. Functions with options fail with it. If you pass invalid options to a
 * layer, or an argument that its type excludes, it is a defect. The promise client always rejects with it.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidOption extends TaggedError<InvalidOption>()("InvalidOption", {
  /** `option`, or `argument` for a value that the function needs, such as the workflow. */
  subject: Schema.Literals(["option", "argument"]),
  /** The name of the option or of the argument. */
  option: Schema.String,
  /** Which values are accepted. For an unknown name: which options there are. */
  expected: Schema.String,
  /** A description of the value, at most 60 characters of it. Tokens and passwords are never in it. */
  received: Schema.String,
  /** For an unknown name, the options with similar names, at most three. */
  suggestions: Schema.optionalKey(Schema.Array(Schema.String))
}) {
  override get message(): string {
    const name = JSON.stringify(this.option)
    if (this.suggestions !== undefined) {
      const near = this.suggestions.length === 0
        ? ""
        : ` Did you mean ${this.suggestions.map((other) => JSON.stringify(other)).join(" or ")}?`
      return `Unknown option ${name} with value ${this.received}.${near} The options are ${this.expected}`
    }
    return `Invalid ${this.subject} ${name}: expected ${this.expected}, got ${this.received}`
  }
}
