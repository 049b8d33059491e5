/**
 * `pnpm bench [part of a name]…`: what the library costs, beside doing the same by hand. Prints one table with all ratios of
 * the repository, each library / by hand, except that a throughput above 1 is the faster library.
 *
 * The starts and reads are of the packed library, best of several processes; the others are those of test/bench.
 */
import * as ChildProcess from "node:child_process"
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { makeConsumer } from "./lib/consumer.ts"
import { environment, root, step } from "./lib/run.ts"
import { withSimulator } from "./lib/simulator.ts"

interface Measure {
  /** Milliseconds of the measured part. */
  readonly time: number
  /** Peak resident set in MiB. */
  readonly memory: number
}

interface Comparison {
  readonly name: string
  /** What the library is compared with. */
  readonly beside: string
  readonly byHand: string
  readonly library: string
  readonly env?: Readonly<Record<string, string>>
}

/** A row of the table. */
type Row = readonly [what: string, beside: string, byHand: string, library: string, ratio: string]

const workflow = JSON.stringify(Path.join(root, "examples/flux-image-to-image.json"))

const temporary = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-invokeai-bench-"))

const undici = `
      const { createRequire } = await import("node:module")
      const { request } = createRequire(createRequire(import.meta.url).resolve("@effect/platform-node/NodeHttpClient"))("undici")
      const { io } = await import("socket.io-client")`

/** Reads the version and connects to the events, as a job does at its begin. */
const startByHand = `${undici}
      const url = process.env.INVOKEAI_URL
      const socket = io(url, { path: "/ws/socket.io", transports: ["websocket"] })
      const connected = new Promise((resolve) => socket.on("connect", resolve))
      const { version } = await (await request(url + "api/v1/app/version")).body.json()
      if (version !== "6.14.2") throw new Error("version")
      await connected
      socket.close()`

const startOfLibrary = `
      const { ServerInfo } = await import("@effect-invokeai/core")
      const ServerEvents = await import("@effect-invokeai/core/server/ServerEvents")
      const { NodeInvokeAi } = await import("@effect-invokeai/node")
      const Effect = await import("effect/Effect")
      const Stream = await import("effect/Stream")
      await Effect.runPromise(Effect.gen(function*() {
        const events = yield* ServerEvents.ServerEvents.use((service) => service.subscribe)
        const version = yield* ServerInfo.ServerInfo.use((info) => info.version)
        if (version !== "6.14.2") throw new Error("version")
        yield* Stream.runHead(Stream.filter(events, (message) => message._tag === "Connected"))
      }).pipe(Effect.scoped, Effect.provide(NodeInvokeAi.layer({ url: process.env.INVOKEAI_URL }))))`

const importsOfLibrary = `
      await import("@effect-invokeai/core")
      await import("@effect-invokeai/node")
      await import("@effect/platform-node/Undici")
      await import("socket.io-client")`

/** Programs are measured as a whole, or from their call of `start` on. */
const comparisons: ReadonlyArray<Comparison> = [
  {
    name: "import what the README's program needs",
    beside: "undici, socket.io-client",
    byHand: undici,
    library: importsOfLibrary
  },
  {
    name: "import what the README's program needs",
    beside: "the same, Effect's HTTP client and streams",
    byHand: `
      await import("effect/Effect")
      await import("effect/Stream")
      await import("effect/Schema")
      await import("effect/http-api/HttpApiClient")
      await import("@effect/platform-node/NodeHttpClient")
      await import("@effect/platform-node/NodeFileSystem")
      await import("@effect/platform-node/NodePath")
      await import("@effect/platform-node/Undici")
      await import("socket.io-client")`,
    library: importsOfLibrary
  },
  {
    name: "start: the server's version, events connected",
    beside: "undici, socket.io-client",
    byHand: startByHand,
    library: startOfLibrary
  },
  {
    name: "start: the same with NODE_COMPILE_CACHE",
    beside: "undici, socket.io-client",
    byHand: startByHand,
    library: startOfLibrary,
    env: { NODE_COMPILE_CACHE: Path.join(temporary, "compile-cache") }
  },
  {
    name: "read the workflow 200 times, list its inputs",
    beside: "JSON.parse and a loop",
    byHand: `
      const Fs = await import("node:fs/promises")
      start()
      for (let i = 0; i < 200; i++) {
        const file = JSON.parse(await Fs.readFile(${workflow}, "utf8"))
        const nodes = new Map(file.nodes.map((node) => [node.id, node.data]))
        const inputs = Object.values(file.form.elements).filter((element) => element.type === "node-field").map((element) => {
          const { nodeId, fieldName } = element.data.fieldIdentifier
          return { nodeId, fieldName, value: nodes.get(nodeId).inputs[fieldName].value }
        })
        if (inputs.length !== 9) throw new Error("inputs")
      }`,
    library: `
      const Effect = await import("effect/Effect")
      const Workflow = await import("@effect-invokeai/core/workflow/Workflow")
      const Snapshot = await import("@effect-invokeai/core/catalog/Snapshot")
      const NodeServices = await import("@effect/platform-node/NodeServices")
      const once = Workflow.fromFile(${workflow})
      await Effect.runPromise(Effect.gen(function*() {
        yield* once
        start()
        for (let i = 0; i < 200; i++) {
          if ((yield* once).inputs.length !== 9) throw new Error("inputs")
        }
      }).pipe(Effect.provide([Snapshot.layer, NodeServices.layer])))`
  }
]

const wanted = process.argv.slice(2)
const isWanted = (name: string): boolean => wanted.length === 0 || wanted.some((part) => name.includes(part))

const rows: Array<Row> = []
const cell = (value: number, unit: string) => `${value.toFixed(value < 10 ? 1 : 0)} ${unit}`

const measure = (folder: string, code: string, env: Readonly<Record<string, string>>): Measure => {
  const source = `
    let from = 0
    const start = () => { from = performance.now() }
    ${code}
    console.log(JSON.stringify({ time: performance.now() - from, memory: process.resourceUsage().maxRSS / 1024 }))`
  const file = Path.join(folder, "program.mjs")
  Fs.writeFileSync(file, source)
  const result = ChildProcess.spawnSync("node", [file], { env: environment(env), encoding: "utf8" })
  if (result.status !== 0) throw new Error(result.stderr)
  return JSON.parse(result.stdout) as Measure // written by the program above
}

/** The best of five, in turns, so that a busy machine slows both. */
const compare = (folder: string, { byHand, env = {}, library }: Comparison): readonly [Measure, Measure] => {
  const all = Array.from({ length: 5 }, () => [measure(folder, byHand, env), measure(folder, library, env)] as const)
  const best = (side: 0 | 1): Measure => ({
    time: Math.min(...all.map((pair) => pair[side].time)),
    memory: Math.min(...all.map((pair) => pair[side].memory))
  })
  return [best(0), best(1)]
}

const chosen = comparisons.filter(({ name }) => isWanted(name))
const folder = chosen.length > 0 || isWanted("transfer.ts") || isWanted("effect-invokeai")
  ? makeConsumer(temporary).folder
  : temporary
if (chosen.length > 0) {
  await withSimulator((url) => {
    for (const comparison of chosen) {
      const { beside, name } = comparison
      step(name)
      const env = { ...comparison.env, INVOKEAI_URL: url }
      const [hand, ours] = compare(folder, { ...comparison, env })
      rows.push(
        [`${name}: time`, beside, cell(hand.time, "ms"), cell(ours.time, "ms"), (ours.time / hand.time).toFixed(2)],
        [
          `${name}: peak memory`,
          beside,
          cell(hand.memory, "MiB"),
          cell(ours.memory, "MiB"),
          (ours.memory / hand.memory).toFixed(2)
        ]
      )
    }
  })
}
/** The best of five runs of a command with these arguments, from its start to its end. */
const runTime = (args: ReadonlyArray<string>, command = "node"): number =>
  Math.min(...Array.from({ length: 5 }, () => {
    const from = performance.now()
    const { status, stderr } = ChildProcess.spawnSync(command, args, { env: environment(), encoding: "utf8" })
    if (status !== 0) throw new Error(stderr)
    return performance.now() - from
  }))

/** The Python of the package invokeai-py-client, which `pnpm test:server Strangers` installs. */
const pythonClient = Path.join(
  process.env["EFFECT_INVOKEAI_CACHE"] ??
    Path.join(process.env["XDG_CACHE_HOME"] ?? Path.join(Os.homedir(), ".cache"), "effect-invokeai"),
  "invokeai-py-client-1.1.1/bin/python"
)

if (isWanted("effect-invokeai")) {
  step("effect-invokeai")
  const beside: ReadonlyArray<readonly [name: string, time: number]> = [
    ["node -e 0", runTime(["-e", "0"])],
    ...(Fs.existsSync(pythonClient)
      ? [["import of invokeai-py-client", runTime(["-c", "import invokeai_py_client"], pythonClient)] as const]
      : [])
  ]
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
  for (const args of commands) {
    const time = runTime([Path.join(folder, "node_modules/@effect-invokeai/cli/dist/bin.js"), ...args])
    const name = `effect-invokeai ${args.map((arg) => Path.basename(arg)).join(" ")}: time`
    for (const [what, other] of beside) {
      rows.push([name, what, cell(other, "ms"), cell(time, "ms"), (time / other).toFixed(2)])
    }
  }
}

/** Runs a measurement of test/bench, shows what it prints, and makes rows of its lines. */
const measured = (file: string, args: ReadonlyArray<string>, toRows: (output: string) => ReadonlyArray<Row>): void => {
  if (!isWanted(file)) return
  step(`test/bench/${file} ${args.join(" ")}`)
  const { status, stderr, stdout } = ChildProcess.spawnSync("node", [`test/bench/${file}`, ...args], {
    cwd: root,
    env: environment(),
    encoding: "utf8"
  })
  console.log(stdout)
  const found = status === 0 ? toRows(stdout) : []
  if (found.length > 0) return void rows.push(...found)
  console.error(`test/bench/${file} gave no figures\n${stderr}`)
  process.exitCode = 1
}

measured("overhead.ts", [], (output) => {
  const [hand, batch, workflow] = [...output.matchAll(/^(?:undici|library).*: ([\d.]+) ms, ratio/gm)]
    .map((match) => Number(match[1]))
  if (hand === undefined || batch === undefined || workflow === undefined) return []
  const row = (what: string, ours: number) =>
    [what, "undici, socket.io-client", cell(hand, "ms"), cell(ours, "ms"), (ours / hand).toFixed(2)] as const
  return [
    row("a job over the server's own time, the same batch", batch),
    row("a job over the server's own time, its batch made of a workflow", workflow)
  ]
})

measured("jobs.ts", ["1000", "3"], (output) => {
  const best = (pattern: RegExp) =>
    Math.min(...Array.from(output.matchAll(pattern), (match) => Number(match[1]) + Number(match[2])))
  const peak = (pattern: RegExp) => Number(pattern.exec(output)?.[1])
  const times = /: submitted (\d+) ms, all ended (\d+) ms/.source
  const hand = [best(new RegExp(`^by hand, round \\d+${times}`, "gm")), peak(/^by hand, peak resident (\d+)/m)] as const
  const ours = [best(new RegExp(`^round \\d+${times}`, "gm")), peak(/^peak resident (\d+)/m)] as const
  const what = "1000 jobs at once, from the first request to the last result"
  const by = "undici, socket.io-client"
  if (![...hand, ...ours].every(Number.isFinite)) return []
  return [
    [`${what}: time`, by, cell(hand[0], "ms"), cell(ours[0], "ms"), (ours[0] / hand[0]).toFixed(2)],
    [`${what}: peak memory`, by, cell(hand[1], "MiB"), cell(ours[1], "MiB"), (ours[1] / hand[1]).toFixed(2)]
  ]
})

measured("simulator.ts", [], (output) => {
  const times = Array.from(
    output.matchAll(/: ([\d.]+) ms to the first answer, ([\d.]+) ms to close/g),
    (match) => Number(match[1]) + Number(match[2])
  )
  const [hand, ours] = times
  return hand === undefined || ours === undefined ? [] : [[
    "a server for a test: start, one call, stop",
    "node:http with one canned answer",
    cell(hand, "ms"),
    cell(ours, "ms"),
    (ours / hand).toFixed(2)
  ]]
})

// as it is installed, because stripping types takes memory
measured("transfer.ts", ["3", folder], (output) => {
  const lines = [...output.matchAll(
    /^(download|read|upload) (.+?) +(\d+) MB\/s \(.*?\) +CPU +(\d+) ms \(.*?\) +peak +(\d+) MB/gm
  )]
  return lines.flatMap(
    (
      [, kind = "", name = "", speed = "", cpu = "", peak = ""]
    ): ReadonlyArray<Row> => {
      if (!name.includes("ours")) return []
      const what = `${kind} of 3 MB images${name.replace("ours", "")}`
      const same = name.replace("ours", "undici")
      return lines.filter((line) => line[1] === kind && [same, `${same}, our modules loaded`].includes(line[2]!))
        .flatMap((hand): ReadonlyArray<Row> => [
          [
            `${what}: throughput`,
            hand[2]!,
            `${hand[3]} MB/s`,
            `${speed} MB/s`,
            (Number(speed) / Number(hand[3])).toFixed(2)
          ],
          [`${what}: CPU`, hand[2]!, `${hand[4]} ms`, `${cpu} ms`, (Number(cpu) / Number(hand[4])).toFixed(2)],
          [`${what}: peak memory`, hand[2]!, `${hand[5]} MB`, `${peak} MB`, (Number(peak) / Number(hand[5])).toFixed(2)]
        ])
    }
  )
})

measured("compile.ts", [], (output) => {
  let parse = ""
  return [...output.matchAll(/^(\S.*?) +([\d.]+) ms +([\d.]+) ×$/gm)].flatMap(
    ([, name = "", time = "", ratio = ""]): ReadonlyArray<Row> => {
      if (!name.startsWith("JSON.parse")) return [[name, "JSON.parse of the same text", parse, `${time} ms`, ratio]]
      parse = `${time} ms`
      return []
    }
  )
})

Fs.rmSync(temporary, { recursive: true, force: true })

const head: Row = ["", "beside", "by hand", "library", "ratio"]
const table = [head, ...rows]
const widths = head.map((_, column) => Math.max(...table.map((row) => row[column]!.length)))
console.log(
  `\nNode ${process.version}, ${Os.cpus()[0]?.model ?? "unknown processor"}, ${Os.availableParallelism()} cores\n`
)
for (const row of table) {
  console.log(
    row.map((text, column) => column < 2 ? text.padEnd(widths[column]!) : text.padStart(widths[column]!)).join("  ")
  )
}
