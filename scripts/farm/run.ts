/**
 * `pnpm test:farm [part of a file name]…`: starts a private Postgres, runs `test/farm-postgres` on it, and stops it. Ends with
 * `N passed, N failed`; a Postgres that cannot be started is a failure.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as ChildProcess from "effect/process/ChildProcess"
import * as Schema from "effect/Schema"
import * as Path from "node:path"
import { count, type Report } from "../lib/vitestReport.ts"
import { say } from "../real-server/Cache.ts"
import { start } from "./Postgres.ts"

const repository = Path.resolve(import.meta.dirname, "../..")
const parse = Schema.decodeUnknownEffect(Schema.fromJsonString(Schema.Unknown))

const program = Effect.gen(function*() {
  const fs = yield* FileSystem.FileSystem
  const { directory, url } = yield* start
  const file = Path.join(directory, "report.json")
  const vitest = yield* ChildProcess.make(process.execPath, [
    Path.join(repository, "node_modules/vitest/vitest.mjs"),
    "run",
    "--config",
    Path.join(repository, "test/farm-postgres/vitest.config.ts"),
    "--root",
    repository,
    "--reporter=default",
    "--reporter=json",
    `--outputFile.json=${file}`,
    ...process.argv.slice(2)
  ], { cwd: repository, env: { FARM_POSTGRES_URL: url }, extendEnv: true, stdout: "inherit", stderr: "inherit" })
  const code = yield* vitest.exitCode
  const report = yield* fs.readFileString(file).pipe(
    Effect.flatMap(parse),
    Effect.map((json) => count(json as Report)), // vitest's own file
    Effect.orElseSucceed(() => ({ passed: 0, failed: 1 }))
  )
  return { passed: report.passed, failed: code === 0 ? report.failed : Math.max(1, report.failed) }
})

program.pipe(
  Effect.scoped,
  Effect.catchTag("RealServerError", (error) => Effect.as(say(error.message), { passed: 0, failed: 1 })),
  Effect.tap(({ failed, passed }) => Console.log(`${passed} passed, ${failed} failed`)),
  Effect.tap(({ failed }) =>
    Effect.sync(() => {
      process.exitCode = failed === 0 ? 0 : 1
    })
  ),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
