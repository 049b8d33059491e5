import * as Job from "@effect-invokeai/core/job/Job"
import type { JobEvent } from "@effect-invokeai/core/job/JobEvent"
import * as Outputs from "@effect-invokeai/core/job/Outputs"
import * as Fault from "@effect-invokeai/testing/Fault"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Duration from "effect/Duration"
import * as Effect from "effect/Effect"
import * as Exit from "effect/Exit"
import * as Fiber from "effect/Fiber"
import * as Option from "effect/Option"
import * as Predicate from "effect/Predicate"
import * as Scope from "effect/Scope"
import * as Stream from "effect/Stream"
import * as JobState from "../../packages/core/src/job/JobState.ts"
import { JobTracker } from "../../packages/core/src/job/JobTracker.ts"
import { batchOf, graph, requests, unreadableBatch, withServer } from "./server.ts"
import { itemFrom } from "./wire.ts"

/** Gives items another status in a response, which holds one or a list of them. */
const withStatus = (status: string, test: (item: Readonly<Record<string, unknown>>) => boolean) => {
  const change = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(change)
      : Predicate.isObject(value) && "item_id" in value && test(value)
      ? { ...value, status }
      : value
  return Fault.rewrite(change)
}

const always = { times: Number.POSITIVE_INFINITY }

/** The second of two items has a status that no release has. */
const newer = [
  ...[requests.item, requests.itemSummariesByIds].map((request) =>
    Fault.http({ ...request, ...always }, withStatus("paused_by_moon", ({ item_id }) => item_id === 2))
  ),
  Fault.http(
    { ...requests.batchStatus, ...always },
    Fault.rewrite((status) => Object.assign({}, status, { completed: 1, pending: 0 }))
  )
]

/** Removes fields from the queue items of a response. */
const withoutFields = (...names: ReadonlyArray<string>) => {
  const change = (value: unknown): unknown =>
    Array.isArray(value)
      ? value.map(change)
      : Predicate.isObject(value)
      ? Object.fromEntries(Object.entries(value).filter(([name]) => !names.includes(name)))
      : value
  return Fault.rewrite(change)
}

/** A batch of two, whose picture is as wide as its number, so that the number comes first. */
const numberFirst: Job.JobBatch = {
  ...batchOf(2),
  graph: {
    ...graph,
    edges: [{
      source: { node_id: "number", field: "value" },
      destination: { node_id: "picture", field: "width" }
    }]
  },
  data: [[{ node_path: "number", field_name: "value", items: [8, 16] }]]
}

const tags = (events: ReadonlyArray<JobEvent>) => events.map((event) => event._tag)

describe("Job", () => {
  it.effect.each([true, false])(
    "completes without what no outcome depends on (events: %s)",
    (socket) =>
      Effect.gen(function*() {
        const names = ["created_at", "updated_at", "session_id", "queue_id", "priority", "origin", "field_values"]
        const events = Object.values(requests).map((request) =>
          Fault.http({ ...request, ...always }, withoutFields(...names))
        )
        const { result } = yield* withServer({ socket, events }, () =>
          Effect.gen(function*() {
            const job = yield* Job.submitBatch(batchOf(2))
            return yield* job.await
          }))
        assert.deepStrictEqual(result.items.map((item) => item.outputs.length > 0), [true, true])
      })
  )

  it.effect("emits events, ends, and then has its outputs", () =>
    Effect.gen(function*() {
      const { server, result } = yield* withServer({ duration: 2000 }, () =>
        Effect.gen(function*() {
          const job = yield* Job.submitBatch(batchOf())
          const early = yield* Effect.flip(job.outputs)
          assert.strictEqual(early.reason._tag, "JobNotEnded")
          const events = yield* Stream.runCollect(job.events)
          const late = yield* Stream.runCollect(job.events)
          const outputs = yield* job.outputs
          const { timing } = yield* job.await
          return { events, late, outputs, timing, enqueued: job.enqueued }
        }))
      const { events, outputs } = result
      assert.deepStrictEqual(tags(events), [
        "JobEnqueued",
        "ItemStatusChanged",
        "InvocationStarted",
        "InvocationProgress",
        "InvocationProgress",
        "InvocationProgress",
        "InvocationProgress",
        "InvocationProgress",
        "InvocationComplete",
        "InvocationStarted",
        "InvocationComplete",
        "ItemStatusChanged"
      ])
      const progress = events.find((event) => event._tag === "InvocationProgress")
      assert.deepInclude(progress, {
        nodeId: "picture",
        nodeLabel: "The picture",
        nodeType: "blank_image",
        itemId: 1,
        itemIndex: 0,
        message: "Step 1/4",
        fraction: 0.25,
        percentage: 25
      })
      assert.deepStrictEqual(result.late, events)
      assert.deepStrictEqual(outputs.images.map((image) => [image.imageName, image.nodeId]), [[
        server.images[0],
        "picture"
      ]])
      assert.deepStrictEqual(outputs.integers.map((integer) => integer.value), [0])
      assert.strictEqual(outputs.finalImages.length, 1)
      assert.closeTo(Duration.toMillis(outputs.executionTime), 2000, 100)
      assert.isTrue(Option.isSome(result.timing.completedAt))
      assert.strictEqual(server.enqueues.length, 1)
      assert.deepStrictEqual(result.enqueued?.itemIds, [1])
      assert.strictEqual(server.images.length, 1, "images of a completed job stay")
    }))

  it.effect("emits JobEnqueued first, even if the server's response arrives after the events", () =>
    Effect.gen(function*() {
      const { result } = yield* withServer(
        { duration: 300, faults: [{ on: "enqueueBatch", call: 1, fault: "answeredLate" }] },
        () =>
          Effect.gen(function*() {
            const job = yield* Job.submitBatch(batchOf(2))
            const state = yield* job.state
            return { state, events: yield* Stream.runCollect(job.events) }
          })
      )
      assert.strictEqual(JobState.status(result.state), "completed", "it ended before the answer came")
      const [first, second, ...others] = tags(result.events)
      assert.deepStrictEqual([first, second], ["JobEnqueued", "ItemStatusChanged"])
      assert.notInclude(others, "JobEnqueued")
      assert.strictEqual(others.filter((tag) => tag === "InvocationComplete").length, 4)
      const runs = result.events.flatMap((event) => event._tag === "InvocationComplete" ? [event.itemIndex] : [])
      assert.deepStrictEqual(runs, [0, 0, 1, 1])
    }))

  it.effect("has the state that its events describe", () =>
    Effect.gen(function*() {
      const { result } = yield* withServer({}, () =>
        Effect.gen(function*() {
          const job = yield* Job.submitBatch(batchOf())
          return yield* job.events.pipe(
            Stream.filter((event) => event._tag === "ItemStatusChanged"),
            Stream.mapEffect((event) => Effect.map(job.items, ([item]) => [event.status, item?.status])),
            Stream.runCollect
          )
        }))
      assert.deepStrictEqual(result, [["in_progress", "in_progress"], ["completed", "completed"]])
    }))

  it.effect("emits every event of an observation even if a subscriber observes something in their middle", () =>
    Effect.gen(function*() {
      const { result } = yield* withServer({}, () =>
        Effect.gen(function*() {
          const { track } = yield* JobTracker
          const job = yield* track({ batchId: "b", expected: 1, nodes: new Map() })
          yield* job.events.pipe(
            Stream.filter((event) => event._tag === "InvocationStarted"),
            Stream.runForEach(() => Effect.sync(() => job.observe({ _tag: "CancelRequested" }))),
            Effect.forkChild({ startImmediately: true })
          )
          job.observe({ _tag: "Enqueued", itemIds: [1], enqueued: 1 })
          const session = {
            results: { p: { type: "integer_output", value: 1 } },
            prepared_source_mapping: { p: "n" }
          }
          job.observe({ _tag: "ItemRead", item: itemFrom({ item_id: 1, batch_id: "b", status: "completed", session }) })
          return yield* Stream.runCollect(job.events)
        }))
      assert.deepStrictEqual(tags(result), [
        "JobEnqueued",
        "ItemStatusChanged",
        "InvocationStarted",
        "InvocationComplete",
        "ItemStatusChanged"
      ])
    }))

  it.effect("can be canceled from the middle of its own events", () =>
    Effect.gen(function*() {
      const { server, result } = yield* withServer({}, () =>
        Effect.gen(function*() {
          const job = yield* Job.submitBatch(batchOf(2))
          const canceled = yield* job.events.pipe(
            Stream.filter((event) => event._tag === "InvocationStarted"),
            Stream.take(1),
            Stream.mapEffect(() => job.cancel),
            Stream.runCollect
          )
          return { canceled, error: yield* Effect.flip(job.await) }
        }))
      assert.deepStrictEqual(result.canceled.flatMap((one) => one.canceled), [1, 2])
      assert.isTrue(result.error.reason._tag === "JobCanceled" && result.error.reason.requested)
      assert.deepStrictEqual(server.statuses, ["canceled", "canceled"])
    }))

  it.effect("returns the same results without events, by polling", () =>
    Effect.gen(function*() {
      for (const modern of [true, false]) {
        const { elapsed, result, server } = yield* withServer({ socket: false, modern }, () =>
          Effect.gen(function*() {
            const job = yield* Job.submitBatch(batchOf(3))
            const events = yield* Stream.runCollect(job.events)
            return { events, outputs: yield* job.outputs }
          }))
        assert.deepStrictEqual(
          result.outputs.images.map((image) => image.imageName),
          server.items.map((item) => item.image)
        )
        assert.deepStrictEqual(result.outputs.integers.map((integer) => integer.value), [0, 1, 2])
        assert.strictEqual(result.events.filter((event) => event._tag === "InvocationComplete").length, 6)
        assert.isBelow(elapsed, 6000)
      }
    }))

  it.effect("warns at growing intervals while the event connection stays unavailable, each time with the attempts so far", () =>
    Effect.gen(function*() {
      const tracking = { pollInterval: { min: "1 second", max: "2 minutes" } } as const
      const { result } = yield* withServer(
        { socket: false, duration: 26 * 60_000, tracking },
        () =>
          Effect.gen(function*() {
            const job = yield* Job.submitBatch(batchOf(1))
            const started = yield* Clock.currentTimeMillis
            return yield* job.events.pipe(
              Stream.filter((event) => event._tag === "JobWarning"),
              Stream.mapEffect(({ message, reason }) =>
                Effect.map(Clock.currentTimeMillis, (now) => ({
                  reason,
                  minute: Math.round((now - started) / 60_000),
                  attempts: Number(/after (\d+) attempts/.exec(message)?.[1])
                }))
              ),
              Stream.runCollect
            )
          })
      )
      assert.isTrue(result.every(({ reason }) => reason === "EventsUnavailable"))
      assert.deepStrictEqual(result.map(({ minute }) => minute), [0, 1, 3, 7, 15, 25])
      const attempts = result.map((warning) => warning.attempts)
      assert.deepStrictEqual(attempts, attempts.toSorted((one, other) => one - other))
    }))

  it.effect("returns the results of each item in the order of the batch", () =>
    Effect.gen(function*() {
      const { result } = yield* withServer({}, () =>
        Effect.gen(function*() {
          const job = yield* Job.submitBatch(batchOf(4))
          const streamed = yield* Stream.runCollect(job.outputStream)
          const outputs = yield* job.outputs
          return { streamed, outputs, items: yield* job.items }
        }))
      assert.deepStrictEqual(result.items.map((item) => [item.itemId, item.itemIndex, item.status]), [
        [1, 0, "completed"],
        [2, 1, "completed"],
        [3, 2, "completed"],
        [4, 3, "completed"]
      ])
      assert.strictEqual(result.streamed.length, 8)
      assert.deepStrictEqual(
        Outputs.byLabel(result.outputs, "The picture").map((output) => output.itemId),
        [1, 2, 3, 4]
      )
      const [picture] = Outputs.byLabel(result.outputs, "The picture")
      assert.deepStrictEqual(
        Outputs.byNode(result.outputs, picture?.nodeId ?? ""),
        Outputs.byLabel(result.outputs, "The picture")
      )
      assert.deepStrictEqual(Outputs.byNode(result.outputs, "no such node"), [])
      assert.deepStrictEqual(result.outputs.items.map((item) => item.outputs.length), [2, 2, 2, 2])
    }))

  it.effect("fails with the node, keeps existing outputs, and deletes its leftover images", () =>
    Effect.gen(function*() {
      const { server, result } = yield* withServer(
        { ending: (index) => index === 1 ? "failed" : "completed" },
        (server) =>
          Effect.gen(function*() {
            const job = yield* Job.submitBatch(numberFirst, { keepOutputs: false })
            const error = yield* Effect.flip(job.await)
            return { error, images: server.images.length }
          })
      )
      const { error } = result
      assert.strictEqual(error.reason._tag, "JobFailed")
      if (error.reason._tag !== "JobFailed") {
        return
      }
      assert.strictEqual(error.reason.nodeId, "picture")
      assert.strictEqual(error.reason.errorType, "ZeroDivisionError")
      assert.include(error.message, "The picture")
      assert.deepStrictEqual(
        error.reason.outputs.images.map((image) => image.imageName),
        server.images
      )
      assert.strictEqual(error.reason.outputs.integers.length, 2)
      assert.strictEqual(result.images, 1)
      assert.deepStrictEqual(
        server.images,
        server.items.slice(0, 1).flatMap((item) => item.image ?? []),
        "the completed item's image stays"
      )
    }))

  it.effect("cancels, verifies the cancellation, and reports it", () =>
    Effect.gen(function*() {
      const { server, result } = yield* withServer({}, () =>
        Effect.gen(function*() {
          const job = yield* Job.submitBatch(batchOf(3))
          yield* Effect.sleep("1500 millis")
          const canceled = yield* job.cancel
          const error = yield* Effect.flip(job.await)
          return { canceled, error }
        }))
      assert.deepStrictEqual(result.canceled.canceled, [2, 3])
      assert.deepStrictEqual(result.canceled.finished, [1])
      assert.deepStrictEqual(result.canceled.remaining, [])
      assert.strictEqual(result.error.reason._tag, "JobCanceled")
      if (result.error.reason._tag === "JobCanceled") assert.isTrue(result.error.reason.requested)
      assert.deepStrictEqual(server.statuses, ["completed", "canceled", "canceled"])
    }))

  it.effect("reports items that it could not cancel, even if a newer server has an unknown status", () =>
    Effect.gen(function*() {
      for (const modern of [true, false]) {
        const { result } = yield* withServer(
          { modern, events: [Fault.event(always, Fault.dropEvent)] },
          (server) =>
            Effect.gen(function*() {
              yield* server.simulator.inject(...newer)
              const job = yield* Job.submitBatch(batchOf(2))
              yield* Effect.sleep("1 minute")
              const canceled = yield* job.cancel
              yield* server.simulator.clearFaults
              return { canceled, result: yield* job.await }
            })
        )
        assert.deepInclude(result.canceled, { canceled: [], finished: [1], remaining: [2] })
        assert.deepStrictEqual(result.result.items.map((item) => item.status), ["completed", "completed"])
      }
    }))

  it.effect("cancels running items when the scope closes, including on interruption, unless it is detached", () =>
    Effect.gen(function*() {
      const closed = yield* withServer({}, () => Job.submitBatch(batchOf(2)))
      assert.deepStrictEqual(closed.server.statuses, ["canceled", "canceled"])
      const interrupted = yield* withServer({}, () =>
        Effect.gen(function*() {
          const fiber = yield* Effect.forkChild(
            Effect.scoped(Effect.flatMap(Job.submitBatch(batchOf()), (job) => job.await))
          )
          yield* Effect.sleep("300 millis")
          yield* Fiber.interrupt(fiber)
        }))
      assert.deepStrictEqual(interrupted.server.statuses, ["canceled"])
      const detached = yield* withServer({}, () => Job.submitBatch(batchOf(), { onScopeClose: "detach" }))
      assert.notStrictEqual(detached.server.statuses[0], "canceled")
    }))

  it.effect("cancels a batch whose submission was interrupted before its response", () =>
    Effect.gen(function*() {
      const { server } = yield* withServer({ faults: [{ on: "enqueueBatch", call: 1, fault: "late" }] }, () =>
        Effect.gen(function*() {
          const fiber = yield* Effect.forkChild(Effect.scoped(Job.submitBatch(batchOf())))
          yield* Effect.sleep("1 second")
          yield* Fiber.interrupt(fiber)
        }))
      assert.strictEqual(server.enqueues.length, 1)
      assert.deepStrictEqual(
        server.statuses,
        ["canceled"]
      )
    }))

  it.effect("times out, and cancels or detaches as the options say", () =>
    Effect.gen(function*() {
      const canceled = yield* withServer({ duration: 60_000 }, () =>
        Effect.gen(function*() {
          const job = yield* Job.submitBatch(batchOf(), { timeout: "5 seconds" })
          return yield* Effect.flip(job.await)
        }))
      assert.strictEqual(canceled.result.reason._tag, "JobTimeout")
      assert.strictEqual(canceled.server.statuses[0], "canceled")
      const detached = yield* withServer({ duration: 60_000 }, () =>
        Effect.gen(function*() {
          const job = yield* Job.submitBatch(batchOf())
          const error = yield* Effect.flip(Job.await(job, { timeout: "5 seconds", onTimeout: "detach" }))
          assert(error._tag === "WorkflowNotCompleted")
          assert.strictEqual(error.reason._tag, "JobTimeout")
          return yield* job.await
        }))
      assert.strictEqual(detached.result.status, "completed")
    }))

  it.effect("reports after a timeout which items were not canceled, and which ended at that moment", () =>
    Effect.gen(function*() {
      const never = [{ on: "cancelByBatchIds", call: 1, fault: "requestLost", always: true }] as const
      const options = { timeout: "5 seconds" } as const
      const failed = yield* withServer(
        { duration: 60_000, faults: never },
        () => Effect.flatMap(Job.submitBatch(batchOf(2), options), (job) => Effect.flip(job.await))
      )
      assert.deepInclude(failed.result.reason, { _tag: "JobTimeout", remaining: [1, 2] })
      assert.include(failed.result.message, "has not confirmed the cancellation")
      const canceled = yield* withServer(
        { duration: 60_000 },
        () => Effect.flatMap(Job.submitBatch(batchOf(2), options), (job) => Effect.flip(job.await))
      )
      assert.deepInclude(canceled.result.reason, { _tag: "JobTimeout", remaining: [] })
      assert.include(canceled.result.message, "It was canceled")
      // The request to cancel takes a while, and the job is faster.
      const late = yield* withServer({
        duration: 5300,
        faults: [{ on: "cancelByBatchIds", call: 1, fault: "late" }]
      }, () => Effect.flatMap(Job.submitBatch(batchOf(), options), (job) => job.await))
      assert.strictEqual(late.result.outputs.images.length, 1)
    }))

  it.effect("attaches to a batch by its id, and fails if it is missing", () =>
    Effect.gen(function*() {
      for (const modern of [true, false]) {
        const { result, server } = yield* withServer({ modern }, () =>
          Effect.gen(function*() {
            const batchId = yield* Effect.scoped(
              Effect.map(Job.submitBatch(batchOf(2), { onScopeClose: "detach" }), (job) => job.batchId)
            )
            const job = yield* Job.attach(batchId)
            const { outputs } = yield* job.await
            const missing = yield* Effect.flip(Job.attach("nothing"))
            return { outputs, missing }
          }))
        assert.deepStrictEqual(
          result.outputs.images.map((image) => image.imageName),
          server.items.map((item) => item.image)
        )
        assert.strictEqual(result.missing._tag, "JobNotFound")
      }
    }))

  it.effect("has the items of a job that it attached to, and the outcome of canceling it", () =>
    Effect.gen(function*() {
      for (const modern of [true, false]) {
        for (const socket of [true, false]) {
          const { result } = yield* withServer({ modern, socket }, () =>
            Effect.gen(function*() {
              const batchId = yield* Effect.scoped(
                Effect.map(Job.submitBatch(batchOf(3), { onScopeClose: "detach" }), (job) => job.batchId)
              )
              yield* Effect.sleep("1500 millis")
              const job = yield* Job.attach(batchId)
              const items = yield* job.items
              const canceled = yield* job.cancel
              return { items, canceled, error: yield* Effect.flip(job.await) }
            }))
          assert.deepStrictEqual(result.items.map((item) => item.itemId), [1, 2, 3])
          assert.deepInclude(result.canceled, { canceled: [2, 3], finished: [1], remaining: [] })
          assert.deepInclude(result.error.reason, { _tag: "JobCanceled", requested: true })
        }
      }
    }))

  it.effect("fails if an item stays unreadable although the server responds", () =>
    Effect.gen(function*() {
      const broken = [{ on: "item", call: 1, fault: "error500", always: true }] as const
      const { elapsed, result } = yield* withServer(
        { faults: broken, duration: 1_000_000, tracking: { giveUpAfter: "3 minutes" } },
        (server) =>
          Effect.gen(function*() {
            // Another job keeps the server's answers coming.
            yield* Job.submitBatch(batchOf(2))
            const job = yield* Job.submitBatch(batchOf())
            yield* server.simulator.inject(
              Fault.http(
                { ...requests.itemSummariesByIds, ...always },
                withStatus("completed", ({ batch_id }) => batch_id === job.batchId)
              )
            )
            return yield* Effect.flip(job.await)
          })
      )
      assert.deepInclude(result, { _tag: "InvokeAiError", status: 500 })
      assert.isBelow(elapsed, 300_000)
    }))

  it.effect("reports items that the server has lost, with their last known state", () =>
    Effect.gen(function*() {
      for (const socket of [true, false]) {
        const { result } = yield* withServer({ socket }, (server) =>
          Effect.gen(function*() {
            const job = yield* Job.submitBatch(batchOf(2))
            yield* Effect.sleep("1200 millis")
            yield* server.simulator.forgetItems(() => true)
            return yield* Effect.flip(job.await)
          }))
        assert.strictEqual(result.reason._tag, "JobLost")
        if (result.reason._tag !== "JobLost") return
        assert.include(result.reason.itemIds, 2)
      }
    }))

  it.effect("removes its own batch from the queue if that batch blocks it", () =>
    Effect.gen(function*() {
      const { server, result } = yield* withServer({}, () =>
        Effect.gen(function*() {
          const job = yield* Job.submitBatch(unreadableBatch)
          const events = yield* Stream.runCollect(job.events)
          return { error: yield* Effect.flip(job.await), events }
        }))
      assert.strictEqual(result.error.reason._tag, "QueueBlocked")
      if (result.error.reason._tag === "QueueBlocked") assert.isTrue(result.error.reason.own)
      assert.strictEqual(server.items.length, 0)
    }))

  it.effect("tracks many jobs over one subscription", () =>
    Effect.gen(function*() {
      const { server, result } = yield* withServer({ duration: 20 }, (server) =>
        Effect.gen(function*() {
          const statuses = yield* Effect.forEach(
            Array.from({ length: 50 }),
            () => Effect.scoped(Effect.flatMap(Job.submitBatch(batchOf()), (job) => job.await)),
            { concurrency: 50 }
          )
          assert.strictEqual(server.connections.opened, 1)
          return statuses.map((one) => one.status)
        }))
      assert.strictEqual(result.filter((status) => status === "completed").length, 50)
      assert.strictEqual(server.connections.opened, 1)
    }))

  it.effect("closes its connection some time after the last job", () =>
    Effect.gen(function*() {
      const { result } = yield* withServer({}, (server) =>
        Effect.gen(function*() {
          const scope = yield* Scope.make()
          const job = yield* Scope.provide(Job.submitBatch(batchOf()), scope)
          yield* job.await
          assert.strictEqual(server.connections.open, 1)
          yield* Scope.close(scope, Exit.void)
          yield* Effect.sleep("1 minute")
          return server.connections.open
        }))
      assert.strictEqual(result, 0)
    }))

  it.effect("has closed its connection when the last scope is closed if the connection is not kept open", () =>
    Effect.gen(function*() {
      yield* withServer({ tracking: { disconnectAfter: 0 } }, (server) =>
        Effect.gen(function*() {
          for (const opened of [1, 2]) {
            yield* Effect.scoped(Effect.flatMap(Job.submitBatch(batchOf()), (job) => job.await))
            assert.strictEqual(server.connections.open, 0)
            assert.strictEqual(server.connections.opened, opened)
          }
        }))
    }))

  it.effect(
    "tracks a thousand jobs concurrently and misses no terminal status, even if half of the events are lost",
    () =>
      Effect.gen(function*() {
        const half = Fault.random(1, {
          requests: 0,
          events: 0.5,
          eventActions: [Fault.dropEvent],
          maxFaults: 1_000_000
        })
        const { server, result } = yield* withServer({ duration: 4, events: [half] }, () =>
          Effect.forEach(
            Array.from({ length: 1000 }),
            () => Effect.scoped(Effect.flatMap(Job.submitBatch(batchOf()), (job) => job.await)),
            { concurrency: 1000 }
          ))
        assert.strictEqual(result.filter((one) => one.status === "completed").length, 1000)
        assert.strictEqual(new Set(result.map((one) => one.outputs.images[0]?.imageName)).size, 1000)
        assert.strictEqual(server.connections.opened, 1)
        assert.strictEqual(server.enqueues.length, 1000)
        // A request for each job would be ten thousands.
        assert.isBelow(server.calls("itemSummariesByIds"), 2000)
      }),
    { timeout: 60_000 }
  )

  it.effect("cancels thousands of pending items without reading each", () =>
    Effect.gen(function*() {
      const { server, result } = yield* withServer({}, () =>
        Effect.gen(function*() {
          const job = yield* Job.submitBatch(batchOf(3000))
          yield* Effect.sleep("500 millis")
          return yield* job.cancel
        }))
      assert.strictEqual(result.canceled.length, 3000)
      assert.isBelow(server.calls("item"), 20)
    }), { timeout: 60_000 })
})
