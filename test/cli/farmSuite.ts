/** The subcommands of a farm on a server, with their `--json` output validated. Runs on the simulator and on the real server. */
import * as CommandResult from "@effect-invokeai/cli/CommandResult"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as FileSystem from "effect/FileSystem"
import * as Path from "effect/Path"
import type * as Scope from "effect/Scope"
import { withModel } from "./subcommands.ts"
import { data, example, failure, invoke, start } from "./support.ts"

type Needs = FileSystem.FileSystem | Path.Path | Scope.Scope

const workflow = example("soft-thumbnail.json")

const rows = (widths: ReadonlyArray<number | string>): string =>
  ["id,photo,width", ...widths.map((width, at) => `item-${at},photo.png,${width}`)].join("\n")

/** A directory with the rows of a run, and the flags that every subcommand of the farm has. */
const setUp = Effect.fnUntraced(function*(widths: ReadonlyArray<number | string>) {
  const fs = yield* FileSystem.FileSystem
  const path = yield* Path.Path
  const cwd = yield* fs.makeTempDirectoryScoped()
  yield* fs.copyFile(example("mountain.png"), path.join(cwd, "photo.png"))
  yield* fs.writeFileString(path.join(cwd, "night.csv"), rows(widths))
  return { cwd, state: ["--state", "farm.db"], batch: ["batch", workflow, "--rows", "night.csv", "--state", "farm.db"] }
})

/** The subcommands of a farm on a server that `withServer` starts or knows. */
export const farmSuite = (
  name: string,
  withServer: (use: (url: string) => Effect.Effect<void, unknown, Needs>) => Effect.Effect<void, unknown, Needs>
) => {
  const test = (title: string, use: (url: string) => Effect.Effect<void, unknown, Needs>) =>
    it.live(title, () => withServer(use).pipe(Effect.scoped, Effect.provide(NodeServices.layer)), 90_000)

  describe(`the farm of the command on ${name}`, () => {
    test("makes an image for each row, reports, and repeats nothing", (url) =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const { batch, cwd, state } = yield* setUp([64, 72, 80])
        const servers = ["--server", url]
        const plan = yield* data(CommandResult.BatchPlan, [...batch, ...servers, "--dry-run"], { cwd })
        assert.strictEqual(plan.data.items, 3)
        assert.deepStrictEqual(plan.data.servers.map(({ problems }) => problems), [[]])
        assert.isFalse(yield* fs.exists(path.join(cwd, "farm.db")))

        const made = yield* data(CommandResult.Batch, [...batch, ...servers], { cwd })
        assert.deepInclude(made.data, { run: "night", state: "finished", completed: 3, failed: 0, added: 3 })
        assert.deepStrictEqual(
          (yield* fs.readDirectory(path.join(cwd, "outputs/night"))).toSorted(),
          ["item-0.png", "item-1.png", "item-2.png"]
        )
        const again = yield* data(CommandResult.Batch, batch, { cwd, env: { INVOKEAI_URL: url } })
        assert.deepInclude(again.data, { completed: 3, added: 0 })

        const status = yield* data(CommandResult.FarmStatus, ["status", ...state], { cwd })
        assert.deepStrictEqual(status.data.runs.map(({ completed, run }) => [run, completed]), [["night", 3]])
        const table = yield* data(CommandResult.Report, ["report", "night", ...state, "--out", "tables/night.csv"], {
          cwd
        })
        assert.strictEqual(table.data.results, 3)
        assert.strictEqual(
          (yield* fs.readFileString(path.join(cwd, "tables/night.csv"))).trimEnd().split("\n").length,
          4
        )
        yield* data(CommandResult.Report, ["report", "night", ...state, "--out", "night.jsonl"], { cwd })
        const page = yield* data(CommandResult.Report, ["report", "night", ...state, "--out", "night.html"], { cwd })
        assert.strictEqual(page.data.results, 3)
        assert.include(yield* fs.readFileString(path.join(cwd, "night.html")), "data:image/webp;base64,")
      }))

    test("changes runs and servers of a farm that a worker works for", (url) =>
      Effect.gen(function*() {
        const { batch, cwd, state } = yield* setUp([64, 72])
        const offered = yield* data(CommandResult.Batch, [...batch, "--server", url, "--detach"], { cwd })
        assert.deepInclude(offered.data, { state: "running", waiting: 2 })
        const paused = yield* data(CommandResult.Batch, ["farm", "pause", "night", ...state], { cwd })
        assert.strictEqual(paused.data.state, "paused")
        yield* data(CommandResult.Batch, ["farm", "resume", "night", ...state], { cwd })
        const priority = yield* data(CommandResult.FarmStatus, ["farm", "priority", "night", "7", ...state], { cwd })
        assert.strictEqual(priority.data.runs[0]?.priority, 7)
        const drained = yield* data(CommandResult.FarmStatus, ["farm", "drain", url, ...state], { cwd })
        assert.strictEqual(drained.data.servers[0]?.state, "draining")
        const added = yield* data(CommandResult.FarmStatus, ["farm", "add", url, "--concurrency", "3", ...state], {
          cwd
        })
        assert.deepInclude(added.data.servers[0], { state: "active", concurrency: 3 })

        const worker = yield* start(["worker", ...state], { cwd })
        const isFinished = Effect.map(
          data(CommandResult.FarmStatus, ["status", "night", ...state], { cwd }),
          ({ data: { runs } }) => runs[0]?.state === "finished"
        )
        yield* Effect.repeat(isFinished, { until: (finished) => finished, times: 60 })
        const second = yield* failure(["worker", ...state], { cwd })
        assert.deepInclude(second, { tag: "StoreInUse", code: CommandResult.ExitCode.notReady })
        yield* worker.interrupt
        assert.strictEqual((yield* worker.ended).code, 130)
        const retried = yield* data(CommandResult.Batch, ["retry", "night", ...state], { cwd })
        assert.deepInclude(retried.data, { completed: 2, added: 0 })
        yield* data(CommandResult.Batch, ["farm", "cancel", "night", ...state], { cwd })
        const forgotten = yield* data(CommandResult.FarmStatus, ["farm", "forget", "night", ...state], { cwd })
        assert.deepStrictEqual(forgotten.data.runs, [])
        yield* data(CommandResult.FarmStatus, ["farm", "remove", url, ...state], { cwd })
      }))

    test("continues after Ctrl-C with the items that have no file", (url) =>
      Effect.gen(function*() {
        const { batch, cwd } = yield* setUp(Array.from({ length: 12 }, (_, at) => 64 + 8 * at))
        const first = yield* start([...batch, "--server", url, "--json"], { cwd })
        yield* first.printed(/"running":[12]/)
        yield* first.interrupt
        const ended = yield* first.ended
        assert.strictEqual(ended.code, 130)
        assert.include(ended.stderr, "the same command continues run night")
        const { data: all } = yield* data(CommandResult.Batch, [...batch, "--server", url], { cwd })
        assert.deepInclude(all, { state: "finished", completed: 12, failed: 0, added: 0 })
      }))

    test("names the item whose image cannot be read", (url) =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const { batch, cwd } = yield* setUp([])
        yield* fs.writeFileString(path.join(cwd, "night.csv"), `id,photo\nlost,${url}/lost.png`)
        const failed = yield* invoke([...batch, "--server", url, "--attempts", "1"], { cwd })
        assert.strictEqual(failed.code, CommandResult.ExitCode.job)
        assert.match(failed.stderr, /^lost: Item failed .*lost\.png/m)
      }))

    test("says which rows, servers and arguments are wrong, and stores nothing", (url) =>
      Effect.gen(function*() {
        const fs = yield* FileSystem.FileSystem
        const path = yield* Path.Path
        const { batch, cwd } = yield* setUp([64, "wide", -8])
        const invalid = yield* failure([...batch, "--server", url], { cwd })
        assert.deepInclude(invalid, { tag: "InvalidRows", code: CommandResult.ExitCode.invalid })
        assert.include(invalid.message, "line 3, width: ")
        assert.include(invalid.message, "line 4, width: ")

        yield* fs.writeFileString(path.join(cwd, "night.csv"), rows([64]))
        const plan = yield* invoke([...batch, "--server", "http://127.0.0.1:9", "--dry-run"], { cwd })
        assert.strictEqual(plan.code, CommandResult.ExitCode.notReady)
        assert.include(plan.stdout, "No server can run it now.")
        const blocked = yield* failure(["worker", "--state", "farm.db", "--out", "photo.png/nested"], { cwd })
        assert.deepInclude(blocked, { tag: "InvalidArgument", code: CommandResult.ExitCode.invalid })
        assert.include(blocked.message, "--out photo.png/nested")
        const name = yield* failure([...batch, "--server", "studio"], { cwd })
        assert.deepInclude(name, { tag: "ServerNotFound", code: CommandResult.ExitCode.invalid })
        const several = yield* failure(["queue", "--server", url, "--server", url], { cwd })
        assert.deepInclude(several, { tag: "InvalidArgument", code: CommandResult.ExitCode.invalid })
        const run = yield* failure(["status", "day", "--state", "farm.db"], { cwd })
        assert.deepInclude(run, { tag: "RunNotFound", code: CommandResult.ExitCode.invalid })
        const modelled = path.join(cwd, "modelled.json")
        yield* fs.writeFileString(modelled, withModel(yield* fs.readFileString(workflow), "no-such-model"))
        const unsuitable = yield* failure(
          ["batch", modelled, "--rows", "night.csv", "--state", "other.db", "--server", url],
          { cwd }
        )
        assert.deepInclude(unsuitable, { tag: "NoSuitableServer", code: CommandResult.ExitCode.notReady })
        yield* data(CommandResult.Batch, [...batch, "--server", url, "--detach"], { cwd })
        const conflict = yield* failure([...batch, "--server", url, "--seed", "7"], { cwd })
        assert.deepInclude(conflict, { tag: "RunConflict", code: CommandResult.ExitCode.invalid })
        assert.include(conflict.message, "effect-invokeai farm forget")
        const server = yield* failure(["farm", "drain", "http://127.0.0.1:9", "--state", "farm.db"], { cwd })
        assert.deepInclude(server, { tag: "ServerNotFound", code: CommandResult.ExitCode.invalid })
        const template = yield* failure([...batch, "--server", url, "--run", "same", "--name", "{run}"], { cwd })
        assert.match(template.message, /^--name: expected a template with \{id\}/)
        const alone = yield* failure(["batch", workflow, "--rows", "night.csv", "--state", "alone.db"], { cwd })
        assert.deepInclude(alone, { tag: "NoSuitableServer", help: "" })
        const store = yield* failure([...batch.slice(0, -1), "missing/farm.db", "--server", url], { cwd })
        assert.deepInclude(store, { tag: "FarmStoreError", code: CommandResult.ExitCode.server })
        const file = yield* failure([...batch, "--server", url, "--run", "other", "--out", "night.csv"], { cwd })
        assert.deepInclude(file, { tag: "InvalidArgument", code: CommandResult.ExitCode.invalid })
        assert.include(file.message, "--out night.csv")
        const typo = yield* failure(["status", "--state", "fram.db"], { cwd })
        assert.deepInclude(typo, { tag: "InvalidArgument", code: CommandResult.ExitCode.invalid })
        assert.isFalse(yield* fs.exists(path.join(cwd, "fram.db")))
        const other = yield* failure(["status", "--state", "mysql://me:hunter2@127.0.0.1/farm"], { cwd })
        assert.deepInclude(other, { tag: "InvalidArgument", code: CommandResult.ExitCode.invalid })
        assert.notInclude(other.message + other.stderr, "hunter2")
        const secret = yield* failure(["status", "--state", "postgres://me:hunter2@127.0.0.1:9/farm"], { cwd })
        assert.deepInclude(secret, { tag: "InvalidArgument", code: CommandResult.ExitCode.invalid })
        assert.notInclude(secret.message + secret.stderr, "hunter2")
      }))
  })
}
