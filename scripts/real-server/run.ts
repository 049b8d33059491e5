/**
 * `pnpm test:server [--version X] [--quick] [part of a file name]…`: installs InvokeAI (once), starts it, runs
 * `test/real-server` against it, and stops it.
 *
 * The tests of `single-user/` and `crash/` get one server. Those of `multi-user/` get another one, if the release has user
 * accounts. `--version` names one release, several (`6.3.0,6.8.1`) or `all` of `Releases.ts`; they run one after the
 * other, and a line is printed for each. `--quick` leaves out what hardly depends on the release. Ends with
 * `N passed, N failed`; a server that cannot be installed or started is a failure.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Path from "effect/Path"
import * as ChildProcess from "effect/process/ChildProcess"
import * as Schema from "effect/Schema"
import * as NodePath from "node:path"
import { parseArgs, stripVTControlCharacters } from "node:util"
import { count } from "../lib/vitestReport.ts"
import { RealServerError, say } from "./Cache.ts"
import * as Calls from "./Calls.ts"
import { cleanEnvironment } from "./Command.ts"
import { ensureInstalled, type Installation } from "./Install.ts"
import { ensureTinyModel, tinyModelName } from "./Model.ts"
import { newestVersion, type Release, releaseOf, releases } from "./Releases.ts"
import { start } from "./Server.ts"

const repository = NodePath.resolve(import.meta.dirname, "../..")

/** The tests of `crash/` use the single-user server too, and start and kill others. */
const phases = [
  { name: "single-user", folders: ["single-user", "crash"], multiuser: false },
  { name: "multi-user", folders: ["multi-user"], multiuser: true }
]

/** What `--quick` leaves out, by file: crashes, programs and the command are the same on every release. */
const slow = [
  "crash",
  "Command.test",
  "CommandInterruption",
  "EventOrder",
  "ExactlyOnce",
  "Examples",
  "IllFormedText",
  "Programs",
  "Strangers"
]

/** Which files of the tests run. */
interface Selection {
  readonly wanted: ReadonlyArray<string>
  readonly quick: boolean
}

const isSelected = ({ quick, wanted }: Selection, file: string): boolean =>
  (wanted.length === 0 || wanted.some((part) => file.includes(part))) &&
  !(quick && slow.some((part) => file.includes(part)))

const Report = Schema.fromJsonString(Schema.Struct({
  testResults: Schema.Array(Schema.Struct({
    status: Schema.String,
    assertionResults: Schema.Array(Schema.Struct({ status: Schema.String }))
  }))
}))

/** Where the wheel keeps the workflows that it ships. */
const defaultWorkflows = Effect.fnUntraced(function*(installation: Installation) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const inPackage = path.join("site-packages", "invokeai", "app", "services", "workflow_records", "default_workflows")
  for (const library of ["lib/python3.11", "lib/python3.12", "Lib"]) {
    const folder = path.join(installation.folder, library, inPackage)
    if (yield* fs.exists(folder)) return folder
  }
  return yield* new RealServerError({
    step: "Looking for the default workflows",
    detail: `${inPackage} is not below ${installation.folder}`
  })
})

const runPhase = Effect.fnUntraced(
  function*(phase: (typeof phases)[number], files: ReadonlyArray<string>, installation: Installation) {
    const fs = yield* FileSystem.FileSystem
    const path = yield* Path.Path
    const server = yield* start(installation, {
      multiuser: phase.multiuser,
      model: yield* ensureTinyModel(installation)
    })
    const scratch = yield* fs.makeTempDirectoryScoped({ prefix: "effect-invokeai-test-" })
    const reportFile = path.join(scratch, "report.json")
    const callsFile = path.join(scratch, "calls.jsonl")
    yield* fs.writeFileString(callsFile, "")
    const routes = yield* Calls.routesOf(server.url).pipe(
      Effect.mapError((error) => new RealServerError({ step: "Reading the server's document", detail: error.message }))
    )
    const vitest = yield* ChildProcess.make(
      process.execPath,
      [
        path.join(repository, "node_modules", "vitest", "vitest.mjs"),
        "run",
        "--config",
        path.join(repository, "test", "real-server", "vitest.config.ts"),
        "--reporter=verbose",
        "--reporter=json",
        `--outputFile.json=${reportFile}`,
        ...files
      ],
      {
        cwd: repository,
        stdin: "ignore",
        stdout: "inherit",
        stderr: "inherit",
        env: cleanEnvironment({
          INVOKEAI_TEST_URL: server.url,
          INVOKEAI_TEST_VERSION: installation.release.version,
          INVOKEAI_TEST_ROUTES: JSON.stringify(routes.map(Calls.nameOf)),
          INVOKEAI_TEST_SHIPPED: String(installation.release.shippedWorkflows),
          INVOKEAI_TEST_MODEL: tinyModelName,
          INVOKEAI_TEST_ACCOUNTS: JSON.stringify(server.accounts),
          INVOKEAI_TEST_CALLS: callsFile,
          INVOKEAI_TEST_DEFAULT_WORKFLOWS: yield* defaultWorkflows(installation)
        }),
        extendEnv: false,
        forceKillAfter: "10 seconds"
      }
    )
    const code = yield* vitest.exitCode
    const counts = yield* fs.readFileString(reportFile).pipe(
      Effect.flatMap(Schema.decodeUnknownEffect(Report)),
      Effect.map(count),
      Effect.orElseSucceed(() => ({ passed: 0, failed: 0, skipped: 0 }))
    )
    if (code !== 0) {
      const log = yield* fs.readFileString(path.join(server.root, "server.log")).pipe(Effect.orElseSucceed(() => ""))
      const errors = stripVTControlCharacters(log).split("\n").filter((line) => /ERROR|WARNING|Error:/.test(line))
      if (errors.length > 0) {
        yield* say(`what the server logged as errors, at most 20:\n${errors.slice(-20).join("\n")}`)
      }
    }
    const calls = (yield* fs.readFileString(callsFile)).split("\n").filter((line) => line !== "")
    return {
      ...counts,
      failed: code !== 0 ? Math.max(counts.failed, 1) : counts.failed,
      calls: { name: phase.name, routes, counts: Calls.count(routes, yield* Calls.methods, calls) }
    }
  },
  Effect.scoped
)

const filesOf = Effect.fnUntraced(function*(phase: (typeof phases)[number], selection: Selection) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const files: Array<string> = []
  for (const folder of phase.folders) {
    for (const name of yield* fs.readDirectory(path.join(repository, "test", "real-server", folder))) {
      const file = path.join(folder, name)
      if (name.endsWith(".test.ts") && isSelected(selection, file)) files.push(file)
    }
  }
  return files
})

/** Runs the tests against one release. */
const runRelease = Effect.fnUntraced(
  function*(release: Release, selection: Selection) {
    const runsAll = selection.wanted.length === 0 && !selection.quick
    const installation = yield* ensureInstalled(release)
    let passed = 0
    let failed = 0
    let skipped = 0
    const calls: Array<
      { readonly name: string; readonly routes: ReadonlyArray<Calls.Route>; readonly counts: Calls.Counts }
    > = []
    for (const phase of phases) {
      if (phase.multiuser && !release.hasMultiUser) continue
      const files = yield* filesOf(phase, selection)
      if (files.length === 0) continue
      const counts = yield* runPhase(phase, files, installation)
      passed += counts.passed
      failed += counts.failed
      skipped += counts.skipped
      calls.push(counts.calls)
    }
    yield* Console.log("\nWhat the library called, by its methods: status×times")
    for (const line of Calls.table(calls)) yield* Console.log(line)
    const uncalled = Calls.uncalled(calls)
    if (runsAll && uncalled.length > 0) {
      failed += 1
      yield* Console.log(`\nDeclared by the library but called by no test (a failure):\n${uncalled.join("\n")}`)
    }
    const untried = Calls.untried(yield* Calls.methods, calls)
    if (runsAll && release.version === newestVersion && untried.length > 0) {
      failed += 1
      yield* Console.log(`\nMethods that no test called on the server (a failure):\n${untried.join("\n")}`)
    }
    if (skipped > 0) yield* Console.log(`${skipped} skipped`)
    if (passed + failed === 0) {
      return yield* new RealServerError({ step: "Running the tests", detail: "no test ran" })
    }
    return { passed, failed }
  },
  Effect.catchTag(
    ["RealServerError", "PlatformError"],
    (error) => say(error.message).pipe(Effect.as({ passed: 0, failed: 1 }))
  )
)

const program = Effect.gen(function*() {
  const { positionals, values } = parseArgs({
    allowPositionals: true,
    options: {
      version: { type: "string", default: newestVersion },
      quick: { type: "boolean", default: false }
    }
  })
  const wanted = positionals.filter((argument) => argument !== "--")
  const chosen = values.version === "all" ? releases : yield* Effect.forEach(values.version.split(","), releaseOf)
  const lines: Array<string> = []
  let passed = 0
  let failed = 0
  for (const release of chosen) {
    const [duration, counts] = yield* Effect.timed(runRelease(release, { wanted, quick: values.quick }))
    passed += counts.passed
    failed += counts.failed
    lines.push(
      `InvokeAI ${release.version.padEnd(7)} ${counts.passed} passed, ${counts.failed} failed in ${
        Math.round(Duration.toSeconds(duration))
      } s`
    )
  }
  yield* Console.log(`\n${lines.join("\n")}`)
  return { passed, failed }
}).pipe(
  Effect.catchTag("RealServerError", (error) => say(error.message).pipe(Effect.as({ passed: 0, failed: 1 }))),
  Effect.flatMap(({ passed, failed }) =>
    Console.log(`\n${passed} passed, ${failed} failed`).pipe(
      Effect.andThen(Effect.sync(() => {
        process.exitCode = failed === 0 ? 0 : 1
      }))
    )
  )
)

program.pipe(Effect.provide([NodeServices.layer, FetchHttpClient.layer]), NodeRuntime.runMain)
