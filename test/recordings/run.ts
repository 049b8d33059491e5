/** Replays one recorded scenario against a simulator of its release. */
import type { ServerVersion } from "@effect-invokeai/testing/ServerProfile"
import { Simulator } from "@effect-invokeai/testing/Simulator"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import * as SimulatorCatalog from "../../packages/testing/src/internal/SimulatorCatalog.ts"
import { type Entry, replay } from "./replay.ts"
import { exceptionsOf, settingsOf } from "./scenarios.ts"

const fixtures = Effect.fnUntraced(function*(...names: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const text = yield* fs.readFileString(path.join(import.meta.dirname, "..", "fixtures", ...names))
  const value: unknown = JSON.parse(text)
  return value
})

// the files are written by convert.ts of this folder
const isTranscript = (value: unknown): value is ReadonlyArray<Entry> => Array.isArray(value)

/** Sends what was recorded and compares every answer and event. Needs a `TestClock`. */
export const runScenario = Effect.fnUntraced(function*(version: ServerVersion, name: string) {
  const entries = yield* fixtures("transcripts", version, `${name}.json`).pipe(
    Effect.filterOrElse(isTranscript, () => Effect.die(new Error("not a transcript")))
  )
  const catalog = version === "6.14.2"
    ? yield* SimulatorCatalog.snapshot
    : yield* SimulatorCatalog.fromOpenApi(yield* fixtures("catalogs", `${version}.json`), version)
  return yield* replay(entries, {
    exceptions: exceptionsOf(version, name),
    anyOrder: version !== "6.14.2" || name === "models",
    // which of two equal nodes is first depends on the order of a set on the server
    sortsEdges: name === "models",
    comparesPending: name === "pause",
    passing: name === "late" ? ["s2", "s3"] : []
  }).pipe(Effect.provide(Simulator.layer({ version, catalog, ...settingsOf(version, name) })))
})
