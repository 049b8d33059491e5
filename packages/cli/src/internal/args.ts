/** What has to be known of the arguments before they can be parsed: the flags of `run` depend on its workflow. */

/** What the arguments say at a glance. */
export interface Peeked {
  /** Whether `--json` is among them: invalid arguments too are reported in the way that the caller reads. */
  readonly isJson: boolean
  /** Whether nothing runs, because `--help` or `--completions` is among them. */
  readonly isHelp: boolean
  /** The value of `--server`. */
  readonly server: string | undefined
  /** The first argument of `run` or `reproduce`. */
  readonly workflow: string | undefined
}

/** The subcommands whose flags depend on their first argument. */
const ofWorkflow: ReadonlySet<string> = new Set(["run", "reproduce"])

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
  let server: string | undefined
  for (let index = 0; index < flags.length; index++) {
    const arg = flags[index] ?? ""
    if (arg.startsWith("--server=")) server = arg.slice("--server=".length)
    else if (arg === "--server") server = flags[index + 1]
    if (withValue.has(arg)) index++
    else if (!arg.startsWith("-")) positional.push(arg)
  }
  const [subcommand = "", workflow] = positional
  return {
    isJson: flags.includes("--json"),
    isHelp: flags.some((flag) => flag === "--help" || flag === "-h" || /^--completions(=|$)/.test(flag)),
    server,
    workflow: ofWorkflow.has(subcommand) ? workflow : undefined
  }
}
