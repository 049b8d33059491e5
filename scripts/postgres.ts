/**
 * `pnpm postgres`: a private Postgres on a free loopback port, until Ctrl-C. Prints its URL. Nothing of it remains.
 */
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import { start } from "./farm/Postgres.ts"
import { say } from "./real-server/Cache.ts"

Effect.gen(function*() {
  const { directory, url } = yield* start
  yield* say(`its log: ${directory}/postgres.log; stop it with Ctrl-C`)
  yield* Console.log(url)
  return yield* Effect.never
}).pipe(
  Effect.scoped,
  Effect.catchTag(
    "RealServerError",
    (error) => say(error.message).pipe(Effect.andThen(Effect.sync(() => process.exitCode = 1)))
  ),
  Effect.provide(NodeServices.layer),
  NodeRuntime.runMain
)
