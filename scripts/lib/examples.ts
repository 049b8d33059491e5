/** The `ts` fences in the documentation comments of the packages and in the Markdown files. */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { root } from "./run.ts"

/** One fence. `kind` is what its first line says is to be done with it, see CONTRIBUTING.md. */
export interface Example {
  readonly file: string
  readonly line: number
  readonly kind: "module" | "run" | "test"
  readonly code: string
}

const fence = /^([ \t]*\*?[ \t]*)```ts([^\n]*)\n([\s\S]*?)^[ \t]*\*?[ \t]*```/gm

const examplesIn = (file: string): ReadonlyArray<Example> => {
  const text = Fs.readFileSync(Path.join(root, file), "utf8")
  return [...text.matchAll(fence)].flatMap((match): ReadonlyArray<Example> => {
    const [, indent = "", meta = "", body = ""] = match
    const words = meta.trim().split(/\s+/)
    if (words.includes("skip")) return []
    const lines = body.split("\n").map((line) => indent.includes("*") ? line.replace(/^\s*\* ?/, "") : line)
    return [{
      file,
      line: text.slice(0, match.index).split("\n").length,
      kind: words.includes("run") ? "run" : words.includes("test") ? "test" : "module",
      code: lines.join("\n")
    }]
  })
}

/** The Markdown files of the repository, without the API reference. */
export const markdownFiles: ReadonlyArray<string> = Fs.globSync(
  ["README.md", "CONTRIBUTING.md", "docs/**/*.md", "examples/README.md", "packages/*/README.md"],
  { cwd: root, exclude: ["docs/api/**"] }
).toSorted()

/** All fences, in the order of their files. */
export const examples: ReadonlyArray<Example> = [
  ...markdownFiles,
  ...Fs.globSync("packages/*/src/**/*.ts", { cwd: root })
].toSorted().flatMap(examplesIn)

/** The programs of a Markdown file: its `ts` fences without a further word, in their order. */
export const programsOf = (file: string): ReadonlyArray<string> =>
  Array.from(
    Fs.readFileSync(Path.join(root, file), "utf8").matchAll(/^```ts\n([\s\S]*?)^```/gm),
    ([, code = ""]) => code
  )

/** The README's promise program, with the line for a workflow that needs no model in the place of its own. */
export const withoutModel = (): string => {
  const [program = ""] = programsOf("README.md")
  const line = /^```ts skip\n([\s\S]*?)\n```/m.exec(Fs.readFileSync(Path.join(root, "README.md"), "utf8"))?.[1] ?? ""
  return program.replace(/^.* await run\(.*$/m, () => line)
}

/** A file name for an example, without its extension. */
export const nameOf = ({ file, line }: Example): string => `${file.replaceAll(/[^a-zA-Z0-9]+/g, "_")}_${line}`
