/**
 * How fast the store of a farm is: `node benchQueue.ts <file.db|postgres://…> <url of a server> <workflow> <items>` prints a
 * line of JSON with seconds: for `Farm.offer`, for taking all items out of the queue, and for taking them with what the farm
 * stores of each: the server that has it, and its result.
 */
import { Farm } from "@effect-invokeai/farm/Farm"
import * as FarmStore from "@effect-invokeai/farm/FarmStore"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as Clock from "effect/Clock"
import * as Console from "effect/Console"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as PersistedQueue from "effect/persistence/PersistedQueue"
import * as Redacted from "effect/Redacted"
import { queueStore } from "../../packages/farm/src/internal/control.ts"
import * as Db from "../../packages/farm/src/internal/database.ts"
import { queueOf } from "../../packages/farm/src/internal/worker.ts"

const [state = "", url = "", workflow = "", items = "0"] = process.argv.slice(2)
const count = Number(items)
const store = state.startsWith("postgres:")
  ? FarmStore.postgres({ url: Redacted.make(state) })
  : FarmStore.sqlite({ filename: state })

/** Seconds that an effect takes. */
const timed = <A, E, R>(effect: Effect.Effect<A, E, R>) =>
  Effect.gen(function*() {
    const from = yield* Clock.currentTimeMillis
    yield* effect
    return ((yield* Clock.currentTimeMillis) - from) / 1000
  })

const rows = Array.from(
  { length: count },
  (_, index) => ({ id: `item-${index}`, width: 64 + 8 * (index % 20), height: 64 + (index % 500) })
)
const each = { concurrency: 16, discard: true } as const

const program = Effect.gen(function*() {
  const farm = yield* Farm
  const offer = yield* timed(farm.offer("offered", workflow, rows))
  const db = yield* Db.make
  const run = Option.getOrThrow(yield* db.run("offered"))
  const [server] = yield* db.servers
  if (server === undefined) return yield* Effect.die(new Error("the store has no server"))
  const offered = yield* queueOf("offered")
  const one = Effect.fnUntraced(function*(name: string) {
    const item = Option.getOrThrow(yield* db.item("offered", name))
    if (!(yield* db.claim(item, server.url))) {
      return yield* Effect.die(new Error(`${name} was not claimed`))
    }
    yield* db.finish(run, item, { status: "completed", files: [] }, Effect.void)
  })
  const items = yield* timed(Effect.forEach(rows, () => offered.take(({ item }) => one(item)), each))
  yield* farm.offer("taken", workflow, rows)
  const taken = yield* queueOf("taken")
  const take = yield* timed(Effect.forEach(rows, () => taken.take(() => Effect.void), each))
  yield* Console.log(JSON.stringify({ offer, take, items }))
})

await Effect.runPromise(program.pipe(
  Effect.provide(Farm.layer({ store, servers: [{ url, concurrency: count }] })),
  Effect.provide(PersistedQueue.layer.pipe(Layer.provide(queueStore), Layer.provideMerge(store.sql))),
  Effect.provide(NodeServices.layer)
))
