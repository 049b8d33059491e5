/**
 * `pnpm build`: dist/ of all packages, from nothing: modules, types and maps, with pure calls annotated for bundlers.
 *
 * The modules of core and node are joined to a few, and the command to one for each subcommand, with all that it uses except
 * what is native or rarely needed.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { bundle, entryPoints } from "./lib/bundle.ts"
import { must, packages, root, step } from "./lib/run.ts"

step("removing earlier builds")
for (const name of packages) {
  Fs.rmSync(Path.join(root, "packages", name, "dist"), { recursive: true, force: true })
  Fs.rmSync(Path.join(root, "packages", name, "tsconfig.tsbuildinfo"), { force: true })
}
step("compiling (tsc -b)")
must("tsc", ["-b", "tsconfig.build.json"])
for (const name of packages) {
  step(`annotating pure calls in packages/${name}/dist`)
  const dist = `packages/${name}/dist`
  must("babel", [dist, "--plugins", "annotate-pure-calls", "--out-dir", dist, "--source-maps"])
}

// first, because it is made of the modules of the others
step("joining the modules of packages/cli")
// what the command declares as its own dependencies, and what `ws` uses if it is installed
const separate = new Set([
  "sharp",
  "sixel",
  "terminal-image",
  "supports-terminal-graphics",
  "bufferutil",
  "utf-8-validate"
])
await bundle("cli", { modules: ["bin"], keep: ["index", "CommandResult"], external: (id) => separate.has(id) })
const isInstalled = (id: string) => !id.startsWith(".") && !Path.isAbsolute(id)
step("joining the modules of packages/core")
await bundle("core", {
  modules: entryPoints("core").filter((module) => module !== "index"),
  keep: ["index"],
  external: isInstalled,
  // a program that opens workflows does not load the client, and only one that uses the snapshot, the event connection or a
  // shared store loads that
  groups: [
    { name: "snapshotText", test: /snapshotText/, priority: 2 },
    { name: "workflow", test: /dist\/(internal|definition|catalog|field|workflow)\/(?!Snapshot)/, priority: 1 },
    { name: "client", test: /dist\/(?!catalog\/Snapshot|.*(socketIo|sqlLedger|storedJournal)\.js$)/ }
  ]
})
step("joining the modules of packages/node")
await bundle("node", {
  modules: entryPoints("node").filter((module) => module !== "index"),
  keep: ["index"],
  external: isInstalled
})
