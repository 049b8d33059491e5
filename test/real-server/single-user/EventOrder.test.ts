import * as InvokeAi from "@effect-invokeai/core/InvokeAi"
import * as Job from "@effect-invokeai/core/job/Job"
import type { JobEvent } from "@effect-invokeai/core/job/JobEvent"
import { EventTransport } from "@effect-invokeai/core/server/EventTransport"
import * as Workflow from "@effect-invokeai/core/workflow/Workflow"
import * as NodeServices from "@effect/platform-node/NodeServices"
import { assert, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import * as Layer from "effect/Layer"
import * as Stream from "effect/Stream"
import * as ItemState from "../../../packages/core/src/job/internal/ItemState.ts"
import { client } from "../Client.ts"
import * as Support from "../Support.ts"

/** A client that never gets an event connection. */
const polling = InvokeAi.layer({ url: Support.url }).pipe(
  Layer.provide([
    Support.httpClient,
    Layer.succeed(EventTransport, { connect: () => Effect.succeed({ emit: () => {} }) })
  ]),
  Layer.provideMerge(NodeServices.layer)
)

/** Nothing of this program runs for so many milliseconds: neither events nor timers. */
const block = (millis: number) =>
  Effect.sync(() => void Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, millis))

const run = (whileItRuns: Effect.Effect<void>) =>
  Effect.gen(function*() {
    const workflow = yield* Workflow.fromFile(Support.workflowFile("iterate-and-collect"))
    const job = yield* Job.submit(workflow, { runs: 3 })
    yield* whileItRuns
    const result = yield* job.await
    return { result, events: yield* Stream.runCollect(job.events) }
  }).pipe(Effect.scoped)

/** What a reader may rely on, for each item. */
const assertOrdered = (events: ReadonlyArray<JobEvent>) => {
  assert.strictEqual(events.find((event) => event._tag !== "JobWarning")?._tag, "JobEnqueued")
  const itemIds = new Set(events.flatMap((event) => event._tag === "ItemStatusChanged" ? [event.itemId] : []))
  assert.strictEqual(itemIds.size, 3)
  for (const itemId of itemIds) {
    const own = events.filter((event) => "itemId" in event && event.itemId === itemId)
    const summary = own.map((event) => event._tag === "ItemStatusChanged" ? event.status : event._tag).join(" ")
    const last = own.at(-1)
    assert.isTrue(last?._tag === "ItemStatusChanged" && ItemState.isTerminal(last.status), summary)
    const first = own.findIndex((event) => "preparedId" in event)
    assert.isTrue(
      own.slice(0, first).some((event) => event._tag === "ItemStatusChanged" && event.status === "in_progress"),
      summary
    )
    for (const event of own.filter((event) => event._tag === "InvocationComplete")) {
      const same = own.filter((other) => "preparedId" in other && other.preparedId === event.preparedId)
      assert.strictEqual(same[0]?._tag, "InvocationStarted", summary)
      assert.strictEqual(same.at(-1), event, summary)
    }
  }
}

const results = (events: ReadonlyArray<JobEvent>) =>
  events.flatMap((event) => event._tag === "InvocationComplete" ? [`${event.itemIndex} ${event.nodeId}`] : [])
    .toSorted()

it.live("emits events in the same order over the socket, by polling, and after the program was blocked", () =>
  Effect.gen(function*() {
    const heard = yield* run(Effect.void).pipe(Effect.provide(client()))
    const polled = yield* run(Effect.void).pipe(Effect.provide(polling))
    const blocked = yield* run(Effect.andThen(Effect.sleep(20), block(3000))).pipe(Effect.provide(client()))
    for (const { events, result } of [heard, polled, blocked]) {
      assert.strictEqual(result.status, "completed")
      assertOrdered(events)
      assert.deepStrictEqual(results(events), results(heard.events))
    }
  }))
