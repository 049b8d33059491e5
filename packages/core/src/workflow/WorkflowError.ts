/**
 * What can be wrong with a workflow before it is sent: the file, the names, the values, and what is still missing.
 *
 * **Details**
 *
 * Every error carries the data to act on it; its `message` is a sentence for a person. All but `ResourcesUnavailable`
 * name a fault of the workflow or of its use, and come again however often it is tried.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"
import { printableLine } from "../internal/printable.ts"
import { TaggedError } from "../internal/TaggedError.ts"

/**
 * The given file, text or value is not a workflow that can be read.
 *
 * **Details**
 *
 * `source` says where it came from (a path, `JSON text`, `PNG image`), `reason` what is wrong, `path` where in the
 * document, as keys from its root.
 *
 * @category errors
 * @since 0.1.0
 */
export class WorkflowParseError extends TaggedError<WorkflowParseError>()("WorkflowParseError", {
  reason: Schema.String,
  source: Schema.optionalKey(Schema.String),
  path: Schema.optionalKey(Schema.Array(Schema.String)),
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    const source = this.source === undefined
      ? "Cannot read the workflow"
      : `Cannot read the workflow from ${this.source}`
    const path = this.path === undefined || this.path.length === 0 ? "" : ` (at ${this.path.join(".")})`
    return `${source}: ${this.reason}${path}`
  }
}

/**
 * There is no workflow where one was looked for: no such file, no such entry in the server's library, no such image, or
 * an image that was not made by a workflow.
 *
 * **Details**
 *
 * `source` says where it was looked for, `reason` what is not there. A workflow that is there but cannot be read is a
 * `WorkflowParseError`.
 *
 * @category errors
 * @since 0.1.0
 */
export class WorkflowNotFound extends TaggedError<WorkflowNotFound>()("WorkflowNotFound", {
  source: Schema.String,
  reason: Schema.String,
  cause: Schema.optionalKey(Schema.Defect())
}) {
  override get message(): string {
    return `There is no workflow in ${this.source}: ${this.reason}`
  }
}

/**
 * No input has the given name, system name or index; or, where any field of any node can be named, no field has the
 * system name.
 *
 * **Details**
 *
 * `inputName` is the name that was asked for. `near` holds the names that look most like the given one, best first. `available` has a name for each input in form
 * order: its user name if no other input has it, else its system name. `offForm` holds the system names of fields that
 * are called so, but are not on the form: `Workflow.setField` and `Workflow.getField` reach them.
 *
 * @category errors
 * @since 0.1.0
 */
export class InputNotFound extends TaggedError<InputNotFound>()("InputNotFound", {
  inputName: Schema.String,
  /** Whether a field of any node was wanted, or an input of the form. */
  wanted: Schema.Literals(["input", "field"]),
  near: Schema.Array(Schema.String),
  available: Schema.Array(Schema.String),
  offForm: Schema.Array(Schema.String)
}) {
  override get message(): string {
    if (this.wanted === "field") {
      const hint = this.near.length > 0 ? `Did you mean ${this.near.join(" or ")}?` : "Workflow.fields has them all"
      return `No field has the system name '${this.inputName}' ({nodeId}.{fieldName}). ${hint}`
    }
    const off = this.offForm.slice(0, 3).map((field) => `Workflow.setField("${field}", …)`).join(" or ")
    if (this.offForm.includes(this.inputName)) {
      return `The field '${this.inputName}' is not on the workflow's form: use ${off}`
    }
    const fields = off === "" ? "" : `. Fields with this name that are not on the form: ${off}`
    const hint = this.near.length > 0
      ? `. Did you mean ${this.near.join(" or ")}?`
      : fields !== ""
      ? ""
      : this.available.length === 0
      ? ": the workflow has no inputs in its form"
      : `. There are: ${this.available.slice(0, 20).join(", ")}${this.available.length > 20 ? ", …" : ""}`
    const unknown = /^\d+$/.test(this.inputName) ? "No input has the name or index" : "No input is called"
    return `${unknown} '${this.inputName}'${hint}${hint.endsWith("?") ? fields.slice(1) : fields}`
  }
}

/**
 * Several inputs have the given name, `inputName`, so that it does not say which one is meant. One of `systemNames` does.
 *
 * @category errors
 * @since 0.1.0
 */
export class AmbiguousInputName extends TaggedError<AmbiguousInputName>()("AmbiguousInputName", {
  inputName: Schema.String,
  nodeIds: Schema.Array(Schema.String),
  systemNames: Schema.Array(Schema.String)
}) {
  override get message(): string {
    return `Multiple '${this.inputName}' fields found in workflow (nodes: ${
      this.nodeIds.join(", ")
    }). Use a system name: ${this.systemNames.join(" or ")}`
  }
}

/**
 * A value does not fit the input it was given to.
 *
 * **Details**
 *
 * `expected` says what the field takes, with its bounds and choices; `received` describes what came, shortened, so that
 * a message never repeats a large value.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidInputValue extends TaggedError<InvalidInputValue>()("InvalidInputValue", {
  systemName: Schema.String,
  /** The input's user name: its label, or else its field name. */
  userName: Schema.String,
  nodeId: Schema.String,
  fieldName: Schema.String,
  /** The node's label, or else the title of its type. */
  nodeTitle: Schema.String,
  expected: Schema.String,
  received: Schema.String
}) {
  override get message(): string {
    return `${this.userName} (${this.nodeTitle}): expected ${this.expected}, got ${this.received}`
  }
}

/** @internal */
export const noSeedInput =
  "the workflow has no seed to set: no node has a seed of its own, and no random integer goes into one (seeds that a sweep or " +
  "a batch node varies do not count). Leave the seed out, or set the field itself with Workflow.setField"

/**
 * `Workflow.setSeed` was called for a workflow that has no seed to set: `Workflow.seedInputs` is empty.
 *
 * @category errors
 * @since 0.1.0
 */
export class NoSeedInput extends TaggedError<NoSeedInput>()("NoSeedInput", {}) {
  override get message(): string {
    return `Cannot set the seed: ${noSeedInput}`
  }
}

/**
 * Which rule a `Problem` comes from.
 *
 * **Details**
 *
 * - `interface`: the official UI keeps its Invoke button disabled for the same reason
 * - `server`: the UI would send it, the server refuses it, fails on it, or (batch values) is blocked by it
 * - `resource`: something the workflow names is not on the server, or not only once
 * - `library`: this library's own rule, such as step counts greater than 0
 *
 * @category models
 * @since 0.1.0
 */
export const ProblemSource = Schema.Literals(["interface", "server", "resource", "library"])

/**
 * Which rule a `Problem` comes from.
 *
 * @category models
 * @since 0.1.0
 */
export type ProblemSource = typeof ProblemSource.Type

/**
 * One reason why a workflow cannot be submitted.
 *
 * **Details**
 *
 * `code` is stable and meant for programs: the UI's own key where the UI has the rule (`missingInputForField`,
 * `collectionNumberLTMin`, `batchNodeNotConnected`, …). A problem without `nodeId` concerns the workflow as a whole; one
 * without `systemName` a node as a whole. `label` is what the UI shows before the reason (`Node -> Field`).
 *
 * @category models
 * @since 0.1.0
 */
export const Problem = Schema.Struct({
  code: Schema.String,
  source: ProblemSource,
  message: Schema.String,
  nodeId: Schema.optionalKey(Schema.String),
  fieldName: Schema.optionalKey(Schema.String),
  systemName: Schema.optionalKey(Schema.String),
  nodeTitle: Schema.optionalKey(Schema.String),
  label: Schema.optionalKey(Schema.String),
  /** The values in the reason: `value`, `minimum`, `maxItems`, `batchGroupId`, … named as the UI names them. */
  parameters: Schema.optionalKey(Schema.Record(Schema.String, Schema.Union([Schema.String, Schema.Number]))),
  /** Keys or names of the things on the server that could have been meant. */
  candidates: Schema.optionalKey(Schema.Array(Schema.String))
})

/**
 * One reason why a workflow cannot be submitted.
 *
 * @category models
 * @since 0.1.0
 */
export interface Problem extends Schema.Schema.Type<typeof Problem> {}

/**
 * A problem as one line: where, then what.
 *
 * @category formatting
 * @since 0.1.0
 */
export const formatProblem = (problem: Problem): string => {
  const where = problem.label ?? problem.nodeTitle ?? problem.nodeId
  return printableLine(where === undefined ? problem.message : `${where}: ${problem.message}`)
}

/**
 * The workflow cannot be submitted as it is. Nothing was sent.
 *
 * **Details**
 *
 * `problems` holds every reason, not only the first: batch rules, then nodes in file order, then what is missing on the
 * server.
 *
 * @category errors
 * @since 0.1.0
 */
export class WorkflowNotReady extends TaggedError<WorkflowNotReady>()("WorkflowNotReady", {
  problems: Schema.Array(Problem)
}) {
  override get message(): string {
    const count = this.problems.length
    const lines = this.problems.slice(0, 50).map((problem) => `- ${formatProblem(problem)}`)
    const rest = count > 50 ? [`- and ${count - 50} more`] : []
    return [`The workflow is not ready (${count} problem${count === 1 ? "" : "s"}):`, ...lines, ...rest].join("\n")
  }
}

/**
 * The server could not be asked for a workflow, or about the models, images or boards that a workflow names.
 *
 * **Details**
 *
 * Says nothing about the workflow: the same call may succeed later. `operation` is what was asked, `cause` the failure
 * of the call.
 *
 * @category errors
 * @since 0.1.0
 */
export class ResourcesUnavailable extends TaggedError<ResourcesUnavailable>()("ResourcesUnavailable", {
  operation: Schema.String,
  cause: Schema.Defect()
}) {
  override get message(): string {
    const cause = this.cause
    const detail = cause instanceof Error && cause.message !== "" ? `: ${cause.message}` : ""
    return `The server cannot be asked about ${this.operation}${detail}`
  }
}
