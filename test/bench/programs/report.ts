/** What a measured program prints, as JSON. */
export interface Measured {
  /** Milliseconds: of a start from the begin of the process, of jobs from the first request to the last result. */
  readonly time: number
  /** Milliseconds of CPU time, in the same interval. */
  readonly cpu: number
  /** Peak resident set in MiB, of the whole process. */
  readonly memory: number
}

const cpu = (from?: NodeJS.CpuUsage): number => {
  const { system, user } = process.cpuUsage(from)
  return (user + system) / 1000
}

const print = (measured: Omit<Measured, "memory">): void =>
  console.log(JSON.stringify({ ...measured, memory: process.resourceUsage().maxRSS / 1024 }))

/** Prints what this process took from its begin. */
export const printStart = (): void => print({ time: performance.now(), cpu: cpu() })

/** Runs something once to warm up, then measures it. */
export const printWarm = async (warmUp: () => Promise<unknown>, run: () => Promise<unknown>): Promise<void> => {
  await warmUp()
  const before = process.cpuUsage()
  const began = performance.now()
  await run()
  print({ time: performance.now() - began, cpu: cpu(before) })
}

const numbers = process.argv.slice(7).map(Number)

/**
 * What to run: `inputs` with the bundled node types, `server-inputs` with those of the server, `jobs`, or `images`. Then the
 * server, the file of the workflow, and, for programs by hand, those of the bundled node types and of the batch.
 */
export const [item = "", url = "", workflow = "", catalog = "", batch = ""] = process.argv.slice(2)

/** Jobs, how many of them at a time, and runs of each. */
export const [jobs = 1, atATime = 1, runs = 1] = numbers
