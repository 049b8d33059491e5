/** What is left when a job is interrupted, canceled or closed at any moment, whatever goes wrong meanwhile. */
import * as Job from "@effect-invokeai/core/job/Job"
import { JobJournal } from "@effect-invokeai/core/job/JobJournal"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as Fault from "@effect-invokeai/testing/Fault"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import { Simulator } from "@effect-invokeai/testing/Simulator"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import { readFileSync } from "node:fs"
import { drive } from "../time.ts"
import { batchOf, faultNames, withServer } from "./server.ts"

const workflow = Workflow.fromJson(
  readFileSync(new URL("../fixtures/workflows/text-only.json", import.meta.url), "utf8")
)

const enqueue = { method: "POST", path: /enqueue_batch$/ } as const

const scripts: Readonly<Record<string, ReadonlyArray<Fault.Fault>>> = {
  "nothing": [],
  "the answer to the submission is lost": [Fault.http(enqueue, Fault.dropResponse)],
  "the submission takes its time": [Fault.http(enqueue, Fault.delay("3 seconds"))],
  "the submission takes very long": [Fault.http(enqueue, Fault.delay("8 seconds"))],
  "canceling fails twice": [Fault.http({ method: "PUT", path: /cancel_by_batch_ids$/, times: 2 }, Fault.status(500))],
  "the answers about the batch are lost": [
    Fault.http({ method: "GET", path: /\/b\/[^/]+\/status$/, times: 3 }, Fault.dropResponse)
  ]
}

describe("Interrupting a program at any moment", () => {
  for (const [name, script] of Object.entries(scripts)) {
    it.effect(
      `leaves nothing on the server, and in the journal at most a request that may still arrive: ${name} goes wrong`,
      () =>
        Effect.gen(function*() {
          for (const at of [0, 1, 5, 20, 90, 200, 400, 600, 900, 1200, 2500, 4000, 7000]) {
            yield* drive(
              Effect.gen(function*() {
                const simulator = yield* Simulator
                const journal = yield* JobJournal
                const fiber = yield* Effect.forkChild(
                  Effect.scoped(Effect.flatMap(Effect.flatMap(workflow, (one) => Job.submit(one)), (job) => job.await))
                )
                yield* Effect.sleep(at)
                yield* Fiber.interrupt(fiber)
                yield* Effect.sleep("1 minute")
                const { items } = yield* simulator.state
                assert.isAtMost(items.length, 1, `after ${at} ms`)
                assert.isTrue(items.every((item) => item.status === "canceled" || at > 600), `after ${at} ms`)
                const left = yield* simulator.leftovers
                assert.deepStrictEqual([left.unfinishedItems, left.sockets], [[], 0], `after ${at} ms`)
                const entries = yield* journal.entries
                assert.isTrue(items.length === 0 || entries.length === 0, `after ${at} ms`)
                assert.isTrue(entries.every((entry) => entry.stage === "sending"), `after ${at} ms`)
                assert.isTrue(name === "the submission takes very long" || entries.length === 0, `after ${at} ms`)
              }).pipe(
                Effect.provide([
                  InvokeAiTest.layer({ faults: script, nodeDuration: "400 millis" }),
                  JobJournal.layerMemory
                ])
              )
            )
          }
        }),
      { timeout: 30_000 }
    )
  }
})

describe("Closing a scope", () => {
  it.effect("cancels running items, whatever goes wrong during the cancellation", () =>
    Effect.gen(function*() {
      for (const on of ["cancelByBatchIds", "batchStatus", "itemSummariesByIds", "item"] as const) {
        for (const fault of faultNames) {
          for (const socket of [true, false]) {
            const options = {
              socket,
              faults: [{ on, call: 1, fault }, { on, call: 2, fault: fault === "restart" ? "reset" : fault }]
            } as const
            const { server } = yield* withServer(options, () => Effect.delay(Job.submitBatch(batchOf(3)), "200 millis"))
            const statuses = server.statuses
            // While nothing is heard of a request for ten seconds the items go on, and then they have ended too.
            const ended = fault === "delayed" ? ["canceled", "completed"] : ["canceled"]
            assert.isTrue(
              statuses.every((status) => ended.includes(status)),
              `${fault} on ${on}: ${statuses.join(", ")}`
            )
          }
        }
      }
    }), { timeout: 60_000 })

  it.effect("waits for a server that is unreachable for a moment", () =>
    drive(
      Effect.gen(function*() {
        const simulator = yield* Simulator
        const scope = yield* Scope.make()
        yield* Scope.provide(Effect.flatMap(workflow, (one) => Job.submit(one, { runs: 3 })), scope)
        yield* Effect.sleep("500 millis")
        yield* simulator.restart({ downFor: "5 seconds" })
        yield* Scope.close(scope, Exit.void)
        yield* Effect.sleep("1 minute")
        const { items } = yield* simulator.state
        assert.deepStrictEqual(items.map((item) => item.status), ["canceled", "canceled", "canceled"])
      }).pipe(Effect.provide(InvokeAiTest.layer({ nodeDuration: "1 second" })))
    ))
})

describe("Many fibers that await one job", () => {
  it.effect("receive the same result, each with its own timeout, and are not disturbed if one of them stops", () =>
    Effect.gen(function*() {
      const { server, result } = yield* withServer({ duration: 10_000 }, () =>
        Effect.gen(function*() {
          const job = yield* Job.submitBatch(batchOf())
          const patient = yield* Effect.forEach(
            Array.from({ length: 5 }),
            () => Effect.forkChild(Effect.zip(job.await, Stream.runCollect(job.outputStream), { concurrent: true }))
          )
          yield* Effect.sleep("300 millis")
          yield* Fiber.interrupt(patient[0]!)
          const hasty = yield* Effect.flip(Job.await(job, { timeout: "1 second", onTimeout: "detach" }))
          return { hasty, ends: yield* Effect.forEach(patient.slice(1), Fiber.join) }
        }))
      assert(result.hasty._tag === "WorkflowNotCompleted")
      assert.deepInclude(result.hasty.reason, { _tag: "JobTimeout", onTimeout: "detach", remaining: [1] })
      for (const [end, streamed] of result.ends) {
        assert.deepStrictEqual(end.outputs.all.map((output) => output.nodeId), ["picture", "number"])
        assert.strictEqual(streamed.length, 2)
      }
      assert.strictEqual(server.enqueues.length, 1)
      const canceled = yield* withServer({ duration: 10_000 }, () =>
        Effect.gen(function*() {
          const job = yield* Job.submitBatch(batchOf())
          return yield* Effect.forEach(
            [Job.await(job, { timeout: "2 seconds" }), Job.await(job, { timeout: "1 minute" }), job.await],
            Effect.flip,
            { concurrency: "unbounded" }
          )
        }))
      assert.deepStrictEqual(canceled.result.map((error) => "reason" in error && error.reason._tag), [
        "JobTimeout",
        "JobCanceled",
        "JobCanceled"
      ])
    }))
})
