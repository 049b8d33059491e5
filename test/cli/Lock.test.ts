import * as CommandResult from "@effect-invokeai/cli/CommandResult"
import * as SimulatorModels from "@effect-invokeai/testing/SimulatorModels"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fs from "node:fs"
import * as Path from "node:path"
import { temporaryFolder, withServer } from "../examples/support.ts"
import { data, failure } from "./support.ts"

const source = "https://models.example.com/lighthouse.safetensors"
const lighthouse = SimulatorModels.make({ key: "lighthouse", name: "Lighthouse", base: "flux", type: "lora", source })

const lock: CommandResult.Lock = {
  version: 1,
  workflow: "lighthouse",
  server: "6.14.2",
  nodes: { add: "1.0.1" },
  models: [{ name: "Lighthouse", base: "flux", type: "lora", hash: lighthouse.hash, source }]
}

const check = ["check", "--lock", "lock.json"]

const withLock = <A, E, R>(use: (cwd: string) => Effect.Effect<A, E, R>) =>
  Effect.flatMap(temporaryFolder, (cwd) => {
    Fs.writeFileSync(Path.join(cwd, "lock.json"), JSON.stringify(lock))
    return use(cwd)
  })

describe("check --lock", () => {
  it.live("installs a missing model from its source with --install", () =>
    withServer({}, ({ simulator, url }) =>
      withLock((cwd) =>
        Effect.gen(function*() {
          yield* simulator.addModelSource(source, lighthouse)
          const options = { cwd, env: { INVOKEAI_URL: url } }
          const missing = yield* failure(check, options)
          assert.deepStrictEqual([missing.code, missing.tag], [3, "LockMismatch"])
          assert.include(missing.message, source)
          const { events } = yield* data(CommandResult.LockCheck, [...check, "--install"], options)
          assert.deepInclude(events, { type: "installing", model: "Lighthouse", status: "completed" })
          yield* data(CommandResult.LockCheck, check, options)
        })
      )))

  it.live("reports a model whose source has other files now", () =>
    withServer({}, ({ simulator, url }) =>
      withLock((cwd) =>
        Effect.gen(function*() {
          yield* simulator.addModelSource(source, { ...lighthouse, hash: "blake3:other" })
          const found = yield* failure([...check, "--install"], { cwd, env: { INVOKEAI_URL: url } })
          assert.deepStrictEqual([found.code, found.tag], [3, "LockMismatch"])
          assert.include(found.message, "blake3:other")
        })
      )))

  it.live("compares several servers and names the one that differs", () =>
    withServer(
      { models: [lighthouse] },
      ({ url: studio }) =>
        withServer({}, ({ url: laptop }) =>
          withLock((cwd) =>
            Effect.gen(function*() {
              const file = Path.join(cwd, "servers.json")
              const servers = { studio: { INVOKEAI_URL: studio }, laptop: { INVOKEAI_URL: laptop } }
              Fs.writeFileSync(file, JSON.stringify(servers))
              const options = { cwd, env: { INVOKEAI_SERVERS: file } }
              const { data: one } = yield* data(CommandResult.LockCheck, [...check, "--on", "studio"], options)
              assert.deepStrictEqual(one.servers, [studio])
              const both = yield* failure([...check, "--on", "studio", "--on", "laptop"], options)
              assert.include(both.message, `${laptop}: the model Lighthouse`)
              assert.notInclude(both.message, `${studio}: the model`)
            })
          ))
    ))
})
