/** What becomes of items, places and leftovers when workers end in the middle. */
import { Farm } from "@effect-invokeai/farm/Farm"
import * as Fault from "@effect-invokeai/testing/Fault"
import type { Simulator } from "@effect-invokeai/testing/Simulator"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import type * as Scope from "effect/Scope"
import * as SqlClient from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import { databaseOf, finish, photo, recordUpload, stage, thumbnail } from "./support.ts"

const one = "http://one:9090"

const test = <A, E>(effect: Effect.Effect<A, E, Scope.Scope | NodeServices.NodeServices>) =>
  effect.pipe(Effect.scoped, Effect.provide(NodeServices.layer))

const widths = (...widths: ReadonlyArray<number>) =>
  widths.map((width, index) => ({ id: `item-${index}`, photo, width }))

/** Makes the first items of a run those of a worker that was killed before it submitted their jobs. */
const orphan = (directory: string, run: string, count = 1) =>
  SqlClient.SqlClient.use((sql) =>
    sql`UPDATE farm_items SET state = 'running', server = ${one}, attempts = 1, holds = holds + 1
      WHERE run = ${run} AND position < ${count}`
  ).pipe(Effect.provide(databaseOf(directory)))

const always = { times: Number.POSITIVE_INFINITY }
const impatient = { client: { retries: 0, closeTimeout: "200 millis" } } as const
const single = { servers: [{ url: one, concurrency: 1 }] }

/** Ends a worker that leaves its job running, because another one has the item. That one is killed. */
const leaveJob = Effect.fnUntraced(function*(directory: string, simulator: Simulator["Service"]) {
  const worker = yield* Effect.forkScoped(Farm.use((farm) => farm.work))
  yield* Effect.repeat(simulator.state, { until: ({ items }) => items.length === 1 })
  yield* SqlClient.SqlClient.use((sql) => sql`UPDATE farm_items SET holds = holds + 1`).pipe(
    Effect.provide(databaseOf(directory))
  )
  yield* Fiber.interrupt(worker)
})

const statuses = (simulator: Simulator["Service"]) =>
  Effect.map(simulator.state, ({ items }) => items.map(({ status }) => status))

describe("recovery of a farm", () => {
  it.live("runs an item first that has the only place, although another run is more urgent", () =>
    test(Effect.gen(function*() {
      const { directory, farm } = yield* stage({ [one]: {} })
      yield* Effect.gen(function*() {
        const farm = yield* Farm
        yield* farm.offer("low", thumbnail, widths(16))
        yield* orphan(directory, "low")
        yield* farm.offer("urgent", thumbnail, widths(16, 32), { priority: 10 })
        yield* Effect.forkScoped(farm.work)
        assert.deepInclude(yield* farm.await("urgent"), { completed: 2 })
        assert.deepInclude(yield* farm.await("low"), { completed: 1 })
      }).pipe(Effect.scoped, Effect.provide(farm(single)))
    })))

  it.live("finishes an item that has a place although its run is paused, and begins no other of the run", () =>
    test(Effect.gen(function*() {
      const { directory, farm } = yield* stage({ [one]: {} })
      yield* Effect.gen(function*() {
        const farm = yield* Farm
        yield* farm.offer("paused", thumbnail, widths(16, 32))
        yield* orphan(directory, "paused")
        yield* farm.pause("paused")
        yield* farm.offer("other", thumbnail, widths(16, 32))
        yield* Effect.forkScoped(farm.work)
        assert.deepInclude(yield* farm.await("other"), { completed: 2 })
        assert.deepInclude(yield* farm.status("paused"), { completed: 1, waiting: 1, running: 0 })
      }).pipe(Effect.scoped, Effect.provide(farm(single)))
    })))

  it.live("finishes the items of a draining server, and forgets a removed one", () =>
    test(Effect.gen(function*() {
      const { directory, farm } = yield* stage({ [one]: {} })
      yield* Effect.gen(function*() {
        const farm = yield* Farm
        yield* farm.offer("night", thumbnail, widths(16, 32))
        yield* orphan(directory, "night")
        yield* farm.drainServer(one)
        yield* Effect.forkScoped(farm.work)
        yield* Effect.repeat(farm.status("night"), { until: ({ completed }) => completed === 1 })
        assert.deepInclude(yield* farm.status("night"), { waiting: 1, running: 0 })
        yield* farm.cancel("night")
        assert.deepInclude(yield* farm.await("night"), { completed: 1, canceled: 1 })
        yield* farm.removeServer(one)
        yield* Effect.repeat(farm.servers, { until: (servers) => servers.length === 0 })
      }).pipe(Effect.scoped, Effect.provide(farm()))
    })))

  it.live("deletes outputs only when the result is stored, so that no job runs again because of that", () =>
    test(Effect.gen(function*() {
      const { farm, simulator } = yield* stage({ [one]: {} })
      let failures = 2
      yield* Effect.gen(function*() {
        const farm = yield* Farm
        yield* farm.offer("night", thumbnail, widths(16), { deleteOutputs: true, maxAttempts: 1 })
        assert.deepInclude(yield* finish("night"), { completed: 1, failed: 0 })
        assert.deepStrictEqual(yield* statuses(simulator(one)), ["completed"])
        assert.deepStrictEqual((yield* simulator(one).state).images.filter(({ isIntermediate }) => !isIntermediate), [])
      }).pipe(
        Effect.scoped,
        Effect.provide(farm({
          save: (files) =>
            failures-- > 0 ? Effect.fail("the bucket is away") : Effect.succeed(files.map(({ name }) => name))
        }))
      )
    })))

  it.live(
    "fails an item whose files can never be stored, and runs the others meanwhile",
    () =>
      test(Effect.gen(function*() {
        const { farm, simulator } = yield* stage({ [one]: {} })
        yield* Effect.gen(function*() {
          const farm = yield* Farm
          yield* farm.offer("night", thumbnail, widths(...Array.from({ length: 25 }, (_, at) => 16 + at)))
          assert.deepInclude(yield* finish("night"), { completed: 24, failed: 1 })
          const results = yield* Stream.runCollect(farm.results("night", { live: false }))
          assert.deepStrictEqual(results.flatMap(({ error }) => error === undefined ? [] : [error]), [
            { tag: "NotStored", message: "its files could not be stored: the name is too long (8 times)" }
          ])
          assert.strictEqual((yield* simulator(one).state).items.length, 25)
        }).pipe(
          Effect.scoped,
          Effect.provide(farm({
            save: (files, { item }) =>
              item === "item-0"
                ? Effect.fail(new Error("the name is too long"))
                : Effect.succeed(files.map(({ name }) => name))
          }))
        )
      })),
    90_000
  )

  it.live("cancels the job of a run that is forgotten, and deletes its upload", () =>
    test(Effect.gen(function*() {
      const { directory, farm, simulator } = yield* stage({ [one]: { ...impatient, nodeDuration: "1 minute" } })
      yield* Effect.gen(function*() {
        const farm = yield* Farm
        yield* farm.offer("night", thumbnail, widths(16))
        yield* leaveJob(directory, simulator(one))
        yield* farm.forget("night")
        assert.deepStrictEqual(yield* statuses(simulator(one)), ["in_progress"])
        yield* Effect.forkScoped(farm.work)
        yield* Effect.repeat(simulator(one).leftovers, {
          until: ({ unfinishedItems, uploads }) => uploads.length === 0 && unfinishedItems.length === 0
        })
        assert.deepStrictEqual(yield* statuses(simulator(one)), ["canceled"])
      }).pipe(Effect.scoped, Effect.provide(farm()))
    })), 60_000)

  it.live(
    "cancels the job of an item that has failed because its workers were lost",
    () =>
      test(Effect.gen(function*() {
        const { directory, farm, simulator } = yield* stage({ [one]: { ...impatient, nodeDuration: "1 minute" } })
        yield* Effect.gen(function*() {
          const farm = yield* Farm
          yield* farm.offer("night", thumbnail, widths(16))
          yield* leaveJob(directory, simulator(one))
          yield* SqlClient.SqlClient.use((sql) => sql`UPDATE farm_items SET losses = 4`).pipe(
            Effect.provide(databaseOf(directory))
          )
          yield* Effect.forkScoped(farm.work)
          assert.deepInclude(yield* farm.await("night"), { failed: 1 })
          yield* Effect.repeat(statuses(simulator(one)), { until: ([status]) => status === "canceled" })
        }).pipe(Effect.scoped, Effect.provide(farm()))
      })),
    60_000
  )

  it.live("uses a server of which something cannot be deleted", () =>
    test(Effect.gen(function*() {
      const { directory, farm, simulator } = yield* stage({ [one]: impatient })
      yield* Effect.gen(function*() {
        const farm = yield* Farm
        yield* farm.offer("night", thumbnail, widths(16, 32))
        const image_name = yield* simulator(one).addImage({ name: "locked.png" })
        yield* recordUpload(directory, image_name, "old-batch")
        yield* SqlClient.SqlClient.use((sql) =>
          sql`INSERT INTO farm_leftovers (server, batch_id) VALUES (${one}, 'old-batch')`
        ).pipe(Effect.provide(databaseOf(directory)))
        yield* simulator(one).inject(Fault.http({ path: /i\/locked\.png$/, ...always }, Fault.status(403)))
        assert.deepInclude(yield* finish("night"), { completed: 2 })
        assert.isTrue((yield* simulator(one).requests).some(({ path }) => path.endsWith("/locked.png")))
        assert.deepInclude((yield* farm.servers)[0], { state: "active", failures: 0 })
      }).pipe(Effect.scoped, Effect.provide(farm()))
    })), 60_000)

  it.live("does not take a fault of an earlier process for one that lasts", () =>
    test(Effect.gen(function*() {
      const { directory, farm } = yield* stage({ [one]: {} })
      yield* Effect.gen(function*() {
        const farm = yield* Farm
        yield* farm.offer("night", thumbnail, widths(16))
        yield* SqlClient.SqlClient.use((sql) =>
          sql`UPDATE farm_servers SET failures = 3, failing_since = 1000, retry_at = 2000, problem = 'away'`
        ).pipe(Effect.provide(databaseOf(directory)))
        assert.deepInclude(yield* finish("night"), { completed: 1 })
        assert.deepInclude((yield* farm.servers)[0], { failures: 0, failingSince: undefined, problem: undefined })
      }).pipe(Effect.scoped, Effect.provide(farm()))
    })))

  it.live("rejects two ids that would be one file", () =>
    test(Effect.gen(function*() {
      const { farm } = yield* stage({ [one]: {} })
      yield* Effect.gen(function*() {
        const farm = yield* Farm
        const rows = ["caf\u00e9", "cafe\u0301"].map((id, index) => ({ id, photo, width: 16 + index }))
        const error = yield* Effect.flip(farm.offer("night", thumbnail, rows))
        assert.strictEqual(error._tag, "InvalidRows")
      }).pipe(Effect.provide(farm()))
    })))
})
