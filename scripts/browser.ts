/**
 * `pnpm test:browser`: a page on the served simulator, and the report of a farm, in headless Chromium. Needs Chromium: `apt-get install chromium`, or its
 * path in `CHROMIUM`. Prints the size of the page's bundle.
 */
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { root, run } from "./lib/run.ts"
import { count, type Report } from "./lib/vitestReport.ts"

const folder = Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-invokeai-browser-"))
const report = Path.join(folder, "report.json")
const green = run("vitest", [
  "run",
  "--config",
  Path.join(root, "test/browser/vitest.config.ts"),
  "--root",
  root,
  "--reporter=default",
  "--reporter=json",
  `--outputFile.json=${report}`
])
const { failed, passed } = Fs.existsSync(report)
  ? count(JSON.parse(Fs.readFileSync(report, "utf8")) as Report) // vitest's own file
  : { passed: 0, failed: 1 }
Fs.rmSync(folder, { recursive: true, force: true })
console.log(`${passed} passed, ${green ? failed : Math.max(failed, 1)} failed`)
process.exit(green ? 0 : 1)
