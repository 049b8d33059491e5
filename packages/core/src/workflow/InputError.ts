/**
 * Errors of finding and setting the inputs of a workflow.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { TaggedError, TaggedErrorWithReason } from "../internal/TaggedError.ts"

/**
 * No input has the given name, system name or index; or, for functions that accept any field, no field has the system
 * name.
 *
 * @category errors
 * @since 0.1.0
 */
export class InputNotFound extends TaggedError<InputNotFound>()("InputNotFound", {
  /** The name that was requested. */
  inputName: Schema.String,
  /** Whether a field of any node was requested, or an input of the form. */
  wanted: Schema.Literals(["input", "field"]),
  /** Up to three similar names, the most similar first. */
  suggestions: Schema.Array(Schema.String),
  /** A name for each input in form order: its user name if no other input has it, else its public name. */
  available: Schema.Array(Schema.String),
  /**
   * The system names of fields with this name that are not on the form: `Workflow.setField` and `Workflow.getField`
   * reach them.
   */
  hiddenFields: Schema.Array(Schema.String)
}) {
  override get message(): string {
    if (this.wanted === "field") {
      const hint = this.suggestions.length > 0
        ? `Did you mean ${this.suggestions.join(" or ")}?`
        : "Workflow.fields lists all fields"
      return `No field has the system name ${JSON.stringify(this.inputName)} ({nodeId}.{fieldName}). ${hint}`
    }
    const off = this.hiddenFields.slice(0, 3).map((field) => `Workflow.setField("${field}", …)`).join(" or ")
    if (this.hiddenFields.includes(this.inputName)) {
      return `Field ${JSON.stringify(this.inputName)} is not on the workflow's form: use ${off}`
    }
    const fields = off === "" ? "" : `. Fields with this name that are not on the form: ${off}`
    const hint = this.suggestions.length > 0
      ? `. Did you mean ${this.suggestions.join(" or ")}?`
      : fields !== ""
      ? ""
      : this.available.length === 0
      ? ": the workflow has no inputs on its form"
      : `. The inputs are: ${this.available.slice(0, 20).join(", ")}${this.available.length > 20 ? ", …" : ""}`
    const unknown = /^\d+$/.test(this.inputName) ? "No input has the name or index" : "No input is named"
    return `${unknown} ${JSON.stringify(this.inputName)}${hint}${hint.endsWith("?") ? fields.slice(1) : fields}`
  }
}

/**
 * Several inputs have the given name, so it is ambiguous.
 *
 * @category errors
 * @since 0.1.0
 */
export class AmbiguousInputName extends TaggedError<AmbiguousInputName>()("AmbiguousInputName", {
  /** The name that several inputs have. */
  inputName: Schema.String,
  /** The ids of the nodes of these inputs. */
  nodeIds: Schema.Array(Schema.String),
  /** The public names of these inputs: use one of them. */
  publicNames: Schema.Array(Schema.String),
  /** The system names of these inputs, which can be used too. */
  systemNames: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `${this.systemNames.length} inputs are named ${JSON.stringify(this.inputName)} (nodes: ${
      this.nodeIds.join(", ")
    }). Use ${this.publicNames.join(" or ")}, or a system name: ${this.systemNames.join(" or ")}`
  }
}

/**
 * A value is invalid for the input it was set for.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidInputValue extends TaggedError<InvalidInputValue>()("InvalidInputValue", {
  /** The system name of the input, `{nodeId}.{fieldName}`. */
  systemName: Schema.String,
  /** The input's user name: its label, or else its field name. */
  userName: Schema.String,
  /** The id of the node. */
  nodeId: Schema.String,
  /** The name of the field. */
  fieldName: Schema.String,
  /** The node's label, or else the title of its type. */
  nodeTitle: Schema.String,
  /** What the field accepts, with its bounds and choices. */
  expected: Schema.String,
  /** A short description of the value, so that messages never contain large values. */
  received: Schema.String
}) {
  override get message(): string {
    return `Invalid value for input ${JSON.stringify(this.userName)} (node ${
      JSON.stringify(this.nodeTitle)
    }): expected ${this.expected}, got ${this.received}`
  }
}

/** @internal */
export const noSeedInput =
  "the workflow has no seed to set: no node has its own seed, and no random integer is connected to one (seeds that a sweep or " +
  "a batch node varies do not count). Omit the seed, or set the field with Workflow.setField"

/**
 * `Workflow.setSeed` was called for a workflow that has no seed to set: `Workflow.seedInputs` is empty.
 *
 * @category errors
 * @since 0.1.0
 */
export class NoSeedInput extends TaggedError<NoSeedInput>()("NoSeedInput", {}) {
  override get message(): string {
    return `Could not set the seed: ${noSeedInput}`
  }
}

const InputErrorReason = Schema.Union([InputNotFound, AmbiguousInputName, InvalidInputValue, NoSeedInput])

/**
 * Why an input could not be found or set.
 *
 * @category errors
 * @since 0.1.0
 */
export type InputErrorReason = typeof InputErrorReason.Type

/**
 * An input of a workflow could not be found or set. `reason` says why.
 *
 * **Example** (Keeping the value of the file if another is invalid)
 *
 * ```ts
 * import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
 * import * as Effect from "effect/Effect"
 *
 * const withSteps = (workflow: Workflow.Workflow, steps: unknown) =>
 *   Workflow.setInputs(workflow, { num_steps: steps }).pipe(
 *     Effect.catchReason("InputError", "InvalidInputValue", () => Effect.succeed(workflow))
 *   )
 * ```
 *
 * @category errors
 * @since 0.1.0
 */
export class InputError extends TaggedErrorWithReason<InputError>()("InputError", {
  /** Why the input could not be found or set, by `_tag`. */
  reason: InputErrorReason
}) {}
