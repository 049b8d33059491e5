/** The simulator on a free port, for commands that measure or try out other processes. */
import * as ChildProcess from "node:child_process"
import * as Path from "node:path"
import { environment, root } from "./run.ts"

/** Starts the simulator in a process of its own, and calls `use` with its URL. It ends with `use`, even if that fails. */
export const withSimulator = async (use: (url: string) => void | Promise<void>): Promise<void> => {
  const child = ChildProcess.spawn("node", [Path.join(root, "scripts/simulate.ts"), "0"], {
    env: environment(),
    stdio: ["ignore", "pipe", "inherit"]
  })
  try {
    for await (const text of child.stdout.setEncoding("utf8")) {
      const url = /INVOKEAI_URL=(\S+)/.exec(String(text))?.[1]
      if (url !== undefined) return await use(url)
    }
    throw new Error("the simulator did not start")
  } finally {
    child.kill("SIGINT")
  }
}
