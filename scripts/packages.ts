/**
 * `pnpm packages`: builds, compares the public API with the committed report, packs both packages as they would be published,
 * checks the tarballs with publint and attw, installs them with npm into an empty project, and uses them there as a program
 * would: compiles the programs of the README and of the guides with the oldest and the newest TypeScript, imports every entry
 * point, and runs the programs as they are with the oldest and the newest Node.
 */
import * as Fs from "node:fs"
import * as Os from "node:os"
import * as Path from "node:path"
import { makeConsumer } from "./lib/consumer.ts"
import { programsOf } from "./lib/examples.ts"
import { must, packages, root, run, step } from "./lib/run.ts"

const typescripts = ["5.9.3", "7.0.2"]
const nodes = ["22.19.0", "24.21.0"]

/** The name under which a version of a package is installed beside others. */
const alias = (name: string, version: string): string => `${name}-${version.split(".")[0]}`

/** A project that has the tarballs, their peers and the tools, and nothing else. */
const install = (project: string, tarballs: ReadonlyArray<string>): void => {
  Fs.mkdirSync(project, { recursive: true })
  const peers = JSON.parse(Fs.readFileSync(Path.join(root, "packages/node/package.json"), "utf8")) as {
    readonly peerDependencies: Readonly<Record<string, string>> // our own file
  }
  const tools = (name: string, versions: ReadonlyArray<string>) =>
    versions.map((version) => [alias(name, version), `npm:${name}@${version}`] as const)
  Fs.writeFileSync(
    Path.join(project, "package.json"),
    JSON.stringify({
      type: "module",
      private: true,
      dependencies: {
        ...Object.fromEntries(packages.map((name, index) => [`@effect-invokeai/${name}`, `file:${tarballs[index]}`])),
        ...peers.peerDependencies
      },
      devDependencies: {
        "@types/node": "^24.0.0",
        rolldown: "1.2.19",
        ...Object.fromEntries([...tools("typescript", typescripts), ...tools("node", nodes)])
      }
    })
  )
  must("npm", ["install", "--no-audit", "--no-fund", "--prefer-offline", "--loglevel=error"], { cwd: project })
}

/** A program that serves the simulator and runs another program on it. */
const serve = `
import { NodeSimulator } from "@effect-invokeai/testing/NodeSimulator"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as Effect from "effect/Effect"
import { spawn } from "node:child_process"

const main = Effect.gen(function*() {
  const { url } = yield* NodeSimulator
  process.exitCode = yield* Effect.callback((resume) => {
    const env = { ...process.env, INVOKEAI_URL: url.href }
    spawn(process.execPath, process.argv.slice(2), { env, stdio: "inherit" })
      .on("close", (code) => resume(Effect.succeed(code ?? 1)))
  })
})
NodeRuntime.runMain(Effect.provide(main, NodeSimulator.layer()))
`

/** A program that uses a generated module in right and in wrong ways. */
const misuse = `
import * as SoftThumbnail from "./soft-thumbnail.ts"

export const right = [
  () => SoftThumbnail.run({ photo: "a.png", width: 32, height: undefined }, { directory: "outputs", runs: 2 }),
  () => SoftThumbnail.run({ photo: new Uint8Array() }),
  () => SoftThumbnail.run({ photo: { imageName: "a.png" } })
]
export const wrong = [
  // @ts-expect-error -- misspelled
  () => SoftThumbnail.run({ photo: "a.png", widht: 32 }),
  // @ts-expect-error -- missing
  () => SoftThumbnail.run({ width: 32 }),
  // @ts-expect-error -- none at all
  () => SoftThumbnail.run(),
  // @ts-expect-error -- mistyped
  () => SoftThumbnail.run({ photo: "a.png", width: "32" }),
  // @ts-expect-error -- null is no value
  () => SoftThumbnail.run({ photo: null }),
  // @ts-expect-error -- no such option
  () => SoftThumbnail.run({ photo: "a.png" }, { folder: "outputs" })
]
export const image = (outputs: SoftThumbnail.Outputs): number | undefined => outputs.image?.width
// @ts-expect-error -- no such output
export const picture = (outputs: SoftThumbnail.Outputs) => outputs.picture
`

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

step("the public API is the one that is committed (pnpm api-report writes it)")
count(run("node", ["scripts/api-report.ts", "--check"]))

const project = Path.join(folder, "project")
step(
  `an empty project: npm install of the tarballs, TypeScript ${typescripts.join(" and ")}, Node ${nodes.join(" and ")}`
)
install(project, consumer.tarballs)

/** The programs that users copy: a name, and the text. */
const programs = ([
  ["readme-promises", "README.md", 0],
  ["readme-effect", "README.md", 1],
  ["guide-promises", "docs/guides/promises.md", 0],
  ["guide-effect", "docs/guides/effect.md", 0]
] as const).map(([name, file, index]) => ({ name: `${name}.ts`, code: programsOf(file)[index]! }))
for (const { code, name } of programs) Fs.writeFileSync(Path.join(project, name), code)
Fs.writeFileSync(
  Path.join(project, "tsconfig.json"),
  JSON.stringify({
    compilerOptions: {
      target: "ES2022",
      module: "NodeNext",
      strict: true,
      exactOptionalPropertyTypes: true,
      types: ["node"],
      outDir: "out"
    },
    include: programs.map(({ name }) => name)
  })
)
Fs.copyFileSync(Path.join(root, "examples/soft-thumbnail.json"), Path.join(project, "soft-thumbnail.json"))
/** Programs with generated modules: what is wrong in them has to be an error of the compiler. */
const typed = ["effect", "promise"].map((kind) => {
  const folder = `typed-${kind}`
  step(`the packed command writes a typed module (${kind})`)
  count(run("node", [
    "node_modules/@effect-invokeai/cli/dist/bin.js",
    "types",
    "soft-thumbnail.json",
    "--out",
    folder,
    ...(kind === "promise" ? ["--promise"] : [])
  ], { cwd: project }))
  Fs.writeFileSync(Path.join(project, folder, "program.ts"), misuse)
  return folder
})
for (const isExact of [true, false]) {
  const config = `tsconfig.typed-${isExact ? "exact" : "loose"}.json`
  Fs.writeFileSync(
    Path.join(project, config),
    JSON.stringify({
      extends: "./tsconfig.json",
      compilerOptions: {
        exactOptionalPropertyTypes: isExact,
        noUncheckedIndexedAccess: isExact,
        allowImportingTsExtensions: true,
        noEmit: true
      },
      include: typed
    })
  )
  for (const version of typescripts) {
    step(`TypeScript ${version} rejects wrong inputs of typed modules (${config})`)
    count(
      run("node", [
        Path.join(project, "node_modules", alias("typescript", version), "bin/tsc"),
        "-p",
        Path.join(project, config)
      ])
    )
  }
}
for (const version of typescripts) {
  step(
    `TypeScript ${version} compiles the programs of the README and of the guides, with all declaration files checked`
  )
  count(run("node", [Path.join(project, "node_modules", alias("typescript", version), "bin/tsc"), "-p", project]))
}

const modules: Array<string> = []
/** Modules that the packages keep to themselves. */
const closed: Array<string> = []
for (const name of packages) {
  const installed = Path.join(project, "node_modules/@effect-invokeai", name)
  const { exports } = JSON.parse(Fs.readFileSync(Path.join(installed, "package.json"), "utf8")) as {
    readonly exports: Readonly<Record<string, string | null>> // our own file
  }
  const hidden = Object.keys(exports).filter((path) => exports[path] === null).map((path) =>
    path.slice(2).replace(/\*$/, "")
  )
  modules.push(`@effect-invokeai/${name}`)
  for (const file of Fs.globSync("**/*.js", { cwd: Path.join(installed, "dist") })) {
    const module = file.replace(/\.js$/, "")
    const isHidden = hidden.some((path) => path.endsWith("/") ? module.startsWith(path) : module === path)
    const list = isHidden || module.includes("internal/") ? closed : modules
    list.push(`@effect-invokeai/${name}/${module}`)
  }
}
Fs.writeFileSync(
  Path.join(project, "imports.js"),
  `await Promise.all(${JSON.stringify(modules)}.map((name) => import(name)))
for (const name of ${JSON.stringify(closed)}) {
  const opened = await import(name).then(() => true, (error) => error.code !== "ERR_PACKAGE_PATH_NOT_EXPORTED")
  if (opened) throw new Error(name + " can be imported")
}
console.log("${modules.length} entry points, ${closed.length} modules that cannot be imported")
`
)
Fs.writeFileSync(
  Path.join(project, "loads.js"),
  `import { registerHooks } from "node:module"
const loaded = []
registerHooks({
  load: (url, context, next) => {
    if (url.includes("/@effect-invokeai/")) loaded.push(url)
    return next(url, context)
  }
})
await import("@effect-invokeai/core/workflow/Workflow")
const unneeded = loaded.filter((url) => url.includes("client") || url.includes("snapshotText"))
if (unneeded.length > 0 || loaded.length > 5) throw new Error(loaded.join(", "))
await import("@effect-invokeai/node")
if (loaded.some((url) => url.includes("snapshotText")) || loaded.length > 60) throw new Error(loaded.join(", "))
console.log(loaded.length + " modules")
`
)
for (
  const [from, to] of [
    ["test/fixtures/workflows/text-to-image.json", "workflow.json"],
    ["examples/soft-thumbnail.json", "soft-thumbnail.json"],
    ["examples/mountain.png", "photo.png"]
  ] as const
) Fs.copyFileSync(Path.join(root, from), Path.join(project, to))
Fs.writeFileSync(Path.join(project, "serve.js"), serve)
step("the guide about fast starts bundles a program")
const [, bundling = ""] =
  /^npx (rolldown .*)$/m.exec(Fs.readFileSync(Path.join(root, "docs/guides/fast-start.md"), "utf8")) ?? []
const bundle = bundling.replace("program.ts", "readme-effect.ts").split(" ")
count(run("npx", bundle, { cwd: project }))
const runnable = [...programs.map(({ name }) => name), `${bundle.at(-1)}/readme-effect.js`]
for (const version of nodes) {
  const node = Path.join(project, "node_modules", alias("node", version), "bin/node")
  step(`Node ${version} imports every entry point`)
  count(run(node, ["imports.js"], { cwd: project }))
  step(`Node ${version} opens workflows without the client, and the client without the bundled catalog`)
  count(run(node, ["loads.js"], { cwd: project }))
  step(`Node ${version} runs a workflow with the packed command on the simulator of the tarballs`)
  Fs.rmSync(Path.join(project, "made"), { recursive: true, force: true })
  const command = [
    "node_modules/@effect-invokeai/cli/dist/bin.js",
    "run",
    "soft-thumbnail.json",
    "--photo",
    "photo.png"
  ]
  const hasRun = run(node, ["serve.js", ...command, "--out", "made"], { cwd: project })
  count(hasRun && Fs.globSync("made/*.png", { cwd: project }).length === 1)
  for (const name of runnable) {
    step(`Node ${version} runs ${name} as it is on the simulator of the tarballs`)
    Fs.rmSync(Path.join(project, "outputs"), { recursive: true, force: true })
    const made = () => Fs.globSync("outputs/*.png", { cwd: project }).length
    count(run(node, ["serve.js", name], { cwd: project }) && made() === 1)
  }
}

if (process.argv[2] === undefined) Fs.rmSync(folder, { recursive: true, force: true })
console.log(`\n${passed} passed, ${failed} failed`)
process.exit(failed === 0 ? 0 : 1)
