/** `pnpm build`: dist/ of both packages, from nothing: modules, types and maps, with pure calls annotated for bundlers. */
import * as Fs from "node:fs"
import * as Path from "node:path"
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
