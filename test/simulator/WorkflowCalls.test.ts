import { Simulator } from "@effect-invokeai/testing/Simulator"
import { assert, describe, it } from "@effect/vitest"
import * as Effect from "effect/Effect"
import { at, enqueue, graph, send, settle, valuesOf } from "./support.ts"

type Inputs = Readonly<Record<string, unknown>>

const node = (id: string, type: string, inputs: Inputs = {}) => ({
  id,
  type: "invocation",
  data: {
    id,
    type,
    useCache: false,
    isIntermediate: true,
    inputs: Object.fromEntries(Object.entries(inputs).map(([name, value]) => [name, { name, label: "", value }]))
  }
})

const edge = (text: string) => {
  const [from = "", to = ""] = text.split(" -> ")
  const [source, sourceHandle] = from.split(".")
  const [target, targetHandle] = to.split(".")
  return { id: text, type: "default", source, sourceHandle, target, targetHandle }
}

/** A workflow that returns `value` of its node `work` as `result`. */
const callee = (
  nodes: ReadonlyArray<ReturnType<typeof node>>,
  edges: ReadonlyArray<string> = [],
  exposed: ReadonlyArray<readonly [nodeId: string, fieldName: string]> = []
) => ({
  name: "callee",
  meta: { version: "4.0.0", category: "user" },
  exposedFields: exposed.map(([nodeId, fieldName]) => ({ nodeId, fieldName })),
  nodes: [...nodes, node("key", "workflow_return_value", { key: "result" }), node("end", "workflow_return")],
  edges: [...edges, "work.value -> key.value", "key.value -> end.values"].map(edge)
})

const sum = callee([node("work", "add", { a: 2, b: 3 })], [], [["work", "a"]])

/** Calls a workflow and takes what it returns; gives the finished item of the caller. */
const call = Effect.fnUntraced(function*(workflowId: string, workflow_inputs: Inputs = {}) {
  const { body } = yield* enqueue({
    graph: graph(
      {
        call: { type: "call_saved_workflow", workflow_id: workflowId, workflow_inputs },
        get: { type: "workflow_return_get", key: "result" }
      },
      "call.values -> get.values"
    )
  })
  yield* settle
  const { body: item } = yield* send("GET", `/api/v1/queue/default/i/${String(at(body, "item_ids", 0))}`)
  return item
})

const save = (workflow: Readonly<Record<string, unknown>>) =>
  Simulator.use((simulator) => simulator.addWorkflow(workflow))

const statuses = Effect.map(
  Simulator.use((simulator) => simulator.state),
  (state) => state.items.map((item) => item.status)
)

const test = (name: string, effect: Effect.Effect<void, unknown, Simulator>) =>
  it.effect(name, () => effect.pipe(Effect.provide(Simulator.layer())))

describe("a node that calls a saved workflow", () => {
  test(
    "runs it as its own queue item, with its inputs set, and returns its results",
    Effect.gen(function*() {
      const id = yield* save(sum)
      assert.deepStrictEqual(valuesOf(yield* call(id), "get"), [5])
      const item = yield* call(id, { "saved_workflow_input::work::a": 40 })
      assert.deepStrictEqual(valuesOf(item, "get"), [43])
      assert.deepStrictEqual(yield* statuses, ["completed", "completed", "completed", "completed"])
    })
  )

  test(
    "accepts connected inputs",
    Effect.gen(function*() {
      const id = yield* save(sum)
      yield* enqueue({
        graph: graph(
          {
            seven: { type: "integer", value: 7 },
            call: { type: "call_saved_workflow", workflow_id: id },
            get: { type: "workflow_return_get", key: "result" }
          },
          "seven.value -> call.saved_workflow_input::work::a",
          "call.values -> get.values"
        )
      })
      yield* settle
      const { body } = yield* send("GET", "/api/v1/queue/default/i/1")
      assert.deepStrictEqual(valuesOf(body, "get"), [10])
    })
  )

  test(
    "nests calls up to four deep",
    Effect.gen(function*() {
      let id = yield* save(sum)
      for (let depth = 2; depth <= 5; depth++) {
        id = yield* save(callee(
          [
            node("call", "call_saved_workflow", { workflow_id: id }),
            node("work", "workflow_return_get", { key: "result" })
          ],
          ["call.values -> work.values"]
        ))
        const item = yield* call(id)
        if (depth <= 4) assert.deepStrictEqual(valuesOf(item, "get"), [5])
        else assert.match(String(at(item, "error_message")), /^Maximum workflow call depth exceeded \(4\)/)
      }
    })
  )

  test(
    "runs each combination of the batch nodes, and returns lists",
    Effect.gen(function*() {
      const id = yield* save(callee(
        [node("numbers", "integer_batch", { integers: [1, 2, 3] }), node("work", "add", { b: 10 })],
        ["numbers.integers -> work.a"]
      ))
      const item = yield* call(id)
      assert.deepStrictEqual(valuesOf(item, "get"), [[11, 12, 13]])
      assert.lengthOf(yield* statuses, 4)
    })
  )

  test(
    "fails with a message that says why",
    Effect.gen(function*() {
      const id = yield* save(sum)
      const message = (item: unknown): string =>
        `${String(at(item, "error_type"))}: ${String(at(item, "error_message"))}`
      assert.strictEqual(
        message(yield* call(id, { "saved_workflow_input::work::b": 1 })),
        "InvalidWorkflowInputError: call_saved_workflow input 'saved_workflow_input::work::b' is not exposed by the " +
          "selected workflow"
      )
      assert.strictEqual(
        message(yield* call("")),
        "ValueError: A saved workflow must be selected before executing call_saved_workflow."
      )
      const endless = yield* save({ ...sum, nodes: sum.nodes.slice(0, 1), edges: [] })
      assert.strictEqual(
        message(yield* call(endless)),
        "UnsupportedWorkflowNodeError: call_saved_workflow requires the selected workflow to contain exactly one " +
          "workflow_return node"
      )
    })
  )

  test(
    "is canceled together with its calls, whichever of them is canceled",
    Effect.gen(function*() {
      const simulator = yield* Simulator
      const id = yield* save(sum)
      for (const offset of [0, 1]) {
        yield* simulator.setDurations({ node: "1 minute" })
        const { body } = yield* enqueue({
          graph: graph({ call: { type: "call_saved_workflow", workflow_id: id } })
        })
        const first = Number(at(body, "item_ids", 0))
        for (let turn = 0; turn < 20; turn++) yield* Effect.yieldNow
        assert.deepStrictEqual((yield* statuses).slice(-2), ["waiting", "in_progress"])
        yield* send("PUT", `/api/v1/queue/default/i/${first + offset}/cancel`)
        yield* simulator.restart()
        assert.deepStrictEqual((yield* statuses).slice(-2), ["canceled", "canceled"])
      }
    })
  )
})
