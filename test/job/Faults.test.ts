import * as Job from "@effect-invokeai/core/job/Job"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { batchOf, type FakeOptions, type Fault, faults, type Operation, withFake } from "./fake.ts"

const operations: ReadonlyArray<Operation> = ["enqueueBatch", "batchStatus", "item", "itemSummariesByIds"]

/** Submits, follows and takes the outputs; says how it went and what the server has then. */
const attempt = (options: FakeOptions, size: number) =>
  withFake(options, () =>
    Effect.gen(function*() {
      const job = yield* Job.submitBatch(batchOf(size))
      yield* Stream.runDrain(job.events)
      return yield* Effect.result(job.outputs)
    }).pipe(Effect.result))

const known = new Set(["JobCanceled", "JobLost", "SubmissionUnknown", "InvokeAiError", "JobNotFound"])

describe("Whatever goes wrong between submission and outputs", () => {
  for (const socket of [true, false]) {
    for (const modern of [true, false]) {
      for (const operation of operations) {
        if (operation === "itemSummariesByIds" && !modern) continue
        it.effect(
          `${operation}, ${socket ? "with" : "without"} events, ${modern ? "6.14" : "6.3"}`,
          () =>
            Effect.gen(function*() {
              for (const fault of faults) {
                for (const call of [1, 2, 3]) {
                  for (const size of [1, 2]) {
                    for (const memory of fault === "restart" ? [false, true] : [false]) {
                      const name = `${fault} on call ${call}, ${size} items${memory ? ", in memory" : ""}`
                      const options: FakeOptions = {
                        socket,
                        modern,
                        memory,
                        faults: [{ on: operation, call, fault }]
                      }
                      const { fake, result } = yield* attempt(options, size)
                      const live = [...fake.items.values()].filter((item) => item.status !== "canceled")
                      const batches = new Set([...fake.items.values()].map((item) => item.batchId))
                      assert.isAtMost(batches.size, 1, `${name}: one batch id`)
                      assert.isAtMost(live.length, size, `${name}: nothing runs twice`)
                      assert.isTrue(
                        live.every((item) => item.status === "completed"),
                        `${name}: nothing is left behind`
                      )
                      const outcome = result._tag === "Success" ? result.success : result
                      // A server that forgets everything may do so right after the end of the job.
                      if (outcome._tag === "Success" && memory && live.length === 0) {
                        assert.strictEqual(outcome.success.images.length, size, `${name}: the server did it`)
                      } else if (outcome._tag === "Success") {
                        assert.strictEqual(live.length, size, `${name}: the server did it`)
                        assert.deepStrictEqual(
                          outcome.success.images.map((image) => image.imageName),
                          live.map((item) => `${item.id}.png`),
                          `${name}: the outputs are those of the server`
                        )
                        assert.deepStrictEqual(outcome.success.integers.map((one) => one.value), [0, 1].slice(0, size))
                      } else {
                        assert.isTrue(known.has(outcome.failure._tag), `${name}: ${outcome.failure._tag}`)
                        // Only a restart of the server loses work.
                        assert.strictEqual(fault, "restart", `${name}: ${outcome.failure.message}`)
                      }
                    }
                  }
                }
              }
            }),
          { timeout: 120_000 }
        )
      }
    }
  }

  it.effect("two faults in a row, of any two kinds, on the submission", () =>
    Effect.gen(function*() {
      const kinds = faults.filter((fault) => fault !== "restart")
      for (const first of kinds) {
        for (const second of kinds) {
          const { fake, result } = yield* attempt({
            faults: [
              { on: "enqueueBatch", call: 1, fault: first },
              { on: "enqueueBatch", call: 2, fault: second },
              { on: "batchStatus", call: 1, fault: second }
            ]
          }, 1)
          const outcome = result._tag === "Success" ? result.success : result
          assert.strictEqual(outcome._tag, "Success", `${first}, ${second}`)
          const live = [...fake.items.values()].filter((item) => item.status !== "canceled")
          assert.strictEqual(live.length, 1, `${first}, ${second}`)
        }
      }
    }), { timeout: 120_000 })

  it.effect("uses the receipts of servers that give them, and never doubles anything", () =>
    Effect.gen(function*() {
      const kinds = faults.filter((fault) => fault !== "restart")
      for (const first of kinds) {
        for (const second of [undefined, ...kinds]) {
          const name = `${first}, ${second}`
          const { fake, result } = yield* attempt({
            receipts: true,
            faults: [
              { on: "enqueueBatch", call: 1, fault: first },
              ...(second === undefined ? [] : [
                { on: "enqueueReceipt" as const, call: 1, fault: second },
                { on: "enqueueBatch" as const, call: 2, fault: second }
              ])
            ]
          }, 2)
          const outcome = result._tag === "Success" ? result.success : result
          assert.strictEqual(outcome._tag, "Success", name)
          // Not even one that has to be canceled again: the server tells a repetition by its key.
          assert.deepStrictEqual([...fake.items.values()].map((item) => item.status), ["completed", "completed"], name)
          const [batch] = fake.enqueues
          assert.strictEqual(batch?.idempotency_key, `effect-invokeai:${batch?.batch_id}`, name)
          assert.deepStrictEqual(fake.acknowledged, [batch?.idempotency_key], name)
        }
      }
    }), { timeout: 60_000 })

  it.effect("adopts a batch by its receipt without asking for its items", () =>
    Effect.gen(function*() {
      const { fake, result } = yield* withFake({
        receipts: true,
        faults: [{ on: "enqueueBatch", call: 1, fault: "responseLost" }]
      }, () => Effect.map(Job.submitBatch(batchOf(3)), (job) => job.enqueued))
      assert.deepInclude(result, {
        recovered: true,
        itemsConfirmed: true,
        enqueued: 3,
        requested: 3,
        itemIds: [1, 2, 3]
      })
      assert.strictEqual(fake.enqueues.length, 1)
    }))

  it.effect("sends the batch without a key when the server has no room for receipts", () =>
    Effect.gen(function*() {
      const { fake, result } = yield* withFake({ receipts: 0 }, () =>
        Effect.flatMap(Job.submitBatch(batchOf()), (job) => job.await))
      assert.strictEqual(result.status, "completed")
      assert.deepStrictEqual(
        fake.enqueues.map((batch) =>
          batch.idempotency_key === undefined
        ),
        [false, true]
      )
      assert.strictEqual(fake.items.size, 1)
    }))

  it.effect("leaves no receipt that nobody has acknowledged, also where only a part was taken", () =>
    Effect.gen(function*() {
      const keys = (fake: { readonly enqueues: ReadonlyArray<{ readonly idempotency_key?: string }> }) =>
        fake.enqueues.flatMap((batch) => batch.idempotency_key ?? [])
      const part = yield* withFake({ receipts: true, full: 2 }, () => Effect.flip(Job.submitBatch(batchOf(3))))
      assert.strictEqual(part.result._tag, "SubmissionIncomplete")
      assert.deepStrictEqual(part.fake.acknowledged, keys(part.fake))
      // The answer is lost, and the server cannot be asked; the batch is found later.
      const broken = Array.from({ length: 200 }, (_, index) => index + 1).flatMap((call) => [
        { on: "batchStatus" as const, call, fault: "error502" as const },
        { on: "enqueueReceipt" as const, call, fault: "error502" as const }
      ])
      const later = yield* withFake(
        { receipts: true, faults: [{ on: "enqueueBatch", call: 1, fault: "responseLost" }, ...broken] },
        (fake) =>
          Effect.gen(function*() {
            const error = yield* Effect.flip(Effect.scoped(Job.submitBatch(batchOf())))
            if (error._tag !== "SubmissionUnknown") return yield* Effect.die(error)
            assert.deepStrictEqual(fake.acknowledged, [])
            fake.calls.set("batchStatus", 1000)
            yield* (yield* Job.attach(error.batchId)).await
          })
      )
      assert.deepStrictEqual(later.fake.acknowledged, keys(later.fake))
    }))

  it.effect("does not take a server that once says that it has no batch by its word when the time is over", () =>
    Effect.gen(function*() {
      // Nothing but failures until the time is over, and then an answer while the request is still on its way.
      const broken = Array.from({ length: 55 }, (_, index) => ({
        on: "batchStatus" as const,
        call: index + 1,
        fault: "error502" as const
      }))
      const { fake, result } = yield* withFake({
        faults: [{ on: "enqueueBatch", call: 1, fault: "delayed" }, ...broken]
      }, () =>
        Effect.gen(function*() {
          const job = yield* Job.submitBatch(batchOf(), { lookupTimeout: "500 millis" }).pipe(Effect.result)
          return job._tag === "Success" ? (yield* job.success.await).status : job.failure._tag
        }))
      assert.strictEqual(result, "SubmissionUnknown")
      assert.strictEqual(fake.calls.get("enqueueBatch"), 1)
      // It answers at once, and is asked for as long as a request can be on its way.
      const asked = yield* withFake({
        faults: [{ on: "enqueueBatch", call: 1, fault: "delayed" }]
      }, () => Effect.flatMap(Job.submitBatch(batchOf(), { lookupTimeout: "100 millis" }), (job) => job.await))
      assert.strictEqual(asked.result.status, "completed")
      assert.strictEqual(asked.fake.calls.get("enqueueBatch"), 1)
    }))

  it.effect("sends no key to servers whose document does not have it", () =>
    Effect.gen(function*() {
      const { fake } = yield* withFake({}, () => Effect.flatMap(Job.submitBatch(batchOf()), (job) => job.await))
      assert.isTrue(fake.enqueues.every((batch) => !("idempotency_key" in batch)))
      assert.deepStrictEqual(fake.acknowledged, [])
      assert.strictEqual(fake.calls.get("enqueueReceipt"), undefined)
    }))

  it.effect("says that it does not know when the server cannot be asked, and finds out later", () =>
    Effect.gen(function*() {
      const always = (on: Operation, fault: Fault, from: number, to: number) =>
        Array.from({ length: to - from + 1 }, (_, index) => ({ on, call: from + index, fault }))
      const { fake, result } = yield* withFake({
        faults: [{ on: "enqueueBatch", call: 1, fault: "responseLost" }, ...always("batchStatus", "error502", 1, 200)]
      }, (fake) =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(Effect.scoped(Job.submitBatch(batchOf())))
          assert.strictEqual(error._tag, "SubmissionUnknown")
          if (error._tag !== "SubmissionUnknown") return yield* Effect.die("unexpected")
          fake.calls.set("batchStatus", 1000)
          const job = yield* Job.attach(error.batchId)
          return yield* job.await
        }))
      assert.strictEqual(result.status, "completed")
      assert.strictEqual(fake.enqueues.length, 1)
    }))

  it.effect("cancels what arrives twice under its id, and says so", () =>
    Effect.gen(function*() {
      const { fake, result } = yield* withFake({
        duration: 20_000,
        faults: [{ on: "enqueueBatch", call: 1, fault: "delayed" }]
      }, () =>
        Effect.gen(function*() {
          // The request is still on its way when its outcome is asked for.
          const job = yield* Job.submitBatch(batchOf(), { resendAfter: "500 millis" })
          const events = yield* Stream.runCollect(job.events)
          return { events, result: yield* job.await }
        }))
      assert.strictEqual(fake.enqueues.length, 2)
      assert.strictEqual(result.result.outputs.images.length, 1)
      assert.deepStrictEqual([...fake.items.values()].map((item) => item.status), ["completed", "canceled"])
      const warning = result.events.find((event) => event._tag === "JobWarning")
      assert.deepInclude(warning, { reason: "ExtraItems", itemIds: [2] })
    }))

  it.effect("refuses an empty batch, and cancels a part that was taken", () =>
    Effect.gen(function*() {
      const empty = yield* withFake({}, () => Effect.flip(Job.submitBatch({ ...batchOf(), size: 0 })))
      assert.strictEqual(empty.result._tag, "SubmissionIncomplete")
      assert.strictEqual(empty.fake.enqueues.length, 0)
      const part = yield* withFake({ full: 2 }, () => Effect.flip(Job.submitBatch(batchOf(3))))
      assert.deepInclude(part.result, { _tag: "SubmissionIncomplete", enqueued: 2, requested: 3, itemIds: [1, 2] })
      assert.isTrue([...part.fake.items.values()].every((item) => item.status === "canceled"))
      const kept = yield* withFake({ full: 2 }, () =>
        Effect.flatMap(Job.submitBatch(batchOf(3), { onIncomplete: "keep" }), (job) => job.await))
      assert.strictEqual(kept.result.items.length, 2)
    }))

  it.effect("loses no end when events get lost on an open connection", () =>
    Effect.gen(function*() {
      for (
        const drop of [
          () => true,
          (name: string) => name === "queue_item_status_changed",
          (name: string) => name === "invocation_complete"
        ]
      ) {
        const { elapsed, result } = yield* withFake({ drop }, () =>
          Effect.flatMap(Job.submitBatch(batchOf(2)), (job) => job.await))
        assert.strictEqual(result.outputs.images.length, 2)
        assert.isBelow(elapsed, 35_000)
      }
    }))

  it.effect("reports the truth when the server is killed and starts again", () =>
    Effect.gen(function*() {
      for (const socket of [true, false]) {
        const kept = yield* withFake({ socket }, (fake) =>
          Effect.gen(function*() {
            const job = yield* Job.submitBatch(batchOf(2))
            yield* Effect.sleep("400 millis")
            yield* fake.restart
            return { error: yield* Effect.flip(job.await), items: yield* job.items }
          }))
        assert.strictEqual(kept.result.error._tag, "JobCanceled")
        if (kept.result.error._tag === "JobCanceled") assert.isFalse(kept.result.error.requested)
        // What waited goes on by itself.
        assert.deepStrictEqual(kept.result.items.map((item) => item.status), ["canceled", "completed"])
        const lost = yield* withFake({ socket, memory: true }, (fake) =>
          Effect.gen(function*() {
            const job = yield* Job.submitBatch(batchOf(2))
            yield* Effect.sleep("400 millis")
            yield* fake.restart
            return yield* Effect.flip(job.await)
          }))
        assert.strictEqual(lost.result._tag, "JobLost")
      }
    }))

  it.effect("gives up on a server that stays away", () =>
    Effect.gen(function*() {
      const gone = Array.from({ length: 5000 }, (_, index) => index + 1).flatMap((call) => [
        { on: "itemSummariesByIds" as const, call, fault: "requestLost" as const },
        { on: "item" as const, call, fault: "requestLost" as const }
      ])
      const { elapsed, result } = yield* withFake({ faults: gone, tracking: { giveUpAfter: "2 minutes" } }, () =>
        Effect.flatMap(Job.submitBatch(batchOf(), { onScopeClose: "detach" }), (job) => Effect.flip(job.await)))
      assert.strictEqual(result._tag, "InvokeAiError")
      assert.isBelow(elapsed, 200_000)
    }))
})
