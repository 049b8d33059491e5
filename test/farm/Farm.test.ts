import { Farm } from "@effect-invokeai/farm/Farm"
import * as FarmStore from "@effect-invokeai/farm/FarmStore"
import * as Rows from "@effect-invokeai/farm/Rows"
import * as Simulator from "@effect-invokeai/testing/Simulator"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import type * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { finish, photo, stage, textOnly, thumbnail } from "./support.ts"

const one = "http://one:9090"
const two = "http://two:9090"

const test = <A, E>(effect: Effect.Effect<A, E, Scope.Scope | NodeServices.NodeServices>) =>
  effect.pipe(Effect.scoped, Effect.provide(NodeServices.layer))

const widths = (...widths: ReadonlyArray<number>) => widths.map((width) => ({ photo, width }))

describe("farm", () => {
  it.live("runs every row once, and records its file, server and times", () =>
    test(Effect.gen(function*() {
      const { directory, farm, simulator } = yield* stage({ [one]: {}, [two]: {} })
      const fs = yield* FileSystem.FileSystem
      yield* Effect.gen(function*() {
        const farm = yield* Farm
        const offered = yield* farm.offer("night", thumbnail, widths(16, 32, 48, 64, 80))
        assert.deepInclude(offered, { rows: 5, added: 5, existing: 0, unsuitable: [] })
        const status = yield* finish("night")
        assert.deepInclude(status, { state: "finished", total: 5, completed: 5, failed: 0, waiting: 0, running: 0 })
        const results = yield* Stream.runCollect(farm.results("night"))
        assert.lengthOf(results, 5)
        for (const result of results) {
          assert.strictEqual(result.status, "completed")
          const [file] = result.files
          assert(file !== undefined)
          assert.strictEqual(file.width, result.inputs["width"])
          assert.strictEqual(file.path, `${directory}/out/night/${result.item}.png`)
          assert.isTrue(yield* fs.exists(file.path))
          assert.include([one, two], result.server)
          assert.isAtLeast(result.completedAt ?? 0, result.startedAt ?? Infinity)
        }
      }).pipe(Effect.provide(farm()))
      const items = yield* Effect.forEach([one, two], (url) => simulator(url).state)
      assert.strictEqual(items.reduce((sum, { items }) => sum + items.length, 0), 5)
      for (const url of [one, two]) {
        assert.deepInclude(yield* simulator(url).leftovers, { uploads: [], unfinishedItems: [] })
      }
      assert.deepStrictEqual(yield* fs.readDirectory(`${directory}/out`), ["night"])
    })))

  it.live("keeps two farms of one program apart", () =>
    test(Effect.gen(function*() {
      const { directory, farm } = yield* stage({ [one]: {} })
      const run = (store: FarmStore.FarmStore, ...sizes: ReadonlyArray<number>) =>
        Effect.gen(function*() {
          const farm = yield* Farm
          yield* farm.offer("night", thumbnail, widths(...sizes))
          return yield* finish("night")
        }).pipe(Effect.provide(farm({ store, directory: `${directory}/${sizes.length}` })))
      const inner = run(FarmStore.sqlite({ filename: `${directory}/inner.db` }), 16, 32)
      yield* Effect.gen(function*() {
        assert.deepInclude(yield* run(FarmStore.sqlite({ filename: `${directory}/outer.db` }), 48), {
          total: 1,
          completed: 1
        })
        assert.deepInclude(yield* inner, { total: 2, completed: 2 })
      }).pipe(Effect.provide(Layer.unwrap(Effect.succeed(farm()))))
    })))

  it.live("offers a run again without duplicates", () =>
    test(Effect.gen(function*() {
      const { farm } = yield* stage({ [one]: {} })
      yield* Effect.gen(function*() {
        const farm = yield* Farm
        yield* farm.offer("night", thumbnail, widths(16, 32, 32))
        assert.deepInclude(yield* farm.offer("night", thumbnail, widths(32, 48)), { added: 1, existing: 1 })
        assert.deepInclude(yield* farm.status("night"), { total: 3, waiting: 3, state: "running" })
        assert.deepInclude(yield* finish("night"), { completed: 3 })
        assert.deepInclude(yield* farm.offer("night", thumbnail, widths(32, 48)), { added: 0 })
        assert.deepInclude(yield* farm.status("night"), { state: "finished" })
      }).pipe(Effect.provide(farm()))
    })))

  it.live("reports all problems of all rows with line and column before anything runs", () =>
    test(Effect.gen(function*() {
      const { farm } = yield* stage({ [one]: {} })
      const csv =
        `id,photo,width,tint\na,nope.png,16,red\nb,missing/file.png,wide,red\n"c/d",${photo},-1,\n"two\nlines",${photo},16,\na,${photo},32,\n,${photo}\n`
      yield* Effect.gen(function*() {
        const farm = yield* Farm
        const error = yield* Effect.flip(farm.offer("night", thumbnail, Rows.fromCsv(Stream.make(csv))))
        assert(error._tag === "InvalidRows")
        assert.deepStrictEqual(error.problems.map(({ column, line }) => [line, column]), [
          [1, "tint"],
          [2, "photo"],
          [3, "photo"],
          [3, "width"],
          [4, "width"],
          [5, "id"],
          [8, undefined]
        ])
        assert.include(error.message, "line 3, photo: the file ")
        assert.include(error.message, "line 4, width: ")
        assert.include(error.message, `expected an integer greater than 0, got "-1"`)
        assert.include(error.message, "line 8: expected 4 cells, got 2")
        assert.strictEqual((yield* Effect.flip(farm.status("night")))._tag, "RunNotFound")
      }).pipe(Effect.provide(farm()))
    })))

  it.live("says once what is wrong with a whole file, and repeats no credentials of a URL", () =>
    test(Effect.gen(function*() {
      const { farm } = yield* stage({ [one]: {} })
      yield* Effect.gen(function*() {
        const farm = yield* Farm
        const problemsOf = Effect.fnUntraced(function*(rows: Stream.Stream<Rows.Row>, id?: string) {
          const error = yield* Effect.flip(farm.offer("night", thumbnail, rows, { id }))
          assert(error._tag === "InvalidRows")
          return error.problems.map(({ column, line, message }) => [line, column ?? "", message].join(" "))
        })
        const csv = (text: string) => Rows.fromCsv(Stream.make(text))
        const [separated, ...rest] = yield* problemsOf(
          csv(`\uFEFFid;photo;width\r\na;${photo};16\r\nb;${photo};16\r\n`)
        )
        assert.deepStrictEqual(rest, [])
        assert.include(separated, "1  the names are separated by semicolons, not by commas: save the table with commas")
        assert.deepStrictEqual(yield* problemsOf(csv("")), [
          "1  the file is empty: expected a line with the names of the columns"
        ])
        const table = `photo,width\n${photo},16\n${photo},24\n`
        assert.deepStrictEqual(yield* problemsOf(csv(table), "name"), [
          "1 name no row has a value in this column. Columns with values: photo, width"
        ])
        assert.deepStrictEqual(yield* problemsOf(csv(`name,photo\na,${photo}\n,${photo}\n`), "name"), [
          "3 name the row has no id"
        ])
        const [symbol] = yield* problemsOf(csv(`id,photo\na☂,${photo}\n`))
        assert.include(symbol, `got "a☂"`)
        const secret = yield* problemsOf(csv("id,photo\na,https://me:hunter2@example.com/a.png\n"))
        assert.lengthOf(secret, 1)
        assert.include(secret[0], "2 photo the URL contains credentials")
        assert.notInclude(secret[0], "hunter2")
        const spreadsheet = yield* Effect.flip(farm.offer("night", thumbnail, Rows.fromFile("rows.xlsx")))
        assert.include(spreadsheet.message, "line 1: the file is a spreadsheet: save the table as CSV")
      }).pipe(Effect.provide(farm()))
    })))

  it.live("rejects an id that the run has with other values, and two rows that share one", () =>
    test(Effect.gen(function*() {
      const { farm } = yield* stage({ [one]: {} })
      yield* Effect.gen(function*() {
        const farm = yield* Farm
        yield* farm.offer("night", thumbnail, [{ id: "a", photo, width: 16 }])
        const later = yield* Effect.flip(farm.offer("night", thumbnail, [{ id: "a", photo, width: 32 }]))
        assert.include(later.message, `line 1, id: the run has an item "a" with other values`)
        const rows = Stream.make(
          `{"id":"b","photo":"${photo}","width":16}\n\n{"id":"b","photo":"${photo}","width":32}\n[]`
        )
        const same = yield* Effect.flip(farm.offer("night", thumbnail, Rows.fromJsonLines(rows)))
        assert.include(same.message, `line 3, id: line 1 has the same id "b" and other values`)
        assert.include(same.message, "line 4: the line is not a JSON object")
      }).pipe(Effect.provide(farm()))
    })))

  it.live("rejects another workflow, other options, and names that no file can have", () =>
    test(Effect.gen(function*() {
      const { farm } = yield* stage({ [one]: {} })
      yield* Effect.gen(function*() {
        const farm = yield* Farm
        yield* farm.offer("night", thumbnail, widths(16))
        const options = yield* Effect.flip(farm.offer("night", thumbnail, widths(16), { format: "webp" }))
        assert.deepInclude(options, { _tag: "RunConflict", conflict: "options" })
        const workflow = yield* Effect.flip(farm.offer("night", textOnly, [{}]))
        assert.deepInclude(workflow, { _tag: "RunConflict", conflict: "workflow" })
        assert.strictEqual((yield* Effect.flip(farm.offer("../night", thumbnail, widths(16))))._tag, "InvalidOption")
        const template = yield* Effect.flip(farm.offer("day", thumbnail, widths(16), { template: "{run}/same" }))
        assert.include(template.message, "a template with {id} or {row}")
      }).pipe(Effect.provide(farm()))
    })))

  it.live("gives a server no more items at the same time than it may have", () =>
    test(Effect.gen(function*() {
      const { farm, simulator } = yield* stage({ [one]: { nodeDuration: "50 millis" } })
      yield* Effect.gen(function*() {
        const farm = yield* Farm
        yield* farm.addServer({ url: one, concurrency: 3 })
        yield* farm.offer("night", thumbnail, widths(...Array.from({ length: 12 }, (_, at) => 16 + at)))
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
        yield* finish("night")
        assert.strictEqual(most.now, 3)
      }).pipe(Effect.scoped, Effect.provide(farm({ servers: [] })))
    })))

  it.live("records an item that fails with its error, and runs it again when asked to", () =>
    test(Effect.gen(function*() {
      const { farm, simulator } = yield* stage({ [one]: {} })
      yield* Effect.gen(function*() {
        const farm = yield* Farm
        yield* simulator(one).whenNode(
          "img_blur",
          (_node, call) =>
            call === 2 ? Simulator.failsWith("ValueError", "radius out of range") : Simulator.runsNormally
        )
        yield* farm.offer("night", thumbnail, widths(16, 32, 48))
        assert.deepInclude(yield* finish("night"), { state: "finished", completed: 2, failed: 1 })
        const failed = (yield* Stream.runCollect(farm.results("night"))).find(({ status }) => status === "failed")
        assert(failed?.error !== undefined)
        assert.strictEqual(failed.error.tag, "JobFailed")
        assert.include(failed.error.message, "radius out of range")
        assert.strictEqual(yield* farm.retry("night"), 1)
        assert.deepInclude(yield* farm.status("night"), { state: "running", waiting: 1 })
        assert.deepInclude(yield* finish("night"), { completed: 3, failed: 0 })
        assert.strictEqual((yield* simulator(one).state).items.length, 4)
      }).pipe(Effect.provide(farm()))
    })))

  it.live("runs an item elsewhere that is out of memory here", () =>
    test(Effect.gen(function*() {
      const { farm, simulator } = yield* stage({ [one]: {}, [two]: {} })
      yield* simulator(one).whenNode("img_blur", Simulator.failsWith("OutOfMemoryError", "CUDA out of memory"))
      yield* Effect.gen(function*() {
        const farm = yield* Farm
        yield* farm.offer("night", thumbnail, widths(16, 32, 48))
        assert.deepInclude(yield* finish("night"), { completed: 3, servers: { [two]: 3 } })
      }).pipe(Effect.provide(farm()))
    })))

  it.live("takes no item of a paused run, continues a resumed one, and prefers the more urgent run", () =>
    test(Effect.gen(function*() {
      const { farm } = yield* stage({ [one]: {} })
      yield* Effect.gen(function*() {
        const farm = yield* Farm
        yield* farm.addServer({ url: one, concurrency: 1 })
        yield* farm.offer("low", thumbnail, widths(16, 32))
        yield* farm.offer("high", thumbnail, widths(48, 64), { priority: 1 })
        yield* farm.offer("paused", thumbnail, widths(80))
        yield* farm.pause("paused")
        yield* Effect.raceFirst(farm.await("low"), farm.work)
        const runs = yield* farm.runs
        assert.sameDeepMembers(runs.map(({ run, state }) => [run, state]), [
          ["low", "finished"],
          ["high", "finished"],
          ["paused", "paused"]
        ])
        const ended = (run: string) =>
          Effect.map(Stream.runCollect(farm.results(run)), (results) => results.map((each) => each.completedAt ?? 0))
        assert.isAtMost(Math.max(...yield* ended("high")), Math.min(...yield* ended("low")))
        yield* farm.resume("paused")
        assert.deepInclude(yield* finish("paused"), { completed: 1 })
      }).pipe(Effect.provide(farm({ servers: [] })))
    })))

  it.live("cancels what waits and what runs, and leaves nothing on the server", () =>
    test(Effect.gen(function*() {
      const { directory, farm, simulator } = yield* stage({ [one]: { nodeDuration: "1 second" } })
      const fs = yield* FileSystem.FileSystem
      yield* Effect.gen(function*() {
        const farm = yield* Farm
        yield* farm.offer("night", thumbnail, widths(16, 32, 48, 64))
        const worker = yield* Effect.forkScoped(farm.work)
        yield* Effect.repeat(farm.status("night"), { until: ({ running }) => running === 2 })
        yield* Effect.repeat(simulator(one).state, { until: ({ items }) => items.length === 2 })
        yield* farm.cancel("night")
        assert.deepInclude(yield* farm.await("night"), { state: "canceled", canceled: 4, completed: 0 })
        yield* Fiber.interrupt(worker)
        assert.strictEqual((yield* Effect.flip(farm.offer("night", thumbnail, widths(16))))._tag, "RunConflict")
        yield* farm.forget("night")
        assert.deepStrictEqual(yield* farm.runs, [])
      }).pipe(Effect.scoped, Effect.provide(farm()))
      assert.deepInclude(yield* simulator(one).leftovers, { uploads: [], unfinishedItems: [] })
      assert.isTrue((yield* simulator(one).state).items.every(({ status }) => status === "canceled"))
      assert.isFalse(yield* fs.exists(`${directory}/out/night`))
    })))

  it.live("leaves a finished run as it is when it is canceled, so that more rows can be offered", () =>
    test(Effect.gen(function*() {
      const { farm } = yield* stage({ [one]: {} })
      yield* Effect.gen(function*() {
        const farm = yield* Farm
        yield* farm.offer("night", thumbnail, widths(16))
        yield* Effect.raceFirst(farm.await("night"), farm.work)
        yield* farm.cancel("night")
        assert.deepInclude(yield* farm.status("night"), { state: "finished", completed: 1 })
        assert.strictEqual(yield* farm.retry("night"), 0)
        assert.deepInclude(yield* farm.offer("night", thumbnail, widths(16, 24)), { added: 1, existing: 1 })
      }).pipe(Effect.provide(farm()))
    })))

  it.live("emits results during a run, and writes them as CSV and JSON lines in the order of the rows", () =>
    test(Effect.gen(function*() {
      const { directory, farm } = yield* stage({ [one]: {} })
      yield* Effect.gen(function*() {
        const farm = yield* Farm
        yield* farm.offer("night", thumbnail, [{ id: "b", photo, width: 32 }, { id: "a", photo, width: 16 }])
        // letters with combining marks, as macOS and Hindi write them
        yield* farm.offer("marks", thumbnail, [{ id: "cafe\u0301", photo }, { id: "\u0939\u093f", photo }])
        const live = yield* Effect.forkScoped(Stream.runCollect(farm.results("night")))
        yield* finish("night")
        assert.sameMembers((yield* Fiber.join(live)).map(({ item }) => item), ["a", "b"])
        const csv = yield* Stream.mkString(farm.table("night", "csv"))
        const [header, first, second] = csv.trimEnd().split("\r\n")
        assert.strictEqual(
          header,
          "item,index,status,files,seed,server,queuedAt,startedAt,completedAt,attempts,error,input.photo,input.width"
        )
        assert.isTrue(first?.startsWith(`b,0,completed,${directory}/out/night/b.png,,${one},`), first)
        assert.isTrue(second?.endsWith(`,1,,${photo},16`), second)
        const lines = (yield* Stream.mkString(farm.table("night", "jsonl"))).trimEnd().split("\n")
        assert.deepInclude(JSON.parse(lines[1] ?? ""), { item: "a", index: 1, status: "completed", attempts: 1 })
      }).pipe(Effect.scoped, Effect.provide(farm()))
    })))
})
