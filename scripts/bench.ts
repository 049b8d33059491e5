/**
 * `pnpm bench [part of a name]…`: what the library costs, beside doing the same by hand and, where it is installed, with the
 * Python package invokeai-py-client. Prints one table: library / by hand, and whether that meets the goal.
 *
 * `--server` measures against the real InvokeAI, without its garbage collection before each item, which hides what a client
 * costs; otherwise against the simulator. `--full` adds more sizes and rounds (about ten minutes).
 *
 * Programs are processes of their own that take turns, so that a busy machine slows all of them; each figure is the median, with
 * half the range between the quartiles. They use the packed library.
 */
import * as WorkflowBatch from "@effect-invokeai/core/batch/WorkflowBatch"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import * as Effect from "effect/Effect"
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import { stripTypeScriptTypes } from "node:module"
import * as Os from "node:os"
import * as Path from "node:path"
import { parseArgs } from "node:util"
import type { Measured } from "../test/bench/programs/report.ts"
import { makeConsumer } from "./lib/consumer.ts"
import { environment, root, step } from "./lib/run.ts"
import { withRealServer, withSimulator } from "./lib/simulator.ts"

const { positionals: wanted, values: options } = parseArgs({
  allowPositionals: true,
  options: { server: { type: "boolean", default: false }, full: { type: "boolean", default: false } }
})
const isWanted = (name: string): boolean => wanted.length === 0 || wanted.some((part) => name.includes(part))

const temporary = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-invokeai-bench-"))
const workflows = Path.join(root, "test/fixtures/workflows")

/** What is wanted, and whether it is so. */
type Goal = readonly [goal: string, met: boolean]

/** A row of the table. */
interface Row {
  readonly what: string
  readonly beside: string
  readonly byHand: string
  readonly library: string
  readonly python?: string
  readonly ratio?: number
  readonly goal?: Goal | undefined
}

const rows: Array<Row> = []
const number = (value: number) => value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0)
const cell = (value: number, unit: string) => `${number(value)} ${unit}`

const atMost = (value: number, limit: number | undefined, unit = ""): Goal | undefined =>
  limit === undefined ? undefined : [`≤ ${limit}${unit}`, value <= limit]

/** The quantile of sorted values. */
const quantile = (sorted: ReadonlyArray<number>, part: number): number =>
  sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? Number.NaN

const median = (values: ReadonlyArray<number>): number => quantile(values.toSorted((a, b) => a - b), 0.5)

/** A median with half the range between the quartiles. */
const withSpread = (values: ReadonlyArray<number>, unit: string): string => {
  const sorted = values.toSorted((a, b) => a - b)
  return `${number(quantile(sorted, 0.5))} ±${number((quantile(sorted, 0.75) - quantile(sorted, 0.25)) / 2)} ${unit}`
}

const output = (command: string, args: ReadonlyArray<string>): string => {
  const { error, status, stderr, stdout } = ChildProcess.spawnSync(command, args, {
    cwd: root,
    env: environment(),
    encoding: "utf8"
  })
  if (status === 0) return stdout
  throw new Error(`${command} ${args.join(" ")} failed: ${error?.message ?? stderr}`)
}

/** The Python of the package invokeai-py-client, which `pnpm test:server Strangers` installs. */
const pythonClient = Path.join(
  process.env["EFFECT_INVOKEAI_CACHE"] ??
    Path.join(process.env["XDG_CACHE_HOME"] ?? Path.join(Os.homedir(), ".cache"), "effect-invokeai"),
  "invokeai-py-client-1.1.1/bin/python"
)
const hasPython = Fs.existsSync(pythonClient)

/** A program of `test/bench/programs`. */
interface Program {
  readonly name: string
  readonly item: "inputs" | "server-inputs" | "jobs" | "images"
  readonly workflow: string
  /** Jobs, how many of them at a time, and runs of each. */
  readonly jobs?: readonly [jobs: number, atATime: number, runs: number]
  readonly rounds: number
  /** The largest ratios that are wanted. */
  readonly goals?: Partial<Record<keyof Measured, number>>
  /** The largest figures of the library that are wanted, where what by hand takes is another matter. */
  readonly limits?: Partial<Record<keyof Measured, number>>
  readonly python?: boolean
}

const large = Path.join(workflows, "sd1-image-to-image.json")
const small = Path.join(workflows, "text-only.json")
const again = options.full ? 2 : 1

/** How many jobs, for the rows that show how the cost grows. */
const sizes = [1, 100, 1000]

const programs: ReadonlyArray<Program> = [
  {
    name: "start to the inputs of a workflow, bundled node types",
    item: "inputs",
    workflow: large,
    rounds: 9 * again,
    limits: { time: 120, memory: 80 }
  },
  {
    name: "start to the inputs of a workflow, node types of the server",
    item: "server-inputs",
    workflow: large,
    rounds: 9 * again,
    limits: { time: 240, memory: 110 },
    python: true
  },
  {
    name: "50 jobs in turn",
    item: "jobs",
    workflow: small,
    jobs: [50, 1, 1],
    rounds: 3 * again,
    goals: { time: 1.2, cpu: 1.4 },
    python: true
  },
  {
    name: "10 jobs in turn, each with two images that are read",
    item: "images",
    workflow: Path.join(workflows, "exposed-fields.json"),
    jobs: [10, 1, 1],
    rounds: 3 * again
  },
  {
    name: "200 runs in one batch",
    item: "jobs",
    workflow: small,
    jobs: [1, 1, 200],
    rounds: 3 * again,
    goals: { time: 1.1, cpu: 1.47 }
  },
  {
    name: "200 jobs, 16 at a time",
    item: "jobs",
    workflow: small,
    jobs: [200, 16, 1],
    rounds: 3 * again,
    goals: { time: 1.11, cpu: 1.44, memory: 1.27 }
  },
  ...(options.full
    ? sizes.map((size): Program => ({
      name: `jobs, 16 at a time: ${size}`,
      item: "jobs",
      workflow: small,
      jobs: [size, 16, 1],
      rounds: 3
    }))
    : [])
]

const chosen = programs.filter(({ name }) => isWanted(name))
const needsPackages = chosen.length > 0 || isWanted("transfer.ts") || isWanted("effect-invokeai")
const folder = needsPackages ? makeConsumer(temporary).folder : temporary

/** The programs, next to the packed packages. */
const sources = Path.join(root, "test/bench/programs")
for (const file of Fs.readdirSync(sources).filter((file) => file.endsWith(".ts"))) {
  const text = Fs.readFileSync(Path.join(sources, file), "utf8")
  const script = stripTypeScriptTypes(text).replaceAll(".ts\"", ".mjs\"")
  Fs.writeFileSync(Path.join(folder, file.replace(/ts$/, "mjs")), script)
}

const scriptOf = (name: string): string => Path.join(folder, `${name}.mjs`)

/** Bundles a program as `docs/guides/fast-start.md` says. */
const bundled = (name: string): string => {
  const target = Path.join(folder, "bundled")
  output(Path.join(root, "node_modules/.bin/rolldown"), [
    scriptOf(name),
    "--platform",
    "node",
    "--external",
    "sharp",
    "--no-code-splitting",
    "--sourcemap",
    "--dir",
    target
  ])
  return Path.join(target, `${name}.js`)
}

/** The batch that the editor would make of a workflow, in a file for programs by hand. */
const batchOf = async (url: string, workflow: string): Promise<string> => {
  const file = Path.join(temporary, `batch-${Path.basename(workflow)}`)
  const batch = Effect.flatMap(Workflow.fromFile(workflow), (opened) => WorkflowBatch.make(opened))
  const { data, graph, workflow: sent } = await Effect.runPromise(
    Effect.provide(batch, NodeInvokeAi.layer({ url }))
  )
  Fs.writeFileSync(file, JSON.stringify({ data, graph, workflow: sent }))
  return file
}

/** The programs that measure a start. */
const starts: Partial<Record<Program["item"], string>> = { "inputs": "inputs", "server-inputs": "serverInputs" }

/** The median times of the library and by hand, by the name of the program. */
const times = new Map<string, readonly [byHand: number, library: number]>()

const units = { time: "ms", cpu: "ms", memory: "MiB" } as const

const compare = async (url: string, program: Program): Promise<void> => {
  const { goals = {}, item, jobs = [], limits = {}, name, python = false, rounds, workflow } = program
  step(name)
  const batch = item === "jobs" || item === "images" ? await batchOf(url, workflow) : ""
  const args = [item, url, workflow, Path.join(root, "test/fixtures/catalogs/6.14.2.json"), batch, ...jobs.map(String)]
  const start = starts[item]
  const commands = [
    ["node", scriptOf("byHand")],
    ["node", scriptOf(start ?? "library")],
    ...(python && hasPython ? [[pythonClient, Path.join(sources, "python.py")]] : [])
  ] as const
  const others = start === undefined
    ? []
    : [["bundled as the guide shows", bundled(start)], ["only the modules of Effect", scriptOf("effect")]] as const
  const turns = Array.from({ length: rounds }, () =>
    // what the programs print
    [...commands, ...others.map(([, file]) => ["node", file] as const)].map(([command = "", file = ""]) =>
      JSON.parse(output(command, [file, ...args])) as Measured
    ))
  for (const [figure, unit] of Object.entries(units) as ReadonlyArray<[keyof Measured, string]>) {
    const [hand = [], library = [], theirs] = commands.map((_, side) => turns.map((turn) => turn[side]![figure]))
    if (figure === "time") times.set(name, [median(hand), median(library)])
    rows.push({
      what: `${name}: ${figure}`,
      beside: item.endsWith("inputs") ? "fetch, JSON.parse and a loop" : "undici, socket.io-client",
      byHand: withSpread(hand, unit),
      library: withSpread(library, unit),
      ...(theirs === undefined ? {} : { python: withSpread(theirs, unit) }),
      ratio: median(library) / median(hand),
      goal: atMost(median(library) / median(hand), goals[figure]) ?? atMost(median(library), limits[figure], ` ${unit}`)
    })
    for (const [index, [how]] of others.entries()) {
      const values = turns.map((turn) => turn[commands.length + index]![figure])
      rows.push({
        what: `  ${how}: ${figure}`,
        beside: "fetch, JSON.parse and a loop",
        byHand: withSpread(hand, unit),
        library: withSpread(values, unit),
        ratio: median(values) / median(hand),
        goal: index === 0 ? atMost(median(values), limits[figure], ` ${unit}`) : undefined
      })
    }
  }
}

if (chosen.length > 0) {
  const run = (some: ReadonlyArray<Program>) => async (url: string) => {
    for (const program of some) await compare(url, program)
  }
  if (options.server) await withRealServer(run(chosen))
  else {
    await withSimulator(run(chosen.filter(({ item }) => item !== "images")))
    // two nodes, of which each takes as long as on a server without a GPU
    await withSimulator(run(chosen.filter(({ item }) => item === "images")), 130)
  }
  const [, [fewByHand = Number.NaN, few = Number.NaN] = [], [manyByHand = Number.NaN, many = Number.NaN] = []] = sizes
    .map((size) => times.get(`jobs, 16 at a time: ${size}`) ?? [])
  if (!Number.isNaN(many)) {
    const more = sizes[2]! - sizes[1]!
    const [hand, ours] = [(manyByHand - fewByHand) / more, (many - few) / more]
    rows.push({
      what: "jobs, 16 at a time: one more",
      beside: "undici, socket.io-client",
      byHand: cell(hand, "ms"),
      library: cell(ours, "ms"),
      ratio: ours / hand
    })
  }
}

/** The median time of a command with these arguments, from its start to its end, in turns with the others. */
const runTimes = (commands: ReadonlyArray<readonly [command: string, args: ReadonlyArray<string>]>) => {
  const turns = Array.from({ length: 5 * again }, () =>
    commands.map(([command, args]) => {
      const from = performance.now()
      output(command, args)
      return performance.now() - from
    }))
  return commands.map((_, index) => turns.map((turn) => turn[index]!))
}

if (isWanted("effect-invokeai")) {
  step("effect-invokeai")
  const fifty = Path.join(temporary, "fifty workflows")
  Fs.mkdirSync(fifty)
  for (let index = 0; index < 50; index++) {
    Fs.copyFileSync(Path.join(root, "examples/flux-image-to-image.json"), Path.join(fifty, `${index}.json`))
  }
  const commands = [
    ["--help"],
    ["inputs", Path.join(root, "examples/soft-thumbnail.json"), "--offline"],
    ["types", fifty, "--out", Path.join(temporary, "types")]
  ]
  const bin = Path.join(folder, "node_modules/@effect-invokeai/cli/dist/bin.js")
  const [node = [], ...times] = runTimes([
    ["node", ["-e", "0"]],
    ...commands.map((args) => ["node", [bin, ...args]] as const),
    ...(hasPython ? [[pythonClient, ["-c", "import invokeai_py_client"]] as const] : [])
  ])
  const python = times[commands.length]
  for (const [index, args] of commands.entries()) {
    const ours = times[index]!
    rows.push({
      what: `effect-invokeai ${args.map((arg) => Path.basename(arg)).join(" ")}: time`,
      beside: "node -e 0; Python: import alone",
      byHand: withSpread(node, "ms"),
      library: withSpread(ours, "ms"),
      ...(python === undefined ? {} : { python: withSpread(python, "ms") }),
      ratio: median(ours) / median(node)
    })
  }
}

/** Runs a measurement of test/bench, shows what it prints, and makes rows of its lines. */
const measured = (file: string, args: ReadonlyArray<string>, toRows: (output: string) => ReadonlyArray<Row>): void => {
  if (!isWanted(file)) return
  step(`test/bench/${file} ${args.join(" ")}`)
  const printed = output("node", [`test/bench/${file}`, ...args])
  console.log(printed)
  const found = toRows(printed)
  if (found.length > 0) return void rows.push(...found)
  console.error(`test/bench/${file} gave no figures`)
  process.exitCode = 1
}

measured("overhead.ts", [options.full ? "1000" : "200"], (output) => {
  const [hand, batch, workflow] = [...output.matchAll(/^(?:undici|library).*: ([\d.]+) ms, ratio.*CPU ([\d.]+) ms/gm)]
  if (hand === undefined || batch === undefined || workflow === undefined) return []
  return ([["the same batch", batch], ["its batch made of a workflow", workflow]] as const).flatMap(([what, ours]) =>
    ([["time", 1, 1.5], ["cpu", 2, 1.5]] as const).map(([figure, group, goal]): Row => ({
      what: `a job over the server's own time, ${what}: ${figure}`,
      beside: "undici, socket.io-client",
      byHand: `${hand[group]} ms`,
      library: `${ours[group]} ms`,
      ratio: Number(ours[group]) / Number(hand[group]),
      goal: atMost(Number(ours[group]) / Number(hand[group]), goal)
    }))
  )
})

measured("jobs.ts", options.full ? ["1000", "3"] : ["100", "1"], (output) => {
  const sizes = [...output.matchAll(/(\d+) items ([\d.]+)/g)].map(([, size, time]) => [size, Number(time)] as const)
  const [first] = sizes
  return first === undefined ? [] : sizes.map(([size, time]): Row => ({
    what: `one event of a batch of ${size} items`,
    beside: `the same of ${first[0]}`,
    byHand: cell(first[1], "us"),
    library: cell(time, "us"),
    ratio: time / first[1]
  }))
})

if (options.full) {
  measured("simulator.ts", [], (output) => {
    const [hand, ours] = Array.from(
      output.matchAll(/: ([\d.]+) ms to the first answer, ([\d.]+) ms to close/g),
      (match) => Number(match[1]) + Number(match[2])
    )
    return hand === undefined || ours === undefined ? [] : [{
      what: "a server for a test: start, one call, stop",
      beside: "node:http with one canned answer",
      byHand: cell(hand, "ms"),
      library: cell(ours, "ms"),
      ratio: ours / hand
    }]
  })
}

// as it is installed, because stripping types takes memory
measured("transfer.ts", [options.full ? "3" : "1", folder], (output) => {
  const lines = [...output.matchAll(
    /^(download|read|upload) (.+?) +(\d+) MB\/s \(([\d.]+)x undici\) +CPU +(\d+) ms \(([\d.]+)x\) +peak +(\d+) MB \(([\d.]+)x\)/gm
  )]
  return lines.flatMap(([, kind = "", name = "", speed, faster, cpu, ofCpu, peak, ofPeak]): ReadonlyArray<Row> => {
    const hand = lines.find((line) => line[1] === kind && line[2] === "undici")
    const isBeside = name === "undici, our modules loaded"
    if (!(name.includes("ours") || isBeside) || hand === undefined) return []
    const what = isBeside
      ? `  undici in a program that has loaded the library, ${kind}`
      : `${kind} of 3 MB images${name.replace("ours", "")}`
    const figure = (
      figure: string,
      group: number,
      ours: unknown,
      unit: string,
      ratio: unknown,
      goal?: number
    ): Row => ({
      what: `${what}: ${figure}`,
      beside: "undici",
      byHand: `${hand[group]} ${unit}`,
      library: `${String(ours)} ${unit}`,
      ratio: Number(ratio),
      goal: atMost(Number(ratio), goal)
    })
    return [
      { ...figure("throughput", 3, speed, "MB/s", faster), goal: isBeside ? undefined : ["≥ 1", Number(faster) >= 1] },
      figure("CPU", 5, cpu, "ms", ofCpu, isBeside ? undefined : 1),
      figure("peak memory", 7, peak, "MB", ofPeak)
    ]
  })
})

/** What reading and compiling may cost, in times of `JSON.parse` of the same text. */
const compileGoals: Readonly<Record<string, number>> = {
  "read, load and list its inputs": 3,
  "graph": 1,
  "catalog from its text": 2
}

measured("compile.ts", [], (output) => {
  let parse = ""
  return [...output.matchAll(/^(\S.*?) +([\d.]+) ms +([\d.]+) ×$/gm)].flatMap(
    ([, name = "", time = "", ratio = ""]): ReadonlyArray<Row> => {
      if (!name.startsWith("JSON.parse")) {
        return [{
          what: name,
          beside: "JSON.parse of the same text",
          byHand: parse,
          library: `${time} ms`,
          ratio: Number(ratio),
          goal: atMost(Number(ratio), compileGoals[name])
        }]
      }
      parse = `${time} ms`
      return []
    }
  )
})

Fs.rmSync(temporary, { recursive: true, force: true })

const table = [
  ["", "beside", "by hand", "library", "Python", "ratio", "goal", ""],
  ...rows.map((row) => [
    row.what,
    row.beside,
    row.byHand,
    row.library,
    row.python ?? "",
    row.ratio?.toFixed(2) ?? "",
    row.goal?.[0] ?? "",
    row.goal === undefined ? "" : row.goal[1] ? "met" : "missed"
  ])
]
const widths = table[0]!.map((_, column) => Math.max(...table.map((row) => row[column]!.length)))
const server = options.server ? "the real InvokeAI" : "the simulator"
console.log(
  `\nNode ${process.version}, ${
    Os.cpus()[0]?.model ?? "unknown processor"
  }, ${Os.availableParallelism()} cores, ${server}\n`
)
for (const row of table) {
  console.log(
    row.map((text, column) => column < 2 ? text.padEnd(widths[column]!) : text.padStart(widths[column]!)).join("  ")
  )
}
