/**
 * `pnpm test:runtimes [bun|deno]…`: runs the tests that need no Node in Bun and in Deno, and a program that uses the packed
 * packages in both, on the simulator. Both runtimes are installed from npm into a temporary directory.
 *
 * The tests of core are the same that `pnpm test` runs in Node.
 */
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { makeConsumer } from "./lib/consumer.ts"
import { must, root, run, step } from "./lib/run.ts"
import { withSimulator } from "./lib/simulator.ts"
import { count, type Report } from "./lib/vitestReport.ts"

/** What starts a program, before its file and arguments. */
const runtimes = {
  bun: { version: "1.4.5", command: ["bun", "--bun"], pool: "threads" },
  deno: { version: "2.9.6", command: ["deno", "run", "--allow-all", "--quiet"], pool: "forks" }
} as const

type Runtime = keyof typeof runtimes

const isRuntime = (name: string): name is Runtime => name in runtimes

/** The tests that use nothing of Node but files, and take seconds. */
const tests = [
  "test/definition",
  "test/catalog",
  "test/field",
  "test/workflow",
  "test/batch",
  "test/conformance",
  "test/server",
  "test/assets",
  "test/job/Job.test.ts",
  "test/job/JobState.test.ts",
  "test/job/Outputs.test.ts"
]

const all = Object.keys(runtimes).filter(isRuntime)
const wanted = process.argv.length > 2 ? all.filter((name) => process.argv.includes(name)) : all
const temporary = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-invokeai-runtimes-"))
let passed = 0
let failed = 0

const command = (runtime: Runtime): readonly [string, ...Array<string>] => {
  const [name, ...args] = runtimes[runtime].command
  return [Path.join(temporary, "node_modules/.bin", name), ...args]
}

const runTests = (runtime: Runtime): void => {
  step(`tests in ${runtime} ${runtimes[runtime].version}`)
  const report = Path.join(temporary, `${runtime}.json`)
  const [executable, ...args] = command(runtime)
  const green = run(executable, [
    ...args,
    Path.join(root, "node_modules/vitest/vitest.mjs"),
    "run",
    `--pool=${runtimes[runtime].pool}`,
    "--reporter=dot",
    "--reporter=json",
    `--outputFile.json=${report}`,
    ...tests
  ])
  const counts = Fs.existsSync(report)
    ? count(JSON.parse(Fs.readFileSync(report, "utf8")) as Report) // vitest's own file
    : { passed: 0, failed: 1 }
  passed += counts.passed
  failed += green ? counts.failed : Math.max(counts.failed, 1)
}

const programs = Path.join(root, "test/runtimes")

const runPrograms = (runtime: Runtime, folder: string): Promise<void> =>
  withSimulator((url) => {
    for (const [out, ...flags] of [["typed"], ["typed-promises", "--promise"]] as const) {
      step(`the packed command writes modules to ${out}`)
      const bin = Path.join(folder, "node_modules/@effect-invokeai/cli/dist/bin.js")
      must("node", [bin, "types", Path.join(root, "examples/soft-thumbnail.json"), "--out", out, ...flags], {
        cwd: folder
      })
    }
    for (const name of Fs.readdirSync(programs).filter((file) => file.endsWith(".ts"))) {
      step(`${name} in ${runtime}`)
      const file = Path.join(folder, name)
      Fs.copyFileSync(Path.join(programs, name), file)
      const [executable, ...args] = command(runtime)
      const env = { INVOKEAI_URL: url, EXAMPLES: Path.join(root, "examples") }
      if (run(executable, [...args, file], { cwd: folder, env })) passed++
      else failed++
    }
  })

must("npm", [
  "install",
  "--prefix",
  temporary,
  "--no-audit",
  "--no-fund",
  "--prefer-offline",
  "--loglevel=error",
  ...wanted.map((name) => `${name}@${runtimes[name].version}`)
])
const { folder } = makeConsumer(temporary)
for (const runtime of wanted) {
  runTests(runtime)
  // one after the other: there are two cores
  // oxlint-disable-next-line no-await-in-loop
  await runPrograms(runtime, folder)
}
Fs.rmSync(temporary, { recursive: true, force: true })
console.log(`\n${passed} passed, ${failed} failed`)
process.exit(failed > 0 ? 1 : 0)
