/** What has to be known of the arguments before they can be parsed: the flags of `run` depend on its workflow. */
import * as Data from "effect/Data"

/** An argument or the file that it names is invalid. */
export class InvalidArgument extends Data.TaggedError("InvalidArgument")<{
  readonly argument: string
  readonly reason: string
}> {
  override get message(): string {
    return `${this.argument}: ${this.reason}`
  }
}

/** What the arguments say at a glance. */
export interface Peeked {
  /** Whether `--json` is among them: invalid arguments too are reported in the way that the caller reads. */
  readonly isJson: boolean
  /** Whether nothing runs, because `--help` or `--completions` is among them. */
  readonly isHelp: boolean
  /** The value of `--server`; `undefined` for subcommands that take several. */
  readonly server: string | undefined
  /** Whether there are several `--server` for a subcommand that takes one. */
  readonly hasExcessServers: boolean
  /** The first argument of `run` or `reproduce`. */
  readonly workflow: string | undefined
}

/** The subcommands whose flags depend on their first argument. */
const ofWorkflow: ReadonlySet<string> = new Set(["run", "reproduce"])

/** The subcommands that take several servers. */
const ofServers: ReadonlySet<string> = new Set(["batch", "worker"])

/** Flags with a value that may stand before the workflow. */
const withValue: ReadonlySet<string> = new Set([
  "--server",
  "--log-level",
  "--completions",
  "--set",
  "--values",
  "--runs",
  "--seed",
  "--board",
  "--out",
  "--name",
  "--format",
  "--timeout"
])

/** Looks at the arguments, up to a `--`. */
export const peek = (args: ReadonlyArray<string>): Peeked => {
  const end = args.indexOf("--")
  const flags = end < 0 ? args : args.slice(0, end)
  const positional: Array<string> = []
  const servers: Array<string> = []
  for (let index = 0; index < flags.length; index++) {
    const arg = flags[index] ?? ""
    if (arg.startsWith("--server=")) servers.push(arg.slice("--server=".length))
    else if (arg === "--server") servers.push(flags[index + 1] ?? "")
    if (withValue.has(arg)) index++
    else if (!arg.startsWith("-")) positional.push(arg)
  }
  const [subcommand = "", workflow] = positional
  return {
    isJson: flags.includes("--json"),
    isHelp: flags.some((flag) => flag === "--help" || flag === "-h" || /^--completions(=|$)/.test(flag)),
    server: ofServers.has(subcommand) ? undefined : servers[0],
    hasExcessServers: servers.length > 1 && !ofServers.has(subcommand),
    workflow: ofWorkflow.has(subcommand) && workflow?.trim() !== "" ? workflow : undefined
  }
}
