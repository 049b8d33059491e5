/** The journal and the ledger on real disks and with other processes; what is the same for both. */
import { AssetLedger } from "@effect-invokeai/core/assets/AssetLedger"
import { JobJournal, type JournalEntry, type Liveness, ProcessIdentity } from "@effect-invokeai/core/job/JobJournal"
import * as NodeInvokeAi from "@effect-invokeai/node/NodeInvokeAi"
import * as NodeProcessIdentity from "@effect-invokeai/node/ProcessIdentity"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Context from "effect/Context"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as TestClock from "effect/testing/TestClock"
import { spawn } from "node:child_process"
import { once } from "node:events"
import { fileURLToPath } from "node:url"

const temporaryDirectory = Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped())

const openJournal = (directory: string) => Layer.build(JobJournal.layerDirectory(`${directory}/jobs`))

const entry = (batchId: string): JournalEntry => ({
  batchId,
  key: batchId,
  stage: "sending",
  batch: { runs: 1, graph: { nodes: {}, edges: [] } },
  size: 1,
  prepend: false,
  nodes: []
})

/** A process that has the records in a directory open. */
const holder = (directory: string) =>
  Effect.acquireRelease(
    Effect.promise(async () => {
      const script = fileURLToPath(new URL("./fixtures/hold.ts", import.meta.url))
      const child = spawn(process.execPath, [script, directory], { stdio: ["ignore", "pipe", "inherit"] })
      const ended = once(child, "close")
      await Promise.race([once(child.stdout, "data"), ended])
      return { child, ended }
    }),
    ({ child, ended }) =>
      Effect.promise(() => {
        child.kill("SIGKILL")
        return ended
      })
  )

describe("A journal and a ledger", () => {
  it.live(
    "are used by one process at a time, which the error names, and which does not count once it was killed",
    () =>
      Effect.gen(function*() {
        const directory = yield* temporaryDirectory
        const { child, ended } = yield* holder(directory)
        const assetLedger = `${directory}/uploads.jsonl`
        const jobJournal = `${directory}/jobs`
        for (const [record, options] of [["ledger", { assetLedger }], ["journal", { jobJournal }]] as const) {
          const error = yield* Effect.flip(Effect.scoped(Layer.build(NodeInvokeAi.layer(options))))
          assert.deepStrictEqual([error._tag, error.reason, error.record, error.holder?.pid], [
            "RecordError",
            "Locked",
            record,
            child.pid
          ])
          assert.match(
            error.message,
            new RegExp(`Could not open the .+: process ${child.pid} on host ".+" is using it\\. Use`)
          )
        }
        child.kill("SIGKILL")
        yield* Effect.promise(() => ended)
        const start = performance.now()
        yield* Effect.scoped(Layer.build(NodeInvokeAi.layer({ assetLedger, jobJournal })))
        assert.isBelow(performance.now() - start, 5_000)
        const fs = yield* FileSystem.FileSystem
        assert.deepStrictEqual([...yield* fs.readDirectory(directory)].toSorted(), ["jobs", "uploads.jsonl"])
        assert.deepStrictEqual(yield* fs.readDirectory(jobJournal), [])
      }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)),
    30_000
  )

  it.live("have one holder, however many processes start in the same moment", () =>
    Effect.gen(function*() {
      const directory = yield* temporaryDirectory
      for (let round = 0; round < 5; round++) {
        const results = yield* Effect.scoped(
          Effect.forEach(Array.from({ length: 4 }), () => Effect.result(openJournal(directory)), {
            concurrency: "unbounded"
          })
        )
        const opened = results.filter((result) => result._tag === "Success").length
        assert.strictEqual(opened, 1)
        for (const result of results) {
          if (result._tag === "Failure") assert.strictEqual(result.failure.reason, "Locked")
        }
      }
    }).pipe(Effect.scoped, Effect.provide([NodeServices.layer, NodeProcessIdentity.layer])), 30_000)

  const foreign = (liveness: Liveness) =>
    Layer.succeed(ProcessIdentity, {
      self: { host: "here", machine: "m1", pid: 7, started: "9" },
      liveness: () => Effect.succeed(liveness)
    })
  const lockName = ".invokeai-m2-7-9-abc.lock"

  it.effect("wait 30 seconds for a process that they cannot check, and open if it shows no sign of life", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* temporaryDirectory
      yield* fs.makeDirectory(`${directory}/jobs`)
      yield* fs.writeFileString(`${directory}/jobs/${lockName}`, "{\"pid\":7,\"host\":\"there\"}")
      const opening = yield* Effect.forkChild(Effect.result(openJournal(directory)))
      yield* advance(25)
      assert.isUndefined(opening.pollUnsafe())
      yield* advance(10)
      assert.strictEqual((yield* Fiber.join(opening))._tag, "Success")
      assert.notInclude(yield* fs.readDirectory(`${directory}/jobs`), lockName)
    }).pipe(Effect.scoped, Effect.provide([NodeServices.layer, foreign("unknown")])))

  it.effect("leave a process alone that they cannot check and that shows signs of life", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* temporaryDirectory
      const lock = `${directory}/jobs/${lockName}`
      yield* fs.makeDirectory(`${directory}/jobs`)
      yield* fs.writeFileString(lock, "{\"pid\":7,\"host\":\"there\"}")
      const opening = yield* Effect.forkChild(Effect.result(openJournal(directory)))
      for (let second = 0; second < 60; second += 2) {
        yield* advance(2)
        yield* fs.utimes(lock, second, second)
      }
      const result = yield* Fiber.join(opening)
      assert.strictEqual(result._tag, "Failure")
      if (result._tag === "Failure") assert.deepStrictEqual(result.failure.holder, { pid: 7, host: "there" })
      assert.deepStrictEqual(yield* fs.readDirectory(`${directory}/jobs`), [lockName])
    }).pipe(Effect.scoped, Effect.provide([NodeServices.layer, foreign("unknown")])))

  it.effect("write nothing after another process has taken them over", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* temporaryDirectory
      const journal = Context.get(yield* openJournal(directory), JobJournal)
      for (const name of yield* fs.readDirectory(`${directory}/jobs`)) yield* fs.remove(`${directory}/jobs/${name}`)
      const error = yield* Effect.flip(journal.put(entry("one")))
      assert.deepStrictEqual([error.reason, error.operation], ["Locked", "write"])
      assert.deepStrictEqual(yield* fs.readDirectory(`${directory}/jobs`), [])
    }).pipe(Effect.scoped, Effect.provide([NodeServices.layer, foreign("dead")])))

  it.live("fail with a typed error if they cannot be opened", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* temporaryDirectory
      yield* fs.writeFileString(`${directory}/file`, "{\"name\": \"something else\"}\n")
      const fails = (options: NodeInvokeAi.Options) =>
        Effect.map(Effect.flip(Effect.scoped(Layer.build(NodeInvokeAi.layer(options)))), (error) => error.reason)
      assert.strictEqual(yield* fails({ jobJournal: `${directory}/file/jobs` }), "NotADirectory")
      assert.strictEqual(yield* fails({ assetLedger: `${directory}/file/uploads.jsonl` }), "NotADirectory")
      assert.strictEqual(yield* fails({ assetLedger: directory }), "File")
      assert.strictEqual(yield* fails({ assetLedger: `${directory}/file` }), "NotARecord")
      assert.strictEqual(yield* fs.readFileString(`${directory}/file`), "{\"name\": \"something else\"}\n")
      assert.deepStrictEqual(yield* fs.readDirectory(directory), ["file"])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})

/** Lets fibers that wait for the disk and for the clock go on, second by second. */
const advance = Effect.fnUntraced(function*(seconds: number) {
  for (let second = 0; second < seconds; second++) {
    yield* TestClock.adjust("1 second")
    yield* TestClock.withLive(Effect.sleep("5 millis"))
  }
})

describe("JobJournal.layerDirectory", () => {
  it.live("ignores other files, whatever their names, and damaged entries", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const directory = `${yield* temporaryDirectory}/jobs`
      const journal = Context.get(yield* Layer.build(JobJournal.layerDirectory(directory)), JobJournal)
      yield* journal.put(entry("whole"))
      const text = yield* fs.readFileString(path.join(directory, "invokeai-job-whole"))
      const others = ["100%.txt", "%E0%A4%A", ".DS_Store", "invokeai-job-whole copy", "invokeai-job-", "invokeai-job-%"]
      for (const name of others) yield* fs.writeFileString(path.join(directory, name), text)
      yield* fs.makeDirectory(path.join(directory, "invokeai-job-directory"))
      yield* fs.writeFileString(path.join(directory, "invokeai-job-cut"), text.slice(0, 20))
      yield* fs.writeFileString(path.join(directory, "invokeai-job-zeros"), "\0".repeat(text.length))
      assert.deepStrictEqual(yield* journal.entries, [entry("whole")])
      yield* journal.remove("whole")
      assert.deepStrictEqual(yield* journal.entries, [])
      assert.includeMembers([...yield* fs.readDirectory(directory)], others)
    }).pipe(Effect.scoped, Effect.provide([NodeServices.layer, NodeProcessIdentity.layer])))

  it.live("does not grow with leftovers of killed processes", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = `${yield* temporaryDirectory}/jobs`
      yield* fs.makeDirectory(directory)
      // killed between the two steps of a removal, and in the middle of a write
      yield* fs.writeFileString(`${directory}/invokeai-accepted-gone`, "{}")
      const { self } = yield* ProcessIdentity
      yield* fs.writeFileString(`${directory}/.invokeai-${self?.machine}-${self?.pid}-0-abc.part`, "{")
      yield* Effect.scoped(Effect.gen(function*() {
        const journal = Context.get(yield* Layer.build(JobJournal.layerDirectory(directory)), JobJournal)
        assert.deepStrictEqual(yield* journal.entries, [])
      }))
      assert.deepStrictEqual(yield* fs.readDirectory(directory), [])
    }).pipe(Effect.scoped, Effect.provide([NodeServices.layer, NodeProcessIdentity.layer])))
})

describe("AssetLedger.layerFile", () => {
  const record = (id: string) => ({ id, server: "http://127.0.0.1:9090/", board_id: null, starred: false })
  const open = (file: string) =>
    Effect.map(Layer.build(NodeInvokeAi.layer({ assetLedger: file })), (context) => Context.get(context, AssetLedger))

  it.live("stays short while the process runs", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const file = `${yield* temporaryDirectory}/uploads.jsonl`
      const ledger = yield* open(file)
      yield* ledger.set(record("kept"))
      for (let index = 0; index < 1200; index++) {
        yield* ledger.set(record(`upload-${index}`))
        yield* ledger.remove(`upload-${index}`)
      }
      const lines = (yield* fs.readFileString(file)).split("\n")
      assert.isBelow(lines.length, 1002)
      assert.strictEqual(lines[0], JSON.stringify({ set: record("kept") }))
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)), 60_000)

  it.live("reads what a crash or a power failure leaves of the file", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* temporaryDirectory
      const line = (id: string) => `${JSON.stringify({ set: record(id) })}\n`
      const texts: Readonly<Record<string, readonly [string, ReadonlyArray<string>]>> = {
        empty: ["", []],
        cutOff: [`${line("a")}${line("b").slice(0, 30)}`, ["a"]],
        onlyCutOff: [line("a").slice(0, 30), []],
        cutOffInTheMiddle: [`${line("a")}${line("b").slice(0, 30)}\n${line("c")}`, ["a", "c"]],
        zeros: [`${line("a")}${"\0".repeat(100)}`, ["a"]],
        twice: [`${line("a")}${line("a")}{"remove":"a"}\n{"remove":"a"}\n`, []]
      }
      for (const [name, [text, ids]] of Object.entries(texts)) {
        const file = `${directory}/${name}`
        yield* fs.writeFileString(file, text)
        const left = yield* Effect.scoped(Effect.flatMap(open(file), (ledger) => ledger.previousRecords))
        assert.deepStrictEqual(left.map(({ id }) => id), ids, name)
        assert.strictEqual(yield* fs.readFileString(file), ids.map(line).join(""), name)
      }
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))

  it.live("keeps a link to its file", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* temporaryDirectory
      yield* fs.writeFileString(`${directory}/real.jsonl`, "")
      yield* fs.symlink(`${directory}/real.jsonl`, `${directory}/link.jsonl`)
      const ledger = yield* open(`${directory}/link.jsonl`)
      yield* ledger.set(record("a"))
      assert.include(yield* fs.readFileString(`${directory}/real.jsonl`), "\"a\"")
      const error = yield* Effect.flip(Effect.scoped(open(`${directory}/real.jsonl`)))
      assert.strictEqual(error.reason, "Locked")
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})

describe("ProcessIdentity", () => {
  it.live("distinguishes running processes, ended ones, and those with a pid that was used again", () =>
    Effect.gen(function*() {
      const { liveness, self } = yield* ProcessIdentity
      assert.isDefined(self)
      const own = Option.getOrThrow(Option.fromUndefinedOr(self))
      assert.strictEqual(yield* liveness(own), "alive")
      assert.strictEqual(yield* liveness({ ...own, started: "0" }), "dead")
      assert.strictEqual(yield* liveness({ ...own, machine: "other" }), "unknown")
      const child = spawn(process.execPath, ["--eval", ""], { stdio: "ignore" })
      yield* Effect.promise(() => once(child, "exit"))
      assert.strictEqual(yield* liveness({ ...own, pid: child.pid! }), "dead")
      // a process that runs, whose start is not that of the file's owner
      if (process.platform === "linux") assert.strictEqual(yield* liveness({ ...own, pid: process.ppid }), "dead")
    }).pipe(Effect.provide(NodeProcessIdentity.layer)))
})
