/** `pnpm check`: the types of everything, and the Effect diagnostics of the packages. */
import { packages, run, step } from "./lib/run.ts"

step("types of packages, tests, examples and scripts (tsc -b)")
let ok = run("tsc", ["-b", "tsconfig.json"])
for (const name of packages) {
  step(`Effect diagnostics of packages/${name}`)
  const project = `packages/${name}/tsconfig.json`
  ok = run("effect-tsgo", ["diagnostics", "--project", project, "--strict", "--severity", "error,warning"]) && ok
}
process.exit(ok ? 0 : 1)
