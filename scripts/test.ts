/**
 * `pnpm test`: everything that needs no InvokeAI server: types, Effect diagnostics, lint, format, the examples in the
 * documentation and all tests. Goes on after a failure, and ends with one line: `N passed, N failed`.
 */
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { run, step } from "./lib/run.ts"
import { count, type Report } from "./lib/vitestReport.ts"

let passed = 0
let failed = 0
const failures: Array<string> = []

const check = (name: string, what: string, command: () => boolean): void => {
  step(`${name}: ${what}`)
  if (command()) passed++
  else {
    failed++
    failures.push(name)
  }
}

const started = performance.now()
check("check", "types and Effect diagnostics", () => run("node", ["scripts/check.ts"]))
check("lint", "oxlint, with the import rules of the subsystems", () => run("oxlint", ["--type-aware"]))
check("format:check", "dprint", () => run("dprint", ["check"]))
check("docs", "every export is documented", () => run("node", ["scripts/docs.ts", "--check"]))
check(
  "doctest",
  "types of the examples in documentation comments and Markdown",
  () => run("node", ["scripts/doctest.ts"]) && run("tsc", ["-b", "tsconfig.doctest.json"])
)

step("vitest: all tests that need no server, and the examples marked to run")
const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-invokeai-test-"))
const report = Path.join(folder, "report.json")
const green = run("vitest", ["run", "--reporter=default", "--reporter=json", `--outputFile.json=${report}`])
const tests = Fs.existsSync(report)
  ? count(JSON.parse(Fs.readFileSync(report, "utf8")) as Report) // vitest's own file
  : { passed: 0, failed: 0, skipped: 0 }
Fs.rmSync(folder, { recursive: true, force: true })
const failedTests = green ? tests.failed : Math.max(tests.failed, 1)
if (failedTests > 0) failures.push("vitest")

const seconds = Math.round((performance.now() - started) / 1000)
const skipped = tests.skipped === 0 ? "" : `, ${tests.skipped} tests skipped`
console.log(`\n${passed} of ${passed + failed} checks and ${tests.passed} tests passed in ${seconds} s${skipped}`)
if (failures.length > 0) console.log(`failed: ${failures.join(", ")}`)
console.log(`${passed + tests.passed} passed, ${failed + failedTests} failed`)
process.exit(failures.length === 0 ? 0 : 1)
