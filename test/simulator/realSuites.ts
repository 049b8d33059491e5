/**
 * `node test/simulator/realSuites.ts [part of a file name]…`: the tests of the real server, unchanged, on the simulator.
 *
 * Serves a single-user and then a multi-user simulator on a port and runs `test/real-server` against each. Left out is
 * what needs InvokeAI itself; `excluded` says why. Ends with `N passed, N failed`.
 */
import { NodeSimulator } from "@effect-invokeai/testing/NodeSimulator"
import * as SimulatorModels from "@effect-invokeai/testing/SimulatorModels"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import * as Path from "effect/Path"
import * as ChildProcess from "effect/process/ChildProcess"
import * as Schema from "effect/Schema"
import * as Calls from "../../scripts/real-server/Calls.ts"
import { newestVersion } from "../../scripts/real-server/Releases.ts"

/** What is not run, by a part of the file name or of the test's name. */
export const excluded: ReadonlyArray<readonly [name: string, reason: string]> = [
  ["ShippedWorkflows", "reads the workflows that InvokeAI's wheel ships"],
  ["WorkflowSources", "reads the workflows that InvokeAI's wheel ships"],
  ["what the server ships", "the simulator ships no workflows"]
]

const Report = Schema.fromJsonString(Schema.Struct({
  testResults: Schema.Array(Schema.Struct({
    name: Schema.String,
    assertionResults: Schema.Array(Schema.Struct({ fullName: Schema.String, status: Schema.String }))
  }))
}))

const accounts = ["admin", "first", "second"].map((name) => ({
  email: `${name}@example.com`,
  password: `Test-password-${name}-1`
}))

const runOn = Effect.fnUntraced(function*(folder: string, wanted: ReadonlyArray<string>) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const root = path.resolve(import.meta.dirname, "../..")
  const { url } = yield* NodeSimulator
  const scratch = yield* fs.makeTempDirectoryScoped({ prefix: "effect-invokeai-" })
  const report = path.join(scratch, "report.json")
  const calls = path.join(scratch, "calls.jsonl")
  yield* fs.writeFileString(calls, "")
  const tests = path.join(root, "test", "real-server")
  const files = (yield* fs.readDirectory(path.join(tests, folder))).filter((file) =>
    file.endsWith(".test.ts") && !excluded.some(([name]) => `${folder}/${file}`.includes(name)) &&
    (wanted.length === 0 || wanted.some((part) => `${folder}/${file}`.includes(part)))
  )
  if (files.length === 0) return { passed: 0, failed: 0, counts: Calls.count([], new Set(), []) }
  const routes = yield* Calls.routesOf(url.origin)
  const vitest = yield* ChildProcess.make(
    process.execPath,
    [
      path.join(root, "node_modules", "vitest", "vitest.mjs"),
      "run",
      "--config",
      path.join(tests, "vitest.config.ts"),
      "--reporter=default",
      "--reporter=json",
      `--outputFile.json=${report}`,
      "--testNamePattern",
      `^(?!.*(?:${excluded.map(([name]) => name).join("|")}))`,
      ...files.map((file) => path.join(folder, file))
    ],
    {
      cwd: root,
      stdin: "ignore",
      stdout: "inherit",
      stderr: "inherit",
      env: {
        INVOKEAI_TEST_URL: url.origin,
        INVOKEAI_TEST_VERSION: newestVersion,
        INVOKEAI_TEST_SHIPPED: "0",
        INVOKEAI_TEST_ROUTES: JSON.stringify(routes.map(Calls.nameOf)),
        INVOKEAI_TEST_MODEL: "tiny-sd1",
        INVOKEAI_TEST_ACCOUNTS: JSON.stringify(folder === "multi-user" ? accounts : []),
        INVOKEAI_TEST_CALLS: calls,
        INVOKEAI_TEST_DEFAULT_WORKFLOWS: path.join(root, "test", "fixtures", "workflows")
      },
      extendEnv: true,
      forceKillAfter: "10 seconds"
    }
  )
  yield* vitest.exitCode
  const counts = Calls.count(
    Calls.declaredRoutes(),
    yield* Calls.methods,
    (yield* fs.readFileString(calls)).split("\n").filter((line) => line !== "")
  )
  const { testResults } = yield* Effect.flatMap(fs.readFileString(report), Schema.decodeUnknownEffect(Report))
  const results = testResults.flatMap((file) => file.assertionResults)
  return {
    counts,
    passed: results.filter((one) => one.status === "passed").length,
    failed: results.filter((one) => one.status === "failed").length +
      testResults.filter((file) => file.assertionResults.length === 0).length
  }
}, Effect.scoped)

const program = Effect.gen(function*() {
  const wanted = process.argv.slice(2)
  const common = { models: [SimulatorModels.tinySd1], nodeDuration: "5 millis", stepDuration: "5 millis" } as const
  const single = yield* runOn("single-user", wanted).pipe(Effect.provide(NodeSimulator.layer(common)))
  const users = accounts.map(({ email, password }, index) => ({
    email,
    password,
    displayName: email,
    isAdmin: index === 0
  }))
  const multi = yield* runOn("multi-user", wanted).pipe(
    Effect.provide(NodeSimulator.layer({ ...common, users }))
  )
  const untried = wanted.length === 0 ? Calls.untried(yield* Calls.methods, [single, multi]) : []
  if (untried.length > 0) yield* Console.log(`methods that no test called: ${untried.join(", ")}`)
  const failed = single.failed + multi.failed + (untried.length === 0 ? 0 : 1)
  for (const [name, reason] of excluded) yield* Console.log(`left out: ${name} (${reason})`)
  yield* Console.log(`${single.passed + multi.passed} passed, ${failed} failed`)
  process.exitCode = failed === 0 ? 0 : 1
})

NodeRuntime.runMain(program.pipe(Effect.provide([NodeServices.layer, FetchHttpClient.layer])))
