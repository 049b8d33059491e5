/**
 * `pnpm packages`: builds, packs both packages as they would be published, checks the tarballs with publint and attw, and
 * uses them as a program would: type-checks the README's program against them, and imports every entry point.
 */
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { must, packages, root, run, step } from "./lib/run.ts"

must("node", ["scripts/build.ts"])
const folder = process.argv[2] ?? Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-invokeai-packages-"))
Fs.mkdirSync(folder, { recursive: true })
let passed = 0
let failed = 0

const count = (ok: boolean): void => {
  if (ok) passed++
  else failed++
}

const consumer = Path.join(folder, "consumer")
const installed = (name: string): string => Path.join(consumer, "node_modules", name)

for (const name of packages) {
  step(`packing packages/${name}`)
  must("npx", ["-y", "pnpm@12.21.0", "pack", "--pack-destination", folder], { cwd: `${root}/packages/${name}` })
  const tarball = Fs.readdirSync(folder).find((file) => file.startsWith(`effect-invokeai-${name}-`))
  if (tarball === undefined) throw new Error(`no tarball of ${name}`)
  const path = Path.join(folder, tarball)
  for (const [tool, ...args] of [["publint", path, "--strict"], ["attw", path, "--profile", "esm-only"]] as const) {
    step(`${tool} ${tarball} (${Math.round(Fs.statSync(path).size / 1024)} kB)`)
    count(run(tool, args))
  }
  const target = installed(`@effect-invokeai/${name}`)
  Fs.mkdirSync(target, { recursive: true })
  must("tar", ["-xzf", path, "--strip-components=1", "-C", target])
  for (const folder of [`packages/${name}/node_modules`, "node_modules"]) {
    const from = Path.join(root, folder)
    for (const entry of Fs.readdirSync(from)) {
      if (entry.startsWith(".") || entry === "@effect-invokeai") continue
      const modules = entry.startsWith("@")
        ? Fs.readdirSync(Path.join(from, entry)).map((one) => `${entry}/${one}`)
        : [entry]
      for (const module of modules) {
        if (Fs.existsSync(installed(module))) continue
        Fs.mkdirSync(Path.dirname(installed(module)), { recursive: true })
        Fs.symlinkSync(Fs.realpathSync(Path.join(from, module)), installed(module))
      }
    }
  }
}

step("a program that uses the tarballs: types, with all declaration files checked")
const program = /```ts\n([\s\S]*?)```/.exec(Fs.readFileSync(Path.join(root, "README.md"), "utf8"))?.[1]
if (program === undefined) throw new Error("README.md has no program")
Fs.writeFileSync(Path.join(consumer, "package.json"), JSON.stringify({ type: "module", private: true }))
Fs.writeFileSync(Path.join(consumer, "program.ts"), program)
Fs.writeFileSync(
  Path.join(consumer, "tsconfig.json"),
  JSON.stringify({
    compilerOptions: {
      target: "ES2022",
      module: "NodeNext",
      strict: true,
      exactOptionalPropertyTypes: true,
      noEmit: true,
      types: ["node"]
    },
    include: ["program.ts"]
  })
)
count(run("tsc", ["-p", consumer]))

step("importing every entry point of the tarballs")
const modules = packages.flatMap((name) =>
  Fs.globSync("**/*.js", { cwd: Path.join(installed(`@effect-invokeai/${name}`), "dist") })
    .filter((file) => !file.includes("internal/") && file !== "index.js")
    .map((file) => `@effect-invokeai/${name}/${file.replace(/\.js$/, "")}`)
    .concat(`@effect-invokeai/${name}`)
)
Fs.writeFileSync(
  Path.join(consumer, "imports.js"),
  `await Promise.all(${
    JSON.stringify(modules)
  }.map((name) => import(name)))\nconsole.log("${modules.length} entry points")\n`
)
count(run("node", [Path.join(consumer, "imports.js")]))

if (process.argv[2] === undefined) Fs.rmSync(folder, { recursive: true, force: true })
console.log(`\n${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
