/**
 * Takes every `ts` fence out of the JSDoc comments of packages/core/src and packages/node/src and out of the Markdown files, and writes it to
 * .doctest/, where tsc checks its types and vitest runs what is marked:
 *
 * - "```ts" is type-checked as a module of its own;
 * - "```ts run" is also run, as a test; a line `expression // => value` is an assertion on the value;
 * - "```ts test" is a file of tests: type-checked and run as it is;
 * - "```ts skip" is left alone.
 *
 * A fence contains its own imports.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { root } from "./lib/run.ts"

interface Example {
  readonly file: string
  readonly line: number
  readonly kind: "module" | "run" | "test"
  readonly code: string
}

const fence = /^([ \t]*\*?[ \t]*)```ts([^\n]*)\n([\s\S]*?)^[ \t]*\*?[ \t]*```/gm

const examplesOf = (file: string): ReadonlyArray<Example> => {
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

const importStatement = /^import [^"]*"[^"]*"$/gm

const assertion = /^(\s*)(?:const (\w+) = )?(.+?) \/\/ => (.+)$/

const withAssertions = (line: string): string => {
  const match = assertion.exec(line)
  if (match === null) return line
  const [, indent, name, expression, value] = match
  return name === undefined
    ? `${indent}__same(${expression}, ${value})`
    : `${indent}const ${name} = ${expression}\n${indent}__same(${name}, ${value})`
}

const asTest = (example: Example): string =>
  [
    `import { assert as __assert, it as __it } from "@effect/vitest"`,
    `import * as __Equal from "effect/Equal"`,
    ...(example.code.match(importStatement) ?? []),
    `const __same = (actual: unknown, expected: unknown) => {`,
    `  if (!__Equal.equals(actual, expected)) __assert.deepStrictEqual(actual, expected)`,
    `}`,
    `void __same`,
    `__it(${JSON.stringify(`${example.file}:${example.line}`)}, async () => {`,
    ...example.code.replace(importStatement, "").split("\n").map(withAssertions),
    `})`,
    ""
  ].join("\n")

const asModule = (example: Example): string => `// ${example.file}:${example.line}\n${example.code}\nexport {}\n`

const out = Path.join(root, ".doctest")
Fs.rmSync(out, { recursive: true, force: true })
Fs.mkdirSync(out, { recursive: true })
const files = Fs.globSync(["packages/*/src/**/*.ts", "packages/*/README.md", "README.md", "docs/**/*.md"], {
  cwd: root,
  exclude: ["docs/api/**"]
})
const examples = files.toSorted().flatMap(examplesOf)
for (const example of examples) {
  const name = `${example.file.replaceAll(/[^a-zA-Z0-9]+/g, "_")}_${example.line}`
  Fs.writeFileSync(
    Path.join(out, `${name}${example.kind === "module" ? "" : ".test"}.ts`),
    example.kind === "run" ? asTest(example) : asModule(example)
  )
}
console.log(`${examples.length} examples in ${new Set(examples.map((example) => example.file)).size} files`)
