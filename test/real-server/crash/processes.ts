/** Processes that the crash tests start, and moments that a seed decides. */
import { type ChildProcess, spawn } from "node:child_process"
import { once } from "node:events"
import * as Path from "node:path"
import { createInterface } from "node:readline"

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export const numbers = (seed: number): () => number => {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296
  }
}

export interface Script {
  readonly process: ChildProcess
  /** Resolves with true when the script has printed a line that fits, with false when it ended before. */
  readonly says: (line: RegExp) => Promise<boolean>
  /** Everything that it printed so far. */
  readonly lines: Array<string>
  /** How it ended: an exit code or a signal. */
  readonly ended: Promise<number | string>
}

/** Starts a script of this folder with the Node that runs the tests. */
export const start = (script: string, ...args: ReadonlyArray<string>): Script => {
  const child = spawn(process.execPath, [Path.join(import.meta.dirname, script), ...args], {
    stdio: ["ignore", "pipe", "pipe"]
  })
  const lines: Array<string> = []
  const waiting: Array<() => void> = []
  const collect = (line: string) => {
    lines.push(line)
    for (const wake of waiting.splice(0)) wake()
  }
  createInterface(child.stdout).on("line", collect)
  createInterface(child.stderr).on("line", collect)
  const ended = once(child, "close").then(([code, signal]: Array<unknown>) =>
    typeof code === "number" ? code : String(signal)
  )
  const says = async (line: RegExp): Promise<boolean> => {
    while (!lines.some((printed) => line.test(printed))) {
      const over = child.exitCode !== null || child.signalCode !== null
      if (over) return false
      await Promise.race([new Promise<void>((resolve) => waiting.push(resolve)), ended])
    }
    return true
  }
  return { process: child, says, lines, ended }
}
