/**
 * The error of a name that several resources share.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { TaggedError } from "../internal/TaggedError.ts"

/**
 * A name fits several boards or models, so that it does not say which one is meant.
 *
 * @since 0.1.0
 * @category errors
 */
export class AmbiguousName extends TaggedError<AmbiguousName>()("AmbiguousName", {
  /** Whether several boards or several models have the name. */
  kind: Schema.Literals(["board", "model"]),
  /** The name that was looked for. */
  requestedName: Schema.String,
  /** The boards (by id) or models (by key) with this name, each with a description to choose by. */
  candidates: Schema.Array(Schema.Struct({ id: Schema.String, description: Schema.String }))
}) {
  override get message(): string {
    const list = this.candidates.map(({ description, id }) => `${id} (${description})`).join(", ")
    return `${this.candidates.length} ${this.kind}s are named ${JSON.stringify(this.requestedName)}: ${list}. Use ${
      this.kind === "board" ? "an id" : "a key, or add the base and type"
    }`
  }
}
