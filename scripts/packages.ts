/**
 * `pnpm packages`: builds, packs both packages as they would be published, checks the tarballs with publint and attw, and
 * uses them as a program would: type-checks the README's program against them, and imports every entry point.
 */
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { makeConsumer } from "./lib/consumer.ts"
import { packages, root, run, step } from "./lib/run.ts"

const folder = process.argv[2] ?? Fs.mkdtempSync(Path.join(Os.tmpdir(), "effect-invokeai-packages-"))
Fs.mkdirSync(folder, { recursive: true })
const consumer = makeConsumer(folder)
let passed = 0
let failed = 0

const count = (ok: boolean): void => {
  if (ok) passed++
  else failed++
}

for (const path of consumer.tarballs) {
  for (const [tool, ...args] of [["publint", path, "--strict"], ["attw", path, "--profile", "esm-only"]] as const) {
    step(`${tool} ${Path.basename(path)} (${Math.round(Fs.statSync(path).size / 1024)} kB)`)
    count(run(tool, args))
  }
}

step("a program that uses the tarballs: types, with all declaration files checked")
const program = /```ts\n([\s\S]*?)```/.exec(Fs.readFileSync(Path.join(root, "README.md"), "utf8"))?.[1]
if (program === undefined) throw new Error("README.md has no program")
Fs.writeFileSync(Path.join(consumer.folder, "program.ts"), program)
Fs.writeFileSync(
  Path.join(consumer.folder, "tsconfig.json"),
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
count(run("tsc", ["-p", consumer.folder]))

step("importing every entry point of the tarballs")
const modules = packages.flatMap((name) =>
  Fs.globSync("**/*.js", { cwd: Path.join(consumer.installed(`@effect-invokeai/${name}`), "dist") })
    .filter((file) => !/internal\/|^simulator\/(nodes|routes)\//.test(file) && file !== "index.js")
    .map((file) => `@effect-invokeai/${name}/${file.replace(/\.js$/, "")}`)
    .concat(`@effect-invokeai/${name}`)
)
const imports = Path.join(consumer.folder, "imports.js")
Fs.writeFileSync(
  imports,
  `await Promise.all(${
    JSON.stringify(modules)
  }.map((name) => import(name)))\nconsole.log("${modules.length} entry points")\n`
)
count(run("node", [imports]))

if (process.argv[2] === undefined) Fs.rmSync(folder, { recursive: true, force: true })
console.log(`\n${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
