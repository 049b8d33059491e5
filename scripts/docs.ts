/**
 * `pnpm docs`: the API reference of both packages from the documentation comments in their sources, one Markdown file per
 * module below docs/api (not in git), and an index. Every `ts` fence in it is one of those that `pnpm test` checks.
 *
 * With `--check` it writes nothing, and fails where an export has no comment, no `@since` or no `@category`, and where a
 * comment, message, title or page uses a phrase that is never right.
 */
import * as Fs from "node:fs"
import * as Path from "node:path"
import { packages, root } from "./lib/run.ts"

interface Entry {
  readonly name: string
  readonly file: string
  readonly line: number
  readonly comment: string
  readonly signature: string
}

interface Module {
  readonly file: string
  readonly specifier: string
  readonly comment: string
  readonly entries: ReadonlyArray<Entry>
}

/** The text of a comment, without its stars. */
const textOf = (comment: string): string =>
  comment.replace(/^\/\*\*/, "").replace(/\*\/$/, "").split("\n").map((line) => line.replace(/^\s*\* ?/, "")).join("\n")
    .trim()

const tag = (comment: string, name: string): string | undefined =>
  new RegExp(`^@${name}\\b[ \\t]*(.*)$`, "m").exec(comment)?.[1]?.trim()

const withoutTags = (comment: string): string => comment.replaceAll(/^@(since|category|internal)\b.*$/gm, "").trim()

const exported = /^export (?:declare )?(?:const|class|interface|type|function|abstract class) (\w+)/

/** What a module passes on from another one as its own: all of it, or the names in the braces. */
const reExported = /^export (?:type )?(?:\*|\{([^}]*)\}) from "(\.[^"]+)"$/gm

/** Where the brackets that are open at a position close, or the end. */
const closing = (text: string, from: number): number => {
  let depth = 0
  for (let index = from; index < text.length; index++) {
    if ("([{".includes(text[index]!)) depth++
    else if (")]}".includes(text[index]!) && --depth === 0) return index
  }
  return text.length
}

/** A declaration without its value: of an interface and a type all, of a function its parameters and its result. */
const signatureOf = (lines: ReadonlyArray<string>, from: number): string => {
  const rest = lines.slice(from)
  const next = rest.findIndex((line, index) => index > 0 && /^(\/\*\*|export |const |class )/.test(line))
  const text = (next < 0 ? rest : rest.slice(0, next)).join("\n").replace(/^export /, "").trimEnd()
  const cut = (end: number) => (end < 0 ? text : text.slice(0, end)).trimEnd()
  if (/^(interface|type) /.test(text)) return text
  if (/^(abstract |declare )*class /.test(text)) return cut(text.search(/ \{$/m))
  if (/^const \w+: \{/.test(text)) return cut(closing(text, text.indexOf("{")) + 1)
  if (/^const \w+ = Effect\.fn/.test(text)) return cut(text.search(/ \{$/m))
  const params = /^const \w+ = (<[^(]*>)?\(/.exec(text)?.[0]
  if (params !== undefined) return cut(text.indexOf(" =>", closing(text, params.length - 1)))
  return cut(text.search(/ =( |$)/m))
}

const entriesOf = (file: string): ReadonlyArray<Entry> => {
  const source = Fs.readFileSync(Path.join(root, file), "utf8")
  const lines = source.split("\n")
  const seen = new Set<string>()
  const own = lines.flatMap((line, index): ReadonlyArray<Entry> => {
    const name = exported.exec(line)?.[1]
    if (name === undefined) return []
    let begin = index
    if (lines[index - 1]?.trimEnd().endsWith("*/") === true) {
      begin = index - 1
      while (begin > 0 && !lines[begin]!.startsWith("/**")) begin--
    }
    const comment = textOf(lines.slice(begin, index).join("\n"))
    // A schema and its type share a name: the first of the two is documented with both.
    const key = `${name} ${withoutTags(comment).split("\n")[0]}`
    if (/^@internal\b|[^`]@internal\b/m.test(comment) || seen.has(key)) return []
    seen.add(key)
    return [{ name, file, line: index + 1, comment, signature: signatureOf(lines, index) }]
  })
  const passedOn = [...source.matchAll(reExported)].flatMap(([, names, from = ""]) => {
    const entries = entriesOf(Path.join(Path.dirname(file), from))
    const wanted = names?.split(",").map((name) => name.replace(/^\s*type /, "").trim())
    return wanted === undefined ? entries : entries.filter(({ name }) => wanted.includes(name))
  })
  return [...passedOn, ...own]
}

const read = (file: string, specifier: string): Module => {
  const head = /^\/\*\*[\s\S]*?\*\//.exec(Fs.readFileSync(Path.join(root, file), "utf8"))?.[0] ?? ""
  return { file, specifier, comment: textOf(head), entries: entriesOf(file) }
}

/** What the `exports` of a package keep to themselves, as beginnings of paths. */
const hiddenBy = (name: string): ReadonlyArray<string> => {
  const { exports } = JSON.parse(Fs.readFileSync(Path.join(root, "packages", name, "package.json"), "utf8")) as {
    readonly exports: Readonly<Record<string, string | null>> // our own file
  }
  return Object.entries(exports).flatMap(([path, file]) => file === null ? [path.slice(2).replace(/\*$/, "")] : [])
}

/** The entry points of a package: what its `exports` allow. */
const modulesOf = (name: string): ReadonlyArray<Module> =>
  Fs.globSync("**/*.ts", { cwd: Path.join(root, "packages", name, "src") })
    .filter((file) =>
      !hiddenBy(name).some((path) => path.endsWith("/") ? file.startsWith(path) : file === `${path}.ts`)
    )
    .toSorted()
    .map((file) => read(`packages/${name}/src/${file}`, `@effect-invokeai/${name}/${file.replace(/\.ts$/, "")}`))
    .filter((module) => module.entries.length > 0)

const fileName = (module: Module): string => `${module.specifier.replace("@effect-invokeai/", "")}.md`

const render = (module: Module): string => {
  const categories = new Map<string, Array<Entry>>()
  for (const entry of module.entries) {
    const category = tag(entry.comment, "category") ?? "other"
    categories.set(category, [...categories.get(category) ?? [], entry])
  }
  const up = "../".repeat(fileName(module).split("/").length + 1)
  const section = (entry: Entry): string =>
    [
      `### ${entry.name}`,
      `\`\`\`typescript\n${entry.signature}\n\`\`\``,
      withoutTags(entry.comment),
      `Since ${tag(entry.comment, "since") ?? "?"} · [source](${up}${entry.file}#L${entry.line})`
    ].join("\n\n")
  const sections = [...categories].map(([category, entries]) =>
    `## ${category}\n\n${entries.map(section).join("\n\n")}`
  )
  return [`# ${module.specifier}`, withoutTags(module.comment), ...sections].join("\n\n") + "\n"
}

const modules = packages.flatMap(modulesOf)
const faults = modules.flatMap(({ entries }) =>
  entries.flatMap(({ comment, file, line, name }) =>
    withoutTags(comment) === ""
      ? [`${file}:${line}: ${name} has no documentation comment`]
      : ["since", "category"].filter((wanted) => tag(comment, wanted) === undefined).map((wanted) =>
        `${file}:${line}: ${name} has no @${wanted}`
      )
  )
)
/** Phrases that are never right, with what to write instead. Values of the server and of fixtures are quoted. */
const avoided: ReadonlyArray<readonly [phrase: RegExp, instead: string]> = [
  [/(?<!["`])\bcancelled\b(?!["`])/i, "canceled"],
  [/\bcancelling\b/i, "canceling"],
  [/\bcolours?\b(?!: )/i, "color"],
  [/\b(?:whoever|somebody|anybody|nobody)\b/i, "the actor: you, the caller, the server, another user, no one"],
  [/\b(?:is|are) told\b/i, "reports, returns or is reported"],
  [/(?<!there )\b(?:is|are) none\b/i, "is not a …, is invalid, is missing"],
  [/\bhand(?:s|ed)? in\b/i, "submit"],
  [/\banew\b/i, "again"],
  [/\bnevertheless\b/i, "still, anyway"]
]

const prose = Fs.globSync(
  [
    "*.md",
    "docs/**/*.md",
    "packages/*/README.md",
    "packages/*/src/**/*.ts",
    "{examples,scripts,test}/**/*.ts"
  ],
  { cwd: root }
).filter((file) => !/(?:^|\/)node_modules\/|^docs\/api\/|^scripts\/docs\.ts$/.test(file))
for (const file of prose) {
  for (const [index, line] of Fs.readFileSync(Path.join(root, file), "utf8").split("\n").entries()) {
    if (line.length > 2000) continue // data
    for (const [phrase, instead] of avoided) {
      const found = phrase.exec(line)?.[0]
      if (found !== undefined) faults.push(`${file}:${index + 1}: avoid "${found}"; write: ${instead}`)
    }
  }
}
const total = modules.reduce((sum, module) => sum + module.entries.length, 0)

if (process.argv.includes("--check")) {
  for (const fault of faults) console.log(fault)
  console.log(`${total} exports in ${modules.length} modules, ${faults.length} faults`)
  process.exit(faults.length === 0 ? 0 : 1)
}

const out = Path.join(root, "docs/api")
Fs.rmSync(out, { recursive: true, force: true })
for (const module of modules) {
  const file = Path.join(out, fileName(module))
  Fs.mkdirSync(Path.dirname(file), { recursive: true })
  Fs.writeFileSync(file, render(module))
}
const summary = (module: Module): string =>
  withoutTags(module.comment).split("\n\n")[0]?.replaceAll("\n", " ").replaceAll("|", "\\|") ?? ""
Fs.writeFileSync(
  Path.join(out, "README.md"),
  [
    "# API reference",
    "",
    "| module | what it is |",
    "| --- | --- |",
    ...modules.map((module) => `| [${module.specifier}](${fileName(module)}) | ${summary(module)} |`),
    ""
  ].join("\n")
)
console.log(`docs/api: ${total} exports in ${modules.length} modules`)
