/**
 * `pnpm test`: everything that needs no InvokeAI server: format, types, Effect diagnostics, documentation, lint, all tests,
 * the examples in the documentation and the API report. What fails fastest and most often runs first. Goes on after a
 * failure, and ends with one line: `N passed, N failed`.
 *
 * `pnpm test <folder>…` runs only the tests in these folders of `test/`, such as `job` or `workflow`.
 */
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { root, run, step } from "./lib/run.ts"
import { count, type Report } from "./lib/vitestReport.ts"

const folders = process.argv.slice(2)
if (folders.length > 0) {
  const tests = Fs.globSync("test/*/*.test.ts", { cwd: root, exclude: ["test/browser/**"] })
  const known = [...new Set(tests.map((file) => Path.basename(Path.dirname(file))))].toSorted()
  const unknown = folders.filter((name) => !known.includes(name))
  if (unknown.length > 0) {
    console.error(`test/ has no tests in ${unknown.join(", ")}. Choose from ${known.join(", ")}`)
    process.exit(1)
  }
  process.exit(run("vitest", ["run", ...folders.map((name) => `test/${name}/`)]) ? 0 : 1)
}

let passed = 0
let failed = 0
const failures: Array<string> = []
const started = performance.now()

const check = (name: string, what: string, command: () => boolean): void => {
  step(`${name}: ${what}`)
  const began = performance.now()
  const ok = command()
  console.log(`${name}: ${ok ? "passed" : "failed"} in ${Math.round((performance.now() - began) / 1000)} s`)
  if (ok) passed++
  else {
    failed++
    failures.push(name)
  }
}

check("format:check", "dprint", () => run("dprint", ["check"]))
check("check", "types and Effect diagnostics", () => run("node", ["scripts/check.ts"]))
check("docs", "every export is documented", () => run("node", ["scripts/docs.ts", "--check"]))
check("lint", "oxlint, with the import rules of the subsystems", () => run("oxlint", ["--type-aware"]))
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

// `check` has compiled the packages, so there is no need for a build
check(
  "api-report",
  "the public API is the one in packages/*/*.api.md (pnpm api-report writes it)",
  () => run("node", ["scripts/api-report.ts", "--check"])
)

const seconds = Math.round((performance.now() - started) / 1000)
const skipped = tests.skipped === 0 ? "" : `, ${tests.skipped} tests skipped`
console.log(`\n${passed} of ${passed + failed} checks and ${tests.passed} tests passed in ${seconds} s${skipped}`)
if (failures.length > 0) console.log(`failed: ${failures.join(", ")}`)
console.log(`${passed + tests.passed} passed, ${failed + failedTests} failed`)
process.exit(failures.length === 0 ? 0 : 1)
