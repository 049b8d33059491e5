/**
 * A real server to try things on by hand, until Ctrl-C: `node scripts/real-server/serve.ts [--multiuser] [--file-db]
 * [--no-gc] [--version X]`.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as FetchHttpClient from "effect/http/FetchHttpClient"
import { parseArgs } from "node:util"
import { say } from "./Cache.ts"
import { ensureInstalled } from "./Install.ts"
import { ensureTinyModel } from "./Model.ts"
import { newestVersion, releaseOf } from "./Releases.ts"
import { start } from "./Server.ts"

const program = Effect.gen(function*() {
  const { values } = parseArgs({
    options: {
      multiuser: { type: "boolean", default: false },
      "file-db": { type: "boolean", default: false },
      "no-gc": { type: "boolean", default: false },
      version: { type: "string", default: newestVersion }
    }
  })
  const installation = yield* Effect.flatMap(releaseOf(values.version), ensureInstalled)
  const server = yield* start(installation, {
    multiuser: values.multiuser,
    database: values["file-db"] ? "file" : "memory",
    collectGarbage: !values["no-gc"],
    model: yield* ensureTinyModel(installation)
  })
  for (const account of server.accounts) yield* say(`account: ${account.email} ${account.password}`)
  yield* say(`its log: ${server.root}/server.log; stop it with Ctrl-C`)
  yield* Console.log(server.url)
  return yield* Effect.never
})

program.pipe(
  Effect.scoped,
  Effect.catchTag(
    "RealServerError",
    (error) => say(error.message).pipe(Effect.andThen(Effect.sync(() => process.exitCode = 1)))
  ),
  Effect.provide([NodeServices.layer, FetchHttpClient.layer]),
  NodeRuntime.runMain
)
