import { layerFile } from "@effect-invokeai/core/assets/AssetLedger"
import * as Assets from "@effect-invokeai/core/assets/Assets"
import { InvokeAiError } from "@effect-invokeai/core/InvokeAiError"
import * as Job from "@effect-invokeai/core/job/Job"
import { JobJournal, type JournalEntry, type RecordError } from "@effect-invokeai/core/job/JobJournal"
import * as JobRecovery from "@effect-invokeai/core/job/JobRecovery"
import { SessionQueue } from "@effect-invokeai/core/server/SessionQueue"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import * as Simulator from "@effect-invokeai/testing/Simulator"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as FileSystem from "effect/FileSystem"
import * as Layer from "effect/Layer"
import * as Option from "effect/Option"
import * as Path from "effect/Path"
import * as KeyValueStore from "effect/persistence/KeyValueStore"
import * as Scope from "effect/Scope"
import { readFileSync } from "node:fs"
import { png } from "../media.ts"
import { drive } from "../time.ts"
import { batchOf, graph, withServer } from "./server.ts"

const entry = (batchId: string, stage: JournalEntry["stage"], more: Partial<JournalEntry> = {}): JournalEntry => ({
  batchId,
  stage,
  batch: { batch_id: batchId, destination: batchId, graph, data: null, workflow: null, runs: 1 },
  size: 1,
  prepend: false,
  nodes: [["picture", "The picture", "blank_image"]],
  ...more
})

const folder = Layer.unwrap(
  Effect.map(
    Effect.flatMap(FileSystem.FileSystem, (fs) => fs.makeTempDirectoryScoped()),
    (directory) => JobJournal.layerDirectory(`${directory}/state/jobs`)
  )
).pipe(Layer.provide(NodeServices.layer), Layer.orDie)

const stores = {
  "in memory": JobJournal.layerMemory,
  "in a key value store": JobJournal.layerKeyValueStore.pipe(Layer.provide(KeyValueStore.layerMemory)),
  "in a folder": folder
}

const refused = new InvokeAiError({
  reason: { _tag: "Forbidden" },
  method: "PUT",
  path: "/cancel",
  detail: "",
  status: 403
})

const batches = (server: { readonly items: ReadonlyArray<{ readonly batchId: string }> }) => {
  const counts: Record<string, number> = {}
  for (const item of server.items) counts[item.batchId] = (counts[item.batchId] ?? 0) + 1
  return counts
}

describe("JobJournal", () => {
  it.effect("in a key value store: finds a job by its key without listing the keys of the store", () =>
    Effect.gen(function*() {
      let listings = 0
      const store = yield* KeyValueStore.KeyValueStore
      const counting = Layer.succeed(KeyValueStore.KeyValueStore, {
        ...store,
        keys: Effect.suspend(() => {
          listings++
          return store.keys
        })
      })
      yield* withServer({}, () => Effect.scoped(JobRecovery.submitOnce("order-1", workflow))).pipe(
        Effect.provide(JobJournal.layerKeyValueStore.pipe(Layer.provide(counting)))
      )
      assert.strictEqual(listings, 0)
    }).pipe(Effect.provide(KeyValueStore.layerMemory)))

  it.effect("in a key value store: writes a job once, even if it is sent twice", () =>
    Effect.gen(function*() {
      const written: Array<string> = []
      const store = yield* KeyValueStore.KeyValueStore
      const counting = Layer.succeed(KeyValueStore.KeyValueStore, {
        ...store,
        set: (key: string, value: string | Uint8Array) => {
          written.push(key.split("-").slice(0, 2).join("-"))
          return store.set(key, value)
        }
      })
      const { server } = yield* withServer(
        { faults: [{ on: "enqueueBatch", call: 1, fault: "requestLost" }] },
        () => Effect.scoped(Job.submitBatch(batchOf(), { key: "order-1" }))
      ).pipe(Effect.provide(JobJournal.layerKeyValueStore.pipe(Layer.provide(counting))))
      assert.strictEqual(server.enqueues.length, 2)
      assert.deepStrictEqual(written, ["invokeai-key", "invokeai-job", "invokeai-accepted"])
    }).pipe(Effect.provide(KeyValueStore.layerMemory)))

  for (const [name, layer] of Object.entries(stores)) {
    it.effect(`${name}: has a job from before it is sent until it is closed`, () =>
      Effect.gen(function*() {
        const journal = yield* JobJournal
        const { server } = yield* withServer({}, (server) =>
          Effect.gen(function*() {
            const scope = yield* Scope.make()
            const job = yield* Scope.provide(Job.submitBatch(batchOf(), { key: "mine" }), scope)
            const during = Option.getOrThrow(yield* journal.get(job.batchId))
            assert.deepStrictEqual([during.stage, during.key, during.size], ["accepted", "mine", 1])
            assert.deepStrictEqual(during.batch, server.enqueues[0])
            yield* job.await
            assert.strictEqual((yield* journal.entries).length, 1)
            yield* Scope.close(scope, yield* Effect.exit(Effect.void))
          }))
        assert.strictEqual(server.enqueues.length, 1)
        assert.deepStrictEqual(yield* journal.entries, [])
      }).pipe(Effect.provide(layer)))

    it.effect(`${name}: finds a job by its key, whatever the key is, until the job is removed`, () =>
      Effect.gen(function*() {
        const journal = yield* JobJournal
        const keys = ["order-1", "../a/b", "ü".repeat(300), ""]
        for (const [index, key] of keys.entries()) yield* journal.put(entry(`b${index}`, "sending", { key }))
        yield* journal.put(entry("accepted", "accepted", { key: "order-2" }))
        for (const [index, key] of keys.entries()) {
          assert.strictEqual(Option.getOrThrow(yield* journal.findByKey(key)).batchId, `b${index}`)
        }
        assert.strictEqual(Option.getOrThrow(yield* journal.findByKey("order-2")).stage, "accepted")
        // a newer job under the same key is not lost with the older one
        yield* journal.put(entry("newer", "sending", { key: "order-1" }))
        yield* journal.remove("b0")
        assert.strictEqual(Option.getOrThrow(yield* journal.findByKey("order-1")).batchId, "newer")
        yield* journal.remove("newer")
        assert.isTrue(Option.isNone(yield* journal.findByKey("order-1")))
        assert.isTrue(Option.isNone(yield* journal.findByKey("order-3")))
      }).pipe(Effect.provide(layer)))

    it.effect(`${name}: finds every job of a killed program, at whatever point it was killed`, () =>
      Effect.gen(function*() {
        const journal = yield* JobJournal
        yield* withServer({}, (server) =>
          Effect.gen(function*() {
            const queue = yield* SessionQueue
            yield* journal.put(entry("never-sent", "sending"))
            yield* journal.put(entry("sent", "sending"))
            yield* queue.enqueueBatch(entry("sent", "sending").batch)
            yield* journal.put(entry("running", "accepted"))
            yield* queue.enqueueBatch(entry("running", "accepted").batch)
            yield* journal.put(entry("pruned", "accepted"))
            yield* Effect.forEach(yield* journal.entries, (entry) =>
              Effect.scoped(Effect.gen(function*() {
                const job = yield* Effect.result(JobRecovery.resume(entry))
                if (entry.batchId === "pruned") {
                  assert.strictEqual(job._tag === "Failure" ? job.failure._tag : "", "JobNotFound")
                  return
                }
                const { outputs } = yield* (yield* Effect.fromResult(job)).await
                assert.deepStrictEqual(outputs.images.map((image) => image.nodeLabel), ["The picture"])
              })), { concurrency: "unbounded", discard: true })
            assert.deepStrictEqual(batches(server), { "never-sent": 1, "sent": 1, "running": 1 })
          }))
        assert.deepStrictEqual(yield* journal.entries, [])
      }).pipe(Effect.provide(layer)))
  }

  it.effect("keeps a job that was interrupted halfway, and one that was detached", () =>
    Effect.gen(function*() {
      const journal = yield* JobJournal
      yield* withServer({}, () =>
        Effect.gen(function*() {
          // A scope that is never closed is what a killed program leaves.
          const scope = yield* Scope.make()
          const fiber = yield* Effect.forkChild(
            Effect.flatMap(Scope.provide(Job.submitBatch(batchOf()), scope), (job) => job.await)
          )
          yield* Effect.sleep("300 millis")
          yield* Fiber.interrupt(fiber)
          yield* Effect.scoped(Job.submitBatch(batchOf(), { onScopeClose: "detach" }))
          const entries = yield* journal.entries
          assert.deepStrictEqual(entries.map((entry) => entry.stage), ["accepted", "accepted"])
          yield* Effect.scoped(
            Effect.forEach(entries, (entry) => Effect.flatMap(JobRecovery.resume(entry), (job) => job.await))
          )
        }))
      assert.deepStrictEqual(yield* journal.entries, [])
    }).pipe(Effect.provide(JobJournal.layerMemory)))

  it.effect("has no entry of a job that was rejected or was interrupted before it was sent", () =>
    Effect.gen(function*() {
      const journal = yield* JobJournal
      yield* withServer({ full: 0 }, () =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(Effect.scoped(Job.submitBatch(batchOf())))
          assert(error._tag === "SubmissionError")
          assert.strictEqual(error.reason._tag, "SubmissionIncomplete")
        }))
      for (const after of [0, 1, 50, 100, 200, 400]) {
        const { server } = yield* withServer({}, () =>
          Effect.gen(function*() {
            const fiber = yield* Effect.forkChild(
              Effect.scoped(Effect.flatMap(Job.submitBatch(batchOf()), (job) => job.await))
            )
            yield* Effect.sleep(after)
            yield* Fiber.interrupt(fiber)
          }))
        assert.isTrue(server.items.every((item) => item.status === "canceled"), `${after}`)
      }
      assert.deepStrictEqual(yield* journal.entries, [])
    }).pipe(Effect.provide(JobJournal.layerMemory)))

  it.effect("treats an entry that was truncated when the program was killed as not sent", () =>
    Effect.gen(function*() {
      const store = yield* KeyValueStore.KeyValueStore
      const journal = yield* JobJournal
      yield* journal.put(entry("whole", "sending"))
      const text = (yield* store.get("invokeai-job-whole")) ?? ""
      for (const length of [0, 1, 20, text.length - 1]) {
        yield* store.set(`invokeai-job-half-${length}`, text.slice(0, length))
      }
      yield* store.set("something else", "{}")
      assert.deepStrictEqual((yield* journal.entries).map((one) => one.batchId), ["whole"])
      assert.deepStrictEqual(Option.getOrThrow(yield* journal.get("whole")), entry("whole", "sending"))
      // The note that it was accepted does not touch the record; cut short it still says so.
      yield* journal.put(entry("whole", "accepted"))
      assert.strictEqual(yield* store.get("invokeai-job-whole"), text)
      yield* store.set("invokeai-accepted-whole", "")
      assert.deepStrictEqual(Option.getOrThrow(yield* journal.get("whole")), entry("whole", "accepted"))
      yield* journal.remove("whole")
      assert.isTrue(Option.isNone(yield* journal.get("whole")))
      assert.isFalse((yield* store.keys).some((key) => key.includes("whole")))
    }).pipe(Effect.provide(JobJournal.layerKeyValueStore.pipe(Layer.provideMerge(KeyValueStore.layerMemory)))))

  it.effect("can be read by another process after the first one was killed", () =>
    Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const path = yield* Path.Path
      const directory = path.join(yield* fs.makeTempDirectoryScoped(), "jobs")
      const open = <A>(use: Effect.Effect<A, RecordError, JobJournal>) =>
        use.pipe(Effect.provide(JobJournal.layerDirectory(directory)), Effect.provide(NodeServices.layer))
      yield* open(JobJournal.use((journal) => journal.put(entry("one", "sending", { key: "a/b ../ü" }))))
      yield* open(JobJournal.use((journal) => journal.put(entry("one", "accepted"))))
      const entries = yield* open(JobJournal.use((journal) => journal.entries))
      assert.deepStrictEqual(entries, [entry("one", "accepted", { key: "a/b ../ü" })])
      yield* open(JobJournal.use((journal) => journal.remove("one")))
      assert.deepStrictEqual(yield* fs.readDirectory(directory), [])
    }).pipe(Effect.scoped, Effect.provide(NodeServices.layer)))
})

describe("JobRecovery", () => {
  it.effect("waits for a request that may still be in flight, and asks again if the server does not respond", () =>
    Effect.gen(function*() {
      const journal = yield* JobJournal
      yield* journal.put(entry("late", "sending"))
      const { server } = yield* withServer({}, () =>
        Effect.gen(function*() {
          const queue = yield* SessionQueue
          const late = yield* Effect.forkChild(
            Effect.delay(queue.enqueueBatch(entry("late", "sending").batch), "2 seconds")
          )
          const job = yield* JobRecovery.resume(entry("late", "sending"))
          assert.isTrue(job.enqueued?.recovered)
          yield* job.await
          yield* Fiber.join(late)
        }).pipe(Effect.scoped))
      assert.deepStrictEqual(batches(server), { late: 1 })

      yield* journal.put(entry("again", "sending"))
      yield* withServer({
        faults: [{ on: "batchStatus", call: 1, fault: "reset", always: true }]
      }, () =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(JobRecovery.resume(entry("again", "sending")))
          assert(error._tag === "SubmissionError")
          assert.strictEqual(error.reason._tag, "SubmissionUnknown")
        }).pipe(Effect.scoped))
      assert.strictEqual((yield* journal.entries).length, 1)
    }).pipe(Effect.provide(JobJournal.layerMemory)))

  it.effect("uses the receipt of the killed program if the server returns receipts", () =>
    Effect.gen(function*() {
      const killed = entry("killed", "sending")
      const { server } = yield* withServer({ receipts: 10, documentRead: false }, () =>
        Effect.gen(function*() {
          const queue = yield* SessionQueue
          // Its request was in flight for so long that no client waits for it any more.
          const batch = { ...killed.batch, idempotency_key: "effect-invokeai:killed" }
          const late = yield* Effect.forkChild(Effect.delay(queue.enqueueBatch(batch), "20 seconds"))
          yield* (yield* JobRecovery.resume(killed)).await
          yield* Fiber.join(late)
        }).pipe(Effect.scoped))
      assert.deepStrictEqual(batches(server), { killed: 1 })
      assert.deepStrictEqual(server.acknowledged, ["effect-invokeai:killed"])
    }).pipe(Effect.provide(JobJournal.layerMemory)))

  it.effect("ends even if some items have been deleted since then", () =>
    Effect.gen(function*() {
      const journal = yield* JobJournal
      const four = entry("four", "accepted", { size: 4 })
      yield* journal.put(four)
      yield* withServer({}, (server) =>
        Effect.gen(function*() {
          const queue = yield* SessionQueue
          yield* queue.enqueueBatch({ ...four.batch, runs: 4 })
          yield* Effect.sleep("1 minute")
          yield* server.simulator.forgetItems(({ itemId }) => itemId === server.items[0]?.itemId)
          const { items } = yield* (yield* JobRecovery.resume(four)).await
          assert.strictEqual(items.length, 3)
        }).pipe(Effect.scoped))
    }).pipe(Effect.provide(JobJournal.layerMemory)))
})

const workflow = Workflow.fromJson(
  readFileSync(new URL("../fixtures/workflows/text-only.json", import.meta.url), "utf8")
)

describe("JobRecovery.submitOnce", () => {
  it.effect("submits one job for one key, however often it is requested at the same time", () =>
    drive(
      Effect.gen(function*() {
        const simulator = yield* Simulator.Simulator
        let prepared = 0
        const prepare = Effect.tap(workflow, () => Effect.sync(() => prepared++))
        const ids = yield* Effect.forEach(
          Array.from({ length: 12 }, (_, index) => `key-${index % 3}`),
          (key) => Effect.map(JobRecovery.submitOnce(key, prepare), (job) => [key, job.batchId] as const),
          { concurrency: "unbounded" }
        )
        assert.strictEqual(new Set(ids.map(String)).size, 3)
        assert.strictEqual(prepared, 3)
        assert.strictEqual((yield* simulator.state).items.length, 3)
      }).pipe(
        Effect.scoped,
        Effect.provide([InvokeAiTest.layer({ nodeDuration: "5 seconds" }), JobJournal.layerMemory])
      )
    ))

  it.effect("attaches to the completed job if the program failed after it, however often that happens", () =>
    drive(
      Effect.gen(function*() {
        const simulator = yield* Simulator.Simulator
        const journal = yield* JobJournal
        let prepared = 0
        const prepare = Effect.tap(workflow, () => Effect.sync(() => prepared++))
        const order = (download: Effect.Effect<void, string>) =>
          Effect.scoped(Effect.gen(function*() {
            const job = yield* JobRecovery.submitOnce("order", prepare)
            yield* job.await
            yield* download
            return job.batchId
          }))
        for (const failure of [Effect.fail("502"), Effect.interrupt, Effect.fail("502")]) {
          assert.isTrue(Exit.isFailure(yield* Effect.exit(order(failure))))
          assert.deepStrictEqual((yield* journal.entries).map((entry) => entry.key), ["order"])
        }
        const batchId = yield* order(Effect.void)
        assert.deepStrictEqual(yield* journal.entries, [])
        assert.deepStrictEqual((yield* simulator.state).items.map((item) => item.batchId), [batchId])
        assert.strictEqual(prepared, 1)
      }).pipe(Effect.provide([InvokeAiTest.layer({ nodeDuration: "100 millis" }), JobJournal.layerMemory]))
    ))

  it.effect("keeps the images of a completed job until the program has used them", () =>
    Effect.gen(function*() {
      const { server } = yield* withServer({}, (server) =>
        Effect.gen(function*() {
          const journal = yield* JobJournal
          const failed = yield* Effect.exit(Effect.scoped(Effect.gen(function*() {
            const job = yield* Job.submitBatch(batchOf(), { deleteOutputs: true })
            yield* job.await
            return yield* Effect.fail("disk full")
          })))
          assert.isTrue(Exit.isFailure(failed))
          assert.strictEqual(server.images.length, 1)
          const [entry] = yield* journal.entries
          yield* Effect.scoped(Effect.flatMap(JobRecovery.resume(entry!, { deleteOutputs: true }), (job) => job.await))
          assert.strictEqual(server.images.length, 0)
          assert.deepStrictEqual(yield* journal.entries, [])
        }))
      assert.strictEqual(server.enqueues.length, 1)
    }).pipe(Effect.provide(JobJournal.layerMemory)))

  it.effect("runs an order again whose job failed or was canceled", () =>
    drive(
      Effect.gen(function*() {
        const simulator = yield* Simulator.Simulator
        const journal = yield* JobJournal
        const order = Effect.scoped(
          Effect.flatMap(JobRecovery.submitOnce("order", workflow), (job) => job.await)
        )
        const first = yield* Effect.forkChild(order)
        yield* Effect.sleep("250 millis")
        yield* Fiber.interrupt(first)
        assert.deepStrictEqual(yield* journal.entries, [])
        yield* order
        assert.deepStrictEqual((yield* simulator.state).items.map((item) => item.status), ["canceled", "completed"])
      }).pipe(Effect.provide([InvokeAiTest.layer({ nodeDuration: "200 millis" }), JobJournal.layerMemory]))
    ))

  it.effect("keeps a job whose request was cut off and may still arrive, and then finds it", () =>
    Effect.gen(function*() {
      const journal = yield* JobJournal
      const { server } = yield* withServer({}, () =>
        Effect.gen(function*() {
          const queue = yield* SessionQueue
          const hanging = Effect.scoped(Job.submitBatch(batchOf())).pipe(
            Effect.provideService(SessionQueue, { ...queue, enqueueBatch: () => Effect.never })
          )
          yield* Effect.timeoutOption(hanging, "1 second")
          const [entry] = yield* journal.entries
          assert.strictEqual(entry?.stage, "sending")
          // The server receives the request after the program has given it up.
          yield* queue.enqueueBatch(entry!.batch)
          yield* Effect.scoped(Effect.flatMap(JobRecovery.resume(entry!), (job) => job.await))
        }))
      assert.deepStrictEqual(server.statuses, ["completed"])
      assert.deepStrictEqual(yield* journal.entries, [])
    }).pipe(Effect.provide(JobJournal.layerMemory)))

  it.live("keeps the uploads of a job that the next start attaches to, and deletes them after it", () => {
    const uploaded = Effect.map(InvokeAiTest.state, ({ images }) => images.map(({ name }) => name))
    return Effect.gen(function*() {
      const fs = yield* FileSystem.FileSystem
      const directory = yield* fs.makeTempDirectoryScoped()
      const records = Layer.mergeAll(
        Layer.fresh(Assets.Assets.layer).pipe(Layer.provide(layerFile(`${directory}/uploads.jsonl`))),
        JobJournal.layerDirectory(`${directory}/jobs`)
      )
      const journaled = (image_name: string) => {
        const nodes = { blur: { id: "blur", type: "img_blur", image: { image_name } } }
        return entry("job", "sending", { batch: { batch_id: "job", graph: { id: "g", nodes, edges: [] }, runs: 1 } })
      }
      const first = yield* Effect.gen(function*() {
        const journal = yield* JobJournal
        // a submission whose outcome stays unknown: the job stays in the journal when the scope closes
        const name = yield* Effect.scoped(Effect.gen(function*() {
          const { imageName } = yield* Assets.uploadBytes(png(3, 3))
          yield* journal.put(journaled(imageName))
          return imageName
        }))
        assert.deepStrictEqual(yield* uploaded, [name])
        assert.deepStrictEqual([...yield* Assets.recover], [[name, { _tag: "Kept", reason: "NeededByJob" }]])
        return name
      }).pipe(Effect.provide(records))
      yield* Effect.gen(function*() {
        assert.deepStrictEqual([...yield* Assets.recover], [[first, { _tag: "Kept", reason: "NeededByJob" }]])
        yield* JobJournal.use((journal) => journal.remove("job"))
        assert.deepStrictEqual([...yield* Assets.recover], [[first, { _tag: "Deleted" }]])
      }).pipe(Effect.provide(records))
      assert.deepStrictEqual(yield* uploaded, [])
    }).pipe(Effect.scoped, Effect.provide([InvokeAiTest.layer(), NodeServices.layer]))
  })

  it.effect("keeps a job if the server still may have some of its items", () =>
    Effect.gen(function*() {
      const journal = yield* JobJournal
      yield* withServer({ full: 1 }, () =>
        Effect.gen(function*() {
          const queue = yield* SessionQueue
          const deaf = { ...queue, cancelByBatchIds: () => Effect.fail(refused) }
          yield* Effect.exit(
            Effect.scoped(Job.submitBatch(batchOf(3))).pipe(Effect.provideService(SessionQueue, deaf))
          )
          assert.strictEqual((yield* journal.entries).length, 1)
        }))
    }).pipe(Effect.provide(JobJournal.layerMemory)))

  it.effect(
    "runs each job once, even if the program is killed at any moment, again and again",
    () =>
      Effect.gen(function*() {
        for (let first = 0; first < 900; first += 90) {
          yield* drive(
            Effect.gen(function*() {
              const simulator = yield* Simulator.Simulator
              const journal = yield* JobJournal
              const done = new Map<string, string>()
              const program = Effect.forEach(["a", "b", "c"], (key) =>
                Effect.gen(function*() {
                  const journaled = Option.isSome(yield* journal.findByKey(key))
                  if (done.has(key) && !journaled) return
                  const scope = yield* Scope.make()
                  const job = yield* Scope.provide(
                    JobRecovery.submitOnce(key, workflow, { resendAfter: "300 millis" }),
                    scope
                  )
                  const { batchId } = yield* job.await
                  done.set(key, batchId)
                  // Not by a finalizer: what is killed does not clean up.
                  yield* Scope.close(scope, yield* Effect.exit(Effect.void))
                }), { concurrency: 2, discard: true })
              for (const after of [first, 130, 170, 310, 50, 700]) {
                const fiber = yield* Effect.forkDetach(program)
                yield* Effect.sleep(after)
                yield* Fiber.interrupt(fiber)
              }
              yield* program
              const { items } = yield* simulator.state
              assert.deepStrictEqual(
                items.map((item) => `${item.batchId} ${item.status}`).toSorted(),
                Array.from(done.values(), (batchId) => `${batchId} completed`).toSorted(),
                `first killed after ${first} ms`
              )
              assert.strictEqual(done.size, 3)
              assert.deepStrictEqual(yield* journal.entries, [])
            }).pipe(Effect.provide([InvokeAiTest.layer({ nodeDuration: "100 millis" }), JobJournal.layerMemory]))
          )
        }
      }),
    { timeout: 60_000 }
  )
})
