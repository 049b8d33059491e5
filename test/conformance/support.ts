/** Files of the repository that the tests of this folder read. */
import { fromOpenApi, type NodeCatalog } from "@effect-invokeai/core/catalog/NodeCatalog"
import * as Result from "effect/Result"
import { readdirSync, readFileSync } from "node:fs"
import { join } from "node:path"

const root = join(import.meta.dirname, "../..")

export const readJsonFile = (path: string): unknown => JSON.parse(readFileSync(join(root, path), "utf8"))

export const filesIn = (path: string): ReadonlyArray<string> =>
  readdirSync(join(root, path)).filter((name) => name.endsWith(".json")).toSorted().map((name) => `${path}/${name}`)

const catalogs = new Map<string, NodeCatalog>()

/** The catalog of a version; `6.3` is `6.3.0`. */
export const readCatalog = (version: string): NodeCatalog => {
  const known = catalogs.get(version)
  if (known !== undefined) {
    return known
  }
  const folder = "test/fixtures/catalogs"
  const file = filesIn(folder).find((name) => name === `${folder}/${version}.json`) ??
    filesIn(folder).find((name) => name.startsWith(`${folder}/${version}.`))
  const catalog = Result.getOrThrow(fromOpenApi(readJsonFile(file ?? version)))
  catalogs.set(version, catalog)
  return catalog
}
