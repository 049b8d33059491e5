import type { InvocationProgress, JobEvent } from "@effect-invokeai/core/job/JobEvent"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Fiber from "effect/Fiber"
import * as Stream from "effect/Stream"
import { EventLog } from "../../packages/core/src/job/internal/eventLog.ts"

const status = (itemId: number, status = "in_progress"): JobEvent => ({
  _tag: "ItemStatusChanged",
  itemId,
  itemIndex: itemId,
  previous: null,
  status
})

const progress = (step: number): InvocationProgress => ({
  _tag: "InvocationProgress",
  itemId: 1,
  itemIndex: 0,
  sessionId: "s",
  nodeId: "n",
  nodeLabel: "",
  nodeType: "t",
  preparedId: "p",
  message: `${step}`,
  fraction: step / 1000,
  percentage: step / 10,
  preview: { width: 8, height: 8, dataUrl: "data:" }
})

describe("EventLog", () => {
  it.effect("delivers all events to every subscriber, in order, while it is short", () =>
    Effect.gen(function*() {
      const log = new EventLog()
      const early = yield* Effect.forkChild(Stream.runCollect(log.stream))
      const sent: Array<JobEvent> = []
      for (let i = 0; i < 50; i++) {
        const event = i % 5 === 0 ? status(i) : { ...progress(i), preview: null }
        sent.push(event)
        log.push(event)
        if (i % 7 === 0) yield* Effect.yieldNow
      }
      log.end()
      assert.deepStrictEqual(yield* Fiber.join(early), sent)
      assert.deepStrictEqual(yield* Stream.runCollect(log.stream), sent)
    }))

  it.effect("drops old progress silently, and reports the number of other dropped events", () =>
    Effect.gen(function*() {
      const log = new EventLog({ startEvents: 10, progress: 3, previews: 1 })
      for (let i = 0; i < 25; i++) log.push(status(i))
      for (let i = 0; i < 9; i++) log.push(progress(i))
      log.end()
      const events = yield* Stream.runCollect(log.stream)
      assert.deepStrictEqual(events[0], { _tag: "EventsDropped", count: 15 })
      const kept = events.filter((event) => event._tag === "ItemStatusChanged")
      assert.deepStrictEqual(kept.map((event) => event.itemId), [15, 16, 17, 18, 19, 20, 21, 22, 23, 24])
      const seen = events.filter((event) => event._tag === "InvocationProgress")
      assert.deepStrictEqual(seen.map((event) => event.message), ["6", "7", "8"])
      assert.deepStrictEqual(seen.map((event) => event.preview === null), [true, true, false])
    }))

  it.effect("reports to a slow subscriber only what that subscriber missed", () =>
    Effect.gen(function*() {
      const log = new EventLog({ startEvents: 10, progress: 3, previews: 1 })
      for (let i = 0; i < 8; i++) log.push(status(i))
      const got: Array<JobEvent> = []
      const reader = yield* Effect.forkChild(Stream.runForEach(log.stream, (event) =>
        Effect.gen(function*() {
          got.push(event)
          yield* Effect.yieldNow
        })))
      yield* Effect.yieldNow
      while (got.length < 8) yield* Effect.yieldNow
      for (let i = 8; i < 30; i++) log.push(status(i))
      log.end()
      yield* Fiber.join(reader)
      assert.deepStrictEqual(got[8], { _tag: "EventsDropped", count: 12 })
      assert.strictEqual(got.length, 8 + 1 + 10)
    }))

  it.effect("never drops a result or a terminal event, and reports missing events once to a late subscriber", () =>
    Effect.gen(function*() {
      const log = new EventLog({ startEvents: 5, progress: 2, previews: 1 })
      const early = yield* Effect.forkChild(Stream.runCollect(log.stream))
      const results: Array<JobEvent> = []
      for (let i = 0; i < 300; i++) {
        log.push(status(i))
        log.push(progress(i))
        const end = status(i, i % 2 === 0 ? "completed" : "failed")
        log.push(end)
        results.push(end)
        if (i % 90 === 0) yield* Effect.yieldNow
      }
      log.end()
      for (const events of [yield* Fiber.join(early), yield* Stream.runCollect(log.stream)]) {
        const ends = events.filter((event) => event._tag === "ItemStatusChanged" && event.status !== "in_progress")
        assert.deepStrictEqual(ends, results)
        const begun = events.filter((event) => event._tag === "ItemStatusChanged" && event.status === "in_progress")
        const dropped = events.flatMap((event) => event._tag === "EventsDropped" ? [event.count] : [])
        assert.strictEqual(begun.length + dropped.reduce((a, b) => a + b, 0), 300)
      }
      const late = yield* Stream.runCollect(log.stream)
      assert.deepStrictEqual(late[0], { _tag: "EventsDropped", count: 295 })
      assert.strictEqual(late.filter((event) => event._tag === "EventsDropped").length, 1)
    }))

  it.effect("stays small under a hundred thousand events", () =>
    Effect.sync(() => {
      const log = new EventLog()
      for (let i = 0; i < 100_000; i++) log.push(i % 3 === 0 ? status(i) : progress(i))
      const entries = (log as unknown as { readonly entries: ReadonlyArray<unknown> }).entries
      assert.isAtMost(entries.length, 9000)
    }))
})
