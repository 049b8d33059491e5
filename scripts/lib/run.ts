/** What the scripts of this folder share: the root, and running one command with its output passed through. */
import * as ChildProcess from "node:child_process"
import * as Path from "node:path"

/** The root of the repository. */
export const root = Path.resolve(import.meta.dirname, "../..")

/** The packages that are published, in the order in which they depend on each other. */
export const packages = ["core", "node", "testing", "farm", "cli"] as const

const bin = Path.join(root, "node_modules/.bin")

/** The environment for commands: the tools and the Node of this repository first. */
export const environment = (extra: Record<string, string> = {}): NodeJS.ProcessEnv => ({
  ...process.env,
  PATH: `${bin}${Path.delimiter}${process.env["PATH"] ?? ""}`,
  ...extra
})

/** Runs a command in `cwd` (default: the root), shows its output, and answers whether it exited with 0. */
export const run = (
  command: string,
  args: ReadonlyArray<string>,
  options: { readonly cwd?: string; readonly env?: Record<string, string> } = {}
): boolean => {
  const result = ChildProcess.spawnSync(command, args, {
    cwd: options.cwd ?? root,
    env: environment(options.env),
    stdio: ["ignore", "inherit", "inherit"]
  })
  if (result.error !== undefined) console.error(`${command}: ${result.error.message}`)
  return result.status === 0
}

/** Runs a command and ends this process with 1 if it fails. */
export const must = (command: string, args: ReadonlyArray<string>, options: { readonly cwd?: string } = {}): void => {
  if (run(command, args, options)) return
  console.error(`failed: ${command} ${args.join(" ")}`)
  process.exit(1)
}

/** Announces a step. */
export const step = (what: string): void => console.log(`\n▸ ${what}`)
