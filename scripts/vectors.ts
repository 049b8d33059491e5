/**
 * `pnpm vectors [--version X] [--out <directory>] [--set "<label>=<value>"]… <file>…`: records what the editor of a release
 * makes of workflow files, as vectors for `pnpm conformance`.
 *
 * Installs and starts the release (as `pnpm test:server --version X` does), opens the editor of its own wheel in Chromium,
 * chooses each file, types the values into the form, and presses Invoke. The request is recorded and never sent. Images,
 * models and boards that a file names are answered as present. Directories are read for their `.json` files; a vector is
 * recorded again.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Path from "effect/Path"
import * as Schema from "effect/Schema"
import { parseArgs } from "node:util"
import { launchChromium, record } from "./editor/Editor.ts"
import { RealServerError } from "./real-server/Cache.ts"
import { ensureInstalled } from "./real-server/Install.ts"
import { newestVersion, releaseOf } from "./real-server/Releases.ts"
import { start } from "./real-server/Server.ts"

const Json = Schema.fromJsonString(Schema.Record(Schema.String, Schema.Unknown))
const Meta = Schema.Struct({ meta: Schema.Struct({ version: Schema.String }) })

/** The workflow of a file: the file itself, or the workflow of a vector. */
const workflowOf = (json: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> =>
  Schema.decodeUnknownOption(Schema.Record(Schema.String, Schema.Unknown))(json["workflow"]).pipe((found) =>
    found._tag === "Some" && json["nodes"] === undefined ? found.value : json
  )

/** Editors before 6.13 open schema versions up to 3.0.0; files that need no more are the same in 4.0.0. */
const readableBy = (version: string, workflow: Readonly<Record<string, unknown>>) => {
  const meta = Schema.decodeUnknownOption(Meta)(workflow)
  const isOlder = Number(version.split(".")[1]) < 13
  return isOlder && meta._tag === "Some" && meta.value.meta.version.startsWith("4.")
    ? {
      workflow: { ...workflow, meta: { ...Object(workflow["meta"]), version: "3.0.0" } },
      note: `meta.version ${meta.value.meta.version} of the source was changed to 3.0.0, the only one this editor opens`
    }
    : { workflow }
}

const filesBelow: (
  path: string
) => Effect.Effect<ReadonlyArray<string>, RealServerError, FileSystem.FileSystem | Path.Path> = Effect.fnUntraced(
  function*(file) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    if ((yield* fs.stat(file)).type !== "Directory") return [file]
    const names = (yield* fs.readDirectory(file)).toSorted()
    const found = yield* Effect.forEach(names, (name) => filesBelow(path.join(file, name)))
    return found.flat().filter((name) => name.endsWith(".json"))
  },
  Effect.catchTag("PlatformError", (error) => new RealServerError({ step: "Reading the files", detail: error.message }))
)

const program = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      version: { type: "string", default: newestVersion },
      out: { type: "string" },
      set: { type: "string", multiple: true, default: [] }
    }
  })
  const { version } = values
  const files = (yield* Effect.forEach(positionals, filesBelow)).flat()
  if (files.length === 0) {
    return yield* new RealServerError({
      step: "Reading the arguments",
      detail: "no workflow file; use: pnpm vectors [--version X] [--out directory] [--set label=value] file…"
    })
  }
  const settings = new Map(values.set.map((each) => {
    const [label = "", ...rest] = each.split("=")
    return [label, rest.join("=")] as const
  }))
  const out = path.resolve(values.out ?? path.join("vectors", `ui-${version}`))
  yield* fs.makeDirectory(out, { recursive: true })
  const scratch = yield* fs.makeTempDirectoryScoped({ prefix: "effect-invokeai-vectors-" })
  const server = yield* Effect.flatMap(Effect.flatMap(releaseOf(version), ensureInstalled), start)
  const browser = yield* Effect.acquireRelease(
    Effect.tryPromise({
      try: launchChromium,
      catch: (cause) => new RealServerError({ step: "Starting Chromium", detail: String(cause) })
    }),
    (browser) => Effect.promise(() => browser.close())
  )
  let recorded = 0
  let failed = 0
  for (const file of files) {
    const id = path.basename(file, ".json")
    yield* Effect.gen(function*() {
      const json = yield* Effect.flatMap(fs.readFileString(file), Schema.decodeEffect(Json))
      const { note, workflow } = readableBy(version, workflowOf(json))
      const upload = path.join(scratch, `${id}.json`)
      yield* fs.writeFileString(upload, JSON.stringify(workflow))
      const ui = yield* Effect.tryPromise({
        try: () => record(browser, server.url, { file: upload, workflow, values: settings }),
        catch: (cause) => new RealServerError({ step: `Recording ${id}`, detail: String(cause) })
      })
      const set = settings.size === 0 ? {} : { values: Object.fromEntries(settings) }
      const vector = { id, ...(note === undefined ? {} : { note }), version, workflow, ...set, ui }
      yield* fs.writeFileString(path.join(out, `${id}.json`), `${JSON.stringify(vector, undefined, 1)}\n`)
      recorded++
      yield* Console.log(
        ui.loaded
          ? `${id}: ${ui.formFieldLabels.length} fields, ${ui.disabledReasons.length} reasons`
          : `${id}: the editor does not open it (${ui.toasts.at(-1)})`
      )
    }).pipe(
      Effect.catchTag(["PlatformError", "RealServerError", "SchemaError"], (error) => {
        failed++
        return Console.error(`FAILED ${id}: ${error.message}`)
      })
    )
  }
  yield* Console.log(`\n${recorded} recorded in ${out}, ${failed} failed`)
  if (failed > 0) process.exitCode = 1
})

program.pipe(
  Effect.scoped,
  Effect.catchTag(["RealServerError", "PlatformError"], (error) =>
    Effect.andThen(
      Console.error(error.message),
      Effect.sync(() => {
        process.exitCode = 1
      })
    )),
  Effect.provide([NodeServices.layer, FetchHttpClient.layer]),
  NodeRuntime.runMain
)
