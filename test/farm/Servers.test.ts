import * as Snapshot from "@effect-invokeai/core/catalog/Snapshot"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import { Farm } from "@effect-invokeai/farm/Farm"
import * as FarmStore from "@effect-invokeai/farm/FarmStore"
import * as Fault from "@effect-invokeai/testing/Fault"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import type * as Scope from "effect/Scope"
import * as SqlClient from "effect/sql/SqlClient"
import * as Stream from "effect/Stream"
import { batchIdOf, itemKeyOf } from "../../packages/farm/src/internal/database.ts"
import { databaseOf, finish, photo, recordUpload, stage, thumbnail, withModel } from "./support.ts"

const one = "http://one:9090"
const two = "http://two:9090"

const test = <A, E>(effect: Effect.Effect<A, E, Scope.Scope | NodeServices.NodeServices>) =>
  effect.pipe(Effect.scoped, Effect.provide(NodeServices.layer))

const widths = (...widths: ReadonlyArray<number>) => widths.map((width) => ({ photo, width }))

const impatient = { client: { retries: 0, closeTimeout: "200 millis", tracking: { giveUpAfter: "1 second" } } } as const

const serverOf = (url: string) =>
  Farm.use((farm) => Effect.map(farm.servers, (servers) => servers.find((server) => server.url === url)))

describe("servers of a farm", () => {
  it.live("leaves a server alone that fails, reports why, and uses it again when it works", () =>
    test(Effect.gen(function*() {
      const { farm, simulator } = yield* stage({ [one]: impatient })
      yield* Effect.gen(function*() {
        const farm = yield* Farm
        yield* farm.offer("night", thumbnail, widths(16, 32))
        yield* Effect.forkScoped(simulator(one).restart({ downFor: "3 seconds" }))
        const worker = yield* Effect.forkScoped(farm.work)
        const failing = yield* Effect.repeat(serverOf(one), { until: (server) => (server?.failures ?? 0) >= 2 })
        assert(failing?.problem !== undefined)
        assert.strictEqual(failing.state, "failing")
        assert.isAbove(failing.retryAt ?? 0, failing.failingSince ?? Infinity)
        assert.include(failing.problem, "no response")
        assert.deepInclude(yield* farm.await("night"), { completed: 2 })
        assert.deepInclude(yield* serverOf(one), { state: "active", failures: 0, problem: undefined })
        yield* Fiber.interrupt(worker)
      }).pipe(Effect.scoped, Effect.provide(farm()))
    })))

  it.live(
    "runs the items of a server that is gone elsewhere, and cancels their jobs when it returns",
    () =>
      test(Effect.gen(function*() {
        const { farm, simulator } = yield* stage({
          [one]: { ...impatient, nodeDuration: "4 seconds" },
          [two]: impatient
        })
        yield* Effect.gen(function*() {
          const farm = yield* Farm
          yield* farm.drainServer(two)
          yield* farm.offer("night", thumbnail, widths(16, 32))
          const worker = yield* Effect.forkScoped(farm.work)
          yield* Effect.repeat(simulator(one).state, { until: ({ items }) => items.length === 2 })
          yield* farm.addServer({ url: two })
          yield* Effect.forkScoped(simulator(one).restart({ downFor: "6 seconds" }))
          assert.deepInclude(yield* farm.await("night"), { completed: 2, servers: { [two]: 2 } })
          assert.strictEqual((yield* simulator(two).state).items.length, 2)
          yield* Effect.repeat(simulator(one).leftovers, {
            until: ({ unfinishedItems }) => unfinishedItems.length === 0
          })
          yield* Effect.repeat(serverOf(one), { until: (server) => server?.state === "active" })
          yield* Fiber.interrupt(worker)
          assert.isTrue((yield* simulator(one).state).items.every(({ status }) => status === "canceled"))
        }).pipe(Effect.scoped, Effect.provide(farm({ serverTimeout: "1 second" })))
      })),
    40_000
  )

  it.live("continues the job of an item on its server after the worker was stopped", () =>
    test(Effect.gen(function*() {
      const { farm, simulator } = yield* stage({ [one]: { nodeDuration: "300 millis" } })
      const interrupted = Effect.gen(function*() {
        const farm = yield* Farm
        yield* farm.offer("night", thumbnail, widths(16, 32, 48))
        const worker = yield* Effect.forkScoped(farm.work)
        yield* Effect.repeat(farm.status("night"), { until: ({ completed }) => completed === 1 })
        yield* Fiber.interrupt(worker)
        assert.deepInclude(yield* farm.status("night"), { state: "running", waiting: 2, running: 0 })
        assert.deepInclude(yield* serverOf(one), { running: 0 })
      }).pipe(Effect.scoped)
      yield* Effect.provide(interrupted, farm())
      assert.deepInclude(yield* simulator(one).leftovers, { uploads: [], unfinishedItems: [] })
      assert.deepInclude(yield* Effect.provide(finish("night"), farm()), { completed: 3, failed: 0 })
      const { items } = yield* simulator(one).state
      assert.strictEqual(items.filter(({ status }) => status === "completed").length, 3)
    })))

  it.live("gives items only to servers with the models of the workflow, and names what others lack", () =>
    test(Effect.gen(function*() {
      const { farm } = yield* stage({ [one]: { models: [] }, [two]: {} })
      const workflow = yield* Workflow.fromFile(withModel).pipe(
        Effect.flatMap(Workflow.setInput("model", "tiny-sd1")),
        Effect.provide(Snapshot.layer)
      )
      const rows = [{ positive_prompt: "a lighthouse" }, { positive_prompt: "a lake" }]
      yield* Effect.gen(function*() {
        const farm = yield* Farm
        const { unsuitable } = yield* farm.offer("night", workflow, rows)
        assert.deepStrictEqual(unsuitable.map(({ url }) => url), [one])
        assert.isNotEmpty(unsuitable[0]?.problems)
        assert.deepInclude(yield* finish("night"), { completed: 2, servers: { [two]: 2 } })
        yield* farm.removeServer(two)
        const error = yield* Effect.flip(farm.offer("day", workflow, rows))
        assert(error._tag === "NoSuitableServer")
        assert.include(error.message, `${one}: `)
        const checked = yield* farm.check(workflow)
        assert.deepStrictEqual(checked.map(({ url }) => url), [one])
      }).pipe(Effect.provide(farm()))
    })))

  it.live("drains, adds and removes servers during a run", () =>
    test(Effect.gen(function*() {
      const { farm, simulator } = yield* stage({ [one]: { nodeDuration: "20 millis" }, [two]: {} })
      yield* Effect.gen(function*() {
        const farm = yield* Farm
        yield* farm.addServer({ url: one })
        yield* farm.offer("night", thumbnail, widths(...Array.from({ length: 30 }, (_, at) => 16 + at)))
        const worker = yield* Effect.forkScoped(farm.work)
        yield* Effect.repeat(farm.status("night"), { until: ({ completed }) => completed >= 3 })
        yield* farm.drainServer(one)
        yield* Effect.repeat(serverOf(one), { until: (server) => server?.running === 0 })
        const before = (yield* simulator(one).state).items.length
        yield* farm.addServer({ url: two })
        yield* farm.removeServer(one)
        assert.deepInclude(yield* farm.await("night"), { completed: 30 })
        assert.strictEqual((yield* simulator(one).state).items.length, before)
        yield* Effect.repeat(farm.servers, { until: (servers) => servers.length === 1 })
        yield* Fiber.interrupt(worker)
        assert.deepInclude(yield* Effect.flip(farm.drainServer(one)), { _tag: "ServerNotFound", servers: [two] })
      }).pipe(Effect.scoped, Effect.provide(farm({ servers: [] })))
    })))

  it.live(
    "continues after files could not be stored, although the items that have them occupy their server",
    () =>
      test(Effect.gen(function*() {
        const { farm, simulator } = yield* stage({ [one]: {} })
        let failures = 4
        const stored = new Set<string>()
        yield* Effect.gen(function*() {
          const farm = yield* Farm
          yield* farm.offer("night", thumbnail, widths(16, 32, 48, 64))
          const worker = yield* Effect.forkScoped(farm.work)
          assert.deepInclude(yield* farm.await("night"), { completed: 4, failed: 0 })
          yield* Fiber.interrupt(worker)
        }).pipe(
          Effect.scoped,
          Effect.provide(farm({
            save: (files, { item }) =>
              failures-- > 0
                ? Effect.fail("no space left on device")
                : Effect.sync(() => files.map(({ name }) => (stored.add(`${item}.png`), `s3://bucket/${name}`)))
          }))
        )
        assert.strictEqual(stored.size, 4)
        assert.strictEqual((yield* simulator(one).state).items.length, 4)
      })),
    40_000
  )

  it.live("runs a run that is offered while it works", () =>
    test(Effect.gen(function*() {
      const { farm } = yield* stage({ [one]: { nodeDuration: "400 millis" } })
      yield* Effect.gen(function*() {
        const farm = yield* Farm
        yield* Effect.forkScoped(farm.work)
        yield* Effect.sleep("50 millis")
        yield* farm.offer("night", thumbnail, widths(16))
        assert.deepInclude(yield* farm.await("night"), { completed: 1, canceled: 0 })
      }).pipe(Effect.scoped, Effect.provide(farm()))
    })))

  it.live("refuses a second worker on a SQLite file, which can still read and control", () =>
    test(Effect.gen(function*() {
      const { farm } = yield* stage({ [one]: {} })
      yield* Effect.gen(function*() {
        const first = yield* Farm
        yield* Effect.forkScoped(first.work)
        yield* first.offer("night", thumbnail, widths(16))
        yield* Effect.gen(function*() {
          const second = yield* Farm
          const error = yield* Effect.flip(second.work)
          assert.strictEqual(error._tag, "StoreInUse")
          assert.include(error.message, "A SQLite file has one worker")
          assert.deepInclude(yield* second.await("night"), { completed: 1, failed: 0, canceled: 0, total: 1 })
        }).pipe(Effect.provide(farm()))
      }).pipe(Effect.scoped, Effect.provide(farm()))
    })))

  it.live("submits no job for an item that another worker took over during the upload", () =>
    test(Effect.gen(function*() {
      const { directory, farm, simulator } = yield* stage({
        [one]: { faults: [Fault.http({ method: "POST", path: /images\/upload$/, nth: 1 }, Fault.delay("2 seconds"))] }
      })
      const requests = (path: RegExp) =>
        Effect.map(simulator(one).requests, (all) => all.filter((request) => path.test(request.path)).length)
      yield* Effect.gen(function*() {
        const farm = yield* Farm
        yield* farm.offer("night", thumbnail, widths(16))
        yield* Effect.forkScoped(farm.work)
        yield* Effect.repeat(serverOf(one), { until: (server) => server?.running === 1 })
        // as the other worker does; it is killed then
        const store = FarmStore.sqlite({ filename: `${directory}/farm.db` })
        yield* SqlClient.SqlClient.use((sql) => sql`UPDATE farm_items SET holds = holds + 1`).pipe(
          Effect.provide(store.sql)
        )
        assert.deepInclude(yield* farm.await("night"), { completed: 1, failed: 0 })
        assert.strictEqual(yield* requests(/images\/upload$/), 2)
        assert.strictEqual(yield* requests(/enqueue_batch$/), 1)
        assert.deepInclude(yield* simulator(one).leftovers, { uploads: [], unfinishedItems: [] })
        assert.deepInclude(yield* serverOf(one), { state: "active", failures: 0 })
      }).pipe(Effect.scoped, Effect.provide(farm()))
    })))

  it.live("deletes what a killed worker uploaded for a job that it could not submit, and what it had downloaded", () =>
    test(Effect.gen(function*() {
      const { directory, farm, simulator } = yield* stage({ [one]: {}, [two]: {} })
      const sql = databaseOf(directory)
      yield* Effect.gen(function*() {
        const farm = yield* Farm
        yield* farm.drainServer(one)
        yield* farm.offer("night", thumbnail, widths(16))
        // the killed worker
        const image_name = yield* simulator(one).addImage({ name: "photo.png", category: "user" })
        const [run] = yield* SqlClient.SqlClient.use((sql) =>
          sql<{ readonly uid: string; readonly item: string }>`
            SELECT uid, item FROM farm_runs JOIN farm_items ON farm_items.run = farm_runs.run`
        ).pipe(Effect.provide(sql))
        assert(run !== undefined)
        yield* recordUpload(directory, image_name, batchIdOf(run, run.item, 0))
        yield* SqlClient.SqlClient.use((sql) => sql`UPDATE farm_items SET state = 'running', server = ${one}`).pipe(
          Effect.provide(sql)
        )
        assert.lengthOf((yield* simulator(one).state).images, 1)
        // the other server is first
        yield* simulator(one).inject(Fault.http({ path: /app\/version$/, nth: 1 }, Fault.delay("2 seconds")))
        const fs = yield* FileSystem.FileSystem
        const staging = `${directory}/out/.farm`
        yield* fs.makeDirectory(`${staging}/${itemKeyOf(run, run.item)}-1`, { recursive: true })
        yield* fs.makeDirectory(`${staging}/unknown-1`)
        yield* fs.makeDirectory(`${staging}/unknown-2`)
        const before = (yield* Clock.currentTimeMillis) - 2 * 86_400_000
        yield* fs.utimes(`${staging}/unknown-2`, new Date(before), new Date(before))
        yield* Effect.forkScoped(farm.work)
        assert.deepInclude(yield* farm.await("night"), { completed: 1, servers: { [two]: 1 } })
        assert.deepStrictEqual(yield* fs.readDirectory(staging), ["unknown-1"])
        yield* Effect.repeat(simulator(one).state, { until: ({ images }) => images.length === 0 })
      }).pipe(Effect.scoped, Effect.provide(farm()))
    })))

  it.live("gives a server no more items than it may have, each once, if several processes feed it", () =>
    test(Effect.gen(function*() {
      const { directory, farm, simulator } = yield* stage({ [one]: { nodeDuration: "20 millis" } })
      // as if one of them had been stopped for a while, and believes that it still has to
      const { sql } = FarmStore.sqlite({ filename: `${directory}/farm.db` })
      const store = { sql, join: FarmStore.sqlite({ filename: ":memory:" }).join }
      const worker = Effect.provide(Farm.use(({ work }) => work), farm({ store }))
      yield* Effect.gen(function*() {
        const farm = yield* Farm
        yield* farm.offer("night", thumbnail, widths(...Array.from({ length: 20 }, (_, at) => 16 + at)))
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
        yield* Effect.forkScoped(worker)
        yield* Effect.forkScoped(worker)
        assert.deepInclude(yield* farm.await("night"), { completed: 20, failed: 0 })
        assert.strictEqual(most.now, 2)
        assert.strictEqual((yield* simulator(one).state).items.length, 20)
        assert.lengthOf(yield* Stream.runCollect(farm.results("night")), 20)
      }).pipe(Effect.scoped, Effect.provide(farm()))
    })))
})
