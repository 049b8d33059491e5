/** Farms on Postgres, by `pnpm test:farm`, which starts one. */
import { Farm, type FarmOptions } from "@effect-invokeai/farm/Farm"
import * as FarmStore from "@effect-invokeai/farm/FarmStore"
import * as NodeServices from "@effect/platform-node/NodeServices"
import * as PgClient from "@effect/sql-pg/PgClient"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Redacted from "effect/Redacted"
import type * as Scope from "effect/Scope"
import * as SqlClient from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import { photo, type Servers, stage, thumbnail } from "../farm/support.ts"

const one = "http://one:9090"
const two = "http://two:9090"
const server = process.env["FARM_POSTGRES_URL"] ?? ""

const test = <A, E>(effect: Effect.Effect<A, E, Scope.Scope | NodeServices.NodeServices>) =>
  effect.pipe(Effect.scoped, Effect.provide(NodeServices.layer))

const widths = (...widths: ReadonlyArray<number>) => widths.map((width) => ({ photo, width }))

let databases = 0

/** A database of its own for a test. */
const stageOn = Effect.fnUntraced(function*(servers: Servers) {
  const name = `farm_${process.pid}_${databases++}`
  yield* SqlClient.SqlClient.use((sql) => sql`CREATE DATABASE ${sql(name)}`).pipe(
    Effect.provide(PgClient.layer({ url: Redacted.make(server) }))
  )
  const url = new URL(server)
  url.pathname = name
  const staged = yield* stage(servers)
  const store = FarmStore.postgres({ url: Redacted.make(url.href) })
  return { ...staged, store, farm: (options: Partial<FarmOptions> = {}) => staged.farm({ store, ...options }) }
})

describe("farm on Postgres", () => {
  it.live(
    "runs every item once, in several processes, with no more of them on a server than it may have",
    () =>
      test(Effect.gen(function*() {
        const { farm, simulator } = yield* stageOn({
          [one]: { nodeDuration: "20 millis" },
          [two]: { nodeDuration: "20 millis" }
        })
        yield* Effect.gen(function*() {
          const service = yield* Farm
          yield* service.offer("night", thumbnail, widths(...Array.from({ length: 40 }, (_, at) => 16 + at)))
          const most = { now: 0 }
          yield* simulator(one).state.pipe(
            Effect.map(({ items }) => {
              const open = items.filter(({ status }) => status === "pending" || status === "in_progress").length
              most.now = Math.max(most.now, open)
            }),
            Effect.andThen(Effect.sleep("5 millis")),
            Effect.forever,
            Effect.forkScoped
          )
          const live = yield* Effect.forkScoped(Stream.runCollect(service.results("night")))
          const workers = yield* Effect.forEach(
            [1, 2, 3],
            () => Effect.forkScoped(Effect.provide(Farm.use(({ work }) => work), farm()))
          )
          const status = yield* service.await("night")
          assert.deepInclude(status, { completed: 40, failed: 0 })
          assert.deepStrictEqual(Object.keys(status.servers).toSorted(), [one, two])
          assert.strictEqual(most.now, 2)
          assert.lengthOf(yield* Fiber.join(live), 40)
          yield* Fiber.interruptAll(workers)
        }).pipe(Effect.scoped, Effect.provide(farm()))
        const states = yield* Effect.forEach([one, two], (url) => simulator(url).state)
        assert.strictEqual(states.reduce((sum, { items }) => sum + items.length, 0), 40)
      })),
    60_000
  )

  it.live(
    "ends every item of a canceled run once, although workers claim some of them at the same moment",
    () =>
      test(Effect.gen(function*() {
        const { farm, simulator, store } = yield* stageOn({ [one]: { nodeDuration: "100 millis" } })
        yield* Effect.gen(function*() {
          const service = yield* Farm
          yield* service.offer("night", thumbnail, widths(...Array.from({ length: 30 }, (_, at) => 16 + at)))
          // between the two statements of the cancellation, workers have time to end jobs and to claim items
          yield* SqlClient.SqlClient.use((sql) =>
            Effect.andThen(
              sql`CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN IF current_query() LIKE '%''canceled''%' THEN PERFORM pg_sleep(2); END IF; RETURN NULL; END $$`,
              sql`CREATE TRIGGER slow BEFORE INSERT ON farm_results FOR EACH STATEMENT EXECUTE FUNCTION slow()`
            )
          ).pipe(Effect.provide(store.sql))
          yield* Effect.forkScoped(service.work)
          yield* Effect.repeat(service.status("night"), { until: ({ completed }) => completed >= 2 })
          yield* service.cancel("night")
          const { canceled, completed, failed, total } = yield* service.await("night")
          assert.deepStrictEqual([canceled + completed, failed, total], [30, 0, 30])
          assert.lengthOf(yield* Stream.runCollect(service.results("night", { live: false })), 30)
          assert.deepInclude(yield* simulator(one).leftovers, { unfinishedItems: [] })
        }).pipe(Effect.scoped, Effect.provide(farm()))
      })),
    60_000
  )
})
