/**
 * `node test/recordings/table.ts`: what of each recorded scenario is compared with the simulator, and what is left out.
 */
import type { ServerVersion } from "@effect-invokeai/testing/ServerProfile"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as TestClock from "effect/testing/TestClock"
import { runScenario } from "./run.ts"
import { exceptionsOf, scenarios } from "./scenarios.ts"

const row = (cells: ReadonlyArray<string | number>): string =>
  `| ${cells.map((cell, index) => index < 2 ? String(cell).padEnd(10) : String(cell).padStart(8)).join(" | ")} |`

const program = Effect.gen(function*() {
  const reasons = new Map<string, Set<string>>()
  let different = 0
  yield* Console.log(row(["release", "scenario", "requests", "events", "sockets", "left out", "differ"]))
  yield* Console.log(row(["---", "---", "---", "---", "---", "---", "---"]))
  for (const [version, names] of Object.entries(scenarios) as ReadonlyArray<[ServerVersion, ReadonlyArray<string>]>) {
    for (const name of names) {
      const { differences, events, leftOut, requests, sockets } = yield* runScenario(version, name).pipe(
        Effect.scoped,
        Effect.provide(TestClock.layer())
      )
      different += differences.length
      yield* Console.log(row([version, name, requests, events, sockets, leftOut, differences.length]))
      for (const { reason } of exceptionsOf(version, name)) {
        reasons.set(reason, (reasons.get(reason) ?? new Set()).add(name))
      }
    }
  }
  yield* Console.log(
    "\nCompared: status, type and body of each answer, name and fields of each event in their order, and"
  )
  yield* Console.log("which sockets the server refused or closed, in the normal form of normalForm.ts.\n\nLeft out:")
  for (const [reason, names] of reasons) yield* Console.log(`- ${[...names].join(", ")}: ${reason}`)
  process.exitCode = different === 0 ? 0 : 1
})

NodeRuntime.runMain(program.pipe(Effect.provide(NodeServices.layer)))
