/**
 * `pnpm api-report`: writes the public API of both packages to `packages/<name>/<name>.api.md` (needs `pnpm build`).
 * With `--check` it only compares, and fails where the committed report differs.
 */
import { packages, root, run, step } from "./lib/run.ts"

const check = process.argv.includes("--check")
let ok = true
for (const name of packages) {
  step(`${check ? "comparing" : "writing"} the API report of packages/${name}`)
  ok = run("api-extractor", check ? ["run"] : ["run", "--local"], { cwd: `${root}/packages/${name}` }) && ok
}
process.exit(ok ? 0 : 1)
