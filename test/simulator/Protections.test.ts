import * as Job from "@effect-invokeai/core/job/Job"
import * as Fault from "@effect-invokeai/testing/Fault"
import * as InvokeAiTest from "@effect-invokeai/testing/InvokeAiTest"
import { Simulator } from "@effect-invokeai/testing/Simulator"
import { assert, describe, it } from "@effect/vitest"
import * as Clock from "effect/Clock"
import * as Effect from "effect/Effect"
import * as Stream from "effect/Stream"
import { drive } from "../time.ts"
import { graph } from "./support.ts"

const batch = (value: ReturnType<typeof graph>): Job.JobBatch => ({
  graph: value,
  data: null,
  workflow: null,
  runs: 1,
  size: 1,
  nodes: new Map(Object.values(value.nodes).map((node) => [node.id, { label: "", type: node.type }]))
})

const sum = graph({ sum: { type: "add", a: 1, b: 2 } })

const node = (id: string, type: string, inputs: Readonly<Record<string, unknown>> = {}) => ({
  id,
  type: "invocation",
  data: {
    id,
    type,
    inputs: Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, { name, label: "", value }]))
  }
})

const callee = {
  name: "callee",
  nodes: [node("key", "workflow_return_value", { key: "result", value: 5 }), node("end", "workflow_return")],
  edges: [{ type: "default", source: "key", sourceHandle: "value", target: "end", targetHandle: "values" }]
}

describe("a job on the simulator", () => {
  it.effect("has the current state as soon as it has reconnected", () =>
    drive(
      Effect.gen(function*() {
        const simulator = yield* Simulator
        const job = yield* Job.submitBatch(batch(sum))
        yield* Effect.sleep("9 seconds")
        yield* simulator.disconnectSockets
        yield* Effect.sleep("2500 millis")
        const ended = yield* Clock.currentTimeMillis
        yield* job.await
        // the item ended 10 seconds after its start, and the connection came back 2 seconds after its loss
        assert.isBelow((yield* Clock.currentTimeMillis) - ended, 1000)
      }).pipe(
        Effect.scoped,
        Effect.provide(InvokeAiTest.layer({ nodeDuration: "10 seconds", reconnectDelay: "2 seconds" }))
      )
    ))

  it.effect("never returns to an earlier status, whatever order the events have", () =>
    Effect.gen(function*() {
      const order = ["pending", "in_progress", "waiting", "pending", "in_progress", "completed"]
      for (let nth = 1; nth <= 9; nth++) {
        for (const later of [1, 2, 3, 4]) {
          yield* drive(
            Effect.gen(function*() {
              const simulator = yield* Simulator
              const id = yield* simulator.addWorkflow(callee)
              const job = yield* Job.submitBatch(batch(graph(
                {
                  call: { type: "call_saved_workflow", workflow_id: id },
                  get: { type: "workflow_return_get", key: "result" }
                },
                "call.values -> get.values"
              )))
              const events = yield* Stream.runCollect(job.events)
              const { outputs } = yield* job.await
              assert.deepStrictEqual(outputs.all.flatMap((output) => output.data["value"] ?? []), [5])
              const statuses = events.flatMap((event) =>
                event._tag === "ItemStatusChanged" && event.itemId === 1 ? [event.status] : []
              )
              let at = 0
              for (const status of statuses) {
                at = order.indexOf(status, at)
                assert.isAtLeast(at, 0, `event ${nth}, ${later} later: ${statuses.join(", ")}`)
              }
            }).pipe(
              Effect.scoped,
              Effect.provide(InvokeAiTest.layer({
                nodeDuration: "200 millis",
                faults: [Fault.event({ name: "queue_item_status_changed", nth }, Fault.reorder(later))]
              }))
            )
          )
        }
      }
    }), { timeout: 60_000 })
})
