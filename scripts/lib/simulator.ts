/** A server for commands that measure or try out other processes. */
import * as ChildProcess from "node:child_process"
import * as Path from "node:path"
import { environment, root } from "./run.ts"

type Use = (url: string) => void | Promise<void>

/** Starts a script that prints its URL in a process of its own, and calls `use` with it. It ends with `use`, even if that fails. */
const withServer = async (script: string, args: ReadonlyArray<string>, printed: RegExp, use: Use): Promise<void> => {
  const child = ChildProcess.spawn("node", [Path.join(root, script), ...args], {
    env: environment(),
    stdio: ["ignore", "pipe", "inherit"]
  })
  try {
    for await (const text of child.stdout.setEncoding("utf8")) {
      const url = printed.exec(String(text))?.[1]
      if (url !== undefined) return await use(url)
    }
    throw new Error(`${script} ended before its server listened`)
  } finally {
    child.kill("SIGINT")
  }
}

/** The simulator on a free port, with nodes that take so many milliseconds. */
export const withSimulator = (use: Use, nodeDuration = 0): Promise<void> =>
  withServer("scripts/simulate.ts", ["0", String(nodeDuration)], /INVOKEAI_URL=(\S+)/, use)

/** The real InvokeAI, which does not collect garbage before each item. */
export const withRealServer = (use: Use): Promise<void> =>
  withServer("scripts/real-server/serve.ts", ["--no-gc"], /^(http\S+)$/m, (url) => use(`${url}/`))
