import * as Job from "@effect-invokeai/core/job/Job"
import * as Fault from "@effect-invokeai/testing/Fault"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { tagOf } from "../tagOf.ts"
import { batchOf, faultNames, type Operation, type ServerOptions, withServer } from "./server.ts"

const operations: ReadonlyArray<Operation> = ["enqueueBatch", "batchStatus", "item", "itemSummariesByIds"]

/** Submits, follows and takes the outputs; says how it went and what the server has then. */
const attempt = (options: ServerOptions, size: number) =>
  withServer(options, () =>
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
              for (const fault of faultNames) {
                for (const call of [1, 2, 3]) {
                  for (const size of [1, 2]) {
                    for (const memory of fault === "restart" ? [false, true] : [false]) {
                      const name = `${fault} on call ${call}, ${size} items${memory ? ", in memory" : ""}`
                      const options: ServerOptions = {
                        socket,
                        modern,
                        memory,
                        faults: [{ on: operation, call, fault }]
                      }
                      const { server, result } = yield* attempt(options, size)
                      const live = server.items.filter((item) => item.status !== "canceled")
                      const batches = new Set(server.items.map((item) => item.batchId))
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
                          outcome.success.images.map((image): string | undefined => image.imageName),
                          live.map((item) => item.image),
                          `${name}: the outputs are those of the server`
                        )
                        assert.deepStrictEqual(outcome.success.integers.map((one) => one.value), [0, 1].slice(0, size))
                      } else {
                        assert.isTrue(known.has(tagOf(outcome.failure)), `${name}: ${tagOf(outcome.failure)}`)
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

  it.effect("survives any two faults in a row during the submission", () =>
    Effect.gen(function*() {
      const kinds = faultNames.filter((fault) => fault !== "restart")
      for (const first of kinds) {
        for (const second of kinds) {
          const { server, result } = yield* attempt({
            faults: [
              { on: "enqueueBatch", call: 1, fault: first },
              { on: "enqueueBatch", call: 2, fault: second },
              { on: "batchStatus", call: 1, fault: second }
            ]
          }, 1)
          const outcome = result._tag === "Success" ? result.success : result
          assert.strictEqual(outcome._tag, "Success", `${first}, ${second}`)
          const live = server.items.filter((item) => item.status !== "canceled")
          assert.strictEqual(live.length, 1, `${first}, ${second}`)
        }
      }
    }), { timeout: 120_000 })

  it.effect("uses receipts if the server returns them, and never enqueues a duplicate", () =>
    Effect.gen(function*() {
      const kinds = faultNames.filter((fault) => fault !== "restart")
      for (const first of kinds) {
        for (const second of [undefined, ...kinds]) {
          const name = `${first}, ${second}`
          const { server, result } = yield* attempt({
            receipts: 10,
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
          assert.deepStrictEqual(server.statuses, ["completed", "completed"], name)
          const [batch] = server.enqueues
          assert.strictEqual(batch?.idempotency_key, `effect-invokeai:${batch?.batch_id}`, name)
          assert.deepStrictEqual(server.acknowledged, [batch?.idempotency_key ?? ""], name)
        }
      }
    }), { timeout: 60_000 })

  it.effect("attaches to a batch by its receipt without reading its items", () =>
    Effect.gen(function*() {
      const { server, result } = yield* withServer({
        receipts: 10,
        faults: [{ on: "enqueueBatch", call: 1, fault: "responseLost" }]
      }, () => Effect.map(Job.submitBatch(batchOf(3)), (job) => job.enqueued))
      assert.deepInclude(result, {
        recovered: true,
        itemsConfirmed: true,
        enqueued: 3,
        requested: 3,
        itemIds: [1, 2, 3]
      })
      assert.strictEqual(server.enqueues.length, 1)
    }))

  it.effect("sends the batch without a key if the server has no room for receipts", () =>
    Effect.gen(function*() {
      const { server, result } = yield* withServer({ receipts: 0 }, () =>
        Effect.flatMap(Job.submitBatch(batchOf()), (job) => job.await))
      assert.strictEqual(result.status, "completed")
      assert.deepStrictEqual(
        server.enqueues.map((batch) =>
          batch.idempotency_key === undefined
        ),
        [false, true]
      )
      assert.strictEqual(server.items.length, 1)
    }))

  it.effect("leaves no unacknowledged receipt, even if only a part was accepted", () =>
    Effect.gen(function*() {
      const keys = (server: { readonly enqueues: ReadonlyArray<{ readonly idempotency_key?: string }> }) =>
        server.enqueues.flatMap((batch) => batch.idempotency_key ?? [])
      const part = yield* withServer({ receipts: 10, full: 2 }, () => Effect.flip(Job.submitBatch(batchOf(3))))
      assert(part.result._tag === "SubmissionError")
      assert.strictEqual(part.result.reason._tag, "SubmissionIncomplete")
      assert.deepStrictEqual(part.server.acknowledged, keys(part.server))
      // The answer is lost, and the server cannot be asked; the batch is found later.
      const broken = [
        { on: "batchStatus", call: 1, fault: "error502", always: true },
        { on: "enqueueReceipt", call: 1, fault: "error502", always: true }
      ] as const
      const later = yield* withServer(
        { receipts: 10, faults: [{ on: "enqueueBatch", call: 1, fault: "responseLost" }, ...broken] },
        (server) =>
          Effect.gen(function*() {
            const error = yield* Effect.flip(Effect.scoped(Job.submitBatch(batchOf())))
            if (error._tag !== "SubmissionError" || error.reason._tag !== "SubmissionUnknown") {
              return yield* Effect.die(error)
            }
            assert.deepStrictEqual(server.acknowledged, [])
            yield* server.simulator.clearFaults
            yield* (yield* Job.attach(error.reason.batchId)).await
          })
      )
      assert.deepStrictEqual(later.server.acknowledged, keys(later.server))
    }))

  it.effect("does not trust a single response without the batch when the time is over", () =>
    Effect.gen(function*() {
      // Nothing but failures until the time is over, and then an answer while the request is still on its way.
      const broken = Array.from({ length: 55 }, (_, index) => ({
        on: "batchStatus" as const,
        call: index + 1,
        fault: "error502" as const
      }))
      const { server, result } = yield* withServer({
        faults: [{ on: "enqueueBatch", call: 1, fault: "delayed" }, ...broken]
      }, () =>
        Effect.gen(function*() {
          const job = yield* Job.submitBatch(batchOf(), { lookupTimeout: "500 millis" }).pipe(Effect.result)
          return job._tag === "Success" ? (yield* job.success.await).status : tagOf(job.failure)
        }))
      assert.strictEqual(result, "SubmissionUnknown")
      assert.strictEqual(server.calls("enqueueBatch"), 1)
      // It answers at once, and is asked for as long as a request can be on its way.
      const asked = yield* withServer({
        faults: [{ on: "enqueueBatch", call: 1, fault: "delayed" }]
      }, () => Effect.flatMap(Job.submitBatch(batchOf(), { lookupTimeout: "100 millis" }), (job) => job.await))
      assert.strictEqual(asked.result.status, "completed")
      assert.strictEqual(asked.server.calls("enqueueBatch"), 1)
    }))

  it.effect("sends no key to servers whose document does not have it", () =>
    Effect.gen(function*() {
      const { server } = yield* withServer({}, () => Effect.flatMap(Job.submitBatch(batchOf()), (job) => job.await))
      assert.isTrue(server.enqueues.every((batch) => !("idempotency_key" in batch)))
      assert.deepStrictEqual(server.acknowledged, [])
      assert.strictEqual(server.calls("enqueueReceipt"), 0)
    }))

  it.effect("reports an unknown outcome while the server is unreachable, and finds it later", () =>
    Effect.gen(function*() {
      const { server, result } = yield* withServer({
        faults: [
          { on: "enqueueBatch", call: 1, fault: "responseLost" },
          { on: "batchStatus", call: 1, fault: "error502", always: true }
        ]
      }, (server) =>
        Effect.gen(function*() {
          const error = yield* Effect.flip(Effect.scoped(Job.submitBatch(batchOf())))
          assert(error._tag === "SubmissionError")
          assert.strictEqual(error.reason._tag, "SubmissionUnknown")
          if (error._tag !== "SubmissionError" || error.reason._tag !== "SubmissionUnknown") {
            return yield* Effect.die("unexpected")
          }
          yield* server.simulator.clearFaults
          const job = yield* Job.attach(error.reason.batchId)
          return yield* job.await
        }))
      assert.strictEqual(result.status, "completed")
      assert.strictEqual(server.enqueues.length, 1)
    }))

  it.effect("cancels and reports a batch that arrives twice under its id", () =>
    Effect.gen(function*() {
      const { server, result } = yield* withServer({
        duration: 20_000,
        faults: [{ on: "enqueueBatch", call: 1, fault: "delayed" }]
      }, (server) =>
        Effect.gen(function*() {
          // The request is still on its way when its outcome is asked for.
          const job = yield* Job.submitBatch(batchOf(), { resendAfter: "500 millis" })
          const events = yield* Stream.runCollect(job.events)
          return { events, result: yield* job.await, statuses: server.statuses }
        }))
      assert.deepStrictEqual(result.statuses, ["completed", "canceled"], "before the scope closes")
      assert.strictEqual(server.enqueues.length, 2)
      assert.strictEqual(result.result.outputs.images.length, 1)
      assert.deepStrictEqual(server.statuses, ["completed", "canceled"])
      const warning = result.events.find((event) => event._tag === "JobWarning")
      assert.deepInclude(warning, { reason: "ExtraItems", itemIds: [2] })
    }))

  it.effect("rejects an empty batch, and cancels a partially accepted one", () =>
    Effect.gen(function*() {
      const empty = yield* withServer({}, () => Effect.flip(Job.submitBatch({ ...batchOf(), size: 0 })))
      assert(empty.result._tag === "SubmissionError")
      assert.strictEqual(empty.result.reason._tag, "SubmissionIncomplete")
      assert.strictEqual(empty.server.enqueues.length, 0)
      const part = yield* withServer({ full: 2 }, () => Effect.flip(Job.submitBatch(batchOf(3))))
      assert(part.result._tag === "SubmissionError")
      assert.deepInclude(part.result.reason, {
        _tag: "SubmissionIncomplete",
        enqueued: 2,
        requested: 3,
        itemIds: [1, 2]
      })
      assert.isTrue(part.server.items.every((item) => item.status === "canceled"))
      const kept = yield* withServer(
        { full: 2 },
        () => Effect.flatMap(Job.submitBatch(batchOf(3), { onIncomplete: "keep" }), (job) => job.await)
      )
      assert.strictEqual(kept.result.items.length, 2)
    }))

  it.effect("misses no terminal status if events are lost on an open connection", () =>
    Effect.gen(function*() {
      for (
        const name of [undefined, "queue_item_status_changed", "invocation_complete"]
      ) {
        const { elapsed, result } = yield* withServer({
          events: [Fault.event({ name, times: Number.POSITIVE_INFINITY }, Fault.dropEvent)]
        }, () => Effect.flatMap(Job.submitBatch(batchOf(2)), (job) => job.await))
        assert.strictEqual(result.outputs.images.length, 2)
        assert.isBelow(elapsed, 35_000)
      }
    }))

  it.effect("reports the real outcome if the server is killed and restarted", () =>
    Effect.gen(function*() {
      for (const socket of [true, false]) {
        const kept = yield* withServer({ socket }, (server) =>
          Effect.gen(function*() {
            const job = yield* Job.submitBatch(batchOf(2))
            yield* Effect.sleep("400 millis")
            yield* server.simulator.restart({ downFor: "3 seconds" })
            return { error: yield* Effect.flip(job.await), items: yield* job.items }
          }))
        assert.strictEqual(kept.result.error.reason._tag, "JobCanceled")
        if (kept.result.error.reason._tag === "JobCanceled") assert.isFalse(kept.result.error.reason.requested)
        // What waited goes on by itself.
        assert.deepStrictEqual(kept.result.items.map((item) => item.status), ["canceled", "completed"])
        const lost = yield* withServer({ socket }, (server) =>
          Effect.gen(function*() {
            const job = yield* Job.submitBatch(batchOf(2))
            yield* Effect.sleep("400 millis")
            yield* server.simulator.restart({ downFor: "3 seconds", database: false })
            return yield* Effect.flip(job.await)
          }))
        assert.strictEqual(lost.result.reason._tag, "JobLost")
      }
    }))

  it.effect("gives up on a server that stays unreachable", () =>
    Effect.gen(function*() {
      const gone = [
        { on: "itemSummariesByIds", call: 1, fault: "requestLost", always: true },
        { on: "item", call: 1, fault: "requestLost", always: true }
      ] as const
      const { elapsed, result } = yield* withServer({ faults: gone, tracking: { giveUpAfter: "2 minutes" } }, () =>
        Effect.flatMap(Job.submitBatch(batchOf(), { onScopeClose: "detach" }), (job) => Effect.flip(job.await)))
      assert.strictEqual(result._tag, "InvokeAiError")
      assert.isBelow(elapsed, 200_000)
    }))
})
