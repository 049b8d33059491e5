/**
 * `pnpm surface`: what the packages export, how much of it is documented where an editor shows it, and how long the code is.
 *
 * With `--check` it fails, and lists the places, if an exported member or overload has no documentation comment of its own,
 * if more functions than today have no example, or if an entry point exports what is declared in a directory `internal/`.
 */
import { parse, type ParserOptions } from "@babel/parser"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { packages, root } from "./lib/run.ts"

/** The parts of a syntax tree that this script reads. */
interface Node {
  readonly type: string
  readonly loc: { readonly start: { readonly line: number } }
  readonly start: number
  readonly end: number
  readonly leadingComments?: ReadonlyArray<{ readonly type: string; readonly value: string }> | null
  readonly [key: string]: unknown
}

const options: ParserOptions = { sourceType: "module", plugins: ["typescript"] }

const isNode = (value: unknown): value is Node =>
  typeof value === "object" && value !== null && "type" in value && typeof value.type === "string"

const nodes = (value: unknown): ReadonlyArray<Node> => Array.isArray(value) ? value.filter(isNode) : []

const child = (node: Node | undefined, key: string): Node | undefined => {
  const value = node?.[key]
  return isNode(value) ? value : undefined
}

const isDocumented = (node: Node): boolean =>
  (node.leadingComments ?? []).some((comment) => comment.type === "CommentBlock" && comment.value.startsWith("*"))

const isInternal = (node: Node): boolean =>
  (node.leadingComments ?? []).some((comment) => /@internal\b/.test(comment.value))

const text = (value: unknown): string => typeof value === "string" || typeof value === "number" ? String(value) : ""

const nameOf = (node: Node | undefined): string => text(node?.["name"] ?? node?.["value"])

const keyOf = (node: Node): string => nameOf(child(node, "key"))

const commentOf = (node: Node): string =>
  (node.leadingComments ?? []).filter((comment) => comment.type === "CommentBlock").map(({ value }) => value).join("\n")

/** The code of the examples in a documentation comment. */
const examplesIn = (comment: string): string =>
  Array.from(comment.matchAll(/```ts(?! skip)[^\n]*\n([\s\S]*?)```/g), ([, code = ""]) => code).join("\n")

/** One place where an editor shows a documentation comment, or a function that users call. */
interface Place {
  readonly kind: "member" | "overload" | "function"
  readonly name: string
  readonly file: string
  readonly line: number
  readonly isDocumented: boolean
  /** Whether an example calls the function; true for other places. */
  readonly hasExample: boolean
}

/** Calls `visit` with a node and all below it, except the bodies of functions. */
const walk = (node: Node, visit: (node: Node) => void): void => {
  visit(node)
  for (const [key, value] of Object.entries(node)) {
    if (key === "leadingComments" || key === "trailingComments" || key === "innerComments") continue
    if (key === "body" && /Function|ClassMethod|ObjectMethod/.test(node.type)) continue
    for (const next of isNode(value) ? [value] : nodes(value)) walk(next, visit)
  }
}

/** The fields in `Schema.Struct({ … })`. */
const fieldsOfStruct = (node: Node | undefined): Node | undefined => {
  const callee = node?.type === "CallExpression" ? child(node, "callee") : undefined
  const isStruct = callee?.type === "MemberExpression" && child(callee, "property")?.["name"] === "Struct"
  return isStruct ? nodes(node?.["arguments"])[0] : undefined
}

const isFunctionType = (node: Node | undefined): boolean =>
  node?.type === "TSFunctionType" ||
  (node?.type === "TSTypeLiteral" &&
    nodes(node["members"]).some((member) => member.type === "TSCallSignatureDeclaration"))

/** Whether an initializer makes a function: `(…) => …`, `dual(…)`, `Effect.fn("…")(…)`. */
const isFunction = (node: Node | undefined): boolean => {
  if (node?.type === "ArrowFunctionExpression" || node?.type === "FunctionExpression") return true
  if (node?.type !== "CallExpression") return false
  const callee = child(node, "callee")
  const maker = callee?.type === "CallExpression" ? child(callee, "callee") : callee
  const name = nameOf(maker?.type === "MemberExpression" ? child(maker, "property") : maker)
  return name === "dual" || name === "fn" || name === "fnUntraced"
}

/** Whether a member of a type is a function with parameters. */
const takesParameters = (member: Node): boolean => {
  const type = child(child(member, "typeAnnotation"), "typeAnnotation")
  const signature = member.type === "TSMethodSignature" ? member : type
  const isSignature = member.type === "TSMethodSignature" || type?.type === "TSFunctionType"
  if (type?.type === "TSTypeLiteral") return isFunctionType(type)
  return isSignature && nodes(signature?.["parameters"] ?? signature?.["params"]).length > 0
}

/** The members of an exported declaration, and its overloads where it has several call signatures. */
const placesOf = (name: string, statement: Node, declaration: Node, file: string): ReadonlyArray<Place> => {
  const places: Array<Place> = []
  const add = (kind: Place["kind"], node: Node, label: string): void => {
    const { line } = node.loc.start
    places.push({ kind, name: label, file, line, isDocumented: isDocumented(node), hasExample: true })
  }
  /** A function has an example of its own, or that of its service, class or module calls it. */
  const addFunction = (node: Node, label: string): void => {
    const calls = new RegExp(`\\b${label.split(".").at(-1) ?? ""}\\(`)
    const around = examplesIn(`${commentOf(statement)}\n${moduleComments(file)}`)
    places.push({
      kind: "function",
      name: label,
      file,
      line: node.loc.start.line,
      isDocumented: true,
      hasExample: examplesIn(commentOf(node)) !== "" || calls.test(around)
    })
  }
  const addMembers = (members: ReadonlyArray<Node>): void => {
    const calls = members.filter((member) => member.type === "TSCallSignatureDeclaration")
    if (calls.length > 1) { for (const call of calls) add("overload", call, name) }
    for (const member of members) {
      const isMember = member.type === "TSPropertySignature" || member.type === "TSMethodSignature"
      // a computed key is a brand, which no one writes, and a tag says itself what it is
      const isSilent = member["computed"] === true || keyOf(member) === "_tag"
      if (!isMember || isSilent || isInternal(member)) continue
      add("member", member, `${name}.${keyOf(member)}`)
      if (takesParameters(member)) addFunction(member, `${name}.${keyOf(member)}`)
    }
  }
  const addFields = (fields: Node | undefined): void => {
    for (const field of nodes(fields?.["properties"])) {
      if (field.type === "ObjectProperty") add("member", field, `${name}.${keyOf(field)}`)
    }
  }
  const visitType = (type: Node | undefined): void => {
    if (type === undefined) return
    if (type.type === "TSTypeLiteral") addMembers(nodes(type["members"]))
    else if (type.type === "TSUnionType" || type.type === "TSIntersectionType") nodes(type["types"]).forEach(visitType)
  }
  switch (declaration.type) {
    case "TSInterfaceDeclaration":
      addMembers(nodes(child(declaration, "body")?.["body"]))
      break
    case "TSTypeAliasDeclaration":
      visitType(child(declaration, "typeAnnotation"))
      break
    case "ClassDeclaration": {
      const parent = child(declaration, "superClass")
      if (parent !== undefined) {
        walk(parent, (node) => {
          // the shape of a service
          const parameters = node.type === "CallExpression"
            ? nodes(child(node, "typeParameters")?.["params"] ?? child(node, "typeArguments")?.["params"])
            : []
          if (parameters.length === 2) visitType(parameters[1])
        })
        // the fields of a schema
        if (parent.type === "CallExpression") {
          for (const argument of nodes(parent["arguments"])) {
            addFields(argument.type === "ObjectExpression" ? argument : fieldsOfStruct(argument))
          }
        }
      }
      for (const member of nodes(child(declaration, "body")?.["body"])) {
        const isShown = (member.type === "ClassProperty" || member.type === "ClassMethod") &&
          member["accessibility"] !== "private" && member["override"] !== true && member["computed"] !== true &&
          member["kind"] !== "constructor" && !isInternal(member)
        if (isShown) add("member", member, `${name}.${keyOf(member)}`)
      }
      break
    }
    case "VariableDeclaration":
      for (const declarator of nodes(declaration["declarations"])) {
        const type = child(child(child(declarator, "id"), "typeAnnotation"), "typeAnnotation")
        visitType(type)
        if (isFunctionType(type) || isFunction(child(declarator, "init"))) addFunction(statement, name)
        addFields(fieldsOfStruct(child(declarator, "init")))
      }
      break
    default:
  }
  return places
}

const moduleComments = (file: string): string =>
  /^\/\*\*[\s\S]*?\*\//.exec(Fs.readFileSync(Path.join(root, file), "utf8"))?.[0] ?? ""

/** What one module exports: its own declarations, and those of other modules that it passes on. */
const exportsOf = (file: string, wanted?: ReadonlySet<string>): ReadonlyArray<Place> => {
  const program = parse(Fs.readFileSync(Path.join(root, file), "utf8"), options).program as unknown as Node // plain data
  return nodes(program["body"]).flatMap((statement): ReadonlyArray<Place> => {
    if (!statement.type.startsWith("Export")) return []
    const from = child(statement, "source")?.["value"]
    if (typeof from === "string") {
      if (!from.startsWith(".")) return []
      const target = Path.join(Path.dirname(file), from)
      if (statement.type === "ExportAllDeclaration") return exportsOf(target)
      const names = nodes(statement["specifiers"]).filter((specifier) => specifier.type === "ExportSpecifier")
        .map((specifier) => nameOf(child(specifier, "local")))
      return names.length === 0 ? [] : exportsOf(target, new Set(names))
    }
    const declaration = child(statement, "declaration")
    if (declaration === undefined || isInternal(statement)) return []
    const name = nameOf(child(declaration, "id") ?? child(nodes(declaration["declarations"])[0], "id"))
    return wanted !== undefined && !wanted.has(name) ? [] : placesOf(name, statement, declaration, file)
  })
}

/** Whether a path leads into a directory that users cannot import. */
const isBelowInternal = (path: string): boolean => path.split("/").includes("internal")

/** The module of this package that a statement imports or exports from. */
const sourceOf = (statement: Node, file: string): string | undefined => {
  const from = text(child(statement, "source")?.["value"])
  return from.startsWith(".") ? Path.join(Path.dirname(file), from) : undefined
}

/** What a module exports although `internal/` declares it: passed on, under another name, or extended. */
const internalExportsOf = (file: string): ReadonlyArray<string> => {
  const program = parse(Fs.readFileSync(Path.join(root, file), "utf8"), options).program as unknown as Node // plain data
  const statements = nodes(program["body"])
  const imported = new Set(
    statements.filter((statement) =>
      statement.type === "ImportDeclaration" && isBelowInternal(sourceOf(statement, file) ?? "")
    ).flatMap((statement) => nodes(statement["specifiers"]).map((specifier) => nameOf(child(specifier, "local"))))
  )
  /** The first name of a type such as `Name` or `Namespace.Name`; empty if the type computes something. */
  const referenced = (type: Node | undefined): string => {
    if (child(type, "typeParameters") !== undefined || child(type, "typeArguments") !== undefined) return ""
    let name = child(type, "typeName")
    while (name?.type === "TSQualifiedName") name = child(name, "left")
    return nameOf(name)
  }
  return statements.filter((statement) => statement.type.startsWith("Export")).flatMap((statement) => {
    const target = sourceOf(statement, file)
    if (target !== undefined && !isBelowInternal(target)) {
      return internalExportsOf(target)
    }
    const names = nodes(statement["specifiers"]).map((specifier) => nameOf(child(specifier, "local")))
    const declaration = child(statement, "declaration")
    const alias = declaration?.type === "TSTypeAliasDeclaration" &&
        imported.has(referenced(child(declaration, "typeAnnotation")))
      ? [nameOf(child(declaration, "id"))]
      : []
    const parents = declaration?.type === "TSInterfaceDeclaration"
      ? nodes(declaration["extends"]).map((parent) => nameOf(child(parent, "expression")))
        .filter((name) => imported.has(name))
      : []
    const passedOn = target === undefined
      ? names.filter((name) => imported.has(name))
      : statement.type === "ExportAllDeclaration"
      ? ["*"]
      : names
    return [...passedOn, ...alias, ...parents].map((name) =>
      `${file}:${statement.loc.start.line} exports ${name}, which internal/ declares`
    )
  })
}

interface Manifest {
  readonly exports: Readonly<Record<string, string | null>>
}

/** The entry points of a package: the modules that its `exports` allow. */
const entryPoints = (name: string): ReadonlyArray<string> => {
  const manifest = JSON.parse(Fs.readFileSync(Path.join(root, "packages", name, "package.json"), "utf8")) as Manifest // our own file
  const closed = Object.entries(manifest.exports).flatMap(([path, file]) =>
    file === null ? [path.slice(2).replace(/\*$/, "")] : []
  )
  const opened = Object.entries(manifest.exports).flatMap(([path, file]) =>
    file?.startsWith("./src/") === true ? [{ path, file: file.slice("./src/".length) }] : []
  )
  const modules = Fs.globSync("**/*.ts", { cwd: Path.join(root, "packages", name, "src") })
  const isOpen = (module: string) =>
    opened.some(({ file }) =>
      file === module || (file.includes("*") && module.startsWith(file.split("*")[0]!) && module.endsWith(".ts"))
    )
  return modules.filter((module) =>
    isOpen(module) && module !== "index.ts" &&
    !closed.some((path) => path.endsWith("/") ? module.startsWith(path) : module === `${path}.ts`)
  ).toSorted().map((module) => `packages/${name}/src/${module}`)
}

/** Lines with code: neither blank nor only a comment. */
const codeLines = (file: string): number => {
  const source = Fs.readFileSync(Path.join(root, file), "utf8")
  const { tokens = [] } = parse(source, { ...options, tokens: true }) as {
    readonly tokens?: ReadonlyArray<unknown> | null
  }
  const lines = new Set<number>()
  for (const token of tokens ?? []) {
    const { loc, type } = token as { // what the parser says of its tokens
      readonly type: unknown
      readonly loc: { readonly start: { readonly line: number }; readonly end: { readonly line: number } }
    }
    if (type === "CommentBlock" || type === "CommentLine") continue
    for (let line = loc.start.line; line <= loc.end.line; line++) lines.add(line)
  }
  return lines.size
}

const share = (part: number, all: number): string =>
  `${part} of ${all} (${all === 0 ? 100 : Math.floor((100 * part) / all)} %)`

let total = 0
const rows: Array<ReadonlyArray<string>> = []
const undocumented: Array<Place> = []
const fromInternal: Array<string> = []
const withoutExample: Array<Place> = []
/** How many functions had no example when this was counted last. Lower it with each example. */
const maxWithoutExample = 3
for (const name of packages) {
  const source = `packages/${name}/src`
  const files = Fs.globSync("**/*.ts", { cwd: Path.join(root, source) })
  const bySubsystem = new Map<string, { files: number; lines: number }>()
  for (const file of files) {
    const subsystem = file.includes("/") ? `${file.split("/")[0]}/` : "(root)"
    const entry = bySubsystem.get(subsystem) ?? { files: 0, lines: 0 }
    entry.files++
    // the snapshot of the node types is one string
    entry.lines += codeLines(`${source}/${file}`)
    bySubsystem.set(subsystem, entry)
  }
  const modules = entryPoints(name)
  fromInternal.push(...new Set(modules.flatMap(internalExportsOf)))
  const seen = new Set<string>()
  const places = modules.flatMap((module) => exportsOf(module)).filter((place) => {
    const key = `${place.file}:${place.line}:${place.kind} ${place.name}`
    return seen.has(key) ? false : seen.add(key)
  })
  const barrel = (Fs.readFileSync(Path.join(root, source, "index.ts"), "utf8").match(/^export \* as /gm) ?? []).length
  const members = places.filter(({ kind }) => kind === "member")
  const overloads = places.filter(({ kind }) => kind === "overload")
  const index = Fs.readFileSync(Path.join(root, source, "index.ts"), "utf8")
  const inBarrel = new Set(
    Array.from(index.matchAll(/^export \* as \w+ from "\.\/(.+)"/gm), ([, path = ""]) => `${source}/${path}`)
  )
  const functions = places.filter(({ file, kind }) => kind === "function" && inBarrel.has(file))
  withoutExample.push(...functions.filter((place) => !place.hasExample))
  const documented = (list: ReadonlyArray<Place>) =>
    share(list.filter((place) => place.isDocumented).length, list.length)
  undocumented.push(...places.filter((place) => !place.isDocumented))
  rows.push(["", ""], [`@effect-invokeai/${name}`, ""])
  for (const [subsystem, { files, lines }] of [...bySubsystem].toSorted(([one], [other]) => one < other ? -1 : 1)) {
    total += lines
    rows.push([`  ${subsystem}`, `${lines} lines of code in ${files} files`])
  }
  rows.push(
    ["  entry points", String(modules.length)],
    ["  names in the barrel", String(barrel)],
    ["  documented members", documented(members)],
    ["  documented overloads", documented(overloads)],
    [
      "  functions of the barrel with an example",
      share(functions.filter((one) => one.hasExample).length, functions.length)
    ]
  )
}
const width = Math.max(...rows.map(([first = ""]) => first.length))
for (const [first = "", second = ""] of rows) console.log(`${first.padEnd(width)}  ${second}`.trimEnd())
console.log(`\n${total} lines of code in all packages, without comments and blank lines`)

if (process.argv.includes("--check") || process.argv.includes("--list")) {
  for (const { file, kind, line, name } of undocumented) console.log(`${file}:${line} ${kind} ${name} has no comment`)
  console.log(`${undocumented.length} members and overloads have no documentation comment`)
  console.log(`${withoutExample.length} functions of the barrel have no example`)
  if (process.argv.includes("--list") || withoutExample.length > maxWithoutExample) {
    for (const { file, line, name } of withoutExample) console.log(`${file}:${line} function ${name} has no example`)
  }
  for (const line of fromInternal) console.log(line)
  console.log(`${fromInternal.length} exports of entry points are declared in internal/`)
  const isComplete = undocumented.length === 0 && withoutExample.length <= maxWithoutExample &&
    fromInternal.length === 0
  if (withoutExample.length > maxWithoutExample) {
    console.log(`At most ${maxWithoutExample} may have none: write an example for each new function`)
  }
  if (process.argv.includes("--check")) process.exit(isComplete ? 0 : 1)
}
