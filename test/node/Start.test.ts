import { assert, describe, it } from "@effect/vitest"
import { execFileSync } from "node:child_process"
import * as Path from "node:path"

/** What Node has loaded after a program: of itself, and CommonJS files. */
const loadedBy = (program: string): ReadonlyArray<string> =>
  execFileSync(process.execPath, [
    "--input-type=module",
    "--eval",
    `${program}
import * as Module from "node:module"
console.log([...process.moduleLoadList, ...Object.keys(Module.createRequire("/").cache)].join("\\n"))`
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

  it("loads undici with the first request", () => {
    const open = (request: string) =>
      loadedBy(`import { ServerInfo } from "@effect-invokeai/core/server/ServerInfo"
import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import * as Effect from "effect/Effect"
const program = ServerInfo.use((info) => ${request})
await Effect.runPromise(Effect.ignore(Effect.provide(program, NodeInvokeAi.layer({ url: "http://127.0.0.1:1", retries: 0 }))))`)
    const undici = /node_modules\/undici\//
    assert.isFalse(open("Effect.void").some((file) => undici.test(file)))
    assert.isTrue(open("info.version").some((file) => undici.test(file)))
  })
})
