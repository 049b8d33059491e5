/** A folder that uses the packed packages as another program would: tarballs unpacked into node_modules. */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { must, packages, root, step } from "./run.ts"

/** The packed packages, and a folder that has them installed. */
export interface Consumer {
  readonly folder: string
  readonly tarballs: ReadonlyArray<string>
  /** Where a module is installed. */
  readonly installed: (name: string) => string
}

/** Names of the modules in a `node_modules`. */
const modulesIn = (folder: string): ReadonlyArray<string> =>
  Fs.readdirSync(folder).filter((entry) => !entry.startsWith(".")).flatMap((entry) =>
    entry.startsWith("@") ? Fs.readdirSync(Path.join(folder, entry)).map((name) => `${entry}/${name}`) : [entry]
  )

/** Builds the packages and packs them into `folder`; the paths of the tarballs, in the order of `packages`. */
export const pack = (folder: string): ReadonlyArray<string> => {
  must("node", ["scripts/build.ts"])
  return packages.map((name) => {
    step(`packing packages/${name}`)
    must("npx", ["-y", "pnpm@12.21.0", "pack", "--pack-destination", folder], { cwd: `${root}/packages/${name}` })
    const file = Fs.readdirSync(folder).find((entry) => entry.startsWith(`effect-invokeai-${name}-`))
    if (file === undefined) throw new Error(`no tarball of ${name}`)
    return Path.join(folder, file)
  })
}

/** Builds and packs the packages into `folder`, and installs them in a folder below it. */
export const makeConsumer = (folder: string): Consumer => {
  const tarballs = pack(folder)
  const consumer = Path.join(folder, "consumer")
  const installed = (name: string): string => Path.join(consumer, "node_modules", name)
  for (const [index, name] of packages.entries()) {
    const target = installed(`@effect-invokeai/${name}`)
    Fs.mkdirSync(target, { recursive: true })
    must("tar", ["-xzf", tarballs[index]!, "--strip-components=1", "-C", target])
    for (const from of [Path.join(root, "packages", name, "node_modules"), Path.join(root, "node_modules")]) {
      for (const module of modulesIn(from)) {
        if (module.startsWith("@effect-invokeai/") || Fs.existsSync(installed(module))) continue
        Fs.mkdirSync(Path.dirname(installed(module)), { recursive: true })
        Fs.symlinkSync(Fs.realpathSync(Path.join(from, module)), installed(module))
      }
    }
  }
  Fs.writeFileSync(Path.join(consumer, "package.json"), JSON.stringify({ type: "module", private: true }))
  return { folder: consumer, tarballs, installed }
}
