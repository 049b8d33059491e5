/**
 * The errors of a farm.
 *
 * @since 0.1.0
 */
import * as Schema from "effect/Schema"

/**
 * A problem of a row that was offered.
 *
 * @category schemas
 * @since 0.1.0
 */
export class RowProblem extends Schema.Opaque<RowProblem>()(Schema.Struct({
  /** The line of the file, or else the number of the row, from 1. */
  line: Schema.Int,
  /** The name of the column. Absent if the problem concerns the row as a whole. */
  column: Schema.optionalKey(Schema.String),
  /** What is wrong with it. */
  message: Schema.String
})) {}

/** How many problems a message lists. */
const maxListed = 50

const list = (lines: ReadonlyArray<string>, total: number): string =>
  [
    ...lines.slice(0, maxListed).map((line) => `- ${line}`),
    ...(total > Math.min(lines.length, maxListed) ? [`- and ${total - Math.min(lines.length, maxListed)} more`] : [])
  ].join("\n")

/**
 * Rows are invalid. Nothing of the offer was stored, and nothing runs.
 *
 * @category errors
 * @since 0.1.0
 */
export class InvalidRows extends Schema.TaggedError<InvalidRows>()("InvalidRows", {
  /** The name of the run. */
  run: Schema.String,
  /** The problems in the order of the rows, at most 1,000. */
  problems: Schema.Array(RowProblem),
  /** How many problems there are. */
  total: Schema.Int
}) {
  /** Whether the same call may succeed later. Always `false`: the same rows fail again. */
  get isRetryable(): boolean {
    return false
  }

  override get message(): string {
    const lines = this.problems.map(({ column, line, message }) =>
      `line ${line}${column === undefined ? "" : `, ${column}`}: ${message}`
    )
    const count = this.total === 1 ? "1 problem" : `${this.total} problems`
    return `The rows for the run ${JSON.stringify(this.run)} are invalid (${count}):\n${list(lines, this.total)}`
  }
}

/**
 * The farm has no run of this name.
 *
 * @category errors
 * @since 0.1.0
 */
export class RunNotFound extends Schema.TaggedError<RunNotFound>()("RunNotFound", {
  /** The name that was requested. */
  run: Schema.String,
  /** The names of the newest runs, at most 20. */
  runs: Schema.Array(Schema.String)
}) {
  /** Whether the same call may succeed later. Always `false`: the farm has no such run. */
  get isRetryable(): boolean {
    return false
  }

  override get message(): string {
    const known = this.runs.length === 0 ? "It has no runs." : `Its newest runs: ${this.runs.join(", ")}.`
    return `The farm has no run ${JSON.stringify(this.run)}. ${known}`
  }
}

/**
 * The run exists, and was offered with another workflow or other options, or was canceled.
 *
 * @category errors
 * @since 0.1.0
 */
export class RunConflict extends Schema.TaggedError<RunConflict>()("RunConflict", {
  /** The name of the run. */
  run: Schema.String,
  /** What is different. */
  conflict: Schema.Literals(["workflow", "options", "canceled"])
}) {
  /** Whether the same call may succeed later. Always `false`: the run stays as it is. */
  get isRetryable(): boolean {
    return false
  }

  override get message(): string {
    const run = JSON.stringify(this.run)
    const what = this.conflict === "canceled" ?
      "was canceled" :
      `was offered with another ${this.conflict === "workflow" ? "workflow" : "set of options"}`
    return `The run ${run} ${what}. Choose another name, or remove the run and its results with farm.forget(${run}).`
  }
}

/**
 * What a server lacks to run a workflow.
 *
 * @category schemas
 * @since 0.1.0
 */
export class ServerProblem extends Schema.Opaque<ServerProblem>()(Schema.Struct({
  /** The URL of the server. */
  url: Schema.String,
  /** Whether the server responded. */
  reachable: Schema.Boolean,
  /** What it lacks, or why it could not be asked: one line each. */
  problems: Schema.Array(Schema.String)
})) {}

/**
 * None of the servers can run the workflow. Nothing was stored.
 *
 * @category errors
 * @since 0.1.0
 */
export class NoSuitableServer extends Schema.TaggedError<NoSuitableServer>()("NoSuitableServer", {
  /** The name of the run. */
  run: Schema.String,
  /** The servers, and what each lacks. Empty if the farm has no servers. */
  servers: Schema.Array(ServerProblem)
}) {
  /** Whether the same call may succeed later. Always `false`: the servers lack something that has to be installed. */
  get isRetryable(): boolean {
    return false
  }

  override get message(): string {
    const lines = this.servers.flatMap(({ problems, url }) => problems.map((problem) => `${url}: ${problem}`))
    return this.servers.length === 0
      ? `The farm has no server for the run ${JSON.stringify(this.run)}. Add one with farm.addServer.`
      : `No server of the farm can run ${JSON.stringify(this.run)}:\n${list(lines, lines.length)}`
  }
}

/**
 * The farm has no server with this URL.
 *
 * @category errors
 * @since 0.1.0
 */
export class ServerNotFound extends Schema.TaggedError<ServerNotFound>()("ServerNotFound", {
  /** The URL that was requested. */
  url: Schema.String,
  /** The URLs of the farm's servers. */
  servers: Schema.Array(Schema.String)
}) {
  /** Whether the same call may succeed later. Always `false`: the farm has no such server. */
  get isRetryable(): boolean {
    return false
  }

  override get message(): string {
    const known = this.servers.length === 0 ? "It has none." : `It has ${this.servers.join(", ")}.`
    return `The farm has no server ${this.url}. ${known}`
  }
}

/**
 * Another process already works on the SQLite file.
 *
 * @category errors
 * @since 0.1.0
 */
export class StoreInUse extends Schema.TaggedError<StoreInUse>()("StoreInUse", {
  /** The path of the file. */
  filename: Schema.String
}) {
  /** Whether the same call may succeed later. `true`: the other process can end. */
  get isRetryable(): boolean {
    return true
  }

  override get message(): string {
    return `Another process works on ${this.filename}. A SQLite file has one worker: end that process, ` +
      "or use FarmStore.postgres for several. Status, results and control work from any process on this machine."
  }
}

/**
 * The store cannot be opened, read or written.
 *
 * @category errors
 * @since 0.1.0
 */
export class FarmStoreError extends Schema.TaggedError<FarmStoreError>()("FarmStoreError", {
  /** What the farm was doing. */
  operation: Schema.String,
  /** The error of the database. */
  cause: Schema.Defect()
}) {
  /** Whether the same call may succeed later. `true`: the database can be available again, unless its location or its credentials are wrong. */
  get isRetryable(): boolean {
    return true
  }

  override get message(): string {
    const reason = this.cause instanceof Error ? this.cause.message : String(this.cause)
    return `The farm's store failed (${this.operation}): ${reason}`
  }
}
