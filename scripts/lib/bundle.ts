/** Joins the compiled modules of packages, because Node spends more time on finding files than on compiling them. */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { type OutputOptions, type Plugin, rolldown } from "rolldown"
import { root } from "./run.ts"

type CodeSplittingGroups = Extract<OutputOptions["codeSplitting"], object>["groups"]

/** Where the modules of a package are compiled to. */
export const distOf = (name: string): string => Path.join(root, "packages", name, "dist")

/** The names of the modules that a package exports: without `internal/` and what its `exports` close. */
export const entryPoints = (name: string): ReadonlyArray<string> => {
  const { exports } = JSON.parse(Fs.readFileSync(Path.join(root, "packages", name, "package.json"), "utf8")) as {
    readonly exports: Readonly<Record<string, string | null>> // our own file
  }
  const closed = Object.keys(exports).filter((path) => exports[path] === null)
    .map((path) => path.slice(2).replace(/\*$/, ""))
  return Fs.globSync("**/*.js", { cwd: distOf(name) }).map((file) => file.replace(/\.js$/, "")).filter((module) =>
    !module.includes("internal/") &&
    !closed.some((path) => path.endsWith("/") ? module.startsWith(path) : module === path)
  )
}

/** Reads a compiled module with its source map, so that the maps of the chunks name the lines of the sources. */
const withSourceMaps: Plugin = {
  name: "source-maps",
  load: (file) =>
    Fs.existsSync(`${file}.map`)
      ? { code: Fs.readFileSync(file, "utf8"), map: Fs.readFileSync(`${file}.map`, "utf8") }
      : null
}

/** Resolves the packages of this repository to what they compile to, because their own `exports` lead to the sources. */
const compiledPackages: Plugin = {
  name: "compiled-packages",
  resolveId: (id) => {
    const [, name, module = "index"] = /^@effect-invokeai\/(\w+)(?:\/(.+))?$/.exec(id) ?? []
    return name === undefined ? null : Path.join(distOf(name), `${module}.js`)
  }
}

/** Resolves Effect's re-export of undici to undici, because rolldown drops the names that such a module re-exports of CommonJS. */
const undici: Plugin = {
  name: "undici",
  resolveId(id, importer) {
    return id === "./Undici.js" ? this.resolve("undici", importer) : null
  }
}

/** The folder of the package that a module belongs to, if it is an installed one. */
const installedPackage = (file: string): string | undefined => /^.*\/node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file)?.[0]

/** The licenses of installed packages, as they come with them. */
const licensesOf = (folders: ReadonlyArray<string>): string =>
  folders.map((folder) => {
    const file = Fs.readdirSync(folder).find((name) => /^licen[cs]e/i.test(name))
    if (file === undefined) throw new Error(`${folder} has no license file`)
    return `${folder.slice(folder.lastIndexOf("/node_modules/") + 14)}\n\n${
      Fs.readFileSync(Path.join(folder, file), "utf8")
    }`
  }).join("\n\n---\n\n")

/**
 * Joins `modules` of a package, with all that they import except `external`, and replaces the compiled modules by the
 * result, except those to `keep`. The declarations stay as they are. If other packages become part of it, `LICENSES.txt`
 * contains their licenses.
 */
export const bundle = async (
  name: string,
  options: {
    readonly modules: ReadonlyArray<string>
    readonly keep: ReadonlyArray<string>
    readonly external: (id: string) => boolean
    readonly groups?: CodeSplittingGroups
  }
): Promise<void> => {
  const dist = distOf(name)
  const build = await rolldown({
    input: Object.fromEntries(options.modules.map((module) => [module, Path.join(dist, `${module}.js`)])),
    external: options.external,
    platform: "node",
    plugins: [compiledPackages, undici, withSourceMaps]
  })
  const { output } = await build.generate({
    dir: dist,
    format: "esm",
    sourcemap: true,
    sourcemapPathTransform: (source) => source.replace(/^.*\/node_modules\//, ""),
    entryFileNames: "[name].js",
    chunkFileNames: "internal/[name].js",
    // the declarations have the documentation
    comments: { legal: true, annotation: true, jsdoc: false },
    ...(options.groups === undefined ? {} : { codeSplitting: { groups: options.groups } })
  })
  await build.close()
  const kept = new Set(options.keep.flatMap((module) => [`${module}.js`, `${module}.js.map`]))
  for (const file of Fs.globSync("**/*.{js,js.map}", { cwd: dist })) {
    if (!kept.has(file)) Fs.rmSync(Path.join(dist, file))
  }
  for (const file of output) {
    const target = Path.join(dist, file.fileName)
    Fs.mkdirSync(Path.dirname(target), { recursive: true })
    Fs.writeFileSync(target, file.type === "chunk" ? file.code : file.source)
  }
  const folders = new Set(output.flatMap((file) => file.type === "chunk" ? file.moduleIds : []).map(installedPackage))
  const installed = [...folders].filter((folder) => folder !== undefined).toSorted()
  if (installed.length > 0) Fs.writeFileSync(Path.join(dist, "LICENSES.txt"), licensesOf(installed))
}
