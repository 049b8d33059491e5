/**
 * Takes every `ts` fence out of the documentation comments and the Markdown files, and writes it to .doctest/, where tsc checks
 * its types and vitest runs it:
 *
 * - "```ts" is type-checked as a module of its own; test/documentation runs it on a simulator;
 * - "```ts run" is run as a test; a line `expression // => value` is an assertion on the value;
 * - "```ts test" is a file of tests: type-checked and run as it is;
 * - "```ts skip" is left alone.
 *
 * A fence contains its own imports.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { type Example, examples, nameOf } from "./lib/examples.ts"
import { root } from "./lib/run.ts"

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
for (const example of examples) {
  Fs.writeFileSync(
    Path.join(out, `${nameOf(example)}${example.kind === "module" ? "" : ".test"}.ts`),
    example.kind === "run" ? asTest(example) : asModule(example)
  )
}
console.log(`${examples.length} examples in ${new Set(examples.map((example) => example.file)).size} files`)
