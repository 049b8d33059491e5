/**
 * A farm in three commands. The store is the Postgres of `DATABASE_URL`, or else the file `farm.db`.
 *
 * Set `FARM_SERVERS`, such as `http://a:9090,http://b:9090`, for the first command; the store remembers the servers.
 *
 * `node examples/farm.ts offer <run> <workflow.json> <rows.csv>`: checks the rows and stores them.
 * `node examples/farm.ts work`: runs items until Ctrl-C, on any number of machines.
 * `node examples/farm.ts results <run>`: prints a table of the results.
 */
import { Farm } from "@effect-invokeai/farm/Farm"
import * as FarmStore from "@effect-invokeai/farm/FarmStore"
import * as Rows from "@effect-invokeai/farm/Rows"
import * as NodeRuntime from "@effect/platform-node/NodeRuntime"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Config from "effect/Config"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Stream from "effect/Stream"

const layer = Layer.unwrap(Effect.gen(function*() {
  const database = yield* Config.option(Config.Redacted("DATABASE_URL"))
  const servers = yield* Config.withDefault(Config.String("FARM_SERVERS"), "")
  return Farm.layer({
    store: Option.match(database, {
      onNone: () => FarmStore.sqlite({ filename: "farm.db" }),
      onSome: (url) => FarmStore.postgres({ url })
    }),
    servers: servers.split(",").filter((url) => url !== "").map((url) => ({ url })),
    directory: "outputs"
  })
}))

const program = Effect.gen(function*() {
  const farm = yield* Farm
  const [command, run = "", workflow = "", rows = ""] = process.argv.slice(2)
  switch (command) {
    case "offer": {
      const { added, existing } = yield* farm.offer(run, workflow, Rows.fromFile(rows))
      return yield* Console.log(`${added} new items, ${existing} known ones`)
    }
    case "work":
      return yield* farm.work
    case "results":
      return yield* farm.table(run, "csv").pipe(Stream.runForEach((line) => Console.log(line.trimEnd())))
    default:
      return yield* Console.log("farm.ts offer <run> <workflow.json> <rows.csv> | work | results <run>")
  }
})

program.pipe(Effect.provide(layer), Effect.provide(NodeServices.layer), NodeRuntime.runMain)
