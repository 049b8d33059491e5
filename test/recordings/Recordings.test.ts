import type { ServerVersion } from "@effect-invokeai/core/simulator/ServerProfile"
import { Simulator } from "@effect-invokeai/core/simulator/Simulator"
import * as SimulatorCatalog from "@effect-invokeai/core/simulator/SimulatorCatalog"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type { Entry } from "./replay.ts"
import { replay } from "./replay.ts"
import { exceptionsOf, scenarios, settingsOf } from "./scenarios.ts"

const fixtures = Effect.fnUntraced(function*(...names: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const text = yield* fs.readFileString(path.join(import.meta.dirname, "..", "fixtures", ...names))
  const value: unknown = JSON.parse(text)
  return value
})

// the files are written by convert.ts of this folder
const isTranscript = (value: unknown): value is ReadonlyArray<Entry> => Array.isArray(value)

for (const [version, names] of Object.entries(scenarios) as ReadonlyArray<[ServerVersion, ReadonlyArray<string>]>) {
  describe(`the simulator answers as ${version} did`, () => {
    for (const name of names) {
      it.effect(name, () =>
        Effect.gen(function*() {
          const entries = yield* fixtures("transcripts", version, `${name}.json`).pipe(
            Effect.filterOrElse(isTranscript, () => Effect.die(new Error("not a transcript")))
          )
          const document = version === "6.14.2" ? undefined : yield* fixtures("catalogs", `${version}.json`)
          const catalog = document === undefined
            ? yield* SimulatorCatalog.snapshot
            : yield* SimulatorCatalog.fromOpenApi(document, version)
          const result = yield* replay(entries, {
            exceptions: exceptionsOf(version, name),
            anyOrder: version !== "6.14.2" || name === "models",
            // which of two equal nodes is first depends on the order of a set on the server
            sortsEdges: name === "models",
            comparesPending: name === "pause",
            passing: name === "late" ? ["s2", "s3"] : []
          }).pipe(
            Effect.provide(Simulator.layer({ version, catalog, ...settingsOf(version, name) }))
          )
          if (process.env["SHOW_TABLE"] !== undefined) {
            yield* Console.log(`${version} ${name}: ${result.compared} compared`)
          }
          assert.deepStrictEqual(result.differences, [])
          assert.isAbove(result.compared, 0)
        }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
    }
  })
}
