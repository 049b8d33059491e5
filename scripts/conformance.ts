/**
 * Checks the library against vectors: what the official UI made of workflow files.
 *
 *     pnpm conformance <dir>…
 *
 * Every `.json` below the folders that has the form of a vector is run for each server version it names. Known faults of
 * the UI are not differences: those of the vectors that come with the project are listed in
 * `test/conformance/exceptions.json`, by file and reason; a listed file that no longer differs is a failure.
 */
import { fromOpenApi, type NodeCatalog } from "@effect-invokeai/core/catalog/NodeCatalog"
import * as Result from "effect/Result"
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs"
import { basename, dirname, join } from "node:path"
import { type Fault, faults, faultsOf } from "./conformance/faults.ts"
import { type Case, casesOf, run } from "./conformance/vectors.ts"

const root = join(import.meta.dirname, "..")
const catalogs = join(root, "test/fixtures/catalogs")

const readJson = (path: string): unknown => JSON.parse(readFileSync(path, "utf8"))

const filesBelow = (path: string): ReadonlyArray<string> =>
  statSync(path).isDirectory()
    ? readdirSync(path).toSorted().flatMap((name) => filesBelow(join(path, name)))
    : path.endsWith(".json")
    ? [path]
    : []

const known = new Map<string, NodeCatalog | undefined>()

/** The catalog of a version: `6.8` is `6.8.1`. */
const catalogOf = (version: string): NodeCatalog | undefined => {
  if (!known.has(version)) {
    const name = readdirSync(catalogs).find((file) => file === `${version}.json`) ??
      readdirSync(catalogs).find((file) => file.startsWith(`${version}.`))
    const parsed = name === undefined ? undefined : fromOpenApi(readJson(join(catalogs, name)))
    known.set(version, parsed !== undefined && Result.isSuccess(parsed) ? parsed.success : undefined)
  }
  return known.get(version)
}

const isFault = (name: string): name is Fault => name in faults

interface Exception {
  readonly file: string
  readonly fault: Fault
}

const exceptions = (): ReadonlyArray<Exception> => {
  const json = readJson(join(root, "test/conformance/exceptions.json"))
  return Array.isArray(json)
    ? json.flatMap((entry: { readonly file: string; readonly faults: ReadonlyArray<string> }) =>
      entry.faults.filter(isFault).map((fault) => ({ file: entry.file, fault }))
    )
    : []
}

/** The fewest known faults that explain a difference. */
const explain = (test: Case, catalog: NodeCatalog): ReadonlyArray<Fault> | undefined => {
  const allFaults = faultsOf(test.version)
  let on = new Set(allFaults)
  if (run(test, catalog, on) !== undefined) {
    // A fault can hide behind another's absence only where it applies at all: try each alone.
    return allFaults.map((fault) => [fault]).find((single) => run(test, catalog, new Set(single)) === undefined)
  }
  for (const fault of allFaults) {
    const without = new Set([...on].filter((other) => other !== fault))
    if (run(test, catalog, without) === undefined) {
      on = without
    }
  }
  return [...on]
}

const write = (line: string): void => {
  process.stdout.write(`${line}\n`)
}

const directories = process.argv.slice(2)
if (directories.length === 0 || !directories.every((path) => existsSync(path))) {
  process.stderr.write("usage: conformance <dir>…\n")
  process.exit(2)
}

const listed = exceptions()
let passed = 0
let failed = 0
const fail = (name: string, reason: string): void => {
  failed++
  write(`FAILED ${name}: ${reason}`)
}

const runCase = (test: Case, file: string): void => {
  const name = `${file} (${test.version})`
  const catalog = catalogOf(test.version)
  if (catalog === undefined) {
    return fail(
      name,
      `there is no catalog of ${test.version} in test/fixtures/catalogs: make one with scripts/make-catalog.ts`
    )
  }
  const own = listed.filter((exception) => exception.file === file)
  const found = run(test, catalog, new Set())
  if (found === undefined) {
    return own.length > 0 ? fail(name, "it is listed as an exception but does not differ") : void passed++
  }
  const reasons = explain(test, catalog)
  if (reasons === undefined) {
    return fail(name, found)
  }
  const unlisted = reasons.filter((fault) => !own.some((exception) => exception.fault === fault))
  passed++
  write(
    `${own.length > 0 && unlisted.length === 0 ? "exception" : "known fault of the UI"} ${name}: ${
      reasons.map((fault) => faults[fault]).join("; ")
    }`
  )
}

for (const path of directories.flatMap(filesBelow)) {
  const file = `${basename(dirname(path))}/${basename(path)}`
  const cases = casesOf(file, readJson(path))
  for (const test of cases ?? []) {
    runCase(test, file)
  }
}
write(`${passed} passed, ${failed} failed`)
process.exitCode = failed > 0 ? 1 : 0
