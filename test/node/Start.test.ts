import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import * as Path from "node:path"

/** What Node has loaded of itself after a program. */
const loadedBy = (program: string): ReadonlyArray<string> =>
  execFileSync(process.execPath, [
    "--input-type=module",
    "--eval",
    `${program}\nconsole.log(process.moduleLoadList.join("\\n"))`
  ], {
    cwd: Path.resolve(import.meta.dirname, "../.."),
    encoding: "utf8"
  }).split("\n")

describe("A program that imports the client", () => {
  it("does not load the HTTP client that is part of Node, which the client does not use", () => {
    const loaded = loadedBy(`import "@effect-invokeai/core"\nimport "@effect-invokeai/node"`)
    assert.include(loaded, "NativeModule internal/modules/esm/loader")
    assert.notInclude(loaded, "NativeModule internal/deps/undici/undici")
  })
})
