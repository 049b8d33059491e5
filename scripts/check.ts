/** `pnpm check`: the types of everything, the Effect diagnostics of the packages, and a comment on every exported member. */
import { packages, run, step } from "./lib/run.ts"

step("types of packages, tests, examples and scripts (tsc -b)")
let ok = run("tsc", ["-b", "tsconfig.json"])
for (const name of packages) {
  step(`Effect diagnostics of packages/${name}`)
  const project = `packages/${name}/tsconfig.json`
  ok = run("effect-tsgo", ["diagnostics", "--project", project, "--strict", "--severity", "error,warning"]) && ok
}
step("documentation comments of members and overloads")
ok = run(process.execPath, ["scripts/surface.ts", "--check"]) && ok
process.exit(ok ? 0 : 1)
