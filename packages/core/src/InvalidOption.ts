/**
 * The error of an option with a value that its type does not allow.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { TaggedError } from "./internal/TaggedError.ts"

/**
 * An option has a value that its type does not allow, such as the duration `"10 mins"`.
 *
 * **Details**
 *
 * `option` is the name of the option, `expected` what it takes, `received` the value as JSON, shortened. TypeScript reports
 * the same mistake before the program runs. So this is a defect of the effect, not a failure in its type; the promise
 * client rejects with it.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidOption extends TaggedError<InvalidOption>()("InvalidOption", {
  option: Schema.String,
  expected: Schema.String,
  received: Schema.String
}) {
  override get message(): string {
    return `Invalid option "${this.option}": expected ${this.expected}, got ${this.received}`
  }
}
