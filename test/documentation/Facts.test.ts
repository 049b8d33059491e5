/** What the documentation says in words, beside the sources: links, commands, names, errors, variables, figures. */
import { assert, describe, it } from "@effect/vitest"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { markdownFiles } from "../../scripts/lib/examples.ts"
import { scenarios } from "../recordings/scenarios.ts"

const root = Path.resolve(import.meta.dirname, "../..")
const read = (file: string): string => Fs.readFileSync(Path.join(root, file), "utf8")

/** The text without its fences: what is in those is checked by running it. */
const prose = (file: string): string => read(file).replaceAll(/^```(?!sh).*?^```/gms, "")

/** A check of each Markdown file that gives the faults it finds. */
const holds = (what: string, faultsIn: (text: string, file: string) => ReadonlyArray<string>): void => {
  it(what, () => {
    assert.deepStrictEqual(
      markdownFiles.flatMap((file) => faultsIn(prose(file), file).map((fault) => `${file}: ${fault}`)),
      []
    )
  })
}

const matches = (text: string, pattern: RegExp): ReadonlyArray<string> =>
  Array.from(text.matchAll(pattern), (match) => match[1] ?? "")

const sources = Fs.globSync("packages/*/src/**/*.ts", { cwd: root }).filter((file) => !file.includes("/internal/"))

/** The anchor that Git hosts make of a heading. */
const anchor = (heading: string): string =>
  heading.toLowerCase().replaceAll(/[^\p{L}\p{N}\s-]/gu, "").trim().replaceAll(/\s/g, "-")

describe("The documentation", () => {
  holds("has no link into nothing", (text, file) =>
    matches(text, /\]\(([^)\s]+)\)/g).filter((link) => {
      if (/^https?:/.test(link)) return false
      const [path = "", fragment] = link.split("#")
      const target = Path.join(Path.dirname(file), path)
      if (path !== "" && !Fs.existsSync(Path.join(root, target))) return true
      return fragment !== undefined &&
        !matches(read(path === "" ? file : target), /^#+ (.*)$/gm).map(anchor).includes(fragment)
    }))

  holds("names commands that are there", (text) => {
    const { packageManager, scripts } = JSON.parse(read("package.json")) as {
      readonly packageManager: string
      readonly scripts: Readonly<Record<string, string>>
    }
    const known = new Set([...Object.keys(scripts), "changeset", "install"])
    return [
      ...matches(text, /pnpm@\S+ ([a-z][a-z:-]*)/g).filter((script) => !known.has(script)),
      ...matches(text, /`pnpm ([a-z][a-z:-]*)/g).filter((script) => !known.has(script)),
      ...matches(text, /(pnpm@[\d.]+)/g).filter((manager) => manager !== packageManager),
      ...matches(text, /\bnode ((?:examples|scripts|test)\/[\w./-]+\.ts)/g).filter((path) =>
        !Fs.existsSync(Path.join(root, path))
      )
    ]
  })

  holds(
    "names files that are there",
    (text) =>
      matches(text, /`((?:packages|test|scripts|examples|docs|\.ci)\/[\w./-]+)`/g)
        .filter((path) => !path.startsWith("docs/api") && !Fs.existsSync(Path.join(root, path)))
  )

  // what a namespace passes on is declared elsewhere
  const all = Fs.globSync("packages/*/src/**/*.ts", { cwd: root }).map(read).join("\n")
  const declares = (source: string, name: string): boolean =>
    new RegExp(
      `(?:^export (?:declare )?(?:const|class|interface|type|function|abstract class)|^  (?:static )?(?:readonly|get)) ${name}\\b`,
      "m"
    ).test(source) ||
    (/^export (?:\*|\{)/m.test(source) && new RegExp(`\\b${name}\\b`).test(source)) ||
    (/^export \* from/m.test(source) && new RegExp(`^export (?:const|class|interface|type) ${name}\\b`, "m").test(all))

  holds(
    "names what the modules have",
    (text) =>
      Array.from(text.matchAll(/`([A-Z]\w+)\.([a-zA-Z][a-zA-Z0-9]*)\b/g)).flatMap(([, module = "", name = ""]) => {
        const files = sources.filter((file) => file.endsWith(`/${module}.ts`))
        const known = files.length === 0 || name === "ts" || files.some((file) => declares(read(file), name))
        return known ? [] : [`${module}.${name}`]
      })
  )

  holds(
    "names entry points that are there",
    (text) =>
      matches(text, /@effect-invokeai\/((?:core|node|testing|farm)\/[\w/]+)/g).filter((entry) => {
        const [name = "", ...path] = entry.split("/")
        return !sources.includes(`packages/${name}/src/${path.join("/")}.ts`)
      })
  )

  it("lists all errors that programs can get in its table, and no others", () => {
    const table = /^## Errors\n([\s\S]*?)^## /m.exec(read("docs/reference/errors.md"))?.[1] ?? ""
    const rows = table.split("\n").filter((line) => line.startsWith("| `")).map((line) => line.split("|")[1] ?? "")
    const exported = sources.filter((file) => !file.includes("/simulator/") && !file.includes("/testing/"))
      .flatMap((file) =>
        matches(read(file), /^export class \w+ extends (?:Schema\.)?TaggedError(?:WithReason)?<\w+>\(\)\(\s*"(\w+)"/gm)
      )
    assert.deepStrictEqual(
      rows.flatMap((row) => matches(row, /`(\w+)`/g)).toSorted(),
      [...exported, "ConfigError"].toSorted()
    )
    // the messages of other errors could have control characters
    const others = sources.filter((file) =>
      file.startsWith("packages/core/") && /extends Schema\.TaggedError/.test(read(file))
    )
    assert.deepStrictEqual(others, [])
  })

  it("lists all environment variables in its table, and no others", () => {
    const table = /^## Configuration\n([\s\S]*?)^## /m.exec(read("docs/reference/configuration.md"))?.[1] ?? ""
    const rows = table.split("\n").filter((line) => line.startsWith("| `")).map((line) => line.split("|")[1] ?? "")
    const variables = matches(read("packages/core/src/server/InvokeAiConfig.ts"), /\("(INVOKEAI_\w+)"/g)
    assert.deepStrictEqual(rows.flatMap((row) => matches(row, /`(\w+)`/g)).toSorted(), variables.toSorted())
  })

  it("lists all options of the client in their comment", () => {
    const text = read("packages/core/src/server/InvokeAiConfig.ts")
    const fields = /interface InvokeAiOptions \{([\s\S]*?)\n\}/.exec(text)?.[1] ?? ""
    for (const field of matches(fields, /readonly (\w+)\?/g)) assert.include(text, `\`${field}\``)
  })

  it("has the versions and figures of the sources", () => {
    const manifest = JSON.parse(read("packages/core/package.json")) as { readonly engines: { readonly node: string } }
    assert.include(read("README.md"), `Node ${manifest.engines.node.replace(/>=(\d+\.\d+).*/, "$1")} or later`)
    const server = /newestVersion = "([\d.]+)"/.exec(read("scripts/real-server/Releases.ts"))?.[1]
    assert.include(read("README.md"), `InvokeAI ${server} from PyPI`)
    const count = Object.values(scenarios).flat().length
    const servers = Object.keys(scenarios)
    const testing = read("docs/guides/testing.md")
    assert.include(testing, `${count} recorded scenarios of ${["no", "one", "two", "three", "four"][servers.length]}`)
    for (const version of servers) assert.include(testing, version)
    const typescript = matches(read("scripts/packages.ts"), /typescripts = \["(\d+\.\d+)/g)
    assert.include(read("README.md"), `TypeScript ${typescript[0]} or later`)
  })

  it("has no example that the oldest supported Node cannot parse, unless it says so", () => {
    const tooNew = /^\s*(?:\*\s*)?(?:await )?using \w+ =/m
    for (const file of [...markdownFiles, ...sources]) {
      const text = read(file)
      for (const [fence, before] of text.matchAll(/(?<=((?:^.*\n){0,4}))^.*```ts.*\n[\s\S]*?```/gm)) {
        if (tooNew.test(fence)) assert.include(before, "Node 24", `${file}: ${fence}`)
      }
    }
  })

  it("installs the versions that the packages need", () => {
    const { peerDependencies } = JSON.parse(read("packages/node/package.json")) as {
      readonly peerDependencies: Readonly<Record<string, string>>
    }
    const commands = read("README.md").match(/npm install (?:@effect-invokeai|<directory>).*/g) ?? []
    assert.lengthOf(commands, 2)
    for (const command of commands) {
      for (const [name, range] of Object.entries(peerDependencies)) assert.include(command, `"${name}@${range}"`)
    }
  })

  it("draws the directories of the sources, and refers only to existing places", () => {
    const text = read("docs/architecture.md")
    const drawing = /^## Directories\n\n```\n([\s\S]*?)^```/m.exec(text)?.[1] ?? ""
    const drawn = [...matches(drawing, /^ {0,2}([\w/]+?)\/? {2,}/gm)]
    const directories = Fs.globSync(["packages/*/src", "packages/core/src/*/"], { cwd: root })
      .map((path) => path.replace(/\/$/, "")).filter((path) => Fs.statSync(Path.join(root, path)).isDirectory())
      .map((path) => path.replace("packages/core/src/", ""))
    assert.includeMembers(drawn, directories)
    for (const name of drawn) {
      const places = [name, `packages/core/src/${name}`].map((path) => Path.join(root, path))
      assert.isTrue(places.some((path) => Fs.existsSync(path)), name)
    }
    for (const path of matches(text, /`((?:core|node|testing|farm|cli)\/[\w./-]+)`/g)) {
      assert.isTrue(Fs.existsSync(Path.join(root, path.replace("/", "/src/").replace(/^/, "packages/"))), path)
    }
  })

  it("has a row for every example and every guide", () => {
    const examples = read("examples/README.md")
    for (const file of Fs.globSync("*.ts", { cwd: Path.join(root, "examples") })) {
      assert.include(examples, file === "demo.ts" ? "`demo.ts`" : `(${file})`)
    }
    const index = read("docs/README.md")
    for (const file of Fs.globSync("{guides,reference}/*.md", { cwd: Path.join(root, "docs") })) {
      assert.include(index, `(${file})`)
    }
  })
})
