/** `pnpm packages`: builds, packs both packages as they would be published, and checks the tarballs with publint and attw. */
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { must, packages, root, run, step } from "./lib/run.ts"

must("node", ["scripts/build.ts"])
const folder = process.argv[2] ?? Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-invokeai-packages-"))
Fs.mkdirSync(folder, { recursive: true })
let passed = 0
let failed = 0
for (const name of packages) {
  step(`packing packages/${name}`)
  must("npx", ["-y", "pnpm@12.21.0", "pack", "--pack-destination", folder], { cwd: `${root}/packages/${name}` })
  const tarball = Fs.readdirSync(folder).find((file) => file.startsWith(`effect-invokeai-${name}-`))
  if (tarball === undefined) throw new Error(`no tarball of ${name}`)
  const path = Path.join(folder, tarball)
  for (const [tool, ...args] of [["publint", path, "--strict"], ["attw", path, "--profile", "esm-only"]] as const) {
    step(`${tool} ${tarball} (${Math.round(Fs.statSync(path).size / 1024)} kB)`)
    if (run(tool, args)) passed++
    else failed++
  }
}
if (process.argv[2] === undefined) Fs.rmSync(folder, { recursive: true, force: true })
console.log(`\n${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
